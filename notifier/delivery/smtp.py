"""SMTP with aiosmtplib: one connection, TLS exactly as configured, every stage told apart.

A connection that timed out, was cancelled or lost its answer is always closed: a late reply
must never be read as another mail's.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTP, SMTPResponseException

from notifier.errors import MailerDown, SendError

CONNECT_SECONDS = 60.0
# A connection is left after this many mails; some providers close it without a word.
MAILS_PER_CONNECTION = 100
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
        self._client: SMTP | None = None
        self._sent = 0

    async def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        """See `Mailer.send`."""
        client = await self._connected()
        stage = "mail"
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                await client.mail(sender, options=_options(client, content))
                stage = "rcpt"
                await client.rcpt(recipient)
                stage = "data"
                answer = await client.data(content)
        except SMTPResponseException as error:
            await self._recover(error.code)
            raise _refused(stage, error) from error
        except (aiosmtplib.SMTPException, TimeoutError, OSError) as error:
            self._close()
            raise SendError(
                stage, 0, reply=type(error).__name__, in_doubt=stage == "data"
            ) from error
        except BaseException:  # cancelled: the answer may still come
            self._close()
            raise
        self._sent += 1
        return f"{answer.code} {answer.message}"

    async def _connected(self) -> SMTP:
        if self._client and self._client.is_connected and self._sent < MAILS_PER_CONNECTION:
            return self._client
        await self.quit()
        client = _client(self._settings)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await client.connect()
                if self._settings.user:
                    await client.login(self._settings.user, self._settings.password)
        except (aiosmtplib.SMTPException, TimeoutError, OSError, ssl.SSLError, ValueError) as error:
            client.close()
            raise MailerDown(_why_down(self._settings, error)) from error
        except BaseException:
            client.close()
            raise
        self._client, self._sent = client, 0
        return client

    async def _recover(self, code: int) -> None:
        """Make the connection ready for the next mail after a refusal, or close it."""
        if code == 421 or not self._client or not self._client.is_connected:
            self._close()
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._client.rset()
        except (aiosmtplib.SMTPException, TimeoutError, OSError):
            self._close()

    async def quit(self) -> None:
        """Say goodbye, whatever the answer; safe to call twice."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            async with asyncio.timeout(5):
                await client.quit()
        except (aiosmtplib.SMTPException, TimeoutError, OSError):
            pass
        finally:
            client.close()

    def _close(self) -> None:
        client, self._client = self._client, None
        if client:
            client.close()


def _client(settings: SmtpSettings) -> SMTP:
    context = (
        ssl.create_default_context(cafile=settings.ca_file) if settings.security != "none" else None
    )
    return SMTP(
        hostname=settings.host,
        port=settings.port,
        use_tls=settings.security == "tls",
        start_tls=settings.security
        == "starttls",  # True is required, False never; None would be both
        tls_context=context,
        timeout=settings.timeout_seconds,
    )


def _options(client: SMTP, content: bytes) -> list[str]:
    return [f"SIZE={len(content)}"] if client.supports_extension("size") else []


def _refused(stage: str, error: SMTPResponseException) -> SendError:
    message = " ".join(error.message.split())
    enhanced = _ENHANCED.match(message)
    words = message[enhanced.end() :] if enhanced else message
    return SendError(stage, error.code, enhanced.group(1) if enhanced else "", words)


def _why_down(settings: SmtpSettings, error: BaseException) -> str:
    where = f"mail server {settings.host}:{settings.port}"
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return (
            f"{where} refused the login: {error.code} {error.message} - check smtp.user and "
            "smtp.password (many providers want an app password)"
        )
    said = (
        f"{error.code} {error.message}" if isinstance(error, SMTPResponseException) else str(error)
    )
    if "STARTTLS" in said or isinstance(error, ssl.SSLError | aiosmtplib.SMTPNotSupported):
        return f"{where}: no TLS as smtp.security asks ({said}); nothing was sent in the clear"
    return f"{where} cannot be reached: {said or type(error).__name__}"
