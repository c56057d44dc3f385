"""The demo's inbox: the mails that the local sink took, as a mail program would show them."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from notifier.app import App
from notifier.delivery.sink import Sink
from notifier.digests.reading import body
from notifier.digests.render import Templates
from notifier.web.site import SafeHeaders, make_site

# The mail's own page: its styles are inline; scripts, forms and remote content stay out.
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
_INBOX_POLICY = "default-src 'none'; style-src 'self'; frame-src 'self'"


@dataclass(frozen=True, slots=True)
class Opened:
    """A received mail, taken apart."""

    number: int
    recipient: str
    subject: str
    date: str
    html: str
    text: str
    source: str


def open_mail(number: int, recipient: str, content: bytes) -> Opened:
    """Return the parts of a mail, read by the standard library."""
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    return Opened(
        number=number,
        recipient=recipient,
        subject=str(parsed["Subject"]),
        date=parsed["Date"].datetime.strftime("%a %-d %b %Y"),
        html=body(content, "html").decode("utf-8", "replace"),
        text=body(content, "plain").decode("utf-8", "replace"),
        source=content.decode("ascii", "replace"),
    )


def make_inbox(sink: Sink, app: App) -> Starlette:
    """Return the inbox of a sink, with the pages of the instance beside it."""
    pages = _Inbox(sink, app.templates)
    return Starlette(
        routes=[
            Route("/", pages.first),
            Route("/mail/{number:int}", pages.show),
            Route("/mail/{number:int}/{part}", pages.part),
            Mount("/", make_site(app)),
        ],
        middleware=[Middleware(SafeHeaders)],
    )


class _Inbox:
    def __init__(self, sink: Sink, templates: Templates) -> None:
        self._sink, self._templates = sink, templates

    def _mails(self) -> list[Opened]:
        received = enumerate(self._sink.received, 1)
        return [open_mail(n, mail.recipient, mail.content) for n, mail in received]

    async def first(self, request: Request) -> Response:
        """Lead to the newest mail, or show that there is none."""
        if self._sink.received:
            return RedirectResponse("/mail/1", 303)
        return self._page(None, "html")

    async def show(self, request: Request) -> Response:
        """Show one mail beside the list of all."""
        number = request.path_params["number"]
        if not 1 <= number <= len(self._sink.received):
            return RedirectResponse("/", 303)
        return self._page(number, request.query_params.get("as", "html"))

    def _page(self, number: int | None, part: str) -> Response:
        page = self._templates.page(
            "web/inbox.html.j2", mails=self._mails(), number=number, part=part
        )
        return HTMLResponse(page, headers={"Content-Security-Policy": _INBOX_POLICY})

    async def part(self, request: Request) -> Response:
        """Give the HTML, the text or the source of one mail."""
        number, part = request.path_params["number"], request.path_params["part"]
        mails = self._mails()
        if not 1 <= number <= len(mails) or part not in ("html", "text", "source"):
            return PlainTextResponse("no such mail\n", 404)
        content = str(getattr(mails[number - 1], part))
        policy = {"Content-Security-Policy": _MAIL_POLICY}
        if part == "html":  # as in a mail program, links open beside the mail
            shown = content.replace("<head>", '<head><base target="_blank">', 1)
            return HTMLResponse(shown, headers=policy)
        return PlainTextResponse(content, headers=policy)
