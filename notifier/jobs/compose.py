"""Make the digests that are due: match, choose, render, and fix each in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile
from typing import Literal, TypeAlias

import structlog
from sqlalchemy import Connection

from notifier.digests.cadence import is_zone
from notifier.errors import NOT_NOW
from notifier.jobs import set_back
from notifier.jobs.drafting import Draft, Press
from notifier.jobs.edition import NOTHING_MISSING, ComposeSettings, Outlook
from notifier.jobs.expiry import end_stale
from notifier.jobs.left_out import LeftOut
from notifier.jobs.picking import Desk
from notifier.jobs.talk import Talk, talk
from notifier.jobs.writing import Writer
from notifier.profiles.profile import Subscriber
from notifier.storage import (
    match_marks,
    store_ahead,
    store_channels,
    store_digests,
    store_due,
    store_left_out,
)
from notifier.storage.database import Database
from notifier.storage.store_channels import Wishes
from notifier.storage.store_due import Due

log = structlog.get_logger()

# What a subscriber counts as; None where somebody else was faster, or changed them meanwhile: they
# are looked at in the next pass.
_End: TypeAlias = Literal["made", "nothing", "paused", "unmatched", "failed"] | None

BATCH = 200
# Digests that are fixed in one transaction; others may write between two of them.
TOGETHER = 20
TRY_AGAIN = timedelta(minutes=15)


@dataclass(slots=True)
class Composed:
    """How many digests were made, found nothing, were skipped (their subscribers pause, have no
    rules, must not be mailed, or joined before the first paper), failed or had expired.

    `waiting` are due and wait for a source that is late, `unmatched` for papers or profiles to be
    matched, which the next run does first. `lost_zones` were taken as UTC.
    """

    made: int = 0
    nothing: int = 0
    paused: int = 0
    waiting: int = 0
    unmatched: int = 0
    expired: int = 0
    failed: int = 0
    lost_zones: set[str] = field(default_factory=set)


def compose(
    database: Database,
    settings: ComposeSettings,
    *,
    now: datetime,
    outlook: Outlook = NOTHING_MISSING,
    stopping: Callable[[], bool] = lambda: False,
) -> Composed:
    """Make every digest that is due at `now`; run again, it makes none.

    `stopping` is asked before each subscriber; whoever is left over is due at the next run. What a
    digest cannot be written with is left out of it.
    """
    after, known, writer, left_out = 0, None, Writer(settings), LeftOut()
    set_back.notice(database, settings, now=now, stopping=stopping)
    done = Composed(expired=_expire(database, settings, now))
    due = Due(now)
    if outlook.waits:  # a sample, of days that are gone, waits for no source
        due = Due(now, waited_since=now - settings.wait, samples=settings.sample)
        with database.reading() as conn:
            done.waiting = due.others(conn)

    def press(some: Sequence[Subscriber], known: Talk) -> Press:
        desk = Desk(conn, some, known, order=settings.order, lookback=settings.lookback)
        return Press(
            desk, writer, settings, outlook, now, left_out,
            wishes=_wishes(conn, some, settings, now),
            suppressed=store_due.suppressed(conn, [one.row for one in some], now=now),
        )  # fmt: skip

    while True:
        with database.reading() as conn:
            batch = due.some(conn, after_row=after, limit=BATCH)
            if not batch.last:
                return done
            after, ready = batch.last, batch.readable
            done.lost_zones |= {zone for one in ready if not is_zone(zone := one.schedule.zone)}
            if not match_marks.is_current(conn):
                done.unmatched += len(ready)
                continue
            known = known or talk(conn, now=now)
            drafts = _drafts(partial(press, known=known), ready, stopping)
        done.failed += _put_off(database, batch.unreadable, now)
        left_out.add("template", settings.templates.broken, is_told=True)
        left_out.keep(database, now=now)
        for first in range(0, len(drafts), TOGETHER):
            if stopping():
                return done
            _fix_together(database, drafts[first : first + TOGETHER], done, now)
        if len(drafts) < len(ready):
            return done


def _drafts(
    press: Callable[[Sequence[Subscriber]], Press],
    ready: Sequence[Subscriber],
    stopping: Callable[[], bool],
) -> list[tuple[Subscriber, Draft]]:
    """Draft digests until it is to stop; where some cannot be read up together, each alone."""
    try:
        pressed = press(ready)
    except NOT_NOW:
        raise
    except Exception as error:
        if len(ready) == 1:
            return [(ready[0], error)]
        alone = takewhile(lambda _: not stopping(), ready)
        return [draft for one in alone for draft in _drafts(press, [one], lambda: False)]
    return [(one, pressed.draft(one)) for one in takewhile(lambda _: not stopping(), ready)]


@contextmanager
def _planning(database: Database, now: datetime) -> Iterator[Connection]:
    """A transaction that plans somebody: by which time is written down, see `set_back`."""
    with database.writing() as conn:
        store_ahead.note_clock(conn, now)
        yield conn


def _put_off(database: Database, rows: Sequence[int], now: datetime) -> int:
    """Look at subscribers who cannot be read again in a while; return how many they are."""
    for row in rows:
        log.error("subscriber cannot be read", subscriber=row)
        with _planning(database, now) as conn:
            store_due.put_off(conn, row, now=now, to=now + TRY_AGAIN)
            store_left_out.note(conn, "subscriber", [row], now=now)
    return len(rows)


def _expire(database: Database, settings: ComposeSettings, now: datetime) -> int:
    """End mails that are too late: papers given back belong into the digests made now."""
    expired, _ = end_stale(
        database, now=now, takes_over=not settings.holds_doubtful, spared_owner=settings.owner
    )
    return expired


def _wishes(
    conn: Connection, subscribers: Sequence[Subscriber], settings: ComposeSettings, now: datetime
) -> Mapping[int, Sequence[Wishes]]:
    rows = [one.row for one in subscribers]
    since = now - settings.lookback - settings.weekly_life  # papers given back come that late
    return store_channels.wishes(conn, rows, services=settings.posts.services, since=since)


def _fix_together(
    database: Database, drafts: Sequence[tuple[Subscriber, Draft]], done: Composed, now: datetime
) -> None:
    """Fix some digests in one transaction; where one cannot be, each in its own."""
    try:
        with _planning(database, now) as conn:
            ends = [_fix(conn, subscriber, draft) for subscriber, draft in drafts]
    except NOT_NOW:
        raise
    except Exception:  # of one digest: it must not stop the others'
        ends = [_fix_alone(database, subscriber, draft, now) for subscriber, draft in drafts]
    for end in filter(None, ends):
        setattr(done, end, getattr(done, end) + 1)


def _fix_alone(database: Database, subscriber: Subscriber, draft: Draft, now: datetime) -> _End:
    try:
        with _planning(database, now) as conn:
            return _fix(conn, subscriber, draft)
    except NOT_NOW:
        raise
    except Exception as error:
        with _planning(database, now) as conn:
            if not store_due.move(conn, subscriber, to=now + TRY_AGAIN):
                return None
            store_left_out.note(conn, "subscriber", [subscriber.row], now=now)
        log.exception("digest could not be made", subscriber=subscriber.row, exc_info=error)
        return "failed"


def _fix(conn: Connection, subscriber: Subscriber, draft: Draft) -> _End:
    """Fix a digest, or move the time of a subscriber who gets none now; return what to count."""
    if isinstance(draft, Exception):
        raise draft
    if draft is None:
        return "unmatched"
    due = draft if isinstance(draft, datetime) else draft.next_due_at
    if not store_due.move(conn, subscriber, to=due):
        return None
    if isinstance(draft, datetime):
        return "paused"
    if not store_digests.fix(conn, draft):
        return None
    return "made" if draft.papers else "nothing"
