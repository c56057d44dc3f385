"""What a profile would have found among the stored papers, as a whole and by each rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from notifier.jobs.asking import Moment, ask, stored_rarities
from notifier.jobs.shelves import Shelf
from notifier.jobs.talk import talk
from notifier.papers.paper import Paper
from notifier.profiles.lint import RuleHits
from notifier.profiles.matching.compiled import Compiled, Entry
from notifier.profiles.matching.postings import Floats, Runs
from notifier.ranking.best import Best, best
from notifier.ranking.kernel import RULE_BITS
from notifier.ranking.order import Fit, OrderSettings, Ranked, rank
from notifier.storage import store_papers


@dataclass(frozen=True, slots=True)
class Found:
    """A paper that the rules want, with its place."""

    paper: Paper
    ranked: Ranked


@dataclass(frozen=True, slots=True)
class BackTest:
    """What a profile finds in `scanned` papers, the first of them seen at `oldest` (UTC).

    `best` are the best papers, `papers` counts all that match; `rules` are in the order of lines.
    """

    best: tuple[Found, ...]
    papers: int
    scanned: int
    oldest: datetime | None
    rules: tuple[RuleHits, ...]


def word_counts(shelves: Sequence[Shelf]) -> Counter[str]:
    """Return how often each folded word stands in the papers on shelves."""
    counts: Counter[str] = Counter()
    for shelf in shelves:
        words = shelf.words
        often = np.diff(words.place_starts)[words.folded_words].tolist()
        for form, times in zip(words.folded, often, strict=True):  # Graph and graph are one form
            counts[form] += times
    return counts


@dataclass(slots=True)
class _OnShelf:
    """What was found on one shelf: rows, relevances, scores, times, and which rules hit."""

    rows: NDArray[np.int64]
    relevances: Floats
    scores: Floats
    rules: NDArray[np.uint32]


def back_test(
    conn: Connection,
    text: str,
    shelves: Sequence[Shelf],
    *,
    now: datetime,
    since: datetime | None,
    order: OrderSettings,
    limit: int | None,
) -> BackTest:
    """Return what rules find in the papers on shelves.

    Args:
        text: The rules as typed; lines in error take no part.
        now: Aware UTC: the order is as of then.
        since: Only papers first seen at or after then.
        limit: So many of the best are returned; None: all.
    """
    profile = Compiled()
    profile.put(0, text)
    entries = sorted(profile.entries(0), key=lambda entry: entry.line)
    bits = {entry.line: bit for bit, entry in enumerate(profile.entries(0))}
    tallies = [_Tally(entry, bits[entry.line]) for entry in entries]
    at = Moment(now, talk(conn, now=now), stored_rarities(conn, now), order)
    oldest = since.timestamp() if since else 0.0
    found: list[_OnShelf] = []
    scanned, first = 0, now.timestamp()
    for shelf in shelves:
        wanted = shelf.is_here & (shelf.first_seen >= oldest)
        scanned += int(wanted.sum())
        first = min(first, shelf.first_seen[wanted].min(initial=first))
        runs, here = _on_shelf(profile, shelf, wanted, at)
        found.append(here)
        for tally in tallies:
            tally.add(runs, shelf, here)
    examples = store_papers.load(conn, {tally.example for tally in tallies if tally.example})
    titles = {paper.row: paper.title for paper in examples}
    ranked = _best(conn, found, at, limit)
    return BackTest(
        best=ranked,
        papers=sum(len(one.rows) for one in found),
        scanned=scanned,
        oldest=datetime.fromtimestamp(first, UTC) if scanned else None,
        rules=tuple(tally.done(titles) for tally in tallies),
    )


def _on_shelf(
    profile: Compiled, shelf: Shelf, wanted: NDArray[np.bool_], at: Moment
) -> tuple[Runs, _OnShelf]:
    runs, selection = ask(profile, shelf, wanted, at, keep=max(len(shelf.rows), 1))
    blocks: list[Best] = list(best(profile, runs, selection))
    papers = np.concatenate([np.zeros(0, np.uint16), *(block.papers for block in blocks)])
    relevances = np.concatenate([np.zeros(0), *(block.relevances for block in blocks)])
    rules = np.concatenate([np.zeros(0, np.uint32), *(block.rules for block in blocks)])
    return runs, _OnShelf(
        shelf.rows[papers], relevances, relevances * selection.boosts[papers], rules
    )


class _Tally:
    """Counts what one rule finds, shelf by shelf; `example` is the row of the newest, or 0."""

    def __init__(self, entry: Entry, bit: int) -> None:
        self._entry, self._bit = entry, bit
        self._papers = self._kept = 0
        self._last, self.example = 0.0, 0

    def add(self, runs: Runs, shelf: Shelf, found: _OnShelf) -> None:
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


def _best(
    conn: Connection,
    found: Sequence[_OnShelf],
    at: Moment,
    limit: int | None,
) -> tuple[Found, ...]:
    """The best of all shelves, in the order of a digest."""
    rows = np.concatenate([np.zeros(0, np.int64), *(one.rows for one in found)])
    scores = np.concatenate([np.zeros(0), *(one.scores for one in found)])
    relevances = np.concatenate([np.zeros(0), *(one.relevances for one in found)])
    if limit is not None and limit < len(rows):  # and all that are as good as the last of them
        kept = scores >= np.partition(scores, -limit)[-limit]
        rows, relevances = rows[kept], relevances[kept]
    fits = dict(zip(rows.tolist(), relevances.tolist(), strict=True))
    papers = {
        paper.row: replace(paper, trend=at.talk.trends.get(paper.row))
        for paper in store_papers.load(conn, fits)
    }
    ranked = rank(
        (Fit.of(paper, fits[row]) for row, paper in papers.items()), now=at.now, settings=at.order
    )
    return tuple(Found(papers[one.row], one) for one in ranked[:limit])
