"""Which engine an instance has: refused in one line where it cannot be, told of where it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notifier import engines
from notifier.app import App
from notifier.config import Settings
from notifier.daemon.identity import this_process
from notifier.doctor.engine_checks import ask_engine
from notifier.doctor.setup import Setup
from notifier.engine import own_schema
from notifier.engine.engine import Task
from notifier.engine.inline import Inline
from notifier.errors import ConfigError
from notifier.intake import system_clock
from notifier.storage import store_processes

from .commands import Notifier, notifier
from .databases import database_url, url_of

__all__ = ["notifier"]

on_postgres = pytest.mark.parametrize("database_kind", ["postgres"], indirect=True, scope="session")
PROCRASTINATE = {"kind": "procrastinate"}


@pytest.fixture
def app(tmp_path: Path, database_kind: str) -> Iterator[App]:
    """An instance on PostgreSQL, with an engine of many processes."""
    url = database_url(tmp_path, "notifier")
    made = App(Settings(database={"url": url}, engine=PROCRASTINATE))
    yield made
    made.close()


async def findings(app: App) -> list[tuple[str, str, str]]:
    resolver: Any = None  # no check of the engine asks one
    setup = Setup(app.settings, None, app.database, resolver, system_clock)
    return [(one.state, one.found, one.remedy) for one in await ask_engine(setup)]


def test_a_queue_on_a_file_is_refused_in_one_line(notifier: Notifier) -> None:
    notifier.config.write_text(
        "[database]\nurl = 'sqlite:///notifier.db'\n[engine]\nkind = 'procrastinate'\n"
    )
    done = notifier("config", "check")
    assert done.code == 2
    (said,) = done.err.splitlines()
    assert 'engine.kind = "procrastinate" keeps its queue in PostgreSQL' in said


def test_an_engine_that_is_none_is_refused(notifier: Notifier) -> None:
    notifier.config.write_text("[engine]\nkind = 'celery'\n")
    done = notifier("config", "check")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "engine" in done.err


@on_postgres
def test_without_the_extra_the_cure_is_said(
    app: App, database_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "procrastinate.schema", None)
    with pytest.raises(ConfigError, match=r"pip install 'paper-notifier\[distributed\]'"):
        engines.install(app.settings, app.database)


def test_one_process_has_an_engine_of_its_own_and_needs_nothing(tmp_path: Path) -> None:
    made = App(Settings(database={"url": database_url(tmp_path, "notifier")}))
    assert isinstance(made.engine, Inline)
    assert engines.described(made.settings, made.engine) == {
        "kind": "inline", "tasks_waiting": None
    }  # fmt: skip
    made.close()


@on_postgres
@pytest.mark.anyio
async def test_status_and_doctor_tell_what_waits_and_whether_anybody_works(
    app: App, database_kind: str, notifier: Notifier
) -> None:
    await app.engine.dispatch([Task.of("match")])
    notifier.config.write_text(
        f"[database]\nurl = '{url_of(app.database)}'\n[engine]\nkind = 'procrastinate'\n"
    )
    told = json.loads(notifier("status", "--format", "json").out)
    assert told["engine"] == {"kind": "procrastinate", "tasks_waiting": 1}
    ((state, said, remedy),) = await findings(app)
    assert (state, said) == ("failed", "procrastinate: 1 tasks wait, 0 workers live")
    assert "notifier run --only worker" in remedy
    now = system_clock()
    with app.database.writing() as conn:
        store_processes.beat(conn, this_process("worker", now), now=now)
    ((state, said, _),) = await findings(app)
    assert (state, said) == ("ok", "procrastinate: 1 tasks wait, 1 workers live")
    with app.database.beside() as conn:
        conn.exec_driver_sql(f"DROP SCHEMA {own_schema.SCHEMA} CASCADE")
    ((state, _, remedy),) = await findings(app)
    assert (state, remedy) == ("warning", 'Make them: "notifier db upgrade".')
    assert "made the engine's tables" in notifier("db", "upgrade").err
    assert own_schema.is_installed(app.database)
