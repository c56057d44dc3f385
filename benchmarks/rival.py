"""What every rival can be asked: an engine that holds the papers and answers profile by profile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

from notifier.papers.paper import Paper
from notifier.profiles.rules import Rules

CHUNK = 50  # profiles timed at once; what is made ready for them is not timed
Asked = TypeVar("Asked")


@dataclass(frozen=True, slots=True)
class Measured:
    """Profiles answered in so many seconds, and the matches that were given for them in all.

    `seconds` is the engine's time, its parsing of the question among it; writing the question
    from our rules is not.
    """

    profiles_done: int
    seconds: float
    matches_checked: int

    @property
    def microseconds(self) -> float:
        """Time for one profile."""
        return self.seconds / max(1, self.profiles_done) * 1e6


class Rival(Protocol):
    """An engine that answers profiles one by one."""

    name: str

    def prepare(self, papers: Sequence[Paper]) -> None:
        """Index the papers."""

    def match(
        self, profiles: Iterable[Rules], keep: int | None = 15, seconds: float = 60
    ) -> Measured:
        """Ask for the best `keep` papers of each profile until time is up; None: only count."""

    def found(self, profile: Rules) -> frozenset[int]:
        """Return the places, in what was prepared, of all papers that match."""

    def close(self) -> None:
        """Give everything back; nothing is left on disk and no process runs."""


def timed(
    ask: Callable[[Asked], int], questions: Iterable[Asked | None], seconds: float
) -> Measured:
    """Ask until `seconds` of the wall clock are up; None is answered by nothing, at once."""
    done, matches, spent = 0, 0, 0.0
    rest, until = iter(questions), time.perf_counter() + seconds
    while time.perf_counter() < until and (chunk := list(islice(rest, CHUNK))):
        begun = time.perf_counter()
        for question in chunk:
            if question is not None:
                matches += ask(question)
        spent += time.perf_counter() - begun
        done += len(chunk)
    return Measured(done, spent, matches)
