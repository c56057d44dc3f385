"""What stands between a written mail and a server that takes it: limits, refusals, outages.

All of it is decided by the product: `delivery.limits` counts, `delivery.backoff` says when a mail
is tried again, `delivery.breaker` whether the mail server is asked. Times are seconds of the day.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from notifier.delivery import backoff, breaker, limits
from notifier.delivery.backoff import Tried
from notifier.delivery.breaker import CLOSED, Failure
from notifier.delivery.limits import Limit
from notifier.errors import SendError

DAY = datetime(2026, 12, 7, tzinfo=UTC)  # a Monday: most mails of all days
DAILY_LIFE = timedelta(hours=20)  # delivery.daily_hours
GREYLISTED = SendError("rcpt", 450, "4.7.1", "Greylisted")
DEFERRED = SendError("dot", 451, "4.3.0", "Try again later")


def moment(seconds: float) -> datetime:
    """Return a time of the day as the product's modules want it."""
    return DAY + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where mails go: `share` is a weight, `greylisted` and `deferred` shares of first tries.

    `connections`: most mails on the wire at a time; 0: as many as there are.
    """

    name: str
    share: float
    greylisted: float = 0.0
    deferred: float = 0.0
    connections: int = 0
    limits: tuple[Limit, ...] = ()


class Gate:
    """The limits of one scope, with what was taken."""

    def __init__(self, of: Sequence[Limit]) -> None:
        self._limits = [(limit, dict[int, int]()) for limit in of]

    def full_until(self, now: float) -> float:
        """Return from when on there is room for one more; `now` or before: there is."""
        end = 0.0
        for number, (limit, taken) in enumerate(self._limits):
            at = moment(now)
            if limit.part(at) not in taken:
                taken = limits.counted(taken, limit, at)
                self._limits[number] = limit, taken
            if opens := limits.full_until(taken, limit, at):
                end = max(end, (opens - DAY).total_seconds())
        return end

    def count(self, now: float) -> None:
        """Count a mail."""
        for limit, taken in self._limits:
            part = limit.part(moment(now))
            taken[part] = taken.get(part, 0) + 1


@dataclass(slots=True)
class Queue:
    """Mails that wait for a destination, oldest first, and its limits."""

    of: Destination
    gate: Gate
    waiting: deque[tuple[float, int]] = field(default_factory=deque)
    on_wire: int = 0
    closed_until: float = 0.0

    def is_open(self, now: float) -> bool:
        """Whether a mail of it may go now."""
        if not self.waiting or self.closed_until > now:
            return False
        if self.of.connections and self.on_wire >= self.of.connections:
            return False
        if self.of.limits:
            self.closed_until = self.gate.full_until(now)
        return self.closed_until <= now


class Relay:
    """The mail server as senders meet it: down from `down[0]` to `down[1]`, else it takes mails."""

    def __init__(
        self,
        destinations: Sequence[Destination],
        where: np.ndarray[Any, Any],
        *,
        server: Sequence[Limit] = (),
        down: tuple[float, float] = (0.0, 0.0),
        seed: int = 0,
    ) -> None:
        self.queues = [Queue(one, Gate(one.limits)) for one in destinations]
        self.where = where.tolist()
        self._server, self._has_limits = Gate(server), bool(server)
        self._down, self._breaker = down, CLOSED
        self._tries: dict[int, int] = {}
        self._trial = -1  # the mail by which is seen whether the server is there again
        drawn = np.random.default_rng([seed, 3]).random(len(where))
        grey = np.array([one.greylisted for one in destinations])[where]
        other = np.array([one.deferred for one in destinations])[where]
        self._refuses = np.select([drawn < grey, drawn < grey + other], [1, 2]).tolist()

    def put(self, now: float, mail: int) -> None:
        """A mail may go from now on."""
        self.queues[self.where[mail]].waiting.append((now, mail))

    def put_back(self, mail: int, since: float) -> None:
        """The mail server took nothing; the mail is the first again."""
        queue = self.queues[self.where[mail]]
        queue.on_wire -= 1
        queue.waiting.appendleft((since, mail))

    def take(self, now: float) -> tuple[float, int] | None:
        """Return the mail that waits longest among those that may go; None: none may."""
        if self._breaker.is_open and not self._breaker.tries(moment(now)):
            return None
        if self._has_limits and self._server.full_until(now) > now:
            return None
        waiting = [queue for queue in self.queues if queue.waiting]
        waiting.sort(key=lambda one: one.waiting[0])
        queue = next((one for one in waiting if one.is_open(now)), None)
        if queue is None:
            return None
        queue.on_wire += 1
        queue.gate.count(now)
        self._server.count(now)
        since, mail = queue.waiting.popleft()
        if self._breaker.is_open:  # nobody else meanwhile
            self._trial = mail
            self._breaker = breaker.reserved(self._breaker, until=moment(now + 900))
        return since, mail

    def opens_at(self, now: float) -> float | None:
        """Return when a mail that waits may go, as far as limits and the breaker tell."""
        if not any(queue.waiting for queue in self.queues):
            return None
        if self._breaker.is_open and self._breaker.retry_at:
            return (self._breaker.retry_at - DAY).total_seconds()
        ends = [one.closed_until for one in self.queues if one.waiting and one.closed_until > now]
        server = self._server.full_until(now)
        return min([*ends, *([server] if server > now else [])], default=None)

    def is_down(self, now: float) -> bool:
        """Whether a connection would fail."""
        return self._down[0] <= now < self._down[1]

    def failed(self, now: float, mail: int) -> None:
        """No connection could be made for a mail."""
        failure = Failure("connection", self.queues[self.where[mail]].of.name, moment(now))
        self._breaker = breaker.failed(
            self._breaker, failure, "no connection", now=moment(now), trial=mail == self._trial
        )

    def answered(self, now: float, mail: int, due: float) -> float | None:
        """The server judged a mail: return when it is tried again; None: it was taken."""
        self.queues[self.where[mail]].on_wire -= 1
        if not self._breaker.is_plain:
            self._breaker = CLOSED
        tries = self._tries.get(mail, 0) + 1
        if tries > 1 or not self._refuses[mail]:
            return None
        self._tries[mail] = tries
        error = GREYLISTED if self._refuses[mail] == 1 else DEFERRED
        tried = Tried(str(mail), tries, moment(due) + DAILY_LIFE)
        decided = backoff.decide(error, tried, now=moment(now)).not_before
        return (decided - DAY).total_seconds() if decided else now

    def waiting(self) -> int:
        """Return how many mails wait to be taken for sending, or are on the wire."""
        return sum(len(one.waiting) + one.on_wire for one in self.queues)


def destinations_of(
    shares: Mapping[str, float], *, addresses: int, latency_seconds: float
) -> list[Destination]:
    """Return destinations as a relay with so many IP addresses may use them.

    A provider that allows five connections from an address is sent at most what these carry at the
    latency, as a limit a minute. Source of the connections: KumoMTA's shaping.toml (Google and
    Outlook 5 connections with 50 mails each, Yahoo 20 mails a connection, default 10 connections),
    as docs of the delivery reference tell. Greylisting and deferrals: assumed.
    """
    per_address = {"google": 5, "microsoft": 5, "yahoo": 5, "apple": 10}
    found = []
    for name, share in shares.items():
        connections = per_address.get(name, 0) * addresses
        most = int(60 * connections / latency_seconds)
        found.append(
            Destination(
                name,
                share,
                greylisted=0.0 if connections else 0.04,
                deferred=0.005,
                limits=(Limit(60, most),) if connections else (),
            )
        )
    return found
