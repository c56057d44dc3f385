"""What a number of readers needs, worked out from measured costs and a population of readers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any

import numpy as np
from costs import Costs
from day_readers import Shares, readers
from day_relay import DAY

SIZES = (100_000, 1_000_000, 10_000_000)
DRAWN = 100_000  # readers from whom the shares of hours and minutes are taken,
FIRST_ROW = 1_000_000  # all of them spread as far as they may be
# Rows that are kept so many days: [keep] and [site] of the configuration.
KEPT_DAYS = {
    "profile_match": "match_days", "digest": "digest_days", "digest_paper": "digest_days",
    "delivery": "digest_days", "attempt": "digest_days", "message": "archive_days",
}  # fmt: skip
# Mails a day of one address while it is new; a step lasts two days. Source: delivery.md, 4.4;
# 50,000 a day is where Amazon SES's own plan of 45 days ends.
WARM_UP = (50, 100, 200, 400, 800, 1_500, 3_000, 5_000, 8_000, 12_000, 18_000, 25_000, 35_000,
           50_000)  # fmt: skip
STEP_DAYS = 2
STEPS = ("match", "keep", "plan", "write", "sign", "send")


@dataclass(frozen=True, slots=True)
class Demand:
    """How a day's mails fall: the share of readers who get one on the heaviest day of the week, and
    of these the shares of the heaviest hour and minute, spread over an hour and not."""

    mailed: float
    hour: float
    minute: float
    minute_at_once: float


@cache
def demand(zone: str = "") -> Demand:
    """Return what the population asks for, or one that lives in a single zone."""
    of = readers(DRAWN, 1, Shares(zones={zone: 1}) if zone else None)
    spread, chosen = (
        of.due(DAY, spread_minutes=minutes, first_row=FIRST_ROW) for minutes in (60, 0)
    )
    return Demand(
        mailed=len(chosen) / DRAWN,
        hour=_most(spread, 3600),
        minute=_most(spread, 60),
        minute_at_once=_most(chosen, 60),
    )


def _most(times: np.ndarray[Any, Any], seconds: int) -> float:
    return float(np.bincount((times // seconds).astype(int)).max() / len(times))


@dataclass(frozen=True, slots=True)
class Need:
    """What one number of readers needs."""

    costs: Costs
    readers: int
    zone: str = ""  # all live there; "": all over the world

    @property
    def mails(self) -> float:
        """Of the heaviest day."""
        return self.readers * demand(self.zone).mailed

    @property
    def peak(self) -> float:
        """Mails a second in the heaviest hour."""
        return self.mails * demand(self.zone).hour / 3600

    def core_seconds(self) -> float:
        """Of one day, all processes."""
        return sum(self.core_ms(step) for step in STEPS) / 1e3

    def core_ms(self, step: str) -> float:
        """Of one day, one step."""
        if step in ("match", "keep"):
            return self.readers * self.costs[f"{step}_us"] / 1e3
        return self.mails * self.costs[f"{step}_ms"]

    def peak_cores(self) -> float:
        """Busy in the heaviest hour, matching aside."""
        return self.peak * sum(self.costs[f"{step}_ms"] for step in STEPS[2:]) / 1e3

    def workers(self) -> int:
        """Processes of one core each, enough for a bad hour."""
        return max(1, ceil(self.costs["bad_hour"] * self.peak_cores()))

    def shards(self) -> int:
        """Processes that match, each with no more memory than is allowed."""
        return max(1, ceil(self.memory() / (self.costs["matcher_gb"] * 1e9)))

    def memory(self) -> float:
        """Bytes of all profiles, compiled, with the work space of matching."""
        return self.readers * self.costs["profile_memory_bytes"]

    def match_seconds(self) -> float:
        """A day's papers, matched and kept, each shard on a core of its own."""
        return (self.core_ms("match") + self.core_ms("keep")) / 1e3 / self.shards()

    def table_bytes(self) -> dict[str, float]:
        """What stands in the database when nothing grows any more, by table."""
        costs = self.costs
        of = {"subscriber": 1.0, "profile": 1.0}
        found = {name: self.readers * many * costs[f"{name}_bytes"] for name, many in of.items()}
        mails = self.readers * costs["mails_a_week"] / 7
        for name, days in KEPT_DAYS.items():
            a_day = self.readers if name == "profile_match" else mails
            found[name] = a_day * costs[f"{name}_bytes"] * costs[days]
        found["paper"] = costs["papers_a_day"] * costs["paper_bytes"] * costs["paper_days"]
        return found

    def database_bytes(self) -> float:
        """All tables, the mails among them."""
        return sum(self.table_bytes().values())

    def hot_bytes(self) -> float:
        """What is asked for in a day: readers, rules, two weeks of matches, the day's rows."""
        found = self.table_bytes()
        days = {name: 14 if name == "profile_match" else 1 for name in KEPT_DAYS}
        recent = sum(
            days[name] * found[name] / self.costs[kept] for name, kept in KEPT_DAYS.items()
        )
        return found["subscriber"] + found["profile"] + recent

    def connections(self) -> int:
        """To the mail server: those that are on the wire in a bad hour."""
        return max(2, ceil(self.costs["bad_hour"] * self.peak * self.costs["wire_ms"] / 1e3))

    def addresses(self) -> int:
        """Of the relay: so many that none sends more in a day than a warm one is trusted with."""
        return max(1, ceil(self.mails / WARM_UP[-1]))

    def megabits(self) -> float:
        """A second, in the heaviest hour, of mails."""
        return self.peak * self.costs["mail_wire_bytes"] * 8 / 1e6

    def pages(self) -> float:
        """A second, in the heaviest hour."""
        return self.peak * self.costs["pages_a_mail"]
