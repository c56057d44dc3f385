"""The API put together: its resources, its door, and its description (OpenAPI 3.1)."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp

from notifier import __version__
from notifier.app import App
from notifier.web.api import (
    PREFIX,
    deliveries,
    digests,
    papers,
    problems,
    profiles,
    rules,
    stats,
    subscribers,
    subscribing,
)
from notifier.web.api.door import Door
from notifier.web.api.operations import SCHEME
from notifier.web.api.problems import Problem
from notifier.web.origins import Names

_GROUPS = (subscribers, subscribing, profiles, rules, papers, digests, deliveries, stats)
# A failure that is told elsewhere would carry what was sent, addresses included.
_TELL_NOBODY: TelemetryConfig = {
    "tracing": False, "metrics": False, "logs": False, "auto_configure": False,
}  # fmt: skip
_ABOUT = """\
Errors are `application/problem+json` (RFC 9457). Lists come in pages: follow `next`, or the `Link`
header. A POST with an `Idempotency-Key` is done once. Times are UTC (RFC 3339). Keys are made by
`notifier api-key add`; the scope that an operation needs stands with its security.
"""


def make_api(app: App, names: Names) -> ASGIApp:
    """Return the API of an instance, with its door."""
    return Door(application(app), app, names)


def application(app: App) -> FastAPI:
    """Return the API as such: everybody who comes in has a valid key."""
    api = FastAPI(
        title=f"{app.settings.site.name} (notifier)",
        version=__version__,
        description=_ABOUT,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        separate_input_output_schemas=False,
        telemetry=_TELL_NOBODY,
    )
    api.state.instance = app
    api.state.allow = _allow
    problems.handle(api)
    for group in _GROUPS:
        api.include_router(group.router)

    @cache
    def described() -> bytes:
        return to_json(_described(api, app.settings.site.public_url))

    def openapi(request: Request) -> Response:
        return Response(described(), media_type="application/json")

    api.add_route("/openapi.json", openapi)
    return api


def routes() -> list[APIRoute]:
    """Return every operation there is."""
    return [route for group in _GROUPS for route in group.router.routes
            if isinstance(route, APIRoute)]  # fmt: skip


def _allow(request: Request) -> str:
    """The methods that a resource has (RFC 9110, 10.2.1)."""
    methods: set[str] = set()
    for route in routes():
        matched, _ = route.matches(dict(request.scope))
        if matched is not Match.NONE:
            methods |= route.methods or set()
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _described(api: FastAPI, public_url: str) -> dict[str, Any]:
    described = api.openapi()
    described["servers"] = [{"url": public_url.rstrip("/") + PREFIX}]
    components = described["components"]
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"] |= schema.pop("$defs", {}) | {"Problem": schema}
    components["schemas"].pop("HTTPValidationError", None)
    components["schemas"].pop("ValidationError", None)
    components["securitySchemes"] = {
        SCHEME: {"type": "http", "scheme": "bearer", "bearerFormat": "ntf_ID_SECRET",
                 "description": "A key of `notifier api-key add`; scopes: docs/api.md."}
    }  # fmt: skip
    return described
