"""An SMTP server that keeps what it takes: the mailbox of the tests."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True, slots=True)
class Received:
    """A mail as it came: envelope and bytes."""

    sender: str
    recipient: str
    content: bytes


@dataclass(slots=True)
class Sink:
    """What came, in order; `port` is where it listens on the loopback."""

    port: int = 0
    received: list[Received] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take a mail."""
        content = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            self.received.append(Received(envelope.mail_from or "", recipient, content))
        return "250 2.0.0 kept"


@asynccontextmanager
async def listening(sink: Any = None, *, port: int = 0, **options: Any) -> AsyncIterator[Any]:
    """Yield a sink that listens on a port of 127.0.0.1, a free one if none is given.

    Args:
        sink: Any aiosmtpd handler with a `port`; a new `Sink` when left out.
        options: For `aiosmtpd.smtp.SMTP`; `ssl_context` turns on TLS from the first byte.
    """
    sink = sink or Sink()
    context: ssl.SSLContext | None = options.pop("ssl_context", None)
    loop = asyncio.get_running_loop()
    options.setdefault("hostname", "localhost")
    server = await loop.create_server(lambda: SMTP(sink, **options), "127.0.0.1", port, ssl=context)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()  # without wait_closed: from Python 3.12 on it waits for idle clients
