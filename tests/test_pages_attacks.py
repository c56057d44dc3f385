"""What strangers send to the pages costs little, is answered, and leaves nothing in the log."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import event

from notifier.web.finding import SEARCHES
from notifier.web.origins import Names, is_one_click
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

from .api import a_key
from .pages import MORNING, Place, path, place

__all__ = ["place"]

HOST = b"Host: papers.example.org\r\n"


async def sent(place: Place, *parts: bytes, then_leave: bool = False) -> bytes:
    """What the site answers to bytes, until it closes the connection."""
    listening = bound("127.0.0.1:0")
    async with serving(make_site(place.app), listening):
        listening.listen()
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        answer = b""
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            if not then_leave:
                answer = await asyncio.wait_for(reader.read(), 20)
        except ConnectionError:
            answer = b"closed"
        finally:
            writer.close()
    return answer


@pytest.mark.anyio
@pytest.mark.parametrize("address", ["/link", "/api/v1/subscribers"])
async def test_who_leaves_in_the_middle_of_a_form_leaves_no_traceback(
    place: Place, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    caplog.set_level(logging.WARNING)
    key = a_key(place).encode()
    await sent(
        place,
        b"POST " + address.encode() + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 50\r\n"
        b"Authorization: Bearer " + key + b"\r\nContent-Type: application/json\r\n\r\n{",
        then_leave=True,
    )
    assert [one.getMessage() for one in caplog.records] == []


@pytest.mark.anyio
async def test_a_head_without_end_closes_the_connection(place: Place) -> None:
    answer = await sent(place, b"GET / HTTP/1.1\r\n" + HOST + b"X: ", *[b"a" * 65_536] * 64)
    assert answer in (b"", b"closed")


@pytest.mark.anyio
async def test_two_lengths_of_one_body_are_refused(place: Place) -> None:
    head = b"POST /link HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n"
    for more in (
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 6\r\n\r\nabcdef",
    ):
        answer = await sent(place, head + more + b"GET /privacy HTTP/1.1\r\n" + HOST + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 400")
        assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.anyio
async def test_a_slash_too_many_leads_within_the_site_and_names_no_host(tmp_path: Path) -> None:
    place = Place(tmp_path, public_url="https://example.org/papers")
    expected = {
        "/privacy/": "/papers/privacy", "/u/1.x/": "/papers/u/1.x",
        "//evil.example/": "/papers/evil.example",
        "/papers/?q=a%26b": "/papers/papers?q=a%26b",
        "/%5Cevil.example/": "/papers/%5Cevil.example",
        "/a%3Fb/": "/papers/a%3Fb", "/%0d%0aX:y/": "/papers/%0D%0AX%3Ay",
    }  # fmt: skip
    async with place.client() as http:
        host = {"Host": "example.org"}
        base = str(http.base_url).rstrip("/")
        answers = {one: await http.get(base + one, headers=host) for one in expected}
        found = {one: answer.headers.get("location") for one, answer in answers.items()}
        assert found == expected
        assert (await http.post("/privacy/", headers=host)).status_code == 404
        assert (await http.get("/nowhere/", headers=host, follow_redirects=True)).status_code == 404
    place.app.close()


@pytest.mark.anyio
async def test_a_number_of_thousands_of_digits_is_a_page_that_is_not_there(place: Place) -> None:
    change = path(place.app.links.change(1, MORNING))
    async with place.client() as http:
        for digits in ("1" * 5000, "1" * 19, "0", "-1", "\u0661", "1_0"):
            address = f"{change}/profile/{quote(digits)}"
            assert (await http.get(address)).status_code == 404, digits
            assert (await http.post(address)).status_code == 404, digits


@pytest.mark.anyio
async def test_searches_from_one_network_are_limited_and_change_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path, trusted_proxies=("127.0.0.1",))
    ada, bo = ({"X-Forwarded-For": f"{one}.0.2.7"} for one in ("192", "198"))
    async with place.client() as http:
        for _ in range(SEARCHES.size):
            assert (await http.get("/papers?q=RAG", headers=ada)).status_code == 200
        refused = await http.get("/papers?q=RAG", headers=ada)
        assert refused.status_code == 429
        assert "asked for from your network" in refused.text
        assert refused.headers["Cache-Control"] == "no-store"
        assert (await http.get("/papers?q=RAG", headers=bo)).status_code == 200
        assert (await http.get("/papers", headers=ada)).status_code == 200
        place.now += SEARCHES.every
        assert (await http.get("/papers?q=RAG", headers=ada)).status_code == 200
    place.app.close()


@pytest.mark.anyio
async def test_a_sample_that_many_ask_for_at_once_is_made_once(tmp_path: Path) -> None:
    place = Place(tmp_path, sample_rules="RAG")
    place.send()
    statements: list[str] = []
    event.listen(place.app.database.engine, "before_cursor_execute",
                 lambda *given: statements.append(given[2]))  # fmt: skip
    async with place.client() as http:
        await http.get("/sample")  # the first of all learns what people talk about
        place.now += SEARCHES.whole * 10
        statements.clear()
        await asyncio.gather(*(http.get("/sample") for _ in range(6)))
        at_once = len(statements)
        place.now += SEARCHES.whole * 10
        statements.clear()
        await http.get("/sample")
    assert at_once == len(statements)
    place.app.close()


def test_a_one_click_is_small() -> None:
    kind = "multipart/form-data; boundary=b"
    part = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n'
    assert is_one_click(kind, part + b"--b--\r\n")
    assert not is_one_click(kind, part * 40 + b"--b--\r\n")
    assert not is_one_click(kind + ";a" * 2000, part + b"--b--\r\n")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example\\@papers.example.org", "evil.example@papers.example.org",
        "papers.example.org/x", "papers.example.org?x", "papers.example.org#x",
        "papers.example.org:x", "papers.example.org ",
        "papers.example.org, evil.example", "[papers.example.org]", "papers.example.org\t", "[", "",
    ],
)  # fmt: skip
def test_what_no_browser_sends_as_a_host_is_no_name_of_the_site(host: str) -> None:
    assert not Names("https://papers.example.org", "127.0.0.1:8080").answers(host)


@pytest.mark.anyio
async def test_a_form_for_a_host_that_cannot_be_read_is_refused(place: Place) -> None:
    head = (
        b"POST /healthz HTTP/1.1\r\nHost: [\r\nOrigin: https://x.example\r\nConnection: close\r\n"
    )
    answer = await sent(place, head + b"Content-Length: 0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 403")
