"""Numbers as families of samples, in the order of the table. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from notifier.metrics.described import METRICS, PREFIX

# A name without what stands in front of all, the values of its labels, and the number.
Sample: TypeAlias = tuple[str, tuple[str, ...], float]
OTHER = "other"


def families(samples: Iterable[Sample]) -> Iterator[Metric]:
    """Yield the metrics that have samples."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(PREFIX + sample[0], []).append(sample)
    for name, metric in METRICS.items():
        if name not in found:
            continue
        if metric.kind == "counter":
            family: Metric = CounterMetricFamily(name, metric.help, labels=metric.labels)
        else:
            family = GaugeMetricFamily(name, metric.help, labels=metric.labels)
        for _, labels, value in found.pop(name):
            family.add_metric(labels, value)  # type: ignore[attr-defined]
        yield family
    if found:
        raise ValueError(f"metrics that are not described: {sorted(found)}")


def without_created(metrics: Iterable[Metric]) -> Iterator[Metric]:
    """Yield the same without the times at which counters began, which double their number."""
    for metric in metrics:
        metric.samples = [one for one in metric.samples if not one.name.endswith("_created")]
        yield metric


class Named:
    """Which destinations have a name in labels: those known, and so many others, first the most
    used; all the rest is "other". One that has its name keeps it, so no counter ever falls."""

    def __init__(self, known: Collection[str], most_used: Sequence[str], *, others: int) -> None:
        self._known, self._others = frozenset(known), others
        self._named = set([one for one in most_used if one not in self._known][:others])

    def label(self, destination: str) -> str:
        """Return the label of a destination."""
        if destination in self._known or destination in self._named:
            return destination
        if not destination or len(self._named) >= self._others:
            return OTHER
        self._named.add(destination)
        return destination
