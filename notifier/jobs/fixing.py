"""Write the digests that are planned: claim some, match, choose, render, and fix each once.

Any number of processes may do so at once. What one claims and does not write is another's when it
is given back, or when the claim has run out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile
from typing import Literal, TypeAlias

import structlog
from sqlalchemy import Connection

from notifier.digests.cadence import is_zone
from notifier.errors import NOT_NOW
from notifier.jobs.composed import Composed
from notifier.jobs.drafting import Draft, Press
from notifier.jobs.edition import NOTHING_MISSING, ComposeSettings, Outlook
from notifier.jobs.happenings import happenings
from notifier.jobs.left_out import LeftOut
from notifier.jobs.picking import Desk
from notifier.jobs.planning import TRY_AGAIN
from notifier.jobs.summing import Summing
from notifier.jobs.talk import Talk, talk
from notifier.jobs.writing import Writer
from notifier.profiles.profile import Subscriber
from notifier.storage import (
    match_marks,
    store_ahead,
    store_channels,
    store_digests,
    store_due,
    store_events,
    store_left_out,
    store_planned,
)
from notifier.storage.database import Database
from notifier.storage.store_channels import Wishes
from notifier.storage.store_digests import NewDigest
from notifier.storage.store_events import Recent

log = structlog.get_logger()

# What a subscriber counts as; "taken": the period has a digest already. None where somebody else
# was faster, or changed them meanwhile: they are looked at in the next pass.
_End: TypeAlias = Literal["made", "nothing", "paused", "unmatched", "failed", "taken"] | None

# Claimed and drafted at a time.
BATCH = 200
# Digests that are fixed in one transaction; others may write between two of them.
TOGETHER = 20
LEASE = timedelta(minutes=15)


def write(
    database: Database,
    settings: ComposeSettings,
    *,
    now: datetime,
    outlook: Outlook = NOTHING_MISSING,
    rows: Sequence[int] | None = None,
    limit: int | None = None,
    owner: str = "",
    lease: timedelta = LEASE,
    clock: Callable[[], datetime] | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Composed:
    """Write digests that are planned and may be written at `now`; run again, it writes none.

    `stopping` is asked before each subscriber; what is left over is written at the next run. What a
    digest cannot be written with is left out of it.

    Args:
        rows: Only those of these subscribers.
        limit: At most so many.
        owner: Whose the claims are; they last for `lease`.
        clock: By which claims are made, where this takes long; else `now`.
    """
    shift = _Shift(database, settings, outlook, now, owner)
    left = limit
    try:
        while not stopping() and left != 0 and shift.may_go_on(rows):
            at = clock() if clock else now
            most = BATCH if left is None else min(BATCH, left)
            claimed = shift.claim(rows, most, at, at + lease)
            if not claimed:
                break
            left = None if left is None else left - len(claimed)
            shift.write(claimed, stopping)
    finally:
        shift.give_back()
    return shift.done


class _Shift:
    """The writing of some digests, one batch after the other."""

    def __init__(
        self,
        database: Database,
        settings: ComposeSettings,
        outlook: Outlook,
        now: datetime,
        owner: str,
    ) -> None:
        self.done = Composed()
        self._database, self._settings, self._outlook = database, settings, outlook
        self._now, self._owner = now, owner
        self._writer, self._left_out = Writer(settings), LeftOut()
        self._summing, self._summaries = Summing(settings), dict[int, NewDigest]()
        self._ours = set[int]()
        self._known: Talk | None = None
        self._happened: Recent | None = None

    def may_go_on(self, rows: Sequence[int] | None) -> bool:
        """Whether there is anything to write, and all is matched that could be in it."""
        with self._database.asking() as conn:
            if not store_planned.is_any(conn, now=self._now):
                return False
            if match_marks.is_current(conn):
                return True
            open_ = store_planned.waiting(conn, now=self._now, rows=rows)
        self.done.unmatched += open_
        return False

    def claim(
        self, rows: Sequence[int] | None, most: int, now: datetime, until: datetime
    ) -> list[int]:
        """Claim some more; by which time they are written stands there before, see `set_back`."""
        with self._database.sharing() as conn:
            claimed = store_planned.claim(
                conn, owner=self._owner, now=now, due_by=self._now, lease_until=until, limit=most,
                rows=rows,
            )  # fmt: skip
            if claimed:
                store_ahead.note_clock(conn, self._now)
        self._ours.update(claimed)
        return claimed

    def give_back(self) -> None:
        """Let others have what was claimed and not written."""
        if self._ours:
            with suppress(*NOT_NOW), self._database.sharing() as conn:
                store_planned.give_back(conn, sorted(self._ours), owner=self._owner, now=self._now)

    def write(self, claimed: Sequence[int], stopping: Callable[[], bool]) -> None:
        """Write what was claimed; what cannot be written now stays ours."""
        with self._database.reading() as conn:
            found = store_planned.read(conn, claimed)
            ready = [one for one in found.readable if one.state == "active"]
            if not match_marks.is_current(conn):
                self.done.unmatched += len(claimed)
                return
            self._known = self._known or talk(conn, now=self._now)
            press = partial(self._press, conn, self._known)
            drafts = _drafts(press, ready, stopping)
            self._summaries = self._summing.due(conn, ready, now=self._now)
        zones = {one.schedule.zone for one in ready}
        self.done.lost_zones |= {zone for zone in zones if not is_zone(zone)}
        self._drop(set(claimed) - {one.row for one in ready} - set(found.unreadable))
        for row in found.unreadable:
            log.error("subscriber cannot be read", subscriber=row)
            self.done.failed += self._put_off(row)
        self._left_out.add("template", self._settings.templates.broken, is_told=True)
        self._left_out.keep(self._database, now=self._now)
        for first in range(0, len(drafts), TOGETHER):
            if stopping():
                return
            self._fix_together(drafts[first : first + TOGETHER])

    def _press(self, conn: Connection, known: Talk, some: Sequence[Subscriber]) -> Press:
        settings, rows = self._settings, [one.row for one in some]
        desk = Desk(conn, some, known, order=settings.order, lookback=settings.lookback)
        return Press(
            desk, self._writer, settings, self._outlook, self._now, self._left_out,
            wishes=_wishes(conn, rows, settings, self._now),
            suppressed=store_due.suppressed(conn, rows, now=self._now),
            news=happenings(conn, some, self._happened_of_late(conn)),
        )  # fmt: skip

    def _happened_of_late(self, conn: Connection) -> Recent:
        if self._happened is None:
            self._happened = store_events.recent(conn, now=self._now)
        return self._happened

    def _drop(self, rows: Collection[int]) -> None:
        """Plan nothing any more for some who left, or were deleted."""
        if rows:
            with self._database.sharing() as conn:
                store_planned.drop(conn, sorted(rows), owner=self._owner)

    def _fix_together(self, drafts: Sequence[tuple[Subscriber, Draft]]) -> None:
        """Fix some digests in one transaction; where one cannot be, each in its own."""
        try:
            with self._database.sharing() as conn:
                ends = [self._fix(conn, subscriber, draft) for subscriber, draft in drafts]
        except NOT_NOW:
            raise
        except Exception:  # of one digest: it must not stop the others'
            ends = [self._fix_alone(subscriber, draft) for subscriber, draft in drafts]
        for (subscriber, _), end in zip(drafts, ends, strict=True):
            if end and end != "taken":
                setattr(self.done, end, getattr(self.done, end) + 1)
            if end and end != "unmatched":
                self._ours.discard(subscriber.row)

    def _fix_alone(self, subscriber: Subscriber, draft: Draft) -> _End:
        try:
            with self._database.sharing() as conn:
                return self._fix(conn, subscriber, draft)
        except NOT_NOW:
            raise
        except Exception as error:
            if not self._put_off(subscriber.row, subscriber):
                return None
            log.exception("digest could not be made", subscriber=subscriber.row, exc_info=error)
            return "failed"

    def _put_off(self, row: int, drafted: Subscriber | None = None) -> bool:
        """Have a digest that cannot be written tried again in a while; whether it is ours still."""
        with self._database.sharing() as conn:
            later = self._now + TRY_AGAIN
            is_ours = store_planned.put_off(conn, row, drafted, owner=self._owner, to=later)
            if is_ours:
                store_left_out.note(conn, "subscriber", [row], now=self._now)
            return is_ours

    def _fix(self, conn: Connection, subscriber: Subscriber, draft: Draft) -> _End:
        """Fix a digest, or say that there is none now; return what to count."""
        if isinstance(draft, Exception):
            raise draft
        if draft is None:
            return "unmatched"
        if not store_planned.end(conn, subscriber, owner=self._owner):
            return None
        if isinstance(draft, datetime):
            store_due.move(conn, [(subscriber.row, draft)])
            return "paused"
        is_new = store_digests.fix(conn, draft)
        if summary := self._summaries.get(subscriber.row):
            store_digests.fix(conn, summary)
        if not is_new:
            return "taken"
        return "made" if draft.papers or draft.told else "nothing"


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


def _wishes(
    conn: Connection, rows: Sequence[int], settings: ComposeSettings, now: datetime
) -> Mapping[int, Sequence[Wishes]]:
    since = now - settings.lookback - settings.weekly_life  # papers given back come that late
    return store_channels.wishes(conn, rows, services=settings.posts.services, since=since)
