"""Go on with destinations and the mail server, since somebody says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from notifier.delivery import standing
from notifier.delivery.breaker import CLOSED
from notifier.jobs.delivering import memory
from notifier.storage import store_pace


@dataclass(frozen=True, slots=True)
class Resumed:
    """What goes on: a destination ("" is the mail server), and how many of its mails that were
    refused by policy are tried at once."""

    destination: str
    again: int = 0


def stopped(conn: Connection, *, now: datetime) -> list[str]:
    """Return what does not go on by itself, or not yet: destinations, and "" for the server."""
    found = [""] if memory.breaker(conn).is_open else []
    return found + [one.destination for one in memory.standings(conn) if one.state(now) != "open"]


def resume(conn: Connection, name: str, *, now: datetime) -> Resumed:
    """Forget what is held against a destination, or against the mail server ("")."""
    if not name:
        memory.keep_breaker(conn, CLOSED)
        return Resumed(name)
    memory.keep_standing(conn, standing.resumed(memory.standing(conn, name)))
    return Resumed(name, store_pace.try_refused_again(conn, name, now=now))
