"""What a subscriber gets who has chosen nothing, from the settings."""

from __future__ import annotations

from notifier.config import Settings
from notifier.profiles.profile import DAY_NAMES, Schedule
from notifier.subscriptions.due import Planning
from notifier.subscriptions.service import Defaults


def of(settings: Settings) -> Defaults:
    """Return what the settings say."""
    digest = settings.digest
    hour, minute = (int(part) for part in digest.time.split(":"))
    days = tuple(sorted({DAY_NAMES.index(day) for day in digest.days}))
    schedule = Schedule(digest.zone, hour, minute, days)
    return Defaults(
        schedule, digest.max_papers, digest.first_days, digest.language, digest.sample,
        Planning(digest.spread_minutes),
    )  # fmt: skip
