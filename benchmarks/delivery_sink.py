"""A mail server in a process of its own that takes everything and keeps nothing.

It speaks as much of SMTP as senders need (RFC 5321, RFC 2920), looks at each byte once, and counts.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

_END = b"\r\n.\r\n"
REPLIES = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE\r\n250 ENHANCEDSTATUSCODES",
    b"HELO": b"250 sink",
    b"MAIL": b"250 2.1.0 ok",
    b"RCPT": b"250 2.1.5 ok",
    b"DATA": b"354 go on",
    b"RSET": b"250 2.0.0 ok",
    b"NOOP": b"250 2.0.0 ok",
    b"QUIT": b"221 2.0.0 bye",
}
UNKNOWN = b"500 5.5.2 what?"


@dataclass(slots=True)
class Taken:
    """What came: connections, mails and the bytes of their texts; and the processor's seconds."""

    connections: int = 0
    mails: int = 0
    size: int = 0
    cpu: float = 0.0


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self, taken: Taken) -> None:
        self._taken, self._line, self._tail = taken, b"", b""
        self._in_text = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._taken.connections += 1
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Take commands and texts in whatever pieces they come."""
        while data:
            data = self._text(data) if self._in_text else self._commands(data)

    def _text(self, data: bytes) -> bytes:
        """Count a text's bytes; return what stands behind its end."""
        joined = self._tail + data
        end = joined.find(_END)
        if end < 0:
            self._taken.size += len(data)
            self._tail = joined[-len(_END) + 1 :]
            return b""
        rest = joined[end + len(_END) :]
        self._taken.size += len(data) - len(rest)
        self._taken.mails += 1
        self._in_text = False
        self._transport.write(b"250 2.0.0 taken\r\n")
        return rest

    def _commands(self, data: bytes) -> bytes:
        """Answer whole lines up to DATA; return what stands behind it."""
        replies, data = list[bytes](), self._line + data
        while not self._in_text and (end := data.find(b"\r\n")) >= 0:
            verb, data = data[:4].upper(), data[end + 2 :]
            replies.append(REPLIES.get(verb, UNKNOWN) + b"\r\n")
            if verb == b"DATA":
                self._in_text, self._tail = True, b"\r\n"
        self._transport.write(b"".join(replies))
        if replies and replies[-1].startswith(b"221"):
            self._transport.close()
        self._line = b"" if self._in_text else data
        return data if self._in_text else b""


@contextmanager
def listening() -> Iterator[tuple[int, Connection]]:
    """Yield the port of a sink on the loopback, and its end of a pipe: see `taken`."""
    fresh = multiprocessing.get_context("spawn")
    ours, its = fresh.Pipe()
    process = fresh.Process(target=_serve, args=(its,), daemon=True)
    process.start()
    its.close()
    try:
        yield ours.recv(), ours
    finally:
        ours.close()
        process.join(10)
        process.kill()


def taken(pipe: Connection) -> Taken:
    """Return what a sink took since it was last asked."""
    pipe.send(None)
    found = pipe.recv()
    assert isinstance(found, Taken)
    return found


def _serve(pipe: Connection) -> None:
    asyncio.run(_serving(pipe))


async def _serving(pipe: Connection) -> None:
    """Take mails until the other end of the pipe closes; tell what was taken whenever asked."""
    loop, total, before = asyncio.get_running_loop(), Taken(), time.process_time()
    server = await loop.create_server(lambda: Sink(total), "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    while await asyncio.to_thread(_asked, pipe):
        now = time.process_time()
        pipe.send(Taken(total.connections, total.mails, total.size, now - before))
        total.connections, total.mails, total.size, before = 0, 0, 0, now
    server.close()


def _asked(pipe: Connection) -> bool:
    try:
        pipe.recv()
    except EOFError:
        return False
    return True
