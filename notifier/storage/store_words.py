"""In how many papers each stem stands, by day: what inverse document frequency is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

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
