"""What tests share: a real database, a blocked network, real data where it is present."""

from __future__ import annotations

import logging
import math
import os
import socket
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog
from sqlalchemy import Engine, event

from notifier.storage.database import Database

from .databases import KINDS, Current, cluster, database_url, skip_without_postgres

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
hypothesis.settings.register_profile("busy", deadline=None)  # a slow machine is no failure
hypothesis.settings.load_profile("busy")
ASKED = "notifier/asked-for-a-database"
has_asked: dict[str, float | None] = {}
seconds: dict[str, float] = {}
_LOOPBACK = ("127.", "::1", "localhost")


def need(present: object, what: str) -> None:
    """Skip the test when a part is missing; in CI a missing part is a failure."""
    if present:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing in CI: {what}")
    pytest.skip(f"missing: {what}")


def real_data(path: str) -> Path:
    """Return a file or folder of the real captures, or skip: they are not part of the project."""
    found = DATA / path
    if not found.exists():
        pytest.skip(f"no real captures at {found}")
    return found


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"


@pytest.fixture(autouse=True)
def logs_as_at_the_start() -> Iterator[None]:
    """A command's log configuration ends with its test."""
    before = logging.getLogger().handlers[:]
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = before


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that leaves this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(
            _LOOPBACK
        ):
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def no_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No setting and no file of this machine's user reaches a test."""
    for name in list(os.environ):
        if name.startswith("NOTIFIER_"):
            monkeypatch.delenv(name)
    home = tmp_path_factory.getbasetemp() / "home"
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(home))


@pytest.fixture(scope="session", autouse=True)
def cluster_ends() -> Iterator[None]:
    """The cluster of PostgreSQL, where one was started, ends with the tests."""
    yield
    if cluster.cache_info().currsize:
        cluster().remove()


@pytest.fixture(scope="session", autouse=True)
def database_kind(request: pytest.FixtureRequest) -> str:
    """On what database this test runs; fixtures that outlive a test and have one ask for this."""
    Current.kind = getattr(request, "param", request.config.getoption("--database") or "sqlite")
    if Current.kind == "postgres":
        skip_without_postgres()
    return Current.kind


@event.listens_for(Engine, "connect")
def note_that_it_was_asked(*_: object) -> None:
    """Whoever connects by an URL of their own, as commands do, asks for a database, too."""
    Current.asked = True


@pytest.fixture(autouse=True)
def databases_are_dropped(database_kind: str, request: pytest.FixtureRequest) -> Iterator[None]:
    """Databases on the cluster go with their test, which may be one of SQLite alone."""
    only = request.node.get_closest_marker("sqlite")
    if only and database_kind == "postgres":
        pytest.skip(f"SQLite alone: {only.args[0]}")
    Current.asked = asks_for_a_shared_one(request)
    with cluster().cleared() if database_kind == "postgres" else nullcontext():
        yield
    if Current.asked and not only and not request.node.get_closest_marker("both"):
        request.node.user_properties.append((ASKED, True))


def asks_for_a_shared_one(request: pytest.FixtureRequest) -> bool:
    """Whether a fixture of a test outlives it and has a database: it asks for its kind."""
    known = request._fixturemanager  # pytest has no other way to ask
    return any(
        made.scope != "function" and "database_kind" in made.argnames
        for name in request.fixturenames
        for made in known.getfixturedefs(name, request.node) or ()
    )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note who asked for a database, and how long that took; None: who did not."""
    seconds[report.nodeid] = seconds.get(report.nodeid, 0.0) + report.duration
    if report.when == "teardown":
        asked = (ASKED, True) in map(tuple, report.user_properties)
        has_asked[report.nodeid] = seconds[report.nodeid] if asked else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep who asked for a database on SQLite, of those that ran; the others as they were."""
    config = session.config
    if (
        hasattr(config, "workerinput")
        or config.getoption("--database")
        or not getattr(config, "cache", None)
    ):
        return
    kept = config.cache.get(ASKED, {}) | has_asked
    config.cache.set(ASKED, {name: took for name, took in kept.items() if took is not None})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`--again` leaves those alone that asked for no database when they ran on SQLite."""
    most = config.getoption("--again")
    if most is None or not getattr(config, "cache", None):
        return
    asked = config.cache.get(ASKED, {})
    if not asked:
        raise pytest.UsageError("--again: nothing was run yet - first: make test")
    again, left = [], []
    for item in items:
        (again if asked.get(item.nodeid, math.inf) < most else left).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = again


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked `both` runs on both kinds, unless one is named."""
    if metafunc.definition.get_closest_marker("both"):
        one = metafunc.config.getoption("--database")
        kinds = [one] if one else KINDS
        metafunc.fixturenames.append("database_kind")
        metafunc.parametrize("database_kind", kinds, indirect=True, scope="session")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database at the present schema."""
    made = Database(database_url(tmp_path))
    yield made
    made.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` rewrites golden files, and still fails. For others see databases.py."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files")
    wanted = os.environ.get("NOTIFIER_TEST_DATABASE")
    parser.addoption("--database", choices=KINDS, default=wanted, help="run everything on this")
    parser.addoption(
        "--again", type=float, metavar="SECONDS",
        help="only those that asked for a database, and took less, when they last ran on SQLite",
    )  # fmt: skip
