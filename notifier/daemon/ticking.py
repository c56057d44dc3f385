"""The clock of a process: APScheduler starts a look for work again and again.

It waits by the wall clock: set back an hour, it would stand still for that hour. So the age of the
last look is watched by a clock that nobody sets, and what stands still is wound up anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from notifier.daemon import systemd
from notifier.intake import Clock
from notifier.vitals import Vitals

log = structlog.get_logger()

JOB = "tick"


class Ticker:
    """Calls `look` now, and then every so many seconds."""

    def __init__(self, look: Callable[[], None], vitals: Vitals, clock: Clock) -> None:
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        self._look, self._vitals, self._clock = look, vitals, clock
        self._is_stopped = False
        self._scheduler: Any = AsyncIOScheduler(  # APScheduler has no types
            timezone="UTC",
            # Late runs are made up for, not skipped: the tables decide what is due.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def start(self, seconds: float) -> None:
        """Begin."""
        self._scheduler.start()
        self.every(seconds)
        self.now()

    def every(self, seconds: float) -> None:
        """Look every so many seconds from now on."""
        from apscheduler.triggers.interval import IntervalTrigger

        self._vitals.tick_seconds = seconds
        trigger = IntervalTrigger(seconds=seconds, timezone="UTC")
        self._scheduler.add_job(self._tick, trigger, id=JOB, replace_existing=True)

    def now(self) -> None:
        """Look at once."""
        self._vitals.ticked(self._clock())
        self._look()

    async def _tick(self) -> None:
        self.now()

    def stop(self) -> None:
        """Look no more."""
        self._is_stopped = True
        self._scheduler.shutdown(wait=False)

    async def watch(self) -> None:
        """Wind it up again where it stands still, until it is stopped."""
        while not self._is_stopped:
            seconds = self._vitals.tick_seconds
            await asyncio.sleep(seconds / 2)
            age = self._vitals.tick_age_seconds()
            if age > 1.5 * seconds + 1:
                log.warning("the clock was set back, or work held up all else", no_tick=round(age))
                self.every(seconds)
                self.now()


async def tell_watchdog(vitals: Vitals, seconds: float) -> None:
    """Tell systemd twice in so many seconds that we live, as long as we look for work."""
    while True:
        if vitals.is_alive or vitals.stopping:
            systemd.tell("WATCHDOG=1")
        else:
            log.error("no look for work: systemd is not told that we live")
        await asyncio.sleep(seconds / 2)
