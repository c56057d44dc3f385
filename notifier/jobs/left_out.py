"""What a process cannot work with and leaves out, so that everybody else goes on.

Each is told in the log once, with its number, and kept in the database for `status`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog

from notifier.storage import store_left_out
from notifier.storage.database import Database
from notifier.storage.store_left_out import Kind

log = structlog.get_logger()


class LeftOut:
    """What was met by one process and is not mended yet, as far as it knows."""

    def __init__(self) -> None:
        self._known: dict[Kind, set[object]] = {}

    def add(
        self,
        kind: Kind,
        names: Iterable[object],
        error: Exception | None = None,
        *,
        is_told: bool = False,
    ) -> None:
        """These cannot be worked with; `is_told`: the log has it already."""
        known = self._known.setdefault(kind, set())
        for name in set(names) - known:
            known.add(name)
            if not is_told:
                log.error("left out: it cannot be worked with", kind=kind, name=name,
                          exc_info=error)  # fmt: skip

    def drop(self, kind: Kind, name: object) -> None:
        """This one can, by now."""
        self._known.get(kind, set()).discard(name)

    def keep(self, database: Database, *, now: datetime) -> None:
        """Write down what is left out; a paper comes once, and is not met again."""
        found = {kind: names for kind, names in self._known.items() if names}
        if found:
            with database.writing() as conn:
                for kind, names in found.items():
                    store_left_out.note(conn, kind, names, now=now)
        self._known.pop("paper", None)
