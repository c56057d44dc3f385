"""The JSON API below /api/v1. In: a request with a key. Out: JSON, or a problem (RFC 9457).

GET changes nothing. A POST with an Idempotency-Key is carried out once. No address of a person
stands in a URL. docs/api.md is for who uses it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/api/v1"


class Below:
    """Gives what is below /api/v1 to the API, which has a guard of its own, and the rest on.

    The API is made by the first request for it, since that takes half a second. Not a `Mount`: its
    pattern ends at a line break, and what is behind would be a page.
    """

    def __init__(self, app: ASGIApp, make_api: Callable[[], ASGIApp]) -> None:
        self._app, self._make_api = app, make_api
        self._api: ASGIApp | None = None
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and (path == PREFIX or path.startswith(f"{PREFIX}/")):
            below = dict(scope) | {"root_path": scope.get("root_path", "") + PREFIX}
            await (await self._made())(below, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _made(self) -> ASGIApp:
        async with self._lock:
            if self._api is None:
                self._api = await run_in_threadpool(self._make_api)
            return self._api
