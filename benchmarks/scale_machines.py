"""What so many readers need, in machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, log2

from costs import Costs
from scale_needs import SIZES, Need
from scale_words import size_of

WORKERS_TOGETHER = 8  # on one machine


def machines_table(costs: Costs) -> Iterator[Sequence[str]]:
    """Yield machines: cores, memory in the next power of two, disk with half as much again."""
    needs = [Need(costs, many) for many in SIZES]
    yield ("machine", *(f"{many:,}" for many in SIZES))
    yield ("database", *map(_database, needs))
    yield ("scheduler and matching", *map(_matching, needs))
    yield ("workers", *map(_workers, needs))
    yield ("pages", *(_machine(2, ceil(n.pages() * costs["page_ms"] / 1e3 / 0.6), 1e9)
                      for n in needs))  # fmt: skip
    yield ("relay", *(f"{n.addresses()} addresses" for n in needs))


def _database(need: Need) -> str:
    cores = ceil(need.peak * need.costs["ledger_ms"] / 1e3 / need.costs["busy_share"]) + 1
    disk = size_of(1.5 * need.database_bytes())
    return f"{_machine(1, cores, max(need.hot_bytes(), 4e9))}, {disk} SSD"


def _matching(need: Need) -> str:
    return _machine(need.shards(), 2, need.memory() / need.shards() + 1e9)


def _workers(need: Need) -> str:
    many = ceil(need.workers() / WORKERS_TOGETHER)
    each = ceil(need.workers() / many)
    return _machine(many, each, (1 + each * need.costs["worker_gb"]) * 1e9)


def _machine(many: int, cores: int, memory: float) -> str:
    cores = 2 ** ceil(log2(max(cores, 1)))
    power = 2 ** max(1, ceil(log2(memory / 1e9)))
    return f"{many} × {cores} core{'s' if cores > 1 else ''}, {power} GB"
