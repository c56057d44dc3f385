"""Make the digests that are due: match, choose, render, and fix each in one transaction."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TypeAlias

import structlog
from sqlalchemy import Connection

from notifier.digests import cadence, message, render, view
from notifier.digests.choose import Choice, choose
from notifier.jobs.candidates import Candidates
from notifier.jobs.tastes import Tastes
from notifier.papers.paper import Paper
from notifier.profiles.hits import Match, match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.parser import parse
from notifier.profiles.profile import Profile, Subscriber
from notifier.profiles.rules import Rules
from notifier.ranking.order import Fit, OrderSettings, Ranked, rank
from notifier.storage import (
    store_deliveries,
    store_digests,
    store_matches,
    store_profiles,
    store_subscribers,
)
from notifier.storage.database import Database
from notifier.storage.store_digests import Chosen, NewDigest

log = structlog.get_logger()

_Draft: TypeAlias = NewDigest | datetime | Exception | None

BATCH = 200
TRY_AGAIN = timedelta(minutes=15)
_LINK_NAMES = {
    "abs": "Page",
    "page": "Page",
    "doi": "DOI",
    "pubmed": "PubMed",
    "pmc": "PMC",
    "url": "Page",
    "pdf": "PDF",
    "code": "Code",
    "project": "Project",
    "discussion": "Discussion",
}


@dataclass(frozen=True, slots=True)
class ComposeSettings:
    """How digests are made; see the [digest], [ranking] and [delivery] tables."""

    service: view.Service
    sender: str
    reply_to: str
    list_id: str
    abstract_characters: int
    lookback: timedelta
    order: OrderSettings
    daily_life: timedelta
    weekly_life: timedelta
    secret: bytes
    unsubscribe_url: Callable[[int], str]
    wait: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Outlook:
    """How the sources are while digests are made.

    `waits` is true when papers that are due are not here yet: a digest waits for them for
    `ComposeSettings.wait` after its time. `notes` say in words what was missing.
    """

    waits: bool = False
    notes: tuple[str, ...] = ()


NOTHING_MISSING = Outlook()


@dataclass(slots=True)
class Composed:
    """How many digests were made, found nothing, were skipped (paused), failed or had expired.

    `waiting` are due and wait for a source that is late, `unmatched` for papers or profiles to be
    matched, which the next run does first.
    """

    made: int = 0
    nothing: int = 0
    paused: int = 0
    waiting: int = 0
    unmatched: int = 0
    expired: int = 0
    failed: int = 0


def compose(
    database: Database,
    settings: ComposeSettings,
    *,
    now: datetime,
    outlook: Outlook = NOTHING_MISSING,
    stopping: Callable[[], bool] = lambda: False,
) -> Composed:
    """Make every digest that is due at `now`; run again, it makes none.

    `stopping` is asked before each subscriber; whoever is left over is due at the next run.
    """
    done, after = Composed(), 0
    with database.writing() as conn:  # papers given back belong into the digests made now
        done.expired, _ = store_deliveries.close_stale(conn, now=now)
    while True:
        with database.reading() as conn:
            due = store_subscribers.due(conn, now=now, after_row=after, limit=BATCH)
            if not due:
                return done
            after = due[-1].row
            ready = [one for one in due if not _waits(one, outlook, settings.wait, now)]
            done.waiting += len(due) - len(ready)
            if not ready:
                continue
            if not store_matches.is_current(conn):
                done.unmatched += len(ready)
                continue
            desk = _Desk(conn, settings, outlook, ready, now)
            drafts = [(one, desk.draft(one)) for one in takewhile(lambda _: not stopping(), ready)]
        for subscriber, draft in drafts:
            if stopping():
                return done
            _fix(database, subscriber, draft, done, now)
        if len(drafts) < len(ready):
            return done


def _waits(subscriber: Subscriber, outlook: Outlook, wait: timedelta, now: datetime) -> bool:
    due = subscriber.next_due_at
    return outlook.waits and due is not None and now < due + wait


def _fix(
    database: Database,
    subscriber: Subscriber,
    draft: _Draft,
    done: Composed,
    now: datetime,
) -> None:
    """Fix a digest, or move the time of a subscriber who gets none now."""
    try:
        if isinstance(draft, Exception):
            raise draft
        if draft is None:
            done.unmatched += 1
            return
        with database.writing() as conn:
            if isinstance(draft, datetime):
                store_subscribers.change(conn, subscriber.row, next_due_at=draft)
                done.paused += 1
            elif store_digests.fix(conn, draft):
                done.made += bool(draft.papers)
                done.nothing += not draft.papers
    except Exception as error:  # one subscriber's digest must not stop the others'
        done.failed += 1
        log.exception("digest could not be made", subscriber=subscriber.row, exc_info=error)
        with database.writing() as conn:
            store_subscribers.change(conn, subscriber.row, next_due_at=now + TRY_AGAIN)


class _Desk:
    """Everything that one batch of subscribers is composed from, as of one moment."""

    def __init__(
        self,
        conn: Connection,
        settings: ComposeSettings,
        outlook: Outlook,
        due: list[Subscriber],
        now: datetime,
    ) -> None:
        self._settings = settings
        self._outlook = outlook
        self._now = now
        rows = [subscriber.row for subscriber in due]
        self._sent: dict[int, set[int]] = {}
        for subscriber, paper in store_digests.sent_papers(conn, rows):
            self._sent.setdefault(subscriber, set()).add(paper)
        self._profiles: dict[int, list[Profile]] = {}
        for profile in store_profiles.of(conn, rows):
            if profile.enabled:
                self._profiles.setdefault(profile.subscriber, []).append(profile)
        asked = [profile.row for profiles in self._profiles.values() for profile in profiles]
        after = min(subscriber.seen for subscriber in due)
        self._candidates = Candidates(conn, asked, after=after, now=now)
        self._tastes = Tastes(conn, due if settings.order.learning_share else (), now=now)

    def draft(self, subscriber: Subscriber) -> _Draft:
        """Return the digest, or the time to look again for one who pauses, or what went wrong.

        None: a profile was changed a moment ago and is not matched yet.
        """
        try:
            if subscriber.paused_until and subscriber.paused_until > self._now:
                return cadence.next_due(subscriber.schedule, subscriber.paused_until)
            if not all(profile.matched for profile in self._profiles.get(subscriber.row, ())):
                return None
            return self._digest(subscriber)
        except Exception as error:
            return error

    def _digest(self, subscriber: Subscriber) -> NewDigest:
        since = self._now - self._settings.lookback
        news = self._candidates.arrived(
            subscriber.seen, since=since, replacements=subscriber.replacements
        )
        profiles = self._profiles.get(subscriber.row, [])
        without = self._sent.get(subscriber.row, set())
        ranked = [
            (
                profile.name,
                self._ranked(subscriber.row, self._candidates.fits(profile.row, news, without)),
            )
            for profile in profiles
        ]
        choice = choose(ranked, max_papers=subscriber.max_papers)
        period = cadence.period(subscriber.schedule, self._now)
        key = digest_key(self._settings.secret, subscriber.row, period)
        shown = self._view(subscriber, choice, profiles, news) if choice.sections else None
        weekly = subscriber.schedule.cadence == "weekly"
        life = self._settings.weekly_life if weekly else self._settings.daily_life
        return NewDigest(
            key=key,
            subscriber=subscriber.row,
            period=period,
            subject=shown.subject if shown else "",
            papers=tuple(_chosen(choice)),
            more=choice.more,
            seen_from=subscriber.seen,
            seen_to=self._candidates.head,
            composed_at=self._now,
            expires_at=self._now + life,
            next_due_at=cadence.next_due(subscriber.schedule, self._now),
            content=self._mail(subscriber, key, shown) if shown else b"",
        )

    def _view(
        self,
        subscriber: Subscriber,
        choice: Choice,
        profiles: list[Profile],
        news: set[int],
    ) -> view.DigestView:
        zone = cadence.zone_of(subscriber.schedule)
        next_due = cadence.next_due(subscriber.schedule, self._now)
        rules = {profile.name: parse(profile.rules) for profile in profiles}
        lines = {name: [line.typed for line in parsed.lines] for name, parsed in rules.items()}
        matches = self._matches(choice, rules, news)
        links = {match.paper.row: _links(match.paper) for match in matches.values()}
        return view.DigestView(
            sections=view.sections(
                choice,
                matches,
                lines,
                links,
                abstract_characters=self._settings.abstract_characters,
            ),
            more=choice.more,
            scanned=len(news),
            day=self._now.astimezone(zone).date(),
            address=subscriber.address,
            schedule=str(subscriber.schedule),
            since=subscriber.confirmed_at.astimezone(zone).date()
            if subscriber.confirmed_at
            else None,
            next_day=next_due.astimezone(zone).date(),
            unsubscribe_url=self._settings.unsubscribe_url(subscriber.row),
            service=self._settings.service,
            notices=tuple(
                view.Notice(name, str(problem))
                for name, parsed in rules.items()
                for problem in parsed.problems
            ),
            missing=self._outlook.notes,
        )

    def _ranked(self, subscriber: int, fits: list[Fit]) -> list[Ranked]:
        likes = self._tastes.likes(subscriber, [fit.row for fit in fits])
        return rank(fits, now=self._now, settings=self._settings.order, likes=likes)

    def _matches(
        self, choice: Choice, rules: dict[str, Rules], news: set[int]
    ) -> dict[tuple[str, int], Match]:
        """The chosen papers with their hits, by profile and row."""
        out = {}
        for section in choice.sections:
            for item in section.items:
                row = item.ranked.row
                paper = self._candidates.paper(row)
                out[section.profile, row] = match(
                    rules[section.profile], IndexedPaper(paper), is_news=row in news
                ) or Match(paper, ())
        return out

    def _mail(self, subscriber: Subscriber, key: str, shown: view.DigestView) -> bytes:
        return message.build(
            message.Mail(
                key=key,
                sender=self._settings.sender,
                recipient=subscriber.address,
                subject=shown.subject,
                text=render.render_text(shown),
                html=render.render_html(shown),
                date=self._now,
                list_id=self._settings.list_id,
                list_name=self._settings.service.name,
                unsubscribe_url=shown.unsubscribe_url,
                reply_to=self._settings.reply_to,
            )
        )


def digest_key(secret: bytes, subscriber: int, period: str) -> str:
    """Return the digest's unguessable name; Message-ID and boundary are made of it."""
    return hmac.new(secret, f"digest:{subscriber}:{period}".encode(), hashlib.sha256).hexdigest()[
        :32
    ]


def _chosen(choice: Choice) -> Iterator[Chosen]:
    place = 0
    for section in choice.sections:
        for item in section.items:
            place += 1
            yield Chosen(item.ranked.row, section.profile, place, item.ranked.score)


def _links(paper: Paper) -> list[tuple[str, str]]:
    """The paper's addresses, the page first, each address once."""
    named = [(label, paper.urls[name]) for name, label in _LINK_NAMES.items() if name in paper.urls]
    return list({url: (label, url) for label, url in reversed(named)}.values())[::-1]
