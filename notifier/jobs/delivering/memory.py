"""What is remembered of destinations and of the mail server, as the values that decide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from notifier.delivery.breaker import Breaker, Failure
from notifier.delivery.standing import Refusal, Standing
from notifier.storage import store_pace
from notifier.storage.database import must_be_alone


def standing(conn: Connection, destination: str) -> Standing:
    """Return how we stand with a destination."""
    row = store_pace.destination(conn, destination)
    return _standing(row) if row else Standing(destination)


def standings(conn: Connection) -> list[Standing]:
    """Return how we stand with all destinations that have a queue of their own, by name."""
    return [_standing(row) for row in store_pace.destinations(conn)]


def _standing(row: Mapping[str, Any]) -> Standing:
    return Standing(
        destination=row["name"],
        paused_at=row["paused_at"],
        slow_until=row["slow_until"],
        step=row["step"],
        refusals=tuple(Refusal(key, datetime.fromisoformat(at)) for key, at in row["refusals"]),
        taken_at=row["taken_at"],
        reason=row["reason"],
    )


def keep_standing(conn: Connection, one: Standing) -> None:
    """Remember how we stand with a destination; what was known must still be so."""
    must_be_alone(conn)
    store_pace.put_destination(
        conn,
        one.destination,
        paused_at=one.paused_at,
        slow_until=one.slow_until,
        step=one.step,
        taken_at=one.taken_at,
        refusals=[[refusal.key, refusal.at.isoformat()] for refusal in one.refusals],
        reason=one.reason,
    )


def breaker(conn: Connection) -> Breaker:
    """Return whether the mail server is asked."""
    row = store_pace.server(conn)
    if not row:
        return Breaker()
    failures = (Failure(cause, to, datetime.fromisoformat(at)) for cause, to, at in row["failures"])
    return Breaker(
        cause=row["cause"],
        reason=row["reason"],
        opened_at=row["opened_at"],
        retry_at=row["retry_at"],
        step=row["step"],
        failures=tuple(failures),
    )


def keep_breaker(conn: Connection, one: Breaker) -> None:
    """Remember whether the mail server is asked; what was known must still be so."""
    must_be_alone(conn)
    store_pace.put_server(
        conn,
        cause=one.cause,
        reason=one.reason,
        opened_at=one.opened_at,
        retry_at=one.retry_at,
        step=one.step,
        failures=[[f.cause, f.destination, f.at.isoformat()] for f in one.failures],
    )
