"""What was passed over and rises of late, for some subscribers as of one moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection

from notifier.jobs.talk import Talk
from notifier.ranking.rising import WINDOW, Rise
from notifier.storage import store_digests

_HOUR = timedelta(hours=1)
_DAY = WINDOW // _HOUR


@dataclass(frozen=True, slots=True)
class Passed:
    """What may come late to a subscriber: of papers numbered behind `after` those that rise.

    `rising`: by row what rose since their last digest, or in the last day. `after` is None where
    nothing was passed over yet.
    """

    after: int | None
    rising: Mapping[int, list[Rise]]

    def has(self, row: int, number: int) -> bool:
        """Return whether a paper that is no news may come."""
        return self.after is not None and number > self.after and row in self.rising


class Risers:
    """What may come late to some subscribers, of papers first seen `since` then (UTC)."""

    def __init__(
        self, conn: Connection, subscribers: Collection[int], talk: Talk, *, since: datetime
    ) -> None:
        self._now = talk.now
        self._considered = store_digests.considered(conn, subscribers, since=since, before=talk.now)
        self._rising = cache(lambda hours: talk.rising(window=hours * _HOUR, since=since))
        self.rows = frozenset(row for one in subscribers for row in self.of(one).rising)

    def of(self, subscriber: int) -> Passed:
        """Return what may come late to a subscriber."""
        known = self._considered.get(subscriber)
        if known is None:
            return Passed(None, self._rising(_DAY))
        hours = -((known.at - self._now) // _HOUR)  # begun hours count: few windows for many
        return Passed(known.after, self._rising(max(hours, _DAY)))
