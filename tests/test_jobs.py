"""Ingest, compose, deliver together: what happens when a part of the world is broken."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from pytest_httpserver import HTTPServer

from notifier.app import App
from notifier.cli import logs
from notifier.config import Settings
from notifier.digests.printing import Printer
from notifier.errors import TemplateError
from notifier.jobs.take import take_body
from notifier.profiles.profile import Schedule
from notifier.storage import (
    store_deliveries,
    store_digests,
    store_sources,
    store_subscribers,
)

from .builders import atom, daily_papers
from .databases import database_url
from .sink import Sink, listening
from .test_promises import dump

MONDAY = datetime(2026, 11, 16, 5, 0, tzinfo=UTC)
DAILY = Schedule("UTC", 7, 0)
RAG = {"id": "2611.00001", "title": "RAGs that forget", "abstract": "On RAG."}


class Instance:
    """An instance whose clock is set by hand."""

    def __init__(self, folder: Path, port: int = 9, **settings: Any) -> None:
        digest = {"sample": False} | settings.pop("digest", {})
        smtp = {"host": "127.0.0.1", "port": port} | settings.pop("smtp", {})
        mail = {"from": "Papers <papers@example.org>", "connections": 1}
        mail |= {"directory": str(folder / "outbox")} | settings.pop("mail", {})
        made = Settings(
            database={"url": database_url(folder)}, smtp=smtp,
            mail=mail, digest=digest, **settings,
        )  # fmt: skip
        self.now = MONDAY
        self.app = App(made, clock=lambda: self.now)

    def reader(self, name: str, rules: str = "RAG", schedule: Schedule = DAILY) -> str:
        address = f"{name}@example.org"
        self.app.subscriptions.request(address, now=self.now, schedule=schedule)
        self.app.subscriptions.confirm(address, now=self.now, because="asked")
        self.app.subscriptions.add_profile(address, "p", rules, now=self.now)
        return address

    def take(self, *papers: dict[str, Any], kind: Any = "arxiv") -> None:
        body = atom(papers) if kind == "arxiv" else daily_papers(papers)
        take_body(
            self.app.database, self.app.intake.source_for_file(kind, kind), body, now=self.now
        )

    def digests(self) -> list[store_digests.Listed]:
        with self.app.database.reading() as conn:
            return store_digests.listed(conn)[::-1]

    def sent(self) -> None:
        """Record every waiting digest as sent."""
        with self.app.database.writing() as conn:
            until = self.now + timedelta(minutes=15)
            for one in store_deliveries.claim(
                conn, owner="test", now=self.now, lease_until=until, limit=99
            ):
                store_deliveries.finish(
                    conn, one.row, store_deliveries.Outcome("sent"), owner="test", now=self.now
                )

    def papers(self, key: str) -> list[str]:
        with self.app.database.reading() as conn:
            return [paper for _, _, paper, _ in store_digests.papers_of(conn, key)]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path)
    yield made
    made.app.close()


# Compose.


def test_three_days_of_downtime_give_one_digest_with_the_papers_of_all_three(lab: Instance) -> None:
    lab.reader("ada")
    for day in range(3):
        lab.now = MONDAY + timedelta(days=day)
        lab.take(RAG | {"id": f"2611.0000{day}"})
    lab.now = MONDAY + timedelta(days=2, hours=4)
    assert lab.app.compose().made == 1
    (digest,) = lab.digests()
    assert (digest.period, len(lab.papers(digest.key))) == ("2026-11-18", 3)
    assert lab.app.compose().made == 0


def test_a_quiet_day_is_recorded_and_mails_nobody(lab: Instance) -> None:
    lab.reader("ada")
    lab.now = MONDAY + timedelta(hours=3)
    assert lab.app.compose().nothing == 1
    assert [d.state for d in lab.digests()] == ["nothing"]


def test_a_replacement_is_not_mailed_again(lab: Instance) -> None:
    lab.reader("ada")
    lab.take(RAG)
    lab.now = MONDAY + timedelta(hours=3)
    lab.app.compose()
    lab.sent()
    lab.now = MONDAY + timedelta(days=1, hours=3)
    lab.take(RAG | {"version": 2, "type": "replace"}, RAG | {"id": "2501.00007", "type": "replace"})
    done = lab.app.compose()
    assert (done.made, done.nothing) == (0, 1)


def test_a_paper_passed_over_comes_when_another_source_shows_it_and_never_twice(
    lab: Instance,
) -> None:
    address = lab.reader("ada")
    with lab.app.database.writing() as conn:
        store_subscribers.change(conn, 1, max_papers=1)
    lab.take(RAG, RAG | {"id": "2611.00002", "title": "On RAG"})
    lab.now = MONDAY + timedelta(hours=3)
    lab.app.compose()
    lab.sent()
    (first,) = lab.digests()
    assert first.more == 1
    lab.take(
        {"id": "2611.00001", "title": "x"}, {"id": "2611.00002", "title": "x"}, kind="huggingface"
    )
    lab.now = MONDAY + timedelta(days=1, hours=3)
    assert lab.app.compose().made == 1
    lab.sent()
    both = [lab.papers(d.key) for d in lab.digests()]
    assert sorted(both) == [["arxiv:2611.00001"], ["arxiv:2611.00002"]]
    lab.now = MONDAY + timedelta(days=2, hours=3)
    assert lab.app.compose().made == 0
    assert address


def test_a_paper_that_begins_to_trend_days_later_reaches_the_trending_reader(lab: Instance) -> None:
    lab.reader("cy", "trending")
    quiet = [{"id": f"2611.0000{n}", "title": f"Paper {n}", "upvotes": 5 + n} for n in range(8)]
    lab.take(*quiet, kind="huggingface")
    lab.now = MONDAY + timedelta(hours=3)
    lab.app.compose()
    lab.sent()
    first = set(lab.papers(lab.digests()[-1].key))
    assert "arxiv:2611.00000" not in first
    lab.now = MONDAY + timedelta(days=1, hours=2)
    lab.take(quiet[0] | {"upvotes": 300}, kind="huggingface")
    lab.now = MONDAY + timedelta(days=1, hours=3)
    lab.app.compose()
    second = lab.papers(lab.digests()[-1].key)
    assert "arxiv:2611.00000" in second
    assert not first & set(second)


def test_a_paused_reader_gets_nothing_and_afterwards_one_digest(lab: Instance) -> None:
    address = lab.reader("ada")
    lab.app.subscriptions.pause(address, until=MONDAY + timedelta(days=2))
    lab.take(RAG)
    lab.now = MONDAY + timedelta(hours=3)
    assert lab.app.compose().paused == 1
    lab.now = MONDAY + timedelta(days=2, hours=3)
    assert lab.app.compose().made == 1
    assert [d.period for d in lab.digests()] == ["2026-11-18"]


def test_a_rule_in_error_is_told_in_the_digest_and_the_others_still_bring_papers(
    lab: Instance,
) -> None:
    lab.reader("ada", "RAG\ntitel: agents")
    lab.take(RAG)
    lab.now = MONDAY + timedelta(hours=3)
    lab.app.compose()
    with lab.app.database.reading() as conn:
        content = store_digests.content(conn, lab.digests()[0].key)
    assert content
    mail = email.message_from_bytes(content, policy=email.policy.strict)
    for subtype in ("plain", "html"):
        part = mail.get_body((subtype,))
        assert part is not None
        text = " ".join(part.get_content().split())
        assert "line 2, column 1: unknown field" in text


def test_one_reader_whose_digest_cannot_be_made_stops_nobody_else(
    lab: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Printer.parts

    def broken_for_bo(self: Printer, view: Any) -> Any:
        if view.address == "bo@example.org":
            raise TemplateError("template mail/digest.html.j2, line 3: broken")
        return whole(self, view)

    for name in ("ada", "bo", "dora"):
        lab.reader(name)
    lab.take(RAG)
    lab.now = MONDAY + timedelta(hours=3)
    with monkeypatch.context() as patch:
        patch.setattr(Printer, "parts", broken_for_bo)
        done = lab.app.compose()
        assert (done.made, done.failed) == (2, 1)
        assert lab.app.compose().failed == 0, "it is tried again after a while, not at once"
    lab.now += timedelta(minutes=16)
    assert lab.app.compose().made == 1


def test_a_digest_is_due_by_local_date_on_both_clock_changes(lab: Instance) -> None:
    every_day = Schedule("Europe/Berlin", 2, 30, tuple(range(7)))
    for start in (
        datetime(2026, 3, 28, 0, 0, tzinfo=UTC),
        datetime(2026, 10, 24, 0, 0, tzinfo=UTC),
    ):
        lab.now = start
        lab.reader(f"r{start.month}", schedule=every_day)
        before = len(lab.digests())
        for hour in range(72):
            lab.now = start + timedelta(hours=hour, minutes=31)
            lab.app.compose()
        with lab.app.database.writing() as conn:
            row = store_subscribers.find(conn, f"r{start.month}@example.org")
            assert row is not None
            store_subscribers.change(conn, row.row, state="left")
        assert len({d.period for d in lab.digests()[before:]}) == 3
        assert len(lab.digests()) - before == 3


def test_a_zone_that_is_no_longer_known_falls_back_to_utc(lab: Instance) -> None:
    lab.reader("ada")
    with lab.app.database.writing() as conn:
        store_subscribers.change(conn, 1, zone="Mars/Base")
    lab.take(RAG)
    lab.now = MONDAY + timedelta(hours=3)
    assert lab.app.compose().made == 1


# Deliver.


class Answering(Sink):
    """A server that answers some recipients as told; each answer is used up."""

    def __init__(self, answers: dict[str, list[str]]) -> None:
        super().__init__()
        self.answers = answers

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept, or answer as told."""
        if told := self.answers.get(address):
            return told.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 ok"


@pytest.mark.anyio
async def test_a_4yz_is_tried_again_later_and_then_sent(tmp_path: Path) -> None:
    answers = {"ada@example.org": ["451 4.7.1 greylisted, come back"]}
    async with listening(Answering(answers)) as sink:
        lab = Instance(tmp_path, sink.port)
        lab.reader("ada")
        lab.reader("bo")
        lab.take(RAG)
        lab.now = MONDAY + timedelta(hours=3)
        await asyncio.to_thread(lab.app.compose)
        done = await lab.app.deliver()
        assert (done.sent, done.later) == (1, 1)
        assert (await lab.app.deliver()).sent == 0, "not before its time"
        lab.now += timedelta(minutes=10)
        assert (await lab.app.deliver()).sent == 1
        assert sorted(m.recipient for m in sink.received) == ["ada@example.org", "bo@example.org"]
        (ada,) = [d for d in lab.digests() if d.address == "ada@example.org"]
        assert (ada.state, ada.attempts) == ("sent", 2)
        lab.app.close()


@pytest.mark.anyio
async def test_a_5yz_ends_that_delivery_and_a_dead_address_is_suppressed(tmp_path: Path) -> None:
    answers = {
        "ada@example.org": ["550 5.1.1 no such user ada@example.org"],
        "bo@example.org": ["550 5.7.1 looks like spam"],
    }
    async with listening(Answering(answers)) as sink:
        lab = Instance(tmp_path, sink.port)
        for name in ("ada", "bo", "dora"):
            lab.reader(name)
        lab.take(RAG)
        lab.now = MONDAY + timedelta(hours=3)
        await asyncio.to_thread(lab.app.compose)
        done = await lab.app.deliver()
        assert (done.sent, done.failed, done.later) == (1, 1, 1)
        suppressed = {
            s.address: lab.app.subscriptions.suppressed(s) for s in lab.app.subscriptions.every()
        }
        assert suppressed["ada@example.org"] == (
            "dead address",
            "550 5.1.1 no such user <recipient>",
        )
        assert suppressed["bo@example.org"] is None
        lab.take(RAG | {"id": "2611.00002"})
        lab.now += timedelta(days=1)
        await asyncio.to_thread(lab.app.compose)
        assert (await lab.app.deliver()).sent == 2, "bo is tried again, ada is not"
        assert lab.app.subscriptions.resume("ada@example.org", now=lab.now).state == "active"
        lab.app.close()


@pytest.mark.anyio
async def test_a_refused_login_stops_the_run_and_blames_no_mail(tmp_path: Path) -> None:
    def refuse(*arguments: object) -> AuthResult:
        return AuthResult(success=False, handled=False)

    options = {"authenticator": refuse, "auth_require_tls": False}
    async with listening(**options) as sink:
        smtp = {"user": "me", "password": "wrong"}
        lab = Instance(tmp_path, sink.port, smtp=smtp)
        for name in ("ada", "bo"):
            lab.reader(name)
        lab.take(RAG)
        lab.now = MONDAY + timedelta(hours=3)
        await asyncio.to_thread(lab.app.compose)
        done = await lab.app.deliver()
        assert done.down is not None
        assert "refused the login" in done.down
        assert "wrong" not in done.down
        assert (done.sent, done.failed, done.later) == (0, 0, 0)
        assert [(d.state, d.attempts) for d in lab.digests()] == [("pending", 0)] * 2
        lab.app.close()


@pytest.mark.anyio
async def test_whoever_leaves_between_composing_and_sending_gets_nothing(tmp_path: Path) -> None:
    async with listening() as sink:
        lab = Instance(tmp_path, sink.port)
        lab.reader("ada")
        lab.take(RAG)
        lab.now = MONDAY + timedelta(hours=3)
        await asyncio.to_thread(lab.app.compose)
        lab.app.subscriptions.leave(1, now=lab.now)
        done = await lab.app.deliver()
        assert (done.sent, done.dropped) == (0, 1)
        assert sink.received == []
        lab.app.close()


@pytest.mark.anyio
async def test_papers_of_a_digest_that_could_not_be_sent_come_with_the_next(tmp_path: Path) -> None:
    lab = Instance(tmp_path)
    lab.reader("ada")
    lab.take(RAG)
    lab.now = MONDAY + timedelta(hours=3)
    await asyncio.to_thread(lab.app.compose)
    assert (await lab.app.deliver()).down
    lab.now = MONDAY + timedelta(days=1, hours=1)
    assert (await lab.app.deliver()).expired == 1
    lab.now = MONDAY + timedelta(days=1, hours=3)
    assert (await asyncio.to_thread(lab.app.compose)).made == 1
    assert lab.papers(lab.digests()[-1].key) == ["arxiv:2611.00001"]
    lab.app.close()


@pytest.mark.anyio
async def test_after_a_long_downtime_an_expired_digests_papers_come_at_once(tmp_path: Path) -> None:
    lab = Instance(tmp_path)
    lab.reader("bo", schedule=Schedule("UTC", 7, 0, (0,), "weekly"))
    lab.take(RAG)
    lab.now = MONDAY + timedelta(hours=3)
    await lab.app.tick()
    lab.now = MONDAY + timedelta(days=7, hours=3)
    done = await lab.app.tick()
    assert (done.composed.expired, done.composed.made) == (1, 1)
    assert lab.papers(lab.digests()[-1].key) == ["arxiv:2611.00001"]
    lab.app.close()


@pytest.mark.anyio
async def test_a_sender_that_the_server_refuses_stops_the_run_and_blames_no_mail(
    tmp_path: Path,
) -> None:
    class Picky(Sink):
        async def handle_MAIL(self, *arguments: object) -> str:
            return "550 5.7.1 Sender address rejected"

    async with listening(Picky()) as sink:
        lab = Instance(tmp_path, sink.port)
        lab.reader("ada")
        lab.take(RAG)
        lab.now = MONDAY + timedelta(hours=3)
        done = await lab.app.tick()
        assert done.delivered.down is not None
        assert "refuses our sender" in done.delivered.down
        assert [(d.state, d.attempts) for d in lab.digests()] == [("pending", 0)]
        lab.app.close()


def test_a_digest_that_cannot_be_made_logs_no_address_and_no_link(
    lab: Instance, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(self: Printer, view: Any) -> Any:
        raise TemplateError("template mail/digest.html.j2, line 3: broken")

    lab.reader("ada")
    lab.take(RAG)
    lab.now = MONDAY + timedelta(hours=3)
    monkeypatch.setattr(Printer, "parts", broken)
    logs.configure("console", "info")
    assert lab.app.compose().failed == 1
    said = capsys.readouterr().err
    assert "line 3: broken" in said
    assert "ada@" not in said
    assert "/u/1." not in said


@pytest.mark.anyio
async def test_a_digest_in_files_is_one_file_however_often_it_is_written(tmp_path: Path) -> None:
    lab = Instance(tmp_path)
    settings = lab.app.settings.model_copy(
        update={"mail": lab.app.settings.mail.model_copy(
            update={"transport": "files", "directory": tmp_path / "out"})}
    )  # fmt: skip
    lab.app.close()
    app = App(settings, clock=lambda: lab.now)
    lab.app = app
    lab.reader("ada")
    lab.take(RAG)
    lab.now = MONDAY + timedelta(hours=3)
    await asyncio.to_thread(app.compose)
    assert (await app.deliver()).sent == 1
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == f"{lab.digests()[0].key}.eml"
    app.close()


# Ingest.


@pytest.mark.anyio
async def test_one_broken_source_stops_no_other_and_its_failures_are_counted(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/good").respond_with_data(atom([RAG]))
    httpserver.expect_request("/bad").respond_with_data("<html>Login</html>")
    sources = [
        {"name": n, "kind": "feed", "urls": [httpserver.url_for(f"/{n}")]} for n in ("bad", "good")
    ]
    lab = Instance(tmp_path, source=sources, http={"pause_seconds": 0})
    for expected in (1, 2):
        bad, good = await lab.app.intake.ingest(lab.app.intake.sources())
        assert bad.failure is not None
        assert "HTML page" in bad.failure
        assert good.failure is None
        with lab.app.database.reading() as conn:
            health = {one.name: one for one in store_sources.health(conn)}
        assert (health["bad"].failures, health["good"].failures) == (expected, 0)
    httpserver.clear()
    httpserver.expect_request("/bad").respond_with_data(atom([RAG | {"id": "2611.00002"}]))
    (bad,) = await lab.app.intake.ingest(lab.app.intake.sources(("bad",)))
    assert (bad.failure, bad.new) == (None, 1)
    with lab.app.database.reading() as conn:
        assert {one.name: one.failures for one in store_sources.health(conn)}["bad"] == 0
    lab.app.close()


@pytest.mark.anyio
async def test_a_password_in_an_address_is_shown_nowhere(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/feed").respond_with_data("<html>Login</html>")
    for path in ("/feed", "/missing"):
        url = httpserver.url_for(path).replace("http://", "http://me:hunter2@")
        source = {"name": "a", "kind": "feed", "urls": [url]}
        lab = Instance(tmp_path, source=[source], http={"pause_seconds": 0})
        (report,) = await lab.app.intake.ingest(lab.app.intake.sources())
        assert report.failure is not None
        assert f"***@{httpserver.host}" in report.failure
        assert "hunter2" not in report.failure
        lab.app.close()


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/feed", "/missing", "/good"])
async def test_a_key_in_an_address_is_shown_nowhere(
    tmp_path: Path, httpserver: HTTPServer, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    httpserver.expect_request("/feed").respond_with_data("<html>Login</html>")
    httpserver.expect_request("/good").respond_with_data(atom([RAG]), headers={"ETag": '"1"'})
    url = httpserver.url_for(path) + "?a=1&api_key=hunter2&b=2"
    lab = Instance(tmp_path, source=[{"name": "a", "kind": "feed", "urls": [url]}])
    (report,) = await lab.app.intake.ingest(lab.app.intake.sources())
    assert path == "/good" or "?a=1&api_key=***&b=2" in (report.failure or "")
    states = lab.app.intake.freshness(lab.now)
    assert "hunter2" not in str(states) + str(report) + "".join(capsys.readouterr())
    assert "hunter2" not in str(dump(lab.app.database))
    lab.app.close()


@pytest.mark.anyio
async def test_validators_are_kept_only_with_the_papers_they_stand_for(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    whole = atom([RAG])
    httpserver.expect_ordered_request("/feed").respond_with_data(
        whole[:-40], headers={"ETag": '"one"'}
    )
    httpserver.expect_ordered_request("/feed").respond_with_data(whole, headers={"ETag": '"two"'})
    httpserver.expect_ordered_request(
        "/feed", headers={"If-None-Match": '"two"'}
    ).respond_with_data(status=304)
    source = {"name": "a", "kind": "arxiv", "urls": [httpserver.url_for("/feed")]}
    lab = Instance(tmp_path, source=[source], http={"pause_seconds": 0})
    (cut_off,) = await lab.app.intake.ingest(lab.app.intake.sources())
    assert cut_off.problems or cut_off.failure
    (good,) = await lab.app.intake.ingest(lab.app.intake.sources())
    assert good.failure is None
    assert "If-None-Match" not in httpserver.log[1][0].headers, "the cut-off answer is asked again"
    (unchanged,) = await lab.app.intake.ingest(lab.app.intake.sources())
    assert (unchanged.failure, unchanged.seen) == (None, 0)
    httpserver.check()
    lab.app.close()


def test_a_source_is_asked_when_its_time_has_come_and_sooner_after_a_failure(
    tmp_path: Path,
) -> None:
    source = {"name": "a", "kind": "huggingface", "every_minutes": 120}
    lab = Instance(tmp_path, source=[source])
    assert [s.name for s in lab.app.intake.due_sources(lab.now)] == ["a"]
    with lab.app.database.writing() as conn:
        store_sources.succeeded(conn, "a", "huggingface", counts=(1, 1, 0), now=lab.now)
    assert lab.app.intake.due_sources(lab.now + timedelta(minutes=119)) == []
    assert lab.app.intake.due_sources(lab.now + timedelta(minutes=120))
    assert lab.app.intake.due_sources(lab.now - timedelta(hours=1)), "after the clock was set back"
    with lab.app.database.writing() as conn:
        store_sources.failed(conn, "a", "huggingface", "HTTP 503", now=lab.now)
    assert lab.app.intake.due_sources(lab.now + timedelta(minutes=9)) == []
    assert lab.app.intake.due_sources(lab.now + timedelta(minutes=10))
    lab.app.close()


def test_a_source_whose_papers_are_due_is_asked_at_once_and_then_often(tmp_path: Path) -> None:
    source = {"name": "a", "kind": "arxiv", "categories": ["cs.CL"], "every_minutes": 600}
    lab = Instance(tmp_path, source=[source])
    due = datetime(2026, 11, 17, 5, 30, tzinfo=UTC)  # of Monday evening's announcement

    def asked(at: datetime, batch_at: datetime) -> None:
        with lab.app.database.writing() as conn:
            values = {"answered_at": at, "batch_at": batch_at, "entries": 9}
            store_sources.note_part(conn, "a", "cs.CL", values, now=MONDAY - timedelta(days=9))
            store_sources.succeeded(conn, "a", "arxiv", counts=(9, 9, 0), now=at)

    asked(due - timedelta(minutes=10), MONDAY)
    assert lab.app.intake.due_sources(due - timedelta(seconds=1)) == []
    assert lab.app.intake.due_sources(due)
    asked(due, MONDAY)
    assert lab.app.intake.due_sources(due + timedelta(minutes=19)) == []
    assert lab.app.intake.due_sources(due + timedelta(minutes=20))
    asked(due, due)
    assert lab.app.intake.due_sources(due + timedelta(minutes=20)) == []
    assert lab.app.intake.pause("a", at=due)
    assert lab.app.intake.due_sources(due + timedelta(days=9)) == []
    lab.app.close()
