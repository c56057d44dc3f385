"""A mail server that writes down what it took before it says so; a process of its own.

    python -m tests.faults.recorder FILE [MILLISECONDS]

It prints its port. Each mail taken is a line of FILE, its Message-ID and what its bytes come to.
The line is written, then the server waits so many milliseconds and answers: whoever dies meanwhile
has been heard.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

_MESSAGE_ID = re.compile(rb"^Message-ID: <([^@>]+)@", re.M)
_GREETING = b"250-recorder\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10000000\r\n"
_ANSWERS = {b"EHLO": _GREETING, b"DATA": b"354 go on\r\n", b"QUIT": b"221 2.0.0 bye\r\n"}


@dataclass(frozen=True, slots=True)
class Took:
    """A mail that was taken: the key of its digest, and the sum of its bytes."""

    key: str
    sum: str


def took(file: Path) -> list[Took]:
    """Return what was taken so far, in order."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [Took(*line.split()) for line in lines]


def sum_of(mail: bytes) -> str:
    """Return what a mail's bytes come to."""
    return sha256(mail).hexdigest()[:32]


@contextmanager
def recording(file: Path, milliseconds: float = 1.0) -> Iterator[int]:
    """Yield the port of a recorder that writes to a file."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.recorder", str(file), str(milliseconds)],
        stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


class Recorder:
    """Takes every mail."""

    def __init__(self, file: Path, pause_seconds: float) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._pause_seconds = pause_seconds

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak as much SMTP as is needed, until the other side is gone."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(b"220 recorder ESMTP\r\n")
            while line := await reader.readline():
                verb = line[:4].upper()
                writer.write(_ANSWERS.get(verb, b"250 2.0.0 ok\r\n"))
                if verb == b"DATA":
                    await self._take(reader)
                    writer.write(b"250 2.0.0 taken\r\n")
                await writer.drain()
        writer.close()

    async def _take(self, reader: asyncio.StreamReader) -> None:
        text = await reader.readuntil(b"\r\n.\r\n")
        mail = text[:-3].replace(b"\r\n..", b"\r\n.")
        found = _MESSAGE_ID.search(mail)
        key = found[1].decode() if found else "?"
        os.write(self._file, f"{key} {sum_of(mail)}\n".encode())
        await asyncio.sleep(self._pause_seconds)


async def _serve(file: Path, pause_seconds: float) -> None:
    recorder = Recorder(file, pause_seconds)
    server = await asyncio.start_server(recorder.meet, "127.0.0.1", 0, limit=2**24)
    print(server.sockets[0].getsockname()[1], flush=True)  # what its starter waits for
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), float(sys.argv[2]) / 1000 if sys.argv[2:] else 0.0))
