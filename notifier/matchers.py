"""Matching of one instance: all profiles at once, or a part of them beside other processes."""

from __future__ import annotations

from collections.abc import Callable

from notifier import places
from notifier.intake import Clock
from notifier.jobs.index import Kept
from notifier.jobs.match import Matched, Matcher, MatchSettings
from notifier.jobs.shelves import Shelves
from notifier.metrics.meters import Meters
from notifier.storage import index_files
from notifier.storage.database import Database
from notifier.storage.part import ALL, Part


class Matchers:
    """What matches; each part that is asked for keeps its profiles in memory."""

    def __init__(
        self,
        database: Database,
        settings: MatchSettings,
        shelves: Shelves,
        secret: bytes,
        clock: Clock,
        meters: Meters,
    ) -> None:
        self._database, self._settings, self._shelves = database, settings, shelves
        self._clock, self._meters = clock, meters
        self._kept = Kept(places.words(database, secret), places.owner(secret))
        self._of_parts: dict[Part, Matcher] = {}
        # What is asked beside the work: of few profiles, so that it needs none of the index.
        self.asked = Matcher(database, settings, shelves)
        index_files.fingerprint()  # of the code that runs: an upgrade may replace it on the disk

    def of(self, part: Part = ALL) -> Matcher:
        """Return the matcher of a part; those of another division are let go of."""
        if part not in self._of_parts:
            kept = {one: known for one, known in self._of_parts.items() if one.of == part.of}
            new = Matcher(self._database, self._settings, self._shelves, part, self._kept)
            self._of_parts = {**kept, part: new}
        return self._of_parts[part]

    def run(self, part: Part = ALL, *, stopping: Callable[[], bool] = lambda: False) -> Matched:
        """Match what is new in papers and profiles."""
        with self._meters.job("match"):
            done = self.of(part).run(now=self._clock(), stopping=stopping)
        self._meters.count("matches_total", done.matches)
        return done
