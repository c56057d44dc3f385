"""What rules find among the stored papers, best first: searches, and the core of back-tests.

Only words are asked until it is known which papers are the best: of the others nothing is read from
the database.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from notifier.jobs.asking import Moment, ask
from notifier.jobs.shelves import Shelf
from notifier.papers.paper import Paper
from notifier.papers.text import tokens
from notifier.profiles.lint import alike
from notifier.profiles.matching.compiled import Compiled
from notifier.profiles.matching.postings import Floats, Runs
from notifier.profiles.matching.table import Ints
from notifier.ranking.best import Best, best
from notifier.ranking.order import Fit, Ranked, rank
from notifier.storage import paper_facts, store_papers

# A word that no paper has, to one in use that looks alike, or None.
Spelling: TypeAlias = Callable[[str], str | None]
_LAST_LETTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Found:
    """A paper that the rules want, with its place."""

    paper: Paper
    ranked: Ranked


@dataclass(frozen=True, slots=True)
class Searched:
    """What rules find in `scanned` papers, the first of them seen at `oldest` (UTC).

    `best` are the best papers, `papers` counts all that match.
    """

    best: tuple[Found, ...]
    papers: int
    scanned: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class OnShelf:
    """What was found on one shelf, in no order: by paper its row, worth, and which rules hit.

    Of equal scores the lower rank is better. `runs` are what each clause found. `first_seen`: when
    each paper was (POSIX seconds).
    """

    shelf: Shelf
    runs: Runs
    rows: NDArray[np.int64]
    relevances: Floats
    scores: Floats
    ranks: Ints
    rules: NDArray[np.uint32]
    first_seen: Floats


def search(
    conn: Connection,
    rules: Compiled,
    shelves: Sequence[Shelf],
    at: Moment,
    *,
    since: datetime | None,
    limit: int | None,
    watch: Callable[[OnShelf], None] = lambda found: None,
) -> Searched:
    """Return what one profile's rules find in the papers on shelves.

    Args:
        rules: One profile.
        at: The order is as of then.
        since: Only papers first seen at or after then (UTC).
        limit: So many of the best are returned; None: all.
        watch: Is shown what was found, shelf by shelf.
    """
    oldest = since.timestamp() if since else 0.0
    found: list[OnShelf] = []
    scanned, first = 0, at.now.timestamp()
    for shelf in shelves:
        wanted = shelf.is_here & (shelf.first_seen >= oldest)
        scanned += int(wanted.sum())
        first = min(first, shelf.first_seen[wanted].min(initial=first))
        found.append(_on_shelf(rules, shelf, wanted, at))
        watch(found[-1])
    return Searched(
        best=_best(conn, found, at, limit),
        papers=sum(len(one.rows) for one in found),
        scanned=scanned,
        oldest=datetime.fromtimestamp(first, UTC) if scanned else None,
    )


def _on_shelf(rules: Compiled, shelf: Shelf, wanted: NDArray[np.bool_], at: Moment) -> OnShelf:
    runs, selection = ask(rules, shelf, wanted, at, keep=None)
    blocks: list[Best] = list(best(rules, runs, selection))
    papers = np.concatenate([np.zeros(0, np.uint16), *(block.papers for block in blocks)])
    relevances = np.concatenate([np.zeros(0), *(block.relevances for block in blocks)])
    hit = np.concatenate([np.zeros(0, np.uint32), *(block.rules for block in blocks)])
    scores = relevances * selection.boosts[papers]
    return OnShelf(
        shelf, runs, shelf.rows[papers], relevances, scores, shelf.ranks[papers], hit,
        shelf.first_seen[papers],
    )  # fmt: skip


def _best(
    conn: Connection, found: Sequence[OnShelf], at: Moment, limit: int | None
) -> tuple[Found, ...]:
    """The best of all shelves, in the order of a digest."""
    fits = dict(_among_the_best(found, limit))
    trends = at.talk.trends
    ranked = rank(
        (
            Fit(one.row, one.id, fits[one.row], trends.get(one.row), one.first_seen_at, one.newest)
            for one in paper_facts.of(conn, fits)
        ),
        now=at.now,
        settings=at.order,
    )[:limit]
    papers = {
        paper.row: replace(paper, trend=trends.get(paper.row))
        for paper in store_papers.load(conn, (one.row for one in ranked))
    }
    return tuple(Found(papers[one.row], one) for one in ranked)


def _among_the_best(found: Sequence[OnShelf], limit: int | None) -> Iterator[tuple[int, float]]:
    """Yield (row, relevance) of all that may be among the best, and few others."""
    scores = np.concatenate([np.zeros(0), *(one.scores for one in found)])
    is_cut = limit is not None and limit < len(scores)
    least = np.partition(scores, -limit)[-limit] if limit and is_cut else 0.0
    for one in found:
        kept = np.flatnonzero(one.scores >= least)
        if is_cut:  # of many equal ones, as all of one category and day are, a shelf's first
            kept = kept[np.lexsort((one.ranks[kept], -one.scores[kept]))][:limit]
        yield from zip(one.rows[kept].tolist(), one.relevances[kept].tolist(), strict=True)


def word_counts(shelves: Sequence[Shelf], beginning: str = "") -> Counter[str]:
    """Return how often each folded word that begins so stands in the papers on shelves."""
    counts: Counter[str] = Counter()
    for shelf in shelves:
        words = shelf.words
        low, high = (
            bisect_left(words.folded, end) for end in (beginning, beginning + _LAST_LETTER)
        )
        which = words.folded_words[low:high]
        often = (words.place_starts[which + 1] - words.place_starts[which]).tolist()
        for form, times in zip(words.folded[low:high], often, strict=True):
            counts[form] += times  # Graph and graph are one form
    return counts


def spelling(shelves: Sequence[Shelf]) -> Spelling:
    """Return how words that none of the papers on shelves has may be meant."""
    counts = cache(lambda letter: word_counts(shelves, letter))

    def meant(word: str) -> str | None:
        first = next((part.folded[:1] for part in tokens(word)), "")
        return alike(word, counts(first)) if first else None

    return meant
