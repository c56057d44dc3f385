"""What became of the digests that were due."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Composed:
    """How many digests were made, found nothing, were skipped (their subscribers pause, have no
    rules, must not be mailed, or joined before the first paper), failed or had expired.

    `waiting` are due and wait for a source that is late, `unmatched` for papers or profiles to be
    matched, which the next run does first. `lost_zones` were taken as UTC.
    """

    made: int = 0
    nothing: int = 0
    paused: int = 0
    waiting: int = 0
    unmatched: int = 0
    expired: int = 0
    failed: int = 0
    lost_zones: set[str] = field(default_factory=set)
