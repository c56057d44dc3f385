"""Subscribing: what this is, the form, and the wait for the mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from notifier import errors, languages
from notifier.digests.view import Notice
from notifier.jobs.trends import Trending, trends
from notifier.profiles.parser import parse
from notifier.profiles.profile import DAY_NAMES, Schedule
from notifier.ranking import periods
from notifier.storage.store_signups import Wish
from notifier.subscriptions.checks import normal_address, wrong_in
from notifier.subscriptions.links import WAITING
from notifier.web.answers import RULES_CHARACTERS, Form, Pages, asker, read_form
from notifier.web.changing import typed_schedule, zone_options
from notifier.web.guarding import CACHED, FRAMING, PUBLIC
from notifier.web.places import guessed_zone
from notifier.web.trying import Tried, Trying, is_trial, typed_rules

# Named like a field that programs like to fill in; people do not see it.
HONEYPOT = "website"
SHOWN = 5
_KEPT = timedelta(minutes=10)
# More first pages than there are languages and zones that browsers ask for.
_MOST_MADE = 100


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    subscribing = _Subscribing(pages)
    return [
        Route("/", subscribing.show, methods=["GET"]),
        Route("/", subscribing.act, methods=["POST"]),
        Route("/s/{token}", subscribing.wait, methods=["GET"]),
        Route("/s/{token}", subscribing.act_again, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands in the fields, right or wrong."""

    address: str
    rules: str
    days: tuple[str, ...]
    time: str
    zone: str
    cadence: str
    language: str

    @classmethod
    def at_first(cls, schedule: Schedule, zone: str, language: str, rules: str = "") -> Asked:
        """Return the fields as they are shown first; of `rules` as much as the field holds."""
        days = tuple(DAY_NAMES[day] for day in schedule.days)
        time = f"{schedule.hour:02d}:{schedule.minute:02d}"
        return cls("", rules[:RULES_CHARACTERS], days, time, zone, schedule.cadence, language)

    @classmethod
    def sent(cls, form: Form) -> Asked:
        """Return the fields as they were typed."""
        return cls(
            form.one("address"),
            typed_rules(form),
            form.every("days"),
            form.one("time"),
            form.one("zone"),
            form.one("cadence"),
            form.one("language"),
        )

    @property
    def schedule(self) -> Schedule:
        """The schedule, which may be one that cannot be kept."""
        return typed_schedule(self.days, self.time, self.zone, self.cadence)

    @property
    def wrong(self) -> tuple[str, ...]:
        """The names of the fields that cannot be taken."""
        parsed = parse(self.rules)
        right = {
            "address": is_address(self.address),
            "rules": not parsed.is_empty
            and not parsed.problems
            and len(self.rules) <= RULES_CHARACTERS,
            "language": self.language in languages.known(),
        }
        return (*(name for name, is_right in right.items() if not is_right),
                *wrong_in(self.schedule))  # fmt: skip

    @property
    def wish(self) -> Wish:
        """What is asked for, where nothing is wrong."""
        return Wish(normal_address(self.address), self.rules, self.schedule, self.language)


def is_address(typed: str) -> bool:
    """Whether something typed is a mail address."""
    try:
        normal_address(typed)
    except errors.UsageError:
        return False
    return True


# What a first page differs in: its fields, and whether a sample is known to be empty.
_Known: TypeAlias = tuple[Asked, bool]


class _Subscribing:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._trying = Trying(pages)
        self._trending: tuple[datetime, Sequence[Trending]] | None = None
        self._made: dict[_Known, Response] = {}

    async def show(self, request: Request) -> Response:
        """Show what this is, what is talked about, and the form with what can be guessed.

        It is the same for all whose guesses are, and made once for them.
        """
        schedule = self._pages.app.subscriptions.default_schedule
        header = ",".join(request.headers.getlist("accept-language"))
        now = self._pages.app.clock()
        zone = guessed_zone(header, now=now, default=schedule.zone)
        rules = request.query_params.get("rules", "").replace("\r\n", "\n")
        first = Asked.at_first(schedule, zone, self._pages.words(request).code, rules)
        if rules:
            show = partial(self._page, is_guess=True, headers=CACHED)
            return await run_in_threadpool(show, request, first)
        known = (first, self._pages.samples.is_known_empty())
        made = None if self._is_stale(now) else self._made.get(known)
        if made is None:
            made = await run_in_threadpool(self._make, request, first, known)
        return Response(made.body, headers=dict(made.headers))

    def _make(self, request: Request, first: Asked, known: _Known) -> Response:
        made = self._page(request, first, is_guess=True, headers=PUBLIC)
        if len(self._made) >= _MOST_MADE:
            self._made = {}
        self._made[known] = made
        return made

    async def act(self, request: Request) -> Response:
        """Keep what is asked for and mail a link, or say what is wrong and keep nothing."""
        form = await read_form(request)
        if is_trial(form):
            await self._trying.let_in(request)
            found = await self._trying.tried(typed_rules(form), self._pages.words(request))
            show = partial(self._page, found=found)
            return await run_in_threadpool(show, request, Asked.sent(form))
        return await run_in_threadpool(self._act, request, form)

    def _act(self, request: Request, form: Form) -> Response:
        asked = Asked.sent(form)
        if not self._pages.app.settings.site.open_signup:
            return self._page(request, asked, 403)
        if asked.wrong:
            return self._page(request, asked, 422)
        if form.one(HONEYPOT):  # filled in by a program, which is told what people are told
            return self._pages.message(request, "on its way")
        return self._ask(request, asked)

    def _ask(self, request: Request, asked: Asked) -> Response:
        app = self._pages.app
        try:
            row = app.served.signups.ask(asked.wish, host=asker(request), now=app.clock())
        except errors.TooOften:
            return self._page(request, asked, 429)
        return RedirectResponse(self._pages.links.waiting(row), 303)

    def _page(
        self,
        request: Request,
        asked: Asked,
        status: int = 200,
        *,
        found: Tried | None = None,
        is_guess: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        words, site = self._pages.words(request), self._pages.app.settings.site
        problems = parse(asked.rules).problems if status == 422 else ()
        return self._pages.page(
            request,
            "subscribe",
            status,
            headers=FRAMING | dict(headers or {}),
            is_listed=headers == PUBLIC,
            sample="" if self._pages.samples.is_known_empty() else site.sample_rules,
            typed=asked,
            tried=found,
            is_guess=is_guess,
            wrong=asked.wrong if status == 422 else (),
            is_too_often=status == 429,
            problems=[Notice.of("", problem, words).problem for problem in problems],
            characters=RULES_CHARACTERS,
            days=[(name, words.weekday_named(n)) for n, name in enumerate(DAY_NAMES)],
            languages=[(code, languages.own_name(code)) for code in languages.known()],
            zones=zone_options(),
            honeypot=HONEYPOT,
            trending=self._talked_about(),
            links=self._pages.links,
        )

    def _is_stale(self, now: datetime) -> bool:
        """Whether it is time to ask anew what is talked about."""
        return self._trending is None or not timedelta(0) <= now - self._trending[0] < _KEPT

    def _talked_about(self) -> Sequence[Trending]:
        """The papers of the last days that people talk about most; asked for now and then."""
        now, found = self._pages.app.clock(), self._trending
        if found is None or self._is_stale(now):
            with self._pages.app.database.reading() as conn:
                best = trends(conn, periods.up_to(now, "week"), limit=SHOWN).best
            self._trending = found = now, best
            self._made = {}
        return found[1]

    def _row(self, request: Request) -> int:
        return self._pages.app.tokens.read(WAITING, request.path_params["token"])

    def wait(self, request: Request) -> Response:
        """Show where the mail goes, and what can be done if none comes."""
        return self._waiting(request)

    def _waiting(
        self, request: Request, status: int = 200, *, typed: str | None = None, done: str = ""
    ) -> Response:
        signup = self._pages.app.served.signups.get(self._row(request))
        return self._pages.page(
            request,
            "waiting",
            status,
            reader=signup,
            address=signup.wish.address,
            typed=signup.wish.address if typed is None else typed,
            wrong=("address",) if status == 422 else (),
            done=done,
            is_confirmed=signup.confirmed_at is not None,
        )

    async def act_again(self, request: Request) -> Response:
        """Send the mail again, or to another address."""
        form = await read_form(request)
        return await run_in_threadpool(self._act_again, request, form)

    def _act_again(self, request: Request, form: Form) -> Response:
        app, row = self._pages.app, self._row(request)
        if form.one("do") != "fix":
            app.served.signups.again(row, host=asker(request), now=app.clock())
            return self._waiting(request, done="again")
        typed = form.one("address")
        if not is_address(typed):
            return self._waiting(request, 422, typed=typed)
        old = app.served.signups.get(row).wish
        wish = Wish(normal_address(typed), old.rules, old.schedule, old.language)
        made = app.served.signups.ask(wish, host=asker(request), now=app.clock())
        app.served.signups.withdraw(row)
        return RedirectResponse(self._pages.links.waiting(made), 303)
