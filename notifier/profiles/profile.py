"""A subscriber, their schedule, and their profiles, as values.

Pure. Times are aware UTC; `hour`, `minute` and `days` are meant in the subscriber's IANA zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from notifier.papers.event import KINDS, OF_SENT, Kind

Cadence = Literal["daily", "weekly"]
State = Literal["pending", "active", "left"]
DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a digest goes out.

    `days` are weekday numbers, Monday 0, at least one; `weekly` sends on the first of them.
    """

    zone: str
    hour: int = 7
    minute: int = 0
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    cadence: Cadence = "daily"

    def __str__(self) -> str:
        days = {(0, 1, 2, 3, 4): "weekdays", tuple(range(7)): "every day"}.get(self.days)
        days = days or ", ".join(DAY_NAMES[day].capitalize() for day in self.days)
        kind = "weekly, " if self.cadence == "weekly" else ""
        return f"{kind}{days} {self.hour:02d}:{self.minute:02d} {self.zone}"


@dataclass(frozen=True, slots=True)
class Profile:
    """A named set of rules of one subscriber; `rules` is the text as typed.

    `matched`: the matches kept for it are those of these rules, which were last changed at
    `changed_at`. `previous`: the rules before that, None where there were none. `change` is the
    number of the last change of any kind.
    """

    row: int
    subscriber: int
    name: str
    rules: str
    enabled: bool
    matched: bool
    changed_at: datetime
    previous: str | None = None
    change: int = 0


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A mail address with its schedule.

    Only `active` ones are mailed. `seen` is the arrival number up to which papers were
    considered. `next_due_at` is None while pending or left. `replacements`: asked to be told of
    new versions, too. `learning`: their votes may move the order. `language`: see `languages`.
    `tell_nothing`: asked to be told that nothing matched. `text_only`: their mails have no HTML.
    `summary`: asked for a summary of each week. `news_of_sent`, `news_of_saved`: what they are told
    of papers that they know (see `papers.event`).
    `left_at`: None but for who has left.
    """

    row: int
    address: str
    state: State
    schedule: Schedule
    max_papers: int
    seen: int
    created_at: datetime
    confirmed_at: datetime | None = None
    next_due_at: datetime | None = None
    paused_until: datetime | None = None
    consent: str = ""
    replacements: bool = False
    learning: bool = True
    language: str = "en"
    tell_nothing: bool = False
    text_only: bool = False
    summary: bool = False
    news_of_sent: tuple[Kind, ...] = OF_SENT
    news_of_saved: tuple[Kind, ...] = KINDS
    left_at: datetime | None = None
