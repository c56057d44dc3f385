"""A day of very many subscribers over all time zones, simulated: how long their mails take.

    python benchmarks/simulate_day.py [--subscribers 1000000] [--seed 1] [--workers 2]
        [--connections 4] [--spread 60] [--zone ZONE] [--scenarios] [--json FILE]

Discrete and seeded; what a step costs are the measured values of `costs.json`, each with the
command that measured it. Schedules, spreading, limits, retries and the breaker are the product's
own modules. Age: from the moment a digest is due to that at which the mail server took it, so the
choice of spreading is not a part of it; `late` counts from the time the reader chose.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import measuring
import numpy as np
from costs import Costs
from day_readers import Readers, Shares, readers
from day_relay import DAY, Relay, destinations_of, moment
from day_simulation import Batch, Day, Works

from notifier.sources.arxiv import ANNOUNCEMENTS

HOUR = 3600.0
END = 36 * HOUR
# Of confirmed addresses of scientists; assumed. The product knows its own: "notifier pace".
DESTINATIONS: Mapping[str, float] = {
    "google": 30, "microsoft": 8, "yahoo": 2, "apple": 2, "institutions hosted by google": 12,
    "institutions hosted by microsoft": 20, "other institutions": 21, "others": 5,
}  # fmt: skip
SPREADS = (0, 15, 30, 45, 60)  # an hour at most: see `spread_minutes` in notifier/config.py
WORKERS = (1, 2, 4, 8, 16, 32)
ARRIVES = 2 * HOUR  # arXiv's papers on a usual day: an hour behind their opening in winter


@dataclass(frozen=True, slots=True)
class Asked:
    """One scenario; `down` and `late` are hours of the day, UTC; `zone`: where all readers live."""

    subscribers: int = 1_000_000
    seed: int = 1
    spread: int = 60
    workers: int = 2
    connections: int = 4
    ledgers: int = 0  # 0: as many transactions beside each other as were measured
    addresses: int = 18
    latency_ms: float = 50.0
    down: tuple[float, float] = (0.0, 0.0)
    late: float = 0.0
    zone: str = ""

    def readers(self) -> Readers:
        """Return the readers."""
        shares = Shares(zones={self.zone: 1}) if self.zone else None
        return readers(self.subscribers, self.seed, shares)

    def works(self, costs: Costs) -> Works:
        """Return what takes how long."""
        return Works(
            workers=self.workers,
            connections=self.connections,
            ledgers=self.ledgers or int(costs["ledgers_beside"]),
            plan_ms=costs["plan_ms"],
            write_ms=costs["write_ms"] + costs["sign_ms"],
            fix_ledger_ms=costs["fix_ms"],
            send_ms=costs["send_ms"],
            send_ledger_ms=costs["ledger_ms"],
            latency_seconds=self.latency_ms / 1e3,
        )

    def batch(self, costs: Costs) -> Batch:
        """Return when arXiv's papers are due, here and matched."""
        expected = ANNOUNCEMENTS.last(moment(24 * HOUR - 1))
        due = (expected.due - DAY).total_seconds() if expected else 0.0
        arrives = self.late * HOUR or ARRIVES
        seconds = 1e-6 * self.subscribers * (costs["match_us"] + costs["keep_us"])
        return Batch(due, arrives, arrives + seconds)


class Wishes:
    """When the mails of some readers are due, worked out once for each spreading."""

    def __init__(self, of: Readers) -> None:
        self._of = of
        self._known: dict[int, np.ndarray[Any, Any]] = {}

    def spread(self, minutes: int) -> np.ndarray[Any, Any]:
        """Return when each is due, in seconds of the day."""
        if minutes not in self._known:
            self._known[minutes] = self._of.due(DAY, spread_minutes=minutes)
        return self._known[minutes]


def simulate(asked: Asked, costs: Costs, of: Wishes) -> tuple[Day, np.ndarray[Any, Any]]:
    """Return the day of some readers, and when each of its mails was wished for."""
    due, chosen = of.spread(asked.spread), of.spread(0)
    order = np.argsort(due, kind="stable")
    shares = np.array(list(DESTINATIONS.values()))
    chance = np.random.default_rng([asked.seed, 2])
    where = chance.choice(len(shares), len(due), p=shares / shares.sum())
    found = destinations_of(
        DESTINATIONS, addresses=asked.addresses, latency_seconds=costs["provider_seconds"]
    )
    down = asked.down[0] * HOUR, asked.down[1] * HOUR
    relay = Relay(found, where, down=down, seed=asked.seed)
    day = Day(due[order], relay, asked.works(costs), asked.batch(costs))
    return day.run(END), chosen[order]


def figures(day: Day, chosen: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return what a day was like; ages in seconds, rates a minute."""
    sent = ~np.isnan(day.handed)
    if not sent.any():
        raise ValueError("nothing was handed over")
    ages = (day.handed - day.due)[sent]
    last = float(day.handed[sent].max())
    span = last - float(day.due[0])
    return {
        "mails": len(day.due),
        "inside": day.inside(),
        "age": _percentiles(ages),
        "late": _percentiles((day.handed - chosen)[sent]),
        "planned_after": _percentiles((day.planned - day.due)[~np.isnan(day.planned)]),
        "peak": {
            "due": _peak(day.due),
            "planned": _peak(day.planned),
            "written": _peak(day.written),
            "handed": _peak(day.handed),
        },
        "most_waiting": max(waiting for _, waiting in day.samples),
        "last_hour": last / HOUR,
        "busy": {
            "scheduler": day.busy.scheduler / span,
            "worker": float(np.mean(day.busy.workers)) / span,
            "ledger": day.busy.ledger / span / day.works.ledgers,
            "wire": day.busy.wire / span / (day.works.workers * day.works.connections),
        },
        "little": _little(day, ages),
    }


def _percentiles(values: np.ndarray[Any, Any]) -> dict[str, float]:
    p50, p95, p99 = np.percentile(values, (50, 95, 99)).tolist()
    return {"p50": p50, "p95": p95, "p99": p99, "max": float(values.max())}


def _peak(times: np.ndarray[Any, Any]) -> int:
    minutes = (times[~np.isnan(times)] // 60).astype(int)
    return int(np.bincount(minutes).max(initial=0))


def _little(day: Day, ages: np.ndarray[Any, Any]) -> dict[str, float]:
    """Little's law over the whole day: what is inside on average, counted and by the ages."""
    span = day.samples[-1][0] - day.samples[0][0]
    counted = float(np.mean([waiting for _, waiting in day.samples[:-1]]))
    return {"counted": counted, "by_ages": float(ages.sum()) / span}


# What is told.


def told(name: str, found: Mapping[str, Any]) -> str:
    """One scenario as a line of the table."""
    age, busy = found["age"], found["busy"]
    ages = "".join(f"{_time(age[which]):>9}" for which in ("p50", "p95", "p99", "max"))
    return (
        f"{name:<26}{ages}{_time(found['late']['p99']):>9}{found['most_waiting']:>10,}"
        f"{found['peak']['handed']:>9,}{100 * busy['worker']:>6.0f} %{100 * busy['ledger']:>6.0f} %"
    )


HEAD = (
    f"{'':<26}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}{'late p99':>9}{'waiting':>10}{'a minute':>9}"
    f"{'cores':>8}{'ledger':>8}"
)


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"


def chart(day: Day) -> Iterator[str]:
    """Yield a line for each half hour: how many became due and were handed over, who waited."""
    rows = int(max(day.due[-1], np.nanmax(day.handed)) // 1800) + 1
    due = np.bincount((day.due // 1800).astype(int), minlength=rows)
    handed = np.bincount((day.handed[~np.isnan(day.handed)] // 1800).astype(int), minlength=rows)
    waiting = [0] * rows
    for at, many in day.samples:
        waiting[min(int(at // 1800), rows - 1)] = max(waiting[min(int(at // 1800), rows - 1)], many)
    most = max(*waiting, 1)
    yield "UTC         due    handed   waiting at most"
    for row in range(rows):
        bar = "#" * -(-40 * waiting[row] // most)
        hour = f"{row // 2:02d}:{30 * (row % 2):02d}"
        yield f"{hour}  {due[row]:>8,}  {handed[row]:>8,}  {waiting[row]:>8,} {bar}".rstrip()


def scenarios(asked: Asked) -> Iterator[tuple[str, Asked]]:
    """Yield what is compared: by spreading, by workers when nothing is spread, and bad days."""
    yield "as asked", asked
    for spread in SPREADS:
        yield f"spread {spread} min", replace(asked, spread=spread)
    at_once = replace(asked, spread=0)
    for workers in WORKERS:
        yield f"not spread, {workers} workers", replace(at_once, workers=workers)
    yield "not spread, 8, in turn", replace(at_once, workers=8, ledgers=1)
    yield "not spread, 8, 1 address", replace(at_once, workers=8, addresses=1)
    yield "relay down 07 to 09", replace(asked, down=(7.0, 9.0))
    yield "relay down, 8 workers", replace(asked, down=(7.0, 9.0), workers=8)
    yield "arXiv comes at 09", replace(asked, late=9.0)
    yield "all in one zone", replace(asked, zone="Europe/Berlin")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in asdict(Asked()).items():
        if not isinstance(value, tuple) and name != "late":
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--down", type=float, nargs=2, default=(0.0, 0.0), metavar="HOUR")
    parser.add_argument("--late", type=float, default=0.0, metavar="HOUR")
    parser.add_argument("--scenarios", action="store_true", help="compare, a line for each")
    parser.add_argument("--costs", type=Path, default=None, help="measured values (costs.json)")
    parser.add_argument("--json", type=Path, default=None)
    given = vars(parser.parse_args())
    costs, file, compares = Costs.read(given.pop("costs")), given.pop("json"), given["scenarios"]
    del given["scenarios"]
    asked = Asked(**given | {"down": tuple(given["down"])})
    kept, of = {}, Wishes(asked.readers())
    for name, one in scenarios(asked) if compares else [("as asked", asked)]:
        day, chosen = simulate(one, costs, of if one.zone == asked.zone else Wishes(one.readers()))
        kept[name] = {"asked": asdict(one)} | figures(day, chosen)
        if len(kept) == 1:
            sys.stdout.write("\n".join([*chart(day), "", HEAD]) + "\n")
        sys.stdout.write(told(name, kept[name]) + "\n")
        sys.stdout.flush()
    if file:
        machine = measuring.machine("numpy")
        file.write_text(json.dumps({"figures": kept, "costs": costs.told(), "machine": machine}))


if __name__ == "__main__":
    main()
