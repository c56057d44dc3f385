"""What every request has to pass before a page sees it, and what every answer carries.

A request has one of the site's names, one of three methods, a small body, and, if it is a form, no
other site's page behind it. The one-click of mail programs (RFC 8058) comes from anywhere.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from notifier.config_values import is_loopback
from notifier.web.origins import Names, is_one_click

BODY_BYTES = 20_000  # more than any form of ours, but for
EDITOR_BYTES = 1_000_000  # a whole profile, percent-encoded
FILE_BYTES = 5_000_000  # the library of a reference manager
METHODS = ("GET", "HEAD", "POST")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}
# Of a page that shows another of ours in a frame.
FRAMING = {"Content-Security-Policy": HEADERS["Content-Security-Policy"] + "; frame-src 'self'"}
# What pages say instead that need no link from a mail: anybody may keep them for a minute,
CACHED = {"Cache-Control": "public, max-age=60"}
# and search engines may list them.
PUBLIC = CACHED | {"X-Robots-Tag": "all"}
# A year, as is usual; of this name alone, since others below it are not ours to promise.
_TLS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}
# Load balancers ask by address, and whoever reads numbers must be on this machine, or have a key.
_ANY_NAME = ("/healthz", "/readyz", "/metrics")
_PROXIES = ("forwarded", "x-forwarded-for", "via")

Refuse = Callable[..., Response]


def headers_for(public_url: str) -> dict[str, str]:
    """Return the headers of every answer (RFC 6797 where the site is public by TLS)."""
    return HEADERS | (_TLS_ONLY if public_url.startswith("https:") else {})


def is_asked_here(request: Request) -> bool:
    """Whether a request names this machine itself: no proxy stands between, no other site's name.

    Whether it comes from this machine is for the caller to see.
    """
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return is_loopback(host) and not any(name in request.headers for name in _PROXIES)


def password(header: str) -> str:
    """Return the password that was sent with HTTP Basic, "" where none was."""
    scheme, _, sent = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        user_and_password = base64.b64decode(sent.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return user_and_password.partition(":")[2].strip()


class SafeHeaders:
    """Adds the headers that every page needs, unless a page sets its own."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = [(k.lower().encode(), v.encode()) for k, v in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] += [one for one in self._headers if one[0] not in there]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class Guard:
    """Refuses what no page should see; `refuse(request, said, status)` makes the answer."""

    def __init__(self, app: ASGIApp, names: Names, refuse: Refuse) -> None:
        self._app, self._names, self._refuse = app, names, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        refused = self._by_head(request)
        if refused is None and request.method == "POST":
            try:
                body = await read_body(request, _most_bytes(request.url.path))
            except ClientDisconnect:  # nobody is there to be answered, and nothing is wrong here
                return
            refused = self._by_body(request, body)
            receive = body_again(body or b"", receive)
        await (refused or self._app)(scope, receive, send)

    def _by_head(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if request.url.path not in _ANY_NAME and not self._names.answers(host):
            return self._refuse(request, "wrong name", 421)
        if request.method not in METHODS:
            answer = self._refuse(request, "no such way", 405)
            answer.headers["Allow"] = ", ".join(METHODS)
            return answer
        return None

    def _by_body(self, request: Request, body: bytes | None) -> Response | None:
        if body is None:
            return self._refuse(request, "too much", 413)
        kind = request.headers.get("content-type", "")
        if self._names.is_foreign(request.headers) and not (
            request.url.path.startswith("/u/") and is_one_click(kind, body)
        ):
            return self._refuse(request, "foreign", 403)
        return None


def _most_bytes(path: str) -> int:
    if path.startswith("/m/") and path.endswith("/suggest"):
        return FILE_BYTES
    holds_rules = path.startswith("/m/") and ("/profile/" in path or path.endswith("/try"))
    return EDITOR_BYTES if holds_rules else BODY_BYTES


async def read_body(request: Request, most: int) -> bytes | None:
    """Return the whole body; None when it is larger than `most`, which is not read to its end."""
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 9 or int(length) > most:
        return None
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return body


def body_again(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    """Return what gives a body that was read once more, then what follows."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
