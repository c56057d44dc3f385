"""Limits hold in every window, over restarts and with several processes at once."""

from __future__ import annotations

import json
import subprocess
import sys
from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from notifier.delivery.limits import PARTS, Limit, counted, full_until
from notifier.storage import schema
from notifier.storage import tables as t
from notifier.storage.database import Database

from .builders import NOON
from .databases import database_url
from .sending import claims, limits, post, take

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
windows = st.sampled_from([1, 60, 3600, 86_400])


def most_in_a_window(times: Sequence[datetime], length: timedelta) -> int:
    """The most of these moments (in order) in any half-open window of a length."""
    return max((n + 1 - bisect_left(times, at - length + timedelta(microseconds=1))
                for n, at in enumerate(times)), default=0)  # fmt: skip


class Counter:
    """What `claiming` does with a limit, on a dictionary."""

    def __init__(self, limit: Limit) -> None:
        self.limit, self.parts = limit, dict[int, int]()

    def take(self, now: datetime) -> datetime | None:
        """Count one more, or return until when there is no room."""
        self.parts = counted(self.parts, self.limit, now)
        if end := full_until(self.parts, self.limit, now):
            return end
        part = self.limit.part(now)
        self.parts[part] = self.parts.get(part, 0) + 1
        return None


@given(windows, st.integers(1, 12), st.lists(st.floats(0, 0.7), max_size=150))
def test_no_window_ever_holds_more_than_the_limit(
    seconds: int, most: int, steps: list[float]
) -> None:
    counter, now, taken = Counter(Limit(seconds, most)), NOON, []
    for step in steps:
        now += step * step * timedelta(seconds=seconds)
        if counter.take(now) is None:
            taken.append(now)
    assert most_in_a_window(taken, timedelta(seconds=seconds)) <= most


@given(windows, st.integers(1, 12), st.integers(0, 10**9), st.lists(st.floats(0, 0.2), max_size=60))
def test_there_is_room_at_the_time_that_is_told_and_none_before(
    seconds: int, most: int, start: int, steps: list[float]
) -> None:
    counter, now = Counter(Limit(seconds, most)), NOON + start * timedelta(microseconds=1)
    for step in steps:
        now += step * timedelta(seconds=seconds)
        if end := counter.take(now):
            assert now < end <= now + timedelta(seconds=seconds) * (1 + 1 / PARTS)
            assert counter.take(end - timedelta(microseconds=1)) == end
            assert counter.take(end) is None
            now = end


def test_a_limit_is_used_nearly_to_the_full() -> None:
    counter, now, taken = Counter(Limit(60, 30)), NOON, 0
    while now < NOON + HOUR:
        if end := counter.take(now):
            now = end
        else:
            taken += 1
    assert taken >= 0.9 * 30 * 60


@given(windows, st.integers(1, 5), st.floats(0, 50))
def test_a_clock_that_is_set_back_neither_frees_a_limit_nor_blocks_it_for_long(
    seconds: int, most: int, back: float
) -> None:
    counter, window = Counter(Limit(seconds, most)), timedelta(seconds=seconds)
    for _ in range(most):
        assert counter.take(NOON) is None
    now = NOON - back * window
    end = counter.take(now)
    assert end is not None
    assert end <= now + 2.2 * window


# In the database.


@pytest.fixture(scope="module")
def kept(database_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Database:
    made = Database(database_url(tmp_path_factory.mktemp("limits")))
    schema.upgrade(made)
    return made


@given(
    st.integers(1, 6), st.integers(1, 6),
    st.lists(st.tuples(st.floats(0, 0.6), st.booleans()), min_size=1, max_size=40),
)  # fmt: skip
@settings(max_examples=40, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
def test_limits_hold_in_every_window_over_restarts(
    kept: Database, whole: int, google: int, steps: list[tuple[float, bool]]
) -> None:
    clock = [NOON]

    def process() -> object:
        return claims(
            kept, lambda: clock[0], limits=limits(server={60: whole}, google={60: google})
        )

    with kept.writing() as conn:
        for table in (t.subscriber, t.taken, t.relay):
            conn.execute(table.delete())
    post(kept, [f"r{n}@gmail.com" if n % 3 else f"r{n}@x{n}.example" for n in range(45)])
    running, taken = process(), []
    for step, restarts in steps:
        clock[0] += step * step * 60 * SECOND
        running = process() if restarts else running
        found = running.next("me/0")  # type: ignore[attr-defined]
        if found:
            taken.append((clock[0], found.mail.destination))
    assert taken
    assert most_in_a_window([at for at, _ in taken], 60 * SECOND) <= whole
    assert most_in_a_window([at for at, to in taken if to == "google"], 60 * SECOND) <= google


def test_an_hourly_limit_lets_a_burst_through_at_once(database: Database) -> None:
    post(database, [f"r{n}@example.org" for n in range(30)])
    assert len(take(claims(database, lambda: NOON, limits=limits(server={3600: 20})))) == 20


def test_a_limit_that_was_raised_counts_at_the_next_run(database: Database) -> None:
    post(database, [f"r{n}@example.org" for n in range(30)])
    assert len(take(claims(database, lambda: NOON, limits=limits(server={3600: 5})))) == 5
    with database.writing() as conn:
        conn.execute(t.relay.update().values(full_until=None))  # as every run begins
    assert len(take(claims(database, lambda: NOON, limits=limits(server={3600: 9})))) == 4


def test_one_destination_that_is_full_leaves_the_others_alone(database: Database) -> None:
    post(database, ["a@gmail.com", "b@gmail.com", "c@uni.example", "d@gmail.com", "e@uni.example"])
    clock = [NOON]
    running = claims(database, lambda: clock[0], limits=limits(google={60: 1}))
    assert take(running) == ["a@gmail.com", "c@uni.example", "e@uni.example"]
    assert running.opens_at() == NOON + 63 * SECOND
    clock[0] += 63 * SECOND
    assert take(running) == ["b@gmail.com"]


def test_a_mail_that_does_not_go_counts_in_no_limit(database: Database) -> None:
    post(database, ["a@gmail.com", "b@gmail.com", "c@uni.example", "d@uni.example"])
    both = limits(server={60: 3}, google={60: 1})
    assert len(take(claims(database, lambda: NOON, limits=both))) == 3


def test_what_has_left_all_windows_is_forgotten(database: Database) -> None:
    post(database, [f"r{n}@example.org" for n in range(40)])
    clock = [NOON]
    running = claims(database, lambda: clock[0], limits=limits(server={60: 9}))
    for _ in range(30):
        clock[0] += 7 * SECOND
        running.next("me/0")
    with database.reading() as conn:
        assert len(conn.execute(select(t.taken)).all()) <= PARTS + 1


def test_without_limits_nothing_is_counted(database: Database) -> None:
    post(database, ["a@gmail.com", "b@uni.example"])
    assert len(take(claims(database, lambda: NOON))) == 2
    with database.reading() as conn:
        assert conn.execute(select(t.taken)).all() == []


_PROCESS = """
import json, sys
from datetime import UTC, datetime
from notifier.storage.database import Database
from tests.sending import claims, limits

def clock():
    times.append(datetime.now(UTC))
    return times[-1]

times = []
database = Database(sys.argv[1])
running = claims(database, clock, limits=limits(server={1: 40}, google={1: 15}))
sys.stdin.readline()
begun, taken = clock(), []
while len(taken) < 50 and (datetime.now(UTC) - begun).total_seconds() < 40:
    found = running.next(sys.argv[2])
    if found:
        taken.append((times[-1].isoformat(), found.mail.destination, found.mail.row))
print(json.dumps(taken))
"""


@pytest.mark.both
def test_two_processes_on_one_database_stay_within_one_limit_together(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    database = Database(url)
    schema.upgrade(database)
    addresses = [f"r{n}@gmail.com" if n % 2 else f"r{n}@x{n}.example" for n in range(400)]
    post(database, addresses, since=datetime.now(UTC) - HOUR)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS, url, f"p{number}"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1],
        )
        for number in range(2)
    ]  # fmt: skip
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    parts = [json.loads(process.communicate(timeout=90)[0]) for process in processes]
    assert all(parts), "both had their share"
    taken = sorted((datetime.fromisoformat(at), to, row) for part in parts for at, to, row in part)
    assert len({row for *_, row in taken}) == len(taken) == 100
    assert most_in_a_window([at for at, *_ in taken], SECOND) <= 40
    assert most_in_a_window([at for at, to, _ in taken if to == "google"], SECOND) <= 15
    database.close()
