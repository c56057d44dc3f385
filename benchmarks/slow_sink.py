"""A mail server in a process of its own that takes its time over each mail and remembers which.

It speaks as much of SMTP as senders need (RFC 5321, RFC 2920). A mail counts from the moment it is
there whole, before the pause and the answer: whoever dies meanwhile has been heard.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from delivery_sink import REPLIES, UNKNOWN

_END = b"\r\n.\r\n"
_MESSAGE_ID = re.compile(rb"^Message-ID: <([^@>]+)@", re.M)
_MOST_BYTES = 2**24


@dataclass(slots=True)
class Came:
    """How often each mail came, by the key of its digest; when the first and the last one did.

    Seconds of `time.monotonic`, which all processes of a machine share.
    """

    mails: Counter[str] = field(default_factory=Counter)
    first: float = 0.0
    last: float = 0.0

    @property
    def total(self) -> int:
        """How many came, each copy counted."""
        return self.mails.total()


class Slow:
    """All connections of one server."""

    def __init__(self, pause_seconds: float) -> None:
        self._pause_seconds, self.came = pause_seconds, Came()

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with a client until it is gone."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(b"220 slow ESMTP\r\n")
            while line := await reader.readline():
                verb = line[:4].upper()
                writer.write(REPLIES.get(verb, UNKNOWN) + b"\r\n")
                if verb == b"DATA":
                    self._take(await reader.readuntil(_END))
                    await asyncio.sleep(self._pause_seconds)
                    writer.write(b"250 2.0.0 taken\r\n")
        writer.close()

    def _take(self, text: bytes) -> None:
        found = _MESSAGE_ID.search(text)
        self.came.mails[found[1].decode() if found else "?"] += 1
        self.came.last = time.monotonic()
        self.came.first = self.came.first or self.came.last


@dataclass(frozen=True, slots=True)
class SlowSink:
    """Where it listens, and what it says of itself."""

    port: int
    pipe: Connection

    def total(self) -> int:
        """Return how many mails came so far, each copy counted."""
        self.pipe.send("total")
        return int(self.pipe.recv())

    def came(self) -> Came:
        """Return all that came so far."""
        self.pipe.send("came")
        found = self.pipe.recv()
        assert isinstance(found, Came)
        return found


@contextmanager
def listening(pause_seconds: float) -> Iterator[SlowSink]:
    """Yield a server on the loopback that answers each mail after so many seconds."""
    fresh = multiprocessing.get_context("spawn")
    ours, its = fresh.Pipe()
    process = fresh.Process(target=_serve, args=(its, pause_seconds), daemon=True)
    process.start()
    its.close()
    try:
        yield SlowSink(ours.recv(), ours)
    finally:
        ours.close()
        process.join(10)
        process.kill()


def _serve(pipe: Connection, pause_seconds: float) -> None:
    asyncio.run(_serving(pipe, pause_seconds))


async def _serving(pipe: Connection, pause_seconds: float) -> None:
    """Take mails until the other end of the pipe closes."""
    slow = Slow(pause_seconds)
    server = await asyncio.start_server(slow.meet, "127.0.0.1", 0, limit=_MOST_BYTES)
    pipe.send(server.sockets[0].getsockname()[1])
    with suppress(EOFError):
        while asked := await asyncio.to_thread(pipe.recv):
            pipe.send(slow.came if asked == "came" else slow.came.total)
    server.close()
