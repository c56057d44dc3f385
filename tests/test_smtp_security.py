"""TLS exactly as configured, and logins, over SMTP."""

from __future__ import annotations

import logging
import traceback
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from notifier.delivery.smtp import SmtpMailer
from notifier.errors import MailerDown

from .fakes import DROP, Drop, Say, Script, Secure
from .identities import an_identity
from .sink import listening
from .smtp_lab import MAIL, PASSWORD, facing, mailer, send

pytestmark = pytest.mark.anyio

LOGIN = {"user": "ada", "password": PASSWORD}


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
        mailer(sink.port, connect_seconds=0.2) as opened,
    ):
        with pytest.raises(MailerDown):
            await send(opened)


async def test_an_unreadable_authority_file_is_named(tmp_path: Path) -> None:
    async with mailer(9, security="tls", ca_file=tmp_path / "none.pem") as opened:
        with pytest.raises(MailerDown, match=r"none\.pem"):
            await send(opened)


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # asyncio's, of the refused handshake
async def test_an_expired_certificate_stops_everything(tmp_path: Path, security: str) -> None:
    tls = an_identity(tmp_path, age_days=30)
    how = {"ssl_context" if security == "tls" else "tls_context": tls.server}
    async with (
        listening(**how) as sink,
        mailer(sink.port, security=security, ca_file=tls.ca_file) as opened,
    ):
        with pytest.raises(MailerDown, match=r"no TLS as smtp\.security asks.*expired"):
            await send(opened)
    assert sink.received == []


async def test_what_is_injected_before_tls_is_never_read_within_it(tmp_path: Path) -> None:
    tls = an_identity(tmp_path)
    evil = b"250-evil\r\n250 AUTH PLAIN\r\n235 come in\r\n"
    script: Script = {
        "EHLO": ["250-fake\r\n250 STARTTLS", "250 fake"],
        "STARTTLS": Secure(tls.server, injected=evil),
    }
    options = {"security": "starttls", "ca_file": tls.ca_file}
    async with facing(script, **options) as (server, opened):
        assert await send(opened) == "250 2.0.0 kept"
    async with facing(script, **options, **LOGIN) as (_, opened):
        with pytest.raises(MailerDown, match="offers no AUTH"):
            await send(opened)
    assert server.connections[0].verbs == [
        "EHLO",
        "STARTTLS",
        "EHLO",
        "MAIL",
        "RCPT",
        "DATA",
        ".",
        "QUIT",
    ]


@pytest.mark.parametrize("how", ["closed", "silent"])
async def test_a_handshake_that_does_not_end_is_mailer_down(how: str, tmp_path: Path) -> None:
    step = Say("220 go on", then_close=how == "closed", then_hang=how == "silent")
    script: Script = {"EHLO": "250-fake\r\n250 STARTTLS", "STARTTLS": step}
    options = {"security": "starttls", "ca_file": an_identity(tmp_path).ca_file}
    async with facing(script, **options, connect_seconds=0.2) as (server, opened):
        with pytest.raises(MailerDown, match="cannot be reached"):
            await send(opened)
    assert server.connections[0].verbs == ["EHLO", "STARTTLS"]


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


async def test_a_wrong_password_is_said_once() -> None:
    script: Script = {"EHLO": "250-fake\r\n250 AUTH CRAM-MD5 LOGIN PLAIN", "AUTH": "535 5.7.8 no"}
    async with facing(script, **LOGIN) as (server, opened):
        with pytest.raises(MailerDown) as caught:
            await send(opened)
    assert caught.value.login_refused
    assert server.connections[0].verbs == ["EHLO", "AUTH"]


async def test_a_login_goes_on_to_the_next_way_where_one_is_not_taken() -> None:
    script: Script = {
        "EHLO": "250-fake\r\n250 AUTH LOGIN PLAIN",
        "AUTH": ["504 5.5.4 not this way", "334 UGFzc3dvcmQ6"],
        b64encode(PASSWORD.encode()).decode().upper(): "235 2.7.0 welcome",
    }
    async with facing(script, **LOGIN) as (server, opened):
        await send(opened)
    assert server.connections[0].texts == [MAIL]


async def test_a_refused_login_stays_one_when_the_server_then_closes() -> None:
    script: Script = {
        "EHLO": "250-fake\r\n250 AUTH LOGIN PLAIN",
        "AUTH": Say("534 5.7.9 too weak", then_close=True),
    }
    async with facing(script, **LOGIN) as (_, opened):
        with pytest.raises(MailerDown, match=r"534 5\.7\.9 too weak") as caught:
            await send(opened)
    assert caught.value.login_refused
