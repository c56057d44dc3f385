"""RIS, as reference managers and publishers' sites write it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import rispy

from notifier.sources.bibliographies.work import Bibliography, Unread, Work, work

_TITLES = ("title", "primary_title", "translated_title", "short_title")
_ABSTRACTS = ("abstract", "notes_abstract")
_AUTHORS = ("authors", "first_authors")
_NAMES = ("doi", "url", "urls", "accession_number", "custom7", "notes", "id")
# How a record begins and ends (RIS format specifications, "TY" and "ER").
_BEGIN, _END = re.compile(r"^\ufeff?TY {1,2}- ?", re.M), re.compile(r"^ER {1,2}-", re.M)


def read(text: str) -> Bibliography:
    """Return the works of an RIS file; a record that has no end goes to the next one's beginning.

    Source: https://en.wikipedia.org/wiki/RIS_(file_format); rispy's names of the tags.
    """
    works, unread = list[Work](), list[Unread]()
    for line, record in _records(text):
        try:
            found = rispy.loads(record)
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            unread.append(Unread(line, str(error).strip() or "no RIS"))
            continue
        made = _work(found[0], line) if found else None
        if made:
            works.append(made)
        else:
            unread.append(Unread(line, "no title and no id"))
    return Bibliography("ris", tuple(works), tuple(unread))


def _records(text: str) -> Iterator[tuple[int, str]]:
    """Each record, made whole, and the line where it begins."""
    begins = [found.start() for found in _BEGIN.finditer(text)]
    line, at = 1, 0
    for begin, end in zip(begins, [*begins[1:], len(text)], strict=True):
        line += text.count("\n", at, begin)
        at = begin
        body = text[begin:end].lstrip("\ufeff")
        if over := _END.search(body):
            body = body[: over.start()]
        yield line, f"{body.rstrip()}\nER  - \n"


def _work(record: dict[str, Any], line: int) -> Work | None:
    def first(names: tuple[str, ...]) -> object:
        return next((record[name] for name in names if record.get(name)), "")

    return work(
        line,
        title=first(_TITLES),
        abstract=first(_ABSTRACTS),
        authors=_listed(first(_AUTHORS)),
        keywords=_listed(record.get("keywords")),
        names=[name for names in _NAMES for name in _listed(record.get(names))],
    )


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value] if value else []
