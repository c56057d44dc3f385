"""What a profile would have found among the stored papers, as a whole and by each rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import Connection

from notifier.jobs.asking import Moment
from notifier.jobs.searching import OnShelf, Searched, search
from notifier.jobs.shelves import Shelf
from notifier.profiles.lint import RuleHits
from notifier.profiles.matching.compiled import Compiled, Entry
from notifier.ranking.kernel import RULE_BITS
from notifier.storage import store_papers

DAYS = 30
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class BackTest(Searched):
    """What a profile finds, and `rules`: what each of its rules does, in the order of lines.

    `by_day`: how many of the matches were first seen in each of the last `DAYS` times 24 hours,
    the latest last.
    """

    rules: tuple[RuleHits, ...]
    by_day: tuple[int, ...]


def back_test(
    conn: Connection,
    text: str,
    shelves: Sequence[Shelf],
    at: Moment,
    *,
    since: datetime | None,
    limit: int | None,
) -> BackTest:
    """Return what rules find in the papers on shelves.

    Args:
        text: The rules as typed; lines in error take no part.
        at: The order is as of then.
        since: Only papers first seen at or after then.
        limit: So many of the best are returned; None: all.
    """
    profile = Compiled()
    profile.put(0, text)
    entries = sorted(profile.entries(0), key=lambda entry: entry.line)
    bits = {entry.line: bit for bit, entry in enumerate(profile.entries(0))}
    tallies = [_Tally(entry, bits[entry.line]) for entry in entries]
    by_day = np.zeros(DAYS, np.int64)

    def watch(found: OnShelf) -> None:
        age = (at.now.timestamp() - found.first_seen) // _DAY_SECONDS
        days = age[(age >= 0) & (age < DAYS)].astype(np.int64)
        by_day[:] += np.bincount(DAYS - 1 - days, minlength=DAYS)
        for tally in tallies:
            tally.add(found)

    found = search(conn, profile, shelves, at, since=since, limit=limit, watch=watch)
    examples = store_papers.load(conn, {tally.example for tally in tallies if tally.example})
    titles = {paper.row: paper.title for paper in examples}
    return BackTest(
        best=found.best,
        papers=found.papers,
        scanned=found.scanned,
        oldest=found.oldest,
        rules=tuple(tally.done(titles) for tally in tallies),
        by_day=tuple(by_day.tolist()),
    )


class _Tally:
    """Counts what one rule finds, shelf by shelf; `example` is the row of the newest, or 0."""

    def __init__(self, entry: Entry, bit: int) -> None:
        self._entry, self._bit = entry, bit
        self._papers = self._kept = 0
        self._last, self.example = 0.0, 0

    def add(self, found: OnShelf) -> None:
        shelf, runs = found.shelf, found.runs
        start, count = runs.starts[self._entry.clause], runs.counts[self._entry.clause]
        papers = runs.papers[start : start + count]
        self._papers += int(count)
        if self._bit < RULE_BITS - 1:
            self._kept += int((found.rules >> np.uint32(self._bit) & 1).sum())
        else:
            self._kept += int(count)
        if count:
            newest = papers[int(np.argmax(shelf.first_seen[papers]))]
            if shelf.first_seen[newest] > self._last:
                self._last = float(shelf.first_seen[newest])
                self.example = int(shelf.rows[newest])

    def done(self, titles: Mapping[int, str]) -> RuleHits:
        return RuleHits(
            line=self._entry.line,
            papers=self._papers,
            kept=self._kept,
            last=datetime.fromtimestamp(self._last, UTC) if self._papers else None,
            example=titles.get(self.example, ""),
        )
