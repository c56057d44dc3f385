"""Write a digest down: what the mail says of the papers that were picked, and its bytes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Protocol

from notifier.delivery import verp
from notifier.digests import arranging, cadence, fitting, message, view, words
from notifier.digests.render import Templates
from notifier.jobs.picking import Picked
from notifier.languages import ENGLISH, Language, language
from notifier.papers.paper import Paper
from notifier.profiles.hits import Match, match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.parser import parse
from notifier.profiles.profile import Subscriber
from notifier.profiles.rules import Rules
from notifier.ranking.order import OrderSettings
from notifier.storage.store_digests import Chosen, NewDigest


class Links(Protocol):
    """The addresses in a mail: of a subscriber, a digest by its key, a paper by row or id."""

    def unsubscribe(self, subscriber: int) -> str: ...
    def change(self, subscriber: int) -> str: ...
    def pause(self, subscriber: int) -> str: ...
    def digest(self, key: str) -> str: ...
    def all_of(self, key: str) -> str: ...
    def vote(self, subscriber: int, paper: int, said: str = "") -> str: ...
    def bibtex(self, paper: str) -> str: ...


def _unsigned(mail: bytes, at: datetime) -> bytes:
    return mail


@dataclass(frozen=True, slots=True)
class ComposeSettings:
    """How digests are made; see the [digest], [ranking] and [delivery] tables.

    `sign` gets a mail and the moment it is made, and returns it as it is kept and sent.
    """

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
    links: Links
    templates: Templates
    sample: bool = True
    holds_doubtful: bool = False
    wait: timedelta = timedelta(0)
    sign: Callable[[bytes, datetime], bytes] = _unsigned
    bounce_address: str = ""

    def gives_sample(self, picked: Picked) -> bool:
        """Return whether what was picked is a subscriber's first look."""
        return self.sample and picked.is_first

    def unsubscribe_address(self, subscriber: int) -> str:
        """Return where a subscriber leaves by mail; "" where no mail comes back to us."""
        if not self.bounce_address:
            return ""
        token = verp.make(self.secret, verp.UNSUBSCRIBE, subscriber)
        return verp.address(verp.UNSUBSCRIBE, token, self.bounce_address)


@dataclass(frozen=True, slots=True)
class Outlook:
    """How the sources are while digests are made.

    `waits` is true when papers that are due are not here yet: a digest waits for them for
    `ComposeSettings.wait` after its time. `notes` say in words what was missing, `sources` names
    all that are read.
    """

    waits: bool = False
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


NOTHING_MISSING = Outlook()


def digest(
    subscriber: Subscriber,
    picked: Picked,
    settings: ComposeSettings,
    outlook: Outlook,
    *,
    now: datetime,
) -> NewDigest:
    """Return a subscriber's digest, ready to be fixed; without a mail where there is none."""
    is_sample = settings.gives_sample(picked)
    period = cadence.period(subscriber.schedule, now)
    if is_sample:
        period = f"first {now.astimezone(cadence.zone_of(subscriber.schedule)):%Y-%m-%d}"
    key = digest_key(settings.secret, subscriber.row, period)
    is_weekly = subscriber.schedule.cadence == "weekly"
    is_mailed = picked.choice.sections or is_sample or subscriber.tell_nothing
    shown = _view(subscriber, picked, settings, outlook, key, now) if is_mailed else None
    content = (
        fitting.fit(shown, partial(_mail, row=subscriber.row, key=key, settings=settings, now=now))
        if shown
        else b""
    )
    return NewDigest(
        key=key,
        subscriber=subscriber.row,
        period=period,
        subject=shown.subject if shown else "",
        papers=tuple(_chosen(picked, shown.cards)) if shown else (),
        more=picked.choice.more,
        seen_from=subscriber.seen,
        seen_to=picked.seen_to,
        composed_at=now,
        expires_at=now + (settings.weekly_life if is_weekly else settings.daily_life),
        next_due_at=cadence.next_due(subscriber.schedule, now),
        content=content,
    )


def _view(
    subscriber: Subscriber,
    picked: Picked,
    settings: ComposeSettings,
    outlook: Outlook,
    key: str,
    now: datetime,
) -> view.DigestView:
    said = language(subscriber.language)
    zone = cadence.zone_of(subscriber.schedule)
    rules = {profile.name: parse(profile.rules) for profile in picked.profiles}
    maker = view.CardMaker(
        said,
        {name: [line.typed for line in parsed.lines] for name, parsed in rules.items()},
        picked.rising,
        settings.abstract_characters,
        partial(_own_links, subscriber.row, settings.links, said),
    )
    problems = (
        view.Notice.of(name, problem, said)
        for name, parsed in rules.items()
        for problem in parsed.problems
    )
    kind = _kind(subscriber, picked, is_sample=settings.gives_sample(picked))
    confirmed = subscriber.confirmed_at
    next_due = cadence.next_due(subscriber.schedule, now)
    links = settings.links
    return view.DigestView(
        language=said,
        kind=kind,
        sections=_sections(picked, rules, maker, kind, lambda at: at.astimezone(zone).date()),
        lines=tuple(maker.line(name, picked.papers[one.row]) for name, one in picked.also),
        more=picked.choice.more - len(picked.also),
        scanned=len(picked.news),
        day=now.astimezone(zone).date(),
        address=subscriber.address,
        profiles=tuple(profile.name for profile in picked.profiles),
        schedule=subscriber.schedule,
        since=confirmed.astimezone(zone).date() if confirmed else None,
        next_day=next_due.astimezone(zone).date(),
        links=view.MailLinks(
            links.unsubscribe(subscriber.row), links.change(subscriber.row),
            links.pause(subscriber.row), links.digest(key), links.all_of(key),
        ),
        service=settings.service,
        week=_week(picked, said, now.astimezone(zone).date()),
        notices=tuple(islice(problems, view.NOTICES_SHOWN)),
        more_notices=max(sum(len(one.problems) for one in rules.values()) - view.NOTICES_SHOWN, 0),
        missing=tuple(said.said(note) for note in outlook.notes[: view.SOURCES_SHOWN]),
        sources=outlook.sources[: view.SOURCES_SHOWN],
    )  # fmt: skip


def _kind(subscriber: Subscriber, picked: Picked, *, is_sample: bool) -> view.Kind:
    if not picked.choice.sections:
        return "nothing"
    if is_sample:
        return "sample"
    return "weekly" if subscriber.schedule.cadence == "weekly" else "daily"


def _sections(
    picked: Picked,
    rules: dict[str, Rules],
    maker: view.CardMaker,
    kind: view.Kind,
    day: Callable[[datetime], date],
) -> tuple[view.CardSection, ...]:
    matches = _matches(picked, rules)
    if kind == "weekly":
        return arranging.by_day(
            picked.choice, matches, maker, lambda paper: day(paper.first_seen_at)
        )
    return arranging.by_profile(picked.choice, matches, maker)


def _own_links(subscriber: int, links: Links, said: Language, paper: Paper) -> view.OwnLinks:
    return view.OwnLinks(
        (("BibTeX", links.bibtex(paper.id)),),
        (
            (said.gettext("Save"), links.vote(subscriber, paper.row, "saved")),
            (said.gettext("More like this"), links.vote(subscriber, paper.row, "up")),
            (said.gettext("Not for me"), links.vote(subscriber, paper.row, "down")),
        ),
        links.vote(subscriber, paper.row),
    )


def _week(picked: Picked, said: Language, today: date) -> tuple[view.Bar, ...]:
    """How many papers matched on each of the last seven days; none where hardly any did."""
    days = [today - timedelta(days=back) for back in range(6, -1, -1)]
    most = max(picked.volume.values(), default=0)
    if sum(map(bool, picked.volume.values())) < 2:
        return ()
    return tuple(
        view.Bar(said.weekday(day), number, round(100 * number / most))
        for day in days
        for number in (picked.volume.get(day, 0),)
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
    shown: view.DigestView, *, row: int, key: str, settings: ComposeSettings, now: datetime
) -> bytes:
    mail = message.Mail(
        key=key,
        sender=settings.sender,
        recipient=shown.address,
        subject=shown.subject,
        text=settings.templates.text(shown),
        html=settings.templates.html(shown),
        date=now,
        list_id=settings.list_id,
        list_name=settings.service.name,
        unsubscribe_url=shown.links.unsubscribe,
        unsubscribe_address=settings.unsubscribe_address(row),
        reply_to=settings.reply_to,
    )
    return settings.sign(message.build(mail), now)


def digest_key(secret: bytes, subscriber: int, period: str) -> str:
    """Return the digest's unguessable name; Message-ID and boundary are made of it."""
    return hmac.new(secret, f"digest:{subscriber}:{period}".encode(), hashlib.sha256).hexdigest()[
        :32
    ]


def _chosen(picked: Picked, cards: Sequence[view.Card]) -> Iterator[Chosen]:
    """The papers at the places that they have in the mail."""
    scores = {item.ranked.row: item.ranked.score for item in picked.choice.items}
    for card in cards:
        rises = picked.rising.get(card.row)
        rose = words.rose(rises, language(ENGLISH)) if rises else None
        yield Chosen(card.row, card.profile, card.number, scores[card.row], rose)
