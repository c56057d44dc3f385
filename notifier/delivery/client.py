"""aiosmtplib's client, driven so that every stage of a mail is known.

Its own `data()` gives one error for a refusal before the text, a break in it and silence after
it; what was lost and what is in doubt could not be told apart.
"""

from __future__ import annotations

import re

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPHeloError,
    SMTPResponse,
    SMTPServerDisconnected,
)
from aiosmtplib.email import quote_address

_LINE_END = re.compile(rb"\r\n|\r|\n")
_DOT = re.compile(rb"^\.", re.MULTILINE)


class Client(SMTP):
    """One connection that knows how far its mail has got.

    `stage` is connect, mail, rcpt, data (DATA and the text) or dot (the final dot was written,
    the server may take the mail); `mails` counts those taken.
    """

    stage = "connect"
    mails = 0

    async def greet(self) -> None:
        """Say EHLO, or HELO where that is refused, unless it was said."""
        if self.is_ehlo_or_helo_needed:
            try:
                await self.ehlo()
            except SMTPHeloError:
                await self.helo()

    async def begin(self) -> None:
        """Forget what a refused mail left, and see whether the server is still there."""
        self.stage = "connect"
        await self.rset()

    async def deliver(self, sender: str, recipient: str, content: bytes) -> SMTPResponse:
        """Bring one mail from MAIL to the server's answer after the final dot.

        Raises:
            ValueError: at the present stage, an address that cannot be written in a command.
        """
        text = _LINE_END.sub(b"\r\n", content)
        self.stage = "mail"
        sized = self.supports_extension("size")
        await self.mail(_bare(sender), options=[f"SIZE={len(text)}"] if sized else [])
        self.stage = "rcpt"
        await self.rcpt(_bare(recipient))
        self.stage = "data"
        await self._command(b"DATA", 3)
        await self._write(_DOT.sub(b"..", text))
        self.stage = "dot"
        answer = await self._command(b".", 2)
        self.mails += 1
        return answer

    async def _command(self, command: bytes, wanted: int) -> SMTPResponse:
        answer = await self.execute_command(command)
        if answer.code // 100 != wanted:
            raise SMTPDataError(answer.code, answer.message)
        return answer

    async def _write(self, text: bytes) -> None:
        """Return when all of `text` is on its way, so that a break is noticed before the dot."""
        if self.protocol is None or self.transport is None:
            raise SMTPServerDisconnected("Connection lost")
        self.transport.set_write_buffer_limits(high=0)  # type: ignore[attr-defined]  # aiosmtplib types it as BaseTransport
        self.protocol.write(text if text.endswith(b"\r\n") else text + b"\r\n")
        await self.protocol._drain_helper()  # what asyncio's StreamWriter.drain() waits for
        if not self.is_connected:
            raise SMTPServerDisconnected("Connection lost")


def _bare(address: str) -> str:
    """The address, if aiosmtplib would say it as it stands: of `a>@b` it makes another, `a`."""
    if quote_address(address) != f"<{address}>":
        raise ValueError("not an address alone")
    return address
