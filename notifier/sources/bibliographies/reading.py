"""What a file of works is, and what stands in it: the form is seen from the first lines."""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE

from notifier import errors
from notifier.papers import identity
from notifier.papers.identity import Alias
from notifier.sources.bibliographies import bibtex, csl, ris
from notifier.sources.bibliographies.work import KINDS, Bibliography, Kind, Unread, Work

# What a file may hold: a library of 50,000 works with their abstracts has some 80 MB.
MOST_BYTES = 100_000_000
_BIBTEX = re.compile(r"^\s*@\s*[A-Za-z]+\s*[{(]", re.M)
_RIS = re.compile(r"^\ufeff?TY {1,2}- ?\w", re.M)
_SEPARATOR = re.compile(r"[\s,;]+")
_COMMENT = re.compile(r"\s*[#%]")


def read(content: bytes, kind: Kind | None = None) -> Bibliography:
    """Return what a file of works says.

    Args:
        content: In UTF-8, UTF-16 with a mark, or else taken for Windows-1252, as old files are.
        kind: What it is; None: seen from what stands in it.
    Raises:
        UsageError: it is none of the forms, or not the one named, or too large.
    """
    if len(content) > MOST_BYTES:
        raise errors.UsageError(
            f"the file is larger than {MOST_BYTES // 1_000_000} MB - give a part of it"
        )
    text = decoded(content)
    kind = kind or sniffed(text)
    if kind is None:
        raise errors.UsageError(
            "this is neither BibTeX, RIS, CSL JSON nor a list of arXiv ids and DOIs - "
            f"name its form with --as ({', '.join(KINDS)})"
        )
    try:
        return {"bibtex": bibtex.read, "ris": ris.read, "csl": csl.read, "ids": ids}[kind](text)
    except (ValueError, RecursionError) as error:
        raise errors.UsageError(f"this is no {kind}: {error} - name another form") from error


def decoded(content: bytes) -> str:
    """Return a file's text; no byte makes it fail."""
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return content.decode("utf-16", "replace").replace("\x00", "")
    bare = content.removeprefix(BOM_UTF8)
    try:
        return bare.decode().replace("\x00", "")
    except UnicodeDecodeError:
        return bare.decode("cp1252", "replace").replace("\x00", "")


def sniffed(text: str) -> Kind | None:
    """Return what a text is, or None."""
    if text.lstrip()[:1] in ("[", "{") and text.lstrip()[:1]:
        return "csl"
    if _RIS.search(text):
        return "ris"
    if _BIBTEX.search(text):
        return "bibtex"
    return "ids" if ids(text).works else None


def ids(text: str) -> Bibliography:
    """Return the papers that a list names: one or more ids, DOIs or addresses on a line."""
    works, unread, seen = list[Work](), list[Unread](), set[Alias]()
    for number, line in enumerate(text.splitlines(), 1):
        if _COMMENT.match(line):
            continue
        for name in filter(None, _SEPARATOR.split(line)):
            found = identity.parse(name)
            if found is None:
                unread.append(Unread(number, f'"{name[:60]}" is no arXiv id, DOI or PubMed id'))
            elif found[0] not in seen:
                seen.add(found[0])
                works.append(Work(number, aliases=(found[0],)))
    return Bibliography("ids", tuple(works), tuple(unread))
