"""A mail server that is down for six hours, a source that is down for three days.

Nobody is told of more than concerns them; what comes late comes whole, and once.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import stamina
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from notifier.sources import http
from tests.builders import atom, daily_papers
from tests.sink import listening

from .instance import SIX, Instance, address, papers, text, title

READERS = 12
TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def quick_retries() -> Iterator[None]:
    """What is fetched again is fetched again at once."""
    stamina.instrumentation.set_on_retry_hooks([])
    with stamina.set_testing(True, attempts=http.ATTEMPTS):
        yield
    stamina.instrumentation.set_on_retry_hooks(None)


def a_closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def letter(instance: Instance) -> None:
    """Let somebody new ask for digests: a letter asks them to confirm."""
    with instance.app.database.writing() as conn:
        instance.app.served.letters.write(
            conn, "confirm", "new@example.org", "https://papers.example.org/c/1-2.x",
            code="en", life=timedelta(days=7), now=instance.now,
        )  # fmt: skip


@pytest.mark.anyio
async def test_a_mail_server_that_is_down_for_six_hours_gets_everything_once_when_it_is_back(
    tmp_path: Path,
) -> None:
    port = a_closed_port()
    instance = Instance(tmp_path, readers=READERS, port=port, at=lambda n: (6 + n // 2, n % 2 * 30))
    instance.now = SIX - timedelta(minutes=30)
    instance.take(1, 2)
    await instance.pass_to(SIX + timedelta(hours=3), TEN_MINUTES)
    letter(instance)
    status = instance.status
    assert status["mail_server"]["state"] == "not asked"
    assert "notifier outbox resume" in status["mail_server"]["cure"]
    assert "mail server" in status["cares"]
    await instance.pass_to(SIX + timedelta(hours=6), TEN_MINUTES)
    assert instance.status["deliveries"] == {"pending": READERS}
    async with listening(port=port) as sink:
        await instance.pass_to(SIX + timedelta(hours=7), TEN_MINUTES)
    everybody = [address(number) for number in range(READERS)]
    assert Counter(one.recipient for one in sink.received) == dict.fromkeys(
        [*everybody, "new@example.org"], 1
    )
    assert instance.status["deliveries"] == {"sent": READERS}
    assert (instance.status["cares"], instance.broken) == ((), [])
    instance.app.close()


@pytest.mark.anyio
async def test_what_is_too_late_when_the_mail_server_is_back_comes_with_the_next_digest(
    tmp_path: Path,
) -> None:
    port = a_closed_port()
    instance = Instance(
        tmp_path, readers=2, port=port, at=lambda n: (6 + 3 * n, 0), delivery={"daily_hours": 4}
    )
    instance.now = SIX
    instance.take(1, 2)
    await instance.pass_to(SIX + timedelta(hours=6), TEN_MINUTES)
    async with listening(port=port) as sink:
        await instance.pass_to(SIX + timedelta(hours=7), TEN_MINUTES)
        assert (papers(sink, address(0)), papers(sink, address(1))) == ([], [[1, 2]])
        assert instance.status["deliveries"] == {"expired": 1, "sent": 1}
        instance.take(3)
        await instance.pass_to(SIX + timedelta(days=1, hours=4), timedelta(hours=1))
    assert (papers(sink, address(0)), papers(sink, address(1))) == ([[1, 2, 3]], [[1, 2], [3]])
    assert instance.broken == []
    instance.app.close()


MONDAY = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
DOWN = (1, 2, 3)  # Tuesday to Thursday


def announced(day: int) -> bytes:
    """What arXiv's feed shows on a day: its two papers."""
    numbers = (1 + 2 * day, 2 + 2 * day)
    entries = [{"id": f"2611.{n:05d}", "title": title(n), "categories": ["cs.CL"]} for n in numbers]
    return atom(entries, day=f"{MONDAY + timedelta(days=day):%Y-%m-%d}")


def daily(request: Request) -> Response:
    """What Daily Papers show of a date: one paper; nothing is trending."""
    asked = request.args.get("date")
    day = (date.fromisoformat(asked) - MONDAY.date()).days if asked else -1
    items = [{"id": f"2611.9{day:04d}", "title": title(20 + day)}] if 0 <= day < 5 else []
    return Response(daily_papers(items))


@pytest.mark.anyio
async def test_a_source_that_is_down_for_three_days_is_told_of_and_then_read_whole(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    sources = [
        {"name": name, "kind": kind, "urls": [httpserver.url_for(f"/{name}")]}
        for name, kind in (("arxiv", "arxiv"), ("daily", "huggingface"))
    ]
    async with listening() as sink:
        instance = Instance(
            tmp_path, readers=2, port=sink.port, since=MONDAY, at=lambda _: (19, 0),
            source=sources, http={"pause_seconds": 0},
        )  # fmt: skip
        for day in range(5):
            is_down = day in DOWN
            httpserver.clear()
            httpserver.expect_request("/arxiv").respond_with_data(announced(day))
            if is_down:
                httpserver.expect_request("/daily").respond_with_data(status=503)
            else:
                httpserver.expect_request("/daily").respond_with_handler(daily)
            await instance.pass_to(MONDAY + timedelta(days=day, hours=19), timedelta(hours=6))
            failures = {one["name"]: one["failures"] for one in instance.status["sources"]}
            assert failures["arxiv"] == 0
            assert (failures["daily"] > 0) == is_down
            assert ("sources" in instance.status["cares"]) == is_down
    for reader in map(address, range(2)):
        assert papers(sink, reader) == [
            [1, 2, 20], [3, 4], [5, 6], [7, 8], [9, 10, 21, 22, 23, 24],
        ]  # fmt: skip
        mails = [text(one.content) for one in sink.received if one.recipient == reader]
        told = ["daily cannot be read since Mon" in " ".join(mail.split()) for mail in mails]
        assert told == [False, True, True, True, False]
    assert instance.broken == []
    instance.app.close()
