"""A discrete simulation of a day: digests become due, are planned, written, sent.

One scheduler plans what is due at every tick, in shards; workers, each with one core, write shards
a few mails at a time and send over their connections; every claim and every bundle of written
mails takes its turn at the ledger, of which there are `ledgers`. Everything that takes time is
deterministic; what is random was drawn before from a seed. Times are seconds of the day.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from day_relay import Relay

from notifier.config_engine import Engine

FAILED_CONNECTION_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Works:
    """What takes how long, and how many there are of each; times in milliseconds of one core."""

    workers: int = 2
    connections: int = 4  # of each worker
    tick_seconds: float = 30.0
    shard: int = Engine().shard
    plan_ms: float = 0.0
    together: int = 20  # mails written down in one transaction
    write_ms: float = 0.0
    send_ms: float = 0.0
    fix_ledger_ms: float = 0.0
    send_ledger_ms: float = 0.0
    ledgers: int = 1  # transactions beside each other
    latency_seconds: float = 0.05


@dataclass(frozen=True, slots=True)
class Batch:
    """New papers: `due` by the source's calendar, here at `arrives`, matched at `matched`.

    Digests wait for them, at most `wait_seconds` behind their time.
    """

    due: float = 0.0
    arrives: float = 0.0
    matched: float = 0.0
    wait_seconds: float = 3600.0


@dataclass(slots=True)
class Busy:
    """Seconds of work."""

    scheduler: float = 0.0
    ledger: float = 0.0
    wire: float = 0.0
    workers: list[float] = field(default_factory=list)


class Day:
    """One day of the mails that are due at `due` (sorted)."""

    def __init__(self, due: np.ndarray[Any, Any], relay: Relay, works: Works, batch: Batch) -> None:
        self.due, self.relay, self.works, self.batch = due, relay, works, batch
        self.planned, self.written, self.handed = (np.full(len(due), np.nan) for _ in range(3))
        self.busy = Busy(workers=[0.0] * works.workers)
        self.samples: list[tuple[float, int]] = []  # how many were due and not handed over
        self._events: list[tuple[float, int, str, Any]] = []
        self._number = self._next = self._done = 0
        self._shards: deque[deque[int]] = deque()
        self._writing = [False] * works.workers
        self._core, self._loop = [0.0] * works.workers, [0.0] * works.workers
        self._ledger = [0.0] * works.ledgers
        self._idle = [w for _ in range(works.connections) for w in range(works.workers)]
        self._deferred, self._wakes_at = 0, float("inf")

    def run(self, until: float) -> Day:
        """Let the day pass up to `until`, or until nothing is left to do."""
        self._at(0.0, "plan")
        self._at(0.0, "sample")
        while self._events and self._events[0][0] <= until:
            now, _, kind, what = heapq.heappop(self._events)
            getattr(self, f"_{kind}")(now, what)
        return self

    def inside(self) -> dict[str, int]:
        """Return how many mails are where."""
        shards = sum(map(len, self._shards))
        in_work = sum(
            len(what[1]) + len(what[2])
            for _, _, kind, what in self._events
            if kind in ("made", "wrote")
        )
        released = sum(len(what) for _, _, kind, what in self._events if kind == "shard")
        return {
            "not due or waiting": len(self.due) - self._next,
            "planned": shards + in_work + released,
            "outbox": self.relay.waiting(),
            "deferred": self._deferred,
            "handed over": self._done,
        }

    def _at(self, time: float, kind: str, what: Any = None) -> None:
        self._number += 1
        heapq.heappush(self._events, (time, self._number, kind, what))

    # The scheduler.

    def _plan(self, now: float, _: object) -> None:
        last = int(np.searchsorted(self.due, self._goes(now), side="right"))
        took, at = 1e-3 * self.works.plan_ms, now
        for shard in self._cut(self._next, last):
            at += took * len(shard)
            self.planned[shard.start : shard.stop] = at
            self._at(at, "shard", deque(shard))
        self._next = max(self._next, last)
        self.busy.scheduler += at - now
        if self._next < len(self.due):
            # A tick's second has nothing to do with the minutes that people choose.
            tick, phase = self.works.tick_seconds, self.works.tick_seconds / 2
            soonest = max(at, now + tick / 2, self._due_next(now))
            self._at(-(-(soonest - phase) // tick) * tick + phase, "plan")

    def _goes(self, now: float) -> float:
        """Up to which time digests go: none while papers are matched, fewer while some are late."""
        if self.batch.arrives <= now < self.batch.matched:
            return -1.0
        is_late = self.batch.due <= now < self.batch.arrives
        return now - self.batch.wait_seconds if is_late else now

    def _due_next(self, now: float) -> float:
        return float(self.due[self._next]) if self.batch.matched <= now else now

    def _cut(self, first: int, last: int) -> Iterator[range]:
        for start in range(first, last, self.works.shard):
            yield range(start, min(start + self.works.shard, last))

    # Workers that write.

    def _shard(self, now: float, shard: deque[int]) -> None:
        self._shards.append(shard)
        for worker in range(self.works.workers):
            if not self._writing[worker] and self._shards:
                self._writing[worker] = True
                self._write(now, (worker, self._shards.popleft()))

    def _write(self, now: float, what: tuple[int, deque[int]]) -> None:
        worker, shard = what
        mails = [shard.popleft() for _ in range(min(self.works.together, len(shard)))]
        done = self._compute(worker, now, self.works.write_ms * len(mails))
        self._at(done, "made", (worker, mails, shard))

    def _made(self, now: float, what: tuple[int, list[int], deque[int]]) -> None:
        self._at(self._turn(now, self.works.fix_ledger_ms * len(what[1])), "wrote", what)

    def _wrote(self, now: float, what: tuple[int, list[int], deque[int]]) -> None:
        worker, mails, shard = what
        self.written[mails] = now
        for mail in mails:
            self.relay.put(now, mail)
        self._send(now)
        shard = shard or (self._shards.popleft() if self._shards else shard)
        self._writing[worker] = bool(shard)
        if shard:
            self._write(now, (worker, shard))

    def _compute(self, worker: int, now: float, milliseconds: float) -> float:
        """Return when a worker's core is through with something that comes now."""
        took = 1e-3 * milliseconds
        self._core[worker] = max(now, self._core[worker]) + took
        self.busy.workers[worker] += took
        return self._core[worker]

    def _beside(self, worker: int, now: float, milliseconds: float) -> float:
        """The same for a mail that is sent: writing, in a thread of its own, gives way to it."""
        took = 1e-3 * milliseconds
        self._loop[worker] = max(now, self._loop[worker]) + took
        self._compute(worker, now, milliseconds)
        return self._loop[worker]

    def _turn(self, now: float, milliseconds: float) -> float:
        """Return when a transaction that wants to begin now is committed."""
        done = max(now, self._ledger[0]) + 1e-3 * milliseconds
        heapq.heapreplace(self._ledger, done)
        self.busy.ledger += 1e-3 * milliseconds
        return done

    # Workers that send.

    def _send(self, now: float, _: object = None) -> None:
        if now >= self._wakes_at:
            self._wakes_at = float("inf")
        while self._idle:
            found = self.relay.take(now)
            if found is None:
                self._wake(now)
                return
            self._put_on_wire(now, self._idle.pop(), *found)

    def _wake(self, now: float) -> None:
        """Look again when a limit ends."""
        opens = self.relay.opens_at(now)
        if opens is not None and now < opens < self._wakes_at:
            self._wakes_at = opens
            self._at(opens, "send")

    def _put_on_wire(self, now: float, worker: int, since: float, mail: int) -> None:
        begun = self._turn(now, self.works.send_ledger_ms)
        begun = self._beside(worker, begun, self.works.send_ms)
        if self.relay.is_down(begun):
            self._at(begun + FAILED_CONNECTION_SECONDS, "failed", (worker, mail, since))
            return
        self.busy.wire += self.works.latency_seconds
        self._at(begun + self.works.latency_seconds, "sent", (worker, mail))

    def _sent(self, now: float, what: tuple[int, int]) -> None:
        worker, mail = what
        again = self.relay.answered(now, mail, float(self.due[mail]))
        if again is None:
            self.handed[mail] = now
            self._done += 1
        else:
            self._deferred += 1
            self._at(again, "again", mail)
        self._idle.append(worker)
        self._send(now)

    def _again(self, now: float, mail: int) -> None:
        self._deferred -= 1
        self.relay.put(now, mail)
        self._send(now)

    def _failed(self, now: float, what: tuple[int, int, float]) -> None:
        worker, mail, since = what
        self.relay.failed(now, mail)
        self.relay.put_back(mail, since)
        self._at(now + self.works.tick_seconds, "joins", worker)
        self._wake(now)

    def _joins(self, now: float, worker: int) -> None:
        """A connection is free again: its run had ended with the mail server away."""
        self._idle.append(worker)
        self._send(now)

    def _sample(self, now: float, _: object) -> None:
        come = int(np.searchsorted(self.due, now, side="right"))
        self.samples.append((now, come - self._done))
        if self._done < len(self.due):
            self._at(now + 61.0, "sample")  # at each second of a minute in its turn
