"""What `subscriber export` wrote of somebody, read and checked.

Pure but for the catalogues of languages. What is wrong with a part is told, and the rest is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast, get_args

from notifier import errors
from notifier.papers.event import KINDS
from notifier.profiles.profile import DAY_NAMES, Cadence, Schedule, State
from notifier.storage.store_votes import Kind
from notifier.subscriptions.checks import (
    MOST_PAPERS,
    check_schedule,
    checked_language,
    checked_profile,
    normal_address,
)
from notifier.subscriptions.moving.told import Rejected
from notifier.subscriptions.records import FORMAT

_SECRET = re.compile(r"[\w-]{16,64}", re.ASCII)
_CONSENT_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class MovedProfile:
    """A profile; `secret`: of its feed, None where it has none."""

    name: str
    rules: str
    enabled: bool
    secret: str | None


@dataclass(frozen=True, slots=True)
class MovedVote:
    """What was said of a paper, by any of its names."""

    names: tuple[str, ...]
    kind: Kind
    at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """Somebody with what they have. `settings`: as of a `Subscriber`, but for the schedule.

    `channels`, `shared` (profiles that they shared or followed), `others`: how much else the record
    tells of that does not come along.
    """

    address: str
    state: State
    schedule: Schedule
    settings: dict[str, Any]
    consent: str
    confirmed_at: datetime | None
    paused_until: datetime | None
    profiles: tuple[MovedProfile, ...]
    votes: tuple[MovedVote, ...]
    saved_secret: str | None
    suppressed: tuple[str, str] | None
    channels: int
    shared: int
    others: int


def read(told: Any, complain: Callable[[str], None]) -> Moved:
    """Read a record.

    Args:
        told: As JSON gives it.
        complain: Told of each part that is left out.
    Raises:
        Rejected: nothing of it can be taken.
    """
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise Rejected(f'it is no record of the format "{FORMAT}"')
    who = told.get("subscriber")
    if not isinstance(who, dict):
        raise Rejected("it says nothing of a subscriber")
    try:
        address = normal_address(_text(who, "address"))
        schedule = _schedule(who.get("schedule"))
    except errors.UsageError as error:
        raise Rejected(str(error)) from None
    if who.get("state") not in get_args(State):
        raise Rejected(f'the state "{who.get("state")}" is not known')
    suppressed = told.get("suppressed")
    others = told["other"] if isinstance(told.get("other"), dict) else {}
    shared = _length(others.get("member"))
    return Moved(
        address=address,
        state=cast(State, who["state"]),
        schedule=schedule,
        settings=_settings(who, complain),
        consent=_text(who, "consent")[:_CONSENT_CHARACTERS] if who.get("consent") else "",
        confirmed_at=_time(who.get("confirmed_at")),
        paused_until=_time(who.get("paused_until")),
        profiles=tuple(_each(told.get("profiles"), _profile, "a profile", complain)),
        votes=tuple(_each(told.get("votes"), _vote, "a vote", complain)),
        saved_secret=_secret(who.get("saved_feed_secret")),
        suppressed=_suppressed(suppressed) if isinstance(suppressed, dict) else None,
        channels=_length(told.get("channels")),
        shared=shared,
        others=sum(map(_length, others.values())) - shared,
    )


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str):
        raise Rejected(f'"{name}" has to be a text')
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Rejected(f'"{name}" holds a half of a character') from None
    return value.replace("\0", "")


def _time(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Rejected(f'"{value}" is no time') from None
    if found.tzinfo is None:
        return found.replace(tzinfo=UTC)
    try:
        return found.astimezone(UTC)
    except OverflowError:  # before the year 1, or after 9999
        raise Rejected(f'"{value}" is no time') from None


def _schedule(told: Any) -> Schedule:
    """Read a schedule.

    Raises:
        Rejected, UsageError: it is none that can be kept.
    """
    if not isinstance(told, dict):
        raise Rejected("it says nothing of a schedule")
    hour, _, minute = _text(told, "time").partition(":")
    days = told.get("days")
    is_clock = hour.isdecimal() and minute.isdecimal() and len(hour + minute) <= 4
    if not is_clock or not isinstance(days, list):
        raise Rejected("its schedule is none")
    if not all(day in DAY_NAMES for day in days) or told.get("cadence") not in get_args(Cadence):
        raise Rejected("its schedule has days or a cadence that are not known")
    numbers = tuple(sorted({DAY_NAMES.index(day) for day in days}))
    made = Schedule(_text(told, "zone"), int(hour), int(minute), numbers, told["cadence"])
    check_schedule(made)
    return made


def _settings(who: dict[str, Any], complain: Callable[[str], None]) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: who[name]
        for name in ("replacements", "learning", "tell_nothing", "text_only", "summary")
        if isinstance(who.get(name), bool)
    }
    for name in ("news_of_sent", "news_of_saved"):
        if isinstance(who.get(name), list):
            found[name] = tuple(kind for kind in KINDS if kind in who[name])
    most = who.get("max_papers")
    if isinstance(most, int) and not isinstance(most, bool) and 1 <= most <= MOST_PAPERS:
        found["max_papers"] = most
    elif most is not None:
        complain(f'"max_papers" lies between 1 and {MOST_PAPERS}; that of this instance is taken')
    try:
        found["language"] = checked_language(str(who.get("language")))
    except errors.UsageError as error:
        complain(f"{error}; that of this instance is taken")
    return found


def _profile(told: dict[str, Any]) -> MovedProfile:
    try:
        name, _ = checked_profile(_text(told, "name"), _text(told, "rules"))
    except errors.UsageError as error:
        raise Rejected(str(error).splitlines()[0]) from None
    enabled = told.get("enabled") is not False
    return MovedProfile(name, _text(told, "rules"), enabled, _secret(told.get("feed_secret")))


def _vote(told: dict[str, Any]) -> MovedVote:
    aliases = told["aliases"] if isinstance(told.get("aliases"), list) else []
    names = [_text(told, "paper"), *(name for name in aliases if isinstance(name, str))]
    at = _time(told.get("at"))
    if told.get("said") not in get_args(Kind) or at is None:
        raise Rejected("it says nothing that is known")
    return MovedVote(tuple(dict.fromkeys(names)), told["said"], at)


def _secret(value: Any) -> str | None:
    return value if isinstance(value, str) and _SECRET.fullmatch(value) else None


def _suppressed(told: dict[str, Any]) -> tuple[str, str]:
    return _text(told, "reason"), _text(told, "evidence")


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0


def _each(value: Any, read: Callable[[dict[str, Any]], Any], what: str, complain: Any) -> list[Any]:
    """The parts of a list that can be read; each of the others is told of."""
    found = []
    for number, one in enumerate(value if isinstance(value, list) else [], 1):
        try:
            if not isinstance(one, dict):
                raise Rejected("it is no object")
            found.append(read(one))
        except Rejected as error:
            complain(f"{what} is left out, number {number}: {error}")
    return found
