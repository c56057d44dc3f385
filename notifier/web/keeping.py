"""What a subscriber has: saved papers, the digests that were sent, the next one as it stands."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from notifier.digests import cadence
from notifier.digests.excerpt import cut
from notifier.papers.paper import Paper
from notifier.profiles.profile import Subscriber
from notifier.storage import store_digests, store_papers, store_votes
from notifier.storage.store_votes import StoredVote
from notifier.subscriptions.links import CHANGE
from notifier.web.answers import Pages, read_form
from notifier.web.archive import as_sent
from notifier.web.papers import CITATIONS, as_file

MOST_SHOWN = 500
AUTHORS_CHARACTERS = 200


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    keeping = _Keeping(pages)
    return [
        Route("/m/{token}/saved", keeping.saved, methods=["GET"]),
        Route("/m/{token}/saved", keeping.act, methods=["POST"]),
        Route("/m/{token}/saved{ending}", keeping.cite, methods=["GET"]),
        Route("/m/{token}/digests", keeping.digests, methods=["GET"]),
        Route("/m/{token}/next", keeping.next, methods=["GET"]),
    ]


@dataclass(frozen=True, slots=True)
class Saved:
    """A paper that was saved."""

    paper: Paper
    vote: StoredVote
    authors: str


class _Keeping:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def _saved(self, subscriber: Subscriber) -> list[Saved]:
        with self._pages.app.database.reading() as conn:
            votes = store_votes.of(conn, subscriber.row, limit=MOST_SHOWN, kind="saved")
            rows = {vote.paper for vote in votes}
            papers = {paper.row: paper for paper in store_papers.load(conn, rows)}
        return [
            Saved(paper, vote, cut(", ".join(paper.authors), AUTHORS_CHARACTERS))
            for vote in votes
            if (paper := papers.get(vote.paper))
        ]

    def saved(self, request: Request) -> Response:
        """Show the saved papers, the latest first."""
        return self._page(request, self._pages.subscriber(request, CHANGE))

    async def act(self, request: Request) -> Response:
        """Take a paper from the list, or put it back; make, change or end the feed."""
        form = await read_form(request)
        if form.one("do") in ("feed", "no-feed"):
            return await run_in_threadpool(self._feed, request, form.one("do"))
        return await run_in_threadpool(self._act, request, form.one("do"), form.number("paper"))

    def _feed(self, request: Request, do: str) -> Response:
        subscriber, saved = self._pages.subscriber(request, CHANGE), self._pages.app.served.saved
        if do == "feed":
            saved.rotate(subscriber.row)
        else:
            saved.stop(subscriber.row)
        return RedirectResponse(f"{self._pages.manage(request)}/saved?done={do}", 303)

    def _act(self, request: Request, do: str, row: int) -> Response:
        app, subscriber = self._pages.app, self._pages.subscriber(request, CHANGE)
        with app.database.writing() as conn:
            found = store_papers.load(conn, [row])
            said = store_votes.said(conn, subscriber.row, row)
            if found and do == "forget" and said == "saved":
                store_votes.remove(conn, subscriber.row, row)
            elif found and do == "save" and said is None:
                store_votes.put(conn, StoredVote(subscriber.row, row, "saved", app.clock()))
        gone = found[0] if found and do == "forget" else None
        return self._page(request, subscriber, gone=gone)

    def _page(
        self, request: Request, subscriber: Subscriber, *, gone: Paper | None = None
    ) -> Response:
        return self._pages.page(
            request,
            "saved",
            reader=subscriber,
            saved=self._saved(subscriber),
            gone=gone,
            most=MOST_SHOWN,
            feed=self._pages.app.served.saved.feed(subscriber.row),
            done=request.query_params.get("done", ""),
            zone=cadence.zone_of(subscriber.schedule),
            manage=self._pages.manage(request),
            links=self._pages.links,
        )

    def cite(self, request: Request) -> Response:
        """Give the citations of all saved papers as one file."""
        ending = request.path_params["ending"]
        if ending not in CITATIONS:
            return self._pages.message(request, "nothing here", 404)
        subscriber = self._pages.subscriber(request, CHANGE)
        papers = self._pages.app.served.saved.papers(subscriber.row)
        return as_file("saved", CITATIONS[ending], papers)

    def digests(self, request: Request) -> Response:
        """Show what was sent, the newest first."""
        subscriber = self._pages.subscriber(request, CHANGE)
        app = self._pages.app
        with app.database.reading() as conn:
            listed = store_digests.listed(conn, subscriber=subscriber.row, limit=MOST_SHOWN)
        oldest = app.clock() - app.archive
        return self._pages.page(
            request,
            "digests",
            reader=subscriber,
            digests=listed,
            is_kept=[one.papers > 0 and one.composed_at >= oldest for one in listed],
            days=app.archive.days,
            zone=cadence.zone_of(subscriber.schedule),
            manage=self._pages.manage(request),
            links=self._pages.links,
        )

    def next(self, request: Request) -> Response:
        """Show the next digest as it would be now: nothing of it is kept or sent."""
        subscriber = self._pages.subscriber(request, CHANGE)
        return as_sent(self._pages.app.preview(subscriber).content)
