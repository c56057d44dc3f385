"""A polite HTTP client: conditional, patient, and with a limit to everything.

One answer at a time; 5xx and broken connections are tried again with jitter; size, time and
redirects are limited; the User-Agent names a contact.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2 as httpx
import stamina

from notifier import __version__, errors

REDIRECTS = 5
ATTEMPTS = 3
RETRY_STATUS = (408, 425, 429, 500, 502, 503, 504)


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
    """The answer may be better in a moment."""


class Client:
    """Fetches one address after the other, with a pause between them (arXiv asks for 3 s)."""

    def __init__(self, client: httpx.AsyncClient, settings: HttpSettings) -> None:
        self._client = client
        self._settings = settings
        self._asked = False

    async def fetch(
        self, url: str, *, etag: str | None = None, last_modified: str | None = None
    ) -> Answer:
        """GET `url`, conditionally when there are validators (RFC 9110, 13.1).

        Raises:
            SourceError: no good answer within the limits; the text says what came instead.
        """
        headers = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        sent = {name: value for name, value in headers.items() if value}
        if self._asked:
            await asyncio.sleep(self._settings.pause_seconds)
        self._asked = True
        try:
            async for attempt in stamina.retry_context(
                on=(_TryAgain, httpx.TransportError), attempts=ATTEMPTS, wait_max=20.0
            ):
                with attempt:
                    async with asyncio.timeout(self._settings.timeout_seconds):
                        return await self._get(url, sent)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise errors.SourceError(
                f"{url}: no whole answer within {self._settings.timeout_seconds:g} s"
            ) from error
        except httpx.TooManyRedirects as error:
            raise errors.SourceError(f"{url}: more than {REDIRECTS} redirects") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise errors.SourceError(f"{url}: {error or type(error).__name__}") from error
        except _TryAgain as error:
            raise errors.SourceError(f"{url}: {error}") from error
        raise AssertionError("the retry loop returns or raises")

    async def _get(self, url: str, headers: dict[str, str]) -> Answer:
        async with self._client.stream("GET", url, headers=headers) as response:
            if response.status_code == httpx.codes.NOT_MODIFIED:
                return Answer(url, None)
            if response.status_code in RETRY_STATUS:
                raise _TryAgain(f"HTTP {response.status_code}")
            if response.status_code != httpx.codes.OK:
                raise errors.SourceError(f"{url}: HTTP {response.status_code}")
            body = await self._body(response)
            found = response.headers
            return Answer(url, body, found.get("ETag"), found.get("Last-Modified"))

    async def _body(self, response: httpx.Response) -> bytes:
        limit = self._settings.max_bytes
        chunks, size = [], 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > limit:
                raise errors.SourceError(
                    f"{response.url}: the answer is larger than {limit // 1_000_000} MB"
                )
            chunks.append(chunk)
        return b"".join(chunks)


@asynccontextmanager
async def open_client(settings: HttpSettings) -> AsyncIterator[Client]:
    """Yield a client; its one connection is closed at the end."""
    contact = f" ({settings.contact})" if settings.contact else ""
    async with httpx.AsyncClient(
        headers={"User-Agent": f"paper-notifier/{__version__}{contact}"},
        follow_redirects=True,
        max_redirects=REDIRECTS,
        timeout=settings.timeout_seconds,
        limits=httpx.Limits(max_connections=1),
    ) as client:
        yield Client(client, settings)
