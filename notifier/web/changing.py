"""What a subscriber gets, and when: shown, checked field by field, stored."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier import languages
from notifier.digests import cadence
from notifier.papers.event import KINDS, Kind, read_kinds
from notifier.profiles.profile import DAY_NAMES, Cadence, Schedule, Subscriber
from notifier.subscriptions.checks import MOST_PAPERS, wrong_in
from notifier.subscriptions.links import CHANGE
from notifier.web.answers import Form, Pages, read_form


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    changing = _Changing(pages)
    return [
        Route("/m/{token}", changing.show, methods=["GET"]),
        Route("/m/{token}", changing.act, methods=["POST"]),
    ]


@cache
def zone_options() -> Markup:
    """Return the time zones that are offered, as HTML; any other IANA name is taken too."""
    places = (name for name in available_timezones() if "/" in name)
    names = ["UTC", *sorted(name for name in places if not name.startswith("Etc/"))]
    return Markup("").join(Markup('<option value="{}"></option>').format(name) for name in names)


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the fields, right or wrong."""

    days: tuple[str, ...]
    time: str
    zone: str
    cadence: str
    max_papers: str
    replacements: bool
    learning: bool
    language: str
    tell_nothing: bool
    text_only: bool
    summary: bool
    news_of_sent: tuple[Kind, ...]
    news_of_saved: tuple[Kind, ...]

    @classmethod
    def of(cls, subscriber: Subscriber) -> Typed:
        """Return the fields as they are stored."""
        schedule = subscriber.schedule
        return cls(
            tuple(DAY_NAMES[day] for day in schedule.days),
            f"{schedule.hour:02d}:{schedule.minute:02d}",
            schedule.zone,
            schedule.cadence,
            str(subscriber.max_papers),
            subscriber.replacements,
            subscriber.learning,
            subscriber.language,
            subscriber.tell_nothing,
            subscriber.text_only,
            subscriber.summary,
            subscriber.news_of_sent,
            subscriber.news_of_saved,
        )

    @classmethod
    def sent(cls, form: Form) -> Typed:
        """Return the fields as they were typed."""
        return cls(
            form.every("days"),
            form.one("time"),
            form.one("zone"),
            form.one("cadence"),
            form.one("max_papers"),
            bool(form.one("replacements")),
            bool(form.one("learning")),
            form.one("language"),
            bool(form.one("tell_nothing")),
            form.one("format") == "text",
            bool(form.one("summary")),
            read_kinds(",".join(form.every("news_of_sent"))),
            read_kinds(",".join(form.every("news_of_saved"))),
        )

    @property
    def schedule(self) -> Schedule:
        """The schedule, which may be one that cannot be kept."""
        return typed_schedule(self.days, self.time, self.zone, self.cadence)

    @property
    def papers(self) -> int:
        """The most papers in a digest, 0 for what is no such number."""
        number = int(self.max_papers) if _is_number(self.max_papers) else 0
        return number if number <= MOST_PAPERS else 0

    @property
    def wrong(self) -> tuple[str, ...]:
        """The names of the fields that cannot be stored."""
        right = {
            "max_papers": bool(self.papers),
            "language": self.language in (*languages.known(), ""),
        }
        wrong = (name for name, is_right in right.items() if not is_right)
        return (*wrong_in(self.schedule), *wrong)


def typed_schedule(days: Collection[str], time: str, zone: str, cadence: str) -> Schedule:
    """Return the schedule that fields say, which may be one that cannot be kept."""
    numbers = tuple(n for n, name in enumerate(DAY_NAMES) if name in days)
    rhythm: Cadence = "weekly" if cadence == "weekly" else "daily"
    return Schedule(zone, *_clock(time), numbers, rhythm)


def _clock(typed: str) -> tuple[int, int]:
    """Hour and minute of `HH:MM`, an hour that there is not for anything else."""
    hour, _, minute = typed.partition(":")
    return (int(hour), int(minute)) if _is_number(hour) and _is_number(minute) else (-1, 0)


def _is_number(typed: str) -> bool:
    return typed.isdecimal() and len(typed) <= 2


class _Changing:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Show what is stored."""
        subscriber = self._pages.subscriber(request, CHANGE)
        return self._page(request, subscriber, Typed.of(subscriber))

    async def act(self, request: Request) -> Response:
        """Store all fields, or say which are wrong and store none."""
        typed = Typed.sent(await read_form(request))
        return await run_in_threadpool(self._act, request, typed)

    def _act(self, request: Request, typed: Typed) -> Response:
        app, subscriber = self._pages.app, self._pages.subscriber(request, CHANGE)
        if typed.wrong:
            return self._page(request, subscriber, typed, 422)
        changed = app.subscriptions.change(
            subscriber.address,
            now=app.clock(),
            schedule=typed.schedule,
            max_papers=typed.papers,
            replacements=typed.replacements,
            learning=typed.learning,
            language=typed.language or None,  # not sent: it stays
            tell_nothing=typed.tell_nothing,
            text_only=typed.text_only,
            summary=typed.summary,
            news_of_sent=typed.news_of_sent,
            news_of_saved=typed.news_of_saved,
        )
        return self._page(request, changed, Typed.of(changed), is_stored=True)

    def _page(
        self,
        request: Request,
        subscriber: Subscriber,
        typed: Typed,
        status: int = 200,
        *,
        is_stored: bool = False,
    ) -> Response:
        app, paused = self._pages.app, subscriber.paused_until
        words = self._pages.words(request, subscriber)
        return self._pages.page(
            request,
            "change",
            status,
            reader=subscriber,
            row=subscriber.row,
            kinds=KINDS,
            manage=self._pages.manage(request),
            links=self._pages.links,
            address=subscriber.address,
            typed=typed,
            wrong=typed.wrong if status == 422 else (),
            is_stored=is_stored,
            days=[(name, words.weekday_named(n)) for n, name in enumerate(DAY_NAMES)],
            languages=[(code, languages.own_name(code)) for code in languages.known()],
            zones=zone_options(),
            most_papers=MOST_PAPERS,
            profiles=app.served.profiles.of(subscriber),
            **self._pages.standing(subscriber),
            is_paused=paused is not None and paused > app.clock(),
            lost_zone="" if cadence.is_zone(subscriber.schedule.zone) else subscriber.schedule.zone,
            behind=app.subscriptions.planning.minutes_behind(subscriber),
            service_learns=app.order.learning_share > 0,
        )
