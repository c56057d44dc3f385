"""What this process does, counted and timed while it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from notifier.metrics.described import METRICS, PREFIX, Metric

# Set when somebody asks, not while it happens.
_ASKED = frozenset(
    PREFIX + name
    for name in ("build_info", "scheduler_is_leader", "tick_age_seconds", "scrape_seconds")
)


class Meters:
    """The meters of one instance; may be used from any thread.

    Every name is one of `described.METRICS`, without what stands in front of all.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        seconds: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.registry = CollectorRegistry()
        self._clock, self._seconds = clock, seconds
        self._made = {
            one.name: _made(one, self.registry)
            for one in METRICS.values()
            if one.place == "process" and one.name not in _ASKED
        }

    @contextmanager
    def job(self, name: str, **labels: str) -> Iterator[None]:
        """Time a job, and note how it ends; one that is cut off did neither well nor badly."""
        begun = self._seconds()
        try:
            yield
        except Exception:
            self.count("job_failures_total", job=name)
            raise
        else:
            self.set("job_last_success_timestamp_seconds", self._clock().timestamp(), job=name)
        finally:
            self.observe(f"{name}_seconds", self._seconds() - begun, **labels)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Add a time to a histogram."""
        meter = self._made[PREFIX + name]
        (meter.labels(**labels) if labels else meter).observe(seconds)  # type: ignore[union-attr]

    def count(self, name: str, number: float = 1, **labels: str) -> None:
        """Add to a counter."""
        meter = self._made[PREFIX + name]
        (meter.labels(**labels) if labels else meter).inc(number)  # type: ignore[union-attr]

    def set(self, name: str, value: float, **labels: str) -> None:
        """Write a gauge."""
        meter = self._made[PREFIX + name]
        (meter.labels(**labels) if labels else meter).set(value)  # type: ignore[union-attr]

    def seconds(self) -> float:
        """Return the time that durations are measured by."""
        return self._seconds()


def _made(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    name, labels = metric.name, metric.labels
    if metric.kind == "counter":
        return Counter(name, metric.help, labels, registry=registry)
    if metric.kind == "gauge":
        return Gauge(name, metric.help, labels, registry=registry)
    return Histogram(name, metric.help, labels, registry=registry, buckets=metric.buckets)
