"""Who watches elsewhere hears of each pass, and never holds one up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from structlog.testing import capture_logs

from notifier import ping as pinging
from notifier.config import Settings
from notifier.errors import DatabaseError
from notifier.ping import LEAST_SECONDS, TIMEOUT_SECONDS, Ping, with_suffix

from .builders import an_entry
from .pages import MORNING, Place

pytestmark = pytest.mark.anyio
TOKEN = "5a1c-not-to-be-logged"


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def heard(server: HTTPServer) -> list[tuple[str, str, str]]:
    """What came: method, path and body, in order."""
    return [
        (asked.method, asked.full_path.rstrip("?"), asked.get_data(as_text=True))
        for asked, _ in server.log
    ]


@pytest.fixture
def watcher(httpserver: HTTPServer) -> HTTPServer:
    """A watcher that takes everything."""
    for path in ("", "/start", "/fail"):
        httpserver.expect_request(f"/{TOKEN}{path}").respond_with_data("OK")
    return httpserver


def url(server: HTTPServer) -> str:
    return str(server.url_for(f"/{TOKEN}"))


async def test_a_pass_is_told_before_and_after(watcher: HTTPServer) -> None:
    ping = Ping(url(watcher))
    async with ping.around():
        pass
    await ping.finish()
    assert heard(watcher) == [("GET", f"/{TOKEN}/start", ""), ("GET", f"/{TOKEN}", "")]


async def test_a_pass_that_failed_is_told_with_its_reasons(watcher: HTTPServer) -> None:
    ping = Ping(url(watcher))
    async with ping.around() as this:
        this.reasons += ["3 digests could not be made", "the mail server is down"]
    await ping.finish()
    said = "3 digests could not be made; the mail server is down"
    assert heard(watcher)[1:] == [("POST", f"/{TOKEN}/fail", said)]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DatabaseError("database x: disk full"), "database x: disk full"),
        (KeyError("ada@example.org"), "KeyError - see the log"),
    ],
)
async def test_an_error_ends_the_pass_as_before_and_is_told_without_what_it_holds(
    watcher: HTTPServer, error: Exception, said: str
) -> None:
    ping = Ping(url(watcher))
    with pytest.raises(type(error)):
        async with ping.around():
            raise error
    await ping.finish()
    assert heard(watcher)[-1] == ("POST", f"/{TOKEN}/fail", said)


async def test_of_a_pass_that_is_cut_off_no_end_is_told(watcher: HTTPServer) -> None:
    ping = Ping(url(watcher))
    with pytest.raises(asyncio.CancelledError):
        async with ping.around():
            raise asyncio.CancelledError
    await ping.finish()
    assert heard(watcher) == [("GET", f"/{TOKEN}/start", "")]


async def test_it_says_nothing_more_within_a_minute_and_then_what_failed_meanwhile(
    watcher: HTTPServer,
) -> None:
    clock = Clock()
    ping = Ping(url(watcher), seconds=clock)
    for reasons in ([], ["it was full"], ["it was full"], []):
        async with ping.around() as this:
            this.reasons += reasons
        await ping.finish()
        clock.now += LEAST_SECONDS / 3
    assert [path for _, path, _ in heard(watcher)] == [
        f"/{TOKEN}/start", f"/{TOKEN}", f"/{TOKEN}/start", f"/{TOKEN}/fail",
    ]  # fmt: skip
    assert heard(watcher)[-1][2] == "it was full"


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """Yield the address of a watcher that takes every question and answers none."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other side gives up
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"


async def test_a_watcher_that_does_not_answer_holds_up_no_pass_and_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with silent() as address:
        ping = Ping(address)
        with capture_logs() as logs:
            async with asyncio.timeout(TIMEOUT_SECONDS / 2):
                async with ping.around():
                    pass
            monkeypatch.setattr(pinging, "TIMEOUT_SECONDS", 0.2)
            await ping.finish()
            me = asyncio.current_task()
            await asyncio.wait([task for task in asyncio.all_tasks() if task is not me], timeout=5)
    assert [line["reason"] for line in logs] == ["TimeoutError"]


async def test_its_failures_are_logged_once_until_it_works_and_never_with_the_address(
    httpserver: HTTPServer,
) -> None:
    clock = Clock()
    ping = Ping(url(httpserver), seconds=clock)
    with capture_logs() as logs:
        for works in (False, False, True, False):
            httpserver.clear()
            if works:
                httpserver.expect_request("/" + TOKEN).respond_with_data("OK")
                httpserver.expect_request(f"/{TOKEN}/start").respond_with_data("OK")
            else:
                for path in ("", "/start"):
                    httpserver.expect_request("/" + TOKEN + path).respond_with_data("", 404)
            async with ping.around():
                pass
            await ping.finish()
            clock.now += LEAST_SECONDS
    assert [(line["log_level"], line.get("reason")) for line in logs] == [
        ("warning", "HTTP 404"),
        ("info", None),
        ("warning", "HTTP 404"),
    ]
    assert TOKEN not in str(logs)


async def test_nobody_is_asked_where_no_address_is_set() -> None:
    ping = Ping("")
    async with ping.around() as this:
        this.reasons.append("x")
    await ping.finish()


@pytest.mark.parametrize(
    ("address", "suffix", "asked"),
    [
        ("https://hc-ping.com/uuid", "/start", "https://hc-ping.com/uuid/start"),
        ("https://hc-ping.com/uuid/", "/fail", "https://hc-ping.com/uuid/fail"),
        ("https://hc-ping.com/uuid/", "", "https://hc-ping.com/uuid/"),
        ("https://up.example/p/x?status=up", "/fail", "https://up.example/p/x/fail?status=up"),
    ],
)
async def test_what_is_added_stands_behind_the_path(address: str, suffix: str, asked: str) -> None:
    assert with_suffix(address, suffix) == asked


def pinged(place: Place, watcher: HTTPServer) -> Place:
    settings: Any = Settings(health={"ping_url": url(watcher), "disk_megabytes": 0})
    update = {"health": settings.health, "source": ()}
    place.app.settings = place.app.settings.model_copy(update=update)
    return place


async def test_a_tick_is_told_and_why_it_failed(tmp_path: Path, watcher: HTTPServer) -> None:
    place = pinged(Place(tmp_path, smtp_port=1), watcher)
    await place.app.tick()
    assert [path for _, path, _ in heard(watcher)] == [f"/{TOKEN}/start", f"/{TOKEN}"]
    place.app.close()


async def test_a_tick_whose_mail_server_is_left_alone_failed(
    tmp_path: Path, watcher: HTTPServer
) -> None:
    place = pinged(Place(tmp_path, smtp_port=1), watcher)
    for number in range(2, 7):
        place.reader(f"reader{number}@example.org")
    place.now = MORNING
    place.take(an_entry(1, "RAG that forgets", published_at=MORNING))
    for _ in range(5):
        await place.app.deliver()
        place.app.compose()
    await place.app.tick()
    method, path, reason = heard(watcher)[-1]
    assert (method, path) == ("POST", f"/{TOKEN}/fail")
    assert reason.startswith("the mail server is not asked since 2026-11-20 06:00Z")
    assert "@" not in reason
    place.app.close()
