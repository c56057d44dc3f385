"""A link for who has none: the same answer and the same work for known and unknown addresses."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import httpx2 as httpx
import pytest

from notifier.storage import store_buckets, store_letters
from notifier.subscriptions.gate import BY_ADDRESS, BY_NETWORK

from .pages import ADA, Place, path, place
from .sink import listening
from .test_promises import dump

__all__ = ["place"]

pytestmark = pytest.mark.anyio
UNKNOWN = "eve@example.org"


def letters(place: Place) -> list[tuple[str, str]]:
    with place.app.database.reading() as conn:
        return store_letters.states(conn)


async def ask(http: httpx.AsyncClient, address: str) -> httpx.Response:
    return await http.post("/link", data={"address": address})


def words(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def without(text: str, addresses: Iterable[str]) -> str:
    for address in addresses:
        text = text.replace(address, "ADDRESS")
    return text


# Who gets one.


async def test_a_link_comes_to_the_address_and_leads_to_its_page(tmp_path: Path) -> None:
    async with listening() as sink:
        place = Place(tmp_path, smtp_port=sink.port)
        async with place.client() as http:
            assert (await http.get("/link")).status_code == 200
            assert letters(place) == [], "opening it sends nothing"
            answer = await ask(http, " ADA@Example.org ")
            assert answer.status_code == 200
            assert (await place.app.send_letters()).sent == 1
            (mail,) = sink.received
            assert mail.recipient == ADA
            text = mail.content.replace(b"=\r\n", b"").decode("ascii").replace("=3D", "=")
            found = re.search(r"https://papers\.example\.org(/m/[\w.-]+)", text)
            assert found
            assert ADA in (await http.get(found[1])).text
        place.app.close()


async def test_known_and_unknown_addresses_are_answered_alike_and_cost_alike(place: Place) -> None:
    place.app.subscriptions.request("cy@example.org", now=place.now)  # has not confirmed
    place.app.subscriptions.leave(place.reader("bo@example.org"), now=place.now)
    people = (ADA, UNKNOWN, "cy@example.org", "bo@example.org")
    answers = set[tuple[int, str]]()
    async with place.client() as http:
        for address in people:
            for _ in range(BY_ADDRESS.size + 1):
                place.now += timedelta(seconds=1)
                answer = await ask(http, address)
                answers.add((answer.status_code, without(answer.text, people)))
    assert len(answers) == 1
    assert letters(place) == [("change", "waiting")] * BY_ADDRESS.size, "Ada's"
    with place.app.database.reading() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM bucket").scalar_one() == len(people)
        kept = conn.exec_driver_sql("SELECT DISTINCT address FROM letter").scalars().all()
    assert kept == [ADA]


async def test_the_letter_is_made_and_signed_for_who_is_unknown_too(place: Place) -> None:
    signed = list[bytes]()

    def sign(mail: bytes, at: datetime) -> bytes:
        signed.append(mail)
        return mail

    place.app.sign = sign
    async with place.client() as http:
        for address in (ADA, UNKNOWN):
            await ask(http, address)
    assert [f"<{ADA}>".encode() in mail for mail in signed] == [True, False]
    assert abs(len(signed[0]) - len(signed[1])) < 50


async def test_a_readers_mail_is_in_their_language_and_the_page_in_the_browsers(
    place: Place,
) -> None:
    place.change(language="de")
    async with place.client() as http:
        german = await http.post(
            "/link", data={"address": UNKNOWN}, headers={"Accept-Language": "de"}
        )
        english = await ask(http, ADA)
    assert "Wenn Übersichten an eve@example.org gehen" in words(german.text)
    assert "If digests go to ada@example.org" in words(english.text)
    with place.app.database.reading() as conn:
        content = conn.exec_driver_sql("SELECT content FROM letter").scalar_one()
    assert b"Diese E-Mail wurde gesendet" in content


async def test_from_one_network_only_so_many_are_asked_for(tmp_path: Path) -> None:
    place = Place(tmp_path, trusted_proxies=["127.0.0.1"])
    async with place.client() as http:
        http.headers["X-Forwarded-For"] = "192.0.2.7"
        for number in range(BY_NETWORK.size):
            assert (await ask(http, f"eve{number}@example.org")).status_code == 200
        answer = await ask(http, ADA)
        assert answer.status_code == 429
        assert f'value="{ADA}"' in answer.text, "what was typed stays"
        assert letters(place) == []
        http.headers["X-Forwarded-For"] = "198.51.100.7"
        assert (await ask(http, ADA)).status_code == 200
    assert letters(place) == [("change", "waiting")]
    place.app.close()


@pytest.mark.parametrize("typed", ["", "ada", "ada@", "<script>alert(1)</script>", "a b@c.d\n"])
async def test_what_is_no_address_gets_one_line_and_stays_in_the_field(
    place: Place, typed: str
) -> None:
    async with place.client() as http:
        before = dump(place.app.database)
        answer = await ask(http, typed)
        assert answer.status_code == 422
        assert f"“{typed.strip()}” is no mail address." in words(answer.text)
        assert "<script>" not in answer.text
        assert dump(place.app.database) == before


async def test_no_address_is_kept_where_requests_are_counted(place: Place) -> None:
    async with place.client() as http:
        await ask(http, UNKNOWN)
    assert "eve" not in str(dump(place.app.database))
    with place.app.database.reading() as conn:
        assert store_buckets.get(conn, f"address:{UNKNOWN}") is None


# Links that do not work.


async def test_a_link_that_does_not_work_says_which_it_is_and_what_is_wrong(place: Place) -> None:
    links, now = place.app.links, place.now
    kinds = {
        links.unsubscribe(1): "the link to stop the digests",
        links.change(1, now): "the link to change the digests",
        links.pause(1): "the link to pause the digests",
        links.vote(1, 1): "the link to say something of a paper",
        links.confirm(1, now): "the link to confirm a subscription",
        links.waiting(1): "the page of a request to subscribe",
    }
    paths = [path(url) for url in kinds]
    async with place.client() as http:
        for link, said in zip(paths, kinds.values(), strict=True):
            cut = await http.get(link[:-3])
            assert cut.status_code == 404
            assert f"It was to be {said}. But it is not complete" in words(cut.text)
            assert 'href="/link"' in cut.text
            head, _, token = paths[0 if link != paths[0] else 1].rpartition("/")
            other = await http.get(f"{link.rpartition('/')[0]}/{token}")
            assert other.status_code == 404
            assert f"It was to be {said}. But it is for something else" in words(other.text)
            assert kinds[links.base + f"{head}/{token}"] in words(other.text).partition("else")[2]
            assert 'href="/link"' in other.text
        undo = words((await http.get("/undo/nonsense")).text)
        assert "the way to undo something. But it is not complete" in undo
        assert "Go back to the page that has the button." in undo


async def test_a_link_that_is_too_old_says_which_it_is(place: Place) -> None:
    link = path(place.app.links.change(1, place.now))
    place.now += timedelta(days=40)
    async with place.client() as http:
        text = words((await http.get(link)).text)
    assert "It is the link to change the digests. It worked for 30 days." in text


async def test_pages_below_a_path_lead_to_the_page_there(tmp_path: Path) -> None:
    place = Place(tmp_path, public_url="https://example.org/papers")
    async with place.client() as http:
        assert 'href="/papers/link"' in (await http.get("/u/nonsense")).text
        assert 'action="/papers/link"' in (await http.get("/link")).text
        place.app.subscriptions.request("x@example.org", now=place.now)
        text = (await http.post(path(place.app.links.unsubscribe(1))[7:], data={"do": "all"})).text
        assert 'action="/papers/undo/' in text
    place.app.close()
