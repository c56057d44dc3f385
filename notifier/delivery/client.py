"""aiosmtplib's client, driven so that every stage of a mail is known.

Its own `data()` gives one error for a refusal before the text, a break in it and silence after
it; what was lost and what is in doubt could not be told apart.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPHeloError,
    SMTPResponse,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from notifier.delivery.envelope import RESET, Command, Envelope
from notifier.delivery.replies import Replies

# For an answer that no server has a cause to take long over.
PROMPT_SECONDS = 60.0
_LOGINS = ("plain", "login", "cram-md5")
_WRONG_LOGIN = 535
_LINE_END = re.compile(rb"\r\n|\r|\n")
_DOT = re.compile(rb"^\.", re.MULTILINE)


class Client(SMTP):
    """One connection that knows how far its mail has got.

    `stage` is connect, mail, rcpt, data (DATA and the text) or dot (the final dot was written, the
    server may take the mail). `mails` counts those that were begun. `prompt_seconds` is for the
    first answer on a connection that was used before: it shows whether the server is still there.
    """

    def __init__(self, *, prompt_seconds: float = PROMPT_SECONDS, **options: Any):
        super().__init__(timeout=None, **options)  # the caller's patience covers all commands
        self.stage = "connect"
        self.mails = 0
        self.prompt_seconds = prompt_seconds
        self._is_clean = True
        self._replies: Replies | None = None

    @property
    def replies(self) -> Replies:
        """What reads the answers.

        Raises:
            SMTPServerDisconnected: the connection has ended.
        """
        if self._replies is None or not self.is_connected:
            raise SMTPServerDisconnected("Connection lost")
        return self._replies

    @property
    def is_ready(self) -> bool:
        """Whether a mail may begin: connected, and nothing said since the last answer."""
        return self.is_connected and self.replies.is_quiet

    async def open(self) -> None:
        """Connect, with TLS as configured, and say EHLO, or HELO where that is refused."""
        await self.connect()
        if self.transport is None:
            raise SMTPServerDisconnected("Connection lost")
        self.protocol = self._replies = Replies(self.transport, self._on_connection_lost)
        try:
            await self.ehlo()
        except SMTPHeloError:
            if not self.is_connected:  # 421
                raise
            await self.helo()

    def close(self) -> None:
        """Close the connection, and drop the rest of a text, which asyncio would still send."""
        transport = self.transport
        if isinstance(transport, asyncio.WriteTransport) and transport.get_write_buffer_size():
            transport.abort()
        super().close()

    async def sign_in(self, user: str, password: str) -> None:
        """Log in. The password goes as it is: to another machine there is TLS around it.

        535 says that it is wrong, and is final. aiosmtplib's own `login` goes on to the next
        mechanism, so that one wrong password counts up to three times.

        Raises:
            SMTPAuthenticationError: the last refusal, also where the connection ended after it.
            SMTPException: the server offers no mechanism that we know.
        """
        refused: SMTPException = SMTPException("the server offers no AUTH that we know")
        for name in (known for known in _LOGINS if known in self.server_auth_methods):
            try:
                await getattr(self, f"auth_{name.replace('-', '')}")(user, password)
                return
            except SMTPAuthenticationError as error:
                refused = error
                if error.code == _WRONG_LOGIN:
                    break
            except SMTPServerDisconnected as error:
                refused = refused if isinstance(refused, SMTPAuthenticationError) else error
                break
        raise refused

    async def hand_over(self, envelope: Envelope, content: bytes) -> None:
        """Bring one mail from MAIL to the end of its text, without the final dot.

        What a refused mail left is forgotten first (RSET); one that was taken leaves nothing.

        Raises:
            SMTPResponseException: any answer but those wanted.
            TimeoutError: no answer to the first command, on a connection that was used before.
        """
        text = _in_lines(content)
        commands = envelope.commands(text, self.esmtp_extensions)
        if not self._is_clean:
            commands.insert(0, RESET)
        self.stage = "connect"
        self.mails += 1
        self._is_clean = False
        await self._say(commands)
        await self._write(_dotted(text))

    async def finish(self) -> SMTPResponse:
        """Write the final dot and return the server's words: it has the mail.

        Raises:
            SMTPResponseException: any other answer.
        """
        replies = self.replies
        self.stage = "dot"
        answer = checked(await replies.execute_command(b"."), 2)
        self._is_clean = True
        return answer

    def patience(self) -> float | None:
        """Return how long the first answer to a mail is waited for; None: as for all others."""
        return self.prompt_seconds if self.mails > 1 else None

    async def _say(self, commands: Sequence[Command]) -> None:
        """Say one after another, and stop at the first answer that is not the wanted one."""
        patience = self.patience()
        for command in commands:
            self.stage = command.stage
            async with asyncio.timeout(patience):
                answer = await self.replies.execute_command(command.line)
            checked(answer, command.wanted)
            patience = None

    async def _write(self, text: bytes) -> None:
        """Return when all of `text` is on its way, so that a break is noticed before the dot."""
        replies = self.replies
        replies.transport.set_write_buffer_limits(high=0)  # type: ignore[union-attr]  # aiosmtplib types it as BaseTransport
        with suppress(OSError):  # a refusal may stand before the break
            replies.write(text)
            await replies._drain_helper()  # what asyncio's StreamWriter.drain() waits for
        if not replies.is_quiet:
            self.close()
            if isinstance(replies.unasked, SMTPResponse):
                raise SMTPResponseException(*replies.unasked)
            raise SMTPServerDisconnected("Connection lost")


def _in_lines(content: bytes) -> bytes:
    """Return a text in lines that end with CRLF, the last one too."""
    ends = content.count(b"\r\n")
    if not ends == content.count(b"\n") == content.count(b"\r"):
        content = _LINE_END.sub(b"\r\n", content)
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def _dotted(text: bytes) -> bytes:
    """Return a text with a dot more before each line that begins with one (RFC 5321, 4.5.2)."""
    is_dotted = text.startswith(b".") or b"\n." in text
    return _DOT.sub(b"..", text) if is_dotted else text


def checked(answer: SMTPResponse, wanted: int) -> SMTPResponse:
    """Return an answer whose code begins with the digit wanted; raise any other."""
    if answer.code // 100 != wanted:
        raise SMTPResponseException(answer.code, answer.message)
    return answer
