"""Papers that rules find, for anybody: `/papers?q=RULES`. Nothing that was typed is lost."""

from __future__ import annotations

from datetime import timedelta
from threading import BoundedSemaphore, Lock
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from notifier import errors
from notifier.digests.view import Notice
from notifier.jobs.searching import Searched
from notifier.profiles.lint import cures
from notifier.profiles.parser import parse
from notifier.profiles.rules import Rules
from notifier.subscriptions.buckets import Rate
from notifier.subscriptions.remembered import Remembered
from notifier.web.answers import RULES_CHARACTERS, Pages, asker
from notifier.web.guarding import CACHED
from notifier.web.listing import SHOWN, page_number, summaries

MOST_PAGES = 20
# Further ones are told to come back: other pages must not stand behind searches.
AT_ONCE = 2
# By network: rules may be written that take a second among 100,000 papers.
SEARCHES = Rate(30, timedelta(seconds=3))


class Finding:
    """The page of what rules find among all stored papers, best first."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._turns = BoundedSemaphore(AT_ONCE)
        self._asked, self._lock = Remembered(SEARCHES), Lock()

    def show(self, request: Request) -> Response:
        """Show what rules find; lines in error are named and take no part."""
        typed = request.query_params["q"].replace("\r\n", "\n").strip()
        is_long = len(typed) > RULES_CHARACTERS
        rules = parse("" if is_long else typed)
        number = min(page_number(request.query_params.get("page", "")), MOST_PAGES)
        found, cured = None, list[str]()
        if not rules.is_empty:
            found, cured = self._find(request, rules, typed, number)
        return self._page(request, typed, rules, found, cured, number, is_long=is_long)

    def _find(
        self, request: Request, rules: Rules, typed: str, number: int
    ) -> tuple[Searched, list[str]]:
        app, words = self._pages.app, self._pages.words(request)
        with self._lock:
            if not self._asked.take(asker(request), app.clock()):
                raise errors.TooOften("very many searches came from this network")
        if not self._turns.acquire(blocking=False):
            raise errors.Busy("very many searches are running")
        try:
            found, spelled = app.library.search(typed, since=None, limit=number * SHOWN)
        finally:
            self._turns.release()
        tries = cures(rules, spelled) if found.scanned and not found.papers else ()
        return found, [words.said(one) for one in tries]

    def _page(
        self,
        request: Request,
        typed: str,
        rules: Rules,
        found: Searched | None,
        cured: list[str],
        number: int,
        *,
        is_long: bool,
    ) -> Response:
        words, start = self._pages.words(request), (number - 1) * SHOWN
        papers = [one.paper for one in found.best[start:]] if found else []
        has_more = found is not None and start + SHOWN < found.papers and number < MOST_PAGES
        at = f"{self._pages.links.base}/papers?"
        problems = rules.problems + rules.warnings
        return self._pages.page(
            request,
            "found",
            200 if found else 422,
            headers=CACHED,
            typed=typed,
            problems=[Notice.of("", problem, words).problem for problem in problems],
            is_long=is_long,
            most=RULES_CHARACTERS,
            found=found,
            cures=cured,
            papers=summaries(papers, words, rules),
            start=start,
            more=at + urlencode({"q": typed, "page": number + 1}) if has_more else "",
            by_mail=f"{self._pages.links.base}/?" + urlencode({"rules": typed}),
            links=self._pages.links,
        )
