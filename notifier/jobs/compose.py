"""Make the digests that are due: plan them, and write all that is planned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from notifier.jobs.composed import Composed
from notifier.jobs.edition import NOTHING_MISSING, ComposeSettings, Outlook
from notifier.jobs.fixing import write
from notifier.jobs.planning import plan
from notifier.storage.database import Database


def compose(
    database: Database,
    settings: ComposeSettings,
    *,
    now: datetime,
    outlook: Outlook = NOTHING_MISSING,
    clock: Callable[[], datetime] | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Composed:
    """Make every digest that is due at `now`; run again, it makes none.

    `stopping` is asked before each subscriber; whoever is left over comes at the next run.

    Args:
        clock: See `fixing.write`.
    """
    planned = plan(database, settings, now=now, outlook=outlook, stopping=stopping)
    done = write(
        database, settings, now=now, outlook=outlook, owner=settings.owner, clock=clock,
        stopping=stopping,
    )  # fmt: skip
    done.expired, done.waiting = planned.expired, planned.waiting
    done.failed += planned.failed
    return done
