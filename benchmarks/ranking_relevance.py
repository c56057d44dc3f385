"""How early relevance shows what belongs to a topic, beside plain BM25 over the same words.

    python benchmarks/ranking_relevance.py [--json FILE]

Two literature reviews, each with all papers that its authors looked through and which of them
belonged to it. The papers are ranked by the product's own matching and relevance for two profiles,
and by BM25 over all words of their rules. Average precision, of papers with equal scores the mean
over all their orders; papers in which nothing is found come last. `±` is the standard error of
the difference. Besides, as a check with many topics: the tags of CiteULike, each a profile.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
import ranking_learning
import review_rules
from corpus import CORPUS
from retrieval import Flags, Floats, average_precision, bm25, standard_error, words_of
from workload import DAY

from notifier.papers.paper import Paper
from notifier.papers.text import tokens
from notifier.profiles.keys import stems_in
from notifier.profiles.matching.compiled import Compiled
from notifier.profiles.matching.concordance import Concordance, concordance
from notifier.profiles.matching.joining import decide
from notifier.profiles.matching.leaves import Batch
from notifier.ranking.best import Selection, best
from notifier.ranking.relevance import Bm25f, WordStatistics
from notifier.sources.cleaning import plain

Scorer: TypeAlias = Callable[["Papers", str], Floats]  # of a profile, as typed; 0: not found
DATA = CORPUS.parents[1] / "relevance" / "asreview"
BASELINES = {"BM25, k1 = 1.2": 1.2, "BM25, k1 = 1.5": 1.5}
B = 0.75
TAG_SIZES = range(10, 201)  # papers of a tag that is asked
OR = " | "


class Papers:
    """Papers as the product matches them, and their words as BM25 counts them: the same stems."""

    def __init__(self, texts: Sequence[tuple[str, str]]) -> None:
        """Take titles and abstracts, cleaned as a feed's would be."""
        self.all = [
            Paper(
                row=number, id=f"record:{number}", title=plain(title), abstract=plain(abstract),
                authors=(), categories=(), first_seen_at=DAY,
            )
            for number, (title, abstract) in enumerate(texts)
        ]  # fmt: skip

    @cached_property
    def words(self) -> Concordance:
        return concordance(self.all)

    @cached_property
    def statistics(self) -> WordStatistics:
        stems = (stems_in(paper.title) | stems_in(paper.abstract) for paper in self.all)
        return WordStatistics(len(self.all), dict(Counter(stem for own in stems for stem in own)))

    @cached_property
    def counts(self) -> list[Counter[str]]:
        """How often each stem stands in each paper."""
        return [
            Counter(token.stem for text in (paper.title, paper.abstract) for token in tokens(text))
            for paper in self.all
        ]


@dataclass(frozen=True, slots=True)
class Topic:
    """What is asked of which papers, and which of them belong to it."""

    rules: str
    papers: Papers
    wanted: Flags


def reviews(folder: Path = DATA) -> dict[str, list[Topic]]:
    """Return the reviews, each with both profiles, and with many that are drawn by chance.

    Raises:
        FileNotFoundError: the captures are not here.
    """
    found: dict[str, list[Topic]] = {}
    for name, profiles in review_rules.PROFILES.items():
        text = gzip.decompress((folder / f"{name}.csv.gz").read_bytes()).decode()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        papers = Papers([(row["title"], row["abstract"]) for row in rows])
        wanted = np.array([row["label_included"] == "1" for row in rows])
        for how, rules in profiles.items():
            found[f"{name}, {how}"] = [Topic(rules, papers, wanted)]
        many = [Topic(rules, papers, wanted) for rules in review_rules.drawn(name)]
        found[f"{name}, {len(many)} drawn"] = many
    return found


def tags(folder: Path = ranking_learning.DATA) -> dict[str, list[Topic]]:
    """Return the tags of CiteULike by kind; of several words a tag asks for the phrase and each.

    Raises:
        FileNotFoundError: the captures are not here.
    """
    corpus = ranking_learning.Corpus.read(folder)
    papers = Papers(list(zip(corpus.titles, corpus.abstracts, strict=True)))
    tagged = [{re.sub("[_-]", " ", tag) for tag in own} for own in corpus.tags]
    sizes = Counter(tag for own in tagged for tag in own)
    kinds: dict[str, list[Topic]] = {"tags, one word": [], "tags, several words": []}
    for tag in sorted(tag for tag, size in sizes.items() if size in TAG_SIZES):
        words = tag.split()
        if all(word.isalpha() and len(word) > 2 for word in words):
            kind = "tags, several words" if len(words) > 1 else "tags, one word"
            rules = "\n".join(dict.fromkeys([tag, *words]))
            wanted = np.array([tag in own for own in tagged])
            kinds[kind].append(Topic(rules, papers, wanted))
    return kinds


def topics_asked() -> dict[str, list[Topic]]:
    """Return what each line of the tables is the mean of.

    Raises:
        FileNotFoundError: the captures are not here.
    """
    return reviews() | tags()


# Orders


def ours(strengths: Bm25f = Bm25f(), rarer: float = 1.0) -> Scorer:  # noqa: B008  # frozen
    """Return the product's relevance; `rarer` is a power of the rarities."""

    def scores(papers: Papers, rules: str) -> Floats:
        profile, count = Compiled(), len(papers.all)
        profile.put(1, rules)
        batch = Batch(
            papers.words, np.full(count, np.nan), np.zeros(count, bool), np.ones(count, bool)
        )
        runs = decide(
            profile.clauses, batch, strengths=strengths,
            rarities=lambda stems: papers.statistics.rarities(stems) ** rarer,
        )  # fmt: skip
        out = np.zeros(count)
        selection = Selection(count, np.ones(count), np.arange(count, dtype=np.int32))
        for block in best(profile, runs, selection):
            out[block.papers] = block.relevances
        return out

    return scores


def baseline(k1: float, b: float = B) -> Scorer:
    """Return BM25 over the words of the rules."""
    return lambda papers, rules: bm25(papers.counts, words_of(rules), k1, b)


def alternatives() -> dict[str, Scorer]:
    """Return the changes that were tried, one at a time."""

    def parted(papers: Papers, rules: str) -> Floats:
        lines = (x if "(" in x else x.replace(OR, "\n") for x in rules.split("\n"))
        return ours()(papers, "\n".join(lines))

    def only_matched(papers: Papers, rules: str) -> Floats:
        scores = baseline(min(BASELINES.values()))(papers, rules)
        return np.where(ours()(papers, rules) > 0, scores, 0.0)

    return {
        "BM25, of matched papers only": only_matched,
        "BM25, of whatever length": baseline(min(BASELINES.values()), 0.0),
        "ours": ours(),
        **{f"title weight {n}": ours(Bm25f(title_weight=n)) for n in (1, 2, 5)},
        **{f"saturation {n}": ours(Bm25f(saturation=n)) for n in (0.5, 2)},
        **{f"rarity to the power of {n}": ours(rarer=n) for n in (0.5, 2)},
        "parts joined by | as lines": parted,
    }


# Measures


@dataclass(frozen=True, slots=True)
class Precision:
    """Average precision of a topic, or its mean over several.

    `baselines` by name; `error` is the standard error of the difference between ours and the best
    of them (of drawn profiles: over these, not over reviews), `above` the share of topics in which
    ours is above it. `papers`, `wanted`: how many there are; `matched`, `wanted_matched`: how many
    of them the rules find (means over topics).
    """

    topics: int
    ours: float
    baselines: dict[str, float]
    error: float
    above: float
    papers: int
    wanted: int
    matched: int
    wanted_matched: int

    @property
    def baseline(self) -> float:
        """The best of the baselines: what ours is to be above."""
        return max(self.baselines.values())

    @property
    def apart(self) -> float:
        """How much ours is above it."""
        return self.ours - self.baseline


def precision(topics: Sequence[Topic]) -> Precision:
    """Measure one topic, or several over the same papers."""
    mine = [ours()(one.papers, one.rules) for one in topics]
    others = {
        name: [baseline(k1)(one.papers, one.rules) for one in topics]
        for name, k1 in BASELINES.items()
    }
    figures = {name: float(_of_each(scores, topics).mean()) for name, scores in others.items()}
    rival = others[max(figures, key=lambda name: figures[name])]
    apart = _of_each(mine, topics) - _of_each(rival, topics)
    error = float(apart.std() / math.sqrt(len(topics)))
    if len(topics) == 1:
        error = standard_error(mine[0], rival[0], topics[0].wanted)
    hits = [(scores > 0, one.wanted) for scores, one in zip(mine, topics, strict=True)]
    return Precision(
        len(topics), float(_of_each(mine, topics).mean()), figures, error,
        float((apart > 0).mean()),
        len(topics[0].papers.all),
        *(
            round(float(np.mean(counts)))
            for counts in zip(*((w.sum(), h.sum(), (h & w).sum()) for h, w in hits), strict=True)
        ),
    )  # fmt: skip


def _of_each(scores: Sequence[Floats], topics: Sequence[Topic]) -> Floats:
    """Return the average precision of each topic."""
    pairs = zip(scores, topics, strict=True)
    return np.array([average_precision(of_papers, one.wanted) for of_papers, one in pairs])


@dataclass(frozen=True, slots=True)
class Report:
    """All figures by topic (of tags: by kind); `alternatives`: by change, then by topic."""

    precisions: dict[str, Precision]
    alternatives: dict[str, dict[str, float]]


def measure() -> Report:
    """Return all figures.

    Raises:
        FileNotFoundError: the captures are not here.
    """
    asked = topics_asked()
    changed = {
        name: {
            topic: float(_of_each([change(t.papers, t.rules) for t in topics], topics).mean())
            for topic, topics in asked.items()
        }
        for name, change in alternatives().items()
    }
    return Report({name: precision(topics) for name, topics in asked.items()}, changed)


def table(report: Report) -> str:
    """Return the figures as text."""
    rows = [
        f"{'average precision':28}{'ours':>8}{'BM25':>8}{'±':>8}{'above':>8}"
        f"{'matched':>14}{'wanted':>10}"
    ]
    for name, one in report.precisions.items():
        matched, wanted = (
            f"{n}/{of}" for n, of in ((one.matched, one.papers), (one.wanted_matched, one.wanted))
        )
        rows.append(
            f"{name:28}{one.ours:>8.3f}{one.baseline:>8.3f}{one.error:>8.3f}{one.above:>8.2f}"
            f"{matched:>14}{wanted:>10}"
        )
    kinds = list(report.precisions)
    rows += ["", *(f"  {number}: {name}" for number, name in enumerate(kinds, 1))]
    rows.append(f"{'':30}" + "".join(f"{number:>8}" for number in range(1, len(kinds) + 1)))
    named = {
        name: {kind: one.baselines[name] for kind, one in report.precisions.items()}
        for name in BASELINES
    }
    for name, figures in (named | report.alternatives).items():
        rows.append(f"{name:30}" + "".join(f"{figures[kind]:>8.3f}" for kind in kinds))
    return "\n".join(rows)


def main() -> None:
    """Measure, print the tables, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    try:
        report = measure()
    except FileNotFoundError as error:
        sys.exit(f"skipped: no captures at {error.filename}")
    sys.stdout.write(table(report) + "\n")
    if asked.json:
        asked.json.write_text(json.dumps(asdict(report), indent=1))


if __name__ == "__main__":
    main()
