"""A POST with an Idempotency-Key is carried out once."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from notifier.access.answers import name_of, request_hash
from notifier.app import App

_KEPT_HEADERS = ("content-type", "location")
_MOST_CHARACTERS = 255

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class OnceRoute(APIRoute):
    """A route whose answer is kept, and given again to the same request under the same key."""

    def get_route_handler(self) -> Handler:
        """Return what carries a request out, or answers as before."""
        carry_out = super().get_route_handler()

        async def handler(request: Request) -> Response:
            typed = request.headers.get("idempotency-key", "")
            if not 1 <= len(typed) <= _MOST_CHARACTERS:  # what is wrong with it is said there
                return await carry_out(request)
            return await _once(request, typed, carry_out)

        return handler


async def _once(request: Request, typed: str, carry_out: Handler) -> Response:
    app: App = request.app.state.instance
    name = name_of(request.state.holder.id, typed)
    wanted = request_hash(request.method, request.url.path, await request.body())
    kept = await run_in_threadpool(app.served.answers.begin, name, wanted, now=app.clock())
    if kept:
        return Response(kept.body, kept.status or 200, dict(kept.headers))
    try:
        response = await carry_out(request)
    except Exception:
        await run_in_threadpool(app.served.answers.drop, name)
        raise
    headers = {key: response.headers[key] for key in _KEPT_HEADERS if key in response.headers}
    body, about = bytes(response.body), _about(bytes(response.body))
    await run_in_threadpool(
        app.served.answers.keep, name, response.status_code, headers, body, subscriber=about
    )
    return response


def _about(body: bytes) -> int | None:
    """The row of the subscriber that an answer is about."""
    told = json.loads(body)
    found = told.get("subscriber", told.get("id"))
    return found if isinstance(found, int) else None
