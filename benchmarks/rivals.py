"""What a user would take instead of our matcher, asked the same profiles about the same papers.

    python benchmarks/rivals.py [--papers 2000] [--seconds 20] [--compare 300] [--seed N]

Each engine answers as many profiles as fit into the time; 1,000,000 are scaled from them. Their
scores are their own, so only sets of matches are compared, with our plain reference, for profiles
that hold words, phrases, booleans and never-rules alone. What is left out, see `streams`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import workload
from corpus import CORPUS, kind_of
from measuring import calibration
from rival import Measured, Rival
from rival_postgres import PostgresGin
from rival_sqlite import SqliteFts5
from rival_tantivy import Tantivy
from streams import every_leaf

from notifier.papers.paper import Paper
from notifier.profiles.hits import match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.parser import parse
from notifier.profiles.rules import Phrase, Rules

ABSENT = (ImportError, FileNotFoundError, KeyError)  # no package, no server, no user to run it


@dataclass(frozen=True, slots=True)
class Agreement:
    """Profiles whose matches are the reference's, and what differs in the others."""

    equal: int
    differing: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Places of papers that only the reference or only the rival gives for a profile."""

    profile: Rules
    missed: frozenset[int]
    added: frozenset[int]


def rivals() -> list[Rival]:
    """Return all of them, none prepared."""
    return [
        SqliteFts5(),
        PostgresGin(),
        Tantivy(counts_building=False),
        Tantivy(counts_building=True),
    ]


def prepared(rival: Rival, papers: Sequence[Paper]) -> str:
    """Prepare `rival` and return an empty text, or the reason why it cannot be had here."""
    try:
        rival.prepare(papers)
    except ABSENT as error:
        return f"{rival.name}: skipped, {error}"
    return ""


# The match sets.


def comparable(profiles: Iterable[Rules]) -> Iterator[Rules]:
    """Yield the profiles of words, phrases, quotes, booleans and never-rules alone."""
    for profile in profiles:
        nodes = (line.node for line in profile.lines if line.node)
        leaves = [leaf for node in nodes for leaf in every_leaf(node)]
        if all(isinstance(leaf, Phrase) and not _has_prefix(leaf) for leaf in leaves):
            yield profile


def _has_prefix(phrase: Phrase) -> bool:
    return any(word.prefix for word in phrase.words)


def reference(profiles: Iterable[Rules], papers: Iterable[Paper]) -> list[frozenset[int]]:
    """Return for each profile the places of the papers that `notifier.profiles.hits` gives."""
    indexed = [IndexedPaper(paper) for paper in papers]
    return [
        frozenset(place for place, paper in enumerate(indexed) if match(profile, paper))
        for profile in profiles
    ]


def agreement(
    rival: Rival, profiles: Sequence[Rules], expected: Sequence[frozenset[int]]
) -> Agreement:
    """Compare the matches of a prepared rival with the reference's."""
    differing = []
    for profile, wanted in zip(profiles, expected, strict=True):
        if (found := rival.found(profile)) != wanted:
            differing.append(Difference(profile, wanted - found, found - wanted))
    return Agreement(len(profiles) - len(differing), tuple(differing))


# Trying it.


def line(name: str, what: str, measured: Measured, loop_seconds: float) -> str:
    """Return one row: per profile, scaled to a million, and in calibration loops."""
    per_profile = measured.microseconds
    return (
        f"{name:24}{what:10}{measured.profiles_done:>9,}{per_profile:>10.1f}{per_profile:>9.0f}"
        f"{per_profile / 1e3 / (loop_seconds * 1e3):>9.3f}"
        f"{measured.matches_checked / max(1, measured.profiles_done):>9.1f}"
    )


def main() -> None:
    """Measure every rival that is at hand and compare its matches."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--papers", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=20, help="for each figure (20)")
    parser.add_argument("--compare", type=int, default=300, help="profiles whose sets to compare")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    asked = parser.parse_args()
    papers = workload.papers(asked.papers, asked.seed, asked.corpus)
    profiles = [parse(text) for text in workload.profiles(20_000, papers, asked.seed)]
    sample = list(islice(comparable(profiles), asked.compare))
    expected = reference(sample, papers)
    sys.stdout.write(f"{len(papers):,} {kind_of(asked.corpus)} papers\n")
    head = f"{'':24}{'':10}{'profiles':>9}{'us each':>10}{'1M, s':>9}{'loops':>9}{'matches':>9}"
    sys.stdout.write(f"{head}\n")
    for rival in rivals():
        if reason := prepared(rival, papers):
            sys.stdout.write(f"{reason}\n")
            continue
        try:
            tell(rival, profiles, sample, expected, asked.seconds)
        finally:
            rival.close()


def tell(
    rival: Rival,
    profiles: Sequence[Rules],
    sample: Sequence[Rules],
    expected: Sequence[frozenset[int]],
    seconds: float,
) -> None:
    """Print a rival's figures and how its matches agree."""
    for what, keep in (("best 15", 15), ("count", None)):
        loop_seconds = calibration()
        measured = rival.match(profiles, keep, seconds)
        sys.stdout.write(f"{line(rival.name, what, measured, loop_seconds)}\n")
    found = agreement(rival, sample, expected)
    sys.stdout.write(f"{'':24}sets equal: {found.equal} of {len(sample)}\n")
    for difference in found.differing[:5]:
        lines = " / ".join(line.typed for line in difference.profile.lines)
        missed, added = sorted(difference.missed), sorted(difference.added)
        sys.stdout.write(f"  missed {missed[:9]}, added {added[:9]}: {lines}\n")


if __name__ == "__main__":
    main()
