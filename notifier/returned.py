"""What comes back to an instance: mails for its bounce address, and the mailbox they may lie in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import cached_property

import structlog

from notifier import errors
from notifier.config import Settings
from notifier.delivery import imap
from notifier.delivery.imap import ImapSettings, Mailbox
from notifier.intake import Clock
from notifier.jobs import poll
from notifier.jobs.bounce import BounceSettings, Read, take_mail
from notifier.jobs.poll import Polled
from notifier.storage import store_mailbox
from notifier.storage.database import Database
from notifier.storage.store_mailbox import Health

log = structlog.get_logger()


class Returned:
    """What comes back; `secret` is the instance's key."""

    def __init__(self, settings: Settings, database: Database, clock: Clock, secret: bytes) -> None:
        self._settings, self._database, self._clock = settings, database, clock
        self._bounces = BounceSettings(secret, proof=bool(settings.mail.bounce_address))

    def take_mail(self, raw: bytes, *, envelope: str = "") -> list[Read]:
        """Read a mail that came to the bounce address, and do what follows, once."""
        return take_mail(self._database, raw, self._bounces, now=self._clock(), envelope=envelope)

    @cached_property
    def mailbox_settings(self) -> ImapSettings:
        """Where the mailbox is.

        Raises:
            UsageError: none is configured.
        """
        bounce = self._settings.bounce
        if not bounce.imap_host:
            raise errors.UsageError("no mailbox is set - write [bounce] imap_host and its login")
        return ImapSettings(
            host=bounce.imap_host,
            port=bounce.imap_port,
            security=bounce.imap_security,
            user=bounce.imap_user,
            password=bounce.imap_password.get_secret_value(),
            folder=bounce.imap_folder,
            done_folder=bounce.imap_done_folder,
            ca_file=bounce.imap_ca_file,
        )

    @property
    def every(self) -> timedelta:
        """How often the mailbox is read while all is well."""
        return timedelta(minutes=self._settings.bounce.imap_minutes)

    def health(self) -> Health | None:
        """Return how the mailbox was read; None where none is configured."""
        if not self._settings.bounce.imap_host:
            return None
        with self._database.asking() as conn:
            return store_mailbox.health(conn, poll.name_of(self.mailbox_settings))

    def next_poll(self, health: Health) -> datetime | None:
        """Return when the mailbox is read next; None: as soon as possible."""
        last = health.last_attempt_at
        return last + poll.wait(health, self.every) if last else None

    def look(self) -> AbstractContextManager[Mailbox]:
        """Open the mailbox without changing anything there."""
        return imap.opened(self.mailbox_settings, readonly=True)

    def poll(
        self,
        *,
        stopping: Callable[[], bool] = lambda: False,
        tell: poll.Tell = lambda uid, read: None,
    ) -> Polled:
        """Read the mailbox now; see `jobs.poll.poll`."""
        return poll.poll(
            self._database, self.mailbox_settings, self.take_mail,
            clock=self._clock, stopping=stopping, tell=tell,
        )  # fmt: skip

    def poll_if_due(self, *, stopping: Callable[[], bool] = lambda: False) -> Polled | None:
        """Read the mailbox when it is time; None when it is not, or there is none.

        The same trouble is logged once.
        """
        health = self.health()
        if health is None or not poll.is_due(health, self.every, now=self._clock()):
            return None
        try:
            return self.poll(stopping=stopping)
        except errors.MailboxError as error:
            if poll.is_news(health, error):
                log.error("the mailbox of bounces is not read", reason=str(error))
            raise

    def poll_or_say(
        self, *, stopping: Callable[[], bool] = lambda: False
    ) -> tuple[Polled | None, str]:
        """Read the mailbox when it is time; in its place return in words what went wrong."""
        try:
            return self.poll_if_due(stopping=stopping), ""
        except errors.NotifierError as error:
            return None, str(error)
        except Exception as error:
            log.exception("the mailbox of bounces is not read")
            return None, f"this program failed: {type(error).__name__}"
