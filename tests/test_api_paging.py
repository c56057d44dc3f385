"""Long lists: every row once, whatever comes and goes between two pages."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.web.api.paging import Cursors

from .api import API, a_key, bearer, fail
from .builders import an_entry
from .pages import Place, place

__all__ = ["place"]


async def page(http: httpx.AsyncClient, key: str, path: str) -> tuple[list[Any], str]:
    """The rows of a page, and where the `Link` header leads, which `next` agrees with."""
    answer = await http.get(path, headers=bearer(key))
    assert answer.status_code == 200, answer.text
    told, link = answer.json(), answer.links.get("next", {}).get("url", "")
    assert bool(told["next"]) == bool(link)
    if link:
        assert httpx.URL(link).params["cursor"] == told["next"]
    return told["items"], link


@pytest.mark.anyio
async def test_rows_that_come_and_go_between_pages_hide_none_and_show_none_twice(
    place: Place,
) -> None:
    service, key = place.app.subscriptions, a_key(place)
    for number in range(9):
        service.request(f"s{number}@example.org", now=place.now)
    seen: list[int] = []
    async with place.client() as http:
        link = f"{API}/subscribers?limit=4"
        for turn in range(9):
            rows, link = await page(http, key, link)
            seen += [row["id"] for row in rows]
            if turn == 0:
                for gone in ("ada@example.org", "s2@example.org", "s5@example.org"):
                    service.remove(gone)
                service.request("late@example.org", now=place.now)
            if not link:
                break
    assert seen == [1, 2, 3, 4, 5, 6, 8, 9, 10, 11]


@pytest.mark.anyio
async def test_papers_are_paged_from_the_newest_and_new_ones_wait_for_the_next_visit(
    place: Place,
) -> None:
    place.send()
    key = a_key(place, "papers")
    async with place.client() as http:
        first, link = await page(http, key, f"{API}/papers?limit=4&since=2026-11-19T00:00:00Z")
        place.take(an_entry(50, "Brand new"))
        second, end = await page(http, key, link)
    numbers = [row["id"][-1] for row in first + second]
    assert numbers == ["6", "5", "4", "3", "2", "1"]
    assert end == ""


@pytest.mark.anyio
async def test_every_list_has_its_pages(place: Place) -> None:
    place.send()
    fail(place)
    key = a_key(place)
    async with place.client() as http:
        for path in ("digests", "deliveries"):
            first, link = await page(http, key, f"{API}/{path}?limit=1&subscriber=1")
            second, end = await page(http, key, link)
            assert first[0]["key"] != second[0]["key"]
            assert end == ""


@pytest.mark.anyio
async def test_a_cursor_serves_for_its_list_and_its_filters_only(place: Place) -> None:
    place.send()
    place.app.subscriptions.request("bo@example.org", now=place.now)
    key = a_key(place)
    async with place.client() as http:
        answer = await http.get(f"{API}/subscribers?limit=1", headers=bearer(key))
        cursor = answer.json()["next"]
        for path in ("papers", "digests", "subscribers?state=active", "papers?limit=1"):
            joint = "&" if "?" in path else "?"
            wrong = await http.get(f"{API}/{path}{joint}cursor={cursor}", headers=bearer(key))
            assert wrong.status_code == 422, path
            assert wrong.json()["errors"][0]["parameter"] == "cursor"
        for forged in ("", "abc", "AAAA", cursor[:-1], cursor.swapcase(), "A" * 32, "A" * 300):
            wrong = await http.get(
                f"{API}/subscribers", params={"cursor": forged}, headers=bearer(key)
            )
            assert wrong.status_code == 422, forged
        wider = await http.get(f"{API}/subscribers?limit=9&cursor={cursor}", headers=bearer(key))
        assert [row["address"] for row in wider.json()["items"]] == ["bo@example.org"]
        for limit in ("0", "201", "-1", "x"):
            wrong = await http.get(f"{API}/subscribers?limit={limit}", headers=bearer(key))
            assert wrong.status_code == 422


@pytest.mark.anyio
async def test_links_keep_the_filters_and_the_sites_path(tmp_path: Any) -> None:
    place = Place(tmp_path, public_url="https://example.org/papers")
    for number in range(2):
        place.app.subscriptions.request(f"s{number}@example.org", now=place.now)
    key = a_key(place)
    async with place.client() as http:
        _, link = await page(http, key, f"{API}/subscribers?state=pending&limit=1")
    assert link.startswith("/papers/api/v1/subscribers?state=pending&limit=1&cursor=")
    place.app.close()


@given(st.integers(0, 2**63 - 1), st.text(max_size=20), st.binary(max_size=32))
def test_a_cursor_is_opened_by_whom_and_for_what_it_was_sealed(
    row: int, of: str, secret: bytes
) -> None:
    cursors = Cursors(secret)
    sealed = cursors.seal(row, of)
    assert cursors.open(sealed, of) == row
    assert cursors.open(sealed, of + "x") is None
    assert Cursors(secret + b"x").open(sealed, of) is None


@given(st.text(max_size=60))
def test_what_is_no_cursor_is_opened_by_nobody(typed: str) -> None:
    assert Cursors(b"secret").open(typed, "of") is None
