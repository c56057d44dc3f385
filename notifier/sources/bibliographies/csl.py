"""CSL JSON, as Zotero and other programs export it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from notifier.sources.bibliographies.work import Bibliography, Unread, Work, work

_NAMES = ("DOI", "URL", "PMID", "PMCID", "number", "archive_location", "note")


def read(text: str) -> Bibliography:
    """Return the works of a CSL JSON file: a list of items, or one item.

    Raises:
        ValueError: it is no JSON, or neither of these.
    Source: https://github.com/citation-style-language/schema (csl-data.json).
    """
    found = json.loads(text)
    if isinstance(found, dict):
        found = found.get("items", [found])
    if not isinstance(found, list):
        raise ValueError("no list of items")
    works, unread = list[Work](), list[Unread]()
    for number, item in enumerate(found, 1):
        made = _work(item, number) if isinstance(item, dict) else None
        if made:
            works.append(made)
        else:
            unread.append(Unread(number, "this item has no title and no id"))
    return Bibliography("csl", tuple(works), tuple(unread))


def _work(item: dict[str, Any], number: int) -> Work | None:
    return work(
        number,
        title=item.get("title"),
        abstract=item.get("abstract"),
        authors=_people(item.get("author")),
        keywords=_listed(item.get("keyword")),
        names=_named(item),
    )


def _named(item: dict[str, Any]) -> Iterator[object]:
    for name in _NAMES:
        value = item.get(name)
        if name == "note" and isinstance(value, str):  # Zotero: "arXiv: 2508.12345" on lines
            yield from (line.partition(":")[2].strip() or line for line in value.splitlines())
        elif name == "PMID" and value:
            yield f"PMID: {value}"
        else:
            yield value


def _people(written: object) -> Iterator[str]:
    for one in written if isinstance(written, list) else ():
        if isinstance(one, dict):
            parts = (one.get("given"), one.get("non-dropping-particle"), one.get("family"))
            name = " ".join(part for part in parts if isinstance(part, str))
            literal = one.get("literal")
            yield name or (literal if isinstance(literal, str) else "")


def _listed(written: object) -> list[object]:
    if isinstance(written, list):
        return written
    return written.replace(";", ",").split(",") if isinstance(written, str) else []  # type: ignore[return-value]
