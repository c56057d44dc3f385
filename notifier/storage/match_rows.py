"""The rows of kept matches: written a block for each profile, read thousands at a time.

Matches are kept in blocks that nobody changes: one for a profile, the day on which its papers were
first seen (UTC, counted from 1970), and a run of the matching. A profile that is matched with all
papers at once has them in one block of the day `OWN`. What of a block is still true is found out
when it is read:

- a paper that has changed since the run is void there: whoever wants it now has it in the block of
  a later run, and until then the digests wait;
- a paper that is gone, or became part of another, is void, and so is one older than is kept;
- of a paper that stands in two blocks the first says how well it fits, since the second was added
  for what trends.

So nothing has to be looked for and deleted when papers change. Days that are too old go as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, delete, func, select

from notifier.storage import bulk
from notifier.storage import tables as t
from notifier.storage.packing import Bits, Numbers, Records, joined, pack, taken, unpack
from notifier.storage.statements import chunks, epoch, last_time

OWN = -1
DAY_SECONDS = 86_400
CLEARED = "matches cleared before"
Flags = NDArray[np.bool_]
_HOUR_SECONDS = 3_600
_NAMES = ("day", "profile_id", "change", "packed")
_PROFILE_BITS = 44


@dataclass(frozen=True, slots=True)
class Found:
    """Matches by column: whose they are, and the day of each paper, or `OWN`."""

    profiles: Numbers
    days: Numbers
    records: Records

    def __len__(self) -> int:
        return len(self.profiles)

    def at(self, places: Numbers | Flags) -> Found:
        """Return the matches at these places."""
        return Found(self.profiles[places], self.days[places], taken(self.records, places))


def together(some: Iterable[Found]) -> Found:
    """Return matches one after the other."""
    parts, none = list(some), np.empty(0, np.int64)
    return Found(
        np.concatenate([none, *(part.profiles for part in parts)]),
        np.concatenate([none, *(part.days for part in parts)]),
        joined(part.records for part in parts),
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of papers, in the order of their rows.

    `numbers`: the last of news or new versions. `hours`: in which each became news, from 1970 on.
    """

    rows: Numbers
    changes: Numbers
    days: Numbers
    numbers: Numbers
    hours: Numbers

    def at(self, places: Numbers) -> Known:
        """Return what stands at these places."""
        return Known(
            self.rows[places], self.changes[places], self.days[places], self.numbers[places],
            self.hours[places],
        )  # fmt: skip

    def places(self, papers: Numbers) -> tuple[Numbers, Flags]:
        """Return where papers stand here, and whether they do."""
        if not len(self.rows):
            return np.zeros(len(papers), np.int64), np.zeros(len(papers), bool)
        at = np.minimum(np.searchsorted(self.rows, papers), len(self.rows) - 1)
        return at, self.rows[at] == papers


def write(conn: Connection, found: Found, change: int) -> None:
    """Write blocks; one that is there already, of the same run, is written anew."""
    order = np.argsort((found.days - OWN) << _PROFILE_BITS | found.profiles, kind="stable")
    found = found.at(order)
    starts = _starts(found)
    rows = zip(
        found.days[starts].tolist(), found.profiles[starts].tolist(), [change] * len(starts),
        pack(found.records, starts), strict=True,
    )  # fmt: skip
    bulk.upsert(conn, t.match, _NAMES, rows, ("packed",))


def _starts(found: Found) -> Numbers:
    """Where a block begins."""
    differs = (np.diff(found.days) != 0) | (np.diff(found.profiles) != 0)
    starts: Numbers = np.flatnonzero(np.append(len(found) > 0, differs))
    return starts


def read(
    conn: Connection, profiles: Sequence[int], days: Sequence[int], *conditions: ColumnElement[bool]
) -> tuple[Found, Numbers]:
    """Return all that stands in blocks of these profiles and days, and the change of each."""
    rows = [
        row
        for chunk in chunks(profiles)
        for row in conn.execute(
            select(t.match).where(
                t.match.c.day.in_(days), t.match.c.profile_id.in_(chunk), *conditions
            )
        )
    ]
    records, owner = unpack([row.packed for row in rows])
    columns = np.array([(row.profile_id, row.day, row.change) for row in rows], np.int64)
    of, day, change = columns.reshape(-1, 3)[owner].T
    return Found(of, day, records), change


def days(conn: Connection) -> list[int]:
    """Return the days of which there are blocks: some thirty, however many rows."""
    day = t.match.c.day
    found = select(select(func.min(day)).scalar_subquery().label("day")).cte(recursive=True)
    later = select(func.min(day)).where(day > found.c.day).scalar_subquery()
    every = found.union_all(select(later).where(found.c.day.is_not(None)))
    return list(conn.scalars(select(every.c.day).where(every.c.day.is_not(None))))


def papers(conn: Connection, *conditions: ColumnElement[bool]) -> Known:
    """Return what is known of papers that are not too old for a match."""
    p = t.paper.c
    columns = (p.id, p.change, p.arrival, p.revision, epoch(p.first_seen_at), epoch(p.arrived_at))
    recent = p.first_seen_at >= last_time(conn, CLEARED)
    query = select(*columns).where(recent, *conditions).order_by(p.id)
    found = np.array(
        [
            (row, change, seen // DAY_SECONDS, max(arrival or 0, revision or 0),
             (arrived or 0) // _HOUR_SECONDS)
            for row, change, arrival, revision, seen, arrived in conn.execute(query)
        ],
        np.int64,
    )  # fmt: skip
    return Known(*found.reshape(-1, 5).T)


def papers_of(conn: Connection, rows: Iterable[int]) -> Known:
    """Return what is known of these papers, as far as they are there and not too old."""
    wanted = sorted(set(rows))
    some = [papers(conn, t.paper.c.id.in_(chunk)) for chunk in chunks(wanted)]
    return both(*some)


def both(*some: Known) -> Known:
    """Return what is known of all these papers."""
    if not some:
        return Known(*np.empty((5, 0), np.int64))
    names = ("rows", "changes", "days", "numbers", "hours")
    every = Known(*(np.concatenate([getattr(one, name) for one in some]) for name in names))
    return every.at(np.unique(every.rows, return_index=True)[1])


def true_now(found: Found, changes: Numbers, known: Known) -> tuple[Found, Numbers]:
    """Return what of blocks is true of known papers, each match once, and their places in `known`.

    In the order of profiles and papers; see the head of the module for what is true.
    """
    at, is_known = known.places(found.records.papers)
    is_true = is_known & (known.changes[at] <= changes) if len(known.rows) else is_known
    places = np.flatnonzero(is_true)
    of, run = found.profiles[places], changes[places]
    order = np.lexsort((found.days[places], run, at[places], of))
    places = places[order]
    same = (np.diff(found.profiles[places]) == 0) & (np.diff(at[places]) == 0)
    first = np.flatnonzero(np.append(len(places) > 0, ~same))
    trends = asks_for_trends(found.records.bits)[places]
    kept = found.at(places[first])
    if len(first):
        kept.records.bits[:, 0] |= np.logical_or.reduceat(trends, first)
    return kept, at[places[first]]


def asks_for_trends(bits: Bits) -> Flags:
    """Return of each match whether a rule that asks for what trends brought it."""
    return (bits[:, 0] & 1).astype(bool)


def kept(conn: Connection, profiles: Sequence[int], known: Known) -> tuple[Found, Numbers]:
    """Return the matches of profiles with known papers, and the places of these in `known`."""
    on = [OWN, *np.unique(known.days).tolist()]
    return true_now(*read(conn, profiles, on), known)


def all_kept(conn: Connection, profiles: Sequence[int]) -> tuple[Found, Known]:
    """Return all matches of profiles, and what is known of the paper of each."""
    found, changes = read(conn, profiles, days(conn))
    known = papers_of(conn, np.unique(found.records.papers).tolist())
    matches, at = true_now(found, changes, known)
    return matches, known.at(at)


def forget(conn: Connection, *conditions: ColumnElement[bool]) -> None:
    """Delete blocks."""
    conn.execute(delete(t.match).where(*conditions))
