"""What is known of each source: health, how current its parts are, and the validators of its
last committed answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from notifier.storage import tables as t
from notifier.storage.statements import put

# Made once: each pass asks them.
_HEALTH = select(t.source).order_by(t.source.c.name)
_PARTS = select(t.source_part).order_by(t.source_part.c.source, t.source_part.c.part)
_LONGEST_URL = 2_400  # bytes; an index takes little more, and what is longer is asked once


@dataclass(frozen=True, slots=True)
class Health:
    """How a source did. `failures` counts those since the last success; counts are the last's.

    `error` says why it failed; without failures it is a warning.
    """

    name: str
    kind: str
    last_attempt_at: datetime | None = None
    last_success_at: datetime | None = None
    failures: int = 0
    error: str | None = None
    seen: int = 0
    new: int = 0
    rejected: int = 0
    paused_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Validators:
    """What makes a GET conditional (RFC 9110, 13.1): entity tag and date of the last answer."""

    etag: str | None = None
    last_modified: str | None = None


def health(conn: Connection) -> list[Health]:
    """Return what is known of each source, by name."""
    return [Health(**row._asdict()) for row in conn.execute(_HEALTH)]


def succeeded(
    conn: Connection,
    name: str,
    kind: str,
    *,
    counts: tuple[int, int, int],
    warning: str | None = None,
    now: datetime,
) -> None:
    """Record a round that was read and committed.

    `counts` are (seen, new, rejected); those of the last round with entries are kept when this
    one had none, as a 304 has.
    """
    row = {
        "name": name, "kind": kind, "last_attempt_at": now, "last_success_at": now,
        "failures": 0, "error": warning[:500] if warning else None,
    }  # fmt: skip
    known = conn.scalar(select(t.source.c.name).where(t.source.c.name == name))
    if counts[0] or known is None:
        row |= dict(zip(("seen", "new", "rejected"), counts, strict=True))
        put(conn, t.source, row)
    else:
        conn.execute(update(t.source).where(t.source.c.name == name).values(row))


def failed(conn: Connection, name: str, kind: str, error: str, *, now: datetime) -> int:
    """Record a failure; return how many there were since the last success."""
    before = conn.execute(select(t.source).where(t.source.c.name == name)).one_or_none()
    failures = (before.failures if before else 0) + 1
    row = before._asdict() if before else {"name": name, "seen": 0, "new": 0, "rejected": 0}
    put(
        conn,
        t.source,
        row | {"kind": kind, "last_attempt_at": now, "failures": failures, "error": error[:500]},
    )
    return failures


def pause(conn: Connection, name: str, kind: str, *, at: datetime | None) -> bool:
    """Pause a source, or (None) let it go on; False when it was so already."""
    known = {one.name: one for one in health(conn)}.get(name)
    if bool(known and known.paused_at) == bool(at):
        return False
    if known is None:
        put(conn, t.source, {"name": name, "kind": kind, "failures": 0, "seen": 0, "new": 0,
                             "rejected": 0, "paused_at": at})  # fmt: skip
    else:
        conn.execute(update(t.source).where(t.source.c.name == name).values(paused_at=at))
    return True


def parts(conn: Connection) -> dict[str, list[dict[str, Any]]]:
    """Return what is known of the parts of each source: the fields of `freshness.Part`."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in conn.execute(_PARTS):
        values = row._asdict()
        source, name = values.pop("source"), values.pop("part")
        found.setdefault(source, []).append({"name": name, **values})
    return found


def note_part(
    conn: Connection, source: str, name: str, values: Mapping[str, Any], *, now: datetime
) -> None:
    """Write what has just been learnt of a part."""
    here = (t.source_part.c.source == source) & (t.source_part.c.part == name)
    if not conn.execute(update(t.source_part).where(here).values(**values)).rowcount:
        fresh = {
            "source": source,
            "part": name,
            "known_since": now,
            "entries": 0,
            "again": 0,
            "usual": 0,
        }
        put(conn, t.source_part, fresh | dict(values))


def forget_parts(conn: Connection, source: str, *, but: set[str]) -> None:
    """Forget the parts that a source no longer has, so that nobody waits for them."""
    gone = (t.source_part.c.source == source) & t.source_part.c.part.not_in(but)
    conn.execute(delete(t.source_part).where(gone))


def validators(conn: Connection, url: str) -> Validators:
    """Return the validators of the last committed answer of `url`."""
    row = conn.execute(select(t.http_cache).where(t.http_cache.c.url == url)).one_or_none()
    return Validators(row.etag, row.last_modified) if row else Validators()


def keep_validators(conn: Connection, url: str, kept: Validators, *, now: datetime) -> None:
    """Keep an answer's validators, in the transaction that commits its papers."""
    if len(url.encode()) > _LONGEST_URL:
        return
    put(
        conn,
        t.http_cache,
        {"url": url, "etag": kept.etag, "last_modified": kept.last_modified, "fetched_at": now},
    )


def forget_validators(conn: Connection, *, before: datetime) -> None:
    """Forget addresses that nobody has asked for a long time (those with a date in them)."""
    conn.execute(delete(t.http_cache).where(t.http_cache.c.fetched_at < before))
