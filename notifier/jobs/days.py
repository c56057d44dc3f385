"""All papers of a day, a week or a month: who is talked about first, then the newest.

What was worked out is kept for a minute: a page is opened more often than papers come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from threading import Lock

from sqlalchemy import Connection

from notifier.jobs.talk import SIGNAL_DAYS
from notifier.latest import Latest
from notifier.papers.paper import Paper
from notifier.profiles.matching.values import category_fits
from notifier.ranking.order import ties
from notifier.ranking.periods import Period
from notifier.ranking.trending import trends_of
from notifier.storage import paper_facts, store_news, store_papers, store_signals
from notifier.storage.database import Database
from notifier.storage.paper_facts import Facts

KEPT_PERIODS = 32
KEPT_FOR = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Arranged:
    """The papers of a period in order, with trends in [0, 1] by row, as worked out `at` then.

    `fields` counts the papers of each category. `before` and `after` are the next days that have
    papers (UTC dates), None where there are none.
    """

    papers: Sequence[Facts]
    trends: Mapping[int, float]
    fields: Mapping[str, int]
    before: date | None
    after: date | None
    at: datetime

    def of_field(self, field: str) -> list[int]:
        """Return the rows of the papers of a category, as a rule `cat:` takes it; "": of all."""
        return [
            one.row
            for one in self.papers
            if not field or any(category_fits(field, own) for own in one.categories)
        ]

    def load(self, conn: Connection, rows: Sequence[int]) -> list[Paper]:
        """Return papers with their trends, in this order."""
        found = {paper.row: paper for paper in store_papers.load(conn, rows)}
        return [replace(found[row], trend=self.trends.get(row)) for row in rows if row in found]


class Days:
    """The papers of periods of one database, those asked for of late kept."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock
        self._kept = Latest[tuple[object, ...], Arranged](KEPT_PERIODS)
        self._lock = Lock()  # pages are made side by side

    def newest(self) -> date | None:
        """Return the last day (UTC) that has papers, today at most; None without papers."""
        with self._database.reading() as conn:
            seen = store_news.newest(conn)
        return min(seen, self._clock()).date() if seen else None

    def of(self, period: Period) -> Arranged:
        """Return the papers first seen in a calendar's period."""
        now, key = self._clock(), (period.by, period.begins)
        with self._lock:
            known = self._kept.get(key)
        if known is not None and timedelta(0) <= now - known.at < KEPT_FOR:
            return known
        with self._database.reading() as conn:
            found = arranged(conn, period, at=now)
        with self._lock:
            return self._kept.put(key, found)


def arranged(conn: Connection, period: Period, *, at: datetime) -> Arranged:
    """Return the papers of a period, by trend as of its end, then by date, then by id."""
    facts = list(paper_facts.within(conn, period.begins, period.ends))
    within = max(SIGNAL_DAYS, period.as_of - period.begins)
    series = store_signals.talked_about(conn, now=period.as_of, within=within)
    known = trends_of(series, now=period.as_of)
    trends = dict(zip(series.rows.tolist(), known.tolist(), strict=True))
    before, after = paper_facts.seen_around(conn, period.begins, period.ends)
    return Arranged(
        papers=sorted(
            facts, key=lambda one: (-trends.get(one.row, -1.0), *ties(one.newest, one.id))
        ),
        trends={one.row: trends[one.row] for one in facts if one.row in trends},
        fields=Counter(category for one in facts for category in one.categories),
        before=before.date() if before else None,
        after=after.date() if after else None,
        at=at,
    )
