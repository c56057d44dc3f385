"""Follow the authors of a paper, or its organisation: one rule each, and taken back here."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from notifier import errors
from notifier.jobs.suggesting import accepted, there_already
from notifier.papers.paper import Paper
from notifier.profiles.parser import parse
from notifier.profiles.profile import Subscriber
from notifier.profiles.rules import format_rules
from notifier.storage import store_papers, store_subscribers
from notifier.subscriptions.links import VOTE
from notifier.web.answers import Pages, read_form

# Where the rules go that are taken here.
PROFILE = "people"
MOST_AUTHORS = 20


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the page is."""
    following = _Following(pages)
    return [
        Route("/v/{token}/follow", following.show, methods=["GET"]),
        Route("/v/{token}/follow", following.act, methods=["POST"]),
    ]


def offered(paper: Paper) -> list[str]:
    """Return the rules that follow whom a paper is by: ids first, since they are nobody else's."""
    values = [f"author: {one}" for one in (*paper.author_ids, *paper.authors[:MOST_AUTHORS])]
    if paper.organization:
        values.append(f"org: {paper.organization}")
    rules = (parse(value) for value in values)
    written = (format_rules(one).strip() for one in rules if not (one.problems or one.is_empty))
    return [rule for rule in dict.fromkeys(written) if rule and "\n" not in rule]


class _Following:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def _about(self, request: Request) -> tuple[Subscriber, Paper]:
        app = self._pages.app
        row, number = app.tokens.read_rows(VOTE, request.path_params["token"], 2)
        with app.database.reading() as conn:
            subscriber = store_subscribers.get(conn, row)
            papers = store_papers.load(conn, [number])
        if subscriber is None or not papers:
            raise errors.NotFound("deleted")
        return subscriber, papers[0]

    def _rules(self, subscriber: Subscriber) -> str:
        known = self._pages.app.served.profiles.of(subscriber)
        return next((one.rules for one in known if one.name == PROFILE), "")

    def show(self, request: Request) -> Response:
        """Show whom the paper is by, and who is followed."""
        subscriber, paper = self._about(request)
        rules = offered(paper)
        there = there_already(self._rules(subscriber), rules)
        return self._pages.page(
            request,
            "follow",
            reader=subscriber,
            paper=paper,
            page=self._pages.links.paper(paper.id),
            vote=self._pages.links.vote(subscriber.row, paper.row),
            rules=[(one, one in there) for one in rules],
            profile=PROFILE,
            is_done=bool(request.query_params.get("done")),
        )

    async def act(self, request: Request) -> Response:
        """Take a rule into the profile, or out of it."""
        form = await read_form(request)
        return await run_in_threadpool(self._act, request, form.one("rule"), form.one("do"))

    def _act(self, request: Request, rule: str, do: str) -> Response:
        subscriber, paper = self._about(request)
        before = self._rules(subscriber)
        if rule in offered(paper):
            after = accepted(before, [rule]) if do == "follow" else _without(before, rule)
            self._write(subscriber, before, after)
        return RedirectResponse("?done=1", 303)

    def _write(self, subscriber: Subscriber, before: str, after: str) -> None:
        service, now = self._pages.app.subscriptions, self._pages.app.clock()
        if after == before.rstrip("\n"):
            return
        if parse(after).is_empty:
            service.remove_profile(subscriber.address, PROFILE)
        else:
            service.add_profile(subscriber.address, PROFILE, after, now=now, replace=True)


def _without(rules: str, rule: str) -> str:
    """Return rules without a line, whatever its weight and comment."""
    return "\n".join(line for line in rules.splitlines() if not there_already(line, [rule]))
