"""What `notifier doctor` says of an installation: against real servers, and nothing is changed."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from pytest_httpserver import HTTPServer

from notifier.config import Settings
from notifier.delivery import lmtp
from notifier.doctor import checks, installation, page_checks, source_checks, time_checks
from notifier.doctor.dns import Kind
from notifier.doctor.examining import Check, examine
from notifier.doctor.finding import Finding, State, exit_code, failed, ok, skipped, warning
from notifier.doctor.mail_checks import ask_intake, ask_mail_server, ask_mailbox
from notifier.doctor.setup import Setup
from notifier.errors import DnsError
from notifier.storage import schema, store_sources
from notifier.storage.database import Database
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

from . import dovecot
from .builders import NOON, atom
from .commands import Notifier, notifier
from .dns_server import name_server
from .fakes import scripted
from .identities import an_identity
from .pages import Place, place
from .signatures import KEYS
from .sink import listening
from .test_dkim import keyed
from .test_doctor_dns import AT, AT_ED, AT_RSA, BACK, ED, LAB, OURS, RSA
from .test_promises import dump, subscriber

__all__ = ["notifier", "place"]

pytestmark = pytest.mark.anyio

MAIL = {"from": f"Papers <papers@{LAB}>"}


class NoDns:
    """Nobody may be asked."""

    async def ask(self, name: str, kind: Kind) -> list[str]:
        raise AssertionError(f"{name} was asked for")


def a_setup(
    base: Database | None = None,
    *,
    file: Path | None = None,
    now: datetime = NOON,
    **values: Any,
) -> Setup:
    settings = Settings(**({"mail": MAIL} | values))
    return Setup(settings, file, base, NoDns(), lambda: now, patience_seconds=5)


def told(found: Sequence[Finding]) -> list[tuple[State, str]]:
    return [(one.state, one.found) for one in found]


# The report.


@pytest.mark.parametrize(
    ("states", "code"),
    [([], 0), (["ok", "skipped"], 0), (["ok", "warning"], 3), (["warning", "failed", "ok"], 1)],
)
def test_the_worst_finding_decides_the_exit_code(states: list[State], code: int) -> None:
    assert exit_code(Finding("c", state, "f") for state in states) == code


async def test_a_check_that_fails_crashes_or_hangs_stops_no_other_and_order_is_kept() -> None:
    async def crashes(setup: Setup) -> list[Finding]:
        raise KeyError("a mistake of ours")

    async def fails(setup: Setup) -> list[Finding]:
        raise DnsError("no name server")

    async def hangs(setup: Setup) -> list[Finding]:
        await asyncio.Event().wait()
        return []

    async def works(setup: Setup) -> list[Finding]:
        return [ok("works", "well")]

    asked = [Check(one.__name__, one) for one in (crashes, hangs, fails, works)]
    found = await examine(asked, a_setup(), longest_seconds=0.05)
    assert [(one.check, one.state) for one in found] == [
        ("crashes", "failed"), ("hangs", "failed"), ("fails", "failed"), ("works", "ok"),
    ]  # fmt: skip
    assert [one.found for one in found[:3]] == [
        "the check itself failed: KeyError", "not done within 0.05 seconds", "no name server",
    ]  # fmt: skip
    assert all(one.remedy for one in found if one.state == "failed")


async def test_checks_wait_beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.doctor.examining._TOLD_AFTER_SECONDS", 0.01)
    both, told_once, heard = asyncio.Barrier(2), asyncio.Event(), list[Sequence[str]]()

    async def meets(setup: Setup) -> list[Finding]:
        await told_once.wait()
        await both.wait()
        return []

    def tell(waiting: Sequence[str]) -> None:
        heard.append(waiting)
        told_once.set()

    asked = [Check("one", meets), Check("two", meets)]
    assert await examine(asked, a_setup(), tell=tell, longest_seconds=5) == []
    assert heard[0] == ["one", "two"]


async def test_offline_nobody_is_asked_and_each_check_left_out_is_named(database: Database) -> None:
    setup = a_setup(
        database, site={"listen": "", "public_url": f"https://{LAB}", "contact": "me@x.org"},
        bounce={"imap_host": "imap.x.org", "imap_user": "u", "imap_password": "p"},
        source=[{"name": "arxiv", "kind": "arxiv", "categories": ["cs.CL"]}],
    )  # fmt: skip
    asked = checks.all_checks([ok("database", "sound")], offline=True)
    found = await examine(asked, setup, offline=True)
    assert [check.name for check in asked] == list(checks.NAMES)
    left_out = {one.check for one in found if one.found == "--offline: this asks others"}
    assert left_out == {
        "clock offset", "mail server", "spf", "dkim", "dmarc", "mx", "reverse", "mailbox",
        "public url",
    }  # fmt: skip
    assert {one.check for one in found} == set(checks.NAMES) - {"bounces"}
    assert "failed" not in {one.state for one in found}, found


# The configuration.


async def test_what_only_an_example_has_is_named(tmp_path: Path) -> None:
    found = await installation.ask_configuration(a_setup(mail={"from": "p@example.org"}))
    said = " ".join(one.found for one in found)
    assert "there is no notifier.toml" in said
    assert "mail.from is in example.org" in said
    assert "site.public_url is http://localhost:8080: links in mails lead nowhere" in said
    assert "site.contact is empty" in said
    assert "there is no source" in said
    assert all(one.remedy for one in found)
    good = a_setup(
        file=tmp_path / "notifier.toml",
        site={"public_url": "https://papers.uni-lab.org", "contact": "me@uni-lab.org"},
        source=[{"name": "a", "kind": "feed", "urls": ["https://uni-lab.org/feed"]}],
    )
    (tmp_path / "notifier.toml").touch()
    (one,) = await installation.ask_configuration(good)
    assert one.state == "ok"


@pytest.mark.skipif(os.name == "nt", reason="modes of files")
async def test_secrets_that_others_can_read_are_named_by_their_files(tmp_path: Path) -> None:
    for name, mode in (
        ("smtp.password", 0o644),
        ("imap.password", 0o600),
        ("notifier.toml", 0o644),
    ):
        (tmp_path / name).write_text("secret")
        (tmp_path / name).chmod(mode)
    setup = a_setup(
        file=tmp_path / "notifier.toml",
        site={"public_url": "https://papers.uni-lab.org", "contact": "me@uni-lab.org"},
        smtp={"password_file": "smtp.password"},
        bounce={"imap_host": "i", "imap_user": "u", "imap_password_file": "imap.password"},
        source=[{"name": "a", "kind": "feed", "urls": ["https://uni-lab.org/feed"]}],
    )
    (one,) = await installation.ask_configuration(setup)
    assert "smtp.password has mode 0644" in one.found
    assert one.remedy == f"Run: chmod 600 {tmp_path / 'smtp.password'}"
    inline = replace(setup, settings=Settings(mail=MAIL, smtp={"password": "secret"}))
    assert any("notifier.toml has mode" in f.found for f in installation._modes(inline))
    elsewhere = replace(
        setup, settings=Settings(mail=MAIL, smtp={"password": "of the environment"})
    )
    assert list(installation._modes(elsewhere)) == []


@pytest.mark.skipif(os.name == "nt", reason="modes of files")
@pytest.mark.parametrize(
    "settings",
    [
        {"health": {"ping_url": "https://hc.example/secret"}},
        {"bounce": {"imap_host": "i", "imap_user": "u", "imap_password": 'se"cret'}},
        {"source": [{"name": "a", "kind": "pubmed", "query": "x", "api_key": "secret"}]},
        {"database": {"url": "postgresql://me:secret@db/notifier"}},
    ],
    ids=["ping_url", "imap_password", "api_key", "database.url"],
)
async def test_every_secret_within_the_configuration_asks_for_its_mode(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    file = tmp_path / "notifier.toml"
    file.write_text(json.dumps(settings))
    file.chmod(0o644)
    setup = a_setup(file=file, **settings)
    (one,) = installation._modes(setup)
    assert one.remedy == f"Run: chmod 600 {file}"


@pytest.mark.skipif(os.name == "nt", reason="modes of files")
async def test_the_file_of_the_watchers_address_is_secret_too(tmp_path: Path) -> None:
    (tmp_path / "ping.url").write_text("https://hc.example/secret")
    (tmp_path / "ping.url").chmod(0o644)
    setup = a_setup(file=tmp_path / "notifier.toml", health={"ping_url_file": "ping.url"})
    (one,) = installation._modes(setup)
    assert one.remedy == f"Run: chmod 600 {tmp_path / 'ping.url'}"


async def test_a_broken_template_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "digest.html.j2").write_text("a\n{% if %}")
    (one,) = await installation.ask_templates(a_setup(site={"templates_dir": tmp_path}))
    assert (one.state, "mail/digest.html.j2, line 2" in one.found) == ("warning", True)


def test_a_configuration_that_cannot_be_read_is_a_finding_and_the_rest_is_skipped(
    notifier: Notifier,
) -> None:
    notifier.config.write_text("[site]\npublik_url = 'x'\n")
    result = notifier("doctor", "--offline", "--format", "jsonl")
    assert result.code == 1
    assert result.rows[0]["state"] == "failed"
    assert 'unknown key "site.publik_url" - did you mean' in result.rows[0]["found"]
    assert {row["state"] for row in result.rows[1:]} == {"skipped"}
    assert [row["check"] for row in result.rows] == list(checks.NAMES)


# The database and its disk.


@contextmanager
def opened(url: str) -> Iterator[tuple[Database | None, Finding]]:
    database, (one,) = installation.open_database(url)
    try:
        yield database, one
    finally:
        if database:
            database.close()


def test_a_database_is_looked_at_and_neither_made_nor_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet.db"
    with opened(f"sqlite:///{path}") as (none, one):
        assert (none, one.state) == (None, "warning")
    assert not path.parent.exists()
    old = Database(f"sqlite:///{tmp_path}/old.db")
    schema.upgrade(old, "0016")
    with opened(old.url) as (none, one):
        assert (none, one.state, one.remedy) == (None, "warning", 'Run "notifier db upgrade".')
    assert schema.revision(old) == "0016"
    schema.upgrade(old)
    with opened(old.url) as (database, one):
        assert (database is None, one.state) == (False, "ok")
    old.close()


def test_damage_a_foreign_file_and_a_newer_schema_are_failures(
    tmp_path: Path, database: Database
) -> None:
    (tmp_path / "text.db").write_text("no database " * 100)
    with opened(f"sqlite:///{tmp_path}/text.db") as (none, one):
        assert (none, one.state, "not a database" in one.found) == (None, "failed", True)
    with opened("mysql://x/y") as (none, one):
        assert (none, one.state) == (None, "failed")
    with database.writing() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with opened(database.url) as (none, one):
        assert (none, "newer version" in one.found) == (None, True)


@pytest.mark.sqlite("pages of a file")
def test_a_damaged_page_is_found(tmp_path: Path, database: Database) -> None:
    for number in range(50):
        subscriber(database, f"s{number}@example.org")
    database.close()
    path = tmp_path / "test.db"
    base = sqlite3.connect(path)
    base.execute("PRAGMA journal_mode=DELETE")
    root = base.execute("SELECT rootpage FROM sqlite_master WHERE name = 'subscriber'").fetchone()
    base.close()
    raw = bytearray(path.read_bytes())
    raw[(root[0] - 1) * 4096 + 8 : root[0] * 4096] = b"\xff" * (4096 - 8)
    path.write_bytes(raw)
    with opened(f"sqlite:///{path}") as (none, one):
        assert (none, one.state, "damaged" in one.found) == (None, "failed", True)


async def test_a_disk_without_room_or_right_to_write_or_over_a_network_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = a_setup(database={"url": f"sqlite:///{tmp_path}/x/y.db"})
    (one,) = await installation.ask_disk(setup)
    assert (one.state, "can be written to" in one.found) == ("ok", True)
    monkeypatch.setattr(installation.os, "access", lambda place, mode: False)
    monkeypatch.setattr(installation, "mounts", lambda: f"srv:/x {tmp_path} nfs4 rw 0 0\n")
    full = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr(installation.shutil, "disk_usage", lambda place: full)
    found = await installation.ask_disk(setup)
    assert [one.state for one in found] == ["failed", "failed", "warning"]
    assert "nfs4" in found[1].found


def test_the_file_system_of_a_folder_is_that_of_the_nearest_mount() -> None:
    table = "x / ext4 rw\ny /srv nfs rw\nz /srv/a\\040b xfs rw\nq /srvother cifs rw\n"
    assert installation.file_system(Path("/srv/papers"), table) == "nfs"
    assert installation.file_system(Path("/srv/a b/c"), table) == "xfs"
    assert installation.file_system(Path("/var"), table) == "ext4"
    assert installation.file_system(Path("/var"), "") == ""


# Time.


async def test_a_clock_before_this_release_or_behind_what_is_stored_is_wrong(place: Place) -> None:
    early = a_setup(now=datetime(1970, 1, 1, tzinfo=UTC))
    assert [s for s, _ in told(await time_checks.ask_clock(early))] == ["failed"]
    place.send()
    back = a_setup(place.app.database, now=place.now - timedelta(hours=2))
    (one,) = await time_checks.ask_clock(back)
    assert (one.state, "set back" in one.found) == ("warning", True)
    (well,) = await time_checks.ask_clock(a_setup(place.app.database, now=place.now))
    assert well.state == "ok"


async def test_the_clock_is_compared_with_that_of_a_source(
    database: Database, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/", method="HEAD").respond_with_data("")
    feed = [{"name": "a", "kind": "feed", "urls": [httpserver.url_for("/feed")]}]
    for ahead, state in ((0, "ok"), (90, "warning"), (-7200, "failed")):
        now = datetime.now(UTC) + timedelta(seconds=ahead)
        setup = a_setup(database, source=feed, now=now, http=_QUICK)
        (one,) = await time_checks.ask_offset(setup)
        assert one.state == state, one
    assert len(httpserver.log) == 3, "one request each, and not for the feed"
    (none,) = await time_checks.ask_offset(a_setup(database))
    assert none.state == "skipped"


_QUICK = {"pause_seconds": 0}


async def test_a_zone_that_tzdata_does_not_know_is_named(place: Place) -> None:
    (well,) = await time_checks.ask_zones(a_setup(place.app.database))
    assert (well.state, "all 1 zones" in well.found) == ("ok", True)
    place.change(zone="Europe/Atlantis")
    (one,) = await time_checks.ask_zones(a_setup(place.app.database))
    assert (one.state, "Europe/Atlantis" in one.found) == ("failed", True)


# Sources.


async def test_a_source_read_of_late_is_not_asked_again_and_one_never_read_is_asked_once(
    database: Database, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/feed").respond_with_data(
        atom([{"id": "2611.00001", "title": "A"}]), content_type="application/atom+xml"
    )
    feed = {"kind": "feed", "urls": [httpserver.url_for("/feed")]}
    settings = [{"name": "late"} | feed, {"name": "never"} | feed, {"name": "failing"} | feed,
                {"name": "off", "enabled": False} | feed]  # fmt: skip
    with database.writing() as conn:
        store_sources.succeeded(conn, "late", "feed", counts=(7, 7, 0), now=NOON)
        store_sources.failed(conn, "failing", "feed", "HTTP 500", now=NOON)
    setup = a_setup(database, source=settings, now=NOON + timedelta(minutes=9), http=_QUICK)
    before = dump(database)
    found = told(await source_checks.ask_sources(setup))
    assert found == [
        ("ok", "late was read 9 minutes ago, 7 papers"),
        ("ok", "never answers: 1 papers"),
        ("failed", "failing fails: HTTP 500"),
        ("skipped", "off is switched off"),
    ]
    assert len(httpserver.log) == 1
    assert dump(database) == before, "nothing was taken in"
    recalled = told(await source_checks.recall_sources(setup))
    assert [state for state, _ in recalled] == ["ok", "skipped", "failed", "skipped"]
    assert len(httpserver.log) == 1


async def test_a_source_that_does_not_answer_fails_and_the_others_are_read(
    database: Database, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/good").respond_with_data(atom([]), content_type="text/xml")
    feeds = [
        {"name": name, "kind": "feed", "urls": [httpserver.url_for(f"/{name}")]}
        for name in ("bad", "good")
    ]
    setup = a_setup(database, source=feeds, http=_QUICK)
    httpserver.expect_request("/bad").respond_with_data("gone", status=404)
    bad, good = await source_checks.ask_sources(setup)
    assert (bad.state, good.state) == ("failed", "ok")
    assert "notifier source test bad" in bad.remedy


# The mail server, and what comes back.


async def server(setup: Setup) -> Finding:
    (one,) = await ask_mail_server(setup)
    return one


async def test_the_mail_server_is_greeted_with_tls_and_login_and_gets_no_mail(
    tmp_path: Path,
) -> None:
    tls = an_identity(tmp_path)
    smtp = {"host": "127.0.0.1", "security": "starttls", "ca_file": tls.ca_file}
    async with listening(tls_context=tls.server, require_starttls=True) as sink:
        soon = await server(a_setup(smtp=smtp | {"port": sink.port}, now=datetime.now(UTC)))
        assert (soon.state, "its certificate ends on" in soon.found) == ("warning", True)
        later = datetime.now(UTC) - timedelta(days=30)
        well = await server(a_setup(smtp=smtp | {"port": sink.port}, now=later))
        assert (well.state, "TLSv1.3" in well.found) == ("ok", True)
        assert sink.received == []
    script = {"EHLO": "250-fake\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 wrong secret"}
    async with scripted(script) as refusing:
        smtp = {"host": "127.0.0.1", "port": refusing.port, "user": "u", "password": "secret"}
        wrong = await server(a_setup(smtp=smtp))
        assert (wrong.state, "login:" in wrong.found) == ("failed", True)
        assert "password_file" in wrong.remedy
        assert "secret" not in repr(wrong)
        assert not {"MAIL", "RCPT", "DATA"} & set(refusing.connections[0].verbs)
    down = await server(a_setup(smtp={"host": "127.0.0.1", "port": 1}))
    assert (down.state, "cannot be reached" in down.found) == ("failed", True)
    none = await server(a_setup(mail={"transport": "files"}))
    assert none.state == "skipped"


async def test_somebody_listens_for_bounces_where_that_is_set(tmp_path: Path) -> None:
    mail = MAIL | {"bounce_address": f"b@back.{LAB}"}

    async def state(**bounce: Any) -> tuple[State, str]:
        (one,) = await ask_intake(a_setup(mail=mail, bounce=bounce))
        return one.state, one.found

    with_socket = f"unix:{tmp_path}/lmtp.sock"
    async with lmtp.listening(bound(with_socket), lambda mail, to: None, domain=f"back.{LAB}"):
        assert await state(listen=with_socket) == ("ok", f"LMTP is listened for at {with_socket}")
    assert (await state(listen="127.0.0.1:1"))[0] == "failed"

    async def another(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK POP3\r\n")
        writer.close()

    other = await asyncio.start_server(another, "127.0.0.1", 0)
    said = await state(listen=f"127.0.0.1:{other.sockets[0].getsockname()[1]}")
    other.close()
    assert said[0] == "failed"
    assert "another program answers" in said[1]
    assert (await state())[0] == "ok"
    (nothing,) = await ask_intake(a_setup())
    assert nothing.state == "warning"


async def test_a_mailbox_that_cannot_be_reached_is_a_failure(database: Database) -> None:
    bounce = {"imap_host": "127.0.0.1", "imap_port": 1, "imap_user": "u", "imap_password": "p",
              "imap_security": "none"}  # fmt: skip
    (one,) = await ask_mailbox(a_setup(database, bounce=bounce))
    assert one.state == "failed"
    assert await ask_mailbox(a_setup(database)) == []


async def test_a_mailbox_is_logged_in_to_and_left_as_it_is(database: Database) -> None:
    with dovecot.serving() as there:
        there.put(b"Subject: one\n\n", b"Subject: two\n\n")
        bounce = {"imap_host": "127.0.0.1", "imap_port": there.port, "imap_user": there.user,
                  "imap_password": dovecot.PASSWORD, "imap_security": "none"}  # fmt: skip
        (well,) = await ask_mailbox(a_setup(database, bounce=bounce))
        assert (well.state, "2 mails wait" in well.found) == ("ok", True)
        assert not there.has("Processed")
        assert [flags for _, flags in there.folder()] == [set(), set()]
        wrong = bounce | {"imap_password": "another secret"}
        (refused,) = await ask_mailbox(a_setup(database, bounce=wrong))
        assert (refused.state, "another secret" in repr(refused)) == ("failed", False)


# The pages.


async def test_the_public_address_leads_to_this_instance_and_not_to_another(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Place(tmp_path / "other")
    async with place.client() as http:
        base = str(http.base_url).rstrip("/")
        listen = base.removeprefix("http://")
        site = {"public_url": base, "listen": listen}
        (ours,) = await page_checks.ask_public_url(a_setup(place.app.database, site=site))
        assert told([ours]) == [("ok", f"{base} answers, as this instance")]
        (theirs,) = await page_checks.ask_public_url(a_setup(other.app.database, site=site))
        assert (theirs.state, "does not know the links" in theirs.found) == ("failed", True)
        (unknown,) = await page_checks.ask_public_url(a_setup(site=site))
        assert unknown.state == "ok"
        (runs,) = await page_checks.ask_daemon(a_setup(site=site))
        assert told([runs]) == [("ok", f"answers at {listen}")]
    (down,) = await page_checks.ask_public_url(a_setup(site=site))
    assert (down.state, "is not reached" in down.found) == ("failed", True)
    (stopped,) = await page_checks.ask_daemon(a_setup(site=site))
    assert (stopped.state, "notifier run" in stopped.remedy) == ("failed", True)
    other.app.close()


async def test_the_daemon_here_is_asked_by_no_proxy(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with place.client() as http:
        listen = str(http.base_url).rstrip("/").removeprefix("http://")
        (runs,) = await page_checks.ask_daemon(a_setup(site={"listen": listen}))
    assert told([runs]) == [("ok", f"answers at {listen}")]


async def test_a_web_server_that_passes_nothing_on_is_told(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/healthz").respond_with_data("bad gateway", status=502)
    site = {"public_url": httpserver.url_for("").rstrip("/"), "listen": "127.0.0.1:8080"}
    (one,) = await page_checks.ask_public_url(a_setup(site=site))
    assert (one.state, "HTTP 502" in one.found) == ("failed", True)
    assert "127.0.0.1:8080" in one.remedy


async def test_a_certificate_of_the_pages_that_ends_soon_is_warned_of(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = an_identity(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.ca_file))
    httpserver = HTTPServer(ssl_context=tls.server)
    httpserver.start()
    try:
        httpserver.expect_request("/healthz").respond_with_data("ok\n")
        site = {"public_url": httpserver.url_for("").rstrip("/")}
        first, *_ = await page_checks.ask_public_url(a_setup(site=site, now=datetime.now(UTC)))
        assert (first.state, "its certificate ends on" in first.found) == ("warning", True), first
    finally:
        httpserver.stop()


@pytest.mark.parametrize(
    ("site", "state"),
    [
        ({"public_url": "https://x.org"}, "warning"),
        ({"public_url": "https://x.org", "trusted_proxies": ["127.0.0.1"]}, "ok"),
        ({"public_url": "https://x.org", "trusted_proxies": ["0.0.0.0/0"]}, "failed"),
        ({"public_url": "http://localhost:8080"}, "ok"),
    ],
)
async def test_the_web_server_in_front_is_believed_and_nobody_else(
    site: dict[str, Any], state: str
) -> None:
    (one,) = await page_checks.ask_proxies(a_setup(site=site))
    assert one.state == state


# The command, with everything in its place.


async def test_an_installation_with_everything_in_its_place_is_well(
    place: Place, notifier: Notifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.doctor.setup.outgoing_addresses", lambda: (OURS,))
    keys = keyed(tmp_path)
    zone = {
        f"{LAB} TXT": [f"v=spf1 ip4:{OURS} -all"], f"{LAB} MX": [f"10 mx.{LAB}."],
        f"mx.{LAB} A": [str(OURS)], BACK: [f"mx.{LAB}."], AT: ["v=DMARC1; p=reject"],
        AT_RSA: [RSA], AT_ED: [ED],
    }  # fmt: skip
    socket = bound("127.0.0.1:0")
    port = socket.getsockname()[1]
    async with (
        name_server(zone) as (dns, asked),
        listening() as sink,
        serving(make_site(place.app), socket),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        assert (await http.get("/healthz")).status_code == 200
        notifier.config.write_text(
            f"[site]\npublic_url = 'http://127.0.0.1:{port}'\nlisten = '127.0.0.1:{port}'\n"
            f"contact = 'me@{LAB}'\n[mail]\nfrom = 'p@{LAB}'\nbounce_address = 'b@{LAB}'\n"
            f"[smtp]\nhost = '127.0.0.1'\nport = {sink.port}\n"
            f"[database]\nurl = 'sqlite:///{tmp_path}/test.db'\n[dkim]\n"
            + "".join(f"{name} = '{value}'\n" for name, value in keys.items())
        )
        arguments = ("doctor", "--dns", f"127.0.0.1:{dns}", "--format", "jsonl")
        result = await asyncio.to_thread(notifier, *arguments)
        rows = {(row["check"], row["state"]) for row in result.rows}
        assert not {row["check"] for row in result.rows if row["state"] == "failed"}, result.out
        assert {(name, "ok") for name in ("spf", "dkim", "dmarc", "mx", "reverse")} <= rows
        assert {("mail server", "ok"), ("public url", "ok"), ("daemon", "ok")} <= rows
        shown = await asyncio.to_thread(notifier, "doctor", "--dns", f"127.0.0.1:{dns}")
        assert result.code == shown.code == 3  # no source, http without TLS
        assert "Add a [[source]] to notifier.toml." in shown.out
        assert sink.received == []
    assert len(KEYS) == 2
    assert any(one.startswith("_dmarc") for one in asked)
    wrong = await asyncio.to_thread(notifier, "doctor", "--dns", "nonsense")
    assert (wrong.code, "write an address like" in wrong.err) == (2, True)


def test_every_finding_that_asks_for_care_has_a_remedy() -> None:
    assert (ok("a", "b").remedy, skipped("a", "b").remedy) == ("", "")
    assert warning("a", "b", "c").remedy == failed("a", "b", "c").remedy == "c"
