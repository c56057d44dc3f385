"""SMTP with aiosmtplib: one connection, TLS exactly as configured, every stage told apart.

A connection that timed out, was cancelled or lost its answer is always closed: a late reply
must never be read as another mail's.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTPResponseException

from notifier.delivery.client import Client
from notifier.errors import MailerDown, SendError

CONNECT_SECONDS = 60.0
QUIT_SECONDS = 5.0
REPLY_CHARACTERS = 500
# A connection is left after this many mails; some providers close it without a word.
MAILS_PER_CONNECTION = 100
_CLOSING = 421
_LOGIN_FIRST = 530  # "authentication required", "must issue STARTTLS first": RFC 4954, RFC 3207
_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})\s*")


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """How to reach the server. `security` is required as it stands, never less."""

    host: str = "localhost"
    port: int = 25
    security: Literal["tls", "starttls", "none"] = "none"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    timeout_seconds: float = 600.0


class SmtpTransport:
    """Opens connections to one server."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SmtpMailer]:
        """Yield a mailer; the connection says QUIT at the end."""
        mailer = SmtpMailer(self._settings)
        try:
            yield mailer
        finally:
            await mailer.quit()


class SmtpMailer:
    """One connection, opened when needed and again after it was lost."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._client: Client | None = None

    async def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        """See `Mailer.send`. All of it takes at most `timeout_seconds`."""
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                client = await self._ready()
                answer = await client.deliver(sender, recipient, content)
        except aiosmtplib.SMTPResponseException as error:
            raise self._refused(error, recipient) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise self._broken(error) from error
        except BaseException:  # cancelled: the answer may still come
            self._close()
            raise
        return f"{answer.code} {_words(answer.message)}"

    async def _ready(self) -> Client:
        """Return a connection at the start of a mail: the one in use, or a new one."""
        client = self._client
        if client and client.is_connected and client.mails < MAILS_PER_CONNECTION:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await client.begin()
                return client
            except (aiosmtplib.SMTPException, OSError):
                self._close()
        await self.quit()
        self._client = await self._connect()
        return self._client

    async def _connect(self) -> Client:
        settings = self._settings
        client = _client(settings)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await client.connect()
                await client.greet()
                if settings.user:
                    await client.login(settings.user, settings.password)
        except aiosmtplib.SMTPAuthenticationError as error:
            client.close()
            raise _login_refused(settings, error) from None  # its text may show the password
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            raise MailerDown(_why_down(settings, error)) from error
        except BaseException:
            client.close()
            raise
        return client

    def _refused(self, error: SMTPResponseException, recipient: str) -> SendError | MailerDown:
        """What an answer that is none of the wanted ones means for this mail."""
        stage, code = self._stage(), error.code
        is_refusal = 400 <= code < 600
        if not is_refusal or code == _CLOSING:
            self._close()
        reply = _words(error.message, {recipient: "<recipient>"})
        if code == _LOGIN_FIRST:
            return MailerDown(
                f"{_where(self._settings)} wants a login or TLS first: {code} {reply} - check "
                "smtp.user and smtp.security"
            )
        if not is_refusal:  # garbage, or an answer to something else
            return SendError(stage, 0, reply=reply, in_doubt=stage == "dot")
        enhanced = _ENHANCED.match(reply)
        words = reply[enhanced.end() :] if enhanced else reply
        return SendError(stage, code, enhanced.group(1) if enhanced else "", words)

    def _broken(self, error: Exception) -> SendError | MailerDown:
        """What no answer at all means for this mail."""
        stage = self._stage()
        self._close()
        if isinstance(error, ValueError) and stage == "rcpt":  # cannot even be said
            return SendError(stage, 553, "5.1.3", "this is no address that SMTP can carry")
        if isinstance(error, ValueError) and stage == "mail":
            return MailerDown(f"mail.from is no address that SMTP can carry: {error}")
        if stage == "connect":
            return MailerDown(_why_down(self._settings, error))
        return SendError(stage, 0, reply=type(error).__name__, in_doubt=stage == "dot")

    def _stage(self) -> str:
        return self._client.stage if self._client else "connect"

    async def quit(self) -> None:
        """Say goodbye, whatever the answer; safe to call twice."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            async with asyncio.timeout(QUIT_SECONDS):
                await client.quit()
        except (aiosmtplib.SMTPException, OSError):
            pass
        finally:
            client.close()

    def _close(self) -> None:
        client, self._client = self._client, None
        if client:
            client.close()


def _client(settings: SmtpSettings) -> Client:
    return Client(
        hostname=settings.host,
        port=settings.port,
        use_tls=settings.security == "tls",
        # True is required, False never; None would take TLS or the clear as the server likes.
        start_tls=settings.security == "starttls",
        tls_context=_tls(settings),
        timeout=settings.timeout_seconds,
    )


def _tls(settings: SmtpSettings) -> ssl.SSLContext | None:
    if settings.security == "none":
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise MailerDown(f"smtp.ca_file {settings.ca_file} cannot be read: {error}") from error


def _words(message: str, secrets: Mapping[str, str] = MappingProxyType({})) -> str:
    """A server's words on one line, fit for a log and a database whatever bytes they were.

    `secrets` maps what must not be shown, in any case, to what stands there instead.
    """
    for secret, instead in secrets.items():
        message = re.sub(re.escape(secret), instead, message, flags=re.IGNORECASE)
    printable = message.encode("utf-8", "replace").decode("utf-8")
    line = "".join(c if c.isprintable() else " " for c in printable)
    return " ".join(line.split())[:REPLY_CHARACTERS]


def _where(settings: SmtpSettings) -> str:
    return f"mail server {settings.host}:{settings.port}"


def _login_refused(settings: SmtpSettings, error: aiosmtplib.SMTPAuthenticationError) -> MailerDown:
    user, password = settings.user.encode(), settings.password.encode()
    said = (password, b"\0" + user + b"\0" + password, user + b"\0" + user + b"\0" + password)
    secrets = [settings.password, *(b64encode(one).decode() for one in said)]
    words = _words(error.message, {secret: "***" for secret in secrets if secret})
    if not 500 <= error.code < 600:
        return MailerDown(f"{_where(settings)} takes no login now: {error.code} {words}")
    return MailerDown(
        f"{_where(settings)} refused the login: {error.code} {words} - check smtp.user and "
        "smtp.password (many providers want an app password)",
        login_refused=True,
    )


def _why_down(settings: SmtpSettings, error: BaseException) -> str:
    where = _where(settings)
    if isinstance(error, SMTPResponseException):
        return f"{where} takes nothing: {error.code} {_words(error.message)}"
    said = str(error) or type(error).__name__
    is_tls = isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError)
    if is_tls or "STARTTLS" in said:
        return f"{where}: no TLS as smtp.security asks ({said}); nothing was sent in the clear"
    return f"{where} cannot be reached: {said}"
