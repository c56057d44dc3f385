"""A mail in doubt is settled by what Postfix knows of it: a real Postfix, a client that dies."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.cli import logs
from notifier.delivery.postfix import Postfix
from notifier.delivery.postfix_trace import Trace, queue_entries, time_of
from notifier.delivery.smtp import SmtpSettings, SmtpTransport
from notifier.errors import MailTraceError
from notifier.jobs.deliver import deliver
from notifier.jobs.delivering.doubt import LOOK_AGAIN
from notifier.jobs.delivering.recording import GRACE
from notifier.jobs.delivering.values import Delivered, DeliverSettings
from notifier.storage import store_deliveries, store_outbox
from notifier.storage.database import Database

from .builders import NOON
from .postfix import running
from .sending import LEASE, mail, post
from .test_jobs import Sink, listening

KEY = f"{1:032x}"
MINUTE = timedelta(minutes=1)
Q = "0F33224474F"
MESSAGE_ID = f"Nov 20 12:00:01 relay postfix/cleanup[17941]: {Q}: message-id=<{KEY}@example.org>"
ACTIVE = (
    f"Nov 20 12:00:01 relay postfix/qmgr[17936]: {Q}: from=<b+x@example.org>, size=304, nrcpt=1 "
    "(queue active)"
)


# Reading lines.


def read(*lines: str, keys: tuple[str, ...] = (KEY,)) -> Trace:
    trace = Trace(keys)
    for line in lines:
        trace.read(line.encode() + b"\n")
    return trace


def test_a_mail_that_is_active_in_the_queue_was_taken() -> None:
    assert read(MESSAGE_ID, ACTIVE).taken == {KEY: f"Postfix had taken it: {Q} in its log"}


@pytest.mark.parametrize(
    "lines",
    [
        (MESSAGE_ID,),
        (ACTIVE,),
        (ACTIVE, MESSAGE_ID),
        (MESSAGE_ID, ACTIVE.replace(Q, "1A33224474F")),
        (MESSAGE_ID, MESSAGE_ID.replace(KEY, "f" * 32), ACTIVE),
        (MESSAGE_ID.replace("message-id", "resent-message-id"), ACTIVE),
        (MESSAGE_ID, ACTIVE.replace("(queue active)", "status=expired")),
        (MESSAGE_ID, f"x postfix/smtpd[1]: {Q}: reject: (queue active)"),
    ],
    ids=["id alone", "no id", "wrong order", "other queue id", "queue id used again", "resent",
         "not active", "not qmgr"],
)  # fmt: skip
def test_a_message_id_alone_or_anothers_queue_id_proves_nothing(lines: tuple[str, ...]) -> None:
    assert read(*lines).taken == {}


def test_a_mail_that_came_in_twice_was_taken_if_either_was() -> None:
    again = [line.replace(Q, "2B33224474F") for line in (MESSAGE_ID, ACTIVE)]
    assert KEY in read(MESSAGE_ID, *again).taken


def test_other_instances_of_postfix_and_long_queue_ids_are_read() -> None:
    lines = [
        line.replace("postfix/", "postfix-out/submission/").replace(Q, "4cXyZ12bN0z9kLm")
        for line in (MESSAGE_ID, ACTIVE)
    ]
    assert KEY in read(*lines).taken


@pytest.mark.parametrize(
    ("queue", "taken"),
    [("active", True), ("deferred", True), ("incoming", True), ("hold", True), ("maildrop", False)],
)
def test_a_mail_in_the_queue_was_taken_though_the_log_does_not_say_so_yet(
    queue: str, taken: bool
) -> None:
    trace = read(MESSAGE_ID)
    trace.read_queue([(queue, Q), ("active", "3C33224474F")])
    assert (KEY in trace.taken) is taken


def test_what_postqueue_prints_is_read_and_other_words_are_not() -> None:
    line = f'{{"queue_name": "deferred", "queue_id": "{Q}", "arrival_time": 1, "recipients": []}}\n'
    assert queue_entries(line.encode() * 2) == [("deferred", Q)] * 2
    assert queue_entries(b"") == []
    for wrong in (b"Mail queue is empty\n", b'{"queue_id": 1}\n', b"[1]\n", b"\xff"):
        with pytest.raises(ValueError, match=r"^(?!$)"):
            queue_entries(wrong)


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ("Nov 20 11:59:59 relay postfix/", NOON - timedelta(seconds=1)),
        ("Nov  2 03:04:05 relay postfix/", datetime(2026, 11, 2, 3, 4, 5, tzinfo=UTC)),
        ("Dec 31 23:59:59 relay postfix/", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Feb 29 10:00:00 relay postfix/", datetime(2024, 2, 29, 10, tzinfo=UTC)),
        ("2026-11-20T13:00:00.123456+01:00 relay ", NOON + timedelta(microseconds=123456)),
        ("2026-11-20T12:00:00Z relay ", NOON),
        ("Xyz 20 12:00:00 relay", None),
        ("logrotate did this", None),
        ("", None),
    ],
)
def test_the_time_of_a_line_is_read_in_both_forms(line: str, time: datetime | None) -> None:
    assert time_of(line.encode(), now=NOON, zone=UTC) == time


# The log's pieces.


def written(folder: Path, pieces: dict[str, str]) -> Postfix:
    for name, text in pieces.items():
        data = text.encode() + b"\n"
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return Postfix(folder / "mail.log", ("true",))


EARLY = "2026-11-20T00:00:00Z relay postfix/master[1]: daemon started"
LATE = "2026-11-20T11:30:00Z relay postfix/smtpd[1]: connect from localhost"


@pytest.mark.parametrize("piece", ["mail.log.1", "mail.log.1.gz", "mail.log.2.gz"])
def test_a_log_that_was_rotated_meanwhile_is_read_as_one(tmp_path: Path, piece: str) -> None:
    pieces = {"mail.log": f"{LATE}\n{ACTIVE}", piece: f"{EARLY}\n{MESSAGE_ID}"}
    if piece == "mail.log.2.gz":
        pieces["mail.log.1"] = LATE
    known = written(tmp_path, pieces).look_up([KEY], since=NOON - 60 * MINUTE, now=NOON)
    assert list(known.taken) == [KEY]
    assert known.since == NOON - timedelta(hours=12)


def test_pieces_of_before_the_mail_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "mail.log.1.gz").write_text("no gzip")
    known = written(tmp_path, {"mail.log": LATE}).look_up([KEY], since=NOON, now=NOON)
    assert known.taken == {}


@pytest.mark.parametrize(
    ("log", "command", "says"),
    [
        (None, ("true",), r"delivery\.postfix_log .*mail\.log cannot be read: No such file"),
        (LATE, ("false",), '"false" failed: 1'),
        (LATE, ("echo", "Mail queue is empty"), "does not print Postfix's queue"),
        (LATE, ("/nowhere/postqueue", "-j"), "set delivery.postfix_queue_command"),
    ],
)
def test_what_cannot_be_read_is_named_with_a_cure(
    tmp_path: Path, log: str | None, command: tuple[str, ...], says: str
) -> None:
    written(tmp_path, {"mail.log": log} if log else {})
    with pytest.raises(MailTraceError, match=says):
        Postfix(tmp_path / "mail.log", command).look_up([KEY], since=NOON, now=NOON)


# A real Postfix.


async def until(there: Callable[[], bool]) -> None:
    """Wait until another process has done something, 20 seconds at most."""
    async with asyncio.timeout(20):
        while not there():  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.02)


class Lab:
    """Ada's mail, a Postfix, and the mailbox behind it."""

    def __init__(self, database: Database, port: int, folder: Path, inbox: Sink) -> None:
        self.database, self.inbox = database, inbox
        self.postfix, self.postfix_log = port, folder.parent / "log"
        self.port, self.log = self.postfix, self.postfix_log
        self.queue_command = ("postqueue", "-c", str(folder), "-j")
        self.now = datetime.now(UTC)
        self.arrived = asyncio.Event()
        post(database, ["ada@example.net"], since=self.now)

    async def deliver(self, *, later: timedelta = timedelta(0)) -> Delivered:
        """One run, so much later."""
        self.now += later
        settings = DeliverSettings(
            "a@example.org", "me", LEASE, holds_doubtful=True,
            postfix=Postfix(self.log, self.queue_command),
        )  # fmt: skip
        smtp = SmtpSettings("127.0.0.1", self.port, timeout_seconds=20)
        return await deliver(self.database, SmtpTransport(smtp), settings, clock=lambda: self.now)

    def state(self) -> tuple[str, str | None]:
        with self.database.reading() as conn:
            (found,) = store_outbox.listed(conn, key=KEY, limit=2)
        return found.state, found.reply

    def tried(self) -> list[tuple[str, str | None]]:
        with self.database.reading() as conn:
            return [(one.outcome, one.reply) for one in store_outbox.attempts(conn, KEY)]

    async def logged(self, words: str) -> None:
        """Wait until Postfix has logged this."""
        await until(lambda: words in self.postfix_log.read_text())

    async def copies(self) -> int:
        """How many mails came, once Postfix has nothing left to hand on."""
        await self.logged("status=sent")
        taken = self.postfix_log.read_text().count("(queue active)")
        await until(lambda: len(self.inbox.received) >= taken)
        return len(self.inbox.received)

    async def die(self, share: float) -> None:
        """Claim the mail, write a share of it (1: with the dot) to Postfix, and be gone."""
        with self.database.writing() as conn:
            store_deliveries.claim(
                conn, owner="dead", now=self.now, lease_until=self.now + LEASE, limit=1
            )
        reader, writer = await asyncio.open_connection("127.0.0.1", self.postfix)
        await reader.readline()
        for command in ("HELO dead.example.org", "MAIL FROM:<a@example.org>",
                        "RCPT TO:<ada@example.net>", "DATA"):  # fmt: skip
            writer.write(command.encode() + b"\r\n")
            await reader.readline()
        text = mail(1) + b".\r\n"
        writer.write(text[: int(len(text) * share)])
        await writer.drain()
        if share < 1:
            await self.logged(f"message-id=<{KEY}@example.org>")
            writer.transport.abort()
        else:
            writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        await self.logged("disconnect from" if share == 1 else "lost connection after DATA")


@asynccontextmanager
async def a_lab(database: Database) -> AsyncIterator[Lab]:
    async with listening() as inbox:
        relay = running(inbox.port)
        postfix = await asyncio.to_thread(relay.__enter__)
        try:
            yield Lab(database, postfix.port, postfix.folder, inbox)
        finally:
            await asyncio.to_thread(relay.__exit__, None, None, None)


@pytest.fixture
async def lab(database: Database) -> AsyncIterator[Lab]:
    async with a_lab(database) as made:
        yield made


pytestmark = pytest.mark.anyio


async def test_a_mail_whose_sender_died_after_the_dot_is_not_sent_again(lab: Lab) -> None:
    await lab.die(1)
    assert (await lab.deliver()).held == 0, "its lease has not run out"
    done = await lab.deliver(later=LEASE + MINUTE)
    assert (done.held, done.found, done.sent) == (1, 0, 0)
    assert (await lab.deliver(later=GRACE - MINUTE)).found == 0
    assert (await lab.deliver(later=MINUTE)).found == 1
    state, reply = lab.state()
    assert state == "sent"
    assert (reply or "").startswith("Postfix had taken it: ")
    assert [outcome for outcome, _ in lab.tried()] == ["held", "sent"]
    assert (await lab.deliver(later=MINUTE)).sent == 0
    assert await lab.copies() == 1


async def test_a_mail_whose_sender_died_in_its_text_is_sent_again(lab: Lab) -> None:
    await lab.die(0.7)
    assert f"message-id=<{KEY}@example.org>" in lab.postfix_log.read_text(), "and yet not taken"
    await lab.deliver(later=LEASE + MINUTE)
    done = await lab.deliver(later=GRACE)
    assert (done.found, done.sent) == (0, 1)
    assert lab.tried()[1] == ("pending", "Postfix has not taken it")
    assert await lab.copies() == 1


class CutOff:
    """Hands everything on to a server, but never its answer to a mail's final dot."""

    def __init__(self, to: int) -> None:
        self.to = to

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            answers, commands = await asyncio.open_connection("127.0.0.1", self.to)
            ended = asyncio.Event()
            back = asyncio.create_task(self._back(answers, writer, ended))
            seen = b""
            while data := await reader.read(65536):
                seen = (seen + data)[-8:]
                if seen.endswith(b"\r\n.\r\n"):
                    ended.set()
                commands.write(data)
            commands.close()
            await back

    async def _back(
        self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter, ended: asyncio.Event
    ) -> None:
        while line := await answers.readline():
            if ended.is_set() and line.startswith(b"250 2.0.0 Ok: queued"):
                writer.transport.abort()
                return
            writer.write(line)


async def test_a_mail_whose_answer_got_lost_is_not_sent_again(lab: Lab) -> None:
    server = await asyncio.start_server(CutOff(lab.postfix).meet, "127.0.0.1", 0)
    lab.port = server.sockets[0].getsockname()[1]
    done = await lab.deliver(later=MINUTE)
    server.close()
    assert (done.held, lab.state()[0]) == (1, "held")
    lab.port = lab.postfix
    assert (await lab.deliver(later=GRACE)).found == 1
    assert await lab.copies() == 1


async def test_a_mail_that_cannot_be_looked_up_is_held_and_the_reason_told_once(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    await lab.die(1)
    await lab.deliver(later=LEASE + MINUTE)
    logs.configure("console", "info")
    lab.log = Path("/nowhere/mail.log")
    for _ in range(3):
        await lab.deliver(later=GRACE + LOOK_AGAIN)
    assert lab.state()[0] == "held"
    assert "/nowhere/mail.log cannot be read" in (lab.state()[1] or "")
    assert capsys.readouterr().err.count("mails in doubt stay held") == 1
    assert len(lab.tried()) == 2
    lab.log = lab.postfix_log
    await lab.deliver(later=LOOK_AGAIN)
    assert lab.state()[0] == "sent"


async def test_a_mail_older_than_the_log_is_held(lab: Lab, tmp_path: Path) -> None:
    await lab.die(0.7)
    await lab.deliver(later=LEASE + MINUTE)
    lab.log = tmp_path / "mail.log"
    lab.log.write_text(f"{lab.now:%Y-%m-%dT%H:%M:%SZ} relay postfix/master[1]: daemon started\n")
    await lab.deliver(later=GRACE)
    assert lab.state() == ("held", f"{lab.log} does not go back to when this mail was made")


def settings_of(**delivery: Any) -> Any:
    from notifier import pacing
    from notifier.config import Settings

    return pacing.postfix(Settings(delivery=delivery))


def test_postfix_is_asked_only_where_the_configuration_says_so() -> None:
    assert settings_of(in_doubt="hold") is None
    found = settings_of(in_doubt="reconcile", postfix_log="/var/log/other")
    assert found == Postfix(Path("/var/log/other"), ("postqueue", "-j"))
