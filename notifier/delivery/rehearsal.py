"""One mail, step by step, as it would be sent: each step with its time and the server's words.

So that whoever sets this up sees how far it gets. Nothing is tried twice. Texts show no password.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiosmtplib import SMTPException, SMTPResponseException

from notifier.delivery import smtp_errors
from notifier.delivery.client import Client
from notifier.delivery.smtp import SmtpSettings, connecting, envelope_of, new_client
from notifier.errors import MailError


@dataclass(frozen=True, slots=True)
class Step:
    """A step: whether it went well, its seconds (None: no step of its own), and what was said.

    `until`: when the server's certificate ends (UTC), where it has shown one.
    """

    name: str
    is_ok: bool
    seconds: float | None
    said: str
    until: datetime | None = None


async def rehearse(
    settings: SmtpSettings,
    *,
    clock: Callable[[], float],
    sender: str = "",
    recipient: str = "",
    content: bytes = b"",
) -> AsyncIterator[Step]:
    """Yield each step; the last is the first that failed, if one did.

    Args:
        clock: Seconds that only grow.
        content: Without it no mail is sent: the rehearsal ends before.
    """
    watch = _Watch(clock)
    name = "connect"
    client: Client | None = None
    try:
        client = new_client(settings)
        with connecting(client, settings):
            async with asyncio.timeout(settings.connect_seconds):
                await client.open()
        yield watch.step(name, f"{settings.host}:{settings.port}")
        yield _security(client)
        if settings.user:
            name = "login"
            with connecting(client, settings):
                async with asyncio.timeout(settings.connect_seconds):
                    await client.sign_in(settings.user, settings.password)
            yield watch.step(name, f"as {settings.user}")
        if content:
            async for step in _sent(client, settings, watch, sender, recipient, content):
                yield step
    except MailError as error:
        yield watch.step(name, str(error), is_ok=False)
    finally:
        if client:
            client.close()


class _Watch:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._begun = clock, clock()

    def step(self, name: str, said: str, *, is_ok: bool = True) -> Step:
        now = self._clock()
        seconds, self._begun = now - self._begun, now
        return Step(name, is_ok, seconds, said)


async def _sent(
    client: Client,
    settings: SmtpSettings,
    watch: _Watch,
    sender: str,
    recipient: str,
    content: bytes,
) -> AsyncIterator[Step]:
    try:
        envelope = envelope_of(sender, recipient)
        async with asyncio.timeout(settings.send_seconds):
            await client.hand_over(envelope, content)
        yield watch.step("mail", "sender, recipient and text were taken")
        async with asyncio.timeout(settings.timeout_seconds):
            answer = await client.finish()
        yield watch.step("dot", f"{answer.code} {smtp_errors.words(answer.message)}")
    except SMTPResponseException as error:
        said = f"{error.code} {smtp_errors.words(error.message)}"
        yield watch.step(client.stage, said, is_ok=False)
    except (SMTPException, OSError) as error:
        said = f"no answer: {type(error).__name__}"
        yield watch.step(client.stage, said, is_ok=False)


def _security(client: Client) -> Step:
    """How the connection is kept from others."""
    transport = client.transport
    channel = transport.get_extra_info("ssl_object") if transport else None
    if not isinstance(channel, ssl.SSLObject):
        return Step("tls", True, None, "none: smtp.security asks for none")
    until = (channel.getpeercert() or {}).get("notAfter", "")
    if not isinstance(until, str) or not until:
        return Step("tls", True, None, str(channel.version()))
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC)
    return Step("tls", True, None, f"{channel.version()}, certificate until {until}", ends)
