"""Whether a process can do its work: said to anybody, in words that give nothing away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx2 as httpx
import pytest

from notifier.intake import system_clock
from notifier.readiness import KEPT_SECONDS, Probe
from notifier.storage import answering, store_processes
from notifier.vitals import SCHEDULER, WEB, Vitals
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

from .pages import Place, place

__all__ = ["place"]

WELL = {"database": "ok", "schema": "ok"}


class Seconds:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def asked(place: Place, vitals: Vitals | None) -> AsyncIterator[httpx.AsyncClient]:
    listening = bound("127.0.0.1:0")
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with (
        serving(make_site(place.app, vitals), listening),
        httpx.AsyncClient(base_url=base) as http,
    ):
        yield http


def look(place: Place, vitals: Vitals | None, seconds: Seconds | None = None) -> dict[str, str]:
    """The checks; whether it is ready is whether all of them are ok."""
    found = Probe(place.app, vitals, seconds=seconds or Seconds()).look()
    assert found.is_ready == all(said == "ok" for said in found.checks.values())
    assert bool(found.scheduler) == (vitals is not None)
    return dict(found.checks)


@pytest.mark.anyio
async def test_a_load_balancer_is_told_by_whatever_name_it_asks(place: Place) -> None:
    vitals = Vitals()
    async with asked(place, vitals) as http:
        answer = await http.get("/readyz", headers={"Host": "10.0.0.7:8080"})
        checks = WELL | {"process": "ok", "work": "ok"}
        assert answer.status_code == 200
        assert answer.json() == {"ready": True, "checks": checks, "scheduler": "none"}
        vitals.stopping = True
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        assert answer.json()["checks"]["process"] == "stopping"
        assert (await http.get("/healthz")).text == "ok\n", "the process is still there"


def test_a_process_that_has_not_looked_for_work_for_long_is_not_ready(place: Place) -> None:
    seconds = Seconds()
    vitals = Vitals(seconds=seconds)
    vitals.ticked(place.now)
    seconds.now += 89
    assert look(place, vitals, seconds)["work"] == "ok"
    seconds.now += 2
    assert look(place, vitals, seconds)["work"] == "late"
    vitals.ticked(place.now)
    assert look(place, vitals, seconds)["work"] == "ok"


def test_whether_some_process_plans_is_told_and_pages_are_served_without(place: Place) -> None:
    seconds, vitals = Seconds(), Vitals((WEB,))
    probe = Probe(place.app, vitals, seconds=seconds)
    assert (probe.look().scheduler, probe.look().is_ready) == ("none", True)
    now = system_clock()
    other = store_processes.Process("token", "host", "machine", 1, "scheduler", now)
    with place.app.database.writing() as conn:
        store_processes.beat(conn, other, now=now)
        free = store_processes.lease(conn, SCHEDULER)
        assert store_processes.take(conn, SCHEDULER, "token", seen=free, now=now)
    seconds.now += KEPT_SECONDS
    assert probe.look().scheduler == "elsewhere"
    with place.app.database.writing() as conn:
        store_processes.beat(conn, other, now=now - timedelta(minutes=2))
    seconds.now += KEPT_SECONDS
    assert (probe.look().scheduler, probe.look().is_ready) == ("none", True)
    vitals.is_scheduler = True
    assert probe.look().scheduler == "here"


def test_a_schema_of_another_version_is_told(place: Place) -> None:
    with place.app.database.writing() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert look(place, None) == {"database": "ok", "schema": "of another version"}


@pytest.mark.sqlite("a file")
def test_a_database_that_does_not_answer_is_told_without_its_place(place: Place) -> None:
    file = Path(place.app.database.place)
    place.app.database.close()
    for one in file.parent.glob(f"{file.name}*"):
        one.unlink()
    file.mkdir()
    assert look(place, None) == {"database": "no answer"}


@pytest.mark.sqlite("a file")
def test_a_database_that_cannot_be_written_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    may = answering.os.access  # root may do everything but on a disk that is read-only
    read_only = Path(place.app.database.place)
    monkeypatch.setattr(
        answering.os, "access", lambda path, mode: path != read_only and may(path, mode)
    )
    assert look(place, None)["database"] == "read-only"


def test_the_database_is_asked_once_a_second_however_many_ask(place: Place) -> None:
    seconds = Seconds()
    probe = Probe(place.app, None, seconds=seconds)
    assert probe.look().is_ready
    with place.app.database.writing() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert probe.look().is_ready
    seconds.now += KEPT_SECONDS
    assert not probe.look().is_ready


def test_who_writes_holds_it_up_not_at_all(place: Place) -> None:
    with place.app.database.writing():
        assert look(place, None) == WELL


def test_a_database_that_takes_no_heartbeat_is_told(place: Place) -> None:
    vitals = Vitals()
    vitals.is_written = False
    assert look(place, vitals) == WELL | {"database": "not written", "process": "ok", "work": "ok"}
