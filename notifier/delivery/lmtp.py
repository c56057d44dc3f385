"""A built-in LMTP server (RFC 2033): a mail server hands over what comes back, mail by mail.

Each recipient of a mail has an answer of its own (4.2): 250 once it is in the database, 451 when it
could not be, so that the sender keeps it and tries again. Mails are taken one after the other.
aiosmtpd's LMTP answers once for all recipients, without enhanced codes (RFC 2034, which 5 asks
for), and lets as many connect as want to: that is mended here.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session

from notifier.errors import NotifierError

log = structlog.get_logger()
logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd's: it tells addresses

MAIL_BYTES = 10_240_000  # Postfix's default for any mail
# Of one mail, before its end: what is beyond MAIL_BYTES is not kept, but for lines without an end.
_RECEIVED_BYTES = 10 * MAIL_BYTES
_LINE_BYTES = 1_000_000
CONNECTIONS = 25  # Postfix opens 20 to one place (default_destination_concurrency_limit)
_IDLE_SECONDS = 600.0
LATER = "451 4.3.0 cannot be written down now, try again later"
_BARE = re.compile(r"^([245])(\d\d) (?!\d\.\d{1,3}\.\d{1,3} )", re.MULTILINE)
_CODES = {"500": "5.2", "501": "5.4", "502": "5.1", "503": "5.1", "552": "3.4"}

Take = Callable[[bytes, str], object]


class _Taker:
    """What is done with a mail, in aiosmtpd's words."""

    def __init__(self, take: Take, domain: Callable[[], str]) -> None:
        self._take, self._domain = take, domain
        self.turn = asyncio.Lock()

    async def handle_EHLO(  # noqa: N802  # aiosmtpd's name
        self, server: LMTP, session: Session, envelope: Envelope, name: str, said: list[str]
    ) -> list[str]:
        """RFC 2033, 5: what an LMTP server must know."""
        session.host_name = name
        return [*said[:-1], "250-PIPELINING", "250 ENHANCEDSTATUSCODES"]

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: LMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take any address of the bounce domain: tokens are read later, forged ones do nothing."""
        if not address.lower().endswith(f"@{self._domain().lower()}"):
            return "550 5.1.1 no such address here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: LMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        """Answer for each recipient, in their order."""
        return "\r\n".join([await self._answer(envelope, one) for one in envelope.rcpt_tos])

    async def _answer(self, envelope: Envelope, recipient: str) -> str:
        # What the last server on the way writes on top (RFC 5321, 4.4).
        sender = (envelope.mail_from or "").strip("<>")
        head = f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n"
        mail = head.encode("utf-8", "surrogateescape") + (envelope.original_content or b"")
        try:
            async with self.turn:
                await asyncio.to_thread(self._take, mail, recipient)
        except NotifierError as error:
            log.warning("a mail that came back must come again", reason=str(error))
            return LATER
        except Exception:  # of any kind: one mail stops no other, and is not lost
            log.exception("a mail that came back must come again")
            return LATER
        return "250 2.0.0 taken"

    async def handle_exception(self, error: Exception) -> str:
        """A command that aiosmtpd stumbles over."""
        log.warning("LMTP command failed", reason=type(error).__name__)
        return LATER


class _Talk(LMTP):
    """One connection."""

    line_length_limit = _LINE_BYTES

    def __init__(self, taker: _Taker, talks: set[_Talk]) -> None:
        super().__init__(
            taker, data_size_limit=MAIL_BYTES, enable_SMTPUTF8=True, hostname="localhost",
            ident="LMTP", timeout=_IDLE_SECONDS,
        )  # fmt: skip
        self._talks = talks
        self._owed = self._received = 0
        self._greets = False
        talks.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._talks.discard(self)
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received <= _RECEIVED_BYTES:
            super().data_received(data)
        elif isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    async def smtp_LHLO(self, arg: str) -> None:  # noqa: N802  # aiosmtpd's name
        self._greets = True
        try:
            await super().smtp_LHLO(arg)
        finally:
            self._greets = False

    async def push(self, status: Any) -> None:
        """Answer; for each recipient where a mail's text has come in, and with enhanced codes."""
        if status.startswith("354") and self.envelope:
            self._owed = len(self.envelope.rcpt_tos)
        elif self._owed:
            status = status if "\r\n" in status else "\r\n".join([status] * self._owed)
            self._owed = 0
        self._received = 0
        bare = self._greets or status.startswith("220")  # RFC 2034, 4: greetings have none
        await super().push(status if bare else _BARE.sub(_coded, status))


def _coded(found: re.Match[str]) -> str:
    code = found[1] + found[2]
    return f"{code} {found[1]}.{_CODES.get(code, '0.0')} "


class _Full(asyncio.Protocol):
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(b"421 4.3.2 too many connections, try again later\r\n")
        transport.close()


@asynccontextmanager
async def listening(
    place: socket.socket,
    take: Take,
    *,
    domain: Callable[[], str],
    connections: int = CONNECTIONS,
) -> AsyncIterator[None]:
    """Take in mails for any address of a domain for as long as the context is open.

    Args:
        place: Bound; it is closed at the end, and its file removed.
        take: Called in a thread with a mail and its envelope recipient; returns when it is kept.
        domain: Asked for each recipient: it may change meanwhile.
    """
    taker, talks = _Taker(take, domain), set[_Talk]()
    name = place.getsockname()

    def talk() -> asyncio.Protocol:
        full = len(talks) >= connections
        return _Full() if full else _Talk(taker, talks)

    server = await asyncio.get_running_loop().create_server(talk, sock=place)
    try:
        yield
    finally:
        server.close()  # without wait_closed: from Python 3.12 on it waits for idle clients
        _remove(name)
        async with taker.turn:  # what is being written down now is still answered
            pass
        for one in list(talks):
            if one.transport:
                one.transport.close()


def _remove(name: object) -> None:
    """Remove a socket's file, where its name is one."""
    if isinstance(name, str):
        Path(name).unlink(missing_ok=True)
