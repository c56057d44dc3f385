"""Asked to stop, the daemon ends within its time, whatever it is doing; asked twice, at once."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from .fakes import HANG, Late, Script, ScriptedSmtp, scripted
from .test_daemon import READERS, SlowSink, listening, prepare, process, rows_of, says, states

pytestmark = pytest.mark.anyio


def set_up(folder: Path, port: int, *, stop_seconds: int, site: str = "") -> Path:
    config = prepare(folder, port)
    text = config.read_text() + f"stop_seconds = {stop_seconds}\n"
    config.write_text(text.replace("[site]\n", f"[site]\n{site}\n"))
    return config


@asynccontextmanager
async def silent(
    folder: Path, script: Script, *, stop_seconds: int
) -> AsyncIterator[tuple[asyncio.subprocess.Process, ScriptedSmtp]]:
    """A daemon whose mail server has fallen silent, in the middle of its script."""
    async with scripted(script) as server:
        config = set_up(folder, server.port, stop_seconds=stop_seconds)
        async with process("run", "--config", config) as daemon:
            await asyncio.wait_for(server.holds.wait(), 30)
            yield daemon, server


async def seconds_to_end(daemon: asyncio.subprocess.Process, at_most: float) -> float:
    begun = time.monotonic()
    daemon.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(daemon.wait(), at_most) == 0
    return time.monotonic() - begun


def left(folder: Path) -> tuple[int, int]:
    """How many processes and leases are still told of."""
    (found,) = rows_of(
        folder,
        "SELECT (SELECT count(*) FROM process), (SELECT count(*) FROM lease WHERE holder != '')",
    )
    return (found[0], found[1])


async def test_a_mail_server_that_is_silent_before_the_dot_is_left_with_nothing_claimed(
    tmp_path: Path,
) -> None:
    async with silent(tmp_path, {"DATA": HANG}, stop_seconds=10) as (daemon, _):
        assert await seconds_to_end(daemon, 10) < 10
    assert states(tmp_path) == {"pending": READERS}
    assert left(tmp_path) == (0, 0)


async def test_an_answer_to_a_final_dot_is_waited_for_beyond_the_time_to_stop(
    tmp_path: Path,
) -> None:
    script = {".": Late("250 2.0.0 kept")}
    async with silent(tmp_path, script, stop_seconds=1) as (daemon, server):
        daemon.send_signal(signal.SIGTERM)
        await says(daemon, "waiting for the answer")
        server.let_go.set()
        assert await asyncio.wait_for(daemon.wait(), 20) == 0
    assert states(tmp_path) == {"sent": 1, "pending": READERS - 1}


async def test_a_second_sigterm_ends_at_once(tmp_path: Path) -> None:
    async with silent(tmp_path, {".": HANG}, stop_seconds=600) as (daemon, _):
        daemon.send_signal(signal.SIGTERM)
        await says(daemon, "daemon stopping")
        begun = time.monotonic()
        daemon.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(daemon.wait(), 10) == 128 + signal.SIGTERM
        assert time.monotonic() - begun < 2


async def test_a_long_compose_is_left_between_two_subscribers(tmp_path: Path) -> None:
    own = tmp_path / "own" / "mail"
    own.mkdir(parents=True)
    # Half a second for each of thirty digests.
    slow = "{% for a in range(6000) %}{% for b in range(3000) %}{% endfor %}{% endfor %}text"
    (own / "digest.txt.j2").write_text(slow)
    async with listening(SlowSink(0.0)) as sink:
        config = set_up(tmp_path, sink.port, stop_seconds=10, site="templates_dir = 'own'")
        async with process("run", "--config", config) as daemon:
            await says(daemon, "matched")
            assert await seconds_to_end(daemon, 10) < 10
    ((made,),) = rows_of(tmp_path, "SELECT count(*) FROM digest")
    assert made < READERS
    assert left(tmp_path) == (0, 0)
