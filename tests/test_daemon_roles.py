"""One program in several processes: each role is done, and what only one may do is done by one."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from notifier.app import App
from notifier.config import Settings

from .builders import atom
from .commands import Notifier, notifier
from .databases import database_url
from .test_daemon import (
    READERS,
    SlowSink,
    code_after_sigterm,
    listening,
    prepare,
    process,
    recipients,
    says,
)

__all__ = ["notifier"]


@dataclass
class Feed:
    """A source that notes who asks; it answers once it is told to."""

    url: str = ""
    asked: int = 0
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        self.is_asked.set()
        await self.may_answer.wait()
        body = atom([{"id": "2611.00002", "title": "RAGs that remember"}])
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def feed() -> AsyncIterator[Feed]:
    made = Feed()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield made
    finally:
        made.may_answer.set()
        server.close()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def answered(*arguments: object) -> Any:
    """Run a command, and return the JSON that it prints."""
    async with process(*arguments, "--format", "json") as running:
        out, err = await asyncio.wait_for(running.communicate(), 60)
    assert running.returncode in (0, 3), err.decode()
    return json.loads(out)


@pytest.mark.anyio
async def test_a_scheduler_two_workers_and_the_pages_are_one_service(tmp_path: Path) -> None:
    async with listening(SlowSink(0.02)) as sink, AsyncExitStack() as running:
        config, port = prepare(tmp_path, sink.port), free_port()
        text = config.read_text().replace("listen = ''", f"listen = '127.0.0.1:{port}'")
        config.write_text(text)

        async def start(role: str) -> asyncio.subprocess.Process:
            made = process("run", "--only", role, "--config", config)
            return await running.enter_async_context(made)

        scheduler, *others = [
            await start(role) for role in ("scheduler", "worker", "worker", "web")
        ]
        await says(scheduler, "this process is the scheduler")
        for one in others:
            await says(one, "daemon started")
        await asyncio.wait_for(sink.complete.wait(), 60)
        page = await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{port}/healthz")
        assert page.read() == b"ok\n"
        told = (await answered("status", "--config", config))["processes"]
        found = sorted((*one["roles"], one["state"]) for one in told)
        assert found == [
            ("scheduler", "scheduler"), ("web", "runs"), ("worker", "runs"), ("worker", "runs")
        ]  # fmt: skip
        assert {one["pid"] for one in told} == {one.pid for one in (scheduler, *others)}
        codes = await asyncio.gather(*map(code_after_sigterm, (scheduler, *others)))
        assert codes == [0] * 4
    assert recipients(sink) == sorted(f"reader{n}@example.org" for n in range(READERS))


@pytest.mark.anyio
async def test_a_tick_beside_the_scheduler_asks_no_source_and_sends_what_waits(
    tmp_path: Path,
) -> None:
    async with listening(SlowSink(0.0)) as sink, feed() as source:
        config = prepare(tmp_path, sink.port)
        app = App(Settings(database={"url": database_url(tmp_path, "notifier")}))
        assert app.compose().made == READERS
        app.close()
        with config.open("a") as file:
            file.write(f"[[source]]\nname = 's'\nkind = 'feed'\nurls = ['{source.url}']\n")
        async with process("run", "--only", "scheduler", "--config", config) as daemon:
            await asyncio.wait_for(source.is_asked.wait(), 30)
            done = await answered("tick", "--config", config)
            assert done["planning"].startswith(f"left to process {daemon.pid} on ")
            assert (done["sent"], len(sink.received)) == (READERS, READERS)
            source.may_answer.set()
            await says(daemon, "source read")
            assert await code_after_sigterm(daemon) == 0
        assert source.asked == 1


@pytest.mark.parametrize(
    ("words", "wrong"),
    [(["wrker"], "wrker"), (["web,,worker"], ""), (["web", "--only", "all"], "all"), ([""], "")],
)
def test_a_role_that_is_none_is_said_in_one_line(
    notifier: Notifier, words: list[str], wrong: str
) -> None:
    done = notifier("run", "--only", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err == f'error: --only: "{wrong}" is none of web, scheduler, worker\n'


def test_a_process_for_pages_alone_that_may_listen_nowhere_is_refused(notifier: Notifier) -> None:
    notifier.config.write_text("[site]\nlisten = ''\n")
    done = notifier("run", "--only", "web")
    assert done.code == 2
    assert done.err == (
        'error: nothing to do for "web": set site.listen, or leave out --only web\n'
    )


def test_help_names_the_roles_and_gives_an_example(notifier: Notifier) -> None:
    told = notifier("run", "--help").out
    for word in ("web, scheduler, worker", "SIGHUP", "notifier run --only worker"):
        assert word in " ".join(told.replace("│", " ").split())
