"""How well proposed rules find the rest of a library: half of it in, the other half hidden.

    python benchmarks/ranking_suggesting.py [--people N] [--json FILE]

Recall@20 among all papers but those that were shown, the mean over people, of the profile that is
proposed for the shown half (see `profiles.suggesting`), beside the words of its titles as they
stand, each a rule. Both are ranked by the product's own matching and relevance. The split is by
chance, the same in every run. Parameters were chosen on every sixth person; `held back` are the
others.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from ranking_learning import DATA, Corpus, Person, found
from ranking_relevance import Papers, ours

from notifier.papers.text import tokens
from notifier.profiles.matching.compiled import Compiled
from notifier.profiles.matching.joining import decide
from notifier.profiles.matching.leaves import Batch
from notifier.profiles.suggesting import Document, candidates, suggest
from notifier.ranking.relevance import Bm25f

TUNED_ON = 6  # every sixth person
Profile: TypeAlias = Callable[[Papers, Sequence[int]], str]  # rules from papers by number


@dataclass(frozen=True, slots=True)
class Recall:
    """Mean recall@20 of those it was chosen on, of those held back, of all; and its error.

    `error`: the standard error of the mean over those held back; of the difference to ours, where
    it is a baseline.
    """

    tuned_on: float
    held_back: float
    everybody: float
    error: float


@dataclass(frozen=True, slots=True)
class Report:
    """Of so many people, by method."""

    people: int
    recalls: dict[str, Recall]


def split(person: Person) -> tuple[list[int], set[int]]:
    """Return the half that is shown and the one that is hidden."""
    papers = list(person.library)
    random.Random(f"half/{person.name}").shuffle(papers)  # noqa: S311
    shown = (len(papers) + 1) // 2
    return papers[:shown], set(papers[shown:])


def proposed(papers: Papers, shown: Sequence[int]) -> str:
    """Return the profile that is proposed for some papers."""
    library = [Document(papers.all[one].title, papers.all[one].abstract) for one in shown]
    asked = candidates(library)
    rules = [one.rule for one in asked]
    chosen = suggest(len(library), _counts(papers, rules), asked, len(papers.all))
    return "\n".join(one.line for one in chosen)


def _counts(papers: Papers, rules: Sequence[str]) -> dict[str, int]:
    """How many papers each rule finds."""
    profile, count = Compiled(), len(papers.all)
    profile.put(0, "\n".join(rules))
    nothing, every = np.zeros(count, bool), np.ones(count, bool)
    runs = decide(
        profile.clauses, Batch(papers.words, np.full(count, np.nan), nothing, every),
        strengths=Bm25f(), rarities=papers.statistics.rarities,
    )  # fmt: skip
    return {rules[one.line - 1]: int(runs.counts[one.clause]) for one in profile.entries(0)}


def title_words(papers: Papers, shown: Sequence[int]) -> str:
    """Return the words of titles as they stand, each a rule."""
    words = (token.folded for one in shown for token in tokens(papers.all[one].title))
    return "\n".join(dict.fromkeys(words))


def measure(folder: Path = DATA, *, people: int | None = None) -> Report:
    """Return all figures, of the first so many people.

    Raises:
        FileNotFoundError: the captures are not here.
    """
    corpus = Corpus.read(folder)
    papers = Papers(list(zip(corpus.titles, corpus.abstracts, strict=True)))
    asked = corpus.people[:people]
    tuned = np.arange(len(asked)) % TUNED_ON == 0
    by_method: dict[str, np.ndarray] = {}
    methods: dict[str, Profile] = {"ours": proposed, "words of the titles": title_words}
    for name, method in methods.items():
        scores = []
        for person in asked:
            shown, hidden = split(person)
            scores.append(found(ours()(papers, method(papers, shown)), shown, hidden))
        by_method[name] = np.array(scores)
    mine = by_method["ours"]
    return Report(
        len(asked),
        {
            name: Recall(
                *(_mean(scores[part]) for part in (tuned, ~tuned, np.ones_like(tuned))),
                error=_error((scores if name == "ours" else scores - mine)[~tuned]),
            )
            for name, scores in by_method.items()
        },
    )


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def _error(values: np.ndarray) -> float:
    return float(values.std() / math.sqrt(len(values))) if len(values) else 0.0


def table(report: Report) -> str:
    """Return the figures as text."""
    head = f"{'recall@20':32}{'tuned on':>10}{'held back':>11}{'all':>8}{'±':>8}"
    rows = [f"{report.people} people, half of each library shown", head]
    for name, one in report.recalls.items():
        rows.append(
            f"{name:32}{one.tuned_on:>10.3f}{one.held_back:>11.3f}{one.everybody:>8.3f}"
            f"{one.error:>8.3f}"
        )
    return "\n".join(rows)


def main() -> int:
    """Print the figures, and write them where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int)
    parser.add_argument("--json", type=Path)
    typed = parser.parse_args()
    try:
        report = measure(people=typed.people)
    except FileNotFoundError as error:
        sys.stderr.write(f"the captures are not here: {error}\n")
        return 1
    sys.stdout.write(f"{table(report)}\n")
    if typed.json:
        typed.json.write_text(json.dumps(asdict(report), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
