"""One record of arXiv's OAI-PMH service, in the formats arXivRaw, arXiv and oai_dc.

Elements are known by their local names: saved records have lost their namespaces now and then.
Source: http://arxiv.org/OAI/arXivRaw.xsd, http://arxiv.org/OAI/arXiv.xsd and
http://www.openarchives.org/OAI/2.0/oai_dc.xsd.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from xml.etree.ElementTree import Element

from notifier.papers import identity
from notifier.papers.identity import Alias
from notifier.papers.paper import Entry
from notifier.papers.text import one_line
from notifier.sources import arxiv_paper, cleaning
from notifier.sources.feed import required_title
from notifier.sources.reading import Rejected
from notifier.sources.source import Request

_VERSION = re.compile(r"v?([1-9][0-9]{0,2})")
_DC_COMMENT = re.compile(r"\s*Comments?:\s*", re.I)
# "A (1), B (2 and 3) ((1) Here, (2) There)": numbers of places, and the list of them at the end
_NUMBERS = re.compile(r" ?\(\d+(?: ?(?:,|and|&) ?\d+)*\)")
_WITHDRAWN_FLAG = "I"  # among the letters of a version's source_type


def read_record(record: Element, *, now: datetime, asked: Request) -> Entry:
    """Return the paper of one record.

    Raises:
        Rejected: it was deleted, or has no arXiv id or no title.
    """
    header, paper = _child(record, "header"), _metadata(record)
    if header is not None and header.get("status") == "deleted":
        raise Rejected("arXiv has deleted the record and tells nothing more of the paper")
    if paper is None:
        raise Rejected("no metadata in the record")
    alias = _alias(record)
    title, source_title = required_title(_text(paper, "title"))
    abstract, source_abstract = cleaning.shown_and_source(_abstract(paper))
    comment, version = _comment(paper), _version(paper)
    dates = [cleaning.believable(arxiv_paper.date(written), now=now) for written in _dates(paper)]
    first, newest = (dates[0], dates[-1]) if dates else (None, None)
    return Entry(
        aliases=(alias, *arxiv_paper.dois(_doi(paper))),
        title=title,
        source_title=source_title,
        abstract=abstract,
        source_abstract=source_abstract,
        authors=_authors(paper),
        categories=categories(record),
        journal=_journal(paper),
        comment=comment,
        version=version,
        published_at=first,
        announce=arxiv_paper.announced(alias, version, first=first, newest=newest, asked=asked),
        urls=identity.urls(alias, version),
        withdrawn=_is_notice(paper) or arxiv_paper.is_withdrawn(comment, abstract),
    )


def label(record: Element) -> str:
    """Return what the record calls itself."""
    return next(_written_ids(record), "")


def written_date(record: Element) -> str:
    """Return the date of the first version as it is written."""
    paper = _metadata(record)
    return next(iter(_dates(paper)), "") if paper is not None else ""


def categories(record: Element) -> tuple[str, ...]:
    """Return the categories, the first one first; by the sets where the format has none."""
    paper = _metadata(record)
    named = _text(paper, "categories").split() if paper is not None else []
    header = _child(record, "header")
    if not named and header is not None:
        named = [_category(one_line(spec)) for spec in _texts(header, "setSpec")]
    return tuple(dict.fromkeys(name for name in named if name))


def _category(spec: str) -> str:
    """`cs:cs:AI` is cs.AI, `physics:hep-th` hep-th; of old, `math` was all there was."""
    group, _, rest = spec.partition(":")
    return (rest or group).replace(":", ".")


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _child(element: Element, name: str) -> Element | None:
    return next((child for child in element if _local(child) == name), None)


def _texts(element: Element, name: str) -> list[str]:
    found = ("".join(child.itertext()) for child in element if _local(child) == name)
    return [text for text in found if text.strip()]


def _text(element: Element, name: str) -> str:
    return next(iter(_texts(element, name)), "")


def _metadata(record: Element) -> Element | None:
    metadata = _child(record, "metadata")
    return next(iter(metadata), None) if metadata is not None else None


def _written_ids(record: Element) -> Iterator[str]:
    for part, name in ((_child(record, "header"), "identifier"), (_metadata(record), "id")):
        if part is not None:
            yield from map(one_line, _texts(part, name))
    if (paper := _metadata(record)) is not None:
        yield from map(one_line, _texts(paper, "identifier"))


def _alias(record: Element) -> Alias:
    for written in _written_ids(record):
        found = identity.parse(written)
        if found and found[0].scheme == "arxiv":
            return found[0]
    raise Rejected("no arXiv id")


def _version(paper: Element) -> int | None:
    written = (child.get("version") or "" for child in paper if _local(child) == "version")
    numbers = [int(found[1]) for text in written if (found := _VERSION.fullmatch(text.strip()))]
    return max(numbers, default=None)


def _is_notice(paper: Element) -> bool:
    """Return whether the newest version is a mere notice that the paper was withdrawn."""
    versions = [child for child in paper if _local(child) == "version"]
    return bool(versions) and _WITHDRAWN_FLAG in _text(versions[-1], "source_type")


def _dates(paper: Element) -> list[str]:
    """Return the dates of the versions as written: of all, or of the first and the newest."""
    versions = [child for child in paper if _local(child) == "version"]
    found = [_text(version, "date") for version in versions]
    found = found or [_text(paper, "created"), _text(paper, "updated")]
    found = [one_line(date) for date in found if date]
    return found or [one_line(date) for date in _texts(paper, "date")]


def _abstract(paper: Element) -> str:
    return _text(paper, "abstract") or _text(paper, "description")


def _comment(paper: Element) -> str | None:
    further = [_DC_COMMENT.sub("", text, count=1) for text in _texts(paper, "description")[1:]]
    return cleaning.plain(_text(paper, "comments") or next(iter(further), "")) or None


def _doi(paper: Element) -> str:
    listed = [text for text in _texts(paper, "identifier") if one_line(text).startswith("doi:")]
    return " ".join([*_texts(paper, "doi"), *listed])


def _journal(paper: Element) -> str | None:
    listed = (one_line(text) for text in _texts(paper, "identifier"))
    cited = (text for text in listed if not text.startswith(("doi:", "http:", "https:")))
    return cleaning.plain(_text(paper, "journal-ref") or next(cited, "")) or None


def _authors(paper: Element) -> tuple[str, ...]:
    listed = _child(paper, "authors")
    if listed is None:
        return cleaning.people([_turned(name) for name in _texts(paper, "creator")])
    single = [_name(child) for child in listed if _local(child) == "author"]
    if single:
        return cleaning.people(single)
    return cleaning.people([_without_places(one_line(_text(paper, "authors")))], always_split=True)


def _without_places(names: str) -> str:
    before, listed, places = names.partition("((")
    return _NUMBERS.sub("", before if listed and places.endswith(")") else names)


def _name(author: Element) -> str:
    return " ".join(_text(author, part) for part in ("forenames", "keyname", "suffix")).strip()


def _turned(name: str) -> str:
    """`Family, Given` the way round in which every other answer has it."""
    family, _, given = one_line(name).partition(", ")
    return f"{given} {family}".strip()
