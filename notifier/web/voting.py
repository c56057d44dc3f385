"""What a subscriber says of a paper: more like this, not for me, save; the last word counts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import get_args

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier import errors
from notifier.papers.paper import Paper
from notifier.profiles.profile import Subscriber
from notifier.storage import store_papers, store_subscribers, store_votes
from notifier.storage.store_votes import Kind, StoredVote
from notifier.subscriptions.links import VOTE
from notifier.web.answers import Pages, read_form

NOTHING = "none"
SAID: tuple[str, ...] = (*get_args(Kind), NOTHING)


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    voting = _Voting(pages)
    return [
        Route("/v/{token}", voting.show, methods=["GET"]),
        Route("/v/{token}", voting.act, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class _About:
    """Who says something of which paper, and what they said so far."""

    subscriber: Subscriber
    paper: Paper
    said: str


class _Voting:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def _rows(self, request: Request) -> tuple[int, int]:
        tokens = self._pages.app.tokens
        subscriber, paper = tokens.read_rows(VOTE, request.path_params["token"], 2)
        return subscriber, paper

    def show(self, request: Request) -> Response:
        """Show the choices, the one that the link names chosen."""
        with self._pages.app.database.reading() as conn:
            about = _about(conn, *self._rows(request))
        named = request.query_params.get("said", "")
        return self._page(request, about, named if named in SAID else about.said)

    async def act(self, request: Request) -> Response:
        """Keep what was said, or forget it."""
        rows, said = self._rows(request), (await read_form(request)).one("said")
        return await asyncio.to_thread(self._keep, request, rows, said)

    def _keep(self, request: Request, rows: tuple[int, int], said: str) -> Response:
        app = self._pages.app
        with app.database.writing() as conn:
            about = _about(conn, *rows)
            if said == NOTHING:
                store_votes.remove(conn, *rows)
            elif said in get_args(Kind) and said != about.said:
                store_votes.put(conn, StoredVote(*rows, said, app.clock()))  # type: ignore[arg-type]  # it is one of them
        if said not in SAID:
            return self._page(request, about, about.said, status=422, is_unclear=True)
        now = _About(about.subscriber, about.paper, said)
        return self._page(request, now, said, before=about.said, is_kept=True)

    def _page(
        self,
        request: Request,
        about: _About,
        chosen: str,
        *,
        status: int = 200,
        before: str = NOTHING,
        is_kept: bool = False,
        is_unclear: bool = False,
    ) -> Response:
        return self._pages.page(
            request,
            "vote",
            status,
            reader=about.subscriber,
            title=about.paper.title,
            page=self._pages.links.paper(about.paper.id),
            said=about.said,
            chosen=chosen,
            before=before,
            is_kept=is_kept,
            is_unclear=is_unclear,
            learns=about.subscriber.learning,
            service_learns=self._pages.app.order.learning_share > 0,
        )


def _about(conn: Connection, subscriber: int, paper: int) -> _About:
    """Raises NotFound: one of them was deleted, or the paper became part of another."""
    who = store_subscribers.get(conn, subscriber)
    papers = store_papers.load(conn, [paper])
    if who is None or not papers:
        raise errors.NotFound("the subscriber or the paper was deleted")
    return _About(who, papers[0], store_votes.said(conn, subscriber, paper) or NOTHING)
