"""A polite HTTP client: conditional, patient, and with a limit to everything.

One request after the other, with a pause between any two, retries included; 5xx and broken
connections are tried again with jitter, or when the server says; size, time and redirects are
limited; the User-Agent names a contact.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2 as httpx
import stamina

from notifier import __version__, errors
from notifier.papers.text import one_line

REDIRECTS = 5
ATTEMPTS = 3
RETRY_STATUS = (408, 425, 429, 500, 502, 503, 504)
LONGEST_WAIT_SECONDS = 60.0  # a server that wants more is left alone until the next round
# What we can unpack piece by piece; anything else, or one round another, may be a bomb.
_ENCODINGS = ("", "identity", "gzip", "x-gzip", "deflate")

_LOGIN = re.compile(r"(https?://)[^/@\s]+@", re.I)


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Limits of one request, and who is asking."""

    timeout_seconds: float = 60.0
    max_bytes: int = 50_000_000
    contact: str = ""
    pause_seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer; `body` is None when nothing changed since the validators (304)."""

    url: str
    body: bytes | None
    etag: str | None = None
    last_modified: str | None = None


class _TryAgain(Exception):
    """The answer may be better in a moment, or after the seconds that the server named."""

    def __init__(self, status: int, retry_after: str) -> None:
        super().__init__(_said(status))
        self.seconds = float(retry_after) if retry_after.isdecimal() else None


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
    """Return `url` as it may be shown: a user and password in it become `***`."""
    return _LOGIN.sub(r"\1***@", url)


def _failure(url: str, said: str) -> errors.SourceError:
    return errors.SourceError(one_line(f"{without_login(url)}: {without_login(said)}"))


class Client:
    """Fetches one address after the other, with a pause between them (arXiv asks for 3 s)."""

    def __init__(self, client: httpx.AsyncClient, settings: HttpSettings) -> None:
        self._client = client
        self._settings = settings
        self._turn = asyncio.Lock()
        self._not_before = 0.0  # on the event loop's clock

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
                    return await self._attempt(url, headers)
        except TimeoutError as error:
            said = f"no whole answer within {self._settings.timeout_seconds:g} s - try again later"
            raise _failure(url, said) from error
        except httpx.TooManyRedirects as error:
            raise _failure(url, f"more than {REDIRECTS} redirects - check the address") from error
        except _TryAgain as error:
            raise _failure(url, str(error)) from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            said = str(error).rstrip(".") or type(error).__name__
            raise _failure(url, f"{said} - check the address, or try again later") from error
        raise AssertionError("the retry loop returns or raises")

    async def _attempt(self, url: str, headers: dict[str, str]) -> Answer:
        """Wait for our turn, ask once, and let nobody ask again too soon."""
        clock = asyncio.get_running_loop()
        async with self._turn:
            await asyncio.sleep(self._not_before - clock.time())
            try:
                async with asyncio.timeout(self._settings.timeout_seconds):
                    return await self._get(url, headers)
            finally:
                self._not_before = clock.time() + self._settings.pause_seconds

    async def _get(self, url: str, headers: dict[str, str]) -> Answer:
        async with self._client.stream("GET", url, headers=headers) as response:
            status, found = response.status_code, response.headers
            if status == httpx.codes.NOT_MODIFIED:
                return Answer(url, None)
            if status in RETRY_STATUS:
                raise _TryAgain(status, found.get("Retry-After", ""))
            if status != httpx.codes.OK:
                raise _failure(url, _said(status))
            body = await self._body(url, response)
            return Answer(url, body, found.get("ETag"), found.get("Last-Modified"))

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


@asynccontextmanager
async def open_client(settings: HttpSettings) -> AsyncIterator[Client]:
    """Yield a client; its one connection is closed at the end."""
    contact = f" ({settings.contact})" if settings.contact else ""
    async with httpx.AsyncClient(
        headers={
            b"User-Agent": f"paper-notifier/{__version__}{contact}".encode(),  # München, too
            b"Accept-Encoding": b"gzip, deflate",
        },
        follow_redirects=True,
        max_redirects=REDIRECTS,
        timeout=None,
        limits=httpx.Limits(max_connections=1),
    ) as client:
        yield Client(client, settings)
