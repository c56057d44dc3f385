"""Whether this process can do its work now: for load balancers and whoever starts processes.

Told to anybody, so it holds words and no place, name or number of anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock

from sqlalchemy.exc import SQLAlchemyError

from notifier import errors
from notifier.app import App
from notifier.standings import processes
from notifier.storage import answering
from notifier.vitals import SCHEDULER, Vitals

# However often somebody asks, the database is not asked again within this.
KEPT_SECONDS = 1.0
OK = "ok"


@dataclass(frozen=True, slots=True)
class Readiness:
    """`checks` says in a word or two how each part is; ready where all of them are `OK`.

    `scheduler`: whether one of the processes on the database plans, "" where that was not asked. It
    is no check: pages are served without one, links to leave among them.
    """

    checks: Mapping[str, str]
    scheduler: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether to send work here."""
        return all(said == OK for said in self.checks.values())


class Probe:
    """Looks at one process.

    Args:
        vitals: How the process is; None where no daemon is, but pages alone.
        seconds: A clock that nobody sets.
    """

    def __init__(self, app: App, vitals: Vitals | None, *, seconds: Callable[[], float]) -> None:
        self._app, self._vitals, self._seconds = app, vitals, seconds
        self._lock = Lock()
        self._kept: tuple[float, Readiness] | None = None

    def look(self) -> Readiness:
        """Return how it is now."""
        vitals, found = self._vitals, self._database()
        checks = dict(found.checks)
        if vitals is None:
            return Readiness(checks)
        if not vitals.is_written and checks["database"] == OK:
            checks["database"] = "not written"
        checks["process"] = "stopping" if vitals.stopping else OK
        checks["work"] = OK if vitals.is_alive else "late"
        return Readiness(checks, "here" if vitals.is_scheduler else found.scheduler)

    def _database(self) -> Readiness:
        with self._lock:
            now = self._seconds()
            if self._kept is None or now - self._kept[0] >= KEPT_SECONDS:
                self._kept = now, self._asked()
            return self._kept[1]

    def _asked(self) -> Readiness:
        database = self._app.database
        try:
            said = OK if answering.is_writable(database) else "read-only"
            schema = OK if answering.is_current(database) else "of another version"
            plans = any(one["state"] == SCHEDULER for one in processes(self._app))
        except (errors.NotifierError, SQLAlchemyError):
            return Readiness({"database": "no answer"}, "unknown")
        return Readiness({"database": said, "schema": schema}, "elsewhere" if plans else "none")
