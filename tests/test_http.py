"""The HTTP client against a real server: polite, patient, and limited in everything."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import stamina
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from notifier.errors import SourceError
from notifier.papers.text import one_line
from notifier.sources import http
from notifier.sources.http import Answer, HttpSettings, open_client

pytestmark = pytest.mark.anyio
QUICK = HttpSettings(
    timeout_seconds=10.0, max_bytes=100_000, contact="mailto:ops@lab.example", pause_seconds=0.0
)


@pytest.fixture(autouse=True)
def no_waiting_between_retries() -> Iterator[None]:
    stamina.instrumentation.set_on_retry_hooks([])  # no log lines, wherever they would go
    with stamina.set_testing(True, attempts=http.ATTEMPTS):
        yield
    stamina.instrumentation.set_on_retry_hooks(None)


async def fetch(url: str, settings: HttpSettings = QUICK, **validators: str) -> Answer:
    async with open_client(settings) as client:
        return await client.fetch(url, **validators)


async def failure(url: str, settings: HttpSettings = QUICK) -> str:
    """Return the one line that a failing fetch says; it always begins with the address."""
    with pytest.raises(SourceError) as caught:
        await fetch(url, settings)
    said = str(caught.value)
    assert said.startswith(one_line(f"{url}: "))
    assert said == one_line(said)
    assert len(said) > len(url) + 20
    return said


@asynccontextmanager
async def raw_server(answer: Callable[[asyncio.StreamWriter], object]) -> AsyncIterator[str]:
    """Serve what no HTTP library would write; `answer` may be a coroutine function."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            done = answer(writer)
            if asyncio.iscoroutine(done):
                await done
        except ConnectionError:
            pass  # the client left, as it should
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/feed"


# Answers


async def test_a_feed_is_fetched_with_its_validators(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/feed").respond_with_data(
        b"<rss/>", headers={"ETag": '"v1"', "Last-Modified": "Fri, 20 Nov 2026 00:00:00 GMT"}
    )
    url = httpserver.url_for("/feed")
    assert await fetch(url) == Answer(url, b"<rss/>", '"v1"', "Fri, 20 Nov 2026 00:00:00 GMT")


async def test_validators_are_sent_back_and_an_unchanged_feed_has_no_body(
    httpserver: HTTPServer,
) -> None:
    date = "Fri, 20 Nov 2026 00:00:00 GMT"
    httpserver.expect_request(
        "/feed", headers={"If-None-Match": '"v1"', "If-Modified-Since": date}
    ).respond_with_data(status=304)
    answer = await fetch(httpserver.url_for("/feed"), etag='"v1"', last_modified=date)
    assert answer.body is None


async def test_no_validators_are_invented(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/feed").respond_with_data(b"x")
    await fetch(httpserver.url_for("/feed"))
    request, _ = httpserver.log[0]
    assert "If-None-Match" not in request.headers
    assert "If-Modified-Since" not in request.headers


async def test_a_validator_that_no_header_can_hold_is_left_out(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/feed").respond_with_data(b"x")
    answer = await fetch(httpserver.url_for("/feed"), etag='"größe"', last_modified='"ok"')
    request, _ = httpserver.log[0]
    assert answer.body == b"x"
    assert "If-None-Match" not in request.headers
    assert request.headers["If-Modified-Since"] == '"ok"'


async def test_the_user_agent_names_the_program_and_the_contact(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/feed").respond_with_data(b"x")
    await fetch(httpserver.url_for("/feed"))
    request, _ = httpserver.log[0]
    assert request.headers["User-Agent"].startswith("paper-notifier/")
    assert request.headers["User-Agent"].endswith("(mailto:ops@lab.example)")


async def test_a_contact_outside_ascii_is_named_as_it_is(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/feed").respond_with_data(b"x")
    await fetch(httpserver.url_for("/feed"), HttpSettings(contact="ops@münchen.example"))
    request, _ = httpserver.log[0]
    assert "ops@münchen.example" in request.headers["User-Agent"].encode("latin-1").decode()


async def test_a_redirect_is_followed_and_the_asked_address_is_told(
    httpserver: HTTPServer,
) -> None:
    httpserver.expect_request("/old").respond_with_data(
        status=301, headers={"Location": httpserver.url_for("/new")}
    )
    httpserver.expect_request("/new").respond_with_data(b"x")
    answer = await fetch(httpserver.url_for("/old"))
    assert (answer.url, answer.body) == (httpserver.url_for("/old"), b"x")


async def test_a_packed_answer_is_unpacked(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/feed").respond_with_data(
        gzip.compress(b"<rss/>"), headers={"Content-Encoding": "gzip"}
    )
    assert (await fetch(httpserver.url_for("/feed"))).body == b"<rss/>"


# Patience


@pytest.mark.parametrize("status", http.RETRY_STATUS)
async def test_a_failing_server_is_asked_again(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_oneshot_request("/feed").respond_with_data(status=status)
    httpserver.expect_oneshot_request("/feed").respond_with_data(b"x")
    assert (await fetch(httpserver.url_for("/feed"))).body == b"x"


async def test_a_server_that_keeps_failing_is_left_alone(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/feed").respond_with_data(status=503)
    said = await failure(httpserver.url_for("/feed"))
    assert "HTTP 503 Service Unavailable - try again later" in said
    assert len(httpserver.log) == http.ATTEMPTS


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501])
async def test_a_refusal_is_not_asked_again(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/feed").respond_with_data(status=status)
    said = await failure(httpserver.url_for("/feed"))
    assert f"HTTP {status}" in said
    assert "check the address" in said
    assert len(httpserver.log) == 1


async def test_an_answer_without_content_is_no_feed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/feed").respond_with_data(status=204)
    assert "HTTP 204" in await failure(httpserver.url_for("/feed"))


async def test_a_server_that_hangs_up_is_asked_again() -> None:
    asked = 0

    def hang_up(writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1

    async with raw_server(hang_up) as url:
        await failure(url)
    assert asked == http.ATTEMPTS


async def test_an_answer_cut_off_in_the_middle_is_asked_for_again() -> None:
    answers = [b"Content-Length: 10\r\n\r\nhalf", b"Content-Length: 5\r\n\r\nwhole"]

    def cut_off(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + answers.pop(0))

    async with raw_server(cut_off) as url:
        assert (await fetch(url)).body == b"whole"


@pytest.mark.parametrize(("named", "asked"), [("0", 3), ("1", 3), ("3600", 1), ("soon", 3)])
async def test_a_server_that_wants_a_long_rest_is_not_asked_again(
    httpserver: HTTPServer, named: str, asked: int
) -> None:
    httpserver.expect_request("/feed").respond_with_data(status=429, headers={"Retry-After": named})
    assert "HTTP 429" in await failure(httpserver.url_for("/feed"))
    assert len(httpserver.log) == asked


async def test_a_server_is_given_the_rest_it_asks_for() -> None:
    assert http._again(http._TryAgain(503, 7.0)) == 7.0


# Limits


async def test_a_redirect_loop_ends(httpserver: HTTPServer) -> None:
    url = httpserver.url_for("/feed")
    httpserver.expect_request("/feed").respond_with_data(status=302, headers={"Location": url})
    assert f"more than {http.REDIRECTS} redirects" in await failure(url)
    assert len(httpserver.log) == http.REDIRECTS + 1


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://a.example/x", "gopher://x"])
async def test_a_redirect_leads_to_no_file(httpserver: HTTPServer, target: str) -> None:
    httpserver.expect_request("/feed").respond_with_data(status=302, headers={"Location": target})
    await failure(httpserver.url_for("/feed"))
    assert len(httpserver.log) == 1


async def test_an_answer_at_the_limit_is_taken(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/feed").respond_with_data(b"x" * QUICK.max_bytes)
    assert len((await fetch(httpserver.url_for("/feed"))).body or b"") == QUICK.max_bytes


async def test_an_answer_over_the_limit_is_refused(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/feed").respond_with_data(b"x" * (QUICK.max_bytes + 1))
    assert "larger than 0.1 MB" in await failure(httpserver.url_for("/feed"))


async def test_an_endless_answer_is_refused() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with raw_server(endless) as url:
        assert "larger than" in await failure(url)


async def test_a_gzip_bomb_is_refused_before_it_fills_the_memory(httpserver: HTTPServer) -> None:
    bomb = gzip.compress(bytes(200_000_000))
    httpserver.expect_request("/feed").respond_with_data(bomb, headers={"Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        assert "larger than" in await failure(httpserver.url_for("/feed"))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 150_000_000


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "compress"])
async def test_a_packing_that_was_not_asked_for_is_refused(
    httpserver: HTTPServer, encoding: str
) -> None:
    bomb = gzip.compress(gzip.compress(bytes(1_000_000)))
    httpserver.expect_request("/feed").respond_with_data(
        bomb, headers={"Content-Encoding": encoding}
    )
    assert encoding in await failure(httpserver.url_for("/feed"))


async def test_an_answer_that_is_not_packed_as_it_says_is_refused(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/feed").respond_with_data(
        b"<rss/>", headers={"Content-Encoding": "gzip"}
    )
    await failure(httpserver.url_for("/feed"))


async def test_a_slow_drip_is_given_up_after_the_whole_time() -> None:
    asked = 0

    async def drip(writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:  # each byte comes in time, the whole never
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    begun = time.monotonic()
    async with raw_server(drip) as url:
        said = await failure(url, HttpSettings(timeout_seconds=0.3, pause_seconds=0))
    assert "no whole answer within 0.3 s" in said
    assert time.monotonic() - begun < 1.5
    assert asked == 1


async def test_a_server_that_never_answers_is_given_up() -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1)

    async with raw_server(silent) as url:
        said = await failure(url, HttpSettings(timeout_seconds=0.2, pause_seconds=0))
    assert "no whole answer within 0.2 s" in said


async def test_a_refused_connection_names_the_address() -> None:
    async with raw_server(lambda writer: None) as url:
        pass  # nobody listens there any more
    await failure(url)


async def test_what_is_no_http_is_refused() -> None:
    async with raw_server(lambda writer: writer.write(b"220 mail.example ESMTP\r\n")) as url:
        await failure(url)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/hostname",
        "ftp://a.example/feed",
        "/etc/hostname",
        "journal.example/feed",
        "http://",
        "http://[bad/feed",
        "http://a.example:99999/feed",
        "http://exa mple/",
        "http://a.example/\x00",
        "http://a.example/\ud800",
        f"http://{'a' * 70}.example/",
        "mailto:ada@a.example",
        "",
    ],
)
async def test_an_address_that_cannot_be_asked_is_refused(url: str) -> None:
    await failure(url)


# The pause


def arrivals(httpserver: HTTPServer, *statuses: int) -> list[float]:
    """Let the server answer with these statuses in turn; return when the requests came."""
    times: list[float] = []
    left = list(statuses)

    def answer(request: Request) -> Response:
        times.append(time.monotonic())
        return Response(b"x", status=left.pop(0) if left else 200)

    httpserver.expect_request("/feed").respond_with_handler(answer)
    return times


PAUSE = 0.15
PAUSING = HttpSettings(timeout_seconds=5, pause_seconds=PAUSE)


def shortest(times: list[float]) -> float:
    return min(later - earlier for earlier, later in pairwise(times))


async def test_between_two_requests_there_is_a_pause(httpserver: HTTPServer) -> None:
    times = arrivals(httpserver)
    async with open_client(PAUSING) as client:
        for _ in range(3):
            await client.fetch(httpserver.url_for("/feed"))
    assert len(times) == 3
    assert shortest(times) >= PAUSE * 0.95


async def test_a_retry_keeps_the_pause_too(httpserver: HTTPServer) -> None:
    times = arrivals(httpserver, 503, 503)
    await fetch(httpserver.url_for("/feed"), PAUSING)
    assert len(times) == 3
    assert shortest(times) >= PAUSE * 0.95


async def test_a_failed_request_is_followed_by_a_pause(httpserver: HTTPServer) -> None:
    times = arrivals(httpserver, 404)
    async with open_client(PAUSING) as client:
        with pytest.raises(SourceError):
            await client.fetch(httpserver.url_for("/feed"))
        await client.fetch(httpserver.url_for("/feed"))
    assert shortest(times) >= PAUSE * 0.95


async def test_two_at_once_keep_the_pause(httpserver: HTTPServer) -> None:
    times = arrivals(httpserver)
    async with open_client(PAUSING) as client, asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(client.fetch(httpserver.url_for("/feed")))
    assert len(times) == 3
    assert shortest(times) >= PAUSE * 0.95


async def test_the_first_request_does_not_wait(httpserver: HTTPServer) -> None:
    arrivals(httpserver)
    begun = time.monotonic()
    await fetch(httpserver.url_for("/feed"), HttpSettings(pause_seconds=30))
    assert time.monotonic() - begun < 5


async def test_time_that_passed_anyway_counts_as_pause(httpserver: HTTPServer) -> None:
    arrivals(httpserver)
    async with open_client(HttpSettings(pause_seconds=0.5)) as client:
        await client.fetch(httpserver.url_for("/feed"))
        await asyncio.sleep(0.5)
        begun = time.monotonic()
        await client.fetch(httpserver.url_for("/feed"))
    assert time.monotonic() - begun < 0.4


@pytest.mark.parametrize("port", ["99999", "65536", "-1", "ten"])
async def test_a_port_that_is_none_is_told_in_one_line(port: str, httpserver: HTTPServer) -> None:
    assert "port" in await failure(f"http://127.0.0.1:{port}/feed")
    location = {"Location": f"http://127.0.0.1:{port}/"}
    httpserver.expect_request("/feed").respond_with_data(status=302, headers=location)
    await failure(httpserver.url_for("/feed"))
