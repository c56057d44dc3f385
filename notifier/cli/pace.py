"""How sending is getting on: the mail server, destinations that wait, limits in use."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from notifier.delivery import limits
from notifier.delivery.standing import Standing
from notifier.delivery.waiting import Way
from notifier.jobs.delivering import memory
from notifier.jobs.delivering.values import Pace
from notifier.storage import store_pace

if TYPE_CHECKING:
    from notifier.app import App

_PER = {1: "second", 60: "minute", 3600: "hour", 86_400: "day"}
CURE = "notifier outbox resume"


def server_state(conn: Connection) -> dict[str, Any]:
    """Return whether the mail server is asked, and if not: why, until when, and the cure."""
    shut = memory.breaker(conn)
    if not shut.is_open:
        return {"state": "ok"}
    return {
        "state": "not asked",
        "cause": shut.cause,
        "since": shut.opened_at,
        "retry_at": shut.retry_at,
        "why": shut.reason,
        "cure": f"mend it, then: {CURE}",
    }


def stopped_destinations(conn: Connection, *, now: datetime) -> list[dict[str, Any]]:
    """Return the destinations that are paused or slow, with how many mails wait for each."""
    waiting = store_pace.waiting(conn)
    return [
        {
            "destination": one.destination,
            "state": one.state(now),
            "since": one.paused_at,
            "until": None if one.paused_at else one.slow_until,
            "waiting": waiting.get(one.destination, 0),
            "why": one.reason,
            "cure": f"{CURE} {one.destination}" if one.paused_at else "goes on by itself",
        }
        for one in memory.standings(conn)
        if one.state(now) != "open"
    ]


def limits_in_use(conn: Connection, pace: Pace, *, now: datetime) -> list[dict[str, Any]]:
    """Return each limit that is set, and how much of it is used now."""
    taken = store_pace.taken(conn, pace.limits)
    return [
        {
            "destination": scope or "mail server",
            "per": _PER[limit.seconds],
            "most": limit.most,
            "used": sum(limits.counted(taken.get((scope, limit.seconds), {}), limit, now).values()),
        }
        for scope, set_ in pace.limits.items()
        for limit in set_
    ]


class Ways:
    """What lies between each mail and its reader."""

    def __init__(self, conn: Connection, app: App) -> None:
        self._of = app.pace.destinations
        self._server = memory.breaker(conn)
        self._full = store_pace.server(conn).get("full_until")
        self._standings = {one.destination: one for one in memory.standings(conn)}
        self._ends = {row["name"]: row["full_until"] for row in store_pace.destinations(conn)}

    def to(self, address: str) -> Way:
        """Return what lies between a mail and its recipient."""
        name = self._of.of(address)
        ends = [end for end in (self._full, self._ends.get(name)) if end]
        stood = self._standings.get(name, Standing(name))
        return Way(self._server, stood, max(ends, default=None))

    def cures(self, addresses: Iterable[str]) -> list[str]:
        """Return what somebody can do for mails to these addresses, one line each."""
        to = {way.destination for way in map(self.to, addresses)}
        paused = sorted(one.destination for one in to if one.paused_at)
        lines = [f"{name} is paused: mend it, then {CURE} {name}" for name in paused]
        if to and self._server.is_open:
            lines.insert(0, f"the mail server is not asked: mend it, then {CURE}")
        return lines
