"""Digests: what was sent, with their papers, and the mail's HTML and text."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from notifier import errors
from notifier.digests.reading import body
from notifier.storage import store_digests, store_pages
from notifier.storage.store_pages import DigestLine
from notifier.web.api import examples
from notifier.web.api.asking import Instance
from notifier.web.api.operations import LINK, operation
from notifier.web.api.paging import PageAsked
from notifier.web.api.schemas import Shown, like
from notifier.web.archive import POLICY

router = APIRouter(tags=["digests"])
Key = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", examples=["0123456789abcdef0123456789abcdef"])]


class DigestShown(Shown):
    """A digest; `state` is what became of its mail, null where nothing matched."""

    model_config = like(examples.DIGEST)
    key: str
    subscriber: int
    period: str
    subject: str
    papers: int
    more: int
    composed_at: datetime
    state: str | None


class DigestPage(Shown):
    """A page of digests, the newest first."""

    items: list[DigestShown]
    next: str | None


class Place(Shown):
    """A paper of a digest, and in which profile's section it stands."""

    place: int
    profile: str
    paper: str
    title: str


class WholeDigest(DigestShown):
    """A digest with its papers, in order."""

    model_config = like(examples.WHOLE_DIGEST)
    places: list[Place]


@router.get("/digests", **operation("read", status_200=LINK))
def list_digests(
    app: Instance,
    asked: PageAsked,
    response: Response,
    subscriber: Annotated[int | None, Query(ge=1, le=2**53 - 1, description="Of one.")] = None,
) -> DigestPage:
    """List digests, the newest first."""
    with app.database.reading() as conn:
        rows = store_pages.digests(
            conn, before=asked.row, limit=asked.reading, subscriber=subscriber
        )
    page, following = asked.cut(rows, attrgetter("row"), response)
    return DigestPage(items=[DigestShown.model_validate(one) for one in page], next=following)


@router.get("/digests/{key}", **operation("read", 404))
def get_digest(app: Instance, key: Key) -> WholeDigest:
    """Show a digest with its papers."""
    found = _digest(app, key)
    with app.database.reading() as conn:
        papers = store_digests.papers_of(conn, key)
    places = [
        Place(profile=profile, place=place, paper=paper, title=title)
        for profile, place, paper, title in papers
    ]
    shown = DigestShown.model_validate(found)
    return WholeDigest(**shown.model_dump(), places=places)


@router.get(
    "/digests/{key}/html",
    response_class=HTMLResponse,
    **operation("read", 404, status_200={"description": "The HTML of the mail, as it was sent."}),
)
def get_digest_html(app: Instance, key: Key) -> Response:
    """Give the HTML of a digest's mail."""
    html = body(_content(app, key), "html")
    if not html:
        raise errors.NotFound("this mail has no HTML, only text")
    return HTMLResponse(html, headers=POLICY)


@router.get(
    "/digests/{key}/text",
    response_class=PlainTextResponse,
    **operation("read", 404, status_200={"description": "The text of the mail, as it was sent."}),
)
def get_digest_text(app: Instance, key: Key) -> Response:
    """Give the text of a digest's mail."""
    return PlainTextResponse(body(_content(app, key), "plain"), headers=POLICY)


def _digest(app: Instance, key: str) -> DigestLine:
    with app.database.reading() as conn:
        found = store_pages.digest(conn, key)
    if found is None:
        raise errors.NotFound("there is no digest with this key")
    return found


def _content(app: Instance, key: str) -> bytes:
    with app.database.reading() as conn:
        content = store_digests.content(conn, key)
    if content is None:
        raise errors.NotFound("no mail of a digest with this key is kept")
    return content
