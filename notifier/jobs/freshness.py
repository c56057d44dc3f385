"""How current each source is: noted while answers come in, judged when somebody asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from notifier.languages import Said
from notifier.papers.paper import Entry
from notifier.sources.freshness import (
    Freshness,
    Part,
    Reading,
    is_new_batch,
    is_replayed_batch,
    judge,
    part_of,
)
from notifier.sources.source import Request, Source
from notifier.storage import store_sources

# When each entry that a round showed was seen first, by part.
Tally = dict[str, list[datetime]]
# A failing source is asked again after this, then twice this, and so on up to its interval.
FAILED_SOURCE_WAIT = timedelta(minutes=10)
# One whose new papers are due and not here is asked again after this: digests wait for them.
AWAITED_SOURCE_WAIT = timedelta(minutes=20)
WAITED_FOR = timedelta(hours=24)


def readings(conn: Connection) -> dict[str, Reading]:
    """Return how each source was read, by name."""
    parts = store_sources.parts(conn)
    return {
        one.name: Reading(
            one.last_attempt_at,
            one.last_success_at,
            one.failures,
            one.error,
            one.paused_at,
            tuple(Part(**part) for part in parts.get(one.name, ())),
        )
        for one in store_sources.health(conn)
    }


def freshness(
    conn: Connection, sources: Iterable[tuple[Source, timedelta]], *, now: datetime
) -> dict[str, Freshness]:
    """Return the state of sources, each given with how often it is asked."""
    known = readings(conn)
    return {
        source.name: judge(known.get(source.name, Reading()), source.rhythm, now=now, grace=every)
        for source, every in sources
    }


def awaited(state: Freshness, *, now: datetime) -> bool:
    """Return whether a digest should wait: papers are due, not here, and likely to come.

    Not for long (it may be a holiday), and not for one that has missed the batch before, too: it
    may be gone for good.
    """
    if not state.missing or state.gone or state.next_due is None or state.due is None:
        return False
    return now - state.due < WAITED_FOR


def missing_note(name: str, state: Freshness) -> Said | None:
    """Return what a digest says of a source whose papers were due and are not here; else None."""
    if not state.missing or state.next_due is None:
        return None
    day = state.since.date() if state.since else None
    match state.state, day:
        case "failing", None:
            return Said("%(source)s cannot be read", source=name)
        case "failing", day:
            return Said("%(source)s cannot be read since %(day)s", source=name, day=day)
        case _, None:
            return Said("%(source)s has shown nothing new", source=name)
        case _:
            return Said("%(source)s has shown nothing new since %(day)s", source=name, day=day)


def is_due(reading: Reading, source: Source, *, every: timedelta, now: datetime) -> bool:
    """Return whether to ask a source now.

    It was never asked, or long enough ago, or before a batch that is due since, or later than now
    (the clock was set back). One that failed, or whose new papers are awaited, is asked again
    sooner; a paused one not.
    """
    last = reading.last_attempt_at
    if reading.paused_at or last is None:
        return not reading.paused_at
    state = judge(reading, source.rhythm, now=now, grace=every)
    expected = source.rhythm.last(now)
    if expected and state.next_due and last < expected.due:
        return True
    wait = every
    if reading.failures:
        wait = min(wait, FAILED_SOURCE_WAIT * reading.failures)
    elif awaited(state, now=now):
        wait = min(wait, AWAITED_SOURCE_WAIT)
    return not timedelta(0) <= now - last < wait


def parts_of(conn: Connection, source: Source) -> dict[str, Part]:
    """Return what is known of a source's parts, by name."""
    kept = store_sources.parts(conn).get(source.name, ())
    return {part["name"]: Part(**part) for part in kept}


def note_answer(
    conn: Connection,
    source: Source,
    asked: Request,
    entries: Sequence[Entry],
    first_seen: Sequence[datetime],
    tally: Tally,
    *,
    now: datetime,
) -> None:
    """Note what an answer says about its parts; the answers of one round add up in `tally`."""
    for name in asked.parts:
        seen = tally.setdefault(name, [])
        seen += [
            when
            for entry, when in zip(entries, first_seen, strict=True)
            if name in part_of(entry.categories, asked.parts)
        ]
        again = sum(when < now for when in seen)
        values = {"answered_at": now, "entries": len(seen), "again": again}
        if is_new_batch(source.rhythm, seen, now=now):
            values |= {"batch_at": now, "usual": len(seen)}
        store_sources.note_part(conn, source.name, name, values, now=now)


def note_unchanged(conn: Connection, source: Source, asked: Request, *, now: datetime) -> None:
    """Note that a service says: still the same answer (304)."""
    for name in asked.parts:
        store_sources.note_part(conn, source.name, name, {"answered_at": now}, now=now)


def note_replay(
    conn: Connection, source: Source, announced: Counter[str], done: Iterable[str], *, now: datetime
) -> None:
    """Note the parts that the other route was read to its end for.

    Args:
        announced: How many papers, announced and not here before, it brought for each part.
    """
    known = parts_of(conn, source)
    for name in done:
        values = {"replayed_at": now}
        if is_replayed_batch(known.get(name, Part(name, now)), announced[name]):
            values["batch_at"] = now
        store_sources.note_part(conn, source.name, name, values, now=now)
