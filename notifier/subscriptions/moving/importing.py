"""A file of people into the database: some at a time, each lot in a transaction of its own.

So a long file holds nobody up for long, and one that was broken off goes on where it was when it is
read again. A dry run does all of it and undoes each lot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import chain, islice
from typing import Any, TypeVar

from sqlalchemy import Connection

from notifier.storage import store_news
from notifier.storage.database import Database
from notifier.subscriptions.due import Planning
from notifier.subscriptions.moving import exported, lines
from notifier.subscriptions.moving.lists import Lists, ListWishes
from notifier.subscriptions.moving.people import People, Wishes
from notifier.subscriptions.moving.told import Rejected, Told

_RECORDS, _ENTRIES = 50, 500  # in a transaction
RECORD_BYTES = 200_000_000

_SAID = re.compile(r"\S")

_Item = TypeVar("_Item")


class _Undone(Exception):
    """Rolls a lot back."""


class Importing:
    """Takes files in. `max_papers`: of who comes without a wish for it."""

    def __init__(self, database: Database, planning: Planning, max_papers: int) -> None:
        self._database, self._planning, self._max_papers = database, planning, max_papers

    def has_papers(self) -> bool:
        """Whether any paper was ever taken in: before that, all that comes would be new to all."""
        with self._database.reading() as conn:
            return store_news.arrival(conn) > 0

    def exports(
        self, raw: Iterable[bytes], wishes: Wishes, told: Told, *, now: datetime, dry_run: bool
    ) -> None:
        """Take in what `subscriber export` wrote: one record, or one on each line."""
        people = People(self._planning, self._max_papers, wishes, told)

        def take(conn: Connection, lot: list[tuple[str, Any]]) -> None:
            for where, value in lot:
                try:
                    moved = exported.read(value, partial(_complain, told, where))
                except Rejected as error:
                    told.refuse(where, error)
                else:
                    people.take(conn, moved, where=where, now=now)

        self._in_lots(_records(raw, told), _RECORDS, take, dry_run=dry_run)

    def lists(
        self, raw: Iterable[bytes], wishes: ListWishes, told: Told, *, now: datetime, dry_run: bool
    ) -> None:
        """Take in the list of another program."""
        taking = Lists(self._planning, wishes, told)
        take = partial(taking.take, now=now)
        self._in_lots(lines.entries(raw), _ENTRIES, take, dry_run=dry_run)

    def _in_lots(
        self, items: Iterator[_Item], size: int, take: Callable[[Connection, list[_Item]], None],
        *, dry_run: bool,
    ) -> None:  # fmt: skip
        while lot := list(islice(items, size)):
            with suppress(_Undone), self._database.writing() as conn:
                take(conn, lot)
                if dry_run:
                    raise _Undone


def _each(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A record, or those of a list."""
    if not isinstance(value, list):
        yield where, value
        return
    for number, one in enumerate(value, 1):
        yield f"{where}, number {number}", one


def _complain(told: Told, where: str, what: str) -> None:
    told.care(f"{where}: {what}")


def _records(raw: Iterable[bytes], told: Told) -> Iterator[tuple[str, Any]]:
    """The records of a file, and where each stands; lines that are none are told of."""
    waiting = ((n, line) for n, line in enumerate(raw, 1) if not lines.is_silent(line))
    first = next(waiting, (1, b""))
    try:
        yield from _each(f"line {first[0]}", json.loads(lines.text_of(first[1])))
    except (ValueError, RecursionError):
        yield from _whole((line for _, line in chain([first], waiting)), told)
        return
    for number, line in waiting:
        try:
            yield from _each(f"line {number}", json.loads(lines.text_of(line)))
        except (ValueError, RecursionError) as error:
            told.refuse(f"line {number}", f"it is no JSON: {error}")


def _whole(raw: Iterable[bytes], told: Told) -> Iterator[tuple[str, Any]]:
    """A file of records on many lines each, one behind the other."""
    parts: list[bytes] = []
    size = 0
    for line in raw:
        parts.append(line)
        size += len(line)
        if size > RECORD_BYTES:
            told.refuse("the file", f"it is no record: it has more than {RECORD_BYTES:,} bytes")
            return
    number = 1
    try:
        text, at = lines.text_of(b"".join(parts)), 0
        while more := _SAID.search(text, at):
            value, at = json.JSONDecoder().raw_decode(text, more.start())
            yield from _each(f"record {number}", value)
            number += 1
    except (ValueError, RecursionError) as error:
        told.refuse(f"record {number}", f"it is no JSON: {error}")
