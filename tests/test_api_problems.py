"""Whatever goes wrong below /api/v1 is said as application/problem+json, and nothing is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from notifier.storage import database
from notifier.web.api.application import application, routes
from notifier.web.api.door import BODY_BYTES, METHODS

from .api import API, a_key, bearer
from .databases import another_writes, database_url
from .pages import Place, place
from .test_promises import dump

__all__ = ["place"]

JSON = {"Content-Type": "application/json"}
ADDRESSES = ("/stats", "/subscribers", "/subscribers/1", "/papers/x", "/nowhere", "", "/", "/a%0Ab")


def is_problem(answer: httpx.Response, status: int) -> Any:
    """What is told, of which the form is checked (RFC 9457, 3.1)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert re.fullmatch(r"urn:notifier:problem:[a-z-]+", told["type"])
    assert told["title"]
    assert told["detail"]
    assert "Traceback" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return told


@pytest.mark.anyio
async def test_nothing_below_the_api_is_a_page(place: Place) -> None:
    key = bearer(a_key(place))
    async with place.client() as http:
        for path in ADDRESSES:
            is_problem(await http.get(API + path), 401)
            is_problem(await http.get(API + path, headers=key | {"Host": "evil.example"}), 421)
            for method in ("OPTIONS", "TRACE", "PROPFIND"):
                answer = await http.request(method, API + path, headers=key)
                is_problem(answer, 405)
                assert answer.headers["Allow"] == ", ".join(METHODS)
        for path in ("/nowhere", "", "/", "/a%0Ab", "/subscribers/", "/papers/trending/x%0Ay"):
            is_problem(await http.get(API + path, headers=key), 404)


@pytest.mark.anyio
async def test_a_resource_names_its_methods_where_one_is_asked_for_that_it_has_not(
    place: Place,
) -> None:
    key = bearer(a_key(place))
    async with place.client() as http:
        for path, allowed in (
            ("/subscribers", "GET, HEAD, POST"),
            ("/subscribers/1", "DELETE, GET, HEAD, PATCH"),
            ("/subscribers/1/profiles/a/b", "DELETE, GET, HEAD, PUT"),
            ("/stats", "GET, HEAD"),
            ("/subscribers/1/pause", "POST"),
        ):
            missing = next(method for method in METHODS if method not in allowed)
            answer = await http.request(missing, API + path, headers=key)
            is_problem(answer, 405)
            assert answer.headers["Allow"] == allowed


@pytest.mark.anyio
async def test_a_body_is_small_json(place: Place) -> None:
    key, path = bearer(a_key(place)), f"{API}/rules/test"

    async def pieces() -> Any:
        for _ in range(21):
            yield b" " * 10_000

    async with place.client() as http:
        large = b" " * (BODY_BYTES + 1)
        is_problem(await http.post(path, content=large, headers=key | JSON), 413)
        is_problem(await http.post(path, content=pieces(), headers=key | JSON), 413)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"):
            headers = key | {"Content-Type": kind}
            answer = await http.post(path, content=b'{"rules": "RAG"}', headers=headers)
            is_problem(answer, 415)
            assert answer.headers["Accept"] == "application/json"
        for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
            headers = key | {"Content-Type": kind}
            answer = await http.post(path, content=b'{"rules": "RAG"}', headers=headers)
            assert answer.status_code == 200
        for text in (b"{", b"", b"null", b"[]"):
            is_problem(await http.post(path, content=text, headers=key | JSON), 422)
        for text in (b"\xff", b"[" * 100_000, b"1" * 5000):
            is_problem(await http.post(path, content=text, headers=key | JSON), 400)


WRONG: list[tuple[str, str, Any, str]] = [
    ("POST", "/subscribers", {}, "#/address"),
    ("POST", "/subscribers", {"address": "a\nb@example.org"}, "#/address"),
    ("POST", "/subscribers", {"address": "a@example.org", "time": "24:00"}, "#/time"),
    ("POST", "/subscribers", {"address": "a@example.org", "days": []}, "#/days"),
    ("POST", "/subscribers", {"address": "a@example.org", "days": ["mon", "x"]}, "#/days/1"),
    ("POST", "/subscribers", {"address": "a@example.org", "zone": "Mars/Base"}, "#/zone"),
    ("POST", "/subscribers", {"address": "a@example.org", "zone": "../x"}, "#/zone"),
    ("POST", "/subscribers", {"address": "a@example.org", "max_papers": "5"}, "#/max_papers"),
    ("POST", "/subscribers", {"address": "a@example.org", "max_papers": 26}, "#/max_papers"),
    ("POST", "/subscribers", {"address": "a@example.org", "a/b~": 1}, "#/a~1b~0"),
    ("PATCH", "/subscribers/1", {"learning": "yes"}, "#/learning"),
    ("POST", "/subscribers/1/confirm", {"because": "x\u0007y"}, "#/because"),
    ("POST", "/subscribers/1/confirm", {}, "#/because"),
    ("POST", "/subscribers/1/pause", {"until": "tomorrow"}, "#/until"),
    ("POST", "/subscribers/1/pause", {"until": 1800000000}, "#/until"),
    ("POST", "/subscribers/1/pause", {"until": "2026-12-01T00:00:00"}, "#/until"),
    ("POST", "/subscribers/1/pause", {"until": "2020-12-01T00:00:00Z"}, "#/until"),
    ("POST", "/subscribers/1/pause", {"until": "2099-12-01T00:00:00Z"}, "#/until"),
    ("POST", "/subscribers/1/pause", {"until": "9999-12-31T23:59:59-10:00"}, "#/until"),
    ("PUT", "/subscribers/1/profiles/x", {"rules": "a\0b"}, "#/rules"),
    ("PUT", "/subscribers/1/profiles/x", {"rules": "a" * 100_001}, "#/rules"),
    ("POST", "/papers/search", {"rules": "RAG", "limit": 201}, "#/limit"),
]


@pytest.mark.anyio
async def test_what_is_wrong_is_named_where_it_stands_and_nothing_is_changed(place: Place) -> None:
    key = bearer(a_key(place))
    async with place.client() as http:
        await http.get(f"{API}/stats", headers=key)
        before = dump(place.app.database)
        for method, path, sent, pointer in WRONG:
            told = is_problem(await http.request(method, API + path, json=sent, headers=key), 422)
            assert [one.get("pointer") for one in told["errors"]] == [pointer], (path, sent)
        half = json.dumps({"address": "\ud800@example.org"})
        told = is_problem(
            await http.post(f"{API}/subscribers", content=half, headers=key | JSON), 422
        )
        assert told["errors"][0]["pointer"] == "#/address"
        blank, long = "/subscribers/1/profiles/%20", f"/subscribers/1/profiles/{'x' * 61}"
        numbers = ("/subscribers/0", "/subscribers/x", f"/subscribers/{2**70}")
        for path in (*numbers, "/digests/xyz", blank, long):
            told = is_problem(await http.get(API + path, headers=key), 422)
            assert told["errors"][0]["parameter"] in ("subscriber", "key", "name"), path
        is_problem(await http.post(f"{API}/subscribers", json={"address": "no@"}, headers=key), 422)
        wish = {"address": "a@example.org", "language": "xx"}
        is_problem(await http.post(f"{API}/subscribers", json=wish, headers=key), 422)
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_a_database_that_is_busy_is_asked_again_later(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = bearer(a_key(place))
    place.app.close()
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0)
    quick = database.Database(database_url(tmp_path))
    for service in (place.app.subscriptions, place.app.served.api_keys):
        service._database = quick  # type: ignore[attr-defined]  # one that waits for nobody
    async with place.client() as http:
        wish = {"address": "bo@example.org"}
        with another_writes(database_url(tmp_path)):
            assert (await http.get(f"{API}/subscribers/1", headers=key)).status_code == 200
            answer = await http.post(f"{API}/subscribers", json=wish, headers=key)
            is_problem(answer, 503)
            assert answer.headers["Retry-After"]
        assert (await http.post(f"{API}/subscribers", json=wish, headers=key)).status_code == 201
    quick.close()


@pytest.fixture
def broken(place: Place) -> Place:
    """An instance one of whose tables is gone."""
    with place.app.database.writing() as conn:
        for name in ("digest_paper", "delivery"):
            conn.exec_driver_sql(f"ALTER TABLE {name} RENAME TO no_{name}")
    return place


@pytest.mark.anyio
async def test_a_failure_of_ours_is_a_problem_without_an_address(broken: Place) -> None:
    key = bearer(a_key(broken))
    async with broken.client() as http:
        told = is_problem(await http.get(f"{API}/deliveries", headers=key), 500)
        assert "not your fault" in told["detail"]
        assert "example.org" not in json.dumps(told)


@pytest.mark.anyio
async def test_a_key_that_cannot_be_looked_up_is_a_problem_of_ours(place: Place) -> None:
    key = bearer(a_key(place))
    with place.app.database.writing() as conn:
        conn.exec_driver_sql("DROP TABLE api_key")
    async with place.client() as http:
        is_problem(await http.get(f"{API}/stats", headers=key), 500)


def test_the_description_is_whole(place: Place) -> None:
    api = application(place.app)
    (openapi,) = [route for route in api.routes if getattr(route, "path", "") == "/openapi.json"]
    assert openapi
    names = [route.name for route in routes()]
    assert len(set(names)) == len(names), "operation ids are unique"
    for route in routes():
        assert route.summary or route.description, route.name
        assert {401, 403, 422, 429, 500, 503} <= set(route.responses), route.name
        assert (route.body_field is None) or {400, 413, 415} <= set(route.responses), route.name
        assert ("{" not in route.path) or 404 in route.responses, route.name
        assert route.tags, route.name


def test_every_example_is_one(place: Place) -> None:
    found = {}
    for route in routes():
        model = route.response_model
        for one in (
            getattr(model, "model_config", {}).get("json_schema_extra", {}).get("examples", ())
        ):
            assert model.model_validate(one).model_dump(mode="json") == one, route.name
            found[model.__name__] = one
    assert {"SubscriberShown", "ProfileShown", "PaperShown", "WholeDigest"} <= set(found)


@pytest.mark.anyio
async def test_the_description_is_open_and_names_no_other_site(place: Place) -> None:
    async with place.client() as http:
        answer = await http.get(f"{API}/openapi.json")
    described = answer.json()
    assert described["openapi"].startswith("3.1")
    assert described["servers"] == [{"url": f"https://papers.example.org{API}"}]
    assert described["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert "HTTPValidationError" not in answer.text
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', answer.text))
    assert references <= set(described["components"]["schemas"])
    hosts = set(re.findall(r"https?://[^\"/ ]+", answer.text))
    assert hosts == {"https://papers.example.org", "https://arxiv.org"}, "the site's, and a paper's"
