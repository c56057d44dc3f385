"""Many processes and connections claim mails at once on PostgreSQL, and every promise is kept."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from notifier.delivery.breaker import Breaker
from notifier.delivery.standing import Standing
from notifier.jobs.delivering import memory
from notifier.jobs.delivering.claiming import Claims
from notifier.jobs.delivering.recording import Recorder
from notifier.jobs.delivering.values import Delivered, DeliverSettings
from notifier.storage import store_pace, store_subscribers
from notifier.storage import tables as t
from notifier.storage.database import Database

from .builders import NOON
from .claimers import GMX_MAILS, GOOGLE_CONNECTIONS
from .databases import cluster, skip_without_postgres
from .sending import LEASE, claims, post

PROCESSES, CONNECTIONS, EACH = 4, 5, 40
DOMAINS = ("gmail.com", "gmx.de", "outlook.com", "uni.example", "lab.example", "uni.example")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    skip_without_postgres()
    with cluster().cleared():
        yield cluster().database(tmp_path_factory.mktemp("claimers") / "one", is_empty=False)


@dataclass
class Storm:
    """What became of mails that processes claimed, while somebody paused Outlook, and some left."""

    rows: list[int] = field(default_factory=list)
    most: int = 0
    attempts: dict[int, int] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    to: dict[int, str] = field(default_factory=dict)
    begun_to_outlook: set[int] = field(default_factory=set)
    left_unsent: set[int] = field(default_factory=set)

    def look(self, database: Database) -> None:
        """Read what became of everything in the end."""
        d = t.delivery.c
        query = select(d.id, d.attempts, d.state, t.subscriber.c.address).join(
            t.subscriber, t.subscriber.c.id == d.subscriber_id
        )
        with database.reading() as conn:
            for row, attempts, state, address in conn.execute(query):
                self.attempts[row], self.states[row] = attempts, state
                self.to[row] = address.partition("@")[2]

    def meddle(self, database: Database) -> None:
        """Once some were claimed: pause Outlook, and let readers leave whose mail waits."""
        d = t.delivery.c
        while True:
            with database.reading() as conn:
                if (conn.scalar(select(func.count()).where(d.attempts > 0)) or 0) > EACH:
                    break
        with database.writing() as conn:
            memory.keep_standing(conn, Standing("microsoft", paused_at=NOON))
            begun = select(d.id).where(d.attempts > 0, d.destination == "microsoft")
            self.begun_to_outlook = set(conn.scalars(begun))
            last = select(d.id).where(d.state == "pending").order_by(d.id.desc()).limit(EACH)
            for row in conn.scalars(last).all():  # of a subscriber with the same number
                store_subscribers.leave(conn, row, now=NOON)
                self.left_unsent.add(row)


@pytest.fixture(scope="module")
def storm(url: str) -> Storm:
    """One storm, on which all tests look."""
    database, made = Database(url), Storm()
    count = EACH * len(DOMAINS)
    post(database, [f"r{n}@{DOMAINS[n % len(DOMAINS)]}" for n in range(count)])
    with database.writing() as conn:
        store_pace.put_destination(conn, "google", connections=GOOGLE_CONNECTIONS)
    command = [sys.executable, "-m", "tests.claimers", url, str(time.time()), str(CONNECTIONS)]
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(PROCESSES)
        ]
        for one in running:
            assert one.stdout
            assert one.stdout.readline() == "ready\n"
        for number, one in enumerate(running):
            assert one.stdin
            print(f"p{number}", file=one.stdin, flush=True)
        made.meddle(database)
        found: list[dict[str, Any]] = [json.loads(one.communicate()[0]) for one in running]
    made.rows = [row for one in found for row in one["rows"]]
    made.most = max(one["most"] for one in found)
    made.look(database)
    database.close()
    return made


def test_nothing_is_claimed_twice_and_what_was_claimed_is_recorded(storm: Storm) -> None:
    assert max(Counter(storm.rows).values()) == 1
    assert {row for row, state in storm.states.items() if state == "sent"} == set(storm.rows)
    assert all(storm.attempts[row] == 1 for row in storm.rows)


def test_everything_that_may_go_goes(storm: Storm) -> None:
    held_back = {"gmx.de", "outlook.com"}
    waiting = {row for row, state in storm.states.items() if state == "pending"}
    assert {storm.to[row] for row in waiting - storm.left_unsent} <= held_back
    assert "claimed" not in storm.states.values()


def test_no_more_mails_to_a_destination_are_on_the_wire_than_it_has_connections(
    storm: Storm,
) -> None:
    assert 1 < storm.most <= GOOGLE_CONNECTIONS


def test_a_limit_is_kept_to_the_mail(storm: Storm) -> None:
    gone = [row for row in storm.rows if storm.to[row] == "gmx.de"]
    assert len(gone) == GMX_MAILS


def test_a_destination_that_is_paused_meanwhile_stays_paused(storm: Storm) -> None:
    gone = {row for row in storm.rows if storm.to[row] == "outlook.com"}
    assert gone == storm.begun_to_outlook
    assert len(gone) < EACH


def test_nobody_is_mailed_who_left_meanwhile(storm: Storm) -> None:
    assert len(storm.left_unsent) == EACH
    assert not storm.left_unsent & set(storm.rows)
    assert all(storm.attempts[row] == 0 for row in storm.left_unsent)


# One by one.


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    skip_without_postgres()
    with cluster().cleared():
        made = Database(cluster().database(tmp_path / "one", is_empty=False))
        yield made
        made.close()


def at_noon(database: Database) -> Claims:
    return claims(database, lambda: NOON)


def test_a_claim_passes_by_what_another_claims_in_this_moment(database: Database) -> None:
    post(database, [f"r{n}@uni.example" for n in range(3)])
    running = at_noon(database)
    first = running.next("me/0")  # sorts them
    assert first
    mine = Claims(database, DeliverSettings("a@example.org", "me", LEASE), lambda: NOON)
    with database.sharing() as conn:
        second = mine._try(conn, "me/1")  # not committed yet
        third = running.next("me/2")
    assert isinstance(third, type(first))
    assert {first.mail.row, third.mail.row} == {1, 3}
    assert second not in (None, "again")


def test_of_many_who_ask_at_once_one_tries_whether_the_mail_server_is_back(
    database: Database,
) -> None:
    post(database, [f"r{n}@uni.example" for n in range(20)])
    at_noon(database).next("me/0")
    with database.writing() as conn:
        memory.keep_breaker(conn, Breaker("connection", "gone", NOON, NOON))
    others = [at_noon(database) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda one: one.next("me/1"), others))
    assert [one.trial for one in found if one] == [True]


def test_a_mail_that_is_taken_after_trouble_is_recorded_alone_and_forgives(
    database: Database,
) -> None:
    post(database, [f"r{n}@uni.example" for n in range(2)])
    at_noon(database).next("me/0")
    with database.writing() as conn:
        stood = Standing("uni.example", step=2, slow_until=NOON - timedelta(minutes=1))
        memory.keep_standing(conn, stood)
    running = at_noon(database)
    taken = running.next("me/1")
    assert taken
    assert taken.mail.is_troubled
    settings = DeliverSettings("a@example.org", "me", LEASE)
    recorder = Recorder(database, settings, lambda: NOON, Delivered())
    running.only(lambda conn: recorder.sent(conn, taken, "250 ok", owner="me/1"))
    with database.reading() as conn:
        found = memory.standing(conn, "uni.example")
    assert found == replace(stood, step=1, taken_at=NOON)
