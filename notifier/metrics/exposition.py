"""All numbers of an instance as the text that Prometheus reads."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from notifier import __version__
from notifier.metrics.meters import Meters
from notifier.metrics.numbers import Numbers
from notifier.metrics.samples import Sample, families, without_created
from notifier.vitals import Vitals

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class Exposition:
    """Of one instance in this process.

    Args:
        database: Its kind, as in "sqlite".
        schema: The revision that this program works with.
        engine: Its kind; `waiting` returns how many of its tasks nobody has begun.
        vitals: How the process is; None where no daemon is.
    """

    def __init__(
        self,
        numbers: Numbers,
        meters: Meters,
        *,
        database: str,
        schema: str,
        engine: str,
        waiting: Callable[[], int],
        vitals: Vitals | None,
    ) -> None:
        self._numbers, self._meters, self._vitals = numbers, meters, vitals
        self._built = (__version__, platform.python_version(), database, schema)
        self._engine, self._waiting = engine, waiting
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)

    def text(self) -> bytes:
        """Return them, in the text format 0.0.4."""
        return generate_latest(self)

    def collect(self) -> Iterator[Metric]:
        """Yield them, as the library asks its collectors."""
        begun = self._meters.seconds()
        found = [*self._numbers.samples(), ("build_info", self._built, 1.0), *self._of_vitals()]
        found.append(("engine_tasks_waiting", (self._engine,), float(self._waiting())))
        found.append(("scrape_seconds", (), self._meters.seconds() - begun))
        yield from families(found)
        yield from without_created(self._meters.registry.collect())
        yield from self._process.collect()

    def _of_vitals(self) -> Iterator[Sample]:
        if self._vitals is None:
            return
        yield "scheduler_is_leader", (), float(self._vitals.is_scheduler)
        yield "tick_age_seconds", (), self._vitals.tick_age_seconds()
