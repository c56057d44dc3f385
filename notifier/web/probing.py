"""What other programs ask: is the process there, can it work, and its numbers for Prometheus.

`/healthz` and `/readyz` are for anybody. `/metrics` is for programs on this machine, or for who has
a key: it tells how many readers there are, and at which providers.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from notifier import errors
from notifier.access.scopes import allows
from notifier.config_values import is_loopback
from notifier.metrics.exposition import CONTENT_TYPE, Exposition
from notifier.metrics.numbers import Numbers
from notifier.readiness import Probe
from notifier.standings import processes
from notifier.storage import schema
from notifier.vitals import Vitals
from notifier.web.answers import Pages, asker
from notifier.web.guarding import is_asked_here, password

SCOPE: Final = "read"
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="notifier", Basic realm="notifier"'}


def routes(pages: Pages, vitals: Vitals | None) -> list[BaseRoute]:
    """Return where they are; `/metrics` is nowhere where it is off."""
    probing = _Probing(pages, vitals)
    found = [Route("/healthz", healthz), Route("/readyz", probing.readyz)]
    if pages.app.settings.health.metrics != "off":
        found.append(Route("/metrics", probing.metrics))
    return [*found]


async def healthz(request: Request) -> Response:
    """The process is there."""
    return PlainTextResponse("ok\n")


class _Probing:
    def __init__(self, pages: Pages, vitals: Vitals | None) -> None:
        self._app = app = pages.app
        self._probe = Probe(app, vitals, seconds=time.monotonic)
        numbers = Numbers(
            app.database,
            clock=app.clock,
            states=app.intake.states,
            processes=lambda: Counter(one["state"] for one in processes(app)),
            known=app.pace.destinations.names,
            seconds=time.monotonic,
        )
        self._exposition = Exposition(
            numbers,
            app.meters,
            database="sqlite" if app.database.is_sqlite else "postgresql",
            schema=schema.revision(app.database) or "",
            engine=app.settings.engine.kind,
            waiting=app.engine.waiting,
            vitals=vitals,
        )

    def readyz(self, request: Request) -> Response:
        """Say whether the process can do its work, 503 where it cannot."""
        found = self._probe.look()
        status = 200 if found.is_ready else 503
        told: dict[str, object] = {"ready": found.is_ready, "checks": dict(found.checks)}
        if found.scheduler:
            told["scheduler"] = found.scheduler
        return JSONResponse(told, status)

    def metrics(self, request: Request) -> Response:
        """Give the numbers to who may have them."""
        refused = self._refused(request)
        return refused or Response(self._exposition.text(), headers={"Content-Type": CONTENT_TYPE})

    def _refused(self, request: Request) -> Response | None:
        by_key_alone = self._app.settings.health.metrics == "key"
        if not by_key_alone and is_loopback(asker(request)) and is_asked_here(request):
            return None
        typed = _key(request.headers.get("authorization", ""))
        try:
            holder = self._app.served.api_keys.holder(
                typed, host=asker(request), now=self._app.clock()
            )
        except errors.TooOften as error:
            return PlainTextResponse(f"{error}\n", 429)
        if holder is None:
            said = "a key with the scope read is wanted: notifier api-key add\n"
            return PlainTextResponse(said, 401, _CHALLENGE)
        if not allows(holder.scopes, SCOPE):
            return PlainTextResponse("this key lacks the scope read\n", 403)
        return None


def _key(header: str) -> str:
    """The key that was sent, as a bearer's or as a password; "" where none was."""
    scheme, _, sent = header.partition(" ")
    return sent.strip() if scheme.lower() == "bearer" else password(header)
