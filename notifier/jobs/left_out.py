"""What a process cannot work with and leaves out, so that everybody else goes on.

Each is told in the log once, with its number, and kept in the database for `status`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Set
from datetime import datetime, timedelta

import structlog

from notifier.storage import store_left_out
from notifier.storage.database import Database
from notifier.storage.store_left_out import Kind

log = structlog.get_logger()


# What is not mended is written down again, well before `status` would tell of it no more.
AGAIN = timedelta(hours=12)


class LeftOut:
    """What was met by one process and is not mended yet, as far as it knows."""

    def __init__(self) -> None:
        self._known: dict[Kind, set[object]] = {}
        self._noted: dict[tuple[Kind, object], datetime] = {}

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
        self._noted.pop((kind, name), None)

    def drop_all(self, kind: Kind, names: Set[object]) -> None:
        """These can, by now."""
        for name in self._known.get(kind, set()) & names:
            self.drop(kind, name)

    def drop_all_but(self, kind: Kind, names: Container[object]) -> None:
        """There are no others of a kind any more."""
        for name in [one for one in self._known.get(kind, ()) if one not in names]:
            self.drop(kind, name)

    def keep(self, database: Database, *, now: datetime) -> None:
        """Write down what is left out, unless that was done of late; a paper comes once, and is
        not met again."""
        found = {
            kind: new
            for kind, names in self._known.items()
            if (new := [name for name in names if self._is_unsaid(kind, name, now)])
        }
        if found:
            with database.writing() as conn:
                for kind, new in found.items():
                    store_left_out.note(conn, kind, new, now=now)
            self._noted |= {(kind, name): now for kind, new in found.items() for name in new}
        for name in self._known.pop("paper", ()):
            self._noted.pop(("paper", name), None)

    def _is_unsaid(self, kind: Kind, name: object, now: datetime) -> bool:
        noted = self._noted.get((kind, name))
        return noted is None or abs(now - noted) >= AGAIN
