"""What a subscriber says of a paper: more like this, not for me, save; the last word counts.

The page says why the paper came. Who says "not for me" can also change the rules that brought it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier import errors
from notifier.jobs.match import KEPT
from notifier.jobs.why import why
from notifier.papers.paper import Paper
from notifier.profiles.profile import Subscriber
from notifier.storage import store_papers, store_subscribers, store_votes
from notifier.storage.store_votes import Kind, StoredVote
from notifier.subscriptions.amending import Amended, may_amend
from notifier.subscriptions.links import CHANGE_LIFE, VOTE
from notifier.subscriptions.undoing import mark_of
from notifier.web.answers import Form, Pages, read_form
from notifier.web.feedback import Wanted

NOTHING = "none"
SAID: tuple[str, ...] = (*get_args(Kind), NOTHING)
_STATUS = {"changed": 409, "refused": 422}


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


@dataclass(frozen=True, slots=True)
class _Did:
    """What a form did: `before` was said before it."""

    before: str = NOTHING
    is_kept: bool = False
    is_unclear: bool = False
    amended: Amended | None = None

    @property
    def status(self) -> int:
        """The answer's status."""
        if self.is_unclear:
            return 422
        return _STATUS.get(self.amended.outcome, 200) if self.amended else 200


class _Voting:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._amending = pages.app.served.amending

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
        """Keep what was said, or forget it; change a rule where that is asked for, too."""
        rows, form = self._rows(request), await read_form(request)
        return await run_in_threadpool(self._act, request, rows, form)

    def _act(self, request: Request, rows: tuple[int, int], form: Form) -> Response:
        said, wanted = form.one("said"), Wanted.sent(form)
        with self._pages.app.database.reading() as conn:
            about = _about(conn, *rows)
        if said not in SAID or (wanted.is_any and not wanted.is_about(about.paper)):
            chosen = said if said in SAID else about.said
            return self._page(request, about, chosen, _Did(is_unclear=True))
        about = self._keep(rows, said)
        amended = self._amend(rows, wanted) if wanted.is_any else None
        now = _About(about.subscriber, about.paper, said)
        did = _Did(about.said, is_kept=True, amended=amended)
        return self._page(request, now, said, did)

    def _keep(self, rows: tuple[int, int], said: str) -> _About:
        """Keep it, and return what was said before."""
        app = self._pages.app
        with app.database.writing() as conn:
            about = _about(conn, *rows)
            if said == NOTHING:
                store_votes.remove(conn, *rows)
            elif said != about.said:
                store_votes.put(conn, StoredVote(*rows, said, app.clock()))  # type: ignore[arg-type]  # it is one of them
        return about

    def _amend(self, rows: tuple[int, int], wanted: Wanted) -> Amended:
        return self._amending.amend(
            *rows, wanted.profile, wanted.amend, mark=wanted.known_mark, now=self._pages.app.clock()
        )

    def _page(
        self, request: Request, about: _About, chosen: str, did: _Did | None = None
    ) -> Response:
        app, links, did = self._pages.app, self._pages.links, did or _Did()
        who, undo = about.subscriber, did.amended.undo if did.amended else None
        with app.database.reading() as conn:
            reasons = why(conn, about.paper, who.row)
            can_amend = may_amend(conn, who.row, about.paper.row, app.clock())
        return self._pages.page(
            request,
            "vote",
            did.status,
            reader=who,
            title=about.paper.title,
            page=links.paper(about.paper.id),
            follow=f"{links.vote(who.row, about.paper.row)}/follow",
            said=about.said,
            chosen=chosen,
            before=did.before,
            is_kept=did.is_kept,
            is_unclear=did.is_unclear,
            learns=who.learning,
            service_learns=app.order.learning_share > 0,
            reasons=[(reason, mark_of(reason.profile.rules)) for reason in reasons],
            is_amendable=any(reason.is_amendable for reason in reasons),
            can_amend=can_amend,
            amended=did.amended,
            undo=links.undo(undo) if undo else "",
            is_active=who.state == "active",
            life_days=CHANGE_LIFE.days,
            kept_days=KEPT.days,
            fresh=f"{links.base}/v/{request.path_params['token']}/fresh",
        )


def _about(conn: Connection, subscriber: int, paper: int) -> _About:
    """Raises NotFound: one of them was deleted, or the paper became part of another."""
    who = store_subscribers.get(conn, subscriber)
    papers = store_papers.load(conn, [paper])
    if who is None or not papers:
        raise errors.NotFound("the subscriber or the paper was deleted")
    return _About(who, papers[0], store_votes.said(conn, subscriber, paper) or NOTHING)
