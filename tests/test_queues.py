"""Queues: a destination that is stuck stands in nobody's way, and no mail stands in none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update

from notifier.delivery.standing import Standing
from notifier.jobs.delivering import memory
from notifier.jobs.delivering.claiming import LOOK_EVERY, Claims
from notifier.storage import (
    schema,
    store_deliveries,
    store_doubt,
    store_outbox,
    store_pace,
    store_queues,
)
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.pace_rows import COMMON, UNSORTED
from notifier.storage.store_attempts import Outcome
from notifier.storage.store_queues import claiming

from .builders import NOON
from .databases import database_url
from .sending import HOURS, LEASE, claims, post, table, take

pytestmark = pytest.mark.both

MINUTE = timedelta(minutes=1)


def stand(database: Database, name: str, **values: Any) -> None:
    with database.writing() as conn:
        memory.keep_standing(conn, Standing(name, **values))


def at_noon(database: Database, **pace: Any) -> Claims:
    return claims(database, lambda: NOON, **pace)


def placed(database: Database) -> dict[str, tuple[str, str]]:
    """(destination, queue) of each mail, by recipient."""
    d = t.delivery.c
    query = select(t.subscriber.c.address, d.destination, d.queue).join(
        t.subscriber, t.subscriber.c.id == d.subscriber_id
    )
    with database.reading() as conn:
        return {address: (to, queue) for address, to, queue in conn.execute(query)}


def test_mails_go_the_longest_waiting_first_whatever_their_destination(database: Database) -> None:
    addresses = ["a@gmail.com", "b@uni.example", "c@gmail.com", "d@gmx.de", "e@uni.example"]
    post(database, addresses)
    assert take(at_noon(database)) == addresses


@pytest.mark.parametrize(
    "values",
    [{"paused_at": NOON}, {"slow_until": NOON + MINUTE, "step": 1}],
    ids=["paused", "slow"],
)
def test_a_destination_that_is_stuck_stands_in_nobodys_way(
    database: Database, values: dict[str, Any]
) -> None:
    post(database, ["a@gmail.com", "b@uni.example", "c@googlemail.com", "d@gmx.de"])
    stand(database, "google", **values)
    assert take(at_noon(database)) == ["b@uni.example", "d@gmx.de"]


def test_a_slow_destination_goes_on_at_its_time(database: Database) -> None:
    post(database, ["a@gmail.com"])
    stand(database, "google", slow_until=NOON + MINUTE, step=1)
    assert take(claims(database, lambda: NOON + MINUTE - MINUTE / 60)) == []
    assert take(claims(database, lambda: NOON + MINUTE)) == ["a@gmail.com"]


def test_a_domain_that_gets_into_trouble_leaves_the_common_queue(database: Database) -> None:
    post(database, [f"r{n}@{'stuck' if n % 2 else 'fine'}.example" for n in range(10)])
    running = at_noon(database)
    assert take(running, most=2) == ["r0@fine.example", "r1@stuck.example"]
    stand(database, "stuck.example", paused_at=NOON)
    assert take(running) == [f"r{n}@fine.example" for n in (2, 4, 6, 8)]
    assert placed(database)["r3@stuck.example"] == ("stuck.example", "stuck.example")
    assert placed(database)["r2@fine.example"] == ("fine.example", COMMON)


def test_mails_are_sorted_when_they_are_sent_and_not_before(database: Database) -> None:
    post(database, ["a@gmail.com", "b@uni.example"])
    assert set(placed(database).values()) == {(UNSORTED, UNSORTED)}
    take(at_noon(database))
    assert placed(database) == {
        "a@gmail.com": ("google", "google"), "b@uni.example": ("uni.example", COMMON),
    }  # fmt: skip


def test_another_table_sorts_waiting_mails_anew(database: Database) -> None:
    post(database, ["a@uni.example", "b@uni.example"])
    take(at_noon(database), most=1)
    with database.writing() as conn:
        store_queues.unsort(conn)
    assert take(at_noon(database, destinations=table(campus=["uni.example"]))) == ["b@uni.example"]
    assert placed(database)["b@uni.example"] == ("campus", "campus")


def test_a_provider_has_no_more_mails_on_the_wire_than_connections(database: Database) -> None:
    post(database, [f"r{n}@gmail.com" for n in range(4)] + ["x@uni.example"])
    with database.writing() as conn:
        store_pace.put_destination(conn, "google", connections=2)
    running = at_noon(database)
    first, second = running.next("me/0"), running.next("me/1")
    assert first is not None
    assert second is not None
    assert take(running) == ["x@uni.example"]
    with database.writing() as conn:
        store_deliveries.finish(conn, first.mail.row, Outcome("sent"), owner="me/0", now=NOON)
    assert take(running) == ["r2@gmail.com"]


def test_a_mail_that_cannot_go_now_costs_no_attempt(database: Database) -> None:
    post(database, ["a@stuck.example", "b@stuck.example"])
    take(at_noon(database), most=1)
    stand(database, "stuck.example", paused_at=NOON)
    assert take(at_noon(database)) == []
    with database.reading() as conn:
        found = conn.execute(select(t.delivery.c.state, t.delivery.c.attempts)).all()
    assert found == [("claimed", 1), ("pending", 0)]


def test_a_queue_with_a_mail_in_it_is_never_taken_away(database: Database) -> None:
    post(database, ["a@stuck.example", "b@stuck.example"])
    stand(database, "stuck.example", paused_at=NOON)
    take(at_noon(database))
    with database.writing() as conn:
        store_queues.forget(conn, ["stuck.example"])
    stand(database, "stuck.example")
    running = at_noon(database)
    assert take(running, most=1) == ["a@stuck.example"]
    with database.writing() as conn:
        store_queues.forget(conn, ["stuck.example"])
    assert take(running) == ["b@stuck.example"]


def test_a_queue_of_nobody_is_taken_away_and_the_next_mail_goes_with_the_others(
    database: Database,
) -> None:
    stand(database, "once.example")
    with database.writing() as conn:
        store_queues.forget(conn, ["once.example"])
        assert store_pace.destination(conn, "once.example") == {}
    post(database, ["a@once.example"])
    assert take(at_noon(database)) == ["a@once.example"]
    assert placed(database)["a@once.example"] == ("once.example", COMMON)


@pytest.mark.parametrize("how", ["retry", "settle"])
def test_a_mail_that_waits_again_after_its_queue_is_gone_is_sent(
    database: Database, how: str
) -> None:
    post(database, ["a@stuck.example"])
    stand(database, "stuck.example")
    running = at_noon(database)
    taken = running.next("me/0")
    assert taken is not None
    with database.writing() as conn:
        store_deliveries.finish(conn, taken.mail.row, Outcome("held"), owner="me/0", now=NOON)
        store_queues.forget(conn, ["stuck.example"])
        assert store_pace.destination(conn, "stuck.example") == {}
        key = f"{1:032x}"
        if how == "retry":
            assert store_outbox.retry(conn, key, now=NOON, expires_at=NOON + HOURS)
        else:
            (doubtful,) = store_doubt.due(conn, now=NOON)
            assert store_doubt.settle(conn, doubtful, Outcome("pending"), now=NOON)
    assert take(running) == ["a@stuck.example"]


def test_nothing_is_claimed_while_the_mail_server_is_not_asked_but_for_a_trial(
    database: Database,
) -> None:
    post(database, ["a@gmail.com", "b@gmail.com"])
    with database.writing() as conn:
        store_pace.put_server(conn, cause="connection", retry_at=NOON)
    before, at = (claims(database, lambda when=when: when) for when in (NOON - MINUTE / 60, NOON))
    assert before.next("me/0") is None
    trial = at.next("me/0")
    assert trial is not None
    assert trial.trial
    assert at.next("me/1") is None, "one trial at a time"


def test_mails_of_a_dead_process_are_taken_over_during_a_run(database: Database) -> None:
    post(database, ["a@gmail.com", "b@gmail.com"])
    assert claims(database, lambda: NOON).next("dead/0")
    clock = [NOON]
    running = claims(database, lambda: clock[0])
    assert take(running) == ["b@gmail.com"]
    clock[0] = NOON + LEASE + MINUTE
    assert "a@gmail.com" in take(running)


@pytest.mark.sqlite("its plan")
def test_a_claim_finds_every_head_by_an_index(database: Database) -> None:
    statement = str(claiming("sqlite").compile(database.engine))
    with database.reading() as conn:
        nothing = (None,) * statement.count("?")
        plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", nothing).all()
    said = "\n".join(row[-1] for row in plan)
    assert "ix_delivery_state_queue_not_before (state=? AND queue=? AND not_before<?)" in said
    assert "SCAN delivery" not in said
    assert "SCAN waiting" not in said


class Book:
    """Every mail that was taken, and what stood in whose way then."""

    def __init__(self, database: Database) -> None:
        self.database, self.now = database, NOON
        self.running = claims(database, lambda: self.now)
        self.sent: list[str] = []
        self.stuck: dict[str, datetime] = {}

    def send(self) -> None:
        if taken := self.running.next("me/0"):
            mail = taken.mail
            assert self.stuck.get(mail.destination, self.now) <= self.now
            self.sent.append(mail.address)
            with self.database.writing() as conn:
                store_deliveries.finish(conn, mail.row, Outcome("sent"), owner="me/0", now=self.now)
        else:
            assert all(self.stuck.get(to, self.now) > self.now for to in self.waiting())

    def waiting(self) -> set[str]:
        return {to for address, (to, _) in placed(self.database).items()
                if address not in self.sent and to}  # fmt: skip

    def slow(self, name: str) -> None:
        self.stuck[name] = self.now + 3 * MINUTE
        stand(self.database, name, slow_until=self.stuck[name], step=1)

    def plain(self, name: str) -> None:
        self.stuck.pop(name, None)
        stand(self.database, name)
        with self.database.writing() as conn:
            store_queues.forget(conn, [name])

    def later(self, _: str) -> None:
        self.now += MINUTE

    def anew(self, _: str) -> None:
        with self.database.writing() as conn:
            store_queues.unsort(conn)


NAMES = ("google", "uni.example", "lab.example")
steps = st.lists(
    st.tuples(st.sampled_from(["send", "send", "slow", "plain", "later", "anew"]),
              st.sampled_from(NAMES)), max_size=40,
)  # fmt: skip


@pytest.fixture(scope="module")
def kept(database_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Database:
    made = Database(database_url(tmp_path_factory.mktemp("queues")))
    schema.upgrade(made)
    return made


@given(steps)
@settings(max_examples=40, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
def test_every_mail_goes_once_and_none_to_a_stuck_destination_whatever_happens(
    kept: Database, events: list[tuple[str, str]]
) -> None:
    with kept.writing() as conn:
        conn.execute(t.subscriber.delete())
        conn.execute(text("DELETE FROM destination WHERE name NOT IN ('', '*')"))
        conn.execute(t.relay.delete())
    addresses = [f"r{n}@{('gmail.com', 'uni.example', 'lab.example')[n % 3]}" for n in range(12)]
    post(kept, addresses)
    book = Book(kept)
    for event, name in events:
        _do(book, event)(name)
    for name in NAMES:
        book.plain(name)
    for _ in addresses:
        book.send()
    assert sorted(book.sent) == sorted(addresses)


def _do(book: Book, event: str) -> Callable[[str], None]:
    return (lambda _: book.send()) if event == "send" else getattr(book, event)


def test_a_mail_that_is_gone_or_damaged_fails_and_stops_no_other(database: Database) -> None:
    post(database, ["a@x.example", "b@x.example", "c@x.example"])
    m, d = t.message.c, t.delivery.c
    with database.writing() as conn:
        conn.execute(delete(t.message).where(m.digest_id == 1))
        conn.execute(update(t.message).where(m.digest_id == 2).values(content=b"damaged"))
    assert take(at_noon(database)) == ["c@x.example"]
    with database.reading() as conn:
        found = conn.execute(select(d.state, d.reply, d.finished_at).order_by(d.id)).all()
        tried = list(conn.scalars(select(t.attempt.c.outcome)))
    assert [one.state for one in found] == ["failed", "failed", "claimed"]
    assert found[0][1:] == ("its mail was deleted, it cannot be sent", NOON)
    assert "its mail cannot be read" in found[1].reply
    assert tried == ["failed", "failed"]


def test_a_clock_that_leaps_ahead_takes_no_mail_from_a_worker_of_the_same_run(
    database: Database,
) -> None:
    post(database, ["a@x.example", "b@x.example"])
    time = [NOON]
    mine = claims(database, lambda: time[-1])
    first = mine.next("me/0")
    time.append(NOON + timedelta(hours=1))
    second = mine.next("me/1")
    assert first
    assert second
    assert (first.mail.address, second.mail.address) == ("a@x.example", "b@x.example")
    time.append(time[-1] + LOOK_EVERY)
    assert mine.next("me/2") is None
    mine.end("me/0")  # which died of an error
    time.append(time[-1] + LOOK_EVERY)
    assert take(mine) == ["a@x.example"]


def test_a_claim_of_a_clock_that_was_ahead_ends_a_lease_after_it_is_seen(
    database: Database,
) -> None:
    post(database, ["a@x.example"])
    for ahead, sent in ((timedelta(hours=10), 1), (timedelta(0), 0), (LEASE + MINUTE, 1)):
        now = NOON + ahead
        with database.writing() as conn:
            found = store_deliveries.claim(
                conn, owner="me", now=now, lease_until=now + LEASE, limit=1
            )
        assert len(found) == sent
