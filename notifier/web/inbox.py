"""The inbox of transport "sink": the mails that went to nobody, as a mail program would show them.

Only for a browser on this machine, since mails hold their readers' links.
"""

from __future__ import annotations

import email.policy
from collections.abc import Callable
from dataclasses import dataclass
from email.parser import BytesHeaderParser

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from notifier.delivery.sink import Sink
from notifier.digests.reading import body
from notifier.web.answers import Pages
from notifier.web.guarding import is_asked_here

# The mail's own page: its styles are inline; scripts, forms and remote content stay out.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
_INBOX_POLICY = "default-src 'none'; style-src 'self'; frame-src 'self'"
_PARTS = ("html", "text", "source")


@dataclass(frozen=True, slots=True)
class Listed:
    """A mail of the list."""

    name: str
    recipient: str
    subject: str
    date: str


def open_mail(name: str, content: bytes) -> Listed:
    """Return what the headers of a mail of ours say."""
    parsed = BytesHeaderParser(policy=email.policy.default).parsebytes(content)
    return Listed(
        name=name,
        recipient=str(parsed["To"]),
        subject=str(parsed["Subject"]),
        date=parsed["Date"].datetime.strftime("%a %-d %b %Y"),
    )


def part_of(content: bytes, part: str) -> str:
    """Return the "html", the "text" or the "source" of a mail."""
    if part == "source":
        return content.decode("ascii", "replace")
    return body(content, "html" if part == "html" else "plain").decode("utf-8", "replace")


def best_part(content: bytes, wanted: str) -> str:
    """Return which part of a mail to show: its text, where it has no HTML that could be."""
    if wanted not in _PARTS:
        wanted = "html"
    return "text" if wanted == "html" and not body(content, "html") else wanted


def beside(mail: str) -> str:
    """Return a mail's HTML whose links open beside it, as in a mail program."""
    return mail.replace("<head>", '<head><base target="_blank">', 1)


def routes(pages: Pages, *, demo: bool) -> list[BaseRoute]:
    """Return where the inbox is: nowhere when mails go out, or others could open it."""
    if not (pages.app.sink and pages.app.inbox):
        return []
    inbox = _Inbox(pages, pages.app.sink, demo)
    return [
        Route("/inbox", _here(inbox.first)),
        Route("/inbox/{name}", _here(inbox.show)),
        Route("/inbox/{name}/{part}", _here(inbox.part)),
    ]


def _here(show: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Hide a page from other machines, behind a proxy, and from other sites' names for this one."""

    def guarded(request: Request) -> Response:
        if not is_asked_here(request):
            raise HTTPException(404)
        return show(request)

    return guarded


class _Inbox:
    """`demo`: its mails are read like a story, the first one first."""

    def __init__(self, pages: Pages, sink: Sink, demo: bool) -> None:
        self._pages, self._sink, self._demo = pages, sink, demo

    def first(self, request: Request) -> Response:
        """Lead to the first mail of the list, or show that there is none."""
        mails = self._mails()
        return RedirectResponse(f"/inbox/{mails[0][0]}", 303) if mails else self._page(mails)

    def show(self, request: Request) -> Response:
        """Show one mail beside the list of all."""
        name, part = request.path_params["name"], request.query_params.get("as", "html")
        mails = self._mails()
        content = dict(mails).get(name)
        if content is None:
            return RedirectResponse("/inbox", 303)
        return self._page(mails, name, best_part(content, part))

    def _mails(self) -> list[tuple[str, bytes]]:
        return self._sink.mails()[:: -1 if self._demo else 1]

    def _page(self, mails: list[tuple[str, bytes]], name: str = "", part: str = "") -> Response:
        listed = [open_mail(*mail) for mail in mails]
        page = self._pages.app.templates.page(
            "web/inbox.html.j2", mails=listed, shown=name, part=part, parts=_PARTS, demo=self._demo
        )
        return HTMLResponse(page, headers={"Content-Security-Policy": _INBOX_POLICY})

    def part(self, request: Request) -> Response:
        """Give the HTML, the text or the source of one mail."""
        content, part = self._sink.read(request.path_params["name"]), request.path_params["part"]
        if not content or part not in _PARTS:
            return PlainTextResponse("no such mail\n", 404)
        shown, policy = part_of(content, part), {"Content-Security-Policy": MAIL_POLICY}
        if part == "html":
            return HTMLResponse(beside(shown), headers=policy)
        return PlainTextResponse(shown, headers=policy)
