"""What a request has to pass before the API sees it, the cheapest first.

The site's name, a method that there is, a valid key, a small JSON body. A key is no ambient
authority: no page of another site can make a browser send one, so there is nothing else to guard.
"""

from __future__ import annotations

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from notifier import errors
from notifier.app import App
from notifier.web.answers import asker
from notifier.web.api import PREFIX, problems
from notifier.web.guarding import body_again, read_body
from notifier.web.origins import Names

log = structlog.get_logger()

BODY_BYTES = 200_000
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
OPEN = f"{PREFIX}/openapi.json"
_REALM = 'Bearer realm="notifier"'


class Door:
    """Lets requests with a valid key through to `inside`, and answers all others itself."""

    def __init__(self, inside: ASGIApp, app: App, names: Names) -> None:
        self._inside, self._app, self._names = inside, app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        refused = self._by_head(request) or await self._by_key(request)
        if refused is None and request.method not in ("GET", "HEAD"):
            try:
                body = await read_body(request, BODY_BYTES)
            except ClientDisconnect:  # nobody is there to be answered
                return
            refused = _by_body(request, body)
            receive = body_again(body or b"", receive)
        if request.method == "HEAD":  # the server leaves the body out
            scope = dict(scope) | {"method": "GET"}
        await (refused or self._inside)(scope, receive, send)

    def _by_head(self, request: Request) -> Response | None:
        if not self._names.answers(request.headers.get("host", "")):
            return problems.answer(421, "this site does not go by that name: see site.public_url")
        if request.method not in METHODS:
            return problems.answer(405, headers={"Allow": ", ".join(METHODS)})
        return None

    async def _by_key(self, request: Request) -> Response | None:
        if request.scope["path"] == OPEN:
            return None
        scheme, _, typed = request.headers.get("authorization", "").partition(" ")
        typed = typed.strip() if scheme.lower() == "bearer" else ""
        try:
            holder = await run_in_threadpool(
                self._app.served.api_keys.holder, typed, host=asker(request), now=self._app.clock()
            )
        except errors.TooOften as error:
            return problems.answer(429, str(error))
        except errors.NOT_NOW:
            return problems.answer(503, "the database is busy")
        except Exception:
            log.exception("a key could not be checked")
            return problems.answer(500)
        if holder is None:
            said = "this key is not valid" if typed else "send a key: Authorization: Bearer ntf_…"
            challenge = _REALM + (', error="invalid_token"' if typed else "")
            return problems.answer(401, said, headers={"WWW-Authenticate": challenge})
        request.state.holder = holder
        return None


def _by_body(request: Request, body: bytes | None) -> Response | None:
    if body is None:
        return problems.answer(413, f"a body holds at most {BODY_BYTES:,} bytes")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/json":
        return problems.answer(
            415, "send JSON: Content-Type: application/json", headers={"Accept": "application/json"}
        )
    return None
