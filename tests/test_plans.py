"""Digests are planned by one and written by another: each once, whoever tries and whoever dies."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import pytest
from sqlalchemy import func, insert, select, update
from structlog.testing import capture_logs

from notifier.app import App
from notifier.cli import status
from notifier.daemon import making
from notifier.digests import cadence
from notifier.jobs import fixing, planning
from notifier.jobs.composed import Composed
from notifier.jobs.drafting import Draft, Press
from notifier.jobs.edition import Outlook
from notifier.jobs.fixing import LEASE, write
from notifier.jobs.planning import TRY_AGAIN, plan
from notifier.profiles.profile import Schedule, Subscriber
from notifier.storage import (
    promises,
    store_ahead,
    store_papers,
    store_planned,
    store_subscribers,
    store_watch,
)
from notifier.storage import tables as t
from notifier.storage.statements import last_time, raise_time

from .faults.killing import forked
from .faults.points import watch
from .test_jobs import MONDAY, RAG, Instance

pytestmark = pytest.mark.both

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SEVEN = MONDAY + 2 * HOUR
EVERY_DAY = Schedule("UTC", 7, 0, tuple(range(7)))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Instance]:
    """Nobody is here yet; at seven, those who come are due."""
    made = Instance(tmp_path)
    yield made
    assert broken(made) == []
    made.app.close()


def broken(lab: Instance) -> list[promises.Broken]:
    with lab.app.database.reading() as conn:
        return promises.broken(conn)


def readers(lab: Instance, count: int, schedule: Schedule = EVERY_DAY) -> None:
    """So many who are due at seven, with a paper for all of them, matched."""
    with lab.app.database.writing() as conn:
        conn.execute(insert(t.subscriber), [
            {"address": f"r{n}@example.org", "state": "active", "zone": schedule.zone,
             "hour": schedule.hour, "minute": 0, "days": list(schedule.days), "cadence": "daily",
             "max_papers": 12, "seen": 0, "consent": "", "created_at": MONDAY,
             "confirmed_at": MONDAY, "next_due_at": SEVEN}
            for n in range(count)
        ])  # fmt: skip
        rows = conn.scalars(select(t.subscriber.c.id)).all()
        conn.execute(insert(t.profile), [
            {"subscriber_id": row, "name": "p", "rules": "RAG", "enabled": True,
             "created_at": MONDAY, "updated_at": MONDAY, "change": 1, "matched": False}
            for row in rows
        ])  # fmt: skip
    lab.take(RAG)
    lab.app.match()
    lab.now = SEVEN


def planned(lab: Instance, **named: Any) -> planning.Planned:
    return plan(lab.app.database, lab.app.compose_settings, now=lab.now, **named)


def written(lab: Instance, owner: str = "me", **named: Any) -> Composed:
    named = {"now": lab.now} | named
    return write(lab.app.database, lab.app.compose_settings, owner=owner, **named)


def waiting(lab: Instance) -> list[int]:
    with lab.app.database.reading() as conn:
        return list(conn.scalars(select(t.planned.c.subscriber_id).order_by("subscriber_id")))


def due(lab: Instance) -> dict[int, datetime | None]:
    s = t.subscriber.c
    with lab.app.database.reading() as conn:
        return dict(conn.execute(select(s.id, s.next_due_at)).all())


def digests(lab: Instance) -> Counter[tuple[int, str]]:
    """How many digests there are of each subscriber and period."""
    d = t.digest.c
    with lab.app.database.reading() as conn:
        found = conn.execute(select(d.subscriber_id, d.period))
        return Counter((row, period) for row, period in found)


def together(*work: Callable[[], object]) -> None:
    """Do all of it at once; a failure of one is raised."""
    failed = list[BaseException]()

    def guarded(one: Callable[[], object]) -> None:
        try:
            one()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


# Planning.


def test_next_times_are_those_of_the_cadence_for_every_zone_and_row(
    lab: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "TOGETHER", 100)
    chance, zones = random.Random(22), sorted(available_timezones())
    rows = (*chance.sample(range(1, 2_000_000), 30), 2**31, 2**32 + 5, 2**40)
    people = {}
    for row in (*rows, *range(3_000_000, 3_000_000 + len(zones))):
        zone = zones[row % len(zones)]
        days = tuple(sorted(chance.sample(range(7), chance.randint(1, 7))))
        rhythm: Any = chance.choice(("daily", "weekly"))
        people[row] = Schedule(zone, chance.randrange(24), chance.randrange(60), days, rhythm)
    now = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # between two clock changes of Europe
    with lab.app.database.writing() as conn:
        conn.execute(insert(t.subscriber), [
            {"id": row, "address": f"r{row}@example.org", "state": "active", "zone": one.zone,
             "hour": one.hour, "minute": one.minute, "days": list(one.days),
             "cadence": one.cadence, "max_papers": 12, "seen": 0, "consent": "",
             "created_at": now, "next_due_at": now - timedelta(minutes=chance.randrange(9999))}
            for row, one in people.items()
        ])  # fmt: skip
    lab.now = now
    spread = lab.app.compose_settings.spread_minutes
    assert sorted(planned(lab).rows) == sorted(people)
    assert due(lab) == {
        row: cadence.planned(one, now, subscriber=row, spread_minutes=spread)
        for row, one in people.items()
    }
    assert spread > 0
    assert planned(lab).rows == []


def test_two_who_plan_at_once_plan_nothing_twice(
    lab: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "TOGETHER", 7)
    readers(lab, 100)
    found = list[int]()
    together(*[lambda: found.extend(planned(lab).rows)] * 2)
    assert sorted(found) == waiting(lab) == sorted(due(lab))
    assert set(due(lab).values()) == {SEVEN + DAY}


def test_who_is_due_again_before_it_is_written_gets_one_digest_for_both(lab: Instance) -> None:
    readers(lab, 1)
    planned(lab)
    lab.now = SEVEN + DAY
    lab.take(RAG | {"id": "2611.00002", "title": "RAG again"})
    assert planned(lab).rows == [1]
    assert lab.app.compose().made == 1
    (only,) = lab.digests()
    assert (only.period, len(lab.papers(only.key))) == ("2026-11-17", 2)
    assert lab.app.compose().made == 0


def test_who_is_told_to_stop_plans_the_rest_at_the_next_run(
    lab: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "TOGETHER", 3)
    readers(lab, 10)
    asked = iter([False, True])
    first = planned(lab, stopping=lambda: next(asked)).rows
    assert (len(first), len(planned(lab).rows)) == (3, 7)


@pytest.mark.parametrize(
    "values",
    [{"hour": 99}, {"days": []}, {"days": [7]}, {"days": "x"}, {"zone": "a\0b"}, {"minute": -1}],
    ids=str,
)
def test_who_has_no_schedule_is_put_off_and_stops_nobody(
    lab: Instance, values: dict[str, Any]
) -> None:
    readers(lab, 3)
    with lab.app.database.writing() as conn:
        conn.execute(update(t.subscriber).where(t.subscriber.c.id == 2).values(values))
    with capture_logs() as logs:
        done = planned(lab)
    is_read = "zone" in values  # a zone that is none is UTC
    assert (done.rows, done.failed) == (([1, 2, 3], 0) if is_read else ([1, 3], 1))
    told = [one["subscriber"] for one in logs if one["log_level"] == "error"]
    assert told == ([] if is_read else [2])
    assert is_read or due(lab)[2] == SEVEN + TRY_AGAIN


# Writing.


def test_two_who_plan_and_three_who_write_at_once_make_each_digest_once(
    lab: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "TOGETHER", 11)
    monkeypatch.setattr(fixing, "BATCH", 5)
    readers(lab, 60)
    made = Counter[str]()

    def writing(owner: str) -> None:
        while sum(made.values()) < 60:
            made[owner] += written(lab, owner).made

    together(*[partial(planned, lab)] * 2, *(partial(writing, f"w{n}") for n in range(3)))
    assert sum(made.values()) == 60
    assert set(digests(lab).values()) == {1}
    assert len(digests(lab)) == 60
    assert waiting(lab) == []


def test_only_what_is_asked_for_is_written_and_no_more_than_asked_for(lab: Instance) -> None:
    readers(lab, 10)
    planned(lab)
    assert written(lab, rows=[2, 3, 99]).made == 2
    assert written(lab, limit=3).made == 3
    assert written(lab, rows=[4, 5, 6, 7], limit=1).made == 1
    assert len(waiting(lab)) == 4


def drafting(lab: Instance, meanwhile: Callable[[], object], **named: Any) -> Composed:
    """Write; something happens when the first digest is drafted and not fixed yet."""
    plain, once = Press.draft, [meanwhile]

    def draft(self: Press, one: Subscriber) -> Draft:
        made = plain(self, one)
        if once:
            once.pop()()
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Press, "draft", draft)
        return written(lab, **named)


def test_what_is_claimed_is_nobody_elses_until_the_claim_runs_out(lab: Instance) -> None:
    readers(lab, 3)
    planned(lab)
    others = list[Composed]()

    def another() -> None:
        others.append(written(lab, "other"))
        others.append(written(lab, "other", now=SEVEN + LEASE - timedelta(seconds=1)))
        others.append(written(lab, "other", now=SEVEN + LEASE))

    slow = drafting(lab, another, owner="slow")
    assert [one.made for one in others] == [0, 0, 3]
    assert (slow.made, slow.failed) == (0, 0), "it slept beyond its claim"
    assert set(digests(lab).values()) == {1}


def test_what_a_slow_one_cannot_write_is_not_put_off_for_who_took_over(
    lab: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers(lab, 1)
    planned(lab)
    later = SEVEN + 2 * LEASE

    def draft(self: Press, one: Subscriber) -> Draft:
        with lab.app.database.sharing() as conn:
            assert store_planned.claim(
                conn, owner="other", now=later, due_by=later, lease_until=later + LEASE, limit=9
            )
        return ValueError("broken")

    monkeypatch.setattr(Press, "draft", draft)
    assert written(lab, "slow").failed == 0
    with lab.app.database.reading() as conn:
        (row,) = conn.execute(select(t.planned)).all()
    assert (row.lease_owner, row.failures, row.not_before) == ("other", 0, SEVEN)


def test_what_was_claimed_and_not_written_is_left_over_and_planned_again(lab: Instance) -> None:
    readers(lab, 3)
    planned(lab)
    with lab.app.database.sharing() as conn:
        until = SEVEN + LEASE
        one = {"now": SEVEN, "due_by": SEVEN, "lease_until": until}
        (killed,) = store_planned.claim(conn, owner="killed", limit=1, **one)
        (stopped,) = store_planned.claim(conn, owner="stopped", limit=1, **one)
        store_planned.give_back(conn, [stopped], owner="stopped", now=SEVEN)
    never = ({1, 2, 3} - {killed, stopped}).pop()
    assert making.left_over(lab.app, never_claimed_for=None) == [stopped]
    assert making.left_over(lab.app, never_claimed_for=None) == [], "it is asked for again"
    lab.now = until
    assert making.left_over(lab.app, never_claimed_for=HOUR) == [killed]
    assert set(making.left_over(lab.app, never_claimed_for=LEASE)) == {stopped, never}
    assert written(lab).made == 3


def test_a_clock_that_is_some_minutes_ahead_takes_no_claim_away(lab: Instance) -> None:
    readers(lab, 2)
    planned(lab)
    ahead = SEVEN + timedelta(minutes=9)

    def another() -> None:
        assert written(lab, "ahead", now=ahead, limit=1).made == 0
        planned(lab)  # and the clock was set back, as it seems

    with lab.app.database.writing() as conn:
        store_ahead.note_clock(conn, ahead)
    assert drafting(lab, another, owner="me").made == 2


def test_who_was_planned_by_a_later_clock_is_left_to_it(lab: Instance) -> None:
    readers(lab, 1)
    lab.now = SEVEN + DAY
    planned(lab)
    assert written(lab, now=SEVEN - HOUR, clock=lambda: SEVEN + DAY).made == 0
    assert written(lab).made == 1


def test_what_a_killed_one_had_claimed_is_written_by_another_when_the_claim_runs_out(
    lab: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run ends by SIGKILL at a later commit, so that each has been the last of one."""
    monkeypatch.setattr(fixing, "BATCH", 4)
    monkeypatch.setattr(fixing, "TOGETHER", 2)
    readers(lab, 12)
    planned(lab)
    settings, now = lab.app.settings, SEVEN
    lab.app.database.close()

    def killed(at: datetime, passing: int) -> None:
        left = [passing]

        def passed(point: str) -> None:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

        app = App(settings, clock=lambda: at)
        watch(passed)
        write(app.database, app.compose_settings, now=at, owner=f"{at}")

    ended = Counter[bool]()
    for passing in range(1, 9):
        _, status = os.waitpid(forked(partial(killed, now, passing)), 0)
        ended[os.WIFSIGNALED(status)] += 1
        now += LEASE + timedelta(seconds=1)
    assert ended[True] >= 5
    lab.now = now
    rest = written(lab).made
    assert (len(digests(lab)), set(digests(lab).values())) == (12, {1})
    assert rest < 12
    assert waiting(lab) == []


def test_who_is_told_to_stop_gives_back_what_it_has_claimed(lab: Instance) -> None:
    readers(lab, 4)
    planned(lab)
    asked = iter([False, False, True, True, True, True])
    assert written(lab, stopping=lambda: next(asked)).made < 4
    rest = len(waiting(lab))
    assert written(lab, "other").made == rest > 0


def test_what_is_not_matched_yet_is_given_back_and_counted(lab: Instance) -> None:
    readers(lab, 2)
    planned(lab)
    lab.app.subscriptions.add_profile("r0@example.org", "q", "lattice", now=lab.now)
    done = written(lab)
    assert (done.made, done.unmatched) == (1, 1)
    lab.take(RAG | {"id": "2611.00002"})
    assert written(lab).unmatched == 1
    lab.app.match()
    assert written(lab, "other").made == 1


def test_a_digest_that_cannot_be_made_is_tried_again_in_a_while(
    lab: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers(lab, 3)
    planned(lab)
    plain = Press.draft

    def draft(self: Press, one: Subscriber) -> Draft:
        return ValueError("broken") if one.row == 2 else plain(self, one)

    with monkeypatch.context() as patch:
        patch.setattr(Press, "draft", draft)
        done = written(lab)
        assert (done.made, done.failed) == (2, 1)
        assert written(lab, now=SEVEN + TRY_AGAIN - timedelta(seconds=1)).failed == 0
        assert written(lab, now=SEVEN + TRY_AGAIN).failed == 1
    assert written(lab, now=SEVEN + 2 * TRY_AGAIN).made == 1


# What changes between planning and writing.


def test_who_chose_another_hour_gets_what_was_due_and_no_second_digest(lab: Instance) -> None:
    readers(lab, 3)
    planned(lab)
    people = lab.app.subscriptions
    people.change("r0@example.org", now=lab.now, schedule=Schedule("UTC", 6, 0, EVERY_DAY.days))
    people.change("r1@example.org", now=lab.now, schedule=Schedule("UTC", 9, 0, EVERY_DAY.days))
    lab.now += timedelta(minutes=1)
    assert lab.app.compose().made == 3
    for _ in range(30):
        lab.now += HOUR
        lab.app.compose()
    assert max(digests(lab).values()) == 1
    with lab.app.database.reading() as conn:
        held = conn.scalar(select(func.count()).select_from(t.digest_paper))
    assert held == 3, "the paper reached each once"


def test_who_left_pauses_or_must_not_be_mailed_gets_none_of_what_was_planned(lab: Instance) -> None:
    readers(lab, 4)
    planned(lab)
    people = lab.app.subscriptions
    people.leave(1, now=lab.now)
    people.pause("r1@example.org", until=SEVEN + 3 * DAY)
    people.remove("r2@example.org")
    with lab.app.database.writing() as conn:
        store_subscribers.suppress(conn, "r3@example.org", "bounced", "550", lab.now)
    assert waiting(lab) == [2, 4]
    done = written(lab)
    assert (done.made, done.paused, waiting(lab)) == (0, 2, [])
    assert due(lab) == {1: None, 2: SEVEN + 4 * DAY, 4: SEVEN + DAY}


def test_who_leaves_while_it_is_claimed_gets_none(lab: Instance) -> None:
    readers(lab, 2)
    planned(lab)
    assert drafting(lab, lambda: lab.app.subscriptions.leave(1, now=lab.now)).made == 1
    assert waiting(lab) == []


def test_a_time_that_is_moved_while_it_is_written_stays_moved(lab: Instance) -> None:
    readers(lab, 1)
    planned(lab)
    noon = Schedule("UTC", 12, 0, EVERY_DAY.days)
    change = partial(lab.app.subscriptions.change, "r0@example.org", now=lab.now, schedule=noon)
    assert drafting(lab, change).made == 0
    assert due(lab) == {1: SEVEN + 5 * HOUR}
    assert written(lab).made == 1
    assert due(lab) == {1: SEVEN + 5 * HOUR}


@pytest.mark.parametrize("back", [HOUR, DAY, 5 * DAY], ids=str)
@pytest.mark.parametrize("is_claimed", [False, True], ids=["planned", "claimed"])
def test_what_a_clock_ahead_planned_is_written_when_it_is_due(
    lab: Instance, back: timedelta, is_claimed: bool
) -> None:
    readers(lab, 1)
    lab.now = SEVEN + back + timedelta(minutes=10)
    planned(lab)
    if is_claimed:
        with lab.app.database.sharing() as conn:
            store_planned.claim(
                conn, owner="dead", now=lab.now, due_by=lab.now, lease_until=lab.now + LEASE,
                limit=9,
            )  # fmt: skip
    lab.now -= back
    assert lab.app.compose().made == 1, "it was due by the true clock, too"
    assert digests(lab) == {(1, "2026-11-16"): 1}
    assert due(lab) == {1: SEVEN + DAY}


def test_what_is_not_due_when_the_clock_is_set_back_is_planned_no_more(lab: Instance) -> None:
    readers(lab, 1)
    lab.now = SEVEN + 3 * DAY
    planned(lab)
    lab.now = SEVEN - HOUR
    assert lab.app.compose().made == 0
    assert (waiting(lab), due(lab)) == ([], {1: SEVEN})
    lab.now = SEVEN
    assert lab.app.compose().made == 1


def test_of_two_clocks_that_are_noted_at_once_the_later_stays(lab: Instance) -> None:
    with lab.app.database.writing() as conn:
        for time in (SEVEN, SEVEN + HOUR, SEVEN):
            raise_time(conn, "clock", time)
        assert last_time(conn, "clock") == SEVEN + HOUR


def test_what_is_planned_and_not_written_counts_as_overdue(lab: Instance) -> None:
    readers(lab, 2)
    planned(lab)
    with lab.app.database.reading() as conn:
        ever = datetime(1970, 1, 1, tzinfo=UTC)
        assert store_watch.overdue_since(conn, ever, now=SEVEN + HOUR) == SEVEN
    written(lab)
    with lab.app.database.reading() as conn:
        assert store_watch.overdue_since(conn, ever, now=SEVEN + HOUR) is None


def test_a_digest_that_is_planned_waits_for_no_source_any_more(lab: Instance) -> None:
    readers(lab, 1)
    planned(lab)
    assert written(lab, outlook=Outlook(waits=True)).made == 1


def test_one_that_is_planned_is_told_as_due(lab: Instance) -> None:
    readers(lab, 1)
    planned(lab)
    with lab.app.database.reading() as conn:
        (paper,) = store_papers.load(conn, [1])
    told = lab.app.explain(paper, lab.app.subscriptions.by_row(1)).fate
    assert told.reason.startswith("the digest that is due now has it")
    assert status.collect(lab.app)["digests_planned"] == 1
    written(lab)
    assert status.collect(lab.app)["digests_planned"] == 0
