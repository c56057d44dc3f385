"""The network's other side: an SMTP server that plays a script."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Say:
    """A reply, and whether the server then closes the connection or does nothing any more."""

    text: str | bytes
    then_close: bool = False
    then_hang: bool = False
    end: str = "\r\n"


@dataclass(frozen=True, slots=True)
class Late:
    """A reply that comes only once the test sets `server.let_go`; a text is not read before."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    """No reply: the connection is closed, for the text after so many bytes of it."""

    after_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Hang:
    """No reply, ever: nothing more is read, of the text after so many bytes of it."""

    after_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Secure:
    """220, with whatever somebody injects behind it, and then TLS."""

    context: ssl.SSLContext
    injected: bytes = b""


DROP, HANG = Drop(), Hang()
Step = str | Say | Late | Drop | Hang | Secure
# Each kind of command has its step, or a list of them: one after another, the last for the rest.
# "greeting" is what a client hears first, "text" what is done while the mail's text comes in
# (Drop, Hang, Late, or Say: words before its end), "." the answer after its final dot. "pace" is
# "together" (the answers to RSET, MAIL and RCPT come in one packet with the next) or "bytewise".
Script = Mapping[str, Step | list[Step]]

PLAIN = "250-fake\r\n250 SIZE 1000000"
PIPELINING = "250-fake\r\n250-PIPELINING\r\n250 SIZE 1000000"
POLITE: dict[str, Step | list[Step]] = {
    "greeting": "220 fake ESMTP",
    "EHLO": PLAIN,
    "HELO": "250 fake",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    ".": "250 2.0.0 kept",
    "RSET": "250 2.0.0 forgotten",
    "QUIT": Say("221 2.0.0 bye", then_close=True),
}


@dataclass(slots=True)
class Seen:
    """All that one connection brought: as it was read, command lines, texts as on the wire."""

    reads: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def raw(self) -> bytes:
        """Every byte."""
        return b"".join(self.reads)

    @property
    def verbs(self) -> list[str]:
        """The commands without their arguments, the final dot of a text among them."""
        return [command.split(":")[0].split(" ")[0].upper() for command in self.commands]


@dataclass(slots=True)
class ScriptedSmtp:
    """Plays script n on connection n, the last one on all further ones.

    `has_text` is set once a mail's text has come in whole, `holds` once a late reply is held.
    `say` is what it says to the newest connection when a test calls it.
    """

    scripts: tuple[Script, ...]
    port: int = 0
    connections: list[Seen] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    holds: asyncio.Event = field(default_factory=asyncio.Event)
    has_text: asyncio.Event = field(default_factory=asyncio.Event)
    _talks: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._talks[task] = writer
        script = self.scripts[min(len(self.connections), len(self.scripts) - 1)]
        seen = Seen()
        self.connections.append(seen)
        try:
            await _Talk(self, script, seen, reader, writer).play()
        except (OSError, asyncio.CancelledError):
            pass  # cancelled by stop(): asyncio's streams log a cancelled talk as an error
        finally:
            seen.closed.set()
            writer.close()
            del self._talks[task]

    async def say(self, unasked: str) -> None:
        """Say something on every open connection, and wait until it was read."""
        for writer in self._talks.values():
            writer.write(unasked.encode())
            await writer.drain()
        for _ in range(20):  # turns of the loop that both sides share
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """End all talks."""
        for task in self._talks:
            task.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)


class _Talk:
    def __init__(
        self,
        server: ScriptedSmtp,
        script: Script,
        seen: Seen,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._server, self._script, self._seen = server, script, seen
        self._reader, self._writer = reader, writer
        self._played: dict[str, int] = {}
        self._named: set[str] = set()
        self._unread = b""
        self._held = b""
        self._said = b""

    async def play(self) -> None:
        going = await self._answer("greeting")
        while going and (line := await self._line()):
            self._seen.commands.append(line.decode("latin-1").rstrip("\r\n"))
            verb = self._seen.verbs[-1]
            going = await self._answer(verb)
            if going and verb == "DATA" and self._said.startswith(b"3"):
                going = await self._text()

    async def _text(self) -> bool:
        step = self._script.get("text")
        if isinstance(step, (Drop, Hang)):
            while len(self._unread) < step.after_bytes and await self._read():
                pass
            return await self._end(hang=isinstance(step, Hang))
        if isinstance(step, Late):
            await self._hold()
        if isinstance(step, Say):
            await self._write(self._bytes(step))
        lines = []
        while (line := await self._line()) != b".\r\n":
            if not line:
                return False
            lines.append(line)
        self._seen.texts.append(b"".join(lines))
        self._server.has_text.set()
        self._seen.commands.append(".")
        return await self._answer(".")

    async def _line(self) -> bytes:
        while b"\n" not in self._unread and await self._read():
            pass
        line, end, self._unread = self._unread.partition(b"\n")
        return line + end

    async def _read(self) -> bool:
        read = await self._reader.read(65536)
        self._seen.reads.append(read)
        self._unread += read
        return bool(read)

    async def _answer(self, verb: str) -> bool:
        """Play the next step of a verb; False when the connection is to end."""
        step = self._step(verb)
        if isinstance(step, (Drop, Hang)):
            return await self._end(hang=isinstance(step, Hang))
        if isinstance(step, Secure):
            await self._write(b"220 2.0.0 go on\r\n" + step.injected)
            await self._writer.start_tls(step.context)
            return True
        if isinstance(step, Late):
            await self._hold()
        said = step if isinstance(step, Say) else Say(step if isinstance(step, str) else step.text)
        self._said = self._bytes(said)
        if verb in ("RSET", "."):
            self._named.clear()
        elif self._said.startswith(b"2"):
            self._named |= {verb} & {"MAIL", "RCPT"}
        if self._script.get("pace") == "together" and verb in ("RSET", "MAIL", "RCPT"):
            self._held += self._said
        else:
            await self._write(self._held + self._said)
            self._held = b""
        if said.then_close or said.then_hang:
            return await self._end(hang=said.then_hang)
        return True

    def _step(self, verb: str) -> Step:
        steps = self._script.get(verb) or self._in_order(verb)
        steps = steps if isinstance(steps, list) else [steps]
        turn = self._played.get(verb, 0)
        self._played[verb] = turn + 1
        return steps[min(turn, len(steps) - 1)]

    def _in_order(self, verb: str) -> Step | list[Step]:
        """What a server answers that keeps to the order of commands (RFC 5321, 4.1.4)."""
        is_open = "MAIL" in self._named
        if verb in ("MAIL", "RCPT", "DATA") and (verb == "MAIL") == is_open:
            return "503 5.5.1 bad sequence of commands"
        if verb == "DATA" and "RCPT" not in self._named:
            return "554 5.5.1 no valid recipients"
        return POLITE.get(verb, "500 5.5.1 what?")

    @staticmethod
    def _bytes(said: Say) -> bytes:
        return (said.text.encode() if isinstance(said.text, str) else said.text) + said.end.encode()

    async def _write(self, said: bytes) -> None:
        if self._script.get("pace") != "bytewise":
            self._writer.write(said)
            await self._writer.drain()
            return
        for number in range(len(said)):
            self._writer.write(said[number : number + 1])
            await asyncio.sleep(0)

    async def _hold(self) -> None:
        self._server.holds.set()
        await self._server.let_go.wait()

    async def _end(self, *, hang: bool) -> bool:
        if hang:
            self._server.holds.set()
            await asyncio.Event().wait()
        self._writer.close()
        return False


@asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[ScriptedSmtp]:
    """Yield a server on a free port of 127.0.0.1.

    What a script leaves out is answered politely, if it comes in order.
    """
    made = ScriptedSmtp(scripts or ({},))
    # Named as TCP, or asyncio does not switch Nagle's algorithm off.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)  # so a writer soon waits
    listener.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(made.meet, sock=listener)
    made.port = listener.getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.stop()
