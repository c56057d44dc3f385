"""What logs say: one run id through a pass, lines for people or machines, and nobody's secrets."""

from __future__ import annotations

import email
import email.policy
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import structlog
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from pytest_httpserver import HTTPServer

from notifier import config_values
from notifier.app import App
from notifier.cli import logs
from notifier.cli.discreet import Discreet
from notifier.config import Settings
from notifier.profiles.profile import Schedule
from notifier.runs import one_run
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

from .builders import atom
from .databases import database_url
from .pages import path
from .returned import a_notification
from .sink import Received, Sink, listening
from .test_signups import FORM

TOKEN = "12-20480." + "aB3_" * 10 + "xyz"
KEY = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("550 5.1.1 <ada.l+x@x.example.org>: unknown", "550 5.1.1 <[address]>: unknown"),
        ("müller@exämple.de, bo@localhost", "[address], [address]"),
        ("user%40example.org at imap", "[address] at imap"),
        (f"GET /m/{TOKEN} failed", "GET /m/[token] failed"),
        (f"digest {KEY} of today", "digest 01234567… of today"),
        (f"<{KEY}@papers.example.org>", "<[address]>"),
        ("https://ada:hunter@feeds.example.org/x", "https://[login]@feeds.example.org/x"),
        ("https://h.example/T1/B2/aBcDeF0123456789xYzW", "https://h.example/T1/B2/[secret]"),
        ("the password is tiger-5", "the password is [secret]"),
        ("SMTPServerDisconnected: Connection lost", "SMTPServerDisconnected: Connection lost"),
        ("arxiv:2611.00001v2, 2026-11-20T07:00:00", "arxiv:2611.00001v2, 2026-11-20T07:00:00"),
    ],
)  # fmt: skip
def test_what_is_nobodys_business_is_cut_out_and_the_rest_stays(said: str, logged: str) -> None:
    discreet = Discreet(["tiger-5", "a"])
    assert discreet.without(said) == logged
    told = discreet(None, "", {"event": said, "n": 3, "more": {"them": (said, None)}})
    assert told == {"event": logged, "n": 3, "more": {"them": [logged, None]}}


def test_every_secret_of_the_configuration_is_known(tmp_path: Path) -> None:
    made = Settings(
        smtp={"password": "one-secret"},
        bounce={"imap_host": "imap.example.org", "imap_user": "x", "imap_password": "two-secret"},
        source=[{"name": "p", "kind": "pubmed", "query": "x", "api_key": "three-secret"}],
    )
    assert {"one-secret", "two-secret", "three-secret"} <= set(config_values.secrets_in(made))


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_of_a_library_is_one_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    with one_run() as run:
        logging.getLogger("apscheduler.scheduler").warning("skipped for %s", "ada@example.org")
        logging.getLogger("uvicorn.error").info("Started server process")
    (line,) = lines(capsys.readouterr().err)
    assert line.pop("timestamp")
    assert line == {
        "event": "skipped for [address]", "level": "warning", "run": run,
        "library": "apscheduler.scheduler",
    }  # fmt: skip


@pytest.mark.parametrize("format_", ["json", "console"])
def test_a_traceback_is_written_out_without_what_it_was_about(
    format_: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(format_, "info")
    try:
        raise ValueError("no digest for ada@example.org")
    except ValueError:
        structlog.get_logger().exception("digest could not be made", subscriber=7)
    told = capsys.readouterr().err
    assert "ValueError: no digest for [address]" in told
    assert "test_logs.py" in told
    assert "ada@" not in told
    assert len(told.splitlines()) == 1 or format_ == "console"


# A week of everything that goes well and wrong, at the most talkative level.

START = datetime(2026, 11, 16, 5, 0, tzinfo=UTC)  # a Monday
PASSWORD, IMAP, NCBI = "correct-horse-7", "battery-staple-8", "0123abcd4567NCBI"
PEOPLE = [f"{name}@example.org" for name in ("ada", "bo", "cy", "dora", "emil", "fay")]
ADA, BO, CY, DORA, EMIL, FAY = PEOPLE


@dataclass(slots=True)
class Rude(Sink):
    """Repeats the address in whatever it says, and takes not every mail."""

    days: int = 0
    logins: list[bytes] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        answers = {
            CY: f"550 5.1.1 <{address}>: Recipient address rejected: User unknown",
            DORA: f"450 4.2.1 <{address}>: mailbox of {address} is busy, see https://g.example/{TOKEN}",
            EMIL: f"550 5.2.2 <{address}>: {address} is over quota",
        }
        if address in answers:
            return answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.days == 3:
            return f"554 5.6.0 {envelope.rcpt_tos[0]} wants none of {envelope.mail_from}"
        self.received.append(
            Received(
                envelope.mail_from or "", envelope.rcpt_tos[0], envelope.original_content or b""
            )
        )
        return f"250 kept for {envelope.rcpt_tos[0]}"

    def login(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        self.logins.append(data.password)
        return AuthResult(success=self.days != 4, handled=False)


def instance(folder: Path, server: HTTPServer, port: int, clock: Callable[[], datetime]) -> App:
    def source(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "kind": "arxiv", "urls": [server.url_for(f"/{name}")]} | more

    broken = server.url_for("/broken").replace("//", f"//reader:{PASSWORD}@")
    made = Settings(
        database={"url": database_url(folder)},
        site={"public_url": "https://papers.test"},
        digest={"sample": False},
        smtp={"host": "127.0.0.1", "port": port, "user": "papers", "password": PASSWORD},
        mail={"from": "Papers <papers@example.org>", "bounce_address": "back@example.org"},
        bounce={
            "imap_host": "127.0.0.1", "imap_port": 9, "imap_security": "none",
            "imap_user": "back@example.org", "imap_password": IMAP,
        },
        http={"pause_seconds": 0},
        log={"format": "json", "level": "debug"},
        source=[
            source("arxiv"),
            {"name": "broken", "kind": "feed", "urls": [broken]},
            source("pub", kind="pubmed", query="x", api_key=NCBI),
        ],
    )  # fmt: skip
    logs.configure("json", "debug", tuple(config_values.secrets_in(made)))
    return App(made, clock=clock)


def people(app: App) -> None:
    for address in (ADA, CY, DORA, EMIL):
        app.subscriptions.request(
            address, now=app.clock(), schedule=Schedule("UTC", 6, days=tuple(range(7)))
        )
        app.subscriptions.confirm(address, now=app.clock(), because="asked")
        app.subscriptions.add_profile(address, "p", "RAG", now=app.clock())


def links_of(sink: Sink) -> Iterator[str]:
    """All links of all mails, within the site."""
    for one in sink.received:
        told = email.message_from_bytes(one.content, policy=email.policy.default)
        for part in told.walk():
            if part.get_content_maintype() == "text":
                for found in re.findall(r"https://papers\.test/[^\s\"<>)]+", part.get_content()):
                    yield path(found)


async def visit(http: httpx.AsyncClient, sink: Sink) -> None:
    """Sign up, follow every link, press what it offers, and try links that are none."""
    await http.post("/", data=FORM | {"address": FAY})
    await http.post("/link", data={"address": BO})
    await http.get("/papers", params={"rules": f"author: {ADA}"})
    for link in sorted(set(links_of(sink)))[:25]:
        await http.get(link)
        await http.get(link + "x")
        await http.post(link, data={"do": "confirm"})
    await http.get("/api/v1/subscribers", headers={"Authorization": f"Bearer {TOKEN}"})
    await http.get("/admin", auth=("operator", TOKEN))


@pytest.mark.anyio
async def test_a_week_of_logs_holds_no_address_no_token_and_no_secret(
    tmp_path: Path, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    now, sink = START, Rude()
    async with listening(sink, authenticator=sink.login, auth_require_tls=False) as server:
        app = instance(tmp_path, httpserver, server.port, lambda: now)
        people(app)
        place = bound("127.0.0.1:0")
        base = f"http://127.0.0.1:{place.getsockname()[1]}"
        async with (
            serving(make_site(app), place),
            httpx.AsyncClient(base_url=base, follow_redirects=True, timeout=60) as http,
        ):
            for day in range(7):
                sink.days = day
                httpserver.clear_all_handlers()
                paper = {"id": f"2611.0000{day}", "title": f"RAG {day}", "authors": (ADA, BO)}
                httpserver.expect_request("/arxiv").respond_with_data(atom([paper]))
                for name in ("/broken", "/pub"):
                    httpserver.expect_request(name).respond_with_data(f"for {BO}: {NCBI}", 403)
                for hour in (2, 12):
                    now = START + timedelta(days=day, hours=hour)
                    with one_run():
                        await app.tick()
                await visit(http, sink)
                if sink.received:
                    app.take_mail(
                        a_notification(recipient=ADA, status="4.2.2"),
                        envelope=sink.received[-1].sender,
                    )
                spoil(app, day)
            with app.database.writing() as conn:
                conn.exec_driver_sql("ALTER TABLE profile RENAME TO gone")
            await http.get("/papers", params={"rules": f"author: {ADA}"})
            await visit(http, sink)
        kept = app.secret.hex(), *(found for found in links_of(sink))
        app.close()
    told = capsys.readouterr().err
    spoken = lines(told)
    assert {ADA, FAY} <= {one.recipient for one in sink.received}, "mails went out"
    assert sink.logins
    events = {line["event"] for line in spoken}
    assert {
        "source read", "digest sent", "letter sent", "mail came back",
        "mail server down",
    } <= events, sorted(events)  # fmt: skip
    assert any("Exception in ASGI application" in event for event in events), "a page broke"
    for secret in (*PEOPLE, "papers@example.org", "back@example.org", PASSWORD, IMAP, NCBI):
        assert secret not in told, secret
    parts = {part for link in kept for part in re.split(r"[/?]", link) if len(part) >= 32}
    assert len(parts) > 20
    assert not [part for part in parts if part in told]
    a_pass_has_one_id(spoken)


def spoil(app: App, day: int) -> None:
    """Ada's rules cannot be read on one day."""
    if day in (1, 2):
        rules = f"titel: {ADA} (" if day == 1 else "RAG"
        with app.database.writing() as conn:
            conn.exec_driver_sql("UPDATE profile SET rules = ? WHERE subscriber_id = 1", (rules,))


def a_pass_has_one_id(spoken: list[dict[str, Any]]) -> None:
    read = next(line["run"] for line in spoken if line["event"] == "source read")
    same = {line["event"] for line in spoken if line.get("run") == read}
    assert {"source read", "matched", "digest sent"} <= same
    assert len({line["run"] for line in spoken if line["event"] == "digest sent"}) > 1
