"""How this process is: what it is here for, whether it is the scheduler, when it last looked.

The daemon writes it, `/readyz`, `/metrics` and the watchdog read it. Ages are by a clock that
nobody sets: a wall clock that is set back an hour must not look like an hour of rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import datetime

SCHEDULER, WORKER, WEB = "scheduler", "worker", "web"
ROLES = (WEB, SCHEDULER, WORKER)


class Vitals:
    """Of one process.

    `roles`: of `ROLES`. `is_scheduler`: it is the one among several that plans (has the lease
    beyond doubt); another with that role stands by. `is_written`: the database takes what it says
    of itself. `stopping`: it was asked to end. `last_tick_at` (by the wall
    clock) and `tick_age_seconds` tell when it last looked for work.
    """

    def __init__(
        self, roles: Collection[str] = ROLES, *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self.roles = tuple(role for role in ROLES if role in roles)
        self.is_scheduler = False
        self.is_written = True
        self.stopping = False
        self.tick_seconds = 30.0
        self.last_tick_at: datetime | None = None
        self._seconds = seconds
        self._ticked = seconds()

    @property
    def is_standby(self) -> bool:
        """Whether it waits to become the scheduler."""
        return SCHEDULER in self.roles and not self.is_scheduler

    def ticked(self, at: datetime) -> None:
        """Note that it looks for work now."""
        self.last_tick_at, self._ticked = at, self._seconds()

    def tick_age_seconds(self) -> float:
        """Return how long ago it looked for work, or was started."""
        return self._seconds() - self._ticked

    @property
    def is_alive(self) -> bool:
        """Whether it looks for work as often as it should; three times in a row may fail."""
        return self.tick_age_seconds() <= max(3 * self.tick_seconds, 60.0)
