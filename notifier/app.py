"""The one place that builds objects and reads the clock.

Settings go no further than here: everything else gets plain arguments.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import timedelta
from email.utils import parseaddr
from functools import cached_property

import structlog

from notifier import defaults, engines, keys, mailing, pacing, places
from notifier.channelled import Channelled
from notifier.config import Settings
from notifier.delivery.cut import Cut
from notifier.delivery.mailer import Transport
from notifier.delivery.sink import Sink
from notifier.delivery.smtp import SmtpSettings
from notifier.digests.render import Templates
from notifier.digests.view import Service
from notifier.engine.engine import Engine
from notifier.health import Health
from notifier.intake import Clock, Intake, system_clock
from notifier.jobs.bounce import Read
from notifier.jobs.compose import compose
from notifier.jobs.composed import Composed
from notifier.jobs.days import Days
from notifier.jobs.deliver import deliver
from notifier.jobs.delivering.values import Delivered, DeliverSettings, Pace
from notifier.jobs.edition import ComposeSettings
from notifier.jobs.explain import Explained, explain
from notifier.jobs.housekeeping import Retention, keep_house_or_say
from notifier.jobs.ingest import Ready, at_once
from notifier.jobs.letters import LetterPost, Sent, send_letters
from notifier.jobs.library import Library
from notifier.jobs.match import Matched, MatchSettings
from notifier.jobs.preview import preview
from notifier.jobs.shelves import Shelves
from notifier.matchers import Matchers
from notifier.metrics.meters import Meters
from notifier.metrics.timed import TimedTransport
from notifier.papers.paper import Paper
from notifier.profiles.profile import Subscriber
from notifier.ranking.order import OrderSettings
from notifier.returned import Returned
from notifier.served import Served
from notifier.signing import make_signer
from notifier.storage import match_marks, schema, store_profiles
from notifier.storage.database import Database
from notifier.storage.store_digests import NewDigest
from notifier.subscriptions.letters import LetterSettings
from notifier.subscriptions.links import Links
from notifier.subscriptions.service import Subscriptions
from notifier.subscriptions.tokens import Tokens
from notifier.ticked import Ticked

log = structlog.get_logger()


class App:
    """One instance on one database."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock = system_clock,
        database: Database | None = None,
        engine: Engine | None = None,
    ) -> None:
        """Work on a `database` that is open and has the present schema, else on the settings'."""
        self.settings = settings
        self.clock = clock
        self.sign = make_signer(
            settings, lambda problem: log.warning("a key is not private", problem=problem)
        )
        self.database = database or Database(settings.database.url)
        if database is None:
            schema.upgrade(self.database)
            engines.install(settings, self.database)
        self.engine = engine or engines.make_engine(settings, self.database)
        self.secret = keys.of_instance(self.database)
        self._told_zones: set[str] = set()

    def close(self) -> None:
        """Give back what was opened."""
        self.database.close()

    @cached_property
    def subscriptions(self) -> Subscriptions:
        return Subscriptions(self.database, defaults.of(self.settings))

    @cached_property
    def served(self) -> Served:
        mail = self.settings.mail
        letters = LetterSettings(
            self.service, mail.sender, mail.reply_to, self.secret, self.templates, self.sign
        )
        return Served(self.database, self.subscriptions, self.links, letters, self.secret)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(*keys.of_links(self.database), reload=lambda: keys.of_links(self.database))

    def rotate_links(self) -> int:
        """Sign links with a new key from now on, and return how many there are; all verify."""
        count = keys.add_for_links(self.database)
        self.tokens.use(keys.of_links(self.database))
        return count

    @property
    def service(self) -> Service:
        site = self.settings.site
        return Service(site.name, site.public_url, site.contact, site.postal_address)

    @property
    def archive(self) -> timedelta:
        """How long a digest can be read on its page, and its mail is kept."""
        return timedelta(days=self.settings.site.archive_days)

    @property
    def retention(self) -> Retention:
        """How long what has served its purpose is kept; a digest as long as its page."""
        keep = self.settings.keep
        days = {name.removesuffix("_days"): timedelta(days=n) for name, n in keep}
        days["digests"] = max(days["digests"], self.archive)
        return Retention(mails=self.archive, **days)

    @cached_property
    def links(self) -> Links:
        return Links(self.settings.site.public_url, self.tokens)

    @cached_property
    def templates(self) -> Templates:
        said = "an own template is broken, the built-in one is used"
        return Templates(
            self.settings.site.templates_dir, tell=lambda problem: log.error(said, problem=problem)
        )

    @cached_property
    def meters(self) -> Meters:
        return Meters(self.clock)

    @cached_property
    def health(self) -> Health:
        return Health(
            self.settings, self.database, self.clock, service=self.service,
            secret=self.secret, templates=self.templates, sign=self.sign,
        )  # fmt: skip

    @cached_property
    def transport(self) -> Transport:
        return TimedTransport(mailing.transport(self.settings, self.sink), self.meters)

    @property
    def smtp_settings(self) -> SmtpSettings | None:
        """How the mail server is reached; None where mails go to none."""
        return mailing.smtp_settings(self.settings)

    @property
    def return_path(self) -> str:
        """Where what cannot be delivered goes, but for digests, which have one each."""
        mail = self.settings.mail
        return mail.bounce_address or parseaddr(mail.sender)[1]

    @cached_property
    def sink(self) -> Sink | None:
        """Where mails are kept that go to nobody; beside an SQLite file."""
        return mailing.sink(self.settings, self.database)

    @property
    def inbox(self) -> str:
        """The address of the inbox page, "" where there is none: it is for this machine only."""
        return mailing.inbox(self.settings) if self.sink else ""

    @property
    def mails_go(self) -> str:
        """Where mails go, in words."""
        return mailing.mails_go(self.settings, self.sink)

    @cached_property
    def pace(self) -> Pace:
        """Which destinations there are, and how fast mails may go to each."""
        return pacing.pace(self.settings)

    @cached_property
    def order(self) -> OrderSettings:
        ranking = self.settings.ranking
        half_life = timedelta(days=ranking.half_life_days)
        return OrderSettings(ranking.trend_weight, half_life, ranking.learning_share)

    @property
    def lookback(self) -> timedelta:
        """What is older than this is mailed to nobody."""
        return self.intake.lookback

    @property
    def holds_doubtful(self) -> bool:
        """Whether a mail that the server may have taken waits for somebody's word."""
        return pacing.holds_doubtful(self.settings)

    @cached_property
    def channelled(self) -> Channelled:
        return Channelled(self.settings, self.database, self.clock, self.subscriptions)

    @cached_property
    def compose_settings(self) -> ComposeSettings:
        mail, digest = self.settings.mail, self.settings.digest
        domain = parseaddr(mail.sender)[1].rpartition("@")[2] or "localhost"
        return ComposeSettings(
            service=self.service,
            sender=mail.sender,
            reply_to=mail.reply_to,
            list_id=f"digest.{domain}",
            abstract_characters=digest.abstract_characters,
            lookback=self.lookback,
            order=self.order,
            daily_life=timedelta(hours=self.settings.delivery.daily_hours),
            weekly_life=timedelta(hours=self.settings.delivery.weekly_hours),
            secret=self.secret,
            bounce_address=mail.bounce_address,
            links=self.links,
            templates=self.templates,
            sample=digest.sample,
            holds_doubtful=self.holds_doubtful,
            owner=self._owner,
            wait=timedelta(minutes=digest.wait_minutes),
            spread_minutes=digest.spread_minutes,
            sign=self.sign,
            posts=self.channelled.post_settings,
        )

    @cached_property
    def intake(self) -> Intake:
        return Intake(self.settings, self.database, self.clock, self.meters)

    @cached_property
    def shelves(self) -> Shelves:
        """The stored papers with their words, kept in files, so that commands are fast."""
        return Shelves(places.words(self.database, self.secret))

    @cached_property
    def matchers(self) -> Matchers:
        settings = MatchSettings(self.settings.matching.keep, self.order)
        return Matchers(self.database, settings, self.shelves, self.secret, self.clock, self.meters)

    def match(self, *, stopping: Callable[[], bool] = lambda: False) -> Matched:
        """Match what is new in papers and profiles."""
        return self.matchers.run(stopping=stopping)

    @cached_property
    def library(self) -> Library:
        return Library(self.database, self.shelves, self.order, self.clock)

    @cached_property
    def days(self) -> Days:
        return Days(self.database, self.clock)

    def explain(self, paper: Paper, subscriber: Subscriber) -> Explained:
        """Return why a paper has its place for a subscriber, or why it does not come."""
        with self.database.reading() as conn:
            return explain(
                conn, paper, subscriber, now=self.clock(), order=self.order, lookback=self.lookback
            )

    def preview(self, subscriber: Subscriber) -> NewDigest:
        """Return the digest that a subscriber would get now; by the clock of this instance."""
        now, outlook = self.clock(), self.intake.outlook(self.clock())
        with self.database.reading() as conn:
            profiles = [one for one in store_profiles.of(conn, [subscriber.row]) if one.enabled]
            matches = None
            if not (match_marks.is_current(conn) and all(one.matched for one in profiles)):
                matches = self.matchers.asked.found(conn, profiles, now=now)
            return preview(
                conn, subscriber, self.compose_settings, outlook, now=now, matches=matches
            )

    def compose(self, *, stopping: Callable[[], bool] = lambda: False) -> Composed:
        """Make every digest that is due, but for those that wait for a source."""
        self.match(stopping=stopping)
        now = self.clock()
        self.tokens.use(keys.of_links(self.database))  # another process may have made a new one
        outlook = self.intake.outlook(now)
        with self.meters.job("compose"):
            composed = compose(
                self.database, self.compose_settings, now=now, outlook=outlook, clock=self.clock,
                stopping=stopping,
            )  # fmt: skip
        self.tell_of(composed)
        return composed

    def tell_of(self, composed: Composed) -> None:
        """Count what failed, and say once which time zones are lost."""
        self.meters.count("digest_failures_total", composed.failed)
        for zone in sorted(composed.lost_zones - self._told_zones):
            log.warning("a time zone is not known any more, UTC is taken instead", zone=zone)
        self._told_zones |= composed.lost_zones

    def keep_house(self, *, stopping: Callable[[], bool] = lambda: False) -> int:
        """Let go, once a day, of what is of no use any more; a failure is logged."""
        return keep_house_or_say(self.database, self.retention, now=self.clock(), stopping=stopping)

    async def send_letters(
        self, *, stop: asyncio.Event | None = None, cut: Cut | None = None
    ) -> Sent:
        """Send the letters that are waiting."""
        lease = timedelta(minutes=self.settings.delivery.lease_minutes)
        post = LetterPost(self.return_path, self._owner, lease=lease)
        return await send_letters(
            self.database, self.transport, post, clock=self.clock, stop=stop, cut=cut
        )

    @cached_property
    def _owner(self) -> str:
        """Whose what we claim is; numbers of processes are the same in many a container."""
        return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    @property
    def deliver_settings(self) -> DeliverSettings:
        """How mails are sent by this process."""
        return pacing.deliver_settings(
            self.settings, self.pace, owner=self._owner, secret=self.secret
        )

    async def deliver(
        self, *, stop: asyncio.Event | None = None, cut: Cut | None = None
    ) -> Delivered:
        """Send what is waiting."""
        with self.meters.job("deliver"):
            return await deliver(
                self.database, self.transport, self.deliver_settings,
                clock=self.clock, stop=stop, cut=cut,
            )  # fmt: skip

    @cached_property
    def returned(self) -> Returned:
        return Returned(self.settings, self.database, self.clock, self.secret)

    def take_mail(self, raw: bytes, *, envelope: str = "") -> list[Read]:
        """Read a mail that came to the bounce address, and do what follows, once."""
        return self.returned.take_mail(raw, envelope=envelope)

    async def tick(self, *, stop: asyncio.Event | None = None) -> Ticked:
        """One pass of everything that is due; stops between two steps at `stop`."""
        stop, done = stop or asyncio.Event(), Ticked()
        async with self.told(done, stop):
            await self.plan(done, stop)
            await self.send(done, stop)
        return done

    def told(self, done: Ticked, stop: asyncio.Event) -> AbstractAsyncContextManager[None]:
        """Tell who watches elsewhere of the pass inside, and the operator of what needs them."""
        return self.health.told(done, stop, self.send_letters)

    async def plan(self, done: Ticked, stop: asyncio.Event, *, ready: Ready = at_once) -> None:
        """The part of a pass that one process does at a time: fetch, read, make digests.

        Args:
            ready: See `jobs.ingest.ingest`.
        """
        for source in await asyncio.to_thread(self.intake.due_sources, self.clock()):
            if not stop.is_set():
                done.ingested += await self.intake.ingest_until(stop, source, ready=ready)
        if not stop.is_set():
            done.polled, done.mailbox_failure = await asyncio.to_thread(
                self.returned.poll_or_say, stopping=stop.is_set
            )
        if not stop.is_set():
            done.composed = await asyncio.to_thread(self.compose, stopping=stop.is_set)
            done.broken_templates = tuple(self.templates.problems)
        if not stop.is_set():
            await asyncio.to_thread(self.keep_house, stopping=stop.is_set)

    async def send(self, done: Ticked, stop: asyncio.Event) -> None:
        """The part of a pass that any number of processes may do at once."""
        if not stop.is_set():
            done.letters = await self.send_letters(stop=stop)
        if not stop.is_set():
            done.delivered = await self.deliver(stop=stop)
        if not stop.is_set():
            done.posted = await self.channelled.send(stop=stop)


@contextmanager
def opened(settings: Settings, *, clock: Clock = system_clock) -> Iterator[App]:
    """Yield an instance and close it at the end."""
    app = App(settings, clock=clock)
    try:
        yield app
    finally:
        app.close()
