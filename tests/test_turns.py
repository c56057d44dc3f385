"""One request at a time and a pause between two, kept by every process on one database."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import stamina
from sqlalchemy import insert

from notifier.errors import SourceError
from notifier.sources import http
from notifier.sources.http import Answer, Client, HttpSettings, at_rest, open_client, service_of
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.turns import SharedTurns

from .builders import NOON
from .databases import url_of

pytestmark = pytest.mark.anyio
PAUSE = 0.3
LEASE = timedelta(seconds=1)
LONG = timedelta(minutes=1)  # a lease that no test outlives
ROOT = Path(__file__).resolve().parents[1]
DEADLINE_SECONDS = 12  # for what would otherwise wait for ever


@pytest.fixture(autouse=True)
def no_waiting_between_retries() -> Iterator[None]:
    stamina.instrumentation.set_on_retry_hooks([])
    with stamina.set_testing(True, attempts=http.ATTEMPTS):
        yield
    stamina.instrumentation.set_on_retry_hooks(None)


# A server that writes down who came when.


@dataclass
class Visits:
    """A local server: `answers` are played in turn, afterwards each is a short good one.

    `came` and `gone` are when requests came and when they were answered; None in `answers`
    never answers. `waited` is set once a request has come that gets no answer, `answered`
    once one got its answer.
    """

    took_seconds: float = 0.0
    answers: list[bytes | None] = field(default_factory=list)
    came: list[float] = field(default_factory=list)
    gone: list[float] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    waited: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, as long as it lasts."""
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await self._visit(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left
        finally:
            writer.close()

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came.append(time.monotonic())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            answer = self.answers.pop(0) if self.answers else said(200)
            if answer is None:
                self.waited.set()
                await reader.read()  # until the client is gone
                return
            await asyncio.sleep(self.took_seconds)  # a slow service, so that two would overlap
            self.gone.append(time.monotonic())
            writer.write(answer)
            self.answered.set()
            await writer.drain()
        finally:
            self.at_once -= 1


def said(status: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} x", "Content-Length: 1", *headers, "", "x"]
    return "\r\n".join(lines).encode()


@asynccontextmanager
async def serving(*answers: bytes | None, took_seconds: float = 0.0) -> AsyncIterator[Visits]:
    visits = Visits(took_seconds, list(answers))
    server = await asyncio.start_server(visits.serve, "127.0.0.1", 0)
    visits.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/feed"
    async with server:
        yield visits


# Processes that share a database.

_ASK = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from notifier.errors import SourceError
from notifier.sources.http import HttpSettings, at_rest, open_client
from notifier.storage.database import Database
from notifier.storage.turns import SharedTurns

async def main(place, url, times, pause, hold):
    turns = SharedTurns(
        Database(place), clock=lambda: datetime.now(UTC),
        hold=timedelta(seconds=float(hold)), longest_wait_seconds=60, too_long=at_rest,
    )
    async with open_client(HttpSettings(pause_seconds=float(pause)), turns) as client:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for _ in range(int(times)):
            await client.fetch(url)

asyncio.run(main(*sys.argv[1:]))
"""


@dataclass
class Process:
    """Another process, ready to ask as soon as it is told to."""

    running: asyncio.subprocess.Process

    def go(self) -> None:
        assert self.running.stdin
        self.running.stdin.write(b"\n")

    async def end(self) -> int:
        """Return the exit code, once it has asked all."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.running.wait()


@asynccontextmanager
async def processes(
    database: Database, url: str, count: int, *, times: int = 1, hold: timedelta = LONG
) -> AsyncIterator[list[Process]]:
    """Yield processes on one database that have loaded everything and wait for `go`."""
    pipe = asyncio.subprocess.PIPE
    words = (url_of(database), url, str(times), str(PAUSE), str(hold.total_seconds()))
    command = (sys.executable, "-c", _ASK, *words)
    started = [
        await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=ROOT)
        for _ in range(count)
    ]
    try:
        for one in started:
            assert one.stdout
            assert await one.stdout.readline() == b"ready\n"
        yield [Process(one) for one in started]
    finally:
        for one in started:
            if one.returncode is None:
                one.kill()
            await one.communicate()


@pytest.mark.both
async def test_three_processes_ask_one_after_the_other_with_a_pause_between_any_two(
    database: Database,
) -> None:
    async with (
        serving(took_seconds=0.1) as visits,
        processes(database, visits.url, 3, times=2) as asking,
    ):
        for one in asking:
            one.go()
        assert [await one.end() for one in asking] == [0, 0, 0]
    assert len(visits.came) == 6
    assert visits.most_at_once == 1
    ends = zip(visits.gone, visits.came[1:], strict=False)
    assert min(came - gone for gone, came in ends) >= PAUSE


async def test_a_process_killed_while_asking_delays_the_others_by_its_lease_and_no_longer(
    database: Database,
) -> None:
    async with (
        serving(None) as visits,
        processes(database, visits.url, 2, hold=LEASE) as (victim, heir),
    ):
        victim.go()
        await visits.waited.wait()
        victim.running.kill()
        heir.go()
        assert await heir.end() == 0
    first, second = visits.came
    assert LEASE.total_seconds() - 0.2 <= second - first < LEASE.total_seconds() + 1


async def test_a_rest_that_one_process_is_told_is_kept_by_the_other(database: Database) -> None:
    async with (
        serving(said(429, "Retry-After: 1")) as visits,
        processes(database, visits.url, 2) as asking,
    ):
        asking[0].go()
        await visits.answered.wait()
        asking[1].go()
        assert [await one.end() for one in asking] == [0, 0]
    told, *others = visits.came
    assert len(others) == 2
    assert min(others) - told >= 1


# One process, two clients: each with its own connection to the database's turns.


def shared(
    database: Database,
    *,
    hold: timedelta = LONG,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> SharedTurns:
    return SharedTurns(database, clock=clock, hold=hold, longest_wait_seconds=60, too_long=at_rest)


@asynccontextmanager
async def a_client(database: Database, pause_seconds: float = PAUSE) -> AsyncIterator[Client]:
    settings = HttpSettings(timeout_seconds=10, pause_seconds=pause_seconds)
    async with open_client(settings, shared(database)) as client:
        yield client


async def test_a_rest_longer_than_the_longest_wait_fails_at_once_and_asks_nothing(
    database: Database,
) -> None:
    async with (
        serving(said(503, "Retry-After: 3600")) as visits,
        a_client(database) as told,
        a_client(database) as other,
    ):
        with pytest.raises(SourceError, match="HTTP 503"):
            await told.fetch(visits.url)
        begun = time.monotonic()
        with pytest.raises(SourceError) as caught:
            await other.fetch(visits.url)
    assert time.monotonic() - begun < 1
    assert str(caught.value) == (
        "127.0.0.1 asked to be left alone for 60 more minutes - it is asked again then"
    )
    assert not caught.value.refused
    assert len(visits.came) == 1


async def test_a_rest_at_one_service_is_no_rest_at_another(database: Database) -> None:
    turns = shared(database)
    async with turns.turn("a.example", pause_seconds=0):
        pass
    await turns.rest("a.example", 3600)
    async with asyncio.timeout(1), turns.turn("b.example", pause_seconds=0):
        pass


async def test_a_shorter_rest_does_not_end_a_longer_one(database: Database) -> None:
    turns = shared(database)
    async with turns.turn("a.example", pause_seconds=0):
        pass
    await turns.rest("a.example", 7200)
    await turns.rest("a.example", 60)
    with pytest.raises(SourceError, match="120 more minutes"):
        await turns.turn("a.example", pause_seconds=0).__aenter__()


async def test_a_cancelled_request_gives_its_turn_back_and_the_pause_is_kept(
    database: Database,
) -> None:
    async with serving(None) as visits, a_client(database) as one, a_client(database) as other:
        asking = asyncio.create_task(one.fetch(visits.url))
        await visits.waited.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        ended = time.monotonic()
        async with asyncio.timeout(PAUSE + 2):
            await other.fetch(visits.url)
    assert visits.came[1] - ended >= PAUSE - 0.05


async def test_one_cancelled_while_taking_its_turn_leaves_it_to_the_others(
    database: Database,
) -> None:
    loop, taking, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    threads = ThreadPoolExecutor()
    loop.set_default_executor(threads)

    def slow_clock() -> datetime:
        loop.call_soon_threadsafe(taking.set)
        go_on.wait(DEADLINE_SECONDS)
        return datetime.now(UTC)

    async def ask() -> None:
        async with shared(database, clock=slow_clock).turn("a.example", pause_seconds=0):
            raise AssertionError("it was cancelled before")

    asking = asyncio.create_task(ask())
    await taking.wait()
    asking.cancel()
    loop.call_soon(go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await asking
    threads.shutdown()  # whatever was still going on there has ended
    loop.set_default_executor(ThreadPoolExecutor())
    async with asyncio.timeout(2), shared(database).turn("a.example", pause_seconds=0):
        pass


async def test_one_who_had_to_wait_for_the_database_sees_the_turn_that_was_taken_meanwhile(
    database: Database,
) -> None:
    times = [NOON]
    turns = shared(database, clock=lambda: times[-1])
    with database.writing() as conn:  # another process is at it
        asking = asyncio.create_task(turns.turn("a.example", pause_seconds=0).__aenter__())
        await asyncio.wait({asking}, timeout=0.2)
        times.append(NOON + timedelta(seconds=2))
        taken = {"holder": "another", "held_until": times[-1] + LONG, "not_before": NOON}
        conn.execute(insert(t.turn).values(service="a.example", told_at=times[-1], **taken))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asking, 0.5)


async def test_an_answer_of_one_whose_lease_ran_out_does_not_end_the_turn_of_the_next(
    database: Database,
) -> None:
    times = [NOON]
    turns = shared(database, hold=LEASE, clock=lambda: times[-1])
    slow, heir = (turns.turn("a.example", pause_seconds=0) for _ in range(2))
    await slow.__aenter__()
    times.append(NOON + LEASE)
    await heir.__aenter__()
    await slow.__aexit__(None, None, None)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3), turns.turn("a.example", pause_seconds=0):
            pass
    await heir.__aexit__(None, None, None)
    async with asyncio.timeout(2), turns.turn("a.example", pause_seconds=0):
        pass


@pytest.mark.parametrize("back", [timedelta(minutes=10), timedelta(hours=2), timedelta(days=2)])
@pytest.mark.parametrize("state", ["idle", "died", "resting"])
async def test_a_clock_that_was_set_back_locks_nobody_out(
    database: Database, back: timedelta, state: str
) -> None:
    behind = [timedelta(0)]
    turns = shared(database, hold=LEASE / 2, clock=lambda: datetime.now(UTC) - behind[-1])
    turn = turns.turn("a.example", pause_seconds=0.1)
    await turn.__aenter__()
    if state != "died":
        await turn.__aexit__(None, None, None)
    if state == "resting":
        await turns.rest("a.example", 0.2)
    behind.append(back)
    async with asyncio.timeout(2), turns.turn("a.example", pause_seconds=0):
        pass


async def test_a_clock_set_back_while_one_asks_neither_lets_others_in_nor_locks_them_out(
    database: Database,
) -> None:
    behind = [timedelta(0)]
    turns = shared(database, clock=lambda: datetime.now(UTC) - behind[-1])
    turn = turns.turn("a.example", pause_seconds=0.1)
    await turn.__aenter__()
    behind.append(timedelta(hours=2))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3), turns.turn("a.example", pause_seconds=0):
            pass
    await turn.__aexit__(None, None, None)
    async with asyncio.timeout(2), turns.turn("a.example", pause_seconds=0):
        pass


# Who is asked, and what it says.


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("https://arxiv.org/abs/2611.00001", "arxiv.org"),
        ("https://rss.arxiv.org/atom/cs.CL", "arxiv.org"),
        ("https://export.arxiv.org/api/query?id_list=1", "arxiv.org"),
        ("https://oaipmh.arxiv.org/oai?verb=Identify", "arxiv.org"),
        ("http://EXPORT.arXiv.org:80/rss/cs", "arxiv.org"),
        ("https://me:secret@export.arxiv.org/", "arxiv.org"),
        ("https://notarxiv.org/feed", "notarxiv.org"),
        ("https://arxiv.org.evil.example/feed", "arxiv.org.evil.example"),
        ("https://huggingface.co/api/daily_papers", "huggingface.co"),
        ("http://127.0.0.1:8000/x", "127.0.0.1"),
        ("http://[bad/feed", ""),
        ("not an address", ""),
    ],
)
def test_all_hosts_of_arxiv_are_one_service_and_others_their_own(url: str, service: str) -> None:
    assert service_of(url) == service


@dataclass
class Noted:
    """Turns that note what they are asked, and let nobody through unless `open`."""

    open: bool = False
    asked: list[tuple[str, float]] = field(default_factory=list)
    rests: list[tuple[str, float]] = field(default_factory=list)

    def turn(self, service: str, *, pause_seconds: float) -> AbstractAsyncContextManager[None]:
        self.asked.append((service, pause_seconds))
        if not self.open:
            raise at_rest(service, 60)
        return nullcontext()

    async def rest(self, service: str, seconds: float) -> None:
        self.rests.append((service, seconds))


async def fetch(url: str, turns: Noted, pause_seconds: float = 0.0) -> Answer:
    settings = HttpSettings(timeout_seconds=5, pause_seconds=pause_seconds)
    async with open_client(settings, turns) as client:
        return await client.fetch(url)


@pytest.mark.parametrize("host", ["", "rss.", "export.", "oaipmh."])
@pytest.mark.parametrize(("configured", "kept"), [(0.0, 3.0), (2.9, 3.0), (3.0, 3.0), (10.0, 10.0)])
async def test_arxiv_is_never_asked_faster_than_every_three_seconds(
    host: str, configured: float, kept: float
) -> None:
    turns = Noted()
    with pytest.raises(SourceError):
        await fetch(f"https://{host}arxiv.org/x", turns, configured)
    assert turns.asked == [("arxiv.org", kept)]


@pytest.mark.parametrize("configured", [0.0, 1.0, 10.0])
async def test_others_are_asked_as_fast_as_configured(configured: float) -> None:
    turns = Noted()
    with pytest.raises(SourceError):
        await fetch("https://a.example/x", turns, configured)
    assert turns.asked == [("a.example", configured)]


_DATE = "Date: Fri, 20 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (["Retry-After: 120"], 120),
        (["Retry-After:  7 "], 7),
        (["Retry-After: 99999999"], http.LONGEST_REST_SECONDS),
        ([_DATE, "Retry-After: Fri, 20 Nov 2026 12:02:00 GMT"], 120),
        ([_DATE, "Retry-After: Friday, 20-Nov-26 12:02:00 GMT"], 120),
        ([_DATE, "Retry-After: Sat, 20 Nov 2027 12:00:00 GMT"], http.LONGEST_REST_SECONDS),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_rest_is_kept_as_long_as_retry_after_says(
    status: int, headers: list[str], seconds: float
) -> None:
    turns = Noted(open=True)
    async with serving(said(status, *headers)) as visits:
        with suppress(SourceError):  # what is too long to wait for
            await fetch(visits.url, turns)
    assert turns.rests == [("127.0.0.1", seconds)]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ["Retry-After: 0"],
        ["Retry-After: soon"],
        ["Retry-After: -5"],
        ["Retry-After: 1.5e9"],
        [_DATE, "Retry-After: Fri, 20 Nov 2026 11:00:00 GMT"],
        [_DATE, "Retry-After: Fri, 99 Nov 2026 11:00:00 GMT"],
        [_DATE, "Retry-After: Fri, 20 Nov 2026 13:00:00"],
        ["Date: yesterday", "Retry-After: Fri, 20 Nov 2026 13:00:00 GMT"],
    ],
)
async def test_a_retry_after_that_says_nothing_is_no_rest(headers: list[str]) -> None:
    turns = Noted(open=True)
    async with serving(said(503, *headers)) as visits:
        assert (await fetch(visits.url, turns)).body == b"x"
    assert turns.rests == []


async def test_a_retry_and_a_redirect_wait_for_a_turn_of_their_own() -> None:
    turns = Noted(open=True)
    moved = said(302, "Location: /elsewhere")
    async with serving(said(503), moved) as visits:
        assert (await fetch(visits.url, turns, 1.0)).body == b"x"
    assert len(visits.came) == 3
    assert turns.asked == [("127.0.0.1", 1.0)] * 3
