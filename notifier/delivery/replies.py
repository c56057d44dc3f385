"""aiosmtplib's protocol, for several commands on the way at once.

Its own keeps one answer, and drops what comes before that was fetched. Here every answer waits its
turn, also after the connection has ended, and what nobody asked for is never taken for an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from aiosmtplib import SMTPResponse, SMTPResponseException, SMTPServerDisconnected
from aiosmtplib.protocol import MAX_RESPONSE_LENGTH, SMTPProtocol

CLOSING = 221
UNAVAILABLE = 421
GARBAGE = -1  # what aiosmtplib gives for an answer that is none


def is_refusal(code: int) -> bool:
    """Whether an answer refuses one command and the connection goes on: 4yz or 5yz, but not 421."""
    return 400 <= code < 600 and code != UNAVAILABLE


class Replies(SMTPProtocol):
    """Takes over a connection that stands between two commands.

    `unasked` is what the server said last without being asked, as 421 before it closes.
    """

    def __init__(
        self, transport: asyncio.BaseTransport, lost: Callable[[SMTPProtocol], None]
    ) -> None:
        super().__init__(connection_lost_callback=lost)
        self.unasked: SMTPResponse | Exception | None = None
        self._answers: asyncio.Queue[SMTPResponse | Exception] = asyncio.Queue()
        self._due = 0
        transport.set_protocol(self)
        self.connection_made(transport)

    @property
    def is_quiet(self) -> bool:
        """Whether every command has its answer, and nothing else was said."""
        unread = self._due or self._buffer or self.unasked or not self._answers.empty()
        return not unread

    def send(self, lines: Iterable[bytes]) -> None:
        """Write commands at once; `read_response` then gives their answers, one after another."""
        commands = [line + b"\r\n" for line in lines]
        self._due += len(commands)
        self.write(b"".join(commands))

    async def execute_command(
        self,
        *args: bytes,
        timeout: float | None = None,  # noqa: ASYNC109  # aiosmtplib's
    ) -> SMTPResponse:
        """Write one command and return its answer."""
        self._due += 1
        return await super().execute_command(*args, timeout=timeout)

    async def read_response(self, timeout: float | None = None) -> SMTPResponse:  # noqa: ASYNC109
        """Return the next answer.

        Raises:
            SMTPResponseException: it is garbage, or longer than an answer can be; code -1.
            SMTPServerDisconnected: the connection has ended before it.
        """
        async with asyncio.timeout(timeout):
            answer = await self._answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def data_received(self, data: bytes) -> None:
        """Part what came into answers, and give each to who asked."""
        self._buffer.extend(data)
        while b"\n" in data and (answer := self._next()) is not None:
            if self._due:
                self._due -= 1
                self._answers.put_nowait(answer)
            else:
                self.unasked = answer
        if len(self._buffer) > MAX_RESPONSE_LENGTH:
            self._buffer.clear()
            self._answers.put_nowait(_too_long())

    def _next(self) -> SMTPResponse | Exception | None:
        before = len(self._buffer)
        try:
            answer = self._read_response_from_buffer()
        except SMTPResponseException as error:
            self._buffer.clear()
            return error
        return _too_long() if before - len(self._buffer) > MAX_RESPONSE_LENGTH else answer

    def eof_received(self) -> bool:
        """Let who waits know at once: the rest of what we say may never be read."""
        self._end(None)
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The same, and what is beneath."""
        self._end(exc)
        super().connection_lost(exc)

    def _end(self, cause: Exception | None) -> None:
        lost = SMTPServerDisconnected("Connection lost")
        lost.__cause__ = cause
        self._answers.put_nowait(SMTPResponse(CLOSING, "") if self._quit_sent else lost)


def _too_long() -> SMTPResponseException:
    return SMTPResponseException(GARBAGE, "Response too long")
