"""The operator's page: only with a key, only to be read, and all of it text."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from axe_playwright_python.async_playwright import Axe

from notifier.cli.status import collect
from notifier.overview import overview
from notifier.storage import store_alerts, store_bounces, store_channels, store_sources
from notifier.storage.store_alerts import Alert
from notifier.web.guarding import password

from .api import a_key, bearer, fail, follow
from .pages import ADA, HOSTILE, Place, place
from .test_pages_browser import DESK, PHONE, chromium, served
from .test_pages_language import in_english
from .test_promises import dump

__all__ = ["place"]


@dataclass(frozen=True)
class Troubled:
    """An instance where everything is to be told of: its place, and a key for the page."""

    place: Place
    key: str


@pytest.fixture
def troubled(tmp_path: Path) -> Any:
    """Sources of which one fails and is told of, a mail refused, a bounce, keys of all states."""
    place = Place(tmp_path)
    follow(place, "arxiv", "b")
    place.send()
    fail(place, f"550 5.1.1 {HOSTILE}")
    now = place.now
    with place.app.database.writing() as conn:
        store_sources.succeeded(conn, "arxiv", "arxiv", counts=(6, 6, 0), now=now)
        for _ in range(3):
            store_sources.failed(conn, "b", "arxiv", f"503 {HOSTILE}", now=now)
        bounce = {"key": "k", "recipient": "x@example.org", "kind": "hard", "status": "5.1.1",
                  "reason": HOSTILE, "via": "token", "done": "counted", "subscriber_id": 1,
                  "received_at": now}  # fmt: skip
        store_bounces.add(conn, bounce)
        store_alerts.notice(conn, Alert("source", "b", now, f"503 {HOSTILE}", now, now))
    place.app.served.api_keys.revoke(a_key(place, "read"), now=now)
    yield Troubled(place, a_key(place, "admin"))
    place.app.close()


@pytest.mark.anyio
async def test_the_page_opens_with_a_key_of_scope_admin_and_nothing_else(place: Place) -> None:
    admin, others = a_key(place), [a_key(place, scope) for scope in ("papers", "read", "write")]
    async with place.client() as http:
        assert (await http.get("/admin", auth=("whoever", admin))).status_code == 200
        assert (await http.get("/admin", auth=("", admin))).status_code == 200
        for sent in ({}, bearer(admin), {"Authorization": "Basic !"}, {"Authorization": "Basic"}):
            answer = await http.get("/admin", headers=sent)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
            assert ADA not in answer.text
        for key in (*others, admin + "x", "x"):
            answer = await http.get("/admin", auth=("x", key))
            assert answer.status_code == 401
            assert ADA not in answer.text
        assert "has not the scope" in (await http.get("/admin", auth=("x", others[0]))).text
        place.app.served.api_keys.revoke(admin, now=place.now)
        answer = await http.get("/admin", auth=("x", admin))
        assert (answer.status_code, "expired or revoked" in answer.text) == (401, True)


@pytest.mark.anyio
async def test_the_page_is_read_only_and_not_kept_by_anybody(place: Place) -> None:
    place.send()
    basic = httpx.BasicAuth("x", a_key(place))
    async with place.client() as http:
        assert (await http.get("/admin", auth=basic)).status_code == 200
        before = dump(place.app.database)
        answer = await http.get("/admin", auth=basic)
        assert answer.headers["Cache-Control"] == "no-store"
        assert "<form" not in answer.text
        assert (await http.post("/admin", auth=basic)).status_code == 405
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_the_page_tells_what_is_wrong_in_the_servers_words_as_text(
    troubled: Troubled,
) -> None:
    async with troubled.place.client() as http:
        text = (await http.get("/admin", auth=("x", troubled.key))).text
    assert "Something needs care:</strong> sources, mails that failed or are held, what" in text
    assert "<h2>This needs somebody</h2>" in text
    assert "550 5.1.1 &lt;script&gt;alert(1)" in text
    assert "503 &lt;script&gt;" in text
    assert text.count("<script") == text.count('<script src="/script.js" defer>')
    assert ADA in text
    for word in ("failing", "revoked", "refused", "came back: hard", troubled.key[4:12]):
        assert word in text, word


@pytest.mark.anyio
async def test_the_page_of_an_empty_instance_is_calm(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.app.subscriptions.remove(ADA)
    async with place.client() as http:
        text = (await http.get("/admin", auth=("x", a_key(place)))).text
    assert "Nothing needs care." in text
    assert "No mail waits." in text
    place.app.close()


@pytest.mark.anyio
async def test_page_api_and_command_agree_on_what_needs_care(place: Place) -> None:
    app, now = place.app, place.now
    bounce = {"key": "k", "recipient": "x@example.org", "kind": "policy", "status": "5.7.1",
              "reason": "blocked", "via": "token", "done": "told", "subscriber_id": 1,
              "received_at": now}  # fmt: skip
    with app.database.writing() as conn:
        store_bounces.add(conn, bounce)
        store_channels.add(conn, 1, 1, "webhook", "jsons://hooks.example.org/x", now=now)
        store_channels.pause(conn, 1, reason="410 Gone", now=now)
    found = ("bounces", "channels")
    assert (overview(app).cares, collect(app)["cares"]) == (found, found)
    async with place.client() as http:
        stats = (await http.get("/api/v1/stats", headers=bearer(a_key(place)))).json()
        text = (await http.get("/admin", auth=("x", a_key(place)))).text
    assert (stats["needs_care"], stats["cares"]) == (True, list(found))
    assert "mails that came back because of us, channels." in text


@pytest.mark.anyio
async def test_the_page_is_german_where_the_browser_asks_for_it(troubled: Troubled) -> None:
    async with troubled.place.client() as http:
        for auth in (("x", troubled.key), ("x", "wrong")):
            answer = await http.get("/admin", auth=auth, headers={"Accept-Language": "de"})
            assert answer.headers["Content-Language"] == "de"
            assert [one for one in in_english(answer.text) if "alert(" not in one] == []


def test_a_password_is_what_stands_behind_the_first_colon() -> None:
    def basic(text: bytes) -> str:
        return "basic " + base64.b64encode(text).decode()

    assert password(basic(b"me:ntf_x:y")) == "ntf_x:y"
    assert password(basic(b"nobody")) == ""
    assert password(basic(b"\xff:x")) == ""
    assert password("Bearer x") == ""
    assert password("") == ""


@pytest.mark.anyio
@pytest.mark.parametrize(("code", "colors"), [("en", "light"), ("de", "dark")])
async def test_the_page_is_usable_by_everyone(troubled: Troubled, code: str, colors: Any) -> None:
    found = {}
    login: Any = {"username": "me", "password": troubled.key}
    async with chromium() as browser, served(troubled.place) as base:
        for name, size, auth in (("phone", PHONE, login), ("desk", DESK, login),
                                 ("closed", PHONE, login | {"password": "x"})):  # fmt: skip
            context = await browser.new_context(
                color_scheme=colors, viewport=size, locale=code, http_credentials=auth
            )
            page = await context.new_page()
            await page.goto(f"{base}/admin")
            result = await Axe().run(page)
            wide = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
            found[name] = [v["id"] for v in result.response["violations"]] + ["wide"] * wide
            await context.close()
    assert found == {"phone": [], "desk": [], "closed": []}
