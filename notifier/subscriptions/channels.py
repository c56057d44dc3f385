"""Channels of a subscriber's profiles: add, list, pause, resume, remove.

A channel is named by its row, since its address is a secret; it is shown cut. Functions that take a
row raise `NotFound` where there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from notifier import errors
from notifier.delivery import channels
from notifier.delivery.channels import Address
from notifier.delivery.networks import Reach
from notifier.storage import store_channels
from notifier.storage.database import Database
from notifier.storage.store_channels import Channel
from notifier.subscriptions.service import Subscriptions


class Channels:
    """The service behind commands, and pages to come."""

    def __init__(
        self,
        database: Database,
        subscriptions: Subscriptions,
        services: Sequence[str],
        reach: Reach,
    ) -> None:
        """Allow these services, and hosts of one's own that are in `reach`."""
        self._database, self._subscriptions = database, subscriptions
        self._services, self._reach = services, reach

    def checked(self, typed: str) -> Address:
        """Return an address that may be used here.

        Raises:
            UsageError: it is none, or its service or host is not allowed; nothing secret is told.
        """
        address = channels.parsed(typed)
        name = address.service.name
        if name not in self._services:
            there = ", ".join(self._services) or "none"
            raise errors.UsageError(
                f"{name} is not allowed here - channels.allowed in notifier.toml has: {there}"
            )
        if address.host and not self._reach.names(address.host, address.port):
            raise errors.UsageError(
                f"{address.host} may not be asked - list it in channels.hosts in notifier.toml"
            )
        return address

    def add(self, typed: str, profile: str, address: Address, *, now: datetime) -> Channel:
        """Have papers of a profile go to an address beside the mail; twice is the same as once."""
        row = self._subscriptions.profile(typed, profile).row
        subscriber = self._subscriptions.get(typed).row
        with self._database.writing() as conn:
            made = store_channels.add(
                conn, subscriber, row, address.service.name, address.url, now=now
            )
            return _found(conn, made)

    def listed(self, typed: str = "") -> list[Channel]:
        """Return channels, of one subscriber or of all, oldest first."""
        subscriber = self._subscriptions.get(typed).row if typed else None
        with self._database.reading() as conn:
            return store_channels.listed(conn, subscriber=subscriber)

    def get(self, row: int) -> Channel:
        """Return the channel of a row."""
        with self._database.reading() as conn:
            return _found(conn, row)

    def remove(self, row: int) -> Channel:
        """Delete a channel with all that waits for it; return what it was."""
        with self._database.writing() as conn:
            gone = _found(conn, row)
            store_channels.remove(conn, row)
            return gone

    def pause(self, row: int, *, now: datetime) -> Channel:
        """Have nothing go there until it is resumed."""
        with self._database.writing() as conn:
            _found(conn, row)
            store_channels.pause(conn, row, reason="", now=now)
            return _found(conn, row)

    def resume(self, row: int, *, now: datetime) -> Channel:
        """Let papers go there again, whoever paused it; what waits is sent at once."""
        with self._database.writing() as conn:
            _found(conn, row)
            store_channels.resume(conn, row, now=now)
            return _found(conn, row)


def _found(conn: Connection, row: int) -> Channel:
    for one in store_channels.listed(conn, row=row):
        return one
    raise errors.NotFound(f"no channel {row} - notifier channel list shows them")


def shown(channel: Channel) -> str:
    """Return what may be shown of a channel's address."""
    return channels.parsed(channel.url).shown
