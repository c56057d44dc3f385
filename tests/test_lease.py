"""Of several processes on one database one is the scheduler: by no clock that anybody sets."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import structlog

from notifier.daemon import identity
from notifier.daemon.identity import is_gone, this_process
from notifier.daemon.lease import Rhythm
from notifier.daemon.standing import Standing
from notifier.errors import Busy
from notifier.storage import store_processes
from notifier.storage.database import Database
from notifier.storage.store_processes import Process
from notifier.vitals import Vitals

from .builders import NOON

RHYTHM = Rhythm()


@dataclass
class Room:
    """Processes on one database, each on a machine of its own; `seconds` is everybody's time.

    `shown` is what their wall clocks show.
    """

    database: Database
    seconds: float = 1000.0
    shown: datetime = NOON
    all: list[Standing] = field(default_factory=list)

    def enters(self, *, machine: str = "", pid: int = 1, wants: bool = True) -> Standing:
        number = len(self.all)
        process = Process(f"t{number}", f"host{number}", machine, pid, "scheduler", NOON)
        made = Standing(
            self.database, process, wants=wants,
            clock=lambda: self.shown, seconds=lambda: self.seconds,
        )  # fmt: skip
        self.all.append(made)
        return made

    def passes(
        self, seconds: float, *, stepping: Callable[[Standing], bool] = lambda _: True
    ) -> None:
        """Let time pass; all take their steps meanwhile, but for those that sleep."""
        end = self.seconds + seconds
        while self.seconds < end:
            self.seconds = min(self.seconds + RHYTHM.look_seconds, end)
            self.shown += timedelta(seconds=RHYTHM.look_seconds)
            for one in self.all:
                if stepping(one):
                    one.step()

    @property
    def holders(self) -> list[Standing]:
        return [one for one in self.all if one.holds]

    @property
    def known(self) -> list[str]:
        with self.database.reading() as conn:
            return [one.process.token for one in store_processes.every(conn)]


@pytest.fixture
def room(database: Database) -> Room:
    return Room(database)


def test_of_three_one_is_the_scheduler_for_as_long_as_it_lives(room: Room) -> None:
    first, *_ = (room.enters() for _ in range(3))
    room.passes(300)
    assert room.holders == [first]


def test_the_lease_of_one_that_died_is_taken_over_within_a_minute(room: Room) -> None:
    first, second = room.enters(), room.enters()
    room.passes(100)
    room.passes(60, stepping=lambda one: one is second)
    assert room.holders == [second]
    assert not first.holds


def test_one_that_ends_lets_the_next_begin_at_its_next_look(room: Room) -> None:
    first, second = room.enters(), room.enters()
    room.passes(100)
    asyncio.run(first.release())
    assert room.holders == []
    room.passes(RHYTHM.look_seconds)
    assert room.holders == [second]


def test_one_that_slept_through_its_lease_is_no_scheduler_when_it_wakes(room: Room) -> None:
    first, second = room.enters(), room.enters()
    room.passes(100)
    room.passes(60, stepping=lambda one: one is second)
    assert not first.holds, "before it has asked anybody"
    with structlog.testing.capture_logs() as logged:
        room.passes(30)
    assert [one["event"] for one in logged if one["log_level"] == "warning"] == [
        "no longer the scheduler: another process took over"
    ]
    assert room.holders == [second]


def test_one_that_slept_and_was_alone_goes_on(room: Room) -> None:
    alone = room.enters()
    room.passes(10)
    room.seconds += 3600
    assert not alone.holds
    alone.step()
    assert alone.holds


def test_one_that_slept_together_with_the_scheduler_does_not_take_its_place(room: Room) -> None:
    first, second = room.enters(), room.enters()
    room.passes(100)
    room.seconds += 3600  # the machine of both was suspended
    second.step()
    assert not second.is_scheduler
    first.step()
    room.passes(100)
    assert room.holders == [first]


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(hours=-1), timedelta(days=400)])
def test_a_wall_clock_that_jumps_moves_no_lease(room: Room, jump: timedelta) -> None:
    first, _ = room.enters(), room.enters()
    room.passes(100)
    room.shown += jump
    room.passes(100)
    assert room.holders == [first]


def test_one_beyond_whose_lease_the_clock_was_set_back_is_replaced_as_soon(room: Room) -> None:
    _, second = room.enters(), room.enters()
    room.passes(100)
    room.shown -= timedelta(days=1)
    room.passes(60, stepping=lambda one: one is second)
    assert room.holders == [second]


@pytest.mark.parametrize("seed", range(5))
def test_at_no_moment_are_there_two_whoever_sleeps_for_however_long(
    database: Database, seed: int
) -> None:
    chance, room = random.Random(seed), Room(database)
    for _ in range(3):
        room.enters()
    asleep: dict[Standing, float] = {}
    led: set[str] = set()
    for _ in range(250):
        room.seconds += chance.uniform(0, 4)
        room.shown += timedelta(seconds=chance.uniform(-3600, 3600))
        for one in room.all:
            if asleep.get(one, 0.0) > room.seconds:
                continue
            if chance.random() < 0.02:
                asleep[one] = room.seconds + chance.uniform(0, 120)
            else:
                one.step()
            assert len(room.holders) <= 1
        led |= {one.me.token for one in room.holders}
    assert len(led) > 1, "or nothing was put to the test"


def test_two_that_find_the_lease_free_at_the_same_moment_do_not_both_get_it(
    database: Database,
) -> None:
    with database.writing() as conn:
        seen = store_processes.lease(conn, "scheduler")
        took = [store_processes.take(conn, "scheduler", x, seen=seen, now=NOON) for x in "ab"]
    assert took == [True, False]


def ended(*, reaped: bool = True) -> subprocess.Popen[bytes]:
    """A process that was killed."""
    made = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    made.kill()
    if reaped:
        made.communicate()
    else:
        os.waitid(os.P_PID, made.pid, os.WEXITED | os.WNOWAIT)
    return made


@pytest.mark.parametrize("reaped", [True, False])
def test_one_that_was_killed_on_this_machine_is_replaced_at_the_next_look(
    room: Room, reaped: bool
) -> None:
    dead = ended(reaped=reaped)
    machine = this_process("scheduler", NOON).machine
    first = room.enters(machine=machine, pid=dead.pid)
    first.step()
    second = room.enters(machine=machine, pid=os.getpid())
    second.step()
    assert second.holds
    dead.communicate()


def test_a_number_of_a_process_says_nothing_on_another_machine(room: Room) -> None:
    dead = ended()
    first = room.enters(machine="one", pid=dead.pid)
    first.step()
    second = room.enters(machine="another")
    room.passes(30, stepping=lambda one: one is second)
    assert not second.is_scheduler


def test_one_that_runs_is_not_gone() -> None:
    me = this_process("web", NOON)
    assert not is_gone(Process("x", me.host, me.machine, os.getppid(), "web", NOON), me)
    assert not is_gone(Process("x", me.host, me.machine, 1, "web", NOON), me)
    assert is_gone(Process("x", me.host, me.machine, me.pid, "web", NOON), me), "we have its number"


def test_where_the_machine_cannot_be_told_nobody_is_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> None:
    monkeypatch.setattr(identity, "_BOOT", tmp_path)
    me = this_process("web", NOON)
    assert me.machine == ""
    assert not is_gone(Process("x", me.host, "", ended().pid, "web", NOON), me)


def test_who_is_gone_and_who_was_silent_for_a_day_is_forgotten(room: Room) -> None:
    machine = this_process("scheduler", NOON).machine
    killed = room.enters(machine=machine, pid=ended().pid, wants=False)
    silent = room.enters(wants=False)
    for one in (killed, silent):
        one.step()
    last = room.enters(machine=machine, pid=os.getpid())
    last.step()
    assert room.known == ["t1", "t2"]
    room.shown += timedelta(days=1, seconds=1)
    room.seconds += RHYTHM.beat_seconds
    last.step()
    assert room.known == ["t2"]


def test_a_database_that_does_not_answer_costs_the_lease_only_when_its_time_is_over(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifier.storage import database as module

    monkeypatch.setattr(module, "BUSY_TIMEOUT_SECONDS", 0.01)
    first = room.enters()
    first.step()
    with room.database.writing():  # another thread's: ours waits in line
        room.seconds += 20
        with pytest.raises(Busy):
            first.step()
        assert first.holds
        room.seconds += 20
        assert not first.holds
    first.step()
    assert first.holds


@pytest.mark.anyio
async def test_what_waits_for_the_lease_goes_on_once_it_is_confirmed(room: Room) -> None:
    one = room.enters()
    told: list[bool] = []
    keeping = asyncio.ensure_future(one.keep(lambda: told.append(one.is_scheduler)))
    await asyncio.wait_for(one.confirmed(), 10)
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    assert told == [True]
    await one.leave()
    assert room.known == []


@pytest.mark.anyio
async def test_one_that_asks_beside_a_living_scheduler_is_told_so_at_once(room: Room) -> None:
    first, second = room.enters(), room.enters()
    first.step()
    assert not await asyncio.wait_for(second.claim(asyncio.Event()), 5)
    assert second.other
    assert second.other.process == first.me


@pytest.mark.anyio
async def test_one_that_asks_beside_a_dead_one_is_the_scheduler_at_once(room: Room) -> None:
    machine = this_process("scheduler", NOON).machine
    first = room.enters(machine=machine, pid=ended().pid)
    first.step()
    second = room.enters(machine=machine, pid=os.getpid())
    assert await asyncio.wait_for(second.claim(asyncio.Event()), 5)


# What a process tells of itself.


def test_one_that_looks_for_work_is_alive_while_it_does() -> None:
    seconds = [0.0]
    vitals = Vitals(("worker", "scheduler"), seconds=lambda: seconds[0])
    assert vitals.roles == ("scheduler", "worker")
    assert (vitals.is_standby, vitals.is_scheduler) == (True, False)
    vitals.ticked(NOON)
    seconds[0] = 90.0
    assert (vitals.tick_age_seconds(), vitals.is_alive) == (90.0, True)
    seconds[0] = 91.0
    assert not vitals.is_alive


def test_one_that_only_serves_pages_stands_by_for_nothing() -> None:
    vitals = Vitals(("web",), seconds=lambda: 0.0)
    assert (vitals.is_standby, vitals.tick_age_seconds(), vitals.is_alive) == (False, 0.0, True)


@pytest.mark.anyio
async def test_a_database_that_does_not_answer_is_told_once_and_not_given_up(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifier.storage import database as module

    monkeypatch.setattr(module, "BUSY_TIMEOUT_SECONDS", 0.01)
    rhythm = Rhythm(0.5)
    one = Standing(room.database, this_process("scheduler", NOON), wants=True, rhythm=rhythm)
    became = asyncio.Event()
    with structlog.testing.capture_logs() as logged:
        with room.database.writing():
            keeping = asyncio.ensure_future(one.keep(became.set))
            assert not (await asyncio.wait({keeping}, timeout=0.3))[0]
        await asyncio.wait_for(became.wait(), 10)
    keeping.cancel()
    troubles = sum(entry["event"] == "the heartbeat is not written" for entry in logged)
    assert (troubles, one.is_scheduler) == (1, True)
    await one.leave()


@pytest.mark.anyio
async def test_that_the_heartbeat_is_not_written_is_passed_on_and_that_it_is_again_is_said(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifier.storage import database as module

    monkeypatch.setattr(module, "BUSY_TIMEOUT_SECONDS", 0.01)
    rhythm = Rhythm(0.5)
    one = Standing(room.database, this_process("scheduler", NOON), wants=True, rhythm=rhythm)
    seen = list[tuple[bool, bool]]()
    wanted, came = [(True, True)], asyncio.Event()

    def beaten() -> None:
        seen.append((one.is_written, one.holds))
        if seen[-1] in wanted:
            came.set()

    with structlog.testing.capture_logs() as logged:
        keeping = asyncio.ensure_future(one.keep(lambda: None, beaten))
        await asyncio.wait_for(came.wait(), 10)
        with room.database.writing():
            wanted[:] = [(False, False)]
            came.clear()
            await asyncio.wait_for(came.wait(), 10)
        wanted[:] = [(True, True)]
        came.clear()
        await asyncio.wait_for(came.wait(), 10)
    keeping.cancel()
    said = [entry["event"] for entry in logged if entry["event"].startswith("the heartbeat")]
    assert said == ["the heartbeat is not written", "the heartbeat is written again"]
    await one.leave()
