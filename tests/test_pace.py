"""Sending that slows down, pauses and stops by what servers say, and goes on when it may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from notifier.cli import logs
from notifier.delivery.breaker import LOGIN_WAITS, Breaker
from notifier.jobs.deliver import deliver
from notifier.jobs.delivering import memory
from notifier.storage import store_outbox, store_pace, store_subscribers

from .commands import Notifier, notifier
from .fakes import Say, scripted
from .test_jobs import MONDAY, RAG, Instance, Sink, listening

__all__ = ["notifier"]

pytestmark = pytest.mark.anyio
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
SLOWER = "421 4.7.28 our system has detected an unusual rate of mail"
SPAM = "550 5.7.1 mail of papers@example.org looks like spam"


class Answers(Sink):
    """Answers at RCPT and after the dot as told for an address or its domain; `""` is everybody."""

    def __init__(self) -> None:
        super().__init__()
        self.rcpt: dict[str, str] = {}
        self.dot: dict[str, str] = {}
        self.asked: list[str] = []

    def _told(self, told: dict[str, str], address: str) -> str | None:
        for key in (address, address.partition("@")[2], ""):
            if key in told:
                return told[key]
        return None

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.asked.append(address)
        if answer := self._told(self.rcpt, address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        (address,) = envelope.rcpt_tos
        return self._told(self.dot, address) or await super().handle_DATA(server, session, envelope)


class Lab(Instance):
    """An instance with readers anywhere, and its mail server."""

    def __init__(self, folder: Path, sink: Answers, **settings: Any) -> None:
        super().__init__(folder, sink.port, **settings)
        self.sink = sink

    def readers(self, *addresses: str) -> None:
        """Make a digest for each; they wait in this order."""
        for address in addresses:
            self.app.subscriptions.request(address, now=self.now)
            self.app.subscriptions.confirm(address, now=self.now, because="asked")
            self.app.subscriptions.add_profile(address, "p", "RAG", now=self.now)
        self.take(RAG)
        self.now = MONDAY + 3 * HOUR
        self.app.compose()

    @property
    def received(self) -> list[str]:
        return [mail.recipient for mail in self.sink.received]

    def states(self) -> dict[str, tuple[str, int]]:
        """State and attempts by recipient."""
        return {one.address: (one.state, one.attempts) for one in self.digests()}

    def stands(self, name: str) -> str:
        with self.app.database.reading() as conn:
            return memory.standing(conn, name).state(self.now)

    def cause(self) -> str:
        with self.app.database.reading() as conn:
            return memory.breaker(conn).cause

    def suppressed(self) -> list[str]:
        with self.app.database.reading() as conn:
            return [one.address for one in store_subscribers.every(conn)
                    if store_subscribers.suppression(conn, one.address)]  # fmt: skip


@pytest.fixture
async def sink() -> AsyncIterator[Answers]:
    async with listening(Answers()) as made:
        yield made


# Slower.


async def test_a_destination_that_wants_us_slower_waits_and_the_mail_is_not_to_blame(
    tmp_path: Path, sink: Answers
) -> None:
    lab = Lab(tmp_path, sink)
    lab.readers("a@gmail.com", "b@googlemail.com", "c@uni.example")
    lab.now += MINUTE
    sink.rcpt["gmail.com"] = SLOWER
    done = await lab.app.deliver()
    assert (done.sent, done.later) == (1, 1)
    assert sink.asked == ["a@gmail.com", "c@uni.example"], "nobody of the same provider was tried"
    assert lab.states()["a@gmail.com"] == ("pending", 0)
    lab.now += 59 * SECOND
    await lab.app.deliver()
    assert len(sink.asked) == 2
    sink.rcpt.clear()
    lab.now += SECOND
    await lab.app.deliver()
    assert lab.received == ["c@uni.example", "b@googlemail.com", "a@gmail.com"]
    assert lab.states()["a@gmail.com"] == ("sent", 1)
    lab.app.close()


async def test_slowness_outlives_the_process_and_is_shared_by_all_of_them(
    tmp_path: Path, sink: Answers
) -> None:
    lab = Lab(tmp_path, sink)
    lab.readers("a@gmail.com")
    sink.rcpt["gmail.com"] = SLOWER
    await lab.app.deliver()
    for expected in (2, 5, 15):
        lab.app.close()
        lab = Lab(tmp_path, sink)
        lab.now = MONDAY + 3 * HOUR + (expected * 2) * MINUTE
        before = len(sink.asked)
        await lab.app.deliver()
        assert len(sink.asked) == before + 1
        with lab.app.database.reading() as conn:
            assert memory.standing(conn, "google").slow_until == lab.now + expected * MINUTE
    lab.app.close()


async def test_yahoos_deferral_is_left_alone_for_two_hours(tmp_path: Path, sink: Answers) -> None:
    lab = Lab(tmp_path, sink)
    lab.readers("a@yahoo.com", "b@aol.com")
    sink.dot[""] = "421 4.7.0 [TSS04] Messages temporarily deferred"
    await lab.app.deliver()
    lab.now += 2 * HOUR - SECOND
    await lab.app.deliver()
    assert sink.asked == ["a@yahoo.com"]
    lab.now += SECOND
    sink.dot.clear()
    assert (await lab.app.deliver()).sent == 2
    lab.app.close()


async def test_a_greylisted_mail_comes_back_when_the_server_said_so(
    tmp_path: Path, sink: Answers
) -> None:
    lab = Lab(tmp_path, sink)
    lab.readers("a@uni.example", "b@uni.example")
    sink.rcpt["a@uni.example"] = "450 4.7.1 Greylisted, please try again in 900 seconds"
    assert (await lab.app.deliver()).sent == 1, "the other one is not held up"
    sink.rcpt.clear()
    lab.now += 15 * MINUTE - SECOND
    assert (await lab.app.deliver()).sent == 0
    lab.now += 4 * MINUTE
    assert (await lab.app.deliver()).sent == 1
    lab.app.close()


# Paused.


async def test_three_mails_refused_by_policy_pause_their_destination_and_nobody_else(
    tmp_path: Path, sink: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = Lab(tmp_path, sink)
    gmail = [f"r{n}@gmail.com" for n in range(5)]
    lab.readers(*gmail, "c@uni.example")
    sink.dot["gmail.com"] = SPAM
    logs.configure("console", "info")
    await lab.app.deliver()
    said = capsys.readouterr().err
    done = await lab.app.deliver()
    assert lab.received == ["c@uni.example"]
    assert sink.asked == [*gmail[:3], "c@uni.example"]
    assert lab.stands("google") == "paused"
    assert done.paused == ("google",)
    assert [lab.states()[one] for one in gmail] == [("pending", n) for n in (1, 1, 0, 0, 0)]
    assert lab.suppressed() == []
    assert said.count("destination is paused") == 1
    assert "outbox resume google" in said
    assert "@" not in said
    assert "destination is paused" not in capsys.readouterr().err
    lab.now += 15 * HOUR
    await lab.app.deliver()
    assert len(sink.asked) == 4, "it waits for somebody's word"
    lab.app.close()


async def test_one_digest_that_looks_like_spam_stops_nobody_else(
    tmp_path: Path, sink: Answers
) -> None:
    lab = Lab(tmp_path, sink)
    gmail = [f"r{n}@gmail.com" for n in range(6)]
    lab.readers(*gmail)
    sink.dot["r1@gmail.com"] = sink.dot["r3@gmail.com"] = sink.dot["r5@gmail.com"] = SPAM
    done = await lab.app.deliver()
    assert (done.sent, done.later, done.down) == (3, 3, None)
    lab.now += 1.3 * HOUR
    done = await lab.app.deliver()
    assert (done.failed, lab.stands("google")) == (3, "open"), "asked once more, an hour later"
    assert lab.suppressed() == []
    lab.app.close()


async def test_a_mail_refused_by_policy_twice_fails_for_that_reason(
    tmp_path: Path, sink: Answers
) -> None:
    lab = Lab(tmp_path, sink)
    lab.readers("a@uni.example", "b@uni.example")
    sink.dot["a@uni.example"] = SPAM
    await lab.app.deliver()
    lab.now += 1.3 * HOUR
    assert (await lab.app.deliver()).failed == 1
    with lab.app.database.reading() as conn:
        (failed,) = store_outbox.listed(conn, states=("failed",), limit=9)
    assert (failed.address, failed.code, failed.enhanced) == ("a@uni.example", 550, "5.7.1")
    assert lab.stands("uni.example") == "open"
    lab.app.close()


async def test_mails_of_a_paused_destination_expire_and_give_their_papers_back(
    tmp_path: Path, sink: Answers
) -> None:
    lab = Lab(tmp_path, sink)
    lab.readers(*(f"r{n}@gmail.com" for n in range(3)))
    sink.dot[""] = SPAM
    await lab.app.deliver()
    lab.now += 22 * HOUR
    assert (await lab.app.deliver()).expired == 3
    lab.now += 2 * HOUR
    assert lab.app.compose().made == 3
    assert lab.papers(lab.digests()[-1].key) == ["arxiv:2611.00001"]
    lab.app.close()


# The mail server as a whole.


async def test_an_answer_about_one_address_shows_that_the_mail_server_hears_us(
    tmp_path: Path, sink: Answers
) -> None:
    lab = Lab(tmp_path, sink)
    lab.readers("a@uni.example", "b@uni.example")
    with lab.app.database.writing() as conn:
        shut = Breaker("connection", "down", lab.now, lab.now, 3)
        memory.keep_breaker(conn, shut)
        store_pace.put_server(conn, settings=lab.app.deliver_settings.server)
    sink.rcpt["a@uni.example"] = "550 5.1.1 no such user"
    done = await lab.app.deliver()
    assert (done.failed, done.sent, done.down, lab.cause()) == (1, 1, None, "")
    lab.app.close()


async def test_a_mail_given_back_in_a_trial_lets_another_one_try_next(
    tmp_path: Path, sink: Answers
) -> None:
    lab = Lab(tmp_path, sink)
    lab.readers(*(f"a@u{n}.example" for n in range(8)))
    lab.now += MINUTE
    sink.rcpt[""] = "554 5.7.1 Relay access denied"
    await lab.app.deliver()
    for minutes in (1, 2, 4):
        lab.now += minutes * MINUTE
        await lab.app.deliver()
    assert sink.asked == [f"a@u{n}.example" for n in range(8)]
    lab.app.close()


async def test_the_same_refusal_for_everybody_is_the_mail_servers_and_fails_no_mail(
    tmp_path: Path, sink: Answers
) -> None:
    lab = Lab(tmp_path, sink)
    lab.readers(*(f"a@u{n}.example" for n in range(12)))
    sink.rcpt[""] = "554 5.7.1 Relay access denied"
    done = await lab.app.deliver()
    assert done.down is not None
    assert "Relay access denied" in done.down
    assert (len(sink.asked), lab.cause()) == (5, "destinations")
    for minutes in (1, 2, 4, 8, 16):
        lab.now += minutes * MINUTE
        await lab.app.deliver()
    assert len(sink.asked) == 10, "one trial each time"
    for _ in range(10):
        lab.now += 30 * MINUTE
        await lab.app.deliver()
    assert len(sink.asked) == 20
    sink.rcpt.clear()
    lab.now += 30 * MINUTE
    await lab.app.deliver()
    lab.now += HOUR
    await lab.app.deliver()
    assert {state for state, _ in lab.states().values()} == {"sent"}
    assert lab.suppressed() == []
    lab.app.close()


async def test_a_pause_by_what_turns_out_to_be_the_mail_servers_answer_is_lifted(
    tmp_path: Path, sink: Answers
) -> None:
    lab = Lab(tmp_path, sink)
    lab.readers(*(f"r{n}@gmail.com" for n in range(4)), "a@u1.example", "a@u2.example")
    sink.rcpt[""] = "554 5.7.1 Relay access denied"
    await lab.app.deliver()
    assert (lab.cause(), lab.stands("google")) == ("destinations", "open")
    sink.rcpt.clear()
    lab.now += MINUTE
    done = await lab.app.deliver()
    assert (done.sent, done.paused) == (3, ()), "those that were not refused yet, or given back"
    lab.app.close()


async def test_five_failures_to_connect_open_the_breaker_and_a_trial_closes_it(
    tmp_path: Path, sink: Answers
) -> None:
    lab = Instance(tmp_path, 9)
    lab.reader("ada")
    lab.reader("bo")
    lab.take(RAG)
    lab.now = MONDAY + 3 * HOUR
    lab.app.compose()
    for _ in range(5):
        assert "cannot be reached" in ((await lab.app.deliver()).down or "")
    done = await lab.app.deliver()
    assert "not asked since" in (done.down or "")
    tried = [one.attempts for one in lab.digests()]
    assert tried == [0, 0]
    lab.app.close()
    server = Lab(tmp_path, sink)
    server.now = lab.now
    # The same server came up, as far as the settings tell.
    settings = lab.app.deliver_settings

    async def again() -> Any:
        return await deliver(
            server.app.database, server.app.transport, settings, clock=lambda: server.now
        )

    assert "not asked since" in ((await again()).down or "")
    server.now += MINUTE
    done = await again()
    assert (done.sent, done.down) == (2, None)
    server.app.close()


async def test_the_breaker_is_open_for_longer_each_time_a_trial_fails(tmp_path: Path) -> None:
    lab = Instance(tmp_path, 9)
    lab.reader("ada")
    lab.take(RAG)
    lab.now = MONDAY + 3 * HOUR
    lab.app.compose()
    for _ in range(5):
        await lab.app.deliver()
    for minutes in (1, 2, 4, 8, 16, 30, 30):
        with lab.app.database.reading() as conn:
            assert memory.breaker(conn).retry_at == lab.now + minutes * MINUTE
        lab.now += minutes * MINUTE
        await lab.app.deliver()
    lab.app.close()


LOGIN = {"EHLO": "250-fake\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 bad credentials"}
ACCOUNT = {"user": "me", "password": "wrong"}


def logins(server: Any) -> int:
    return sum(seen.verbs.count("AUTH") for seen in server.connections)


async def test_a_refused_login_is_tried_once_and_then_every_half_hour_at_most(
    tmp_path: Path,
) -> None:
    async with scripted(LOGIN) as server:
        lab = Instance(tmp_path, server.port, smtp=ACCOUNT, mail={"connections": 4})
        lab.reader("ada")
        lab.reader("bo")
        lab.take(RAG)
        lab.now = MONDAY + 3 * HOUR
        done = await lab.app.tick()
        assert (logins(server), done.needs_care) == (1, True)
        for minute in range(1, 12 * 60):
            lab.now = MONDAY + 3 * HOUR + minute * MINUTE
            assert (await lab.app.deliver()).down
        expected = 1 + sum(sum(LOGIN_WAITS[:n], 0 * MINUTE) < 12 * HOUR for n in range(1, 5))
        assert logins(server) == expected + 1
        assert [one.attempts for one in lab.digests()] == [0, 0]
        lab.app.close()


async def test_another_password_is_tried_at_once(tmp_path: Path) -> None:
    async with scripted(LOGIN, {"EHLO": LOGIN["EHLO"]}) as server:
        lab = Instance(tmp_path, server.port, smtp=ACCOUNT)
        lab.reader("ada")
        lab.take(RAG)
        lab.now = MONDAY + 3 * HOUR
        await lab.app.tick()
        lab.app.close()
        right = Instance(tmp_path, server.port, smtp=ACCOUNT | {"password": "right"})
        right.now = lab.now
        assert (await right.app.deliver()).sent == 1
        right.app.close()


async def test_one_connection_too_many_ends_alone(tmp_path: Path) -> None:
    busy = {"greeting": Say("421 4.7.0 too many connections", then_close=True)}
    async with scripted({}, busy) as server:
        lab = Instance(tmp_path, server.port, mail={"connections": 2})
        for number in range(30):
            lab.reader(f"r{number}")
        lab.take(RAG)
        lab.now = MONDAY + 3 * HOUR
        lab.app.compose()
        done = await lab.app.deliver()
        assert (done.sent, done.down) == (30, None)
        assert len(server.connections) == 2
        lab.app.close()


# Limits.


async def test_a_limit_that_ends_soon_is_waited_for_on_the_same_connection(
    tmp_path: Path,
) -> None:
    async with scripted({}) as server:
        lab = Instance(tmp_path, server.port, delivery={"per_second": 2})
        for number in range(7):
            lab.reader(f"r{number}")
        lab.take(RAG)
        lab.now = MONDAY + 3 * HOUR
        lab.app.compose()
        waits: list[float] = []

        async def wait(seconds: float) -> None:
            waits.append(seconds)
            lab.now += seconds * SECOND

        done = await deliver(
            lab.app.database, lab.app.transport, lab.app.deliver_settings,
            clock=lambda: lab.now, wait=wait,
        )  # fmt: skip
        assert (done.sent, len(waits), len(server.connections)) == (7, 3, 1)
        assert all(1 <= seconds <= 1.05 for seconds in waits)
        lab.app.close()


async def test_a_limit_that_ends_late_is_left_to_another_run(tmp_path: Path, sink: Answers) -> None:
    lab = Lab(tmp_path, sink, delivery={"per_day": 2})
    lab.readers(*(f"r{n}@uni.example" for n in range(5)))
    assert (await lab.app.deliver()).sent == 2
    assert (await lab.app.deliver()).sent == 0
    lab.app.close()
    raised = Lab(tmp_path, sink, delivery={"per_day": 4})
    raised.now = lab.now
    assert (await raised.app.deliver()).sent == 2
    raised.app.close()


async def test_a_table_that_changed_sorts_waiting_mails_anew(tmp_path: Path, sink: Answers) -> None:
    lab = Lab(tmp_path, sink)
    lab.readers("a@uni.example", "b@lab.uni.example")
    sink.rcpt[""] = SLOWER
    await lab.app.deliver()
    assert [lab.stands(name) for name in ("uni.example", "lab.uni.example")] == ["slow"] * 2
    lab.app.close()
    campus = {"name": "campus", "domains": ["uni.example", "*.uni.example"], "per_hour": 1}
    sorted_ = Lab(tmp_path, sink, provider=[campus])
    sorted_.now = lab.now
    sink.rcpt.clear()
    assert (await sorted_.app.deliver()).sent == 1
    sorted_.app.close()


# The commands.


@pytest.fixture
async def stopped(notifier: Notifier, sink: Answers) -> Notifier:
    """Google is paused with two mails waiting, a university is slow."""
    lab = Lab(notifier.folder, sink)
    lab.readers(*(f"r{n}@gmail.com" for n in range(4)), "a@uni.example")
    sink.dot = {"gmail.com": SPAM, "uni.example": SLOWER}
    await lab.app.deliver()
    lab.app.close()
    notifier.on("test")
    notifier.config.write_text(
        "[delivery]\nper_hour = 100\n[[provider]]\nname = 'google'\nper_minute = 7\n"
    )
    return notifier


AT = ("--now", "2026-11-16T08:00:30Z")


async def test_status_shows_what_is_paused_and_slow_and_the_limits(stopped: Notifier) -> None:
    result = stopped(*AT, "status", "--format", "json")
    found = result.json
    assert (result.code, found["needs_care"]) == (3, True)
    google, uni = found["destinations"]
    assert (google["destination"], google["state"], google["waiting"]) == ("google", "paused", 4)
    assert (google["cure"], google["why"]) == ("notifier outbox resume google", SPAM)
    assert (uni["state"], uni["until"]) == ("slow", "2026-11-16T08:01:00Z")
    assert found["mail_server"] == {"state": "ok"}
    assert found["limits"] == [
        {"destination": "google", "per": "minute", "most": 7, "used": 0},
        {"destination": "mail server", "per": "hour", "most": 100, "used": 0},
    ]
    table = stopped(*AT, "status").out
    assert "notifier outbox resume google" in table
    assert "mail server  hour    100   0" in table


async def test_outbox_list_tells_why_each_mail_waits_and_one_cure(stopped: Notifier) -> None:
    rows = stopped(*AT, "outbox", "list", "--format", "jsonl").rows
    why = {row["address"]: (row["destination"], row["why"]) for row in rows}
    assert why["r3@gmail.com"] == ("google", f"google is paused: {SPAM}")
    assert why["a@uni.example"] == (
        "uni.example", f"uni.example wants us slower, until 08:01Z: {SLOWER}",
    )  # fmt: skip
    said = stopped(*AT, "outbox", "list").err
    assert said.splitlines() == ["google is paused: mend it, then notifier outbox resume google"]
    shown = stopped(*AT, "outbox", "show", rows[0]["key"], "--format", "json").json
    assert shown["destination"] == "google"


async def test_resume_goes_on_with_one_destination_and_with_what_it_refused(
    stopped: Notifier, sink: Answers
) -> None:
    dry = stopped(*AT, "outbox", "resume", "google", "--dry-run")
    assert "google would be: is asked again" in dry.err
    result = stopped(*AT, "outbox", "resume", "google")
    assert result.err.splitlines() == [
        "google is asked again with the next tick",
        "mails that were refused are tried again at once",
    ]
    assert stopped(*AT, "outbox", "resume", "google").code == 4
    lab = Lab(stopped.folder, sink)
    lab.now = MONDAY + 3 * HOUR + 40 * SECOND
    sink.dot.clear()
    done = await lab.app.deliver()
    assert sorted(lab.received) == [f"r{n}@gmail.com" for n in range(4)]
    assert done.sent == 4
    lab.app.close()


async def test_resume_without_a_name_goes_on_with_everything(stopped: Notifier) -> None:
    said = stopped(*AT, "outbox", "resume").err
    assert "google is asked again" in said
    assert "uni.example is asked again" in said
    assert stopped(*AT, "outbox", "resume").err == (
        "nothing is paused or slow, and the mail server is asked\n"
    )
    assert stopped(*AT, "status", "--format", "json").json["destinations"] == []


async def test_a_refused_login_is_shown_with_its_cure_and_resume_tries_it_again(
    notifier: Notifier,
) -> None:
    lab = Instance(notifier.folder)
    lab.reader("ada")
    lab.take(RAG)
    lab.now = MONDAY + 3 * HOUR
    lab.app.compose()
    lab.app.close()
    async with scripted(LOGIN) as server:
        text = (
            f"[smtp]\nhost = '127.0.0.1'\nport = {server.port}\nuser = 'me'\npassword = 'wrong'\n"
        )
        notifier.on("test")
        notifier.config.write_text(text)
        from notifier import config
        from notifier.app import opened

        for _ in range(2):
            with opened(config.load(notifier.config), clock=lambda: lab.now) as app:
                assert (await app.tick()).needs_care
        assert logins(server) == 1
        shown = notifier(*AT, "status", "--format", "json")
        assert (shown.code, shown.json["mail_server"]["cause"]) == (3, "login")
        assert "notifier outbox resume" in notifier(*AT, "status").out
        assert "the mail server is not asked" in notifier(*AT, "outbox", "list").err
        assert "the mail server is asked again" in notifier(*AT, "outbox", "resume").err
        with opened(config.load(notifier.config), clock=lambda: lab.now) as app:
            await app.deliver()
        assert logins(server) == 2
