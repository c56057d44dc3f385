# NOTE from the lead to the arXiv helper: I overwrote your version of this file at 14:03 by mistake.
# Please write yours again over this one (your arxiv_api/paper/record modules are untouched).
"""arXiv's OAI-PMH answers to entries: what was made or changed since a day, page by page.

Pure. Sources: https://www.openarchives.org/OAI/openarchivesprotocol.html (2.0),
https://info.arxiv.org/help/oa (formats arXivRaw, arXiv, oai_dc). A broken record costs itself; a
document that is cut off gives the records before the cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from notifier import errors
from notifier.papers.text import one_line

_START = re.compile(
    rb"(?:\xef\xbb\xbf|\s|<\?.*?\?>|<!--.*?-->)*<(?:[\w.-]+:)?(?:OAI-PMH|record)\b", re.S
)
_GROUPS = ("cs", "econ", "eess", "math", "q-bio", "q-fin", "stat")  # all others are physics
# A request with one of these codes is wrong however often it is asked.
_REFUSED = ("badArgument", "badVerb", "cannotDisseminateFormat", "noSetHierarchy", "idDoesNotExist")
_CHUNK = 1 << 16


@dataclass(slots=True)
class Record:
    """One record as it is written; `versions` holds (number, date, source type), oldest first.

    `versions` is empty where the format does not tell; then `created` and `updated` are dates of
    the first and the newest version.
    """

    identifier: str = ""
    deleted: bool = False
    versions: list[tuple[int, str, str]] = field(default_factory=list)
    created: str = ""
    updated: str = ""
    title: str = ""
    abstract: str = ""
    authors: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    journal: str = ""
    comment: str = ""
    dois: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: its records, where it goes on, of how many in all, and what was broken."""

    records: list[Record]
    token: str | None = None
    total: int | None = None
    defect: str | None = None


def is_answer(body: bytes) -> bool:
    """Return whether `body` is an OAI-PMH answer, or a record of one."""
    return _START.match(body) is not None


def set_of(category: str) -> str:
    """Return the set that holds a category or archive: `cs:cs:CL`, `physics:hep-th`, `math:math`."""
    archive, _, subject = category.partition(".")
    group = archive if archive in _GROUPS else "physics"
    if not subject:
        return archive if archive in _GROUPS else f"physics:{archive}"
    return f"{group}:{archive}:{subject}"


def parse(body: bytes) -> Page:
    """Return what an answer holds.

    Raises:
        SourceError: an OAI-PMH error, or no record before the document breaks off.
    """
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise errors.SourceError("the answer declares entities, which OAI-PMH does not need")
    records: list[Record] = []
    token, total, defect = None, None, None
    try:
        for element in _elements(body):
            name = _name(element)
            if name == "record":
                records.append(_record(element))
                element.clear()
            elif name == "error":
                _refuse(element)
            elif name == "resumptionToken":
                token = _text(element) or None
                size = element.get("completeListSize", "")
                total = int(size) if size.isdecimal() else None
    except ParseError as error:
        defect = f"the document is broken: {one_line(str(error))}"
        if not records:
            raise errors.SourceError(f"{defect} - try again later") from error
    return Page(records, token, total, defect)


def _elements(body: bytes) -> Iterator[Element]:
    parser = XMLPullParser(("end",))
    for start in range(0, len(body), _CHUNK):
        parser.feed(body[start : start + _CHUNK])
        for _, element in parser.read_events():
            assert isinstance(element, Element)  # noqa: S101  what "end" events hold
            yield element
    parser.close()
    for _, element in parser.read_events():
        assert isinstance(element, Element)  # noqa: S101
        yield element


def _refuse(error: Element) -> None:
    """Raise what the service says; that nothing has changed is no error."""
    code = error.get("code", "")
    if code != "noRecordsMatch":
        said = one_line(f"{code}: {_text(error)}")
        raise errors.SourceError(
            f"OAI-PMH answered: {said} - try again later", refused=code in _REFUSED
        )


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _text(element: Element | None) -> str:
    return "" if element is None else "".join(element.itertext()).strip()


def _record(element: Element) -> Record:
    record = Record()
    for part in element.iter():
        name = _name(part)
        if name == "header":
            record.deleted = part.get("status") == "deleted"
        elif name == "identifier" and not record.identifier:
            record.identifier = _text(part)
        elif name in ("arXivRaw", "arXiv"):
            _read_arxiv(record, part)
        elif name == "dc":
            _read_dublin_core(record, part)
    return record


def _read_arxiv(record: Record, metadata: Element) -> None:
    texts = {_name(child): _text(child) for child in metadata}
    record.identifier = texts.get("id") or record.identifier
    record.title, record.abstract = texts.get("title", ""), texts.get("abstract", "")
    record.created, record.updated = texts.get("created", ""), texts.get("updated", "")
    record.categories = texts.get("categories", "").split()
    record.journal, record.comment = texts.get("journal-ref", ""), texts.get("comments", "")
    record.dois = re.split(r"[\s,;]+", texts.get("doi", ""))
    for child in metadata:
        if _name(child) == "version":
            record.versions.append(_version(child))
        elif _name(child) == "authors":
            named = [_author(author) for author in child if _name(author) == "author"]
            record.authors = named or [_text(child)]


def _version(element: Element) -> tuple[int, str, str]:
    texts = {_name(child): _text(child) for child in element}
    number = element.get("version", "").removeprefix("v")
    return (
        int(number) if number.isdecimal() else 1,
        texts.get("date", ""),
        texts.get("source_type", ""),
    )


def _author(element: Element) -> str:
    texts = {_name(child): _text(child) for child in element}
    parts = (texts.get(name, "") for name in ("forenames", "keyname", "suffix"))
    return " ".join(part for part in parts if part)


def _read_dublin_core(record: Record, metadata: Element) -> None:
    found: dict[str, list[str]] = {}
    for child in metadata:
        found.setdefault(_name(child), []).append(_text(child))
    record.title = next(iter(found.get("title", [])), "")
    record.authors = [_given_first(name) for name in found.get("creator", [])]
    texts = found.get("description", [])
    record.abstract = next((t for t in texts if not t.startswith("Comment:")), "")
    comments = [t.removeprefix("Comment:").strip() for t in texts if t.startswith("Comment:")]
    record.comment = next(iter(comments), "")
    record.dois = [i for i in found.get("identifier", []) if i.lower().startswith("doi:")]
    dates = sorted(found.get("date", []))
    record.created, record.updated = (dates[0], dates[-1]) if dates else ("", "")
    if len(dates) == 1:
        record.updated = ""


def _given_first(name: str) -> str:
    family, comma, given = name.partition(",")
    return f"{given.strip()} {family.strip()}" if comma and given.strip() else name


def moment(written: str) -> datetime | None:
    """Return a date of a record (`2016-01-13`, or `Mon, 2 Apr 2007 19:18:42 GMT`) in UTC."""
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        try:
            found = parsedate_to_datetime(written)
        except (ValueError, TypeError):
            return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
