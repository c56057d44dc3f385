"""Rules tried while they are typed: what they would have found in the last 30 days.

A test changes nothing. It is sent by POST since rules are long, and tells no address.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier import errors
from notifier.digests.cards import Summary, SummaryMaker
from notifier.digests.view import Notice
from notifier.jobs.backtest import DAYS
from notifier.jobs.trial import Trial
from notifier.languages import Language
from notifier.profiles.amending import NotAmendable, instead
from notifier.profiles.parser import PROFILE_CHARACTERS
from notifier.profiles.profile import Subscriber
from notifier.web.answers import Form, Pages, asker, read_form

SAMPLES = 3
RULES_SHOWN = 50
NOTICES_SHOWN = 10
ABSTRACT_CHARACTERS = 300
_LINE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class TriedRule:
    """A rule as typed, with the number of papers that it finds, and that a day."""

    line: int
    typed: str
    papers: int
    per_day: float


@dataclass(frozen=True, slots=True)
class Warned:
    """A sentence about a rule that works, with rules that could stand in its line instead."""

    said: str
    line: int
    cures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A day's matches: how many, and how high they stand, 0 to 100."""

    papers: int
    height: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What a page shows of a trial.

    `is_empty`: there is no rule that works. `problems` are sentences, the `more_` ones count those
    that are not shown.
    """

    is_empty: bool
    problems: tuple[str, ...]
    warnings: tuple[Warned, ...]
    more_notices: int
    papers: int
    scanned: int
    days: int
    per_day: float
    bars: tuple[Bar, ...]
    rules: tuple[TriedRule, ...]
    more_rules: int
    samples: tuple[Summary, ...]


def tried(trial: Trial, words: Language) -> Tried:
    """Return what a page shows of a trial, in a language."""
    problems = [Notice.of("", one, words).problem for one in trial.rules.problems]
    also = (*trial.rules.warnings, *trial.warnings)
    warnings = [Warned(Notice.of("", one, words).problem, one.line, one.cures) for one in also]
    lines = [line.typed.strip() for line in trial.rules.lines]
    maker = SummaryMaker(words, ABSTRACT_CHARACTERS)
    found, most = trial.tested, max(trial.tested.by_day, default=0) or 1
    return Tried(
        is_empty=trial.rules.is_empty,
        problems=tuple(problems[:NOTICES_SHOWN]),
        warnings=tuple(warnings[:NOTICES_SHOWN]),
        more_notices=sum(max(len(told) - NOTICES_SHOWN, 0) for told in (problems, also)),
        papers=found.papers,
        scanned=found.scanned,
        days=trial.covered,
        per_day=found.papers / trial.covered,
        bars=tuple(Bar(number, round(100 * number / most)) for number in found.by_day),
        rules=tuple(
            TriedRule(one.line, lines[one.line - 1], one.papers, one.papers / trial.covered)
            for one in found.rules[:RULES_SHOWN]
        ),
        more_rules=max(len(found.rules) - RULES_SHOWN, 0),
        samples=tuple(maker.summary(one, lines) for one in trial.samples),
    )


class Trying:
    """Tries rules for pages, a few at a time on all pages together."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._thread = CapacityLimiter(1)  # of its own, so that no page waits for one

    async def tried(self, text: str, words: Language) -> Tried:
        """Return what rules find in the papers of the last days, in a language.

        Raises:
            Busy: very many are being tried.
        """
        turns, typed = self._pages.trying, text[: 2 * PROFILE_CHARACTERS]
        if not turns.acquire(blocking=False):
            raise errors.Busy("very many rules are being tried")
        try:
            return await to_thread.run_sync(self._tried, typed, words, limiter=self._thread)
        finally:
            turns.release()

    def _tried(self, text: str, words: Language) -> Tried:
        app = self._pages.app
        since = app.clock() - timedelta(days=DAYS)
        return tried(app.library.try_rules(text, since=since, limit=SAMPLES), words)

    async def by_anybody(self, request: Request) -> Response:
        """Say what typed rules would have found: a part of a page, for the script."""
        form = await read_form(request)
        await self.let_in(request)
        return await self.part(request, form)

    async def part(
        self, request: Request, form: Form, reader: Subscriber | None = None
    ) -> Response:
        """Return the part of a page that shows what the rules of a form find."""
        shown = await self.tried(typed_rules(form), self._pages.words(request, reader))
        page = partial(self._pages.page, reader=reader, tried=shown, links=self._pages.links)
        return await run_in_threadpool(page, request, "tried")

    async def let_in(self, request: Request) -> None:
        """Let anybody try rules once more.

        Raises:
            TooOften: very many were tried from their network.
        """
        await run_in_threadpool(self._let_in, request)

    def _let_in(self, request: Request) -> None:
        app = self._pages.app
        with app.database.writing() as conn:
            app.served.gate.let_try(conn, asker(request), now=app.clock())


def is_trial(form: Form) -> bool:
    """Whether the rules of a form are to be tried, and nothing kept."""
    return form.one("do") == "try" or bool(form.one("cure"))


def typed_rules(form: Form) -> str:
    """Return the rules of a form, with line ends as we keep them, and the cure that was chosen.

    A cure is the number of a line, and the rule for it; one that does not fit changes nothing.
    """
    text = form.one("rules").replace("\r\n", "\n")
    line, _, rule = form.one("cure").partition(" ")
    if not (line.isascii() and line.isdecimal() and len(line) <= _LINE_DIGITS):
        return text
    try:
        return instead(text, int(line), rule)
    except NotAmendable:
        return text


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where rules are tried by who has no link."""
    return [Route("/try", Trying(pages).by_anybody, methods=["POST"])]
