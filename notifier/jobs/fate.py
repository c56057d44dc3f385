"""What became of a paper for a subscriber, or why it did not come: one outcome, one sentence.

Pure. The first reason that holds is told: what was sent, who is not mailed, what no profile wants,
what is still to come, and only then why a digest that could have had it did not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Literal, NamedTuple, TypeAlias

from notifier.digests.cadence import zone_of
from notifier.jobs.talk import TRENDING_DAYS
from notifier.profiles.profile import Subscriber
from notifier.storage.store_digests import Made, Sent

Outcome: TypeAlias = Literal[
    "sent", "waiting", "refused", "not mailed", "no profile", "muted", "never", "not matched",
    "next", "over the limit", "unmatched", "history", "too old", "before", "changed",
]  # fmt: skip


class Fate(NamedTuple):
    """What became of it, for programs; why, for people."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What one profile says of the paper as it is now, by the numbers of its lines.

    `by_words`: not only a rule for what is trending hits. `changed_at`: when its rules were last
    changed (UTC).
    """

    profile: str
    enabled: bool
    hits: tuple[int, ...]
    never: tuple[int, ...]
    by_words: bool
    changed_at: datetime

    @property
    def is_match(self) -> bool:
        """Whether the rules want it."""
        return bool(self.hits) and not self.never


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The next digest as things stand: `place` of the paper among `of` that one profile wants."""

    place: int
    of: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """All that decides. Times are UTC; `arrived_at` is when the paper became news, None: never.

    `is_behind`: its arrival comes behind all that was looked at for the subscriber; `looked_at` is
    the digest for which it was, `last` the last one. `suppressed`: why the address must not be
    mailed, "" where it may. `is_matched`: matching is up to date.
    """

    subscriber: Subscriber
    wishes: Sequence[Wish]
    lookback: timedelta
    suppressed: str = ""
    published_at: datetime | None = None
    arrived_at: datetime | None = None
    changed_at: datetime | None = None
    is_behind: bool = False
    is_matched: bool = True
    sent: Sent | None = None
    looked_at: Made | None = None
    last: Made | None = None
    upcoming: Upcoming | None = None


def fate(facts: Facts, *, now: datetime) -> Fate:
    """Return what became of the paper at `now` (UTC)."""
    if facts.sent:
        return _sent(facts.sent, zone_of(facts.subscriber.schedule))
    return (
        _not_mailed(facts)
        or _not_wanted(facts.wishes)
        or _to_come(facts, now)
        or _passed(facts, now)
    )


def _sent(sent: Sent, zone: tzinfo) -> Fate:
    where = f'the digest of {sent.period}, place {sent.place}, under "{sent.profile}"'
    rising = f", as rising: {sent.rising}" if sent.rising else ""
    told = f": {sent.reply}" if sent.reply else ""
    if sent.state == "sent":
        return Fate("sent", f"sent {_at(sent.finished_at, zone)} in {where}{rising}")
    if sent.state in ("pending", "claimed"):
        return Fate("waiting", f"in {where}{rising}; the mail waits to be sent{told}")
    return Fate("refused", f"in {where}{rising}; the mail was not taken ({sent.state}{told})")


def _not_mailed(facts: Facts) -> Fate | None:
    who = facts.subscriber
    if facts.suppressed:
        return Fate("not mailed", f"the address must not be mailed: {facts.suppressed}")
    if who.state == "active":
        return None
    why = {"pending": "has not confirmed yet", "left": "has unsubscribed"}
    return Fate("not mailed", f"the subscriber {why.get(who.state, who.state)}")


def _not_wanted(wishes: Sequence[Wish]) -> Fate | None:
    if not wishes:
        return Fate("no profile", "the subscriber has no profile")
    if any(wish.enabled and wish.is_match for wish in wishes):
        return None
    for wish in wishes:
        if wish.is_match:
            return Fate("muted", f'only "{wish.profile}" wants it, which is switched off')
    for wish in wishes:
        if wish.enabled and wish.hits:
            line = f"line {wish.never[0]} of it is a never-rule that hits"
            return Fate("never", f'"{wish.profile}" would want it, but {line}')
    return Fate("not matched", "no rule of an enabled profile matches it as it is now")


def _to_come(facts: Facts, now: datetime) -> Fate | None:
    who, zone = facts.subscriber, zone_of(facts.subscriber.schedule)
    if not facts.is_matched:
        return Fate("unmatched", "the paper or a profile is new or changed, and not matched yet")
    if facts.upcoming is None:
        return None
    if who.paused_until and who.paused_until > now:
        when = f"the next digest, after the pause until {_at(who.paused_until, zone)},"
    elif who.next_due_at and who.next_due_at > now:
        when = f"the next digest, due {_at(who.next_due_at, zone)},"
    else:
        when = "the digest that is due now"
    place = f"place {facts.upcoming.place} of {facts.upcoming.of} as things stand"
    if facts.upcoming.is_chosen:
        return Fate("next", f"{when} has it: {place}{_late(facts, zone)}")
    return Fate(
        "over the limit",
        f"{when} takes {who.max_papers} papers: {place}; it still comes if it rises later"
        f"{_late(facts, zone)}",
    )


def _late(facts: Facts, zone: tzinfo) -> str:
    """That the paper was out before the last digest was made, and not here."""
    arrived, published, last = facts.arrived_at, facts.published_at, facts.last
    if not (arrived and published and last and published < last.composed_at < arrived):
        return ""
    return (
        f"; its source was late: it arrived {_at(arrived, zone)}, after the digest of "
        f"{last.period} was made {_at(last.composed_at, zone)}"
    )


def _passed(facts: Facts, now: datetime) -> Fate:
    zone, days = zone_of(facts.subscriber.schedule), facts.lookback.days
    if facts.arrived_at is None:
        return Fate("history", "no source announced it as new while it was watched")
    arrived = f"it arrived {_at(facts.arrived_at, zone)}"
    digest = facts.looked_at
    if digest and facts.arrived_at >= digest.composed_at - facts.lookback:
        return _passed_over(facts, digest, facts.arrived_at + facts.lookback, now)
    if digest:
        old = f"{arrived}, more than {days} days before the digest of {digest.period} was made"
        return Fate("too old", old)
    if facts.is_behind:
        return Fate("too old", f"{arrived}; what is older than {days} days is not sent")
    return Fate("before", f"{arrived}, before what the first digest looked back to")


def _passed_over(facts: Facts, digest: Made, until: datetime, now: datetime) -> Fate:
    """Why a digest for which the paper was looked at has not got it."""
    zone = zone_of(facts.subscriber.schedule)
    after = f"after the digest of {digest.period} was made"
    wishes = [wish for wish in facts.wishes if wish.enabled and wish.is_match]
    later = [wish for wish in wishes if wish.changed_at > digest.composed_at]
    if later:
        rules = f'the rules of "{later[0].profile}" were changed'
        return Fate("changed", f"{rules} {_at(later[0].changed_at, zone)}, {after}")
    if facts.changed_at and facts.changed_at > digest.composed_at:
        return Fate("changed", f"the paper was changed {_at(facts.changed_at, zone)}, {after}")
    if digest.more and any(wish.by_words for wish in wishes):
        matched = digest.papers + digest.more
        rise = f"; it still comes if it rises before {_at(until, zone)}" if until > now else ""
        took = f"the digest of {digest.period} took {digest.papers} of {matched} that matched"
        return Fate("over the limit", f"{took}{rise}")
    not_then = f"it did not match for the digest of {digest.period}"
    if not any(wish.by_words for wish in wishes):
        days = f"and rules for what is trending take papers of the last {TRENDING_DAYS.days} days"
        return Fate("too old", f"{not_then}, {days}")
    return Fate("changed", f"{not_then}; which profiles are on has changed since")


def _at(time: datetime | None, zone: tzinfo) -> str:
    if time is None:
        return "at an unknown time"
    local = time.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y %H:%M}"
