"""Feeds: of a profile, at an address that holds a secret, and of the newest day, for anybody.

Nobody is named in a profile's feed, and nothing in it leads to a page of its owner's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier.app import App
from notifier.digests.words import LINK_NAMES
from notifier.jobs.match import KEPT
from notifier.languages import language
from notifier.ranking import periods
from notifier.storage import store_feeds, store_papers, store_saved
from notifier.storage.store_feeds import Followed, Listed
from notifier.storage.store_saved import Reader
from notifier.subscriptions.links import Links
from notifier.web.answers import Pages
from notifier.web.conditional import answered
from notifier.web.papers import links_of
from notifier.web.syndication import ATOM_TYPE, JSON_TYPE, Feed, FeedItem, atom, json_feed

MOST_PAPERS = 50
HEADERS = {"Cache-Control": "private, max-age=900"}
PUBLIC_HEADERS = {"Cache-Control": "public, max-age=900"}
# By the address's ending: media type, and who writes it.
KINDS: dict[str, tuple[str, Callable[[Feed], bytes]]] = {
    "atom": (ATOM_TYPE, atom),
    "json": (JSON_TYPE, json_feed),
}


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the feeds are."""
    feeds = _Feeds(pages)
    return [
        Route("/feed/{secret}.{kind}", feeds.show),
        Route("/feed/saved/{secret}.{kind}", feeds.show_saved),
        Route("/papers.{kind}", feeds.show_day),
    ]


class _Feeds:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Give a profile's feed; 404 where the secret opens nothing, 410 where its owner left."""
        app, secret = self._pages.app, request.path_params["secret"]
        kind = request.path_params["kind"]
        if kind not in KINDS:
            raise HTTPException(404)
        with app.database.reading() as conn:
            found = store_feeds.followed(conn, secret)
            if found is None:
                raise HTTPException(404)
            if found.state == "left":
                return self._pages.message(request, "stopped feed", 410)
            since = app.clock() - KEPT
            listed = store_feeds.matched(conn, found.profile, since=since, limit=MOST_PAPERS)
            items = items_of(conn, listed, app.links)
        here = app.links.feed(secret, kind)
        return _answer(request, kind, _of_profile(app, found, items, here=here), HEADERS)

    def show_saved(self, request: Request) -> Response:
        """Give the papers that somebody saved last; 404 and 410 as for a profile's feed."""
        app, secret = self._pages.app, request.path_params["secret"]
        kind = request.path_params["kind"]
        with app.database.reading() as conn:
            found = store_saved.reader(conn, secret) if kind in KINDS else None
            if found is None:
                raise HTTPException(404)
            if found.state == "left":
                return self._pages.message(request, "stopped feed", 410)
            listed = store_saved.listed(conn, found.subscriber, limit=MOST_PAPERS)
            items = items_of(conn, listed, app.links)
        here = app.links.saved_feed(secret, kind)
        return _answer(request, kind, of_saved(app, found, items, here=here), HEADERS)

    def show_day(self, request: Request) -> Response:
        """Give the first papers of the newest day that has any."""
        app, kind = self._pages.app, request.path_params["kind"]
        if kind not in KINDS:
            raise HTTPException(404)
        now = app.clock()
        period = periods.of(self._pages.app.days.newest() or now.date(), "day", now=now)
        rows = self._pages.app.days.of(period).of_field("")[:MOST_PAPERS]
        with app.database.reading() as conn:
            items = items_of(conn, store_feeds.listed(conn, rows), app.links)
        here = f"{app.links.base}/papers"
        feed = Feed(
            id=uuid5(NAMESPACE_URL, here).urn,
            title=f"Papers of the day - {app.settings.site.name}",
            by=app.settings.site.name,
            home=here,
            here=f"{here}.{kind}",
            updated_at=newest(items, period.begins),
            items=items,
        )
        return _answer(request, kind, feed, PUBLIC_HEADERS)


def _answer(request: Request, kind: str, feed: Feed, headers: Mapping[str, str]) -> Response:
    media_type, written = KINDS[kind]
    return answered(
        request, written(feed), media_type, modified_at=feed.updated_at, headers=headers
    )


def _of_profile(app: App, found: Followed, items: Sequence[FeedItem], *, here: str) -> Feed:
    of = f"of/{found.profile}"
    return _feed(app, of, found.name, items, since=found.changed_at, here=here)


def of_saved(app: App, reader: Reader, items: Sequence[FeedItem], *, here: str) -> Feed:
    """Return the feed of somebody's saved papers, in their language."""
    of, title = f"saved/of/{reader.subscriber}", language(reader.language).gettext("Saved papers")
    return _feed(app, of, title, items, since=reader.since, here=here)


def _feed(
    app: App, of: str, title: str, items: Sequence[FeedItem], *, since: datetime, here: str
) -> Feed:
    """A feed at a secret address; `of` stays when the secret is made anew, so that no reader shows
    all papers again."""
    site = app.settings.site
    return Feed(
        id=uuid5(NAMESPACE_URL, f"{app.links.base}/feed/{of}").urn,
        title=f"{title} - {site.name}",
        by=site.name,
        home=f"{app.links.base}/",
        here=here,
        updated_at=newest(items, since),
        items=items,
    )


def newest(items: Sequence[FeedItem], otherwise: datetime) -> datetime:
    """Return when anything in a feed last changed."""
    return max([otherwise, *(item.updated_at for item in items)])


def items_of(conn: Connection, listed: Sequence[Listed], links: Links) -> list[FeedItem]:
    """Return papers as they stand in a feed, in this order."""
    papers = {paper.row: paper for paper in store_papers.load(conn, [one.row for one in listed])}
    items = []
    for one in listed:
        paper = papers[one.row]
        known = dict(links_of(paper))
        pdf = known.pop("pdf", "")
        pages = [known[kind] for kind in LINK_NAMES if kind in known] + list(known.values())
        page = next(iter(pages), links.paper(paper.id))
        items.append(FeedItem(paper, one.updated_at, page, pdf))
    return items
