"""Keys of the API: shown once, kept as hashes, ended at once; what each lets its holder do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier import errors
from notifier.access import scopes, written
from notifier.access.strangers import RATE
from notifier.web.api.application import routes

from .api import API, a_key, bearer, in_a_thread
from .builders import NOON
from .commands import Notifier, notifier
from .pages import Place, place
from .test_promises import dump

__all__ = ["notifier", "place"]

OPERATIONS = [(method, route.path_format) for route in routes() for method in route.methods or ()]
NEVER = f"ntf_aaaaaaaa_{'A' * 43}"


def scope_of(described: Any, method: str, path: str) -> str:
    (needed,) = described["paths"][path][method.lower()]["security"]
    (scope,) = needed["key"]
    return str(scope)


def address(path: str) -> str:
    """Where an operation is, for a subscriber, a digest and a paper that there may be."""
    filled = path.replace("{subscriber}", "1").replace("{key}", "0" * 32)
    return API + filled.replace("{name}", "x")


# What a key lets its holder do.


@dataclass(frozen=True)
class Served:
    """A running instance, its description, and a key of each scope."""

    base: str
    described: Any
    keys: dict[str, str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    place = Place(tmp_path_factory.mktemp("api"))
    keys = {scope: a_key(place, scope) for scope in scopes.SCOPES}
    with in_a_thread(place.app) as base:
        yield Served(base, httpx.get(f"{base}{API}/openapi.json").json(), keys)
    place.app.close()


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[" ".join(o) for o in OPERATIONS])
def test_an_operation_refuses_every_key_without_its_scope(
    served: Served, method: str, path: str
) -> None:
    wanted = scope_of(served.described, method, path)
    sent: dict[str, Any] = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
    with httpx.Client(base_url=served.base) as http:
        for held, key in served.keys.items():
            answer = http.request(method, address(path), headers=bearer(key), **sent)
            if scopes.allows((held,), wanted):  # type: ignore[arg-type]  # it is one of them
                assert answer.status_code not in (401, 403), held
            else:
                assert answer.status_code == 403, held
                assert f'scope="{wanted}"' in answer.headers["WWW-Authenticate"]
        for headers in ({}, bearer(NEVER), bearer("nonsense"), {"Authorization": "Basic eDp5"}):
            answer = http.request(method, address(path), headers=headers, **sent)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_what_scopes_allow_is_this_and_no_more() -> None:
    allowed = {
        (held, wanted)
        for held in scopes.SCOPES
        for wanted in scopes.SCOPES
        if scopes.allows((held,), wanted)
    }
    others = {("read", "papers"), *(("admin", scope) for scope in scopes.SCOPES)}
    assert allowed == {(scope, scope) for scope in scopes.SCOPES} | others
    assert not scopes.allows((), "papers")


@pytest.mark.anyio
async def test_a_key_ends_when_it_expires_and_at_once_when_it_is_revoked(place: Place) -> None:
    short = a_key(place, "papers", expires_at=place.now + timedelta(days=1))
    other = a_key(place, "papers")
    async with place.client() as http:

        async def status(key: str) -> int:
            return (await http.get(f"{API}/stats", headers=bearer(key))).status_code

        assert (await status(short), await status(other)) == (200, 200)
        place.now += timedelta(days=1, seconds=-1)
        assert await status(short) == 200
        place.now += timedelta(seconds=1)
        assert (await status(short), await status(other)) == (401, 200)
        place.app.served.api_keys.revoke(other, now=place.now)
        assert await status(other) == 401
    first = place.app.served.api_keys.get(other).revoked_at
    assert place.app.served.api_keys.revoke(other, now=NOON).revoked_at == first, "twice is once"


@pytest.mark.anyio
async def test_the_right_id_with_another_secret_opens_nothing(place: Place) -> None:
    one, other = a_key(place), a_key(place)
    mixed = one[:13] + other[13:]
    assert written.read(mixed)
    async with place.client() as http:
        for wrong in (mixed, one[:-1], one + "A", one.upper(), f" {one[4:]}", one[:4]):
            answer = await http.get(f"{API}/stats", headers=bearer(wrong))
            assert answer.status_code == 401, wrong
        for scheme in ("bearer", "BEARER", "Bearer "):
            answer = await http.get(f"{API}/stats", headers={"Authorization": f"{scheme} {one}"})
            assert answer.status_code == 200


@pytest.mark.anyio
async def test_when_a_key_was_used_is_written_once_an_hour(place: Place) -> None:
    key = a_key(place, "papers")
    start = place.now
    async with place.client() as http:
        for minutes in (0, 30, 59, 60, 90):
            place.now = start + timedelta(minutes=minutes)
            await http.get(f"{API}/stats", headers=bearer(key))
            noted = start + timedelta(minutes=60 if minutes >= 60 else 0)
            assert place.app.served.api_keys.get(key).last_used_at == noted


# What is kept and told of a key.


@pytest.mark.anyio
async def test_a_key_is_neither_in_the_database_nor_in_a_log_nor_in_an_answer(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = a_key(place)
    secret = key[13:]
    shown = ""
    async with place.client() as http:
        for path in ("/stats", "/subscribers", "/nowhere", f"/papers/{key}"):
            answer = await http.get(API + path, headers=bearer(key))
            shown += answer.text + str(answer.headers)
        answer = await http.get("/admin", auth=("x", key))
        assert answer.status_code == 200
        shown += answer.text
    assert secret not in shown
    assert "ada@example.org" in shown
    told = capsys.readouterr()
    assert secret not in told.out + told.err
    assert "ada@example.org" not in told.out + told.err
    kept = str(dump(place.app.database))
    assert key[4:12] in kept
    assert secret not in kept
    if place.app.database.is_sqlite:
        for name in ("test.db", "test.db-wal"):
            assert secret.encode() not in contents(tmp_path / name)


def contents(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


@given(st.binary(min_size=40, max_size=40))
def test_a_key_that_is_written_is_read_and_its_secret_is_not_in_what_is_kept(made: bytes) -> None:
    text = written.write(made)
    parts = written.read(text)
    assert parts
    assert text.startswith(f"ntf_{parts.id}_")
    assert len(parts.digest) == 32
    assert written.read(text[:-1]) is None


@given(st.text(max_size=80))
def test_what_is_no_key_is_read_as_none(typed: str) -> None:
    assert written.read(typed) is None


def test_two_keys_never_share_an_id(place: Place) -> None:
    random = iter([b"\0" * 40, b"\0" * 8 + b"\1" * 32, b"\2" * 40])
    keys = type(place.app.served.api_keys)(place.app.database, random=lambda size: next(random))
    first, _ = keys.add("one", ["read"], now=NOON, expires_at=None)
    second, _ = keys.add("two", ["read"], now=NOON, expires_at=None)
    assert (first.id, second.id) == ("aaaaaaaa", "cccccccc")
    assert [key.name for key in keys.every()] == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "wanted", "ends", "said"),
    [
        ("", ["read"], None, "1 to 60 printable"),
        ("x" * 61, ["read"], None, "1 to 60 printable"),
        ("x", [], None, "without a scope"),
        ("x", ["root"], None, '"root" is no scope'),
        ("x", ["read"], NOON, "expired already"),
    ],
)
def test_a_key_that_would_be_of_no_use_is_not_made(
    place: Place, name: str, wanted: list[str], ends: Any, said: str
) -> None:
    with pytest.raises(errors.UsageError, match=re.escape(said)):
        place.app.served.api_keys.add(name, wanted, now=NOON, expires_at=ends)
    assert place.app.served.api_keys.every() == []


# Who has no key.


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[Place]:
    """An instance that believes what a web server in front says of its readers."""
    made = Place(tmp_path, trusted_proxies=("127.0.0.1",))
    yield made
    made.app.close()


async def ask(http: httpx.AsyncClient, key: str, host: str, path: str = f"{API}/stats") -> int:
    headers = bearer(key, X_Forwarded_For=host)
    return (await http.get(path, headers=headers)).status_code


@pytest.mark.anyio
async def test_strangers_are_limited_by_network_and_nobody_else_is(proxied: Place) -> None:
    key = a_key(proxied)
    async with proxied.client() as http:
        assert await ask(http, key, "192.0.2.1") == 200
        for number in range(RATE.size):
            assert await ask(http, NEVER, f"192.0.2.{number}") == 401
        answer = await http.get(f"{API}/stats", headers=bearer(NEVER, X_Forwarded_For="192.0.2.9"))
        assert answer.status_code == 429
        assert answer.headers["Retry-After"]
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert await ask(http, key, "192.0.2.9") == 200, "a key that was shown before"
        assert await ask(http, NEVER, "198.51.100.1") == 401, "another network"
        proxied.now += RATE.every
        assert await ask(http, NEVER, "192.0.2.9") == 401
        assert await ask(http, NEVER, "192.0.2.9") == 429


@pytest.mark.anyio
async def test_the_operators_page_has_the_same_limit(proxied: Place) -> None:
    async with proxied.client() as http:
        for _ in range(RATE.size):
            assert await ask(http, NEVER, "192.0.2.1") == 401
        basic = httpx.BasicAuth("x", NEVER)
        there = {"X-Forwarded-For": "192.0.2.2"}
        assert (await http.get("/admin", auth=basic, headers=there)).status_code == 429


# Commands.


def test_a_key_is_printed_once_and_listed_without_its_secret(notifier: Notifier) -> None:
    at = ("--now", "2026-11-20T12:00Z", "api-key")
    made = notifier(*at, "add", "dash board", "--scope", "write", "--scope", "papers",
                    "--expires", "90d")  # fmt: skip
    key = made.out.strip()
    assert written.read(key)
    assert "not shown again" in made.err
    assert key not in made.err
    listed = notifier(*at, "list", "--format", "jsonl")
    (row,) = listed.rows
    assert key[13:] not in listed.out
    assert row["id"] == key[4:12]
    assert (row["name"], row["scopes"], row["state"]) == (
        "dash board",
        ["papers", "write"],
        "valid",
    )
    assert row["expires_at"] == "2027-02-18T12:00:00Z"
    late = notifier("--now", "2027-02-18T12:00Z", "api-key", "list", "--format", "jsonl").rows
    assert late[0]["state"] == "expired"


def test_a_key_is_revoked_by_its_id_or_itself_and_twice_is_once(notifier: Notifier) -> None:
    made = notifier("api-key", "add", "x", "--scope", "admin", "--format", "json").json
    assert "would be revoked" in notifier("api-key", "revoke", made["id"], "--dry-run").err
    assert notifier("api-key", "list", "--format", "json").json[0]["state"] == "valid"
    assert notifier("api-key", "revoke", made["key"]).code == 0
    before = notifier("api-key", "list", "--format", "json").json
    assert before[0]["state"] == "revoked"
    again = notifier("api-key", "revoke", made["id"])
    assert again.code == 0
    assert "was revoked" in again.err
    assert notifier("api-key", "list", "--format", "json").json == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("add", "x"), 2, "--scope"),
        (("add", "x", "--scope", "root"), 2, '"root" is no scope - there are papers, read, write'),
        (("add", "x", "--scope", "read", "--expires", "soon"), 2, '"soon" is no time'),
        (("add", "x", "--scope", "read", "--expires", "2020-01-01"), 2, "expired already"),
        (("revoke", "aaaaaaaa"), 4, 'no key "aaaaaaaa"'),
        (("revoke", NEVER), 4, 'no key "aaaaaaaa"'),
    ],
)
def test_a_wrong_command_about_keys_says_what_is_wrong_and_tells_no_key(
    notifier: Notifier, arguments: tuple[str, ...], code: int, said: str
) -> None:
    result = notifier("api-key", *arguments)
    assert result.code == code
    assert said in " ".join(result.err.split())
    assert "A" * 43 not in result.err
    assert result.out == ""
