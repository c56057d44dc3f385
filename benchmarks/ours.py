"""Our matcher as the benchmark runs it: profiles that grow in number, and days of papers.

All that runs between the papers' texts and the arrays of results is measured; what is kept between
days (the compiled profiles, the document frequencies) is made before, and measured apart.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from measuring import megabytes, took
from numpy.typing import NDArray
from workload import DAY

from notifier.papers import text as texts
from notifier.papers.paper import Paper
from notifier.profiles import keys
from notifier.profiles.hits import is_trending
from notifier.profiles.matching.compiled import Compiled
from notifier.profiles.matching.concordance import concordance
from notifier.profiles.matching.joining import decide
from notifier.profiles.matching.leaves import Batch
from notifier.profiles.matching.postings import Runs
from notifier.ranking.best import Best, Selection, best
from notifier.ranking.order import OrderSettings, boosts, freshness, ranks
from notifier.ranking.relevance import Bm25f, WordStatistics

NOW = DAY + timedelta(days=1)
PUT_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Run:
    """One day matched: the seconds of each stage, and how much there was of everything.

    `postings` is how many (clause, paper) the profiles' clauses found, `touched` how many of them
    all profiles together look at, `results` how many were kept.
    """

    tokenise: float
    decide: float
    best: float
    postings: int
    touched: int
    results: int

    @property
    def total(self) -> float:
        return self.tokenise + self.decide + self.best


@dataclass(frozen=True, slots=True)
class Found:
    """The results of one day, as the matcher gives them."""

    runs: Runs
    blocks: list[Best]

    def by_row(self, rows: Sequence[int]) -> dict[int, list[int]]:
        """Return the places of the papers of some profiles, best first."""
        out: dict[int, list[int]] = {row: [] for row in rows}
        for block in self.blocks:
            here = np.flatnonzero(np.isin(block.profiles, rows))
            for place in here.tolist():
                out[int(block.profiles[place])].append(int(block.papers[place]))
        return out


class Ours:
    """All profiles, ready to be asked for days of papers.

    Attributes:
        put_seconds: Spent in taking profiles in, so far.
        held_megabytes: By how much this process has grown since, so far.
    """

    def __init__(self, profiles: Iterator[str], statistics: WordStatistics, keep: int) -> None:
        self.compiled = Compiled()
        self._profiles, self._statistics, self._keep = profiles, statistics, keep
        self.put_seconds = 0.0
        gc.collect()
        self._before = megabytes()
        self.held_megabytes = 0.0

    def grow(self, count: int, remember: frozenset[int]) -> dict[int, str]:
        """Take in profiles until there are `count`; return the texts of some rows."""
        remembered = {}
        row = len(self.compiled)
        while row < count:
            block = [next(self._profiles) for _ in range(min(PUT_AT_ONCE, count - row))]
            begun = time.perf_counter()
            self.compiled.put_all(enumerate(block, row))
            self.put_seconds += time.perf_counter() - begun
            remembered.update((n, text) for n, text in enumerate(block, row) if n in remember)
            row += len(block)
        self.compiled.forget_lines()  # as the daemon does
        gc.collect()
        self.held_megabytes = megabytes() - self._before
        return remembered

    def run(self, papers: Sequence[Paper]) -> tuple[Run, Found]:
        """Match papers whose words this process has not seen before."""
        forget_words()
        first, words = took(lambda: concordance(papers))
        begun = time.perf_counter()
        trends = np.array([np.nan if p.trend is None else p.trend for p in papers], np.float64)
        batch = Batch(words, trends, np.array(list(map(is_trending, papers))), _all(len(papers)))
        runs = decide(
            self.compiled.clauses, batch,
            rarities=self._statistics.rarities, strengths=Bm25f(),
        )  # fmt: skip
        second = time.perf_counter() - begun
        third, blocks = took(lambda: self._best(papers, trends, runs))
        run = Run(
            first, second, third,
            postings=len(runs.papers),
            touched=int(runs.counts[self.compiled.arrays().clauses].sum()),
            results=sum(len(block.papers) for block in blocks),
        )  # fmt: skip
        return run, Found(runs, blocks)

    def _best(self, papers: Sequence[Paper], trends: NDArray[np.float64], runs: Runs) -> list[Best]:
        seen = np.array([paper.first_seen_at.timestamp() for paper in papers])
        order = OrderSettings()
        lifts = boosts(trends, freshness(seen, now=NOW, settings=order), order)
        return list(best(self.compiled, runs, Selection(self._keep, lifts, ranks(papers))))

    def least(self, papers: Sequence[Paper], times: int) -> Run:
        """Return the fastest of some runs."""
        return min((self.run(papers)[0] for _ in range(times)), key=lambda run: run.total)

    def least_after_a_change(
        self, papers: Sequence[Paper], changes: Mapping[int, str], times: int
    ) -> Run:
        """Return the fastest of some runs, each after one profile has changed."""
        runs = []
        for row, text in list(changes.items())[:times]:
            self.compiled.put(row, text)
            runs.append(self.run(papers)[0])
        return min(runs, key=lambda run: run.total)

    def change(self, changes: Mapping[int, str]) -> tuple[float, float]:
        """Change profiles; return the median seconds of one, and with the next arrays."""
        alone, ready = [], []
        for row, text in changes.items():
            begun = time.perf_counter()
            self.compiled.put(row, text)
            alone.append(time.perf_counter() - begun)
            self.compiled.arrays()
            ready.append(time.perf_counter() - begun)
        return statistics.median(alone), statistics.median(ready)


def _all(papers: int) -> NDArray[np.bool_]:
    return np.ones(papers, bool)


def forget_words() -> None:
    """Forget what was read of words before, as if these papers were the first."""
    remembering = (texts.fold, texts.cased, texts.spelled_out, texts.stem, keys.keys_of)
    for function in remembering:
        function.cache_clear()


def document_frequencies(papers: Sequence[Paper]) -> WordStatistics:
    """Return in how many papers each stem stands, as ingest counts it."""
    counts = Counter(
        stem
        for paper in papers
        for stem in keys.stems_in(paper.title) | keys.stems_in(paper.abstract)
    )
    return WordStatistics(len(papers), dict(counts))


def match_sets(
    profiles: Sequence[str], statistics: WordStatistics, papers: Sequence[Paper]
) -> list[frozenset[int]]:
    """Return for each profile the places of all papers that our matcher gives."""
    few = Ours(iter(profiles), statistics, max(len(papers), 1))
    few.grow(len(profiles), frozenset())
    found = few.run(papers)[1].by_row(range(len(profiles)))
    return [frozenset(found[row]) for row in range(len(profiles))]
