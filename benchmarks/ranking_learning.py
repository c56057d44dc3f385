"""How well votes find what else people keep: real libraries, two thirds votes, a third hidden.

    python benchmarks/ranking_learning.py [--people N] [--splits 5] [--json FILE]

Recall@20 among all papers but the votes, the mean over people and several splits by chance (the
same in every run). Beside ours: the plain TF-IDF centroid, and where scikit-learn is installed the
centroid and the linear SVM on the features and with the settings of arxiv-sanity-lite (all other
papers are negatives). Our parameters were chosen on every third person; `held back` are the others.
Also what votes against do: people reject a topic near to theirs by three papers of one tag.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from notifier.papers.text import tokens
from notifier.profiles.keys import stems_in
from notifier.ranking import learning
from notifier.ranking.learning import Features, Pile, Vote
from notifier.ranking.relevance import WordStatistics

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "relevance" / "citeulike"
NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
TOP = 20
TUNED_ON = 3  # every third person
REJECTED = 3  # papers of a topic that are voted against
TOPIC_SIZES = range(12, 151)
NEAR_TOPICS = 10
TARGET_CENTROID, TARGET_MILLISECONDS = 0.25, 20.0
# arxiv-sanity-lite, compute.py and serve.py (its C is 0.01).
SANITY: dict[str, Any] = {
    "strip_accents": "unicode", "stop_words": "english", "ngram_range": (1, 2),
    "token_pattern": r"(?u)\b[a-zA-Z_][a-zA-Z0-9_]+\b", "max_features": 20_000,
    "sublinear_tf": True, "max_df": 0.1, "min_df": 5,
}  # fmt: skip

Scores: TypeAlias = NDArray[np.float64]
Method: TypeAlias = Callable[[Sequence[int]], Scores]  # numbers of liked papers: scores of all


@dataclass(frozen=True, slots=True)
class Person:
    """Whose library it is, as numbers of papers."""

    name: int
    library: tuple[int, ...]


@dataclass(frozen=True)
class Corpus:
    """The papers, and who kept which."""

    titles: list[str]
    abstracts: list[str]
    tags: list[frozenset[str]]
    people: list[Person]

    @classmethod
    def read(cls, folder: Path) -> Corpus:
        """Read the captures."""
        items, users = _lines(folder / "items.jsonl.gz"), _lines(folder / "users.jsonl.gz")
        number = {item["item"]: place for place, item in enumerate(items)}
        kept = [(u["user"], sorted({number[i] for i in u["items"] if i in number})) for u in users]
        return cls(
            [item["title"] for item in items],
            [item["abstract"] for item in items],
            [frozenset(item["tags"]) for item in items],
            [Person(name, tuple(library)) for name, library in kept if len(library) > 1],
        )

    @cached_property
    def texts(self) -> list[str]:
        return [f"{title}. {text}" for title, text in zip(self.titles, self.abstracts, strict=True)]

    @cached_property
    def statistics(self) -> WordStatistics:
        found = Counter(stem for text in self.texts for stem in stems_in(text))
        return WordStatistics(len(self.titles), dict(found))

    @cached_property
    def vectors(self) -> list[Features]:
        """The papers as the product sees them."""
        texts = zip(self.titles, self.abstracts, strict=True)
        return [learning.features(learning.counted(*text), self.statistics) for text in texts]


def _lines(file: Path) -> list[dict[str, Any]]:
    text = gzip.decompress(file.read_bytes()).decode()
    return [json.loads(line) for line in text.split("\n") if line.strip()]


@dataclass(frozen=True, slots=True)
class Recall:
    """Mean recall@20 of the people it was chosen on, of the others and of all; and its time.

    `error` is the standard error of the mean difference to ours, over the people held back.
    """

    tuned_on: float
    held_back: float
    everybody: float
    milliseconds: float
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Rejection:
    """What votes against a topic do: recall@20 before and after, and how far the topic falls.

    `fall` is the mean number of places, as a share of all papers, of the topic's other papers.
    """

    before: float
    after: float
    fall: float


@dataclass(slots=True)
class Report:
    """All figures; `skipped` says why something was not measured."""

    people: int
    splits: int
    features_milliseconds: float
    recalls: dict[str, Recall] = field(default_factory=dict)
    rejection: Rejection | None = None
    skipped: list[str] = field(default_factory=list)


# The methods.


def ours(corpus: Corpus) -> Method:
    """The product's: a taste from the votes, and how close each paper comes to it."""
    pile = Pile.of(corpus.vectors)

    def scores(liked: Sequence[int]) -> Scores:
        return _closeness(corpus, pile, liked, ())

    return scores


def _closeness(corpus: Corpus, pile: Pile, liked: Sequence[int], rejected: Sequence[int]) -> Scores:
    votes = [Vote(corpus.vectors[paper], True, NOW) for paper in liked]
    votes += [Vote(corpus.vectors[paper], False, NOW) for paper in rejected]
    return learning.closeness(learning.taste(votes, corpus.statistics), pile)


def plain_centroid(corpus: Corpus) -> Method:
    """tf x idf of stems, unit length; the mean of the votes; cosine."""
    counts = [Counter(token.stem for token in tokens(text)) for text in corpus.texts]
    spread = Counter(stem for paper in counts for stem in paper)
    idf = {stem: math.log(len(counts) / papers) for stem, papers in spread.items()}
    column = {stem: place for place, stem in enumerate(spread)}
    matrix = np.zeros((len(counts), len(column)), np.float32)
    for row, paper in enumerate(counts):
        for stem, count in paper.items():
            matrix[row, column[stem]] = count * idf[stem]
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)

    def scores(liked: Sequence[int]) -> Scores:
        return (matrix @ matrix[list(liked)].mean(0)).astype(np.float64)

    return scores


def rivals(corpus: Corpus) -> dict[str, Method]:
    """scikit-learn's: the centroid and the linear SVM on arxiv-sanity-lite's features.

    Raises:
        ImportError: it is not installed.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    matrix = TfidfVectorizer(**SANITY).fit_transform(corpus.texts)

    def centroid(liked: Sequence[int]) -> Scores:
        return np.asarray(matrix @ np.asarray(matrix[list(liked)].mean(0)).ravel())

    def svm(strength: float) -> Method:
        def scores(liked: Sequence[int]) -> Scores:
            wanted = np.zeros(matrix.shape[0], int)
            wanted[list(liked)] = 1
            machine = LinearSVC(class_weight="balanced", C=strength, max_iter=10_000, tol=1e-6)
            return np.asarray(machine.fit(matrix, wanted).decision_function(matrix))

        return scores

    named = {f"linear SVM, C = {strength}": svm(strength) for strength in (0.01, 0.1, 1.0)}
    return {"centroid, arxiv-sanity-lite's features": centroid, **named}


# The measurements.


def split(person: Person, turn: int) -> tuple[list[int], set[int]]:
    """Return a person's votes and the papers that are hidden, the same in every run."""
    papers = list(person.library)
    random.Random(f"{turn}/{person.name}").shuffle(papers)  # noqa: S311
    votes = round(len(papers) * 2 / 3)
    return papers[:votes], set(papers[votes:])


def found(scores: Scores, without: Sequence[int], hidden: set[int]) -> float:
    """Return the share of the hidden papers among the best 20; `without` take no part."""
    scores = scores.copy()
    scores[list(without)] = -np.inf
    best = np.argsort(-scores, kind="stable")[:TOP]
    return len(hidden.intersection(best.tolist())) / len(hidden)


def recalls(method: Method, people: Sequence[Person], splits: int) -> tuple[Scores, float]:
    """Return each person's mean recall, and the milliseconds of one person."""
    out, took = np.zeros(len(people)), 0.0
    for place, person in enumerate(people):
        for turn in range(splits):
            votes, hidden = split(person, turn)
            begun = time.perf_counter()
            scores = method(votes)
            took += time.perf_counter() - begun
            out[place] += found(scores, votes, hidden) / splits
    return out, took / (len(people) * splits) * 1e3


def rejection(corpus: Corpus, people: Sequence[Person]) -> Rejection | None:
    """Measure what three votes against a tag near to a person's papers do, if none is theirs."""
    pile = Pile.of(corpus.vectors)
    topics = _topics(corpus)
    if not topics:
        return None
    rows = []
    for person in people:
        votes, hidden = split(person, 0)
        before = _closeness(corpus, pile, votes, ())
        others = [papers for papers in topics if not papers.intersection(person.library)]
        near = sorted(
            others, key=lambda papers: (np.median(_places(before)[list(papers)]), min(papers))
        )
        chance = random.Random(person.name)  # noqa: S311
        topic = sorted(chance.choice(near[:NEAR_TOPICS]))
        rejected = chance.sample(topic, REJECTED)
        rest = [paper for paper in topic if paper not in rejected]
        after = _closeness(corpus, pile, votes, rejected)
        fall = (_places(after)[rest] - _places(before)[rest]).mean() / len(before)
        without = [*votes, *rejected]
        rows.append((found(before, without, hidden), found(after, without, hidden), fall))
    return Rejection(*np.mean(rows, axis=0).tolist())


def _topics(corpus: Corpus) -> list[frozenset[int]]:
    papers: dict[str, set[int]] = {}
    for number, tags in enumerate(corpus.tags):
        for tag in tags:
            papers.setdefault(tag, set()).add(number)
    return [frozenset(held) for _, held in sorted(papers.items()) if len(held) in TOPIC_SIZES]


def _places(scores: Scores) -> NDArray[np.int64]:
    places = np.empty(len(scores), np.int64)
    places[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return places


def measure(folder: Path = DATA, *, people: int | None = None, splits: int = 5) -> Report:
    """Return all figures, of the first so many people.

    Raises:
        FileNotFoundError: the captures are not here.
    """
    corpus = Corpus.read(folder)
    asked = corpus.people[:people]
    _ = corpus.statistics
    begun = time.perf_counter()
    each = len(corpus.vectors)
    report = Report(len(asked), splits, (time.perf_counter() - begun) / each * 1e3)
    methods = {"ours": ours(corpus), "centroid, plain TF-IDF": plain_centroid(corpus)}
    try:
        methods |= rivals(corpus)
    except ImportError as error:
        report.skipped.append(f"linear SVM: {error} (uv pip install scikit-learn)")
    tuned = np.arange(len(asked)) % TUNED_ON == 0
    base: Scores | None = None
    for name, method in methods.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the SVM that did not converge
            by_person, took = recalls(method, asked, splits)
        base = by_person if base is None else base
        apart = (by_person - base)[~tuned]
        error = float(apart.std() / math.sqrt(max(len(apart), 1))) if len(apart) else 0.0
        parts = [float(by_person[part].mean()) for part in (tuned, ~tuned, slice(None))]
        report.recalls[name] = Recall(*parts, took, error)
    report.rejection = rejection(corpus, asked)
    return report


def table(report: Report) -> str:
    """Return the figures as text."""
    head = f"{'recall@20':40}{'tuned on':>10}{'held back':>11}{'all':>8}{'± to ours':>11}{'ms':>7}"
    rows = [f"{report.people} people, {report.splits} splits", head]
    for name, one in report.recalls.items():
        rows.append(
            f"{name:40}{one.tuned_on:>10.3f}{one.held_back:>11.3f}{one.everybody:>8.3f}"
            f"{one.error:>11.3f}{one.milliseconds:>7.1f}"
        )
    rows.append(
        f"{'target':40}{'':10}{'':11}{TARGET_CENTROID:>8.3f}{'':11}{TARGET_MILLISECONDS:>7.1f}"
    )
    rows.append(f"a paper's features: {report.features_milliseconds:.2f} ms, once")
    if one := report.rejection:
        rows.append(
            f"a near topic rejected by {REJECTED} votes: its others fall by {one.fall:.0%} of "
            f"all papers; recall@20 {one.before:.3f}, then {one.after:.3f}"
        )
    return "\n".join([*rows, *(f"skipped: {reason}" for reason in report.skipped)])


def main() -> None:
    """Measure, print a table, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, help="only the first so many")
    parser.add_argument("--splits", type=int, default=5, help="of each library, by chance (5)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    try:
        report = measure(people=asked.people, splits=asked.splits)
    except FileNotFoundError as error:
        sys.exit(f"skipped: no captures at {error.filename}")
    sys.stdout.write(table(report) + "\n")
    if asked.json:
        targets = {"recall": TARGET_CENTROID, "milliseconds": TARGET_MILLISECONDS}
        asked.json.write_text(json.dumps(asdict(report) | {"targets": targets}, indent=1))


if __name__ == "__main__":
    main()
