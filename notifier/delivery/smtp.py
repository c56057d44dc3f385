"""SMTP with aiosmtplib: one connection, TLS exactly as configured, every stage told apart.

A connection that timed out, was cancelled or lost its answer is always closed: a late reply
must never be read as another mail's.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from aiosmtplib import SMTPAuthenticationError, SMTPException, SMTPResponseException

from notifier.delivery import smtp_errors
from notifier.delivery.client import PROMPT_SECONDS, Client
from notifier.delivery.envelope import Envelope, path
from notifier.delivery.pipelined import Pipelined
from notifier.delivery.replies import is_refusal
from notifier.errors import MailerDown, MailError


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """How to reach the server, and how long to wait for it.

    `security` is required as it stands, never less. `send_seconds` is for a mail up to its final
    dot, a new connection included (which has `connect_seconds` of it); `timeout_seconds` for the
    answer to the dot, which RFC 5321, 4.5.3.2.6, gives ten minutes; `prompt_seconds` see `Client`
    and `Pipelined`. A connection takes `mails_per_connection`
    mails at most, `connection_seconds` long, and none after `idle_seconds` without one.
    """

    host: str = "localhost"
    port: int = 25
    security: Literal["tls", "starttls", "none"] = "none"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    send_seconds: float = 240.0
    timeout_seconds: float = 600.0
    mails_per_connection: int = 100
    connection_seconds: float = 300.0
    idle_seconds: float = 30.0
    connect_seconds: float = 60.0
    prompt_seconds: float = PROMPT_SECONDS
    quit_seconds: float = 5.0

    @property
    def where(self) -> str:
        """The server, as messages name it."""
        return f"mail server {self.host}:{self.port}"


class SmtpTransport:
    """Opens connections to one server. `clock` gives seconds that only grow."""

    def __init__(
        self, settings: SmtpSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._clock = settings, clock

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SmtpMailer]:
        """Yield a mailer; the connection says QUIT at the end."""
        mailer = SmtpMailer(self._settings, self._clock)
        try:
            yield mailer
        finally:
            await mailer.quit()


class SmtpMailer:
    """One connection, opened when needed and again after it was lost or worn."""

    def __init__(self, settings: SmtpSettings, clock: Callable[[], float]) -> None:
        self._settings, self._clock = settings, clock
        self._client: Client | None = None
        self._opened = self._used = 0.0
        self._is_at_dot = False

    @property
    def may_be_taken(self) -> bool:
        """See `Mailer.may_be_taken`."""
        return self._is_at_dot

    async def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        """See `Mailer.send`. It takes at most `send_seconds` and then `timeout_seconds`."""
        settings = self._settings
        envelope = envelope_of(sender, recipient)
        shown_to_nobody = (recipient, envelope.recipient)
        self._is_at_dot = False
        try:
            async with asyncio.timeout(settings.send_seconds):
                client = await self._hand_over(envelope, content)
            self._is_at_dot = True
            async with asyncio.timeout(settings.timeout_seconds):
                answer = await client.finish()
        except MailError:
            raise
        except SMTPResponseException as error:
            stage, self._used = self._stage(), self._clock()
            if not is_refusal(error.code):
                self._close()
            # its own text shows the recipient
            raise smtp_errors.unwanted(stage, error, shown_to_nobody, settings.where) from None
        except (SMTPException, OSError) as error:
            stage = self._stage()
            self._close()
            raise smtp_errors.silence(stage, error, settings.where) from error
        except BaseException:  # cancelled: the answer may still come
            self._close()
            raise
        self._used = self._clock()
        return f"{answer.code} {smtp_errors.words(answer.message, shown_to_nobody, '<recipient>')}"

    async def _hand_over(self, envelope: Envelope, content: bytes) -> Client:
        """Bring a mail up to its dot and return the connection that has it.

        A connection in use that says nothing more, or 421, may have ended while nobody looked.
        Nothing was taken then, so the mail goes over a new one at once.
        """
        client = await self._ready()
        if envelope.needs_utf8 and not client.supports_extension("smtputf8"):
            raise smtp_errors.needs_utf8(self._settings.where)
        is_new = client.mails == 0
        try:
            await client.hand_over(envelope, content)
        except (SMTPException, OSError) as error:
            if is_new or not _has_ended(client.stage, error):
                raise
            self._close()
            client = await self._ready()
            await client.hand_over(envelope, content)
        return client

    async def _ready(self) -> Client:
        """Return a connection at the start of a mail: the one in use, or a new one."""
        client = self._client
        if client and not client.is_ready:
            self._close()
        elif client and not self._is_worn(client):
            return client
        await self.quit()
        self._client = await self._connect()
        self._opened = self._used = self._clock()
        return self._client

    def _is_worn(self, client: Client) -> bool:
        settings, now = self._settings, self._clock()
        return (
            client.mails >= settings.mails_per_connection
            or now - self._opened >= settings.connection_seconds
            or now - self._used >= settings.idle_seconds
        )

    async def _connect(self) -> Client:
        settings = self._settings
        client = new_client(settings)
        with connecting(client, settings):
            async with asyncio.timeout(settings.connect_seconds):
                await client.open()
                if settings.user:
                    await client.sign_in(settings.user, settings.password)
        return client

    def _stage(self) -> str:
        return self._client.stage if self._client else "connect"

    async def quit(self) -> None:
        """Say goodbye, whatever the answer; safe to call twice."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            async with asyncio.timeout(self._settings.quit_seconds):
                await client.quit()
        except (SMTPException, OSError):
            pass
        finally:
            client.close()

    def _close(self) -> None:
        client, self._client = self._client, None
        if client:
            client.close()


@contextmanager
def connecting(client: Client, settings: SmtpSettings) -> Iterator[None]:
    """While a connection is opened and logged in: a failure closes it, and is the server's.

    Raises:
        MailerDown: whatever went wrong.
    """
    try:
        yield
    except SMTPAuthenticationError as error:
        client.close()
        raise smtp_errors.login_refused(
            error, settings.user, settings.password, settings.where
        ) from None  # its text may show the password
    except (SMTPException, OSError, ValueError) as error:
        client.close()
        raise smtp_errors.unreachable(error, settings.where) from error
    except BaseException:
        client.close()
        raise


def envelope_of(sender: str, recipient: str) -> Envelope:
    """Return the envelope of a mail.

    Raises:
        MailerDown: the sender's address cannot be said in SMTP.
        SendError: the recipient's cannot.
    """
    try:
        whose = path(sender)
        if not whose.isascii():
            raise ValueError("its local part is not ASCII")
    except ValueError as error:
        raise MailerDown(f"mail.from is no address that SMTP can carry: {error}") from error
    try:
        return Envelope(whose, path(recipient))
    except ValueError:
        raise smtp_errors.no_address() from None


def _has_ended(stage: str, error: Exception) -> bool:
    """Whether a failure tells of the connection and not of the mail: RSET, or no answer to MAIL."""
    is_about_mail = isinstance(error, SMTPResponseException) and is_refusal(error.code)
    return stage == "connect" or (stage == "mail" and not is_about_mail)


def new_client(settings: SmtpSettings) -> Client:
    """Return a connection that is not open yet.

    Raises:
        MailerDown: `ca_file` cannot be read.
    """
    return Pipelined(
        hostname=settings.host,
        port=settings.port,
        use_tls=settings.security == "tls",
        # True is required, False never; None would take TLS or the clear as the server likes.
        start_tls=settings.security == "starttls",
        tls_context=_tls(settings),
        prompt_seconds=settings.prompt_seconds,
    )


def _tls(settings: SmtpSettings) -> ssl.SSLContext | None:
    if settings.security == "none":
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise MailerDown(f"smtp.ca_file {settings.ca_file} cannot be read: {error}") from error
