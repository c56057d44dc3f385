"""Which kind of query or list a text is, and its translation.

Pure. A kind is only guessed where nothing else is likely.
"""

from __future__ import annotations

import re
from enum import StrEnum

from notifier.profiles.translating import pubmed_fields, query_pubmed, query_scholar, word_list
from notifier.profiles.translating.translation import Translation


class Kind(StrEnum):
    """What a source of profiles is."""

    toml = "toml"
    words = "words"
    scholar = "scholar"
    pubmed = "pubmed"


SAID = {
    Kind.toml: "a file of profiles",
    Kind.words: "a list of words",
    Kind.scholar: "Google Scholar queries",
    Kind.pubmed: "PubMed queries",
}
_TOML = re.compile(r"^[ \t]*\[\[profile\]\]", re.M)
_TAG = re.compile(r"\[([^\[\]:\n]{2,40})(?::[^\[\]\n]{1,20})?\]")
_SCHOLAR = re.compile(r"\b(?:all)?in(?:title|text):\S|\ballin(?:title|text):|\bAROUND ?\(\d")
# What a list of words has no use for: operators, parentheses, fields, exclusions.
_SIGN = re.compile(r"\b(?:AND|OR|NOT)\b|[()|^~\[\]]|(?<!\S)[+-]|(?<=[^\W\d]):")
_REMARKS = re.compile(r"(?<!\S)#.*$|^[ \t]*(?:[-*•·–]|\d{1,3}[.)])\s", re.M)


def guess(file_name: str, text: str) -> Kind | None:
    """Return the kind of a text, or None where it is not plain."""
    if file_name.lower().endswith(".toml") or _TOML.search(text):
        return Kind.toml
    if any(pubmed_fields.is_known(tag) for tag in _TAG.findall(text)):
        return Kind.pubmed
    if _SCHOLAR.search(text):
        return Kind.scholar
    return None if _SIGN.search(_REMARKS.sub("", text)) else Kind.words


def translate(kind: Kind, text: str) -> Translation:
    """Return the rules of a text of any kind but TOML, which holds rules already."""
    match kind:
        case Kind.words:
            return word_list.translate(text)
        case Kind.scholar:
            return query_scholar.translate(text)
        case Kind.pubmed:
            return query_pubmed.translate(text)
        case Kind.toml:
            raise ValueError("TOML is read by notifier.profiles.translating.portable")
