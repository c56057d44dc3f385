"""In how many papers each stem stands, by day: what inverse document frequency is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, delete, func, select, true

from notifier.storage import tables as t
from notifier.storage.statements import add_counts

DAYS = 30
_CHUNK = 400
_LONGEST = 200  # characters; what is longer is no word, and no index takes it
_EVERY_PAPER = ""


def count(conn: Connection, papers: Iterable[tuple[datetime, Iterable[str]]]) -> None:
    """Add papers, each given as (first seen at (UTC), its distinct stems)."""
    counts: Counter[tuple[str, str]] = Counter()
    for first_seen_at, stems in papers:
        day = first_seen_at.date().isoformat()
        counts.update((day, stem) for stem in stems if len(stem) <= _LONGEST)
        counts[day, _EVERY_PAPER] += 1
    rows = [{"stem": stem, "day": day, "papers": n} for (day, stem), n in counts.items()]
    add_counts(conn, t.word, rows, "papers")


def statistics(
    conn: Connection, stems: Iterable[str], *, now: datetime
) -> tuple[int, dict[str, int]]:
    """Return (papers, {stem: papers with it}) over the last 30 days before `now`."""
    since = (now - timedelta(days=DAYS)).date().isoformat()
    wanted = sorted({*stems, _EVERY_PAPER})
    found: dict[str, int] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = (
            select(t.word.c.stem, func.sum(t.word.c.papers))
            .where(t.word.c.stem.in_(wanted[start : start + _CHUNK]), t.word.c.day >= since)
            .group_by(t.word.c.stem)
        )
        found.update({stem: int(papers) for stem, papers in conn.execute(query)})
    return found.pop(_EVERY_PAPER, 0), found


def count_old(conn: Connection, *, before: date) -> int:
    """Return how many rows are of days before one (UTC)."""
    old = select(func.count()).select_from(t.word).where(t.word.c.day < before.isoformat())
    return conn.scalar(old) or 0


def oldest(conn: Connection) -> datetime | None:
    """Return the first day that is known (UTC)."""
    first = conn.scalar(select(func.min(t.word.c.day)).where(t.word.c.stem == _EVERY_PAPER))
    return datetime.combine(date.fromisoformat(first), time.min, UTC) if first else None


def forget_some(
    conn: Connection, *, before: date, after: str | None, limit: int
) -> tuple[int, str | None]:
    """Delete what is of days before one (UTC), of the stems behind `after` (None: from the first).

    Returns:
        How many rows, and up to which stem: at least `limit` rows were looked at. None at the end.
    """
    w = t.word.c
    behind = (w.stem > after) if after is not None else true()
    up_to = conn.scalar(select(w.stem).where(behind).order_by(w.stem, w.day).offset(limit).limit(1))
    within = (w.stem <= up_to) if up_to is not None else true()
    gone = delete(t.word).where(behind, within, w.day < before.isoformat())
    return conn.execute(gone).rowcount, up_to
