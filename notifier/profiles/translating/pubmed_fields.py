"""PubMed's field tags: which field of a rule each one is, or why it is none.

Pure. Tags and long names as in PubMed's user guide; they are compared in small letters.
"""

from __future__ import annotations

from dataclasses import dataclass

from notifier.profiles.parser import Where


@dataclass(frozen=True, slots=True)
class Field:
    """What a tag asks for: a field of a rule (`where`), or none (`why` tells the reason).

    `how`: what is different here, to be noted. `is_heading`: an indexer's heading, not words of
    the paper.
    """

    where: Where | None
    why: str = ""
    how: str = ""
    is_heading: bool = False


_TEXT, _TITLE, _ABSTRACT = Field("text"), Field("title"), Field("abstract")
_AUTHOR = Field("author")
_HEADING = Field(
    "text", how="looked for as words of the paper; headings below it are not included",
    is_heading=True,
)  # fmt: skip
_DATE = Field(None, "dates are not looked for: a digest brings what is new")
_LANGUAGE = Field(None, "languages are not looked for")
_TYPE = Field(None, "publication types are not looked for")
_JOURNAL = Field(None, "journals are not looked for (source: in a rule names a feed)")
_FILTER = Field(None, "PubMed's filters are not known here")
_NUMBER = Field(None, "numbers of papers, grants and issues are not looked for")
_NAMES: dict[Field, tuple[str, ...]] = {
    _TEXT: ("tiab", "title/abstract", "tw", "text word", "text words", "all", "all fields"),
    _TITLE: ("ti", "title", "tt", "transliterated title"),
    _ABSTRACT: ("ab", "abstract"),
    _AUTHOR: ("au", "author", "author name", "fau", "full author name", "ir", "investigator"),
    Field("author", how="any author: the place in the list is not looked at"): (
        "1au", "author - first", "first author name", "lastau", "author - last",
        "last author name",
    ),
    Field("org", how="known only where a source names the organisation"): ("ad", "affiliation"),
    _HEADING: ("mh", "mesh", "mesh terms", "mesh term", "majr", "mesh major topic", "nm",
               "supplementary concept", "substance name", "pa", "pharmacological action"),
    Field("text", how="the authors' keywords: looked for as words of the paper"): (
        "ot", "other term", "other terms",
    ),
    _DATE: ("dp", "pdat", "date - publication", "publication date", "edat", "date - entry",
            "entrez date", "entry date", "crdt", "date - create", "create date", "mhda",
            "date - mesh", "mesh date", "lr", "date - modification", "modification date", "dcom",
            "date - completion", "completion date", "epdat", "ppdat"),
    _LANGUAGE: ("la", "lang", "language"),
    _TYPE: ("pt", "ptyp", "publication type"),
    _JOURNAL: ("ta", "jour", "journal", "jid", "nlm unique id", "is", "issn"),
    _FILTER: ("sb", "subset", "filter", "subsets"),
    _NUMBER: ("pmid", "uid", "aid", "lid", "location id", "doi", "gr", "grant number",
              "grants and funding", "vi", "volume", "ip", "issue", "pg", "pagination", "si",
              "secondary source id", "auid", "author - identifier", "rn", "ec/rn number", "isbn"),
    Field(None, "MeSH subheadings are not known here"): ("sh", "mesh subheading", "subheading"),
}  # fmt: skip
FIELDS = {name: field for field, names in _NAMES.items() for name in names}


def find(tag: str) -> Field:
    """Return what the tag between the brackets asks for."""
    name = " ".join(tag.lower().split())
    return FIELDS.get(name) or Field(None, f"the field [{name}] has no counterpart")


def is_known(tag: str) -> bool:
    """Return whether PubMed has a field of that name."""
    return " ".join(tag.lower().split()) in FIELDS
