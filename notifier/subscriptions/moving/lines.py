"""Lists of addresses as other programs write them: listmonk's CSV, Mailman's CSV and lines.

Pure. Read a line at a time, each on its own, so that a bad one spoils no other: UTF-8 with or
without a mark at the beginning, else Latin-1.

Source: listmonk, cmd/subscribers.go (columns of the export; a subscriber is enabled, disabled or
    blocklisted); Mailman 2.1, bin/list_members (`--fullnames`: a name, then the address in angle
    brackets); Mailman 3, "Managing members" (the same; lines with # are comments) and Postorius'
    CSV export (the address first).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from enum import StrEnum
from itertools import chain
from typing import Literal

from notifier.subscriptions.moving.told import Rejected

LINE_CHARACTERS = 100_000
_MARK = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # UTF-16
_ADDRESS_COLUMNS = ("email", "address", "e-mail", "email address", "email_address", "mail")
# What other programs say of who is not to be mailed, and what it means.
Standing = Literal["mailed", "unconfirmed", "off", "blocked"]
_STANDINGS: dict[str, Standing] = {
    "": "mailed", "enabled": "mailed", "confirmed": "mailed", "active": "mailed",
    "subscribed": "mailed", "unconfirmed": "unconfirmed", "pending": "unconfirmed",
    "disabled": "off", "unsubscribed": "off", "by_user": "off", "by_moderator": "off",
    "by_bounces": "off", "unknown": "off", "blocklisted": "blocked", "blacklisted": "blocked",
}  # fmt: skip
_WORST: tuple[Standing, ...] = ("mailed", "unconfirmed", "off", "blocked")
_STATUS_COLUMNS = ("status", "subscription_status", "delivery_status", "subscription status")


class Kind(StrEnum):
    """What a file is: an export of ours, or a list of another program."""

    notifier = "notifier"
    listmonk = "listmonk"
    mailman = "mailman"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a list: whose address, and how it stands there, in the other program's word."""

    line: int
    address: str
    standing: Standing = "mailed"
    said: str = ""


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that is no entry, and why."""

    line: int
    why: str


def text_of(raw: bytes) -> str:
    """Return a line as text.

    Raises:
        Rejected: it holds what is no text.
    """
    if raw.startswith(_WIDE) or b"\0" in raw:
        raise Rejected("this is UTF-16 or no text at all - save it as UTF-8")
    raw = raw.removeprefix(_MARK)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def is_silent(raw: bytes) -> bool:
    """Whether a line says nothing: empty, a comment, or for a spreadsheet (`sep=;`)."""
    said = raw.removeprefix(_MARK).strip()
    return not said or said.startswith(b"#") or said.lower() in (b"sep=,", b"sep=;", b"sep=")


def guess(first: str) -> Kind | None:
    """Return what a file is by its first line that says anything; None where that is not plain."""
    if first.lstrip().startswith(("{", "[")):
        return Kind.notifier
    columns = _columns(first)
    if {"uuid", "email", "status"} <= set(columns):
        return Kind.listmonk
    return Kind.mailman if "@" in first or _address_at(columns) is not None else None


def _columns(line: str) -> list[str]:
    try:
        return [one.strip().lower() for one in _cells(line, _delimiter(line))]
    except Rejected:
        return []


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise Rejected("a quote in it does not end") from None


def _address_at(columns: Sequence[str]) -> int | None:
    return next((columns.index(name) for name in _ADDRESS_COLUMNS if name in columns), None)


def entries(raw_lines: Iterable[bytes]) -> Iterator[Entry | Bad]:
    """Yield the entries of a list, and its bad lines; comments and empty lines are neither."""
    said = _said(raw_lines)
    for first in said:
        if isinstance(first, Bad):
            yield first
            continue
        columns = _columns(first[1])
        if _address_at(columns) is None:
            yield from map(_bare, chain([first], said))
        else:
            table = _Table(columns, _delimiter(first[1]))
            yield from map(table.entry, said)
        return


def _said(raw_lines: Iterable[bytes]) -> Iterator[tuple[int, str] | Bad]:
    """Lines that say anything, with their numbers."""
    for number, raw in enumerate(raw_lines, 1):
        try:
            line = text_of(raw).strip("\r\n")
            if len(line) > LINE_CHARACTERS:
                raise Rejected(f"it has more than {LINE_CHARACTERS:,} characters")
        except Rejected as error:
            yield Bad(number, str(error))
            continue
        if not is_silent(raw):
            yield number, line


def _bare(said: tuple[int, str] | Bad) -> Entry | Bad:
    """`Ada Lovelace <ada@example.org>`, `ada@example.org`, `ada@example.org,Ada`."""
    if isinstance(said, Bad):
        return said
    number, line = said
    found = line.strip().rstrip(",;")
    if "<" not in found:
        found = found.replace(";", ",").replace("\t", ",").partition(",")[0].strip().strip('"')
    address = parseaddr(found)[1] if "<" in found or "(" in found else found
    if "@" not in address:
        return Bad(number, "there is no mail address in it")
    return Entry(number, address)


@dataclass(frozen=True, slots=True)
class _Table:
    """A list with names of columns."""

    columns: list[str]
    delimiter: str

    def entry(self, said: tuple[int, str] | Bad) -> Entry | Bad:
        if isinstance(said, Bad):
            return said
        number, line = said
        try:
            cells = [cell.strip() for cell in _cells(line, self.delimiter)]
        except Rejected as error:
            return Bad(number, str(error))
        if len(cells) != len(self.columns):
            return Bad(number, f"it has {len(cells)} columns, the first line {len(self.columns)}")
        row = dict(zip(self.columns, cells, strict=True))
        address = row[self.columns[_address_at(self.columns) or 0]]
        if "@" not in address:
            return Bad(number, "there is no mail address in it")
        return self._standing(number, address, row)

    def _standing(self, number: int, address: str, row: dict[str, str]) -> Entry | Bad:
        """How an entry stands: by the worst word of any column that says so."""
        words = [row[name].lower() for name in _STATUS_COLUMNS if name in row]
        if strange := [word for word in words if word not in _STANDINGS]:
            return Bad(number, f'the status "{strange[0]}" is not known')
        worst = max(words, key=lambda word: _WORST.index(_STANDINGS[word]), default="")
        return Entry(number, address, _STANDINGS[worst], worst)
