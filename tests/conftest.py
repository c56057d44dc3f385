"""What tests share: a real database, a blocked network, real data where it is present."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis
import pytest
import structlog

from notifier.storage import schema
from notifier.storage.database import Database

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
hypothesis.settings.register_profile("busy", deadline=None)  # a slow machine is no failure
hypothesis.settings.load_profile("busy")
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


@cache
def _empty_database() -> bytes:
    with TemporaryDirectory() as folder:
        made = Database(f"sqlite:///{folder}/test.db")
        schema.upgrade(made)
        made.close()
        return (Path(folder) / "test.db").read_bytes()


def prepare(file: Path) -> None:
    """Put an empty database of the present schema where none is: its steps take a while."""
    if not file.exists():
        file.write_bytes(_empty_database())


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database at the present schema."""
    prepare(tmp_path / "test.db")
    made = Database(f"sqlite:///{tmp_path}/test.db")
    yield made
    made.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` rewrites golden files, and still fails."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files")
