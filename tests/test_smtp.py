"""Sending over SMTP, against a real server and one that plays a script of faults."""

from __future__ import annotations

import asyncio
import logging
import traceback
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from notifier.delivery import smtp
from notifier.delivery.smtp import SmtpMailer, SmtpSettings, SmtpTransport
from notifier.errors import MailerDown, SendError

from .fakes import DROP, Drop, Late, Say, Script, ScriptedSmtp, an_identity, scripted
from .sink import Sink, listening

pytestmark = pytest.mark.anyio

ADA = "ada@example.org"
PASSWORD = "correct-horse-battery"
MAIL = b"Subject: hello\r\nMessage-ID: <k@example.org>\r\n\r\nfirst line\r\n"


@asynccontextmanager
async def mailer(port: int, **options: Any) -> AsyncIterator[SmtpMailer]:
    settings = SmtpSettings(host="127.0.0.1", port=port, **({"timeout_seconds": 5.0} | options))
    async with SmtpTransport(settings).open() as opened:
        yield opened


async def send(opened: SmtpMailer, content: bytes = MAIL, recipient: str = ADA) -> str:
    return await opened.send(sender="n@example.org", recipient=recipient, content=content)


async def refusal(opened: SmtpMailer, content: bytes = MAIL) -> SendError:
    with pytest.raises(SendError) as caught:
        await send(opened, content)
    return caught.value


@asynccontextmanager
async def facing(
    *scripts: Script, **options: Any
) -> AsyncIterator[tuple[ScriptedSmtp, SmtpMailer]]:
    """A scripted server and a mailer that speaks to it."""
    async with scripted(*scripts) as server, mailer(server.port, **options) as opened:
        yield server, opened


# A server that behaves.


async def test_a_mail_arrives_with_its_envelope_and_to_the_byte() -> None:
    async with listening() as sink, mailer(sink.port) as opened:
        assert await send(opened) == "250 2.0.0 kept"
    (mail,) = sink.received
    assert (mail.sender, mail.recipient, mail.content) == ("n@example.org", ADA, MAIL)


@pytest.mark.parametrize(
    "body",
    [b".\r\n", b"..\r\n", b"a\r\n.\r\nb\r\n", b".hidden\r\n..twice\r\n", b"\r\n.\r\n\r\n.x\r\n"],
)
async def test_a_line_that_starts_with_a_dot_arrives_unchanged(body: bytes) -> None:
    content = b"Subject: dots\r\n\r\n" + body
    async with listening() as sink, mailer(sink.port) as opened:
        await send(opened, content)
    assert [mail.content for mail in sink.received] == [content]


async def test_a_bare_line_end_cannot_smuggle_a_second_mail() -> None:
    inner = b"Subject: x\r\n\r\na\n.\nMAIL FROM:<evil@example.org>\r.\rb\r\n"
    async with facing({}) as (server, opened):
        await send(opened, inner)
    (text,) = server.connections[0].texts
    assert text == b"Subject: x\r\n\r\na\r\n..\r\nMAIL FROM:<evil@example.org>\r\n..\r\nb\r\n"
    assert server.connections[0].verbs.count("MAIL") == 1


async def test_several_mails_share_a_connection_that_is_ended_politely() -> None:
    async with facing({}) as (server, opened):
        for _ in range(3):
            await send(opened)
    (seen,) = server.connections
    assert seen.verbs.count("EHLO") == 1
    assert len(seen.texts) == 3
    assert seen.verbs[-1] == "QUIT"


async def test_every_mail_tells_its_size_where_the_server_asks_for_it() -> None:
    async with facing({}) as (server, opened):
        await send(opened)
        await send(opened)
    sizes = [line for line in server.connections[0].commands if line.startswith("MAIL")]
    assert sizes == [f"MAIL FROM:<n@example.org> SIZE={len(MAIL)}"] * 2


async def test_a_server_without_extensions_is_greeted_by_helo_and_gets_the_mail() -> None:
    async with facing({"EHLO": "502 5.5.1 what?"}) as (server, opened):
        await send(opened)
    assert server.connections[0].commands[2] == "MAIL FROM:<n@example.org>"


async def test_a_connection_is_left_after_a_hundred_mails() -> None:
    async with facing({}) as (server, opened):
        for _ in range(smtp.MAILS_PER_CONNECTION + 1):
            await send(opened)
    assert [len(seen.texts) for seen in server.connections] == [100, 1]


# TLS, exactly as configured.


async def test_tls_from_the_first_byte_delivers(tmp_path: Path) -> None:
    tls = an_identity(tmp_path)
    async with (
        listening(ssl_context=tls.server) as sink,
        mailer(sink.port, security="tls", ca_file=tls.ca_file) as opened,
    ):
        await send(opened)
    assert [mail.content for mail in sink.received] == [MAIL]


async def test_starttls_delivers(tmp_path: Path) -> None:
    tls = an_identity(tmp_path)
    async with (
        listening(tls_context=tls.server, require_starttls=True) as sink,
        mailer(sink.port, security="starttls", ca_file=tls.ca_file) as opened,
    ):
        await send(opened)
    assert [mail.content for mail in sink.received] == [MAIL]


@pytest.mark.parametrize("login", [{}, {"user": "ada", "password": PASSWORD}])
async def test_nothing_is_sent_in_the_clear_where_starttls_is_not_offered(
    login: dict[str, str],
) -> None:
    script: Script = {"EHLO": "250-fake\r\n250 AUTH PLAIN LOGIN"}
    async with facing(script, security="starttls", **login) as (server, opened):
        with pytest.raises(MailerDown, match=r"no TLS as smtp\.security asks"):
            await send(opened)
    assert server.connections[0].verbs == ["EHLO"]
    assert b"example.org" not in server.connections[0].raw


async def test_nothing_is_sent_in_the_clear_where_starttls_is_refused() -> None:
    script: Script = {"EHLO": "250-fake\r\n250 STARTTLS", "STARTTLS": "454 4.7.0 not now"}
    async with facing(script, security="starttls") as (server, opened):
        with pytest.raises(MailerDown, match=r"454 4\.7\.0 not now"):
            await send(opened)
    assert server.connections[0].verbs == ["EHLO", "STARTTLS"]


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("fault", ["another authority", "another host"])
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # asyncio's, of the refused handshake
async def test_a_wrong_certificate_stops_everything(
    tmp_path: Path, security: str, fault: str
) -> None:
    names = {"name": "mail.example.net", "address": "127.0.0.9"} if fault == "another host" else {}
    served = an_identity(tmp_path / "server", **names)
    trusted = served if fault == "another host" else an_identity(tmp_path / "client")
    how = {"ssl_context" if security == "tls" else "tls_context": served.server}
    async with (
        listening(**how) as sink,
        mailer(sink.port, security=security, ca_file=trusted.ca_file) as opened,
    ):
        with pytest.raises(MailerDown, match=r"no TLS as smtp\.security asks.*CERTIFICATE_VERIFY"):
            await send(opened)
    assert sink.received == []


async def test_plain_where_the_server_speaks_tls_is_mailer_down_not_a_refused_mail(
    tmp_path: Path,
) -> None:
    tls = an_identity(tmp_path)
    async with (
        listening(ssl_context=tls.server) as sink,
        mailer(sink.port, timeout_seconds=0.3) as opened,
    ):
        with pytest.raises(MailerDown):
            await send(opened)


async def test_an_unreadable_authority_file_is_named(tmp_path: Path) -> None:
    async with mailer(9, security="tls", ca_file=tmp_path / "none.pem") as opened:
        with pytest.raises(MailerDown, match=r"none\.pem"):
            await send(opened)


# Login.


@dataclass(slots=True)
class Doorkeeper:
    """Lets one password in."""

    port: int = 0
    received: list[bytes] = field(default_factory=list)

    def let_in(
        self, server: SMTP, session: Session, envelope: Envelope, kind: str, data: object
    ) -> AuthResult:
        knows = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
        return AuthResult(success=knows, handled=False)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.received.append(envelope.original_content or b"")
        return "250 ok"


@asynccontextmanager
async def guarded(folder: Path, password: str) -> AsyncIterator[tuple[Doorkeeper, SmtpMailer]]:
    """A real server that wants TLS and a login."""
    tls, keeper = an_identity(folder), Doorkeeper()
    options = {"authenticator": keeper.let_in, "auth_required": True, "tls_context": tls.server}
    async with (
        listening(keeper, **options) as _,
        mailer(
            keeper.port, security="starttls", ca_file=tls.ca_file, user="ada", password=password
        ) as opened,
    ):
        yield keeper, opened


async def test_a_right_password_delivers(tmp_path: Path) -> None:
    async with guarded(tmp_path, PASSWORD) as (keeper, opened):
        await send(opened)
    assert keeper.received == [MAIL]


async def test_a_wrong_password_is_mailer_down_and_no_mails_fault(tmp_path: Path) -> None:
    async with guarded(tmp_path, "wrong-donkey") as (keeper, opened):
        with pytest.raises(MailerDown, match=r"refused the login: 535 .*smtp\.password") as caught:
            await send(opened)
    assert caught.value.login_refused
    assert keeper.received == []


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        ("535 5.7.8 wrong password", True),
        ("534 5.7.9 too weak", True),
        ("454 4.7.0 not now", False),
        ("421 4.3.2 closing", False),
        ("250 what?", False),
        (DROP, False),
    ],
    ids=["535", "534", "454", "421", "250", "closed"],
)
async def test_only_a_final_no_to_the_login_is_a_refused_login(
    answer: str | Drop, refused: bool
) -> None:
    script: Script = {"EHLO": "250-fake\r\n250 AUTH PLAIN", "AUTH": answer}
    async with facing(script, user="ada", password=PASSWORD) as (_, opened):
        with pytest.raises(MailerDown) as caught:
            await send(opened)
    assert caught.value.login_refused is refused


async def test_a_server_that_is_not_there_refused_no_login() -> None:
    async with facing({"greeting": DROP}, user="ada", password=PASSWORD) as (_, opened):
        with pytest.raises(MailerDown) as caught:
            await send(opened)
    assert not caught.value.login_refused


@pytest.mark.parametrize(
    "shown",
    [PASSWORD, PASSWORD.upper(), b64encode(f"\0ada\0{PASSWORD}".encode()).decode(),
     b64encode(PASSWORD.encode()).decode(), "x" * 490 + PASSWORD],
    ids=["plain", "upper case", "AUTH PLAIN", "AUTH LOGIN", "at the end of the words kept"],
)  # fmt: skip
async def test_the_password_is_in_no_text_and_no_log_even_if_the_server_repeats_it(
    shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    script: Script = {"EHLO": "250-fake\r\n250 AUTH PLAIN", "AUTH": f"535 5.7.8 bad: {shown}"}
    async with facing(script, user="ada", password=PASSWORD) as (_, opened):
        with pytest.raises(MailerDown) as caught:
            await send(opened)
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(opened._settings)
    assert shown not in told
    assert "horse" not in told.lower()


async def test_a_server_without_login_is_mailer_down() -> None:
    async with facing({}, user="ada", password=PASSWORD) as (_, opened):
        with pytest.raises(MailerDown, match="AUTH"):
            await send(opened)


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
async def test_a_demand_for_a_login_is_mailer_down_and_blames_no_mail(stage: str) -> None:
    async with facing({stage: "530 5.7.0 Authentication required"}) as (_, opened):
        with pytest.raises(MailerDown, match=r"530 5\.7\.0.*smtp\.user"):
            await send(opened)


# A server that is not there.


@pytest.mark.parametrize(
    "script",
    [
        {"greeting": "554 5.3.2 go away"},
        {"greeting": "421 4.3.2 too busy"},
        {"greeting": DROP},
        {"EHLO": "550 not you", "HELO": "550 not you"},
        {"EHLO": DROP},
        {"EHLO": Say(b"\xff\xfe garbage")},
    ],
    ids=["554", "421", "closed", "greeting refused", "closed at EHLO", "garbage"],
)
async def test_a_server_that_takes_nothing_is_mailer_down(script: Script) -> None:
    async with facing(script) as (_, opened):
        with pytest.raises(MailerDown, match=r"mail server 127\.0\.0\.1:"):
            await send(opened)


async def test_no_server_at_all_is_mailer_down() -> None:
    async with scripted() as server:
        pass
    async with mailer(server.port) as opened:
        with pytest.raises(MailerDown, match="cannot be reached"):
            await send(opened)


@pytest.mark.parametrize("patience", ["connect", "mail"])
async def test_a_silent_server_is_mailer_down_in_time(
    monkeypatch: pytest.MonkeyPatch, patience: str
) -> None:
    if patience == "connect":
        monkeypatch.setattr(smtp, "CONNECT_SECONDS", 0.1)
    options = {"timeout_seconds": 0.1} if patience == "mail" else {}
    async with facing({"greeting": Late("220 hello")}, **options) as (_, opened):
        async with asyncio.timeout(2):
            with pytest.raises(MailerDown):
                await send(opened)


# Refusals: stage, code, enhanced code, and what the next mail meets.

REFUSALS = [("MAIL", "mail"), ("RCPT", "rcpt"), ("DATA", "data"), (".", "dot")]


@pytest.mark.parametrize(("command", "stage"), REFUSALS)
@pytest.mark.parametrize(("code", "enhanced"), [(451, "4.3.0"), (550, "5.1.1"), (552, "5.2.2")])
async def test_a_refusal_tells_its_stage_and_both_codes(
    command: str, stage: str, code: int, enhanced: str
) -> None:
    async with facing({command: f"{code} {enhanced} not like this"}) as (_, opened):
        error = await refusal(opened)
    assert (error.stage, error.code, error.enhanced) == (stage, code, enhanced)
    assert error.permanent is (code >= 500)
    assert not error.in_doubt
    assert error.reply == "not like this"


@pytest.mark.parametrize(("command", "stage"), REFUSALS)
async def test_after_a_refusal_the_next_mail_goes_over_the_same_connection(
    command: str, stage: str
) -> None:
    steps: list[Any] = [f"550 no {stage}", {"DATA": "354 ok"}.get(command, "250 ok")]
    async with facing({command: steps}) as (server, opened):
        await refusal(opened)
        await send(opened, MAIL + b"second\r\n")
    assert len(server.connections) == 1
    assert server.connections[0].texts[-1] == MAIL + b"second\r\n"


async def test_a_refusal_without_enhanced_code_keeps_all_its_words() -> None:
    async with facing({"RCPT": "550 No such user here"}) as (_, opened):
        error = await refusal(opened)
    assert (error.enhanced, error.reply) == ("", "No such user here")


async def test_a_refusal_over_several_lines_is_read_as_one() -> None:
    reply = "550-5.1.1 The account does not\r\n550-5.1.1 exist.\r\n550 5.1.1 Try another."
    async with facing({"RCPT": reply}) as (_, opened):
        error = await refusal(opened)
    assert error.enhanced == "5.1.1"
    assert error.reply == "The account does not 5.1.1 exist. 5.1.1 Try another."


async def test_a_refusal_shows_no_address() -> None:
    async with facing({"RCPT": "550 5.1.1 <Ada@Example.org>: no such user"}) as (_, opened):
        error = await refusal(opened)
    assert "ada" not in str(error).lower()
    assert error.reply == "<<recipient>>: no such user"


async def test_a_reply_in_no_encoding_can_be_kept_and_is_short() -> None:
    async with facing({"RCPT": Say(b"550 5.1.1 caf\xe9 \x1b[31m" + b"z" * 4000)}) as (_, opened):
        error = await refusal(opened)
    assert error.reply.encode().startswith(b"caf")
    assert error.reply.isprintable()
    assert len(error.reply) <= 500


async def test_the_words_of_an_acceptance_can_be_kept_too() -> None:
    async with facing({".": Say(b"250-2.0.0 caf\xe9\r\n250 queued")}) as (_, opened):
        assert await send(opened) == "250 2.0.0 caf? queued"


async def test_greylisting_is_a_refusal_for_now_and_the_later_try_passes() -> None:
    script: Script = {"RCPT": ["450 4.2.0 Greylisted, come back in 300 seconds", "250 ok"]}
    async with facing(script) as (server, opened):
        error = await refusal(opened)
        assert (error.stage, error.permanent, error.in_doubt) == ("rcpt", False, False)
        await send(opened)
    assert server.connections[0].texts == [MAIL]


@pytest.mark.parametrize("recipient", ["grüße@example.org", "a b@example.org", "a>@example.org"])
async def test_an_address_that_smtp_cannot_carry_is_one_mails_refusal(recipient: str) -> None:
    async with facing({}) as (server, opened):
        with pytest.raises(SendError) as caught:
            await send(opened, recipient=recipient)
        assert (caught.value.stage, caught.value.permanent) == ("rcpt", True)
        await send(opened)
    assert server.connections[-1].texts == [MAIL]


async def test_a_sender_that_smtp_cannot_carry_is_mailer_down() -> None:
    async with facing({}) as (_, opened):
        with pytest.raises(MailerDown, match=r"mail\.from"):
            await opened.send(sender="grüße@example.org", recipient=ADA, content=MAIL)


# Breaks: what is in doubt and what is not.


@pytest.mark.parametrize(
    ("script", "stage"),
    [
        ({"MAIL": DROP}, "mail"),
        ({"RCPT": DROP}, "rcpt"),
        ({"DATA": DROP}, "data"),
        ({"DATA": Say("421 4.3.2 closing", then_close=True)}, "data"),
        ({"DATA": "250 this is no 354"}, "data"),
        ({"DATA": "gibberish"}, "data"),
    ],
    ids=["MAIL", "RCPT", "DATA", "421 to DATA", "250 to DATA", "gibberish to DATA"],
)
async def test_a_break_before_the_text_leaves_no_doubt(script: Script, stage: str) -> None:
    async with facing(script, {}) as (server, opened):
        error = await refusal(opened)
        assert (error.stage, error.in_doubt, error.permanent) == (stage, False, False)
        await send(opened)
    assert [seen.texts for seen in server.connections] == [[], [MAIL]]


async def test_a_break_within_the_text_leaves_no_doubt() -> None:
    long = MAIL + b"x" * 70 * 200_000  # more than the sockets of both sides hold
    async with facing({"text": Drop(after_bytes=1000)}, {}) as (_, opened):
        error = await refusal(opened, long)
        assert (error.stage, error.code, error.in_doubt) == ("data", 0, False)


@pytest.mark.parametrize(
    "step",
    [DROP, Say(b"25"), Say(b"garbage after the dot"), Say("354 what?")],
    ids=["closed", "half a reply", "garbage", "354"],
)
async def test_a_break_after_the_dot_is_in_doubt(step: Any) -> None:
    if isinstance(step, Say):
        step = Say(step.text, then_close=True)
    async with facing({".": step}, {}) as (server, opened):
        error = await refusal(opened)
        assert (error.stage, error.code, error.in_doubt) == ("dot", 0, True)
        assert not error.permanent
        await send(opened)
    assert len(server.connections) == 2


async def test_silence_after_the_dot_is_in_doubt_and_the_late_reply_meets_no_other_mail() -> None:
    scripts: tuple[Script, ...] = ({".": Late("250 2.0.0 late")}, {".": "550 5.6.0 second refused"})
    async with facing(*scripts, timeout_seconds=0.2) as (server, opened):
        error = await refusal(opened)
        assert (error.stage, error.code, error.in_doubt) == ("dot", 0, True)
        server.let_go.set()
        second = await refusal(opened)
        assert (second.code, second.reply) == (550, "second refused")
    assert len(server.connections) == 2


async def test_a_cancelled_mail_closes_its_connection() -> None:
    async with facing({".": Late("250 late")}, {}) as (server, opened):
        task = asyncio.create_task(send(opened))
        await asyncio.wait_for(server.has_text.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.let_go.set()
        assert await send(opened, MAIL + b"next\r\n") == "250 2.0.0 kept"
    first, second = server.connections
    assert "QUIT" not in first.verbs
    assert second.texts == [MAIL + b"next\r\n"]


async def test_a_mail_cancelled_while_the_connection_is_made_ready_closes_it() -> None:
    async with facing({"RCPT": "550 no", "RSET": Late("250 late")}, {}) as (server, opened):
        await refusal(opened)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await send(opened)
        server.let_go.set()
        await send(opened)
    assert [len(seen.texts) for seen in server.connections] == [0, 1]


async def test_one_patience_covers_all_commands_of_a_mail() -> None:
    class Slow(Sink):
        async def handle_RCPT(
            self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
        ) -> str:
            await asyncio.sleep(0.3)
            envelope.rcpt_tos.append(address)
            return "250 ok"

        async def handle_MAIL(
            self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
        ) -> str:
            await asyncio.sleep(0.3)
            envelope.mail_from = address
            return "250 ok"

    async with listening(Slow()) as sink, mailer(sink.port, timeout_seconds=0.5) as opened:
        error = await refusal(opened)
    assert (error.stage, error.in_doubt) == ("rcpt", False)


# A connection that ends between two mails.


async def test_421_is_a_refusal_for_now_and_the_next_mail_reconnects() -> None:
    async with facing({"RCPT": "421 4.7.0 try again later"}, {}) as (server, opened):
        error = await refusal(opened)
        assert (error.stage, error.code, error.permanent) == ("rcpt", 421, False)
        await send(opened)
    assert [len(seen.texts) for seen in server.connections] == [0, 1]


async def test_a_server_that_closes_after_some_mails_gets_the_next_over_a_new_connection() -> None:
    script: Script = {".": ["250 ok", Say("250 2.0.0 kept, and bye", then_close=True)]}
    async with facing(script) as (server, opened):
        for _ in range(5):
            await send(opened)
    assert [len(seen.texts) for seen in server.connections] == [2, 2, 1]


async def test_a_server_that_announces_its_end_between_mails_gets_the_next_anew() -> None:
    script: Script = {"RSET": Say("421 4.4.2 idle too long", then_close=True)}
    async with facing(script) as (server, opened):
        await send(opened)
        await send(opened)
    assert [len(seen.texts) for seen in server.connections] == [1, 1]


async def test_a_mute_server_at_the_end_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "QUIT_SECONDS", 0.1)
    async with asyncio.timeout(2), facing({"QUIT": Late("221 bye")}) as (_, opened):
        await send(opened)


async def test_no_connection_is_made_before_the_first_mail() -> None:
    async with facing({}) as (server, _):
        await asyncio.sleep(0.05)
    assert server.connections == []


async def test_quitting_twice_is_harmless() -> None:
    async with facing({}) as (_, opened):
        await send(opened)
        await opened.quit()
        await opened.quit()
