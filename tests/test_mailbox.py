"""The mailbox of bounces on a real IMAP server: what lies there is taken in, then moved away."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
import socket
import sqlite3
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.app import App
from notifier.config import Settings
from notifier.delivery import imap
from notifier.delivery.imap import ImapSettings
from notifier.errors import Busy, MailboxError
from notifier.jobs import poll
from notifier.jobs.bounce import Read
from notifier.storage import database as database_module
from notifier.storage import store_bounces
from notifier.storage.store_mailbox import Health

from .builders import NOON
from .commands import Notifier, notifier
from .databases import another_writes, database_url
from .dovecot import PASSWORD, Dovecot, serving
from .returned import a_mail, a_notification
from .sink import listening
from .test_bounce_jobs import ADA, Lab
from .test_daemon import process

__all__ = ["notifier"]
DONE = "Processed"
NO_MOVE = "imap_capability = IMAP4rev1 UIDPLUS LITERAL+ AUTH=PLAIN\n"
NEITHER = "imap_capability = IMAP4rev1 LITERAL+ AUTH=PLAIN\n"
QUICK = timedelta(minutes=5)


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with serving() as made:
        yield made


@pytest.fixture
def dovecot(server: Dovecot, tmp_path: Path) -> Dovecot:
    """With a mailbox of the test's own."""
    return dataclasses.replace(server, user=f"{tmp_path.name.lower()}@papers.example.org")


class Office:
    """An instance that reads a mailbox, with a clock that is set by hand."""

    def __init__(self, folder: Path, dovecot: Dovecot, **bounce: Any) -> None:
        given = {
            "imap_host": "localhost", "imap_port": dovecot.port, "imap_security": "none",
            "imap_user": dovecot.user, "imap_password": PASSWORD, "imap_ca_file": dovecot.ca_file,
        }  # fmt: skip
        settings = Settings(database={"url": database_url(folder)}, bounce=given | bounce)
        self.now = NOON
        self.app = App(settings, clock=lambda: self.now)
        self.returned = self.app.returned
        self.settings: ImapSettings = self.returned.mailbox_settings

    def counts(self) -> dict[str, int]:
        with self.app.database.reading() as conn:
            return store_bounces.counts(conn)

    @property
    def health(self) -> Health:
        found = self.returned.health()
        assert found
        return found


@contextmanager
def office(folder: Path, dovecot: Dovecot, **bounce: Any) -> Iterator[Office]:
    made = Office(folder, dovecot, **bounce)
    yield made
    made.app.close()


def some_mails(*names: str) -> list[bytes]:
    return [a_mail(name) for name in names]


@contextmanager
def tapped(port: int, *, cut: int | None = None) -> Iterator[tuple[int, bytearray, bytearray]]:
    """Yield a port that leads to another, and what each side said: (port, client, server).

    Args:
        cut: The connection ends when the server has said so many bytes.
    """
    said_client, said_server = bytearray(), bytearray()
    ends: list[socket.socket] = []

    def pump(source: socket.socket, target: socket.socket, said: bytearray, most: int) -> None:
        with suppress(OSError):
            while len(said) < most and (data := source.recv(min(65536, most - len(said)))):
                said += data
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                here, _ = door.accept()
                there = socket.create_connection(("127.0.0.1", port))
                ends.extend((here, there))
                most = cut if cut is not None else 2**62
                for one in ((here, there, said_client, 2**62), (there, here, said_server, most)):
                    threading.Thread(target=pump, args=one, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=serve, daemon=True).start()
        yield door.getsockname()[1], said_client, said_server
        door.shutdown(socket.SHUT_RDWR)
    for end in ends:
        end.close()


# What is taken.


@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
def test_each_mail_is_taken_in_and_moved_to_the_other_folder(
    tmp_path: Path, dovecot: Dovecot, security: str
) -> None:
    port = dovecot.tls_port if security == "tls" else dovecot.port
    dovecot.put(a_notification(), a_mail("Hello"))
    with office(tmp_path, dovecot, imap_security=security, imap_port=port) as made:
        assert made.returned.poll() == poll.Polled(taken=2)
        assert made.counts() == {"hard": 1, "not-a-bounce": 1}
    assert dovecot.subjects() == []
    assert dovecot.subjects(DONE) == [b"Undelivered Mail Returned to Sender", b"Hello"]


@pytest.mark.anyio
async def test_a_bounce_in_the_mailbox_stops_mail_to_a_dead_address(
    tmp_path: Path, dovecot: Dovecot
) -> None:
    async with listening() as sink:
        lab = Lab(tmp_path, sink)
        mail = (await lab.edition(0))[ADA]
        dovecot.put(a_notification(to=mail.sender, recipient="x@example.net"))
        with office(tmp_path, dovecot) as made:
            made.now = lab.now
            made.returned.poll()
        assert (lab.suppressed(), lab.suppressed("bo")) == ("dead address", "")
        lab.app.close()


def test_a_mail_that_lies_there_again_changes_nothing(tmp_path: Path, dovecot: Dovecot) -> None:
    read: list[Read] = []
    with office(tmp_path, dovecot) as made:
        for _ in range(2):
            dovecot.put(a_notification())
            made.returned.poll(tell=lambda uid, found: read.extend(found))
        assert [one.known for one in read] == [False, True]
        assert made.counts() == {"hard": 1}
    assert len(dovecot.subjects(DONE)) == 2


def test_a_mail_of_fifty_megabytes_is_read_at_its_start_alone(
    tmp_path: Path, dovecot: Dovecot
) -> None:
    dovecot.put(
        a_notification() + b"x" * 70 + b"\n" + b"filling up the mail with this\n" * 1_700_000
    )
    with office(tmp_path, dovecot) as made:
        made.returned.poll()  # imports are not measured
        dovecot.put(
            a_notification("4.2.2") + b"\n" + b"filling up the mail with that\n" * 1_700_000
        )
        tracemalloc.start()
        assert made.returned.poll() == poll.Polled(taken=1)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10_000_000
        assert made.counts() == {"hard": 1, "soft": 1}
    assert len(dovecot.subjects(DONE)) == 2


def test_a_mail_that_somebody_takes_away_meanwhile_is_passed_over(
    tmp_path: Path, dovecot: Dovecot
) -> None:
    dovecot.put(*some_mails("one", "two"))
    with office(tmp_path, dovecot) as made, imap.opened(made.settings) as mailbox:
        first, second = mailbox.waiting()
        with dovecot.client() as other:
            other.select_folder("INBOX")
            other.delete_messages([first])
            other.expunge()
        assert mailbox.read(first) is None
        assert mailbox.read(second)
        mailbox.put_away([first, second])
    assert dovecot.subjects(DONE) == [b"two"]


def test_two_that_read_at_once_take_each_mail_once(tmp_path: Path, dovecot: Dovecot) -> None:
    dovecot.put(*some_mails(*(str(number) for number in range(30))))
    with office(tmp_path, dovecot) as one, office(tmp_path, dovecot) as two:
        threads = [threading.Thread(target=made.returned.poll) for made in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert one.counts() == {"not-a-bounce": 30}
    assert len(set(dovecot.subjects(DONE))) == 30
    assert dovecot.subjects() == []


def test_two_that_make_the_other_folder_at_once_both_have_it(
    tmp_path: Path, dovecot: Dovecot
) -> None:
    begin = threading.Barrier(2)

    def make(settings: ImapSettings) -> bool:
        begin.wait()
        with imap.opened(settings):
            return dovecot.has(settings.done_folder)

    with office(tmp_path, dovecot) as made, ThreadPoolExecutor(2) as threads:
        for number in range(20):
            settings = dataclasses.replace(made.settings, done_folder=f"{DONE} {number}")
            assert list(threads.map(make, [settings, settings])) == [True, True]


@pytest.mark.parametrize("name", ['Erledigt & "für immer"', "a/b", "Trash %*"])
def test_the_other_folder_may_have_any_name_and_is_made(
    tmp_path: Path, dovecot: Dovecot, name: str
) -> None:
    with office(tmp_path, dovecot, imap_done_folder=name) as made:
        for subject in ("one", "two"):
            dovecot.put(a_mail(subject))
            made.returned.poll()
    assert dovecot.subjects(name) == [b"one", b"two"]


# What a server may lack.


def test_without_move_a_copy_is_made_and_nobody_elses_mail_is_expunged(tmp_path: Path) -> None:
    with serving(more=NO_MOVE) as dovecot, office(tmp_path, dovecot) as made:
        dovecot.put(a_mail("marked by a person"), flags=(b"\\Deleted",))
        dovecot.put(*some_mails("one", "two"))
        assert made.returned.poll() == poll.Polled(taken=2)
        assert dovecot.folder() == [(b"marked by a person", {b"\\Deleted"})]
        assert dovecot.subjects(DONE) == [b"one", b"two"]


def test_without_move_and_uidplus_mails_stay_marked_as_seen_and_are_not_read_again(
    tmp_path: Path,
) -> None:
    with serving(more=NEITHER) as dovecot, office(tmp_path, dovecot) as made:
        dovecot.put(*some_mails("one", "two"))
        assert made.returned.poll() == poll.Polled(taken=2)
        assert made.returned.poll() == poll.Polled(taken=0)
        assert dovecot.folder() == [(b"one", {b"\\Seen"}), (b"two", {b"\\Seen"})]
        assert not dovecot.has(DONE)


# What goes wrong.


def test_what_is_not_in_the_database_is_not_put_away(
    tmp_path: Path, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.01)
    dovecot.put(*some_mails("one", "two", "three"))
    with office(tmp_path, dovecot) as made, ExitStack() as others:

        def lock(uid: int, read: list[Read]) -> None:
            others.enter_context(another_writes(database_url(tmp_path)))

        with pytest.raises(Busy):
            made.returned.poll(tell=lock)
        assert dovecot.subjects(DONE) == [b"one"]
        assert dovecot.folder() == [(b"two", set()), (b"three", set())]
        others.close()
        assert made.health.failures == 0, "the mailbox was not to blame"
        assert made.returned.poll() == poll.Polled(taken=2)
        assert made.counts() == {"not-a-bounce": 3}


@pytest.mark.sqlite("its triggers make a bug")
def test_a_mail_at_which_the_program_fails_stays_and_stops_no_other(
    tmp_path: Path, dovecot: Dovecot
) -> None:
    dovecot.put(*some_mails("one", "two", "three"))
    other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    with office(tmp_path, dovecot) as made:
        other.execute(
            "CREATE TRIGGER t BEFORE INSERT ON bounce WHEN NEW.reason LIKE '%two%' "
            "BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
        assert made.returned.poll() == poll.Polled(taken=2, failed=1)
        assert dovecot.folder() == [(b"two", set())]
        assert "1 mails could not be taken in" in (made.health.error or "")
        assert poll.is_troubled(made.health)
        other.execute("DROP TRIGGER t")
        other.close()
        assert made.returned.poll() == poll.Polled(taken=1)
        assert not poll.is_troubled(made.health)


@pytest.mark.parametrize("more", ["", NO_MOVE], ids=["MOVE", "UIDPLUS"])
def test_a_connection_that_is_lost_at_any_byte_loses_no_mail(tmp_path: Path, more: str) -> None:
    names = ("one", "two", "three")
    with serving(more=more) as dovecot, office(tmp_path, dovecot) as made:
        dovecot.put(*some_mails(*names))
        with tapped(dovecot.port) as (port, _, said):
            made.returned.mailbox_settings = dataclasses.replace(made.settings, port=port)
            made.returned.poll()
        whole, refused = len(said), list[bool]()
        cuts = range(0, whole - 20, whole // 25)
        for turn, cut in enumerate(cuts):
            mails = some_mails(*(f"{turn} {name}" for name in names))
            dovecot.put(*mails)
            with tapped(dovecot.port, cut=cut) as (port, _, _):
                made.returned.mailbox_settings = dataclasses.replace(made.settings, port=port)
                try:
                    made.returned.poll()
                except MailboxError as error:  # none where only the good-bye was cut off
                    refused.append(error.refused)
            made.returned.mailbox_settings = made.settings
            made.returned.poll()
        assert set(refused) == {False}
        expected = {name.encode() for name in names}
        expected |= {f"{turn} {name}".encode() for turn in range(len(cuts)) for name in names}
        found = dovecot.subjects(DONE)
        assert set(found) == expected, "also of what is marked as deleted there is a copy"
        assert all(flags == {b"\\Deleted"} for _, flags in dovecot.folder())
        if not more:
            assert (len(found), dovecot.folder()) == (len(expected), []), "moved once each"
        assert made.counts() == {"not-a-bounce": len(expected)}


@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        (b"", "timed out"),
        (b"* BYE too many for ada@example.org\r\n", "BYE too many for (address)"),
        (b"* OK hello\r\n* BYE we close\r\n", "CAPABILITY => we close"),
        (b"220 mx.example.org ESMTP\r\n", "220 mx.example.org ESMTP"),
    ],
)
def test_a_server_that_does_not_speak_imap_is_left_with_a_line_that_says_why(
    tmp_path: Path, dovecot: Dovecot, greeting: bytes, said: str
) -> None:
    left = threading.Event()

    def greet(door: socket.socket) -> None:
        with door.accept()[0] as talk:
            talk.sendall(greeting)
            left.wait(30)

    with office(tmp_path, dovecot) as made, socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=greet, args=(door,))
        thread.start()
        port = door.getsockname()[1]
        settings = dataclasses.replace(made.settings, port=port, timeout_seconds=0.3)
        with pytest.raises(MailboxError) as caught, imap.opened(settings):
            pass
        left.set()
        thread.join()
        assert said in str(caught.value)
        assert (caught.value.refused, "ada@" in str(caught.value)) == (False, False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"host": "127.0.0.1", "port": 1},
            "127.0.0.1, port 1 cannot be reached: Connection refused",
        ),
        ({"security": "tls"}, "cannot be reached: "),
        ({"ca_file": None, "security": "starttls"}, "certificate is not trusted: unable to get"),
        ({"ca_file": Path("/none.pem"), "security": "starttls"}, "No such file or directory"),
        ({"host": "ip6-localhost.example"}, "cannot be reached: "),
        ({"folder": "None"}, 'no folder "None" to read (bounce.imap_folder)'),
        ({"password": "x"}, "the login was refused: [AUTHENTICATIONFAILED]"),
        ({"password": "line\r\nbreak"}, "the login was refused"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_without_address_or_password(
    tmp_path: Path, dovecot: Dovecot, change: dict[str, Any], said: str
) -> None:
    with office(tmp_path, dovecot) as made:
        settings = dataclasses.replace(made.settings, **change)
        with pytest.raises(MailboxError) as caught, imap.opened(settings):
            pass
        assert said in str(caught.value)
        assert caught.value.refused == ("password" in change)
        assert len(str(caught.value).splitlines()) == 1
        assert not {"@", PASSWORD} & set(str(caught.value))
        assert PASSWORD not in repr(settings)


def test_the_password_is_not_said_where_tls_is_wanted_and_not_offered(tmp_path: Path) -> None:
    with serving(more="ssl = no\n") as dovecot, office(tmp_path, dovecot) as made:
        with tapped(dovecot.port) as (port, said, _):
            settings = dataclasses.replace(made.settings, port=port, security="starttls")
            with (
                pytest.raises(MailboxError, match="gives no TLS by STARTTLS"),
                imap.opened(settings),
            ):
                pass
        assert b"LOGIN" not in said
        assert b"AUTHENTICATE" not in said


def test_a_folder_that_the_server_does_not_let_be_made_is_named_with_a_cure(
    tmp_path: Path,
) -> None:
    with serving(separator=".", prefix="INBOX.") as dovecot:
        dovecot.put(a_mail("one"))
        with office(tmp_path, dovecot) as made:
            with pytest.raises(
                MailboxError, match=r'"Processed" cannot be made .*"INBOX.Processed"'
            ):
                made.returned.poll()
            assert dovecot.subjects() == [b"one"]
        with office(tmp_path, dovecot, imap_done_folder="INBOX.Processed") as made:
            assert made.returned.poll() == poll.Polled(taken=1)
        assert dovecot.subjects("INBOX.Processed") == [b"one"]


# When it is read.


@pytest.mark.parametrize(
    ("failures", "refused", "minutes"),
    [
        (0, False, 5), (1, False, 5), (2, False, 10), (3, False, 20), (5, False, 60),
        (10**6, False, 60), (1, True, 60), (2, True, 120), (5, True, 960), (6, True, 1440),
        (10**6, True, 1440),
    ],
)  # fmt: skip
def test_the_wait_doubles_and_is_long_where_the_login_is_refused(
    failures: int, refused: bool, minutes: int
) -> None:
    health = Health(NOON, failures=failures, refused=refused)
    assert poll.wait(health, QUICK) == timedelta(minutes=minutes)
    assert poll.wait(health, timedelta(days=1)) == timedelta(days=1)
    due = NOON + timedelta(minutes=minutes)
    assert not poll.is_due(health, QUICK, now=due - timedelta(seconds=1))
    assert poll.is_due(health, QUICK, now=due)
    assert poll.is_due(health, QUICK, now=NOON - timedelta(days=1)), "the clock was set back"


def test_a_refused_login_is_told_once_and_not_tried_again_for_an_hour(
    tmp_path: Path, dovecot: Dovecot, capsys: pytest.CaptureFixture[str]
) -> None:
    with tapped(dovecot.port) as (port, said, _):
        with office(tmp_path, dovecot, imap_password="old", imap_port=port) as made:
            for minutes, tries in ((0, 1), (30, 1), (59, 1), (60, 2), (119, 2), (180, 3), (300, 3)):
                made.now = NOON + timedelta(minutes=minutes)
                with suppress(MailboxError):
                    made.returned.poll_if_due()
                assert said.count(b"AUTHENTICATE PLAIN") == tries
            assert (made.health.failures, made.health.refused) == (3, True)
            assert poll.is_troubled(made.health)
        told = capsys.readouterr()
        assert (told.out + told.err).count("the login was refused") == 1
        assert dovecot.user not in told.out + told.err
    with office(tmp_path, dovecot) as made:
        made.now = NOON + timedelta(minutes=301)
        assert made.health == Health(), "another port is another mailbox"
        assert made.returned.poll_if_due() == poll.Polled()
        assert made.returned.poll_if_due() is None
        assert made.health == Health(made.now, made.now)


def configured(instance: Notifier, dovecot: Dovecot, password: str = PASSWORD) -> None:
    (instance.folder / "imap.password").write_text(password)
    instance.config.write_text(
        "[site]\nlisten = ''\n"
        f"[bounce]\nimap_host = 'localhost'\nimap_port = {dovecot.tls_port}\n"
        f"imap_user = '{dovecot.user}'\n"
        f"imap_password_file = 'imap.password'\nimap_ca_file = '{dovecot.ca_file}'\n"
    )


def test_status_shows_a_mailbox_that_is_not_read_and_a_poll_by_hand_mends_it(
    notifier: Notifier, dovecot: Dovecot
) -> None:
    dovecot.put(a_notification())
    configured(notifier, dovecot, "old")
    assert notifier("status", "--format", "json").json["mailbox"]["state"] == "waiting"
    done = notifier("bounce", "poll")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "error: the login was refused" in done.err
    found = notifier("status", "--format", "json")
    assert (found.code, found.json["mailbox"]["state"]) == (3, "failing")
    assert "the login was refused" in notifier("status").out
    assert "notifier bounce poll" in notifier("status").out
    configured(notifier, dovecot)
    done = notifier("bounce", "poll", "--format", "jsonl")
    assert (done.code, [(row["kind"], row["done"]) for row in done.rows]) == (0, [("hard", "")])
    found = notifier("status", "--format", "json")
    assert (found.code, found.json["mailbox"]["state"]) == (0, "ok")
    assert found.json["mailbox"]["taken"] == 1


def test_a_dry_run_says_what_each_mail_is_and_changes_nothing(
    notifier: Notifier, dovecot: Dovecot
) -> None:
    dovecot.put(a_notification(), a_mail("Hello"))
    configured(notifier, dovecot)
    before = notifier("status", "--format", "json").json["mailbox"]
    done = notifier("bounce", "poll", "--dry-run", "--format", "jsonl")
    assert [(row["uid"], row["kind"]) for row in done.rows] == [(1, "hard"), (2, "not-a-bounce")]
    assert dovecot.folder() == [(b"Undelivered Mail Returned to Sender", set()), (b"Hello", set())]
    assert not dovecot.has(DONE)
    assert notifier("bounce", "list", "--format", "jsonl").rows == []
    assert notifier("status", "--format", "json").json["mailbox"] == before


def test_without_a_mailbox_a_poll_is_a_mistake_with_its_cure(notifier: Notifier) -> None:
    done = notifier("bounce", "poll")
    assert (done.code, "no mailbox is set - write [bounce] imap_host" in done.err) == (2, True)
    assert notifier("status", "--format", "json").json["mailbox"] is None


def test_a_tick_reads_the_mailbox_when_it_is_time(notifier: Notifier, dovecot: Dovecot) -> None:
    configured(notifier, dovecot)
    for at, number in (("12:00", 1), ("12:04", 0), ("12:05", 1)):
        dovecot.put(a_mail(at))
        done = notifier("--now", f"2026-11-20T{at}Z", "tick", "--format", "json")
        assert (done.code, done.json["came_back"] > 0) == (0, number > 0)
    configured(notifier, dovecot, "old")
    done = notifier("--now", "2026-11-20T12:10Z", "tick", "--format", "json")
    assert (done.code, "login was refused" in done.json["mailbox"]) == (3, True)


@pytest.mark.anyio
async def test_the_daemon_reads_the_mailbox_by_itself(notifier: Notifier, dovecot: Dovecot) -> None:
    configured(notifier, dovecot)
    dovecot.put(a_notification())
    async with process("run", "--config", notifier.config) as daemon:
        async with asyncio.timeout(30):
            while not await asyncio.to_thread(dovecot.subjects, DONE):
                pass
        daemon.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(daemon.wait(), 10) == 0
