"""The network's other side: an SMTP server that plays a script, and throw-away TLS identities."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Say:
    """A reply, and whether the server closes the connection after it."""

    text: str | bytes
    then_close: bool = False


@dataclass(frozen=True, slots=True)
class Late:
    """A reply that comes only once the test sets `server.let_go`."""

    text: str


@dataclass(frozen=True, slots=True)
class Drop:
    """No reply: the connection is closed, for the text after so many bytes of it."""

    after_bytes: int = 0


DROP = Drop()
Step = str | Say | Late | Drop
# Each kind of command has its step, or a list of them: one after another, the last for the rest.
# "greeting" is what a client hears first, "text" what is done while the mail's text comes in
# (only Drop), "." the answer after its final dot.
Script = Mapping[str, Step | list[Step]]

_POLITE: dict[str, Step | list[Step]] = {
    "greeting": "220 fake ESMTP",
    "EHLO": "250-fake\r\n250 SIZE 1000000",
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
    """All that one connection brought: raw bytes, command lines, texts of mails as on the wire."""

    raw: bytearray = field(default_factory=bytearray)
    commands: list[str] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def verbs(self) -> list[str]:
        """The commands without their arguments, the final dot of a text among them."""
        return [command.split(":")[0].split(" ")[0].upper() for command in self.commands]


@dataclass(slots=True)
class ScriptedSmtp:
    """Plays script n on connection n, the last one on all further ones.

    `has_text` is set once a mail's text has come in whole.
    """

    scripts: tuple[Script, ...]
    port: int = 0
    connections: list[Seen] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    has_text: asyncio.Event = field(default_factory=asyncio.Event)
    _talks: set[asyncio.Task[None]] = field(default_factory=set)

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        script = self.scripts[min(len(self.connections), len(self.scripts) - 1)]
        seen = Seen()
        self.connections.append(seen)
        try:
            await _Talk(self, {**_POLITE, **script}, seen, reader, writer).play()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # cancelled by stop(): asyncio's streams log a cancelled talk as an error
        finally:
            seen.closed.set()
            writer.close()
            self._talks.discard(task)

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
        if isinstance(step, Drop):
            self._seen.raw += await self._reader.readexactly(step.after_bytes)
            return False
        lines = []
        while (line := await self._line()) not in (b".\r\n", b""):
            lines.append(line)
        self._seen.texts.append(b"".join(lines))
        self._server.has_text.set()
        self._seen.commands.append(".")
        return await self._answer(".")

    async def _line(self) -> bytes:
        line = await self._reader.readline()
        self._seen.raw += line
        return line

    async def _answer(self, verb: str) -> bool:
        """Play the next step of a verb; False when the connection is to end."""
        steps = self._script.get(verb, "500 5.5.1 what?")
        steps = steps if isinstance(steps, list) else [steps]
        turn = self._played.get(verb, 0)
        self._played[verb] = turn + 1
        step = steps[min(turn, len(steps) - 1)]
        if isinstance(step, Drop):
            return False
        if isinstance(step, Late):
            await self._server.let_go.wait()
        text = step if isinstance(step, str) else step.text
        self._said = text.encode() if isinstance(text, str) else text
        self._writer.write(self._said + b"\r\n")
        await self._writer.drain()
        if isinstance(step, Say) and step.then_close:
            self._writer.close()
            return False
        return True


@asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[ScriptedSmtp]:
    """Yield a server on a free port of 127.0.0.1; what a script leaves out is answered politely."""
    made = ScriptedSmtp(scripts or ({},))
    server = await asyncio.start_server(made.meet, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.stop()


@dataclass(frozen=True, slots=True)
class Identity:
    """A TLS server's identity and the authority that vouches for it."""

    ca_file: Path
    server: ssl.SSLContext


def an_identity(folder: Path, *, name: str = "localhost", address: str = "127.0.0.1") -> Identity:
    """Make an authority and a certificate for a host, valid today."""
    ca_key, ca = _certificate("throw-away authority", None, x509.BasicConstraints(True, None))
    alternatives = x509.SubjectAlternativeName(
        [x509.DNSName(name), x509.IPAddress(ip_address(address))]
    )
    key, certificate = _certificate(name, (ca_key, ca), alternatives)
    folder.mkdir(parents=True, exist_ok=True)
    ca_file, chain_file = folder / "ca.pem", folder / "server.pem"
    pem = serialization.Encoding.PEM
    ca_file.write_bytes(ca.public_bytes(pem))
    chain_file.write_bytes(
        key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(pem)
    )  # fmt: skip
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(chain_file)
    return Identity(ca_file, server)


def _certificate(
    name: str,
    issuer: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None,
    extension: x509.ExtensionType,
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, issuer_name = (issuer[0], issuer[1].subject) if issuer else (key, subject)
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(extension, critical=issuer is None)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    return key, built
