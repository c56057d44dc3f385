"""Why no mail came: each cause is told, with its cure, and none where nothing stands in the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from notifier.delivery.breaker import CLOSED, Breaker
from notifier.delivery.standing import Standing
from notifier.delivery.waiting import Way
from notifier.jobs.silence import Facts, reasons
from notifier.profiles.profile import Profile, Schedule, Subscriber
from notifier.storage.store_digests import Listed

from .commands import Notifier, notifier
from .pages import ADA, MORNING, place

__all__ = ["notifier", "place"]

NOW = MORNING
HOUR = timedelta(hours=1)
WHO = Subscriber(
    1, ADA, "active", Schedule("UTC"), 12, seen=0, created_at=NOW, confirmed_at=NOW,
    next_due_at=NOW - HOUR / 12,
)  # fmt: skip
PROFILE = Profile(1, 1, "ml", "RAG", enabled=True, matched=True, changed_at=NOW)
OPEN = Way(CLOSED, Standing("example.org"))
WELL = Facts(WHO, [PROFILE], None, OPEN, looked_at=NOW)
LAST = Listed(
    "0123456789abcdef", ADA, "2026-11-19", "3 papers", 3, 0, NOW, "sent", 1, 250, "ok", NOW
)
DOWN = Breaker("login", reason="535 no", opened_at=NOW - HOUR, retry_at=NOW + HOUR)


def told(facts: Facts) -> list[str]:
    return [one.cause for one in reasons(facts, now=NOW)]


def test_nothing_is_told_where_nothing_stands_in_the_way() -> None:
    assert told(WELL) == []


def who(**values: Any) -> Facts:
    return replace(WELL, subscriber=replace(WHO, **values))


def last(state: str, **values: Any) -> Facts:
    return replace(WELL, last=replace(LAST, state=state, **values))


def way(**values: Any) -> Facts:
    return replace(WELL, way=replace(OPEN, **values))


def rules(text: str, **values: Any) -> Facts:
    return replace(WELL, profiles=[replace(PROFILE, rules=text, **values)])


@pytest.mark.parametrize(
    ("facts", "cause", "said", "cure"),
    [
        (who(state="pending"), "not confirmed", "asked for on 2026-11-20", "add ada@example.org"),
        (who(state="left", left_at=NOW), "left", "unsubscribed on 2026-11-20", "subscribe again"),
        (replace(WELL, suppressed="bounced: 550 no such user"), "suppressed", "550 no such user",
         "subscriber resume ada@example.org"),
        (who(paused_until=NOW + HOUR), "paused", "until 2026-11-20 07:00 UTC", "resume"),
        (replace(WELL, profiles=[]), "no profile", "has no profile", "profile add ada@example.org"),
        (rules("RAG", enabled=False), "muted", "switched off", "switch one on"),
        (rules("titel: RAG"), "no rules", 'did you mean "title:"?', "edit ada@example.org ml"),
        (rules("-survey"), "no rules", "no line of a profile asks for anything", "profile edit"),
        (replace(WELL, is_matched=False), "unmatched", "not matched yet", ""),
        (who(next_due_at=NOW + HOUR), "not due", "due 2026-11-20 07:00 UTC (weekdays", "--time"),
        (replace(WELL, late=["arxiv"], wait=HOUR), "late source", "waits for arxiv", ""),
        (replace(WELL, looked_at=None), "no daemon", "so far", "systemctl start notifier"),
        (replace(WELL, looked_at=NOW - HOUR), "no daemon", "since 2026-11-20 05:00 UTC", "run"),
        (last("nothing"), "nothing matched", "for the digest of 2026-11-19", "profile test"),
        (last("sent"), "sent", "taken by the mail server: ok", "among the spam"),
        (last("expired"), "expired", "too late to be sent", "the next one"),
        (last("failed", reply="550 no"), "refused", "not taken: 550 no", "outbox show 01234567"),
        (last("held"), "held", "may have been sent", "outbox retry 01234567"),
        (last("pending", not_before=NOW + HOUR), "waiting", "until 2026-11-20 07:00 UTC", "outbox"),
        (last("pending"), "waiting", "waits to be sent: ok", "outbox show"),
        (way(server=DOWN), "mail server", "not asked since 2026-11-20 05:00Z", "outbox resume"),
        (way(destination=Standing("example.org", paused_at=NOW, reason="5.7.1")), "destination",
         "example.org refuses us: 5.7.1", "outbox resume example.org"),
        (way(destination=Standing("example.org", slow_until=NOW + HOUR)), "destination",
         "wants us slower, until 2026-11-20 07:00 UTC", ""),
        (way(full_until=NOW + HOUR), "limit", "used up until 2026-11-20 07:00 UTC", "per_day"),
        (replace(WELL, goes_elsewhere="to nobody"), "goes elsewhere", "mails go to nobody", "smtp"),
    ],
)  # fmt: skip
def test_each_cause_is_told_with_its_cure(facts: Facts, cause: str, said: str, cure: str) -> None:
    (one,) = reasons(facts, now=NOW)
    assert one.cause == cause
    assert said in one.said
    assert cure in one.cure
    assert bool(cure) == bool(one.cure)


def test_who_is_not_mailed_is_told_nothing_of_sources_and_servers() -> None:
    down = replace(way(server=DOWN), late=["arxiv"], wait=HOUR)
    assert told(replace(down, subscriber=replace(WHO, state="left"))) == ["left"]


def test_one_that_is_planned_is_due_and_waits_for_no_source() -> None:
    facts = replace(who(next_due_at=NOW + 24 * HOUR), late=["arxiv"], wait=HOUR)
    assert told(facts) == ["not due"]
    assert told(replace(facts, planned_since=NOW)) == []


def test_what_is_over_is_not_told() -> None:
    over = replace(
        WELL,
        subscriber=replace(WHO, paused_until=NOW - HOUR, next_due_at=NOW - 2 * HOUR),
        late=["arxiv"],
        wait=HOUR,
        way=Way(CLOSED, Standing("example.org", slow_until=NOW - HOUR), full_until=NOW - HOUR),
    )
    assert told(over) == []


def causes(notifier: Notifier) -> list[str]:
    done = notifier("digest", "why", ADA, "--format", "jsonl")
    assert done.code == 0
    return [row["cause"] for row in done.rows]


def test_the_command_goes_the_way_of_a_digest_with_its_reader(notifier: Notifier) -> None:
    with notifier.config.open("a") as config:
        config.write("[mail]\ntransport = 'sink'\n[digest]\nsample = false\n")
    assert notifier("digest", "why", ADA).code == 4
    notifier("subscriber", "add", ADA)
    assert causes(notifier) == ["not confirmed"]
    notifier("subscriber", "add", ADA, "--confirmed")
    assert causes(notifier) == ["no profile", "not due", "no daemon", "goes elsewhere"]
    notifier("profile", "add", ADA, "ml", "RAG")
    assert causes(notifier) == ["unmatched", "not due", "no daemon", "goes elsewhere"]
    notifier("tick")
    assert causes(notifier) == ["not due", "goes elsewhere"]
    shown = notifier("digest", "why", ADA)
    assert "not due: the next digest is due" in shown.out
    assert "notifier subscriber change ada@example.org --time" in shown.out
