"""Is a quiet source quiet, or broken?

Pure. Judged by what answers held, never by the dates they bear: a service may serve yesterday's
papers under today's date. An entry that was seen before is of an old batch; a source whose
answers hold nothing but old entries after a new batch was due is stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from notifier.sources.rhythm import Expected, Rhythm

State = Literal["new", "fresh", "quiet", "late", "stale", "failing", "paused"]
NEEDS_CARE: tuple[State, ...] = ("late", "stale", "failing")
MEANING: dict[State, str] = {
    "new": "not asked yet",
    "fresh": "the newest batch is here",
    "quiet": "quiet as expected",
    "late": "a new batch was due and nothing has come",
    "stale": "it answers, but with the old batch",
    "failing": "it cannot be read",
    "paused": "paused by the operator",
}
FAILURES = 3  # so many in a row are no passing trouble
_FRESH_FOR = timedelta(hours=24)
_MOMENT = timedelta(seconds=1)
# A field with fewer papers in a batch may well have none in the next.
_SMALL_FIELD = 10
# A stale part is looked for on the other route again after this.
REPLAY_AGAIN = timedelta(hours=3)
# What the other route must bring, of the size of the last batch, to count as the new batch.
_REPLAYED_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of a part of a source (an arXiv category; `""` is the whole of others).

    `entries` were in its last answer, `again` of them had been seen before; `answered_at` is when
    that was, `batch_at` when something new came last (`usual` entries were in that answer),
    `replayed_at` when the other route was read to its end last.
    """

    name: str
    known_since: datetime
    answered_at: datetime | None = None
    batch_at: datetime | None = None
    entries: int = 0
    again: int = 0
    usual: int = 0
    replayed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """How a source was read: what storage keeps of it."""

    last_attempt_at: datetime | None = None
    last_success_at: datetime | None = None
    failures: int = 0
    error: str | None = None
    paused_at: datetime | None = None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Freshness:
    """What a source is, since when, why in words, and when its next batch is due.

    `missing` is true from the moment a batch is due until it is here, `due` is that moment;
    `gone` when the batch before it has not come either.
    """

    state: State
    since: datetime | None
    why: str
    next_due: datetime | None = None
    missing: bool = False
    due: datetime | None = None
    gone: bool = False


def judge(reading: Reading, rhythm: Rhythm, *, now: datetime, grace: timedelta) -> Freshness:
    """Return the state of a source.

    Args:
        now: Aware UTC.
        grace: How long after it is due a batch is not yet late: as often as the source is asked.
    """
    found = _judge(reading, rhythm, now=now, grace=grace)
    expected = rhythm.last(now)
    before = rhythm.last(expected.due - _MOMENT) if expected else None
    gone = found.missing and (found.since is None or bool(before and found.since < before.opens))
    due = expected.due if expected else None
    return replace(found, next_due=rhythm.next(now), due=due, gone=gone)


def _judge(reading: Reading, rhythm: Rhythm, *, now: datetime, grace: timedelta) -> Freshness:
    if reading.paused_at:
        return Freshness("paused", reading.paused_at, MEANING["paused"])
    if reading.last_attempt_at is None:
        return Freshness("new", None, MEANING["new"])
    expected = rhythm.last(now)
    lacking = [part for part in reading.parts if expected and _is_owed(part, expected)]
    current = len(lacking) < len(reading.parts)
    lacking = [part for part in lacking if part.entries or not current]  # a small field has none
    missing = bool(lacking)
    if reading.failures >= FAILURES or (reading.failures and reading.last_success_at is None):
        times = f"{reading.failures} times" if reading.failures > 1 else "once"
        why = f"failed {times}: {reading.error}"
        return Freshness("failing", reading.last_success_at, why, missing=missing or not current)
    if expected and missing and now >= expected.due + grace:
        return _behind(lacking, expected.opens)
    last = max((part.batch_at for part in reading.parts if part.batch_at), default=None)
    state: State = "fresh" if last and now - last < _FRESH_FOR else "quiet"
    return Freshness(state, last, reading.error or MEANING[state], missing=missing)


def _is_owed(part: Part, expected: Expected) -> bool:
    """Whether a part should have brought the batch and did not.

    Not one that we did not know yet when it was due, and not a small field without a paper: both
    routes have answered since, and neither has any.
    """
    if part.known_since > expected.due or not _lacks(part, expected.opens):
        return False
    if part.entries or part.usual >= _SMALL_FIELD:
        return True
    asked = min(part.answered_at or part.known_since, part.replayed_at or part.known_since)
    return asked < expected.due


def _lacks(part: Part, opens: datetime) -> bool:
    return part.batch_at is None or part.batch_at < opens


def _behind(parts: Sequence[Part], opens: datetime) -> Freshness:
    old = [part for part in parts if part.entries and part.answered_at and part.answered_at > opens]
    state: State = "stale" if old else "late"
    named = ", ".join(part.name for part in old or parts if part.name)
    since = max((part.batch_at for part in old or parts if part.batch_at), default=None)
    why = MEANING[state] + (f": {named}" if named else "")
    return Freshness(state, since, why, missing=True)


def is_new_batch(rhythm: Rhythm, first_seen: Sequence[datetime], *, now: datetime) -> bool:
    """Return whether an answer brought a batch that was not here before this round.

    Args:
        first_seen: When each entry of the answer was first seen; `now` or later: in this round.
    """
    fresh = sum(seen >= now for seen in first_seen)
    return fresh > 0 and fresh >= rhythm.share * len(first_seen)


def is_replayed_batch(part: Part, announced: int) -> bool:
    """Return whether so many announcements, found on the other route only, are the new batch."""
    return announced > 0 and announced >= _REPLAYED_SHARE * part.entries


def to_replay(parts: Sequence[Part], rhythm: Rhythm, *, now: datetime) -> list[str]:
    """Return the parts to be read on the other route now.

    Each once a batch, and those that still lack it again after a while.
    """
    expected = rhythm.last(now)
    if expected is None:
        return []
    return [part.name for part in parts if _replay_is_due(part, expected.opens, expected.due, now)]


def _replay_is_due(part: Part, opens: datetime, due: datetime, now: datetime) -> bool:
    if part.replayed_at is None or part.replayed_at < due:
        return True
    return _lacks(part, opens) and now - part.replayed_at >= REPLAY_AGAIN


def part_of(categories: Sequence[str], parts: Sequence[str]) -> list[str]:
    """Return the parts that an entry of these categories belongs to; all, if parts have no names.

    A part holds its own category and those below it: `cs` holds `cs.CL`.
    """
    if not any(parts):
        return list(parts)
    return [p for p in parts if any(c == p or c.startswith(f"{p}.") for c in categories)]
