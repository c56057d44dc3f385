"""Other channels than mail, of an instance: what is allowed, sending to them, and trying one."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import cached_property

from notifier import errors
from notifier.config import Settings
from notifier.delivery import channels, poster
from notifier.delivery.channels import Address
from notifier.delivery.networks import Reach
from notifier.delivery.poster import Answer
from notifier.intake import Clock
from notifier.jobs.posting import Posted, PostingSettings, send_posts
from notifier.jobs.posts import PostSettings
from notifier.languages import language
from notifier.storage.database import Database
from notifier.storage.store_channels import Channel
from notifier.subscriptions.channels import Channels
from notifier.subscriptions.service import Subscriptions

# Longer than a message takes, with the start of the process that sends it.
LEASE = timedelta(minutes=5)


def lacking(settings: Settings) -> str:
    """Return what settings need that is not installed, with its cure; "" where nothing is."""
    if not settings.channels.allowed or poster.is_installed():
        return ""
    return f"channels.allowed: Apprise is not installed - {poster.INSTALL}"


class Channelled:
    """What goes to channels."""

    def __init__(
        self, settings: Settings, database: Database, clock: Clock, subscriptions: Subscriptions
    ) -> None:
        self._settings, self._database, self._clock = settings, database, clock
        self._subscriptions = subscriptions

    @property
    def services(self) -> tuple[str, ...]:
        """The services that are allowed."""
        return self._settings.channels.allowed

    @cached_property
    def reach(self) -> Reach:
        """What may be asked beside the services' own hosts."""
        return Reach(self._settings.channels.hosts)

    @cached_property
    def channels(self) -> Channels:
        """Whose channels there are."""
        return Channels(self._database, self._subscriptions, self.services, self.reach)

    @property
    def lacks(self) -> str:
        """What is needed and not installed, with its cure; "" where nothing is."""
        return lacking(self._settings)

    @property
    def post_settings(self) -> PostSettings:
        """What is written for channels."""
        return PostSettings(self.services, self._settings.channels.papers)

    @property
    def posting_settings(self) -> PostingSettings:
        """How it is sent."""
        seconds = self._settings.channels.timeout_seconds
        return PostingSettings(self.services, self.reach, seconds, LEASE)

    async def send(self, *, stop: asyncio.Event | None = None) -> Posted:
        """Send what waits for channels."""
        return await send_posts(
            self._database, self.posting_settings, clock=self._clock,
            is_installed=not self.lacks, stop=stop,
        )  # fmt: skip

    async def check(self, address: Address) -> None:
        """See whether an address can be used, without asking anybody.

        Raises:
            UsageError: it cannot, or nothing can be sent from here.
        """
        self._check_installed()
        sender = self.posting_settings.poster()
        try:
            await sender.check(address)
        finally:
            await sender.close()

    async def test(self, channel: Channel) -> Answer:
        """Send one line to a channel now, also where it is paused, and return what is answered."""
        self._check_installed()
        address, words = channels.parsed(channel.url), language(channel.language)
        if address.service.name not in self.services:
            raise errors.UsageError(f"{address.service.name} is not in channels.allowed")
        text = words.gettext("This is a test. New papers will come here.")
        sender = self.posting_settings.poster()
        try:
            return await sender.send(address, self._settings.site.name, text, now=self._clock())
        finally:
            await sender.close()

    def _check_installed(self) -> None:
        if self.lacks:
            raise errors.UsageError(self.lacks)
