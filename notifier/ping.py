"""Tell a watcher elsewhere that a pass begins, ends well, or fails: silence is noticed there.

As healthchecks.io and its like want it: ADDRESS/start, ADDRESS, ADDRESS/fail with a reason. It runs
beside the work and never holds it up; its own failures are logged once, until it works again. The
address is a secret and stands in no log.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

import httpx2 as httpx
import structlog

from notifier import __version__
from notifier.errors import NotifierError

log = structlog.get_logger()

TIMEOUT_SECONDS = 10.0
LEAST_SECONDS = 60.0
_REASON_CHARACTERS = 1000


@dataclass(slots=True)
class Pass:
    """What is said of a pass at its end; without reasons it went well."""

    reasons: list[str] = field(default_factory=list)


class Ping:
    """Pings one address; "" is nobody's. For one event loop at a time.

    Args:
        seconds: A clock that nobody sets.
    """

    def __init__(self, url: str, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._url, self._seconds = url, seconds
        self._last: float | None = None
        self._failing = False
        self._unsaid: list[str] = []
        self._sending: asyncio.Task[None] | None = None
        self._tls: ssl.SSLContext | None = None

    @asynccontextmanager
    async def around(self) -> AsyncIterator[Pass]:
        """Say that a pass begins, and how it ended; at most once a minute.

        What failed in a pass of which nothing is said is said with the next. Of one that is cut off
        nothing is said: whoever waits for its end notices.
        """
        this, says = Pass(), self._says()
        if says:
            self._say("/start")
        try:
            yield this
        except Exception as error:
            known = isinstance(error, NotifierError)  # its text holds no secret
            this.reasons.append(str(error) if known else f"{type(error).__name__} - see the log")
            self._conclude(this, says)
            raise
        else:
            self._conclude(this, says)

    def _says(self) -> bool:
        """Whether it is time to say something, and nothing is on its way."""
        now = self._seconds()
        if not self._url or (self._sending and not self._sending.done()):
            return False
        if self._last is not None and now - self._last < LEAST_SECONDS:
            return False
        self._last = now
        return True

    def _conclude(self, this: Pass, says: bool) -> None:
        self._unsaid = list(dict.fromkeys(self._unsaid + this.reasons))
        if not says:
            return
        reasons, self._unsaid = "; ".join(self._unsaid)[:_REASON_CHARACTERS], []
        self._say("/fail" if reasons else "", reasons)

    def _say(self, suffix: str, reason: str = "") -> None:
        """Begin to send, behind what is on its way."""
        self._sending = asyncio.ensure_future(self._send(self._sending, suffix, reason))

    async def finish(self) -> None:
        """Wait a while until what is on its way has arrived."""
        if self._sending:
            _, late = await asyncio.wait({self._sending}, timeout=TIMEOUT_SECONDS)
            for task in late:
                task.cancel()

    async def _send(self, before: asyncio.Task[None] | None, suffix: str, reason: str) -> None:
        if before:
            await asyncio.wait({before})
        try:
            failure = await self._ask(suffix, reason)
        except Exception as error:  # whatever it is, it stops nothing
            failure = type(error).__name__
        if failure and not self._failing:
            log.warning("the watcher elsewhere cannot be told", reason=failure,
                        cure="check health.ping_url")  # fmt: skip
        if self._failing and not failure:
            log.info("the watcher elsewhere is told again")
        self._failing = bool(failure)

    async def _ask(self, suffix: str, reason: str) -> str:
        """Send one ping; return what went wrong, "" where nothing did."""
        headers = {"User-Agent": f"paper-notifier/{__version__}"}
        if self._tls is None:  # reading the system's certificates takes a while
            self._tls = await asyncio.to_thread(httpx.create_ssl_context)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            async with httpx.AsyncClient(headers=headers, timeout=None, verify=self._tls) as client:
                url = with_suffix(self._url, suffix)
                content = reason.encode()
                answer = await (client.post(url, content=content) if reason else client.get(url))
        return "" if answer.is_success else f"HTTP {answer.status_code}"


def with_suffix(url: str, suffix: str) -> str:
    """Return an address with something behind its path, before its query."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/") if suffix else parts.path
    return urlunsplit(parts._replace(path=path + suffix))
