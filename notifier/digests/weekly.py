"""What a reader's week was: what their fields talked about, how their rules did, one proposal.

Pure values, which the mail and the page say alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from notifier.digests import cadence
from notifier.papers.paper import Paper
from notifier.profiles.profile import Schedule
from notifier.profiles.proposing import Proposal, RuleWeek


@dataclass(frozen=True, slots=True)
class Span:
    """A week that is over, from a Monday on, by somebody's clock; `ends` (UTC) is not of it."""

    monday: date
    begins: datetime
    ends: datetime

    @property
    def name(self) -> str:
        """`2026-W47` (ISO 8601)."""
        year, week, _ = self.monday.isocalendar()
        return f"{year}-W{week:02}"


def last_week(schedule: Schedule, now: datetime) -> Span:
    """Return the last week that is over at `now`, by the clock of a schedule's zone."""
    today = now.astimezone(cadence.zone_of(schedule)).date()
    monday = today - timedelta(days=today.weekday() + 7)
    ends = cadence.begins(schedule, monday + timedelta(days=7))
    return Span(monday, cadence.begins(schedule, monday), ends)


@dataclass(frozen=True, slots=True)
class Talked:
    """A paper that was talked about; `was_sent`: it had reached the reader."""

    paper: Paper
    page: str
    was_sent: bool


@dataclass(frozen=True, slots=True)
class Week:
    """A reader's week: `sent` papers in digests, `matched` by their rules, `votes` of any kind.

    `fields`: the categories of what their rules bring, most first; `talked` is of them.
    """

    span: Span
    sent: int
    matched: int
    votes: int
    fields: tuple[str, ...]
    talked: tuple[Talked, ...]
    rules: tuple[RuleWeek, ...]
    proposal: Proposal | None

    @property
    def most(self) -> int:
        """How many papers the rule brought that brought most; at least 1."""
        return max([rule.week for rule in self.rules], default=0) or 1

    def percent(self, rule: RuleWeek) -> int:
        """How long a rule's bar is, in percent of the longest."""
        return round(100 * rule.week / self.most)

    @property
    def by_profile(self) -> Sequence[tuple[str, Sequence[RuleWeek]]]:
        """The rules of each profile, in order."""
        names = dict.fromkeys(rule.name for rule in self.rules)
        return [(name, [one for one in self.rules if one.name == name]) for name in names]
