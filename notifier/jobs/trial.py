"""Rules tried on stored papers before they are kept: what they find, what is said of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.jobs.backtest import BackTest
from notifier.jobs.searching import Spelling
from notifier.profiles.hits import Match, match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.lint import lint, silent_words
from notifier.profiles.rules import RuleProblem, Rules

# To look for a word that is like another takes some milliseconds.
_MOST_MEANT = 10


@dataclass(frozen=True, slots=True)
class Trial:
    """What rules find in the papers of `days` days, at least one.

    `covered`: of so many days there are papers, up to now; fewer on a young instance. `warnings`
    tell of rules that find nothing, or far too much.
    """

    rules: Rules
    tested: BackTest
    days: int
    covered: int
    warnings: tuple[RuleProblem, ...]

    @property
    def per_day(self) -> float:
        """How many papers a day."""
        return self.tested.papers / self.days

    @property
    def samples(self) -> list[Match]:
        """The best papers, with the words that hit."""
        found = (match(self.rules, IndexedPaper(one.paper)) for one in self.tested.best)
        return [one for one in found if one]


def trial(
    rules: Rules, tested: BackTest, spelled: Spelling, *, since: datetime | None, now: datetime
) -> Trial:
    """Return what a back-test of rules says.

    Args:
        spelled: How a word that no paper has may be meant.
        since: Only papers first seen then or later were asked (UTC); None: all.
        now: As of then (UTC).
    """
    days = _days(since or tested.oldest or now, now)
    words = silent_words(rules, tested.rules)[:_MOST_MEANT]
    meant = {word: other for word in words if (other := spelled(word))}
    found = lint(
        rules, tested.rules, matches=tested.papers, scanned=tested.scanned, days=days, spelled=meant
    )
    covered = min(_days(tested.oldest or now, now), days)
    return Trial(rules, tested, days, covered, tuple(found))


def _days(since: datetime, now: datetime) -> int:
    """How many days there are between, at least one."""
    return max((now - since + timedelta(hours=12)).days, 1)
