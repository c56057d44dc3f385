"""A wire between a process and a server: it can be cut, stalled, slowed, or lose what one says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_BLOCK = 2**16


@dataclass
class Wire:
    """All connections from a port of ours to another one.

    `is_open`: connections are taken. `flows`: clear, and all that comes is held back. `hears`:
    False, and what the server says is lost. `delay_seconds` is that of each block, either way.
    """

    to: int
    port: int = 0
    is_open: bool = True
    hears: bool = True
    delay_seconds: float = 0.0
    lost: int = 0
    flows: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _pumps: set[asyncio.Future[None]] = field(default_factory=set)

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection, and make one to the server for it."""
        try:
            if not self.is_open:
                raise ConnectionRefusedError
            back, forth = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, forth}
        for pump in (self._pump(reader, forth, False), self._pump(back, writer, True)):
            task = asyncio.ensure_future(pump)
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _pump(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, is_answer: bool
    ) -> None:
        with suppress(ConnectionError):
            while block := await source.read(_BLOCK):
                await self.flows.wait()
                await asyncio.sleep(self.delay_seconds)
                if is_answer and not self.hears:
                    self.lost += len(block)
                    continue
                to.write(block)
                await to.drain()
        to.close()

    def cut(self) -> None:
        """Cut all connections, without a word to either end."""
        for one in self._open:
            one.transport.abort()
        self._open.clear()


@asynccontextmanager
async def wired(to: int) -> AsyncIterator[Wire]:
    """Yield a wire to a port of this machine, that works."""
    made = Wire(to)
    made.flows.set()
    server = await asyncio.start_server(made.meet, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        made.flows.set()
        made.cut()
