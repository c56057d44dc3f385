"""What the database holds, as numbers, read when somebody asks.

What an index answers is read each time; counts of whole tables every five minutes, and of a queue
the less often the longer it is. What came since this process began to count is added up from one
question to the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import get_args

from sqlalchemy import Connection

from notifier.jobs.alerting.troubles import Kind
from notifier.jobs.alerting.watch import lasting
from notifier.jobs.delivering import memory
from notifier.metrics.samples import Named, Sample
from notifier.sources.freshness import State
from notifier.storage import (
    store_metrics,
    store_overview,
    store_papers,
    store_planned,
    store_sources,
    store_subscribers,
    store_watch,
)
from notifier.storage.database import Database
from notifier.storage.store_metrics import Rows, Waiting

COUNTED_EVERY_SECONDS = 300.0
OTHER_DESTINATIONS = 20
# What is counted in a hundredth of a second is counted again after ten.
QUEUE_KEPT_TIMES = 1000
# Attempts that are counted at a time: some ten milliseconds. What is more is counted the next time.
AT_ONCE = 10_000
# Whoever has been due for longer waits for something else than the next run.
OVERDUE_WITHIN = timedelta(days=1)
# What is told of even where there is none.
_PROCESSES = ("scheduler", "standby", "runs", "silent")
_PEOPLE = ("active", "pending", "left")
_MAILS = ("pending", "claimed", "sent", "failed", "expired", "dropped", "held")

States = Callable[[datetime], Mapping[str, str]]


class Numbers:
    """The numbers of one database, for one who asks at a time.

    Args:
        states: Returns the state of each source that is asked.
        processes: Returns how many processes on the database are in which state.
        known: Destinations that always have a name of their own.
        seconds: A clock that nobody sets.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        states: States,
        processes: Callable[[], Mapping[str, int]],
        known: Collection[str],
        seconds: Callable[[], float],
    ) -> None:
        self._database, self._clock, self._states = database, clock, states
        self._processes, self._known, self._seconds = processes, known, seconds
        self._lock = Lock()
        self._rows: Rows | None = None
        self._named = Named(known, (), others=OTHER_DESTINATIONS)
        self._totals: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self._counted: list[Sample] = []
        self._counted_at = 0.0
        self._queue: Mapping[str, Waiting] = {}
        self._planned = 0
        self._queue_until = 0.0

    def samples(self) -> list[Sample]:
        """Return all of them, as of now."""
        now = self._clock()
        states = self._states(now)
        running = dict.fromkeys(_PROCESSES, 0) | dict(self._processes())
        with self._lock, self._database.reading() as conn:
            found = [*self._sources(conn, states), *self._queues(conn, now)]
            found += [("processes", (state,), number) for state, number in running.items()]
            found += [*self._sending(conn), *self._since(conn), *self._whole(conn, now)]
        return found

    def _sources(self, conn: Connection, states: Mapping[str, str]) -> Iterator[Sample]:
        health = {one.name: one for one in store_sources.health(conn)}
        for name, state in states.items():
            for one in get_args(State):
                yield "source_state", (name, one), float(one == state)
            known = health.get(name) or store_sources.Health(name, "")
            yield "source_failures", (name,), known.failures
            stamp = _stamp(known.last_success_at)
            yield "source_last_success_timestamp_seconds", (name,), stamp

    def _queues(self, conn: Connection, now: datetime) -> Iterator[Sample]:
        for state, found in self._waiting(conn).items():
            yield "outbox_mails", (state,), found.mails
            yield "outbox_oldest_seconds", (state,), _age(found.oldest, now)
        yield "digests_planned", (), self._planned
        yield "letters_waiting", (), store_metrics.letters_waiting(conn)
        due = store_watch.overdue_since(conn, now - OVERDUE_WITHIN, now=now)
        yield "digest_overdue_seconds", (), _age(due, now)
        made = store_metrics.last_made(conn)
        yield "digest_last_made_timestamp_seconds", (), _stamp(made)
        sent = store_watch.last_sent(conn, now=now)
        yield "delivery_last_sent_timestamp_seconds", (), _stamp(sent)

    def _waiting(self, conn: Connection) -> Mapping[str, Waiting]:
        begun = self._seconds()
        if not self._queue or begun >= self._queue_until:
            self._queue, self._planned = store_metrics.waiting(conn), store_planned.count(conn)
            now = self._seconds()
            self._queue_until = now + QUEUE_KEPT_TIMES * (now - begun)
        return self._queue

    def _sending(self, conn: Connection) -> Iterator[Sample]:
        yield "mail_server_asked", (), float(not memory.breaker(conn).is_open)
        now = self._clock()
        states = Counter(one.state(now) for one in memory.standings(conn))
        for state in ("slow", "paused"):
            yield "destinations_stopped", (state,), states[state]
        kinds = Counter(alert.kind for alert in lasting(conn))
        for kind in get_args(Kind):
            yield "alerts", (kind,), kinds[kind]

    def _since(self, conn: Connection) -> Iterator[Sample]:
        """What came since this process began to count: with the first question."""
        if self._rows is None:
            most = store_metrics.most_used(conn, limit=OTHER_DESTINATIONS + len(self._known))
            self._named = Named(self._known, most, others=OTHER_DESTINATIONS)
            self._rows = store_metrics.last_rows(conn)
            self._totals["papers_new_total", ()] = 0
        news = store_metrics.news(conn, self._rows, limit=AT_ONCE)
        self._rows = news.last
        self._totals["papers_new_total", ()] += news.papers
        for outcome, number in news.digests.items():
            self._totals["digests_total", (outcome,)] += number
        for (outcome, to), number in news.attempts.items():
            label = (outcome, self._named.label(to))
            self._totals["delivery_attempts_total", label] += number
        for kind, number in news.bounces.items():
            self._totals["bounces_total", (kind,)] += number
        for (name, labels), number in self._totals.items():
            yield name, labels, number

    def _whole(self, conn: Connection, now: datetime) -> list[Sample]:
        """Counts of whole tables, as they were at most five minutes ago."""
        at = self._seconds()
        if not self._counted or at - self._counted_at >= COUNTED_EVERY_SECONDS:
            self._counted, self._counted_at = list(_counts(conn, now)), at
        return self._counted


def _counts(conn: Connection, now: datetime) -> Iterator[Sample]:
    yield "papers_stored", (), store_papers.count(conn)
    yield "suppressed_addresses", (), store_overview.suppressed(conn, now=now)
    yield "database_size_bytes", (), store_metrics.size_bytes(conn)
    people = dict.fromkeys(_PEOPLE, 0) | store_subscribers.counts(conn)
    mails = dict.fromkeys(_MAILS, 0) | store_metrics.deliveries(conn)
    yield from (("subscribers", (state,), number) for state, number in people.items())
    yield from (("deliveries", (state,), number) for state, number in mails.items())


def _stamp(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def _age(at: datetime | None, now: datetime) -> float:
    return max((now - at).total_seconds(), 0.0) if at else 0.0
