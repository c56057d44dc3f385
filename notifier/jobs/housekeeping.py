"""Let go of what is of no use any more, once a day, whichever process comes first.

A few rows in a transaction, so that others get their turn to write; what is left over when one is
stopped goes the next time. The digests' own promises stand: see `storage.forgetting`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta

import structlog

from notifier import errors
from notifier.storage import (
    forgetting,
    sizes,
    store_archive,
    store_forgotten,
    store_left_out,
    store_news,
    store_words,
)
from notifier.storage.database import Database
from notifier.storage.forgetting import Ages

log = structlog.get_logger()

KEEP_LETTERS = timedelta(days=30)
KEEP_SIGNUPS = timedelta(days=30)
KEEP_BUCKETS = timedelta(days=1)  # by then each is full again, as one that is not there
KEEP_ANSWERS = timedelta(days=1)
KEEP_LEFT_OUT = timedelta(days=7)
_AT_ONCE = 1000  # rows in one transaction
_STEMS_AT_ONCE = 20_000  # rows of words that are looked at in one
_STEPS = 200  # transactions in one pass of a daemon, which has digests to make, too
# Who runs once a week has not leapt; from a leap that lasts as long there is no telling anyway.
_LEAP = timedelta(days=8)
_BELIEVED = timedelta(days=1)  # by then somebody, or NTP, would have set the clock back
# Their age counts from the newest paper: by a clock far ahead all of them would be old.
_BY_PAPERS = ("digests", "attempts", "bounces", "papers", "signals", "words")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each kind is kept; papers' names for as long again."""

    mails: timedelta = timedelta(days=90)
    digests: timedelta = timedelta(days=400)
    attempts: timedelta = timedelta(days=90)
    bounces: timedelta = timedelta(days=180)
    papers: timedelta = timedelta(days=400)
    signals: timedelta = timedelta(days=400)
    words: timedelta = timedelta(days=90)
    letters: timedelta = KEEP_LETTERS
    signups: timedelta = KEEP_SIGNUPS
    limits: timedelta = KEEP_BUCKETS
    answers: timedelta = KEEP_ANSWERS

    def ages(self, now: datetime, *, newest: datetime | None) -> dict[str, datetime]:
        """Return by kind what is old: of before then (UTC).

        Args:
            newest: When the newest paper was first seen.
        """
        kept = {field.name: getattr(self, field.name) for field in fields(self)}
        kept |= {"posts": self.mails, "names": self.papers}
        by_papers = min(now, newest or now)
        return {k: (by_papers if k in _BY_PAPERS else now) - kept for k, kept in kept.items()}


@dataclass(slots=True)
class Pruned:
    """What went of a kind, and what is left: `oldest` is from then (UTC).

    `freed_bytes` are free within the database for what comes; None where that is not known.
    """

    kind: str
    rows: int = 0
    oldest: datetime | None = None
    freed_bytes: int | None = None


def foresee(database: Database, retention: Retention, *, now: datetime) -> list[Pruned]:
    """Return what `prune` would delete; nothing is changed."""
    with database.reading() as conn:
        ages = retention.ages(now, newest=store_news.newest(conn))
        seen = {**ages, "foreseen": now}
        found = [
            Pruned(kind.name, forgetting.count(conn, kind, seen), forgetting.oldest(conn, kind))
            for kind in forgetting.KINDS
        ]
        words = store_words.count_old(conn, before=ages["words"].date())
        names = store_forgotten.count_old(conn, before=ages["names"])
        return [
            *found,
            Pruned("words", words, store_words.oldest(conn)),
            Pruned("names", names, store_forgotten.oldest(conn)),
        ]


def prune(
    database: Database,
    retention: Retention,
    *,
    now: datetime,
    stopping: Callable[[], bool] = lambda: False,
) -> list[Pruned]:
    """Delete all that is old, a little at a time, and return what went; again, nothing goes."""
    done: dict[str, Pruned] = {}
    for step in _steps(database, retention, now):
        known = done.setdefault(step.kind, Pruned(step.kind))
        known.rows += step.rows
        if step.freed_bytes is not None:
            known.freed_bytes = (known.freed_bytes or 0) + step.freed_bytes
        if stopping():
            break
    left = foresee(database, retention, now=now)
    return [
        Pruned(one.kind, done[one.kind].rows, one.oldest, done[one.kind].freed_bytes)
        for one in left
        if one.kind in done
    ]


def keep_house(
    database: Database,
    retention: Retention = Retention(),  # frozen
    *,
    now: datetime,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Do on each day (UTC) what `prune` does, in several passes where that is much.

    A clock that has leapt ahead is believed after a day; until then nothing is old.

    Returns:
        How many rows went in this pass.
    """
    if not _is_to_do(database, now):
        return 0
    gone: dict[str, int] = {}
    for number, step in enumerate(_steps(database, retention, now)):
        gone[step.kind] = gone.get(step.kind, 0) + step.rows
        if stopping() or number >= _STEPS:
            break
    else:
        with database.writing() as conn:
            store_archive.set_cleared(conn, now.date())
            store_left_out.forget(conn, before=now - KEEP_LEFT_OUT)
    if any(gone.values()):
        log.info("old rows deleted", **{kind: rows for kind, rows in gone.items() if rows})
    return sum(gone.values())


def _is_to_do(database: Database, now: datetime) -> bool:
    """Whether it is not done today, by a clock that is believed; where that leaps is noted."""
    with database.reading() as conn:
        done, leapt = store_archive.cleared_on(conn), store_archive.leapt_to(conn)
    has_leapt = done != date.min and now.date() - done > _LEAP
    if leapt > now or (has_leapt and now - leapt > _LEAP):
        with database.writing() as conn:
            store_archive.note_leap(conn, now if has_leapt else None)
        return not has_leapt and done != now.date()
    return now - leapt >= _BELIEVED if has_leapt else done != now.date()


def keep_house_or_say(
    database: Database, retention: Retention, *, now: datetime, stopping: Callable[[], bool]
) -> int:
    """See `keep_house`; a failure is logged, so that digests go on.

    Raises:
        Busy, Unavailable: the database cannot be used now.
    """
    try:
        return keep_house(database, retention, now=now, stopping=stopping)
    except errors.NOT_NOW:
        raise
    except Exception:
        log.exception("old rows could not be deleted")
        return 0


def _steps(database: Database, retention: Retention, now: datetime) -> Iterator[Pruned]:
    """Delete kind after kind; yield after each transaction, at least once for each kind."""
    with database.reading() as conn:
        ages = retention.ages(now, newest=store_news.newest(conn))
    for kind in forgetting.KINDS:
        yield from _forget(database, kind, ages, now)
    yield from _forget_words(database, ages)
    yield from _forget_names(database, ages)


def _forget(
    database: Database, kind: forgetting.Kind, ages: Ages, now: datetime
) -> Iterator[Pruned]:
    while True:
        with database.reading() as conn:
            keys = forgetting.keys(conn, kind, ages)
        if not keys:
            yield Pruned(kind.name)
            return
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            with database.writing() as conn:
                before = sizes.free_bytes(conn)
                rows = forgetting.forget(conn, kind, some, ages, now=now)
                freed = sizes.freed(before, sizes.free_bytes(conn))
            yield Pruned(kind.name, rows, None, freed)


def _forget_words(database: Database, ages: Ages) -> Iterator[Pruned]:
    after: str | None = None
    while True:
        with database.writing() as conn:
            before = sizes.free_bytes(conn)
            rows, after = store_words.forget_some(
                conn, before=ages["words"].date(), after=after, limit=_STEMS_AT_ONCE
            )
            freed = sizes.freed(before, sizes.free_bytes(conn))
        yield Pruned("words", rows, None, freed)
        if after is None:
            return


def _forget_names(database: Database, ages: Ages) -> Iterator[Pruned]:
    rows = _AT_ONCE
    while rows == _AT_ONCE:
        with database.writing() as conn:
            before = sizes.free_bytes(conn)
            rows = store_forgotten.forget_some(conn, before=ages["names"], limit=_AT_ONCE)
            freed = sizes.freed(before, sizes.free_bytes(conn))
        yield Pruned("names", rows, None, freed)
