"""How long one mail takes over a connection in use: its commands in one write, or one by one.

    python benchmarks/pipelining.py [--mails 50] [--rtt 0 5 20 100] [--json FILE]

A server on the loopback answers at once, behind a proxy that holds every byte for half of the
round trip, either way. The same server, mail (50 KB) and proxy serve all contenders, which take
turns, mail by mail; told are medians. aiosmtplib's own `sendmail` is measured beside ours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiosmtplib
import measuring

from notifier.delivery.client import Client
from notifier.delivery.envelope import Envelope
from notifier.delivery.pipelined import Pipelined

LINE = b"We study how models plan, and what they keep of it; by then it is all old news.\r\n"
MAIL = b"Subject: a digest\r\n\r\n" + LINE * 620
ENVELOPE = Envelope("papers@example.org", "ada@example.org")
TARGET_RTT, TARGET = 20.0, 1.3
Sender = Callable[[], Awaitable[Any]]


class Server(asyncio.Protocol):
    """Takes every mail, and answers whatever one packet asked in one packet."""

    def __init__(self) -> None:
        self._unread = b""
        self._in_text = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 here\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer every line that is whole."""
        *lines, self._unread = (self._unread + data).split(b"\r\n")
        said = b"".join(self._answer(line) for line in lines)
        if said:
            self._transport.write(said)

    def _answer(self, line: bytes) -> bytes:
        if self._in_text:
            self._in_text = line != b"."
            return b"" if self._in_text else b"250 2.0.0 kept\r\n"
        verb = line[:4].upper()
        self._in_text = verb == b"DATA"
        return {
            b"EHLO": b"250-here\r\n250-PIPELINING\r\n250 SIZE 10000000\r\n",
            b"DATA": b"354 go on\r\n",
            b"QUIT": b"221 2.0.0 bye\r\n",
        }.get(verb, b"250 2.0.0 ok\r\n")


@asynccontextmanager
async def delayed(port: int, rtt_seconds: float) -> AsyncIterator[int]:
    """Yield a port behind which another of this machine is `rtt_seconds` away, there and back."""
    talks: set[asyncio.Task[Any]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            ways = [(reader, far_writer), (far_reader, writer)]
            await asyncio.gather(*(_carry(*way, rtt_seconds / 2) for way in ways))
        except (OSError, asyncio.CancelledError):
            pass

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
) -> None:
    """Hand on every byte so much later, in order."""
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def take() -> None:
        data = b"first"
        while data:
            data = await reader.read(1 << 20)
            await under_way.put((time.monotonic() + seconds, data))

    taking = asyncio.create_task(take())
    try:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(max(due - time.monotonic(), 0))
            if not data:
                return
            writer.write(data)
    finally:
        taking.cancel()
        writer.close()


async def ours(kind: type[Client], port: int, stack: AsyncExitStack) -> Sender:
    """Return how one of our clients sends a mail over its open connection."""
    client = kind(hostname="127.0.0.1", port=port, start_tls=False)
    await client.open()
    stack.callback(client.close)

    async def send() -> None:
        await client.hand_over(ENVELOPE, MAIL)
        await client.finish()

    return send


async def theirs(port: int, stack: AsyncExitStack) -> Sender:
    """Return how aiosmtplib sends a mail over its open connection."""
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
    await client.connect()
    stack.callback(client.close)
    return lambda: client.sendmail(ENVELOPE.sender, [ENVELOPE.recipient], MAIL)


async def at(rtt_seconds: float, mails: int) -> dict[str, float]:
    """Return the median seconds of a mail of each contender, at one round trip."""
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        server = await loop.create_server(Server, "127.0.0.1", 0)
        stack.callback(server.close)
        near = server.sockets[0].getsockname()[1]
        port = await stack.enter_async_context(delayed(near, rtt_seconds))
        senders = {
            "pipelined": await ours(Pipelined, port, stack),
            "one by one": await ours(Client, port, stack),
            "aiosmtplib": await theirs(port, stack),
        }
        spent: dict[str, list[float]] = {name: [] for name in senders}
        for _ in range(mails):
            for name, send in senders.items():
                begun = time.perf_counter()
                await send()
                spent[name].append(time.perf_counter() - begun)
    return {name: statistics.median(times) for name, times in spent.items()}


async def measure(rtts: Sequence[float], mails: int) -> list[dict[str, Any]]:
    """Return the medians at each round trip (milliseconds), and how much faster pipelining is."""
    rows = []
    for rtt in rtts:
        seconds = await at(rtt / 1000, mails)
        ratio = seconds["one by one"] / seconds["pipelined"]
        rows.append({"rtt_ms": rtt, "seconds": seconds, "ratio": ratio})
    return rows


def table(rows: Sequence[Mapping[str, Any]], mails: int) -> str:
    """Return the figures as text."""
    names = list(rows[0]["seconds"])
    head = "".join(f"{name:>12}" for name in names)
    lines = [f"{mails} mails of {len(MAIL):,} bytes over one connection each; median ms of a mail",
             f"{'round trip':12}{head}{'ratio':>8}"]  # fmt: skip
    for row in rows:
        figures = "".join(f"{row['seconds'][name] * 1000:>12.1f}" for name in names)
        lines.append(f"{row['rtt_ms']:>7g} ms  {figures}{row['ratio']:>8.2f}")
    for row in rows:
        if row["rtt_ms"] == TARGET_RTT:
            told = f"at {TARGET_RTT:g} ms {row['ratio']:.2f} times as fast as one by one"
            met = "met" if row["ratio"] >= TARGET else "not met"
            lines.append(f"{told}, target {TARGET}: {met}")
    return "\n".join(lines)


def main() -> None:
    """Measure, print a table, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mails", type=int, default=50, help="of each contender (50)")
    parser.add_argument(
        "--rtt", type=float, nargs="+", default=[0, 5, 20, 100], help="milliseconds (0 5 20 100)"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    rows = asyncio.run(measure(asked.rtt, asked.mails))
    sys.stdout.write(table(rows, asked.mails) + "\n")
    if asked.json:
        told = {"figures": rows, "target": TARGET, "machine": measuring.machine("aiosmtplib")}
        asked.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
