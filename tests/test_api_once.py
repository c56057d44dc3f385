"""A POST with an Idempotency-Key is carried out once, and answered the same."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx2 as httpx
import pytest

from notifier.access.answers import LIFE, LONGEST, Answers, name_of
from notifier.errors import Conflict, UsageError
from notifier.jobs.housekeeping import keep_house
from notifier.storage import store_answers
from notifier.storage.database import Database

from .api import API, a_key, bearer, fail
from .builders import NOON
from .pages import Place, place
from .test_promises import dump

__all__ = ["place"]

BO = {"address": "bo@example.org", "time": "08:30"}


async def add(http: httpx.AsyncClient, key: str, once: str, wish: Any = None) -> httpx.Response:
    headers = bearer(key, Idempotency_Key=once)
    return await http.post(f"{API}/subscribers", json=wish or BO, headers=headers)


def addresses(place: Place) -> list[str]:
    return [one.address for one in place.app.subscriptions.every()]


@pytest.mark.anyio
async def test_asked_twice_it_is_done_once_and_answered_the_same_to_the_byte(place: Place) -> None:
    key = a_key(place)
    async with place.client() as http:
        first = await add(http, key, "k1")
        assert first.status_code == 201
        place.app.subscriptions.change("bo@example.org", now=place.now, max_papers=3)
        before = dump(place.app.database)
        place.now += LIFE - timedelta(seconds=1)
        again = await add(http, key, "k1")
        assert (again.status_code, again.content) == (201, first.content)
        for name in ("Location", "Content-Type"):
            assert again.headers[name] == first.headers[name]
        assert len(addresses(place)) == 2
        changed = [row for row in dump(place.app.database) if row not in before]
        assert len(changed) <= 1, "at most when the key was used"
        assert (await add(http, key, "k2")).status_code == 409


@pytest.mark.anyio
async def test_another_request_under_the_same_key_is_refused(place: Place) -> None:
    key = a_key(place)
    async with place.client() as http:
        await add(http, key, "k")
        before = dump(place.app.database)
        other = await add(http, key, "k", {"address": "cy@example.org"})
        assert other.status_code == 422
        assert "another request" in other.json()["detail"]
        elsewhere = await http.post(
            f"{API}/subscribers/1/resume", headers=bearer(key, Idempotency_Key="k")
        )
        assert elsewhere.status_code == 422
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_a_key_is_its_holders_own(place: Place) -> None:
    one, other = a_key(place), a_key(place)
    async with place.client() as http:
        await add(http, one, "k")
        assert (await add(http, other, "k", {"address": "cy@example.org"})).status_code == 201
    assert len(addresses(place)) == 3


@pytest.mark.anyio
async def test_of_many_at_once_one_is_carried_out(place: Place) -> None:
    key = a_key(place)
    async with place.client() as http:
        answers = await asyncio.gather(*(add(http, key, "k") for _ in range(8)))
        done = [one for one in answers if one.status_code == 201]
        assert done
        assert {one.content for one in done} == {done[0].content}
        for one in answers:
            assert one.status_code in (201, 409)
            assert one.status_code == 201 or "not done yet" in one.json()["detail"]
        assert (await add(http, key, "k")).content == done[0].content
    assert addresses(place).count("bo@example.org") == 1


@pytest.mark.anyio
async def test_what_failed_is_carried_out_when_it_is_asked_again(place: Place) -> None:
    key = a_key(place)
    async with place.client() as http:
        assert (await add(http, key, "k", {"address": "bo@"})).status_code == 422
        assert (await add(http, key, "k", {"address": "bo@"})).status_code == 422
        assert (await add(http, key, "k")).status_code == 201, "corrected"
        read_only = a_key(place, "read")
        assert (await add(http, read_only, "x", {"address": "cy@example.org"})).status_code == 403


@pytest.mark.anyio
async def test_a_mail_is_sent_again_once(place: Place) -> None:
    place.send()
    digest, key = fail(place), a_key(place)
    headers = bearer(key, Idempotency_Key="k")
    async with place.client() as http:
        first = await http.post(f"{API}/deliveries/{digest}/retry", headers=headers)
        again = await http.post(f"{API}/deliveries/{digest}/retry", headers=headers)
    assert first.content == again.content
    assert [one["outcome"] for one in first.json()["tried"]] == ["failed", "retried"]


@pytest.mark.anyio
@pytest.mark.parametrize("typed", ["", "x" * 256, "ü"])
async def test_a_key_that_is_none_is_named_and_nothing_is_done(place: Place, typed: str) -> None:
    key = a_key(place)
    async with place.client() as http:
        headers = [(b"idempotency-key", typed.encode("latin-1"))]
        headers += [(k.encode(), v.encode()) for k, v in bearer(key).items()]
        answer = await http.post(f"{API}/subscribers", json=BO, headers=headers)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"
    assert len(addresses(place)) == 1


@pytest.mark.anyio
async def test_once_a_subscriber_is_deleted_nothing_is_kept_of_them_and_none_is_made(
    place: Place,
) -> None:
    key = a_key(place)
    async with place.client() as http:
        made = (await add(http, key, "k")).json()
        await http.delete(f"{API}/subscribers/{made['id']}", headers=bearer(key))
        assert "bo@example.org" not in str(dump(place.app.database))
        again = await add(http, key, "k")
        assert again.status_code == 409
        assert "is deleted" in again.json()["detail"]
    assert len(addresses(place)) == 1


def test_an_answer_holds_for_a_day_and_a_request_that_died_for_some_minutes(
    database: Database,
) -> None:
    answers, name = Answers(database), name_of("holder", "typed")
    assert answers.begin(name, "hash", now=NOON) is None
    with pytest.raises(Conflict):
        answers.begin(name, "hash", now=NOON + LONGEST - timedelta(seconds=1))
    later = NOON + LONGEST
    assert answers.begin(name, "hash", now=later) is None
    answers.keep(name, 201, {}, b"{}", subscriber=None)
    kept = answers.begin(name, "hash", now=later + LIFE - timedelta(seconds=1))
    assert kept
    assert (kept.status, kept.body) == (201, b"{}")
    with pytest.raises(UsageError):
        answers.begin(name, "other", now=later)
    assert answers.begin(name, "other", now=later + LIFE) is None


def test_answers_are_deleted_with_the_old_mails_of_the_day(database: Database) -> None:
    answers = Answers(database)
    for name, at in (("old", NOON), ("new", NOON + timedelta(hours=1))):
        answers.begin(name, "hash", now=at)
    keep_house(database, now=NOON + LIFE + timedelta(seconds=1))
    with database.reading() as conn:
        assert store_answers.find(conn, "old") is None
        assert store_answers.find(conn, "new")
