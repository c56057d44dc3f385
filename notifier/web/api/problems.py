"""What is said where something cannot be done: application/problem+json (RFC 9457), always.

A problem repeats nothing that was sent but what its own sentence needs, and holds no secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from notifier import errors

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 10
_KIND = "urn:notifier:problem:"
# By the error's class: status, and what kind of problem it is.
_BY_ERROR: Mapping[type[errors.NotifierError], tuple[int, str]] = {
    errors.UsageError: (422, "invalid"),
    errors.NotFound: (404, "not-found"),
    errors.Conflict: (409, "conflict"),
    errors.TooOften: (429, "too-often"),
    errors.Busy: (503, "busy"),
    errors.Unavailable: (503, "busy"),
}
_OF_DATABASE = (errors.Locked, errors.Unavailable)  # whose texts say where it is
_NOT_NOW = "the database cannot be used at the moment"
_BY_STATUS: Mapping[int, str] = {
    400: "unreadable", 401: "no-key", 403: "not-allowed", 404: "not-found", 405: "no-such-method",
    413: "too-large", 415: "not-json", 421: "wrong-name", 422: "invalid", 429: "too-often",
    500: "failed", 503: "busy",
}  # fmt: skip
_PLAIN: Mapping[int, str] = {
    400: "the body cannot be read as JSON",
    404: "there is nothing at this address",
    405: "this resource has no such method",
    500: "the request could not be carried out; it is not your fault",
}


class Fault(BaseModel):
    """One thing that is wrong, and where: in the body, or in a parameter."""

    detail: str = Field(examples=["Input should be less than or equal to 25"])
    pointer: str | None = Field(
        None, description="JSON pointer into the body.", examples=["#/time"]
    )
    parameter: str | None = Field(None, description="A part of the address, or a header.")


class Problem(BaseModel):
    """Why something was not done (RFC 9457). `type` is for programs, `detail` for people."""

    type: str = Field(examples=[f"{_KIND}invalid"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["a time is HH:MM, from 00:00 to 23:59"])
    errors: list[Fault] = []


class Refused(Exception):
    """A problem to be answered as it is; raised where no error of the program says it."""

    def __init__(
        self, status: int, detail: str, faults: Iterable[Fault] = (), **headers: str
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.faults = status, detail, tuple(faults)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def told(status: int, detail: str = "", kind: str = "", faults: Iterable[Fault] = ()) -> Problem:
    """Return a problem; what is not given is what its status says."""
    phrase = HTTPStatus(status).phrase
    return Problem(
        type=_KIND + (kind or _BY_STATUS.get(status, "failed")),
        title=phrase,
        status=status,
        detail=detail or _PLAIN.get(status, phrase.lower()),
        errors=list(faults),
    )


def answer(
    status: int,
    detail: str = "",
    *,
    kind: str = "",
    faults: Iterable[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem as it is sent."""
    content = told(status, detail, kind, faults).model_dump(exclude_none=True)
    later = {"Retry-After": str(RETRY_SECONDS)} if status in (429, 503) else {}
    return JSONResponse(content, status, later | dict(headers or {}), MEDIA_TYPE)


def handle(api: FastAPI) -> None:
    """Let every error below the API be answered with a problem."""
    api.add_exception_handler(Refused, _refused)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(errors.NotifierError, _error)
    api.add_exception_handler(Exception, _failed)


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    return answer(error.status, error.detail, faults=error.faults, headers=error.headers)


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    said = "" if error.status_code in _PLAIN else error.detail
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = request.app.state.allow(request)
    return answer(error.status_code, said, headers=headers)


async def _error(request: Request, error: Exception) -> Response:
    for known, (status, kind) in _BY_ERROR.items():
        if isinstance(error, known):
            said = _NOT_NOW if isinstance(error, _OF_DATABASE) else str(error)
            return answer(status, _without_command(said), kind=kind)
    raise error


async def _failed(request: Request, error: Exception) -> Response:
    return answer(500)


async def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    faults = [_fault(one) for one in error.errors()]
    return answer(422, "some of what was sent cannot be used: see errors", faults=faults)


def _fault(one: Mapping[str, Any]) -> Fault:
    where, *inside = one["loc"]
    said = str(one["msg"]).removeprefix("Value error, ")
    if one["type"] == "json_invalid":
        return Fault(detail=f"the body is no JSON: {one['ctx']['error']}", pointer="#")
    if where == "body":
        steps = (str(step).replace("~", "~0").replace("/", "~1") for step in inside)
        return Fault(detail=said, pointer="#" + "".join(f"/{step}" for step in steps))
    return Fault(detail=said, parameter=str(inside[0]) if inside else str(where))


def _without_command(said: str) -> str:
    """The sentence without the command that would be the cure: who asks here has none."""
    before, dash, _ = said.partition(" - notifier ")
    return before if dash else said
