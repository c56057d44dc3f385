"""Write a digest down: what the mail says of the papers that were picked, and its bytes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.digests import cadence, message, render, view
from notifier.jobs.picking import Picked
from notifier.papers.paper import Paper
from notifier.profiles.hits import Match, match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.parser import parse
from notifier.profiles.profile import Subscriber
from notifier.profiles.rules import Rules
from notifier.ranking.order import OrderSettings
from notifier.storage.store_digests import Chosen, NewDigest

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


def digest(
    subscriber: Subscriber,
    picked: Picked,
    settings: ComposeSettings,
    outlook: Outlook,
    *,
    now: datetime,
) -> NewDigest:
    """Return a subscriber's digest, ready to be fixed; without a mail where nothing was picked."""
    period = cadence.period(subscriber.schedule, now)
    key = digest_key(settings.secret, subscriber.row, period)
    is_weekly = subscriber.schedule.cadence == "weekly"
    shown = _view(subscriber, picked, settings, outlook, now) if picked.choice.sections else None
    return NewDigest(
        key=key,
        subscriber=subscriber.row,
        period=period,
        subject=shown.subject if shown else "",
        papers=tuple(_chosen(picked)),
        more=picked.choice.more,
        seen_from=subscriber.seen,
        seen_to=picked.seen_to,
        composed_at=now,
        expires_at=now + (settings.weekly_life if is_weekly else settings.daily_life),
        next_due_at=cadence.next_due(subscriber.schedule, now),
        content=_mail(subscriber.address, key, shown, settings, now) if shown else b"",
    )


def _view(
    subscriber: Subscriber,
    picked: Picked,
    settings: ComposeSettings,
    outlook: Outlook,
    now: datetime,
) -> view.DigestView:
    zone = cadence.zone_of(subscriber.schedule)
    confirmed, next_due = subscriber.confirmed_at, cadence.next_due(subscriber.schedule, now)
    rules = {profile.name: parse(profile.rules) for profile in picked.profiles}
    return view.DigestView(
        sections=view.sections(
            picked.choice,
            _matches(picked, rules),
            {name: [line.typed for line in parsed.lines] for name, parsed in rules.items()},
            {row: _links(paper) for row, paper in picked.papers.items()},
            picked.rising,
            abstract_characters=settings.abstract_characters,
        ),
        more=picked.choice.more,
        scanned=len(picked.news),
        day=now.astimezone(zone).date(),
        address=subscriber.address,
        schedule=str(subscriber.schedule),
        since=confirmed.astimezone(zone).date() if confirmed else None,
        next_day=next_due.astimezone(zone).date(),
        unsubscribe_url=settings.unsubscribe_url(subscriber.row),
        service=settings.service,
        notices=tuple(
            view.Notice(name, str(problem))
            for name, parsed in rules.items()
            for problem in parsed.problems
        ),
        missing=outlook.notes,
    )


def _matches(picked: Picked, rules: dict[str, Rules]) -> dict[tuple[str, int], Match]:
    """The chosen papers with their hits, by profile and row."""
    out = {}
    for section in picked.choice.sections:
        for item in section.items:
            row = item.ranked.row
            is_news = row in picked.news or row in picked.rising
            paper = IndexedPaper(picked.papers[row])
            found = match(rules[section.profile], paper, is_news=is_news)
            out[section.profile, row] = found or Match(picked.papers[row], ())
    return out


def _mail(
    address: str, key: str, shown: view.DigestView, settings: ComposeSettings, now: datetime
) -> bytes:
    return message.build(
        message.Mail(
            key=key,
            sender=settings.sender,
            recipient=address,
            subject=shown.subject,
            text=render.render_text(shown),
            html=render.render_html(shown),
            date=now,
            list_id=settings.list_id,
            list_name=settings.service.name,
            unsubscribe_url=shown.unsubscribe_url,
            reply_to=settings.reply_to,
        )
    )


def digest_key(secret: bytes, subscriber: int, period: str) -> str:
    """Return the digest's unguessable name; Message-ID and boundary are made of it."""
    return hmac.new(secret, f"digest:{subscriber}:{period}".encode(), hashlib.sha256).hexdigest()[
        :32
    ]


def _chosen(picked: Picked) -> Iterator[Chosen]:
    place = 0
    for section in picked.choice.sections:
        for item in section.items:
            place += 1
            row, rises = item.ranked.row, picked.rising.get(item.ranked.row)
            rose = view.rose(rises) if rises else None
            yield Chosen(row, section.profile, place, item.ranked.score, rose)


def _links(paper: Paper) -> list[tuple[str, str]]:
    """The paper's addresses, the page first, each address once."""
    named = [(label, paper.urls[name]) for name, label in _LINK_NAMES.items() if name in paper.urls]
    return list({url: (label, url) for label, url in reversed(named)}.values())[::-1]
