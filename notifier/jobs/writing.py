"""Write digests down: what the mail says of the papers that were picked, and its bytes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import islice

from notifier.digests import arranging, cadence, fitting, message, view, words
from notifier.digests.cards import Card, CardMaker, CardSection, Link
from notifier.digests.printing import Printer
from notifier.jobs.edition import ComposeSettings, Links, Outlook
from notifier.jobs.happenings import Known, told
from notifier.jobs.picking import Picked
from notifier.jobs.posts import Posts
from notifier.jobs.summaries import Summaries
from notifier.languages import ENGLISH, Language, language
from notifier.papers.paper import Paper
from notifier.profiles.parser import parse
from notifier.profiles.profile import Subscriber
from notifier.profiles.rules import Rules
from notifier.storage.store_channels import Wishes
from notifier.storage.store_digests import Chosen, NewDigest


class Writer:
    """Writes digests, and keeps what many of them say alike: for one run."""

    def __init__(self, settings: ComposeSettings) -> None:
        self._settings = settings
        self._printer = Printer(settings.templates)
        self._summaries = Summaries(settings.abstract_characters, settings.links.bibtex)
        self._posts = Posts(
            settings.templates, settings.posts, settings.secret, settings.links.post
        )

    def gives_sample(self, picked: Picked) -> bool:
        """Return whether what was picked is a subscriber's first look."""
        return self._settings.gives_sample(picked)

    def digest(
        self,
        subscriber: Subscriber,
        picked: Picked,
        outlook: Outlook,
        *,
        now: datetime,
        wishes: Sequence[Wishes] = (),
        news: Sequence[Known] = (),
    ) -> NewDigest:
        """Return a subscriber's digest, ready to be fixed; without a mail where there is none.

        Args:
            wishes: What their channels want of it.
            news: What happened to papers that they know.
        """
        settings = self._settings
        is_sample = settings.gives_sample(picked)
        period = cadence.period(subscriber.schedule, now)
        if is_sample:
            period = f"first {now.astimezone(cadence.zone_of(subscriber.schedule)):%Y-%m-%d}"
        key = digest_key(settings.secret, subscriber.row, period)
        is_weekly = subscriber.schedule.cadence == "weekly"
        is_mailed = picked.choice.sections or is_sample or subscriber.tell_nothing or news
        shown = self._view(subscriber, picked, outlook, key, now, news) if is_mailed else None
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
            next_due_at=settings.planned(subscriber, now),
            content=self._mail(shown, subscriber, key, now) if shown else b"",
            posts=self._posts.of(wishes, shown, picked, key) if shown else (),
            told=tuple(one.event.row for one in news),
        )

    def _view(
        self, subscriber: Subscriber, picked: Picked, outlook: Outlook, key: str, now: datetime,
        news: Sequence[Known] = (),
    ) -> view.DigestView:  # fmt: skip
        settings, said = self._settings, language(subscriber.language)
        zone = cadence.zone_of(subscriber.schedule)
        today = now.astimezone(zone).date()
        rules = {profile.name: parse(profile.rules) for profile in picked.profiles}
        kind = _kind(subscriber, picked, news, is_sample=settings.gives_sample(picked))
        confirmed, links = subscriber.confirmed_at, settings.links
        return view.DigestView(
            language=said,
            kind=kind,
            sections=self._sections(subscriber, picked, rules, kind),
            lines=tuple(
                self._summaries.maker(said).line(name, picked.papers[one.row])
                for name, one in picked.also
            ),
            more=picked.choice.more - len(picked.also),
            scanned=len(picked.news),
            day=today,
            address=subscriber.address,
            profiles=tuple(profile.name for profile in picked.profiles),
            schedule=subscriber.schedule,
            since=confirmed.astimezone(zone).date() if confirmed else None,
            next_day=cadence.next_due(subscriber.schedule, now).astimezone(zone).date(),
            links=view.MailLinks(
                links.unsubscribe(subscriber.row), links.change(subscriber.row, now),
                links.pause(subscriber.row), links.digest(key), links.all_of(key),
            ),
            service=settings.service,
            week=_week(picked, said, today),
            notices=tuple(islice(_notices(rules, said), view.NOTICES_SHOWN)),
            more_notices=max(sum(len(r.problems) for r in rules.values()) - view.NOTICES_SHOWN, 0),
            missing=tuple(said.said(note) for note in outlook.notes[: view.SOURCES_SHOWN]),
            sources=outlook.sources[: view.SOURCES_SHOWN],
            news=tuple(told(one, said, subscriber.row, links) for one in news),
        )  # fmt: skip

    def _sections(
        self, subscriber: Subscriber, picked: Picked, rules: Mapping[str, Rules], kind: view.Kind
    ) -> tuple[CardSection, ...]:
        said, zone = language(subscriber.language), cadence.zone_of(subscriber.schedule)
        summaries = self._summaries.of(picked, rules, said)
        links = self._settings.links

        def say_url(paper: Paper) -> str:
            return links.vote(subscriber.row, paper.row)

        def day(paper: Paper) -> date:
            return paper.first_seen_at.astimezone(zone).date()

        maker = CardMaker(said, len(picked.profiles), say_url, _actions(links, said))
        if kind == "weekly":
            return arranging.by_day(picked.choice, summaries, maker, day)
        return arranging.by_profile(picked.choice, summaries, maker)

    def _mail(
        self, shown: view.DigestView, subscriber: Subscriber, key: str, now: datetime
    ) -> bytes:
        """Return a digest's mail, small enough to be shown whole, and signed."""
        settings, subject = self._settings, shown.subject  # which no fitting changes

        def build(fitted: view.DigestView) -> bytes:
            text, html = self._printer.parts(fitted)
            mail = message.Mail(
                key=key,
                sender=settings.sender,
                recipient=fitted.address,
                subject=subject,
                text=text,
                html=b"" if subscriber.text_only else html,
                date=now,
                list_id=settings.list_id,
                list_name=settings.service.name,
                unsubscribe_url=fitted.links.unsubscribe,
                unsubscribe_address=settings.unsubscribe_address(subscriber.row),
                reply_to=settings.reply_to,
                stream=fitted.kind,
            )
            return settings.sign(message.build(mail), now)

        return fitting.fit(shown, build)


def _actions(links: Links, said: Language) -> tuple[Link, ...]:
    return (
        (said.gettext("Save"), links.choice("saved")),
        (said.gettext("More like this"), links.choice("up")),
        (said.gettext("Not for me"), links.choice("down")),
    )


def _notices(rules: Mapping[str, Rules], said: Language) -> Iterator[view.Notice]:
    for name, parsed in rules.items():
        yield from (view.Notice.of(name, problem, said) for problem in parsed.problems)


def _kind(
    subscriber: Subscriber, picked: Picked, news: Sequence[Known], *, is_sample: bool
) -> view.Kind:
    if not picked.choice.sections:
        return "news" if news and not is_sample else "nothing"
    if is_sample:
        return "sample"
    return "weekly" if subscriber.schedule.cadence == "weekly" else "daily"


def _week(picked: Picked, said: Language, today: date) -> tuple[view.Bar, ...]:
    """How many papers matched on each of the last seven days; none where hardly any did."""
    days = [today - timedelta(days=back) for back in range(6, -1, -1)]
    most = max(picked.volume.values(), default=0)
    if sum(map(bool, picked.volume.values())) < 2:
        return ()
    return tuple(
        view.Bar(said.weekday(day), said.number(number), round(100 * number / most))
        for day in days
        for number in (picked.volume.get(day, 0),)
    )


def digest_key(secret: bytes, subscriber: int, period: str) -> str:
    """Return the digest's unguessable name; Message-ID and boundary are made of it."""
    return hmac.new(secret, f"digest:{subscriber}:{period}".encode(), hashlib.sha256).hexdigest()[
        :32
    ]


def _chosen(picked: Picked, cards: Sequence[Card]) -> Iterator[Chosen]:
    """The papers at the places that they have in the mail."""
    scores = {item.ranked.row: item.ranked.score for item in picked.choice.items}
    for card in cards:
        rises = picked.rising.get(card.row)
        rose = words.rose(rises, language(ENGLISH)) if rises else None
        yield Chosen(card.row, card.profile, card.number, scores[card.row], rose)
