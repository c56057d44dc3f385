"""Subscribers and profiles as they go in and out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from notifier.app import App
from notifier.papers.event import KINDS, Kind
from notifier.profiles.parser import PROFILE_CHARACTERS, parse
from notifier.profiles.profile import DAY_NAMES, Cadence, Profile, Schedule, State, Subscriber
from notifier.storage import store_subscribers
from notifier.subscriptions.checks import MOST_PAPERS, wrong_in
from notifier.web.api import examples
from notifier.web.api.problems import Fault, Refused
from notifier.web.api.schemas import LINE, TEXT, Moment, Notice, Sent, Shown, like

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Days = Annotated[list[Day], Field(min_length=1, max_length=7, examples=[["mon", "thu"]])]
Time = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["07:30"])]
Papers = Annotated[StrictInt, Field(ge=1, le=MOST_PAPERS, examples=[12])]
Zone = Annotated[str, Field(max_length=60, examples=["Europe/Berlin"]), LINE]
Code = Annotated[str, Field(max_length=20, examples=["en"]), LINE]
Address = Annotated[
    str,
    Field(
        min_length=3,
        max_length=320,
        examples=["ada@example.org"],
        json_schema_extra={"format": "email"},
    ),
    LINE,
]
RulesText = Annotated[
    str,
    Field(max_length=2 * PROFILE_CHARACTERS, examples=["LLM agents\nRAG ^2\n-survey"]),
    TEXT,
]
_CURES = {
    "zone": "no IANA time zone: write one like Europe/Berlin or Asia/Tokyo",
    "days": "at least one day",
    "time": "HH:MM, from 00:00 to 23:59",
}


Kinds = Annotated[list[Kind], Field(max_length=len(KINDS), examples=[["withdrawn"]])]


class Wanted(Sent):
    """What a subscriber gets, and when; what is not named, or null, stays as it is."""

    zone: Zone | None = None
    time: Time | None = None
    days: Days | None = None
    cadence: Cadence | None = Field(None, description="weekly: on the first of the days.")
    max_papers: Papers | None = None
    replacements: StrictBool | None = Field(None, description="Also new versions.")
    language: Code | None = None
    tell_nothing: StrictBool | None = Field(None, description="A mail when nothing matched.")
    text_only: StrictBool | None = Field(None, description="Mails without HTML.")
    summary: StrictBool | None = Field(None, description="Also a summary of each week.")

    @property
    def names_a_schedule(self) -> bool:
        """Whether anything of the schedule is to be changed."""
        return any(one is not None for one in (self.zone, self.time, self.days, self.cadence))

    def schedule(self, before: Schedule) -> Schedule:
        """Return a schedule with what is named changed.

        Raises:
            Refused: it cannot be kept.
        """
        hour, minute = (int(part) for part in self.time.split(":")) if self.time else (
            before.hour, before.minute,
        )  # fmt: skip
        made = Schedule(
            self.zone or before.zone,
            hour,
            minute,
            tuple(n for n, name in enumerate(DAY_NAMES) if name in self.days)
            if self.days
            else before.days,
            self.cadence or before.cadence,
        )
        if wrong := wrong_in(made):
            faults = [Fault(detail=_CURES[name], pointer=f"#/{name}") for name in wrong]
            raise Refused(422, "this schedule cannot be kept", faults)
        return made


class NewSubscriber(Wanted):
    """An address that may get digests once it is confirmed."""

    address: Address


class Changes(Wanted):
    """What is to be changed."""

    learning: StrictBool | None = Field(None, description="Votes may move the order.")
    news_of_sent: Kinds | None = Field(None, description="News of papers that were sent.")
    news_of_saved: Kinds | None = Field(None, description="News of papers that were saved.")


class FoundBy(Sent):
    """An address to look for."""

    address: Address


class Consent(Sent):
    """How consent was given; it is kept."""

    because: Annotated[
        str, Field(min_length=3, max_length=500, examples=["asked at the seminar"]), LINE
    ]


class PauseUntil(Sent):
    """Until when nothing is sent."""

    until: Annotated[Moment, Field(examples=["2027-01-07T00:00:00Z"])]


class SubscriberShown(Shown):
    """A subscriber; only `active` ones are mailed, and none that is `suppressed` (says why)."""

    model_config = like(examples.SUBSCRIBER)
    id: int
    address: str
    state: State
    zone: str
    time: str
    days: list[Day]
    cadence: Cadence
    max_papers: int
    replacements: bool
    learning: bool
    language: str
    tell_nothing: bool
    text_only: bool
    summary: bool
    news_of_sent: list[Kind]
    news_of_saved: list[Kind]
    created_at: datetime
    confirmed_at: datetime | None
    consent: str
    next_due_at: datetime | None
    paused_until: datetime | None
    suppressed: str | None


class NewRules(Sent):
    """A profile's rules as typed; lines in error are kept and take no part."""

    rules: RulesText
    enabled: StrictBool | None = Field(None, description="null: as it is; a new one is.")


class ProfileShown(Shown):
    """A profile, with what is wrong with its rules and what could be better."""

    model_config = like(examples.PROFILE)
    name: str
    rules: str
    enabled: bool
    changed_at: datetime
    problems: list[Notice]
    warnings: list[Notice]


def shown(app: App, subscribers: Sequence[Subscriber]) -> list[SubscriberShown]:
    """Return subscribers as they go out."""
    now = app.clock()
    with app.database.reading() as conn:
        held = {
            one.row: store_subscribers.suppression(conn, one.address, now) for one in subscribers
        }
    return [_shown(one, held[one.row]) for one in subscribers]


def _shown(one: Subscriber, held: tuple[str, str] | None) -> SubscriberShown:
    schedule = one.schedule
    return SubscriberShown(
        id=one.row,
        address=one.address,
        state=one.state,
        zone=schedule.zone,
        time=f"{schedule.hour:02d}:{schedule.minute:02d}",
        days=[DAY_NAMES[day] for day in schedule.days],
        cadence=schedule.cadence,
        max_papers=one.max_papers,
        replacements=one.replacements,
        learning=one.learning,
        language=one.language,
        tell_nothing=one.tell_nothing,
        text_only=one.text_only,
        summary=one.summary,
        news_of_sent=list(one.news_of_sent),
        news_of_saved=list(one.news_of_saved),
        created_at=one.created_at,
        confirmed_at=one.confirmed_at,
        consent=one.consent,
        next_due_at=one.next_due_at,
        paused_until=one.paused_until,
        suppressed=held[0] if held else None,
    )


def profile_shown(profile: Profile) -> ProfileShown:
    """Return a profile as it goes out."""
    rules = parse(profile.rules)
    return ProfileShown(
        name=profile.name,
        rules=profile.rules,
        enabled=profile.enabled,
        changed_at=profile.changed_at,
        problems=Notice.each(rules.problems),
        warnings=Notice.each(rules.warnings),
    )
