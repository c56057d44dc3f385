"""A way to the mail server that times every mail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from notifier.delivery.mailer import Mailer, Transport
from notifier.errors import MailerDown, SendError
from notifier.metrics.meters import Meters


class TimedTransport:
    """Sends by another transport."""

    def __init__(self, inner: Transport, meters: Meters) -> None:
        self._inner, self._meters = inner, meters

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Mailer]:
        """Yield a mailer of the other, timed."""
        async with self._inner.open() as mailer:
            yield _Timed(mailer, self._meters)


class _Timed:
    def __init__(self, inner: Mailer, meters: Meters) -> None:
        self._inner, self._meters = inner, meters

    @property
    def may_be_taken(self) -> bool:
        """See `Mailer.may_be_taken`."""
        return self._inner.may_be_taken

    async def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        """See `Mailer.send`."""
        begun, outcome = self._meters.seconds(), "failed"
        try:
            words = await self._inner.send(sender=sender, recipient=recipient, content=content)
            outcome = "taken"
            return words
        except SendError as error:
            outcome = "refused" if error.permanent else "put off"
            raise
        except MailerDown:
            outcome = "down"
            raise
        finally:
            seconds = self._meters.seconds() - begun
            self._meters.observe("mail_seconds", seconds, outcome=outcome)
