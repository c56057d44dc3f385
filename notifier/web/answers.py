"""What all pages share: how they are filled in, what is read from a form, where links lead."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from notifier.app import App
from notifier.digests import cadence
from notifier.profiles.profile import Subscriber
from notifier.subscriptions.links import Links

FORM_BYTES = 20_000
_FORM_FIELDS = 100


class Pages:
    """The pages of an instance: `links` lead within the site, below its path if it has one."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.links = Links(urlsplit(app.settings.site.public_url).path, app.tokens)

    def page(
        self,
        name: str,
        status: int = 200,
        *,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """Return a page by its template's name."""
        shared = {"root": self.links.base, "service": self.app.settings.site.name}
        content = self.app.templates.page(f"web/{name}.html.j2", **shared, **values)
        return HTMLResponse(content, status, dict(headers) if headers else None)

    def message(self, said: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a page that only says something: one of those in its template."""
        return self.page("message", status, said=said, **values)


class Form:
    """What was sent with a form, as typed but for spaces at both ends."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def one(self, name: str) -> str:
        """Return a field's text, "" where it was not sent."""
        return self._fields.get(name, [""])[0].strip()

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values that were chosen."""
        return tuple(value.strip() for value in self._fields.get(name, ()))


async def read_form(request: Request) -> Form:
    """Return the form that was sent; anything else is an empty one.

    Raises:
        HTTPException: it is larger than any form of ours.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            raise HTTPException(413)
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return Form({})
    try:
        text = body.decode("utf-8", "replace")
        return Form(parse_qs(text, keep_blank_values=True, max_num_fields=_FORM_FIELDS))
    except ValueError as error:
        raise HTTPException(413) from error


def next_digest(subscriber: Subscriber) -> datetime | None:
    """Return when the next digest is due, by the subscriber's clock; None where none is."""
    due, paused = subscriber.next_due_at, subscriber.paused_until
    if due is None or subscriber.state != "active":
        return None
    if paused and due < paused:
        due = cadence.next_due(subscriber.schedule, paused)
    return due.astimezone(cadence.zone_of(subscriber.schedule))
