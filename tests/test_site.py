"""The pages: GET shows, POST changes, twice is the same as once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from notifier.app import App
from notifier.config import Settings
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

from .builders import NOON
from .databases import database_url
from .pages import has_foreign_script
from .test_promises import dump

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    made = App(Settings(database={"url": database_url(tmp_path)}), clock=lambda: NOON)
    made.subscriptions.request("ada@example.org", now=NOON)
    made.subscriptions.confirm("ada@example.org", now=NOON, because="asked")
    yield made
    made.close()


@asynccontextmanager
async def client(app: App) -> AsyncIterator[httpx.AsyncClient]:
    place = bound("127.0.0.1:0")
    port = place.getsockname()[1]
    async with (
        serving(make_site(app), place),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as made,
    ):
        yield made


def path(app: App) -> str:
    return "/u/" + app.links.unsubscribe(1).rpartition("/u/")[2]


@pytest.mark.anyio
async def test_opening_the_unsubscribe_page_changes_nothing(app: App) -> None:
    async with client(app) as http:
        before = dump(app.database)
        for method in ("GET", "HEAD", "OPTIONS", "GET"):
            await http.request(method, path(app))
        answer = await http.get(path(app))
        assert answer.status_code == 200
        assert '<form method="post">' in answer.text
        assert dump(app.database) == before


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["form", "multipart", "button"])
async def test_one_click_leaves_at_once_without_cookie_or_redirect(app: App, how: str) -> None:
    sent = {
        "form": {"data": ONE_CLICK},
        "multipart": {"files": {"List-Unsubscribe": (None, "One-Click")}},
        "button": {"data": {}},
    }[how]
    async with client(app) as http:
        answer = await http.post(path(app), **sent)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert app.subscriptions.get("ada@example.org").state == "left"
        before = dump(app.database)
        assert (await http.post(path(app), **sent)).status_code == 200
        assert dump(app.database) == before


@pytest.mark.anyio
async def test_one_click_for_a_deleted_subscriber_is_answered_as_ever(app: App) -> None:
    link = path(app)
    app.subscriptions.remove("ada@example.org")
    async with client(app) as http:
        assert (await http.post(link, data=ONE_CLICK)).status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize(
    "change",
    [
        lambda link: link[:-3],
        lambda link: link.replace("/u/1.", "/u/2."),
        lambda link: link + "x",
        lambda _: "/u/nonsense",
        lambda _: "/u/%ff",
    ],
    ids=["cut short", "another's", "longer", "nonsense", "no text"],
)
async def test_a_forged_link_changes_nothing_and_has_its_own_page(app: App, change: object) -> None:
    app.subscriptions.request("bo@example.org", now=NOON)
    async with client(app) as http:
        before = dump(app.database)
        answer = await http.post(change(path(app)), data=ONE_CLICK)  # type: ignore[operator]
        assert answer.status_code == 404
        assert "This link does not work" in answer.text
        assert dump(app.database) == before


@pytest.mark.anyio
async def test_every_page_keeps_its_token_to_itself_and_runs_no_script_but_ours(app: App) -> None:
    async with client(app) as http:
        for answer in (await http.get(path(app)), await http.get("/nowhere")):
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert not has_foreign_script(answer.text)


@pytest.mark.anyio
async def test_the_process_says_that_it_is_alive(app: App) -> None:
    async with client(app) as http:
        assert (await http.get("/healthz")).text == "ok\n"


@pytest.mark.anyio
async def test_the_server_stops_while_a_client_holds_its_connection_open(app: App) -> None:
    async with asyncio.timeout(10), client(app) as http:
        await http.get("/healthz")
