"""A polite HTTP client: conditional, patient, and with a limit to everything.

One request to a service after the other, with a pause between any two, retries included; 5xx and
broken connections are tried again with jitter, or when the server says; size, time and redirects
are limited; the User-Agent names a contact.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Protocol
from urllib.parse import urlsplit

import httpx2 as httpx
import stamina

from notifier import __version__, errors
from notifier.papers.text import one_line

REDIRECTS = 5
ATTEMPTS = 3
RETRY_STATUS = (408, 425, 429, 500, 502, 503, 504)
REFUSED_STATUS = (400, 404, 410)  # of this very request; a ban (403) is for all of them
LONGEST_WAIT_SECONDS = 60.0  # a server that wants more is left alone until the next round
# What we can unpack piece by piece; anything else, or one round another, may be a bomb.
_ENCODINGS = ("", "identity", "gzip", "x-gzip", "deflate")

LONGEST_REST_SECONDS = 86_400.0  # nobody who asks to be left alone means more than a day
# All hosts of arXiv together, from all machines of one operator: its terms of use.
ARXIV = "arxiv.org"
ARXIV_PAUSE_SECONDS = 3.0

_LOGIN = re.compile(r"(https?://)[^/@\s]+@", re.I)
_KEY = re.compile(r"([?&](?:api_?key|key|token|access_token|secret|password)=)[^&#\s]+", re.I)


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Limits of one request, and who is asking."""

    timeout_seconds: float = 60.0
    max_bytes: int = 50_000_000
    contact: str = ""
    pause_seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer; `body` is None when nothing changed since the validators (304).

    `next_url` is where it goes on, if it says so (RFC 8288, rel="next").
    """

    url: str
    body: bytes | None
    etag: str | None = None
    last_modified: str | None = None
    next_url: str | None = None


class Turns(Protocol):
    """Who may ask a service, and when: one request at a time, and a pause before the next."""

    def turn(self, service: str, *, pause_seconds: float) -> AbstractAsyncContextManager[None]:
        """Wait for our turn and hold it; at the end the next one must wait `pause_seconds`.

        Raises (on entering):
            SourceError: the service asked to be left alone for longer than we care to wait.
        """

    async def rest(self, service: str, seconds: float) -> None:
        """Let nobody ask the service for so long (it said so: Retry-After)."""


class OwnTurns:
    """The turns of one process on its own."""

    def __init__(self) -> None:
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._not_before: defaultdict[str, float] = defaultdict(float)  # the event loop's clock

    @asynccontextmanager
    async def turn(self, service: str, *, pause_seconds: float) -> AsyncIterator[None]:
        clock = asyncio.get_running_loop()
        async with self._locks[service]:
            wait = self._not_before[service] - clock.time()
            if wait > LONGEST_WAIT_SECONDS:
                raise at_rest(service, wait)
            await asyncio.sleep(wait)
            try:
                yield
            finally:
                after = clock.time() + pause_seconds
                self._not_before[service] = max(self._not_before[service], after)

    async def rest(self, service: str, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        self._not_before[service] = max(self._not_before[service], until)


def at_rest(service: str, seconds: float) -> errors.SourceError:
    """Return the error for a service that asked to be left alone for `seconds` more."""
    minutes = max(round(seconds / 60), 1)
    return errors.SourceError(
        f"{service} asked to be left alone for {minutes} more minutes - it is asked again then"
    )


def host_of(url: str) -> str:
    """Return the host in a URL, in lower case; "" where there is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:  # the client says what is wrong with it
        return ""


def _is_port_wrong(url: str) -> bool:
    """Return whether a URL names a port that is none; what else is wrong the client says."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    try:
        parts.port  # noqa: B018  raises for one that is none
    except ValueError:
        return True
    return False


def service_of(url: str) -> str:
    """Return whom a URL asks: all of arXiv's hosts are one service, else the host."""
    host = host_of(url)
    return ARXIV if host == ARXIV or host.endswith("." + ARXIV) else host


class _TryAgain(Exception):
    """The answer may be better in a moment, or after the seconds that the server named."""

    def __init__(self, status: int, seconds: float | None) -> None:
        super().__init__(_said(status))
        self.status, self.seconds = status, seconds


def _retry_after(headers: httpx.Headers) -> float | None:
    """Return the seconds that `Retry-After` names, as a number or as a date (RFC 9110, 10.2.3)."""
    written = headers.get("Retry-After", "").strip()
    if written.isdecimal():
        return min(float(written), LONGEST_REST_SECONDS)
    try:
        until = parsedate_to_datetime(written)
        seconds = (until - parsedate_to_datetime(headers.get("Date", ""))).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), LONGEST_REST_SECONDS)


def _again(error: Exception) -> bool | float:
    """Say whether to try again, or after how many seconds."""
    if isinstance(error, _TryAgain):
        if error.seconds is None:
            return True
        return error.seconds if error.seconds <= LONGEST_WAIT_SECONDS else False
    return isinstance(error, httpx.TransportError) and not isinstance(
        error, httpx.UnsupportedProtocol
    )


def _said(status: int) -> str:
    phrase = httpx.codes.get_reason_phrase(status)
    advice = "try again later" if status in RETRY_STATUS else "check the address"
    return f"HTTP {status} {phrase} - {advice}".replace("  ", " ")


def without_login(url: str) -> str:
    """Return `url` as it may be shown: a login or key in it becomes `***`."""
    return _KEY.sub(r"\1***", _LOGIN.sub(r"\1***@", url))


def _failure(url: str, said: str, **how: bool) -> errors.SourceError:
    return errors.SourceError(one_line(f"{without_login(url)}: {without_login(said)}"), **how)


class Client:
    """Fetches addresses, one at a time from each service and with a pause between two."""

    def __init__(
        self, client: httpx.AsyncClient, settings: HttpSettings, turns: Turns | None = None
    ) -> None:
        self._client = client
        self._settings = settings
        self._turns = turns or OwnTurns()

    async def fetch(
        self, url: str, *, etag: str | None = None, last_modified: str | None = None
    ) -> Answer:
        """GET `url`, conditionally when there are validators (RFC 9110, 13.1).

        Raises:
            SourceError: no good answer within the limits; the text says what came instead.
        """
        wanted = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        headers = {name: value for name, value in wanted.items() if value and value.isascii()}
        try:
            async for attempt in stamina.retry_context(on=_again, attempts=ATTEMPTS, timeout=None):
                with attempt:
                    return await self._followed(url, headers)
        except TimeoutError as error:
            said = f"no whole answer within {self._settings.timeout_seconds:g} s - try again later"
            raise _failure(url, said, unreachable=True) from error
        except _TryAgain as error:
            busy = error.status == httpx.codes.TOO_MANY_REQUESTS
            raise _failure(url, str(error), unreachable=busy) from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            said = str(error).rstrip(".") or type(error).__name__
            advice = "check the address, or try again later"
            unreachable = isinstance(error, httpx.TransportError)
            raise _failure(url, f"{said} - {advice}", unreachable=unreachable) from error
        raise AssertionError("the retry loop returns or raises")

    async def time_at(self, url: str) -> datetime | None:
        """Return what time it is where `url` is served, whatever it answers; None: it says not.

        Raises:
            SourceError: no answer, or it asked to be left alone.
        """
        service, pause = service_of(url), self._settings.pause_seconds
        pause = max(pause, ARXIV_PAUSE_SECONDS) if service == ARXIV else pause
        try:
            async with self._turns.turn(service, pause_seconds=pause):
                async with asyncio.timeout(self._settings.timeout_seconds):
                    answer = await self._client.head(url)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError) as error:
            raise _failure(url, type(error).__name__, unreachable=True) from error
        try:
            said = parsedate_to_datetime(answer.headers.get_list("Date")[0])
        except (ValueError, TypeError, IndexError):
            return None
        return said if said.tzinfo else said.replace(tzinfo=UTC)

    async def _followed(self, url: str, headers: dict[str, str]) -> Answer:
        """Ask, and follow redirects; each of them is a request with a turn of its own."""
        at = url
        for _ in range(REDIRECTS + 1):
            answer = await self._attempt(url, at, headers)
            if isinstance(answer, Answer):
                return answer
            at = answer
        raise _failure(url, f"more than {REDIRECTS} redirects - check the address")

    async def _attempt(self, url: str, at: str, headers: dict[str, str]) -> Answer | str:
        """Wait for our turn, ask once, and let nobody ask again too soon."""
        if _is_port_wrong(at):
            said = "a port lies between 0 and 65535 - check the address"
            raise _failure(url, said, refused=True)
        service, pause = service_of(at), self._settings.pause_seconds
        if service == ARXIV:
            pause = max(pause, ARXIV_PAUSE_SECONDS)
        try:
            async with self._turns.turn(service, pause_seconds=pause):
                async with asyncio.timeout(self._settings.timeout_seconds):
                    return await self._get(url, at, headers)
        except _TryAgain as error:
            if error.seconds:
                await self._turns.rest(service, error.seconds)
            raise

    async def _get(self, url: str, at: str, headers: dict[str, str]) -> Answer | str:
        """Return the answer, or the address to which the service sends us."""
        async with self._client.stream("GET", at, headers=headers) as response:
            status, found = response.status_code, response.headers
            if status == httpx.codes.NOT_MODIFIED:
                return Answer(url, None)
            if response.next_request is not None:
                return str(response.next_request.url)
            if status in RETRY_STATUS:
                raise _TryAgain(status, _retry_after(found))
            if status != httpx.codes.OK:
                raise _failure(url, _said(status), refused=status in REFUSED_STATUS)
            body = await self._body(url, response)
            follow = response.links.get("next", {}).get("url")
            return Answer(
                url,
                body,
                found.get("ETag"),
                found.get("Last-Modified"),
                str(response.url.join(follow)) if follow else None,
            )

    async def _body(self, url: str, response: httpx.Response) -> bytes:
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding not in _ENCODINGS:
            raise _failure(url, f'the answer is packed as "{encoding}", which nobody asked for')
        limit = self._settings.max_bytes
        chunks, size = [], 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > limit:
                raise _failure(
                    url, f"the answer is larger than {limit / 1e6:g} MB (http.max_megabytes)"
                )
            chunks.append(chunk)
        return b"".join(chunks)


@cache
def _trust() -> ssl.SSLContext:
    """Whom we believe to be who they say: to read that takes 50 ms, once for all clients."""
    return httpx.create_ssl_context()


@asynccontextmanager
async def open_client(settings: HttpSettings, turns: Turns | None = None) -> AsyncIterator[Client]:
    """Yield a client; its one connection is closed at the end.

    Args:
        turns: Shared by all who ask the same services; None: this client is alone.
    """
    contact = f" ({settings.contact})" if settings.contact else ""
    async with httpx.AsyncClient(
        headers={
            b"User-Agent": f"paper-notifier/{__version__}{contact}".encode(),  # München, too
            b"Accept-Encoding": b"gzip, deflate",
        },
        follow_redirects=False,
        timeout=None,
        limits=httpx.Limits(max_connections=1),
        verify=_trust(),
    ) as client:
        yield Client(client, settings, turns)
