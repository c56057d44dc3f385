"""Transport "sink": mails go to nobody, are kept for a while, and are shown on this machine."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx2 as httpx
import pytest

from notifier.app import App
from notifier.config import Settings
from notifier.delivery.files import FilesTransport
from notifier.delivery.sink import MOST_MAILS, OLDEST, Sink
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

from .builders import NOON
from .commands import Notifier, notifier
from .databases import database_url
from .test_daemon import process
from .test_jobs import MONDAY, RAG, Instance

__all__ = ["notifier"]

pytestmark = pytest.mark.anyio
HOSTILE = (
    b"From: a@example.org\r\nTo: <ada@example.org>\r\nSubject: <b>bold</b>\r\n"
    b"Date: Fri, 20 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    b"Message-ID: <%s@example.org>\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n\r\n<head></head>"
    b"<h1>hello</h1><script>alert(1)</script>\r\n"
)


async def put(sink: Sink, *names: str) -> None:
    async with FilesTransport(sink.folder, then=sink.keep).open() as mailer:
        for name in names:
            content = HOSTILE % name.encode()
            await mailer.send(sender="p@x.org", recipient="ada@example.org", content=content)


def an_app(
    folder: Path, listen: str = "127.0.0.1:8080", transport: str = "sink", **site: str
) -> App:
    database = {"url": database_url(folder)}
    mail = {"transport": transport, "directory": str(folder / "outbox")}
    settings = Settings(database=database, mail=mail, site={"listen": listen} | site)
    return App(settings, clock=lambda: NOON)


@asynccontextmanager
async def browser(app: App, *, demo: bool = False) -> AsyncIterator[httpx.AsyncClient]:
    place = bound("127.0.0.1:0")
    base = f"http://127.0.0.1:{place.getsockname()[1]}"
    async with (
        serving(make_site(app, demo=demo), place),
        httpx.AsyncClient(base_url=base, follow_redirects=True) as http,
    ):
        yield http
    app.close()


def stems(sink: Sink) -> list[str]:
    return [name for name, _ in sink.mails()]


# What is kept.


async def test_mails_that_come_fast_are_listed_newest_first(tmp_path: Path) -> None:
    sink = Sink(tmp_path)
    names = [f"m{number}" for number in range(40)]
    await put(sink, *names)
    assert stems(sink) == names[::-1]


async def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    sink = Sink(tmp_path, most_mails=3)
    await put(sink, "one", "two", "three", "four", "two")
    assert stems(sink) == ["two", "four", "three"]
    assert (200, timedelta(days=30)) == (MOST_MAILS, OLDEST)


async def test_what_is_older_than_a_month_goes_when_a_mail_comes(tmp_path: Path) -> None:
    sink = Sink(tmp_path)
    await put(sink, "old", "young")
    for name, days in (("old", 30.1), ("young", 29.9)):
        at = time.time() - days * 86400
        os.utime(tmp_path / f"{name}.eml", (at, at))
    assert stems(sink) == ["young", "old"]
    await put(sink, "new")
    assert stems(sink) == ["new", "young"]


async def test_the_time_a_mail_came_is_our_own_not_the_coarse_one_of_the_file(
    tmp_path: Path,
) -> None:
    sink = Sink(tmp_path)
    await put(sink, "one", "two")
    os.utime(tmp_path / "one.eml", (0, 0))
    sink.keep(tmp_path / "one.eml")
    assert stems(sink) == ["one", "two"]


@pytest.mark.parametrize("name", ["..", "../secret", "a\0b", "", "none", ".hidden"])
async def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    sink = Sink(tmp_path / "inbox")
    await put(sink, "one")
    (tmp_path / "secret.eml").write_text("secret")
    assert sink.read(name) is None


async def test_a_digest_goes_into_the_sink_and_to_nobody(tmp_path: Path) -> None:
    made = Instance(tmp_path, mail={"transport": "sink"})
    made.reader("ada")
    made.take(RAG)
    made.now = MONDAY + timedelta(hours=3)
    made.app.compose()
    done = await made.app.deliver()
    ((_, content),) = made.app.sink.mails() if made.app.sink else []
    assert (done.sent, b"ada@example.org" in content) == (1, True)
    beside = "test.db-inbox" if made.app.database.is_sqlite else "outbox"
    assert (tmp_path / beside).is_dir()
    made.app.close()


# What is shown.


async def test_the_inbox_shows_mails_and_lets_none_of_their_markup_out(tmp_path: Path) -> None:
    app = an_app(tmp_path)
    async with browser(app) as http:
        assert "No mail has come yet" in (await http.get("/inbox")).text
        assert app.sink
        await put(app.sink, "one", "two")
        page = await http.get("/inbox")
        assert page.url.path == "/inbox/two", "the newest"
        assert "&lt;b&gt;bold&lt;/b&gt;" in page.text
        assert "<script" not in page.text
        mail = await http.get("/inbox/one/html")
        assert "sandbox" in mail.headers["Content-Security-Policy"]
        assert "script-src" not in mail.headers["Content-Security-Policy"]
        assert '<base target="_blank">' in mail.text, "links open beside the mail"
        source = await http.get("/inbox/one/source")
        assert source.headers["Content-Type"].startswith("text/plain")
        assert (await http.get("/inbox/seven/html")).status_code == 404
        assert (await http.get("/inbox/seven")).url.path == "/inbox/two"
        assert (await http.get("/healthz")).status_code == 200


async def test_the_inbox_shows_the_text_of_a_mail_without_html(tmp_path: Path) -> None:
    app = an_app(tmp_path)
    async with (
        browser(app) as http,
        FilesTransport(app.sink.folder, then=app.sink.keep).open() as mailer,
    ):  # type: ignore[union-attr]
        content = (HOSTILE % b"plain").replace(b"text/html", b"text/plain")
        await mailer.send(sender="p@x.org", recipient="ada@example.org", content=content)
        assert 'src="/inbox/plain/text"' in (await http.get("/inbox")).text


async def test_the_demo_reads_its_mails_from_the_first_one_on(tmp_path: Path) -> None:
    app = an_app(tmp_path)
    assert app.sink
    await put(app.sink, "one", "two")
    async with browser(app, demo=True) as http:
        page = await http.get("/inbox")
    assert page.url.path == "/inbox/one"
    assert "<h1>Inbox of the demo</h1>" in page.text


# Not there, or not under this name (RFC 9110, 15.5.20).
HIDDEN = (404, 421)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "papers.example.org"},
        {"Host": "127.0.0.1.example.org"},
        {"Host": "[::1"},
        {"X-Forwarded-For": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"Via": "1.1 proxy"},
    ],
)
async def test_the_inbox_is_hidden_from_everybody_but_this_machines_browsers(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    app = an_app(tmp_path)
    assert app.sink
    await put(app.sink, "one")
    async with browser(app) as http:
        for path in ("/inbox", "/inbox/one", "/inbox/one/html"):
            assert (await http.get(path, headers=headers)).status_code in HIDDEN
            for here in ("localhost", "127.0.0.1:80", "[::1]:8080"):
                assert (await http.get(path, headers={"Host": here})).status_code == 200


@pytest.mark.parametrize(
    ("listen", "transport"),
    [("0.0.0.0:8080", "sink"), ("papers.example.org:80", "sink"), ("", "sink"),
     ("127.0.0.1:8080", "smtp"), ("127.0.0.1:8080", "files")],
)  # fmt: skip
async def test_there_is_no_inbox_where_others_could_open_it_or_mails_go_out(
    tmp_path: Path, listen: str, transport: str
) -> None:
    async with browser(an_app(tmp_path, listen, transport)) as http:
        assert (await http.get("/inbox")).status_code in HIDDEN


async def test_the_inbox_is_hidden_under_the_sites_own_name(tmp_path: Path) -> None:
    app = an_app(tmp_path, public_url="https://papers.example.org")
    async with browser(app) as http:
        answer = await http.get("/inbox", headers={"Host": "papers.example.org"})
        assert answer.status_code == 404
        front = await http.get("/", headers={"Host": "papers.example.org"})
        assert front.status_code == 200


# What is said.


@pytest.mark.sqlite("its inbox lies beside it")
def test_status_says_that_nothing_is_mailed_and_where_mails_are(notifier: Notifier) -> None:
    database = f"[database]\nurl = 'sqlite:///{notifier.folder}/n.db'\n"
    notifier.config.write_text(database + "[mail]\ntransport = 'sink'\n")
    said = notifier("status").out
    assert "to nobody: transport is sink" in said
    assert f"kept in {notifier.folder}/n.db-inbox" in said
    assert "shown at http://127.0.0.1:8080/inbox" in said
    assert "to nobody" in notifier("tick", "--format", "json").json["mail_server"]
    notifier.config.write_text(database + "[mail]\ntransport = 'sink'\n[site]\nlisten = ''\n")
    assert "shown nowhere: see site.listen" in notifier("status").out
    notifier.config.write_text(database)
    assert "to localhost, port 25" in notifier("status").out


async def test_the_daemon_says_so_at_its_start(tmp_path: Path) -> None:
    config = tmp_path / "notifier.toml"
    config.write_text("[site]\nlisten = ''\n[mail]\ntransport = 'sink'\n")
    async with process("run", "--config", config) as daemon:
        assert daemon.stderr
        said = b""
        async with asyncio.timeout(30):
            while b"nothing is mailed to anybody" not in said:
                said += await daemon.stderr.readline()
        daemon.terminate()
        assert await daemon.wait() == 0
