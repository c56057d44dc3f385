"""Why a subscriber got no mail: everything that stands in the way, and what became of the last one.

Pure. Told in the order in which a digest meets it: who is mailed, what they want, when, what it
waits for, and how it is sent. Where nothing is told, nothing stands in the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from notifier.delivery import breaker
from notifier.delivery.waiting import Way
from notifier.profiles.parser import parse
from notifier.profiles.profile import Profile, Subscriber
from notifier.storage.store_digests import Listed

Cause: TypeAlias = Literal[
    "not confirmed", "left", "suppressed", "paused", "no profile", "muted", "no rules", "unmatched",
    "not due", "late source", "no daemon", "nothing matched", "expired", "refused", "held",
    "waiting", "mail server", "destination", "limit", "goes elsewhere", "sent",
]  # fmt: skip
# A digest that is due is made within minutes where anything looks for it.
LONGEST_REST = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that stands in the way, in a sentence, and what to do about it ("": nothing)."""

    cause: Cause
    said: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that decides. Times are UTC.

    `suppressed`: why the address must not be mailed, "" where it may. `late`: sources that due
    digests wait for, until `wait` after their time. `last`: the last digest. `goes_elsewhere`:
    where mails go that go to nobody. `planned_since`: since when a digest is due that is planned
    and not written. `looked_at`: when something last looked for what is due, None: never.
    """

    subscriber: Subscriber
    profiles: Sequence[Profile]
    last: Listed | None
    way: Way
    is_matched: bool = True
    suppressed: str = ""
    late: Sequence[str] = ()
    wait: timedelta = timedelta(0)
    goes_elsewhere: str = ""
    looked_at: datetime | None = None
    planned_since: datetime | None = None


def reasons(facts: Facts, *, now: datetime) -> tuple[Reason, ...]:
    """Return what stands between the subscriber and a mail at `now` (UTC); its order is that of
    the way of a digest."""
    who = tuple(_not_mailed(facts, now))
    if who:
        return (*who, *_last(facts, now))
    return (
        *_wants_nothing(facts),
        *_last(facts, now),
        *_not_made(facts, now),
        *_not_sent(facts, now),
    )


def _not_mailed(facts: Facts, now: datetime) -> Iterator[Reason]:
    who = facts.subscriber
    if who.state == "pending":
        yield Reason(
            "not confirmed", f"asked for on {who.created_at:%Y-%m-%d} and never confirmed",
            f'they follow the link in their mail; or "notifier subscriber add {who.address} '
            '--confirmed", if you know that they want it',
        )  # fmt: skip
    if who.state == "left":
        since = f" on {who.left_at:%Y-%m-%d}" if who.left_at else ""
        yield Reason("left", f"unsubscribed{since}", "they can subscribe again at the first page")
    if facts.suppressed:
        yield Reason(
            "suppressed", f"the address must not be mailed: {facts.suppressed}",
            f'once it works again: "notifier subscriber resume {who.address}"',
        )  # fmt: skip
    if who.paused_until and who.paused_until > now:
        yield Reason(
            "paused", f"pauses until {who.paused_until:%Y-%m-%d %H:%M} UTC",
            f'"notifier subscriber resume {who.address}", if they want it',
        )  # fmt: skip


def _wants_nothing(facts: Facts) -> Iterator[Reason]:
    address = facts.subscriber.address
    if not facts.profiles:
        yield Reason(
            "no profile", "has no profile", f"notifier profile add {address} NAME RULE ..."
        )
        return
    enabled = [one for one in facts.profiles if one.enabled]
    if not enabled:
        yield Reason(
            "muted", "all profiles are switched off", "they switch one on at their own page"
        )
        return
    rules = [parse(one.rules) for one in enabled]
    if all(one.is_empty for one in rules):
        problem = next((problem for one in rules for problem in one.problems), None)
        said = f"no line of a profile asks for anything{f': {problem}' if problem else ''}"
        yield Reason("no rules", said, f"notifier profile edit {address} {enabled[0].name}")
        return
    if not facts.is_matched:
        yield Reason("unmatched", "papers or a profile are new and not matched yet; it is next")


def _last(facts: Facts, now: datetime) -> Iterator[Reason]:
    """What became of the last digest."""
    last = facts.last
    if last is None:
        return
    digest, reply = f"the digest of {last.period}", f": {last.reply}" if last.reply else ""
    show = f'"notifier outbox show {last.key[:8]}" has each attempt'
    if last.state == "nothing":
        yield Reason(
            "nothing matched", f"nothing matched for {digest}, made {last.composed_at:%H:%M} UTC",
            f'"notifier profile test {facts.subscriber.address} --by-rule" shows what rules find',
        )  # fmt: skip
    elif last.state == "sent":
        yield Reason(
            "sent", f"{digest} was taken by the mail server{reply}",
            f"look among the spam; docs/deliverability.md; {show}",
        )  # fmt: skip
    elif last.state == "expired":
        yield Reason("expired", f"{digest} came too late to be sent{reply}",
                     "its papers come with the next one")  # fmt: skip
    elif last.state in ("failed", "dropped"):
        yield Reason("refused", f"{digest} was not taken{reply}", show)
    elif last.state == "held":
        yield Reason("held", f"{digest} may have been sent; it waits for your word",
                     f"notifier outbox retry {last.key[:8]}, or drop")  # fmt: skip
    else:
        until = f", until {last.not_before:%Y-%m-%d %H:%M} UTC" if _is_later(last, now) else ""
        yield Reason("waiting", f"{digest} is made and waits to be sent{until}{reply}", show)


def _is_later(last: Listed, now: datetime) -> bool:
    return last.not_before is not None and last.not_before > now


def _not_made(facts: Facts, now: datetime) -> Iterator[Reason]:
    due = None if facts.planned_since else facts.subscriber.next_due_at
    if due is not None and due > now:
        when = f"the next digest is due {due:%Y-%m-%d %H:%M} UTC ({facts.subscriber.schedule})"
        yield Reason(
            "not due", when, f"notifier subscriber change {facts.subscriber.address} --time ..."
        )
    elif due is not None and facts.late and now < due + facts.wait:
        until = due + facts.wait
        late = ", ".join(facts.late)
        yield Reason("late source", f"waits for {late}, until {until:%H:%M} UTC at most")
    if facts.looked_at is None or now - facts.looked_at > LONGEST_REST:
        since = f"since {facts.looked_at:%Y-%m-%d %H:%M} UTC" if facts.looked_at else "so far"
        yield Reason(
            "no daemon", f"nothing has looked for what is due {since}",
            'start it: "systemctl start notifier", "notifier run", or "notifier tick" by cron',
        )  # fmt: skip


def _not_sent(facts: Facts, now: datetime) -> Iterator[Reason]:
    there, full = facts.way.destination, facts.way.full_until
    if facts.way.server.is_open:
        yield Reason(
            "mail server", f"the mail server is {breaker.told(facts.way.server)}",
            'mend it, then "notifier outbox resume"',
        )  # fmt: skip
    if there.state(now) == "paused":
        yield Reason(
            "destination", f"{there.destination} refuses us: {there.reason}",
            f'mend it, then "notifier outbox resume {there.destination}"',
        )  # fmt: skip
    if there.slow_until and there.state(now) == "slow":
        until = f"until {there.slow_until:%Y-%m-%d %H:%M} UTC"
        yield Reason("destination", f"{there.destination} wants us slower, {until}: {there.reason}")
    if full and full > now:
        yield Reason(
            "limit", f"a limit is used up until {full:%Y-%m-%d %H:%M} UTC", "see [delivery] per_day"
        )
    if facts.goes_elsewhere:
        yield Reason(
            "goes elsewhere", f"mails go {facts.goes_elsewhere}", '[mail] transport = "smtp"'
        )
