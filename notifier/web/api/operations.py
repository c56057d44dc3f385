"""What every operation says of itself: which scope it needs, and which problems it may answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import Depends, Header
from starlette.requests import Request

from notifier.access.scopes import IN_WORDS, Scope, allows
from notifier.web.api.problems import MEDIA_TYPE, Refused, told

_WORDS: Mapping[int, str] = {
    400: "The body cannot be read.",
    401: "No key, or none that is valid.",
    403: "The key has not the scope for this.",
    404: "There is no such thing.",
    409: "It does not go with what there is now.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    421: "The site does not go by this name.",
    422: "Something that was sent cannot be used.",
    429: "Too many requests without a valid key from this network.",
    500: "The request could not be carried out.",
    503: "The database is busy; try again.",
}
_ALWAYS = (401, 403, 421, 422, 429, 500, 503)
_WITH_BODY = (400, 413, 415)
SCHEME = "key"
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}


def needs(scope: Scope) -> Callable[[Request], None]:
    """Return the check that the key which was sent has a scope."""

    def check(request: Request) -> None:
        if not allows(request.state.holder.scopes, scope):
            raise Refused(
                403,
                f'this key may not do that: it needs the scope "{scope}" ({IN_WORDS[scope]})',
                WWW_Authenticate=f'Bearer error="insufficient_scope", scope="{scope}"',
            )

    return check


def _once(
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=255,
            pattern=r"^[\x20-\x7e]+$",
            description="The same key, address and body within 24 hours: done once, and answered "
            "the same. A random UUID is right.",
        ),
    ] = None,
) -> None:
    """Let the header be described, and checked: `once` reads it."""


def operation(
    scope: Scope, *statuses: int, body: bool = False, once: bool = False, **responses: Any
) -> dict[str, Any]:
    """Return the arguments of a route.

    Args:
        scope: What the key must have.
        statuses: Problems of this operation, beside those of all.
        body: It takes a body.
        once: It is carried out once by an Idempotency-Key.
        responses: Further answers, by `status_200`.
    """
    codes = sorted({*_ALWAYS, *statuses, *(_WITH_BODY if body or once else ()),
                    *((409,) if once else ())})  # fmt: skip
    described: dict[int | str, Any] = {code: problem(code) for code in codes}
    described |= {int(name.removeprefix("status_")): told for name, told in responses.items()}
    return {
        "dependencies": [Depends(needs(scope)), *([Depends(_once)] if once else [])],
        "responses": described,
        "openapi_extra": {"security": [{SCHEME: [scope]}]},
    }


def problem(status: int) -> dict[str, Any]:
    """Return the description of a problem."""
    schema = {"$ref": "#/components/schemas/Problem"}
    example = told(status, _WORDS[status].rstrip(".").lower()).model_dump(exclude_none=True)
    content = {MEDIA_TYPE: {"schema": schema, "example": example}}
    headers: dict[str, Any] = {}
    if status in (401, 403):
        headers["WWW-Authenticate"] = _TEXT | {"description": "RFC 6750."}
    if status in (429, 503):
        headers["Retry-After"] = {"schema": {"type": "integer"}, "description": "Seconds."}
    described = {"description": _WORDS[status], "content": content}
    return described | ({"headers": headers} if headers else {})


# The next page of a list, as it is described.
LINK: dict[str, Any] = {
    "description": "A page of the list.",
    "headers": {"Link": _TEXT | {"description": 'The next page: <…>; rel="next" (RFC 8288).'}},
}
