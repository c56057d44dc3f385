"""A mailer before a scripted server, on which every test of sending stands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from notifier.delivery.smtp import SmtpMailer, SmtpSettings, SmtpTransport
from notifier.errors import SendError

from . import fakes
from .fakes import Script, ScriptedSmtp, scripted

ADA = "ada@example.org"
PASSWORD = "correct-horse-battery"
MAIL = b"Subject: hello\r\nMessage-ID: <k@example.org>\r\n\r\nfirst line\r\n"
NEXT = MAIL + b"second line\r\n"
_PATIENT = {"send_seconds": 5.0, "timeout_seconds": 5.0, "quit_seconds": 0.2}


@pytest.fixture(params=[fakes.PLAIN, fakes.PIPELINING], ids=["one by one", "pipelined"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every server of the test offers PIPELINING, or none does; the answer to EHLO."""
    monkeypatch.setitem(fakes.POLITE, "EHLO", request.param)
    return str(request.param)


class Clock:
    """Seconds that a test turns on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def mailer(
    port: int, clock: Callable[[], float] | None = None, **options: Any
) -> AsyncIterator[SmtpMailer]:
    settings = SmtpSettings(host="127.0.0.1", port=port, **(_PATIENT | options))
    async with SmtpTransport(settings, clock=clock or Clock()).open() as opened:
        yield opened


async def send(opened: SmtpMailer, content: bytes = MAIL, recipient: str = ADA) -> str:
    return await opened.send(sender="n@example.org", recipient=recipient, content=content)


async def refusal(opened: SmtpMailer, content: bytes = MAIL, recipient: str = ADA) -> SendError:
    with pytest.raises(SendError) as caught:
        await send(opened, content, recipient)
    return caught.value


@asynccontextmanager
async def facing(
    *scripts: Script, **options: Any
) -> AsyncIterator[tuple[ScriptedSmtp, SmtpMailer]]:
    """A scripted server and a mailer that speaks to it."""
    async with scripted(*scripts) as server, mailer(server.port, **options) as opened:
        yield server, opened
