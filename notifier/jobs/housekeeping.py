"""Let go of what is of no use any more, once a day, whichever process comes first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from notifier.storage import (
    store_answers,
    store_archive,
    store_buckets,
    store_letters,
    store_posts,
    store_signups,
)
from notifier.storage.database import Database

log = structlog.get_logger()

KEEP_LETTERS = timedelta(days=30)
KEEP_SIGNUPS = timedelta(days=30)
KEEP_BUCKETS = timedelta(days=1)  # by then each is full again, as one that is not there
KEEP_ANSWERS = timedelta(days=1)
_AT_ONCE = 1000  # mails in one transaction, so that others get their turn to write


def keep_house(
    database: Database,
    *,
    now: datetime,
    archive: timedelta,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Delete mails and posts older than `archive` that are sent or given up; return how many mails.

    What is left over when `stopping` says so goes the next time. Run again on the same day (UTC),
    nothing is done. The digests stay, with what they held.
    """
    with database.reading() as conn:
        if store_archive.cleared_on(conn) == now.date():
            return 0
    gone, last = 0, _AT_ONCE
    while last == _AT_ONCE:
        if stopping():
            return gone
        with database.writing() as conn:
            last = store_archive.forget_mails(conn, before=now - archive, limit=_AT_ONCE)
            if last < _AT_ONCE:
                store_archive.set_cleared(conn, now.date())
                store_posts.forget(conn, before=now - archive)
                store_letters.forget(conn, before=now - KEEP_LETTERS)
                store_signups.forget(conn, before=now - KEEP_SIGNUPS)
                store_buckets.forget(conn, before=now - KEEP_BUCKETS)
                store_answers.forget(conn, before=now - KEEP_ANSWERS)
        gone += last
    if gone:
        log.info("old mails deleted", mails=gone)
    return gone
