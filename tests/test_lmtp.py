"""The built-in LMTP server: what a mail server hands over is taken in, or comes again."""

from __future__ import annotations

import asyncio
import re
import signal
import smtplib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select

from notifier.app import App
from notifier.config import Settings
from notifier.delivery import lmtp
from notifier.errors import Busy, UsageError
from notifier.storage import database as database_module
from notifier.storage import store_bounces
from notifier.storage import tables as t
from notifier.web.serving import bound

from .databases import another_writes, database_url
from .returned import a_mail, a_notification
from .sink import listening as a_mail_server
from .test_bounce_jobs import ADA, Lab
from .test_daemon import process

pytestmark = pytest.mark.anyio
TO = "b+aaaaaaaaaaaaaaaaaaaaaaaaaa@papers.example.org"
UNSUB = "unsub+aaaaaaaaaaaaaaaaaaaaaaaaaa@papers.example.org"


class Client:
    """The other side: says lines, reads answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self) -> str:
        """The next answer; the lines of a longer one joined."""
        lines = [(await self.reader.readline()).decode()]
        while lines[-1][3:4] == "-":
            lines.append((await self.reader.readline()).decode())
        return "".join(lines).rstrip("\r\n")

    async def say(self, *lines: str) -> str:
        """Send lines one by one; return the last answer."""
        said = ""
        for line in lines:
            self.writer.write(line.encode("utf-8", "surrogateescape") + b"\r\n")
            said = await self.answer()
        return said

    async def give(self, mail: bytes, *to: str, sender: str = "") -> list[str]:
        """Hand over a mail; return the answers behind its final dot."""
        await self.say(f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{one}>" for one in to), "DATA")
        text = mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        self.writer.write(re.sub(rb"(?m)^\.", b"..", text) + b"\r\n.\r\n")
        return [await self.answer() for _ in to]


Connect = Callable[[], Awaitable[Client]]


class Taken(list[tuple[bytes, str]]):
    """What was taken, or why it was not: a list for each recipient."""

    def __init__(self) -> None:
        self.fail: dict[str, Exception] = {}

    def __call__(self, mail: bytes, recipient: str) -> None:
        if recipient in self.fail:
            raise self.fail[recipient]
        self.append((mail, recipient))


@asynccontextmanager
async def server(take: lmtp.Take, connections: int = 5) -> AsyncIterator[Connect]:
    place = bound("127.0.0.1:0")
    port = place.getsockname()[1]
    opened: list[Client] = []

    async def connect() -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        opened.append(client)
        if (await client.answer()).startswith("220"):
            await client.say("LHLO mx.example.org")
        return client

    async with lmtp.listening(
        place, take, domain=lambda: "papers.example.org", connections=connections
    ):
        yield connect
        for client in opened:
            client.writer.close()
            with suppress(ConnectionError):
                await client.writer.wait_closed()


def an_app(folder: Path) -> App:
    return App(Settings(database={"url": database_url(folder)}))


def kinds(app: App) -> dict[str, int]:
    with app.database.reading() as conn:
        return store_bounces.counts(conn)


# What is taken.


async def test_a_bounce_that_is_handed_over_stops_mail_to_a_dead_address(tmp_path: Path) -> None:
    async with a_mail_server() as sink:
        lab = Lab(tmp_path, sink)
        mail = (await lab.edition(0))[ADA]
        async with server(lambda raw, to: lab.app.take_mail(raw, envelope=to)) as connect:
            client = await connect()
            notice = a_notification(to="x@example.net", recipient="x@example.net")
            assert await client.give(notice, mail.sender) == ["250 2.0.0 taken"]
        assert (lab.suppressed(), lab.suppressed("bo")) == ("dead address", "")
        lab.app.close()


async def test_a_mail_to_the_address_in_list_unsubscribe_ends_the_subscription_at_once(
    tmp_path: Path,
) -> None:
    async with a_mail_server() as sink:
        lab = Lab(tmp_path, sink)
        mail = (await lab.edition(0))[ADA]
        head = re.sub(rb"\r\n ", b" ", mail.content.partition(b"\r\n\r\n")[0]).decode()
        found = re.search(r"<mailto:(\S+)\?subject=(\w+)>", head)
        assert found
        async with server(lambda mail, to: lab.app.take_mail(mail, envelope=to)) as connect:
            client = await connect()
            asked = a_mail(found[2], to=found[1])
            for _ in range(2):
                assert (await client.give(asked, found[1], sender=ADA))[0].startswith("250 ")
        assert (lab.state(), lab.state("bo")) == ("left", "active")
        lab.app.close()


async def test_what_is_answered_with_250_is_in_the_database(tmp_path: Path) -> None:
    app = an_app(tmp_path)
    async with server(lambda raw, to: app.take_mail(raw, envelope=to)) as connect:
        client = await connect()
        for number in range(20):
            await client.give(a_mail(f"number {number}"), TO)
            with app.database.reading() as conn:  # sees only what is committed
                assert conn.scalar(select(func.count()).select_from(t.bounce)) == number + 1
    app.close()


async def test_while_the_database_is_locked_mails_are_to_come_again_and_then_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.01)
    app = an_app(tmp_path)
    async with server(lambda raw, to: app.take_mail(raw, envelope=to)) as connect:
        client = await connect()
        with another_writes(database_url(tmp_path)):
            assert await client.give(a_notification(), TO) == [lmtp.LATER]
        assert lmtp.LATER.startswith("451 4.3.0 ")
        assert kinds(app) == {}
        assert await client.give(a_notification(), TO) == ["250 2.0.0 taken"]
        assert await client.give(a_notification(), TO) == ["250 2.0.0 taken"], "twice is once"
    assert kinds(app) == {"hard": 1}
    app.close()


async def test_each_recipient_has_an_answer_of_its_own(tmp_path: Path) -> None:
    take = Taken()
    take.fail = {TO: Busy("locked"), UNSUB: RuntimeError("a bug")}
    async with server(take) as connect:
        client = await connect()
        third = "bounces@papers.example.org"
        said = await client.give(a_mail(), TO, third, UNSUB)
        assert [one[:3] for one in said] == ["451", "250", "451"]
        take.fail = {}
        assert [one[:3] for one in await client.give(a_mail(), TO, UNSUB)] == ["250", "250"]
    assert [to for _, to in take] == [third, TO, UNSUB]


async def test_the_envelope_is_written_on_top_and_the_mail_stays_as_it_is(tmp_path: Path) -> None:
    take, mail = Taken(), a_mail("Hi", ".\n..dots\nGr\u00fc\u00dfe\n" + "long " * 5000)
    async with server(take) as connect:
        client = await connect()
        await client.give(mail, TO)
        await client.give(mail, TO, sender="ada@example.org")
    as_sent = mail.replace(b"\n", b"\r\n") + b"\r\n"
    top = f"Delivered-To: {TO}\r\n".encode()
    assert [raw for raw, _ in take] == [
        b"Return-Path: <>\r\n" + top + as_sent,
        b"Return-Path: <ada@example.org>\r\n" + top + as_sent,
    ]


# What is refused.


@pytest.mark.parametrize(
    ("to", "answer"),
    [
        ("ada@example.org", "550 5.1.1 "),
        ("b+x@papers.example.org.evil.example", "550 5.1.1 "),
        ("papers.example.org", "550 5.1.1 "),
        ("B+X@PAPERS.example.ORG", "250 2.1.5 "),
        ("postmaster@papers.example.org", "250 2.1.5 "),
    ],
)
async def test_only_addresses_of_the_bounce_domain_are_taken(to: str, answer: str) -> None:
    async with server(Taken()) as connect:
        client = await connect()
        assert (await client.say("MAIL FROM:<>", f"RCPT TO:<{to}>")).startswith(answer)
        if answer.startswith("5"):
            assert (await client.say("DATA")).startswith("503 5.5.1 ")


async def test_a_mail_that_is_too_large_is_refused_for_good_before_or_behind_its_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lmtp, "MAIL_BYTES", 5000)
    take = Taken()
    async with server(take) as connect:
        client = await connect()
        assert "250-SIZE 5000\r\n" in await client.say("LHLO mx")
        assert (await client.say("MAIL FROM:<> SIZE=5001")).startswith("552 5.3.4 ")
        said = await client.give(b"x" * 70 + b"\n" + b"line\n" * 2000, TO, UNSUB)
        assert [one[:10] for one in said] == ["552 5.3.4 ", "552 5.3.4 "]
        assert await client.give(a_mail(), TO) == ["250 2.0.0 taken"]
    assert len(take) == 1


async def test_a_text_without_an_end_ends_with_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lmtp, "_RECEIVED_BYTES", 300_000)
    take = Taken()
    async with server(take) as connect:
        client = await connect()
        await client.say("MAIL FROM:<>", f"RCPT TO:<{TO}>", "DATA")
        client.writer.write(b"x" * 400_000)
        with suppress(ConnectionError):
            assert await client.reader.read() == b""
        assert await (await connect()).give(a_mail(), TO) == ["250 2.0.0 taken"]
    assert len(take) == 1


async def test_so_many_may_connect_at_a_time_and_no_more(tmp_path: Path) -> None:
    async with server(Taken(), connections=2) as connect:
        first, second = await connect(), await connect()
        third = await connect()
        assert await third.reader.read() == b""
        for client in (first, second):
            assert (await client.say("NOOP")).startswith("250")
        first.writer.close()
        await first.writer.wait_closed()
        await second.say("NOOP")
        fourth = await connect()
        assert await fourth.give(a_mail(), TO) == ["250 2.0.0 taken"]


async def test_one_connection_too_many_is_told_to_come_again() -> None:
    place = bound("127.0.0.1:0")
    port = place.getsockname()[1]
    async with lmtp.listening(place, Taken(), domain=lambda: "x.example", connections=0):
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        assert (await client.answer()).startswith("421 4.3.2 ")
        client.writer.close()


# RFC 2033.


async def test_the_server_speaks_lmtp_and_says_what_rfc_2033_asks_for() -> None:
    async with server(Taken()) as connect:
        client = await connect()
        said = (await client.say("LHLO mx.example.org")).split("\r\n")
        assert {line[4:] for line in said} >= {"PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME"}
        assert [line[:4] for line in said] == ["250-"] * (len(said) - 1) + ["250 "]
        for greeting in ("HELO mx", "EHLO mx"):
            assert (await client.say(greeting)).startswith("500 5.")


async def test_a_pipelined_talk_is_answered_in_order_and_with_enhanced_codes() -> None:
    take = Taken()
    async with server(take) as connect:
        client = await connect()
        client.writer.write(
            f"NOOP\r\nMAIL FROM:<>\r\nRCPT TO:<{TO}>\r\nRCPT TO:<a@b.c>\r\nRCPT TO:<{UNSUB}>\r\n"
            "DATA\r\nSubject: x\r\n\r\nx\r\n.\r\nRSET\r\nWHAT\r\nQUIT\r\n".encode()
        )
        said = [await client.answer() for _ in range(11)]
    codes = ["250", "250", "250", "550", "250", "354", "250", "250", "250", "500", "221"]
    assert [one[:3] for one in said] == codes
    assert all(re.match(r"([245])\d\d \1\.\d\.\d ", one) for one in said if one[:3] != "354")
    assert [to for _, to in take] == [TO, UNSUB]


async def test_a_command_before_its_time_is_answered_once() -> None:
    async with server(Taken()) as connect:
        client = await connect()
        assert (await client.say("DATA")).startswith("503")
        await client.say("MAIL FROM:<>", f"RCPT TO:<{TO}>", f"RCPT TO:<{UNSUB}>")
        assert (await client.say("DATA now")).startswith("501 5.5.4 ")
        assert (await client.say("NOOP")).startswith("250")


# What goes wrong.


@pytest.mark.parametrize(
    "said",
    [
        b"\r\n\0\0\xff\xfe\r\n",
        b"MAIL FROM:<" + b"a" * 5000 + b"@x>\r\n",
        b"x" * 2_000_000 + b"\r\n",
        b"MAIL FROM:<>\r\nRCPT TO:<>\r\nRCPT TO:<\xff@\xff>\r\nRCPT TO:<@,@:>\r\n",
        b"MAIL FROM:<>\r\nRCPT TO:" + b"(" * 300 + b"\r\n",
        b"MAIL FROM:<>\r\nRCPT TO:<" + TO.encode() + b">\r\nDATA\r\nSubject: half a ma",
        b"A\r\n" * 100,
        b"AUTH PLAIN AAAA\r\nSTARTTLS\r\nHELP\r\nVRFY x\r\nEXPN x\r\n",
    ],
)
@pytest.mark.timeout(30)
async def test_whatever_one_connection_says_others_are_served_and_nothing_is_taken(
    said: bytes,
) -> None:
    take = Taken()
    async with server(take) as connect:
        good, bad = await connect(), await connect()
        bad.writer.write(said)
        bad.writer.write_eof()
        with suppress(ConnectionError):
            await bad.reader.read()
        assert await good.give(a_mail(), TO) == ["250 2.0.0 taken"]
    assert len(take) == 1


async def test_the_end_waits_for_what_is_being_written_down(tmp_path: Path) -> None:
    started, go = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    kept: list[str] = []

    def slow(raw: bytes, to: str) -> None:
        loop.call_soon_threadsafe(started.set)
        asyncio.run_coroutine_threadsafe(go.wait(), loop).result()
        kept.append(to)

    place = bound("127.0.0.1:0")
    port = place.getsockname()[1]
    async with lmtp.listening(place, slow, domain=lambda: "papers.example.org"):
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        await client.answer()
        await client.say("LHLO mx")
        giving = asyncio.ensure_future(client.give(a_mail(), TO))
        await started.wait()
        loop.call_later(0.05, go.set)
    assert kept == [TO]
    assert await giving == ["250 2.0.0 taken"]
    client.writer.close()


async def test_no_address_stands_in_the_log(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    take = Taken()
    take.fail = {TO: Busy("locked"), UNSUB: RuntimeError(ADA)}
    async with server(take) as connect:
        client = await connect()
        await client.give(a_mail(), TO, sender=ADA)
        await client.say(f"MAIL FROM:<{ADA}>", f"RCPT TO:<{ADA}>", ADA)
    printed = capsys.readouterr()
    told = printed.out + printed.err + caplog.text
    assert "must come again" in told
    assert "example.org" not in told


# Where it listens.


async def test_a_socket_in_the_file_system_is_made_anew_and_taken_away_at_the_end(
    tmp_path: Path,
) -> None:
    path = tmp_path / "lmtp.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    take = Taken()
    async with lmtp.listening(bound(f"unix:{path}"), take, domain=lambda: "papers.example.org"):
        with pytest.raises(Busy, match=r"is in use - set another in bounce\.listen"):
            bound(f"unix:{path}", "bounce.listen")
        client = Client(*await asyncio.open_unix_connection(path))
        await client.answer()
        await client.say("LHLO mx")
        assert await client.give(a_mail(), TO) == ["250 2.0.0 taken"]
        client.writer.close()
    assert not path.exists()


@pytest.mark.parametrize("name", ["file", "none/lmtp.sock", "x" * 120])
def test_a_path_where_no_socket_can_be_made_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(UsageError, match=r"bounce\.listen: no socket can be made at "):
        bound(f"unix:{tmp_path}/{name}", "bounce.listen")
    assert (tmp_path / "file").read_text() == "precious"


def configured(folder: Path, listen: str) -> Path:
    config = folder / "notifier.toml"
    config.write_text(
        "[site]\nlisten = ''\n[mail]\nbounce_address = 'bounces@papers.example.org'\n"
        f"[bounce]\nlisten = '{listen}'\n"
        f"[database]\nurl = '{database_url(folder, 'notifier')}'\n"
    )
    return config


async def test_the_daemon_takes_mails_from_a_socket(tmp_path: Path) -> None:
    config, path = configured(tmp_path, "unix:lmtp.sock"), tmp_path / "lmtp.sock"

    def hand_over() -> None:
        with smtplib.LMTP(str(path)) as client:
            client.sendmail("", [TO], a_notification())

    async with process("run", "--config", config) as daemon:
        assert daemon.stderr
        async with asyncio.timeout(30):
            while b"daemon started" not in await daemon.stderr.readline():
                pass
        await asyncio.to_thread(hand_over)
        daemon.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(daemon.wait(), 10) == 0
    assert not path.exists()
    app = App(Settings(database={"url": database_url(tmp_path, "notifier")}))
    assert kinds(app) == {"hard": 1}
    app.close()


async def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        listen = f"127.0.0.1:{holder.getsockname()[1]}"
        async with process("run", "--config", configured(tmp_path, listen)) as daemon:
            _, err = await asyncio.wait_for(daemon.communicate(), 30)
    assert daemon.returncode == 5
    assert f"error: {listen} is in use - set another in bounce.listen" in err.decode()
    assert "Traceback" not in err.decode()
