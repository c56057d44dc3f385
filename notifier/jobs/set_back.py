"""The clock was set back: what was put off by the time ahead is brought forward, and it is told.
Papers that were too old by then are looked at once more.

No period gets a second digest: whoever had one of a day to come gets none on that day.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from notifier.digests import cadence
from notifier.jobs.edition import ComposeSettings
from notifier.profiles.profile import Subscriber
from notifier.storage import store_ahead, store_digests, store_subscribers
from notifier.storage.database import Database

log = structlog.get_logger()

# Clocks of two machines may differ by so much.
_APART = timedelta(minutes=5)
_AT_ONCE = 200
# By a clock ahead by less, nothing that came since the last digest was too old.
_BETWEEN = timedelta(days=7)


def notice(
    database: Database,
    settings: ComposeSettings,
    *,
    now: datetime,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """See whether somebody was planned later than now; once for each time a clock is set back."""
    with database.asking() as conn:
        last = store_ahead.clock_was_at(conn)
        if last <= now + _APART:
            return
    log.warning("the clock was set back", now=now.isoformat(), it_was_at=last.isoformat())
    with database.writing() as conn:
        store_ahead.bring_mails_forward(conn, now=now)
        store_ahead.bring_plans_forward(conn, now=now)
    after = 0
    while not stopping():
        with database.writing() as conn:
            ahead = store_ahead.subscribers(conn, now=now, after_row=after, limit=_AT_ONCE)
            for row in ahead:
                _see_to(conn, row, settings, now)
            if not ahead:
                store_ahead.set_clock_back(conn, now)
                return
        after = ahead[-1]


def _see_to(conn: Connection, row: int, settings: ComposeSettings, now: datetime) -> None:
    """Plan a subscriber anew; one who cannot be read or planned is due now, and then left out."""
    try:
        if one := store_subscribers.get(conn, row):
            _plan(conn, one, settings, now)
            _look_again(conn, one, settings, now)
    except (TypeError, ValueError):
        store_subscribers.change(conn, row, next_due_at=now)
    store_ahead.take_plan_back(conn, row, now=now)


def _plan(conn: Connection, one: Subscriber, settings: ComposeSettings, now: datetime) -> None:
    """Let the next digest be due sooner, where nothing but the time ahead put it off."""
    since = max(now, one.paused_until or now)
    due = cadence.next_free(
        one.schedule, since, lambda period: store_digests.has_period(conn, one.row, period)
    )
    due += cadence.behind(one.schedule, one.row, settings.spread_minutes)
    if one.next_due_at and due < one.next_due_at:
        store_subscribers.change(conn, one.row, next_due_at=due)


def _look_again(
    conn: Connection, one: Subscriber, settings: ComposeSettings, now: datetime
) -> None:
    since = now + max(settings.lookback - _BETWEEN, timedelta())
    seen = store_ahead.seen_before(conn, one.row, now=now, since=since)
    if seen is not None and seen < one.seen:
        store_subscribers.change(conn, one.row, seen=seen)
