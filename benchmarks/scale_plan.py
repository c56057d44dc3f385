"""What so many readers need, worked out from measured costs: the tables of docs/scale.md.

    python benchmarks/scale_plan.py [--write docs/scale.md]

Everything comes from `costs.json`, where each value has its source, and from the population of
`day_readers`. With --write the tables between the marks in a document are made anew.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from costs import Costs
from scale_machines import machines_table
from scale_needs import KEPT_DAYS, SIZES, STEP_DAYS, STEPS, WARM_UP, Need, demand
from scale_words import markdown, size_of, time_of, two, whole

ONE_ZONE = "Europe/Berlin"
_MARK = re.compile(
    r"(<!-- scale_plan: (\w+) -->\n)((?!<!-- end -->).*?\n)?(<!-- end -->)", re.DOTALL
)


# The tables.


def costs_table(costs: Costs) -> Iterator[Sequence[str]]:
    """Yield what was measured."""
    yield "name", "what", "value", "source"
    for name, one in costs.values.items():
        value = f"{one['value']:,} {_unit(name)}".strip()
        yield f"`{name}`", one["what"], value, one["source"]


def _unit(name: str) -> str:
    units = {
        "us": "µs", "ms": "ms", "bytes": "bytes", "seconds": "s", "gb": "GB", "tb": "TB",
        "days": "days",
    }  # fmt: skip
    return units.get(name.rpartition("_")[2], "")


def day_table(costs: Costs) -> Iterator[Sequence[str]]:
    """Yield what one reader costs on a day with a mail."""
    one = Need(costs, 1)
    names = {
        "match": "matching", "keep": "keeping the matches", "plan": "planning",
        "write": "choosing, making and fixing the digest", "sign": "signing",
        "send": "sending and recording",
    }  # fmt: skip
    yield "a reader and day", "ms of a core", "share"
    of = {step: one.core_ms(step) / (demand().mailed if step in STEPS[2:] else 1) for step in STEPS}
    whole = sum(of.values())
    for step, said in names.items():
        yield said, two(of[step]), f"{100 * of[step] / whole:.0f} %"
    yield "all", two(whole), "100 %"


def bytes_table(costs: Costs) -> Iterator[Sequence[str]]:
    """Yield what a reader leaves in the database."""
    yield "table", "bytes", "kept", "bytes a reader in the end"
    one = Need(costs, 1).table_bytes()
    for name in ("subscriber", "profile"):
        yield f"`{name}`", f"{costs[f'{name}_bytes']:,.0f}", "while they read", whole(one[name])
    for name, days in KEPT_DAYS.items():
        each = "a day" if name == "profile_match" else "a mail"
        kept = f"{costs[days]:,.0f} days"
        yield f"`{name}`", f"{costs[f'{name}_bytes']:,.0f} {each}", kept, whole(one[name])
    yield "all", "", "", whole(sum(one.values()) - one["paper"])


_ROWS: Mapping[str, Callable[[Need], str]] = {
    "mails on the heaviest day": lambda n: whole(n.mails),
    "mails a second, heaviest hour": lambda n: two(n.peak),
    "core hours a day": lambda n: two(n.core_seconds() / 3600),
    "cores busy in the heaviest hour": lambda n: two(n.peak_cores()),
    "workers (one core each)": lambda n: str(n.workers()),
    "memory of compiled profiles": lambda n: size_of(n.memory()),
    "processes that match": lambda n: str(n.shards()),
    "a day's papers matched and kept": lambda n: time_of(n.match_seconds()),
    "planning the heaviest hour": lambda n: time_of(n.peak * 3600 * n.costs["plan_ms"] / 1e3),
    "ledger transactions a second": lambda n: two(n.peak),
    "database, mails aside": lambda n: size_of(n.database_bytes() - n.table_bytes()["message"]),
    "mails kept for the archive": lambda n: size_of(n.table_bytes()["message"]),
    "written into it a day": lambda n: size_of(
        sum(n.table_bytes()[name] / n.costs[days] for name, days in KEPT_DAYS.items())
    ),
    "copy of it (`pg_dump`)": lambda n: time_of(
        n.database_bytes() / (n.costs["dump_mb_a_second"] * 1e6)
    ),
    "connections to the mail server": lambda n: str(n.connections()),
    "addresses of the relay": lambda n: str(n.addresses()),
    "bandwidth of mails, Mbit/s": lambda n: two(n.megabits()),
    "pages a second": lambda n: two(n.pages()),
    "cores for pages": lambda n: two(n.pages() * n.costs["page_ms"] / 1e3),
    "DNS questions a second (the relay's)": lambda n: two(n.peak * n.costs["dns_a_mail"]),
}


def sizes_table(costs: Costs) -> Iterator[Sequence[str]]:
    """Yield what each number of readers needs."""
    needs = [Need(costs, many) for many in SIZES]
    yield ("readers", *(f"{many:,}" for many in SIZES))
    for name, said in _ROWS.items():
        yield (name, *map(said, needs))


def tables_table(costs: Costs) -> Iterator[Sequence[str]]:
    """Yield rows and bytes of the large tables in the end."""
    yield ("table", *(f"{many:,} readers" for many in SIZES))
    needs = [Need(costs, many) for many in SIZES]
    for name in needs[0].table_bytes():
        yield (f"`{name}`", *(size_of(need.table_bytes()[name]) for need in needs))
    yield ("all", *(size_of(need.database_bytes()) for need in needs))


def warm_up_table(costs: Costs) -> Iterator[Sequence[str]]:
    """Yield how many mails may go, day by day."""
    needs = [Need(costs, many) for many in SIZES]
    heads = (f"{n.readers:,} readers, {n.addresses()} addresses" for n in needs)
    yield ("days", "an address a day", *heads)
    for step, most in enumerate(WARM_UP):
        days = f"{step * STEP_DAYS + 1} to {(step + 1) * STEP_DAYS}"
        yield (
            days,
            f"{most:,}",
            *(f"{min(most * n.addresses(), round(n.mails)):,}" for n in needs),
        )


def limits_table(costs: Costs) -> Iterator[Sequence[str]]:
    """Yield up to how many readers each part goes, alone: the first to give way on top."""
    yield "part", "readers, all over the world", "readers, all in one zone", "worked out from"
    found = [(*(part(costs, zone) for zone in ("", ONE_ZONE)), name, why)
             for name, (part, why) in PARTS.items()]  # fmt: skip
    for world, one, name, why in sorted(found):
        yield name, whole(world), whole(one), why


def _by_rate(milliseconds: Callable[[Costs], float]) -> Callable[[Costs, str], float]:
    """Return how many readers there may be where a mail takes so long of a part, in turn."""

    def readers(costs: Costs, zone: str) -> float:
        a_reader = Need(costs, 1, zone).peak
        return costs["busy_share"] * 1e3 / milliseconds(costs) / a_reader

    return readers


def _archive(costs: Costs, zone: str) -> float:
    return costs["disk_tb"] * 1e12 / Need(costs, 1).table_bytes()["message"]


def _ledger(costs: Costs, zone: str) -> float:
    found = Need(costs, 1).table_bytes()
    return costs["disk_tb"] * 1e12 / (sum(found.values()) - found["message"] - found["paper"])


def _planning(costs: Costs, zone: str) -> float:
    of = demand(zone)
    return 60e3 / costs["plan_ms"] / (of.mailed * of.minute_at_once)


PARTS: Mapping[str, tuple[Callable[[Costs, str], float], str]] = {
    "one process that writes and sends, as on SQLite": (
        _by_rate(lambda c: sum(c[f"{step}_ms"] for step in STEPS[2:])), "the cores' ms of a mail"),
    "matching in one process": (
        lambda c, zone: c["matcher_gb"] * 1e9 / c["profile_memory_bytes"], "memory of a profile"),
    "one turn to write, not shared; a limit such as `per_second`": (
        _by_rate(lambda c: c["ledger_ms"]), "`ledger_ms`, one after the other"),
    "turns to write, shared": (
        _by_rate(lambda c: c["ledger_ms"] / c["ledgers_beside"]), "as many beside each other"),
    "mails kept in the database": (_archive, "`disk_tb`"),
    "what was sent to whom, 400 days": (_ledger, "`disk_tb`"),
    "one scheduler's planning": (_planning, "the heaviest minute, not spread, within a minute"),
}  # fmt: skip
TABLES: Mapping[str, Callable[[Costs], Iterator[Sequence[str]]]] = {
    "costs": costs_table, "day": day_table, "bytes": bytes_table, "sizes": sizes_table,
    "machines": machines_table,
    "tables": tables_table, "warm_up": warm_up_table, "limits": limits_table,
}  # fmt: skip


def written(document: str, costs: Costs) -> str:
    """Return a document with its tables made anew.

    Raises:
        KeyError: it asks for a table that there is not.
    """
    return _MARK.sub(lambda m: f"{m[1]}{markdown(TABLES[m[2]](costs))}\n{m[4]}", document)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, default=None, metavar="DOCUMENT")
    parser.add_argument("--costs", type=Path, default=None, help="measured values (costs.json)")
    asked = parser.parse_args()
    costs = Costs.read(asked.costs)
    if asked.write:
        asked.write.write_text(written(asked.write.read_text(), costs))
        return
    for name, rows in TABLES.items():
        sys.stdout.write(f"{name}\n\n{markdown(rows(costs))}\n\n")


if __name__ == "__main__":
    main()
