"""arXiv's OAI-PMH service: everything that changed since a day, the way to make up for a gap.

Sources: https://info.arxiv.org/help/oa/index.html, https://github.com/arXiv/oaipmh (sets, formats,
2,000 records to an answer, tokens that live until midnight UTC) and
https://www.openarchives.org/OAI/openarchivesprotocol.html (errors, tokens, deleted records).
We ask for arXivRaw, which tells the versions; files in the formats arXiv and oai_dc are read, too.
A document with a DOCTYPE is refused, so no entity is ever expanded. One that breaks off gives the
records that were whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from notifier import errors
from notifier.papers.paper import Batch, Problem
from notifier.papers.text import one_line
from notifier.sources.arxiv_record import categories, label, read_record, written_date
from notifier.sources.freshness import part_of
from notifier.sources.reading import read_each
from notifier.sources.source import Request

OAI = "https://oaipmh.arxiv.org/oai"
_PHYSICS = (
    *("astro-ph", "cond-mat", "gr-qc", "hep-ex", "hep-lat", "hep-ph", "hep-th", "math-ph"),
    *("nlin", "nucl-ex", "nucl-th", "physics", "quant-ph"),
)
_ROOT = re.compile(
    rb"(?>\xef\xbb\xbf|\s|<\?[^>]*>|<!--.*?-->)*+"
    rb"<(?:!doctype\s+)?(?:[\w.-]+:)?(?:OAI-PMH|ListRecords|GetRecord|record)[\s/>\[]",
    re.I | re.S,
)
_OTHER_ENCODING = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"'](?!utf-?8[\"'])", re.I)
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_CURES = {  # of the errors that a second try would bring again
    "badArgument": "check the category",
    "badVerb": "check the address",
    "cannotDisseminateFormat": "check the address",
    "idDoesNotExist": "check the id",
    "noMetadataFormats": "check the id",
    "noSetHierarchy": "check the address",
}
_LOST_PLACE = "the list has changed, or its token has run out: ask again from the beginning"
_LONGEST_SAID = 150


def set_of(category: str) -> str:
    """Return the set of a category or archive: `cs:cs:AI`, `physics:hep-th`, `cs:cs`."""
    archive = archive_of(category)
    group = "physics" if archive in _PHYSICS else archive
    return f"{group}:{category.replace('.', ':', 1)}"


def archive_of(category: str) -> str:
    """Return the archive that a category belongs to."""
    return category.partition(".")[0]


def changes(
    base: str,
    category: str,
    *,
    parts: tuple[str, ...],
    since: datetime,
    instead: tuple[Request, ...],
) -> Request:
    """Ask for every record of a category or archive that changed since that day, in UTC.

    Without `until`, which would lose what changes while the list is read.
    """
    asked = {
        "verb": "ListRecords",
        "metadataPrefix": "arXivRaw",
        "set": set_of(category),
        "from": f"{since.astimezone(UTC):%Y-%m-%d}",
    }
    url = f"{base}?{urlencode(asked, safe=':')}"
    return Request(url, parts, since=since, instead=instead, when="failed")


def is_answer(body: bytes) -> bool:
    """Return whether a document is of OAI-PMH: a whole answer, or a record that was saved."""
    return _ROOT.match(body) is not None


def read(body: bytes, *, now: datetime, asked: Request) -> Batch:
    """Return the papers of an answer; of the set of an archive only those of the parts asked for.

    Raises:
        SourceError: an error of the protocol, a DOCTYPE, or nothing whole.
    """
    found, defect = _parsed(body)
    if not found.records:
        _check_empty(found, defect)
    wanted = [record for record in found.records if _belongs(record, asked.parts)]
    batch = read_each(
        wanted,
        lambda record: read_record(record, now=now, asked=asked),
        label=label,
        date=written_date,
        defect=f"the document is broken: {defect}" if defect else None,
    )
    return _continued(batch, found, asked)


class _Answer(ElementTree.TreeBuilder):
    """Collects records, errors and the token as they end; what breaks off later takes none back."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Element] = []
        self.errors: list[Element] = []
        self.token: Element | None = None
        self.is_list = False
        self._depth = 0  # of records within records

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise errors.SourceError(
            "the document declares a DOCTYPE, which no answer of arXiv does - check the file"
        )

    def start(self, tag: Any, attributes: Any, /) -> Element:
        self._depth += _is(tag, "record")
        self.is_list |= _is(tag, "record", "ListRecords", "GetRecord")
        return super().start(tag, attributes)

    def end(self, tag: Any, /) -> Element:
        element = super().end(tag)
        self._depth -= _is(tag, "record")
        if self._depth:
            return element
        if _is(tag, "record"):
            self.records.append(element)
        elif _is(tag, "error"):
            self.errors.append(element)
        elif _is(tag, "resumptionToken"):
            self.token = element
        return element


def _is(tag: str, *names: str) -> bool:
    return tag.rpartition("}")[2] in names


def _parsed(body: bytes) -> tuple[_Answer, str | None]:
    """Return what is whole of the document, and why it ends early if it does."""
    answer = _Answer()
    parser = ElementTree.XMLParser(target=answer)  # noqa: S314  no entities: DOCTYPE is refused
    try:
        parser.feed(_clean(body))
        parser.close()
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # the last two: encodings
        return answer, one_line(str(error))[:_LONGEST_SAID]
    return answer, None


def _clean(body: bytes) -> bytes:
    """Replace the bytes that make UTF-8 no XML: one of them would cost all records behind it."""
    body = body.lstrip()
    if _OTHER_ENCODING.match(body):
        return body
    return _NO_XML.sub("\ufffd", body.decode("utf-8", "replace")).encode()


def _check_empty(found: _Answer, defect: str | None) -> None:
    """Return if it is right that there are no records.

    Raises:
        SourceError: there is something wrong.
    """
    for error in found.errors:
        code = error.get("code") or "error"
        if code == "noRecordsMatch":
            return
        said = one_line("".join(error.itertext()))[:_LONGEST_SAID] or "no reason given"
        cure = _LOST_PLACE if code == "badResumptionToken" else _CURES.get(code, "try again later")
        raise errors.SourceError(
            f"arXiv's OAI-PMH answered: {said} ({one_line(code)[:40]}) - {cure}",
            refused=code in _CURES,
        )
    if defect:
        raise errors.SourceError(f"broken before its first record: {defect} - try again later")
    if not found.is_list:
        raise errors.SourceError("an OAI-PMH answer without records - ask it for ListRecords")


def _belongs(record: Element, parts: Iterable[str]) -> bool:
    named = categories(record)
    return not named or bool(part_of(named, tuple(parts)))


def _continued(batch: Batch, found: _Answer, asked: Request) -> Batch:
    """Return the batch with its total and the address that goes on, if somebody asked for it."""
    if found.token is None:
        return batch
    size, token = found.token.get("completeListSize") or "", (found.token.text or "").strip()
    batch = replace(batch, total=int(size) if re.fullmatch(r"[0-9]{1,9}", size) else None)
    if not token or not asked.url:
        return batch
    query = urlencode({"verb": "ListRecords", "resumptionToken": token})
    following = f"{asked.url.partition('?')[0]}?{query}"
    if following == asked.url or not found.records:
        problem = Problem("-", "the list does not go on: the rest is missing - ask again later")
        return replace(batch, problems=(*batch.problems, problem))
    return replace(batch, following=(following,))
