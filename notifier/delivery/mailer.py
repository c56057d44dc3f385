"""What takes mails: a server over SMTP, or a folder."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Mailer(Protocol):
    """One connection to whatever takes mails."""

    @property
    def may_be_taken(self) -> bool:
        """Whether the mail that is being sent may be the taker's by now, so that only its answer
        tells; before, sending can be cancelled and nobody has the mail."""

    async def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        """Return the taker's words once it has taken `content`.

        Args:
            sender: Envelope sender, an address.
            recipient: Envelope recipient, an address.
            content: The mail, 7-bit, CRLF.
        Raises:
            SendError: this mail was refused, or its fate is in doubt.
            MailerDown: nothing can be sent at all.
        Sending twice delivers twice: the once-only promise is the ledger's, not ours.
        """


class Transport(Protocol):
    """Opens mailers; each is used by one task."""

    def open(self) -> AbstractAsyncContextManager[Mailer]:
        """Return a mailer that connects when it is first used and closes at the end."""
