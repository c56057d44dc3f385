"""Read the mailbox of bounces: take each mail in, then put it away, and note how it went.

A mail is put away only when it is in the database. Whatever ends a round in the middle, the next
one reads what is left, and what was taken in before changes nothing again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from notifier import errors
from notifier.delivery import imap
from notifier.delivery.imap import ImapSettings, Mailbox
from notifier.jobs.bounce import Read
from notifier.storage import store_mailbox
from notifier.storage.database import Database
from notifier.storage.store_mailbox import Health

log = structlog.get_logger()

# Mails are moved so many at a time: after a broken connection at most these are read once more.
BATCH = 50
LONGEST = timedelta(hours=1)
# A login that is refused again and again gets accounts locked.
REFUSED, LONGEST_REFUSED = timedelta(hours=1), timedelta(hours=24)
TROUBLED = 3
_NUMBERS = re.compile(r"\d+")

Take = Callable[[bytes], list[Read]]
Tell = Callable[[int, list[Read]], None]


@dataclass(slots=True)
class Polled:
    """What a round brought: mails taken in, and those at which our program failed (they stay)."""

    taken: int = 0
    failed: int = 0


def wait(health: Health, every: timedelta) -> timedelta:
    """Return how long after its last attempt a mailbox is read again.

    Pure. Twice as long after each failure, up to an hour; from an hour to a day where the login was
    refused. Never sooner than `every`.
    """
    if not health.failures:
        return every
    first, longest = (REFUSED, LONGEST_REFUSED) if health.refused else (every, LONGEST)
    doublings = min(health.failures - 1, 16)
    return max(every, min(longest, first * (1 << doublings)))


def is_due(health: Health, every: timedelta, *, now: datetime) -> bool:
    """Whether a mailbox should be read; also when the clock was set back."""
    last = health.last_attempt_at
    return last is None or not last <= now < last + wait(health, every)


def is_troubled(health: Health) -> bool:
    """Whether somebody should look: at once where the login is refused, or a mail stays."""
    stays = health.error is not None and not health.failures
    return stays or health.failures >= (1 if health.refused else TROUBLED)


def is_news(before: Health, error: errors.MailboxError) -> bool:
    """Whether a failure is another one than the last; times and ports may differ in the same."""
    return _NUMBERS.sub("", before.error or "") != _NUMBERS.sub("", str(error))


def poll(
    database: Database,
    settings: ImapSettings,
    take: Take,
    *,
    clock: Callable[[], datetime],
    stopping: Callable[[], bool] = lambda: False,
    tell: Tell = lambda uid, read: None,
) -> Polled:
    """Read the mailbox now; stop between two mails when asked to.

    Raises:
        MailboxError: it could not be read to its end; noted.
        Busy, DatabaseError: a mail could not be taken in.
    """
    try:
        with imap.opened(settings) as mailbox:
            done = _round(mailbox, take, stopping, tell)
    except (errors.Busy, errors.DatabaseError):
        raise  # the mailbox is not to blame
    except Exception as error:
        _note_failure(database, settings, error, clock())
        raise
    with database.writing() as conn:
        left = f"{done.failed} mails could not be taken in, see the log" if done.failed else None
        store_mailbox.succeeded(conn, name_of(settings), taken=done.taken, error=left, now=clock())
    return done


def name_of(settings: ImapSettings) -> str:
    """Return what a mailbox is known by: another login is another mailbox."""
    return f"{settings.user}@{settings.host}:{settings.port}/{settings.folder}"


def _note_failure(
    database: Database, settings: ImapSettings, error: Exception, now: datetime
) -> None:
    clear = isinstance(error, errors.MailboxError)
    reason = str(error) if clear else f"this program failed: {type(error).__name__}"
    refused = isinstance(error, errors.MailboxError) and error.refused
    with database.writing() as conn:
        store_mailbox.failed(conn, name_of(settings), reason, refused=refused, now=now)


def _round(mailbox: Mailbox, take: Take, stopping: Callable[[], bool], tell: Tell) -> Polled:
    done, waiting = Polled(), mailbox.waiting()
    for start in range(0, len(waiting), BATCH):
        if not stopping():
            _batch(mailbox, waiting[start : start + BATCH], take, stopping, tell, done)
    return done


def _batch(
    mailbox: Mailbox,
    uids: Sequence[int],
    take: Take,
    stopping: Callable[[], bool],
    tell: Tell,
    done: Polled,
) -> None:
    """Take some mails in, then put away those that are."""
    taken: list[int] = []
    try:
        for uid in uids:
            raw = None if stopping() else mailbox.read(uid)
            if raw is not None and (read := _taken(raw, take)) is not None:
                taken.append(uid)
                tell(uid, read)
            elif raw is not None:
                done.failed += 1
    except (errors.Busy, errors.DatabaseError):
        mailbox.put_away(taken)
        raise
    mailbox.put_away(taken)
    done.taken += len(taken)


def _taken(raw: bytes, take: Take) -> list[Read] | None:
    """Take a mail in; None where our program fails at it: it stays, and stops no other."""
    try:
        return take(raw)
    except errors.NotifierError:
        raise
    except Exception:
        log.exception("a mail that came back could not be taken in")
        return None
