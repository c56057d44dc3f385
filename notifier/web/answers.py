"""What all pages share: how they are filled in, what is read from a form, where links lead."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from threading import BoundedSemaphore
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from notifier.app import App
from notifier.digests import cadence
from notifier.errors import ExpiredToken
from notifier.languages import Language, known, language
from notifier.profiles.profile import Subscriber
from notifier.subscriptions.links import (
    CHANGE,
    CHANGE_LIFE,
    CONFIRM,
    PAUSE,
    PURPOSES,
    UNDO,
    UNSUBSCRIBE,
    VOTE,
    WAITING,
    Links,
)
from notifier.web.negotiation import asked_for
from notifier.web.sampled import Samples

# Of rules typed into a page: a form of so many is within the bytes of a body in every script.
RULES_CHARACTERS = 2000
# Rules tried on all pages together: one is worked on, others wait, further ones come back.
TRIED_AT_ONCE = 4
_FORM_FIELDS = 100
# What the first part of an address is for.
_ASKED_FOR = {
    "u": UNSUBSCRIBE, "m": CHANGE, "v": VOTE, "pause": PAUSE, "c": CONFIRM, "s": WAITING,
    "undo": UNDO,
}  # fmt: skip


class Reader(Protocol):
    """Who reads a page, as far as its language goes."""

    @property
    def language(self) -> str:
        """A code, as of `languages.known`."""
        ...


class Pages:
    """The pages of an instance: `links` lead within the site, below its path if it has one."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.links = Links(urlsplit(app.settings.site.public_url).path, app.tokens)
        self.samples = Samples(app)
        self.trying = BoundedSemaphore(TRIED_AT_ONCE)

    def words(self, request: Request, reader: Reader | None = None) -> Language:
        """Return the reader's language; of one whom nothing tells, that which they ask for."""
        if reader:
            return language(reader.language)
        header = ",".join(request.headers.getlist("accept-language"))
        default = self.app.settings.digest.language
        return language(asked_for(header, known(), default=default))

    def subscriber(self, request: Request, purpose: str) -> Subscriber:
        """Return whose page it is, by the token in its address.

        Raises:
            BadToken: it is none of ours for this purpose.
            ExpiredToken: it is one, but too old.
            NotFound: the subscriber was deleted.
        """
        token, tokens = request.path_params["token"], self.app.tokens
        if purpose == CHANGE:
            row = tokens.read_dated(purpose, token, now=self.app.clock(), life=CHANGE_LIFE)
        else:
            row = tokens.read(purpose, token)
        return self.app.subscriptions.by_row(row)

    def standing(self, subscriber: Subscriber) -> dict[str, Any]:
        """Return what a page says of how it stands: `state`, and when the next digest is due.

        `state` is "suppressed" where an active subscriber must not be mailed at present.
        """
        held = self.app.subscriptions.suppressed(subscriber, self.app.clock())
        if held and subscriber.state == "active":
            return {"state": "suppressed", "next_at": None}
        return {"state": subscriber.state, "next_at": self._next_digest(subscriber)}

    def _next_digest(self, subscriber: Subscriber) -> datetime | None:
        """Return when the next digest is due, by the subscriber's clock; None where none is."""
        due, paused = subscriber.next_due_at, subscriber.paused_until
        if due is None or subscriber.state != "active":
            return None
        if paused and due < paused:
            due = self.planned(subscriber, paused)
        return due.astimezone(cadence.zone_of(subscriber.schedule))

    def planned(self, subscriber: Subscriber, after: datetime) -> datetime:
        """Return when a subscriber's first digest whose time is after `after` is due."""
        planning = self.app.subscriptions.planning
        return planning.planned(subscriber.row, subscriber.schedule, after)

    def page(
        self,
        request: Request,
        name: str,
        status: int = 200,
        *,
        reader: Reader | None = None,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """Return a page by its template's name; `reader` is None where nothing tells who reads."""
        code = self.words(request, reader).code
        spoken = {"Content-Language": code} | ({} if reader else {"Vary": "Accept-Language"})
        shared = self._shared()
        content = self.app.templates.page(f"web/{name}.html.j2", code, **shared, **values)
        return HTMLResponse(content, status, spoken | dict(headers or {}))

    def _shared(self) -> dict[str, Any]:
        """What all pages say; `is_open`: anybody may subscribe."""
        site = self.app.settings.site
        return {
            "root": self.links.base,
            "service": site.name,
            "contact": site.contact,
            "postal_address": site.postal_address,
            "is_open": site.open_signup,
        }

    def message(
        self, request: Request, said: str, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """Return a page that only says something: one of those in its template."""
        return self.page(request, "message", status, said=said, **values)

    def bad_link(self, request: Request, error: Exception) -> HTMLResponse:
        """Say which link it is and what is wrong: cut short, made for something else, too old."""
        purpose = _ASKED_FOR.get(request.url.path.split("/")[1], "")
        if isinstance(error, ExpiredToken):
            before, token, _ = request.url.path.partition(request.path_params["token"])
            fresh = "" if purpose == UNDO else f"{self.links.base}{before}{token}/fresh"
            days = error.life.days
            return self.page(request, "expired", 410, asked_for=purpose, days=days, fresh=fresh)
        token, tokens = request.path_params["token"], self.app.tokens
        found = (one for one in PURPOSES if tokens.is_made_for(one, token))
        made_for = next(found, "")
        return self.page(request, "bad_link", 404, asked_for=purpose, made_for=made_for)

    def manage(self, request: Request) -> str:
        """Return where a subscriber's own pages are, within the site: all are below it."""
        return f"{self.links.base}/m/{request.path_params['token']}"

    async def style(self, request: Request) -> Response:
        """The one stylesheet."""
        return self._file("web/style.css", "text/css")

    async def script(self, request: Request) -> Response:
        """The one script, without which everything works too."""
        return self._file("web/script.js", "text/javascript")

    def _file(self, name: str, media_type: str) -> Response:
        content = self.app.templates.page(name)
        headers = {"Cache-Control": "max-age=3600"}
        return Response(content, media_type=media_type, headers=headers)


class Form:
    """What was sent with a form, as typed but for spaces at both ends."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def one(self, name: str) -> str:
        """Return a field's text, "" where it was not sent."""
        return self._fields.get(name, [""])[0].strip()

    def number(self, name: str) -> int:
        """Return the number in a field; 0, which names nothing, for anything else."""
        typed = self.one(name)
        return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 18 else 0

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values that were chosen."""
        return tuple(value.strip() for value in self._fields.get(name, ()))


async def read_form(request: Request) -> Form:
    """Return the form that was sent; anything else is an empty one.

    Raises:
        HTTPException: it has more fields than any form of ours.
    """
    body = await request.body()  # a small one: see guarding
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return Form({})
    try:
        text = body.decode("utf-8", "replace")
        return Form(parse_qs(text, keep_blank_values=True, max_num_fields=_FORM_FIELDS))
    except ValueError as error:
        raise HTTPException(413) from error


def asker(request: Request) -> str:
    """The IP address that asks, as far as the web server in front may say; "" where none is."""
    return request.client.host if request.client else ""
