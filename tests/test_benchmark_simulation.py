"""The simulated day: nothing is lost in it, it obeys queueing theory, and says the same again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from costs import Costs
from day_readers import Shares, readers
from day_relay import DAY, Destination, Relay, destinations_of
from day_simulation import Batch, Day, Works
from simulate_day import SPREADS, Asked, Wishes, chart, figures, simulate

from notifier.config import Digest
from notifier.config_engine import Engine
from notifier.delivery.limits import Limit
from notifier.digests import cadence

HOUR = 3600.0
FREE = Works(workers=1, connections=1, tick_seconds=0.02, latency_seconds=1.0)
NO_WAIT = Batch()
PLAIN = [Destination("others", 1.0)]


def a_day(due: object, works: Works, *, until: float = 36 * HOUR, **relay: object) -> Day:
    times = np.sort(np.asarray(due, dtype=float))
    destinations = relay.pop("destinations", PLAIN)
    where = relay.pop("where", np.zeros(len(times), dtype=int))
    batch = relay.pop("batch", NO_WAIT)
    made = Relay(destinations, where, **relay)  # type: ignore[arg-type]
    return Day(times, made, works, batch).run(until)  # type: ignore[arg-type]


def took(day: Day) -> float:
    return float(np.nanmax(day.handed) - day.planned.min())


def of_a_crowd(**changes: object) -> tuple[Day, np.ndarray]:
    asked = replace(Asked(subscribers=8_000, workers=1, connections=2), **changes)
    return simulate(asked, Costs.read(), Wishes(asked.readers()))


def test_what_is_simulated_can_be_set_in_the_product() -> None:
    assert Works().shard == Engine().shard
    assert [Digest(spread_minutes=minutes).spread_minutes for minutes in SPREADS] == [*SPREADS]


def test_as_many_mails_come_out_as_go_in() -> None:
    day, chosen = of_a_crowd()
    assert day.inside() == {
        "not due or waiting": 0, "planned": 0, "outbox": 0, "deferred": 0,
        "handed over": len(chosen),
    }  # fmt: skip
    assert (day.handed >= day.written).all()
    assert (day.written >= day.planned).all()
    assert (day.planned >= day.due).all()


@pytest.mark.parametrize("hour", [0.5, 6.0, 7.02, 9.3, 23.0])
def test_in_the_middle_of_the_day_each_mail_is_in_one_place(hour: float) -> None:
    """With the relay away, retries waiting and shards half written."""
    asked = Asked(subscribers=8_000, workers=2, down=(6.9, 9.2))
    day, _ = simulate(asked, Costs.read(), Wishes(readers(8_000, 1)))
    works = replace(asked.works(Costs.read()), write_ms=400.0)
    part = a_day(day.due, works, down=(6.9 * HOUR, 9.2 * HOUR), until=hour * HOUR)
    inside = part.inside()
    assert sum(inside.values()) == len(day.due)
    assert inside["handed over"] == np.count_nonzero(~np.isnan(part.handed))


def test_what_waits_on_average_is_what_the_ages_say() -> None:
    """Little's law, with a queue of hours."""
    day, chosen = of_a_crowd(workers=1, connections=1, ledgers=1, latency_ms=9_000.0)
    found = figures(day, chosen)
    assert found["age"]["p95"] > HOUR
    assert found["little"]["counted"] == pytest.approx(found["little"]["by_ages"], rel=0.01)


def test_the_same_seed_gives_the_same_day_and_another_one_another() -> None:
    one, two, other = (of_a_crowd(seed=seed)[0] for seed in (1, 1, 2))
    assert one.handed.tolist() == two.handed.tolist()
    assert one.handed.tolist() != other.handed.tolist()


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_waiting_at_one_connection_is_that_of_an_m_d_1_queue(load: float) -> None:
    """Pollaczek and Khinchine: load / (2 (1 - load)) of a mail's time; Lindley for each mail."""
    due = np.cumsum(np.random.default_rng(6).exponential(1 / load, 40_000))
    day = a_day(due, FREE, until=1e9)
    waited = day.handed - day.due - FREE.latency_seconds
    wanted, free = [], 0.0
    for at in due.tolist():
        wanted.append(max(0.0, free - at))
        free = at + wanted[-1] + FREE.latency_seconds
    assert float(np.mean(waited)) == pytest.approx(np.mean(wanted), abs=2 * FREE.tick_seconds)
    assert float(np.mean(waited)) == pytest.approx(load / (2 * (1 - load)), rel=0.12)


def test_a_morning_that_is_due_at_once_takes_as_long_as_the_slowest_station() -> None:
    """The fluid limit: n mails through c connections of d seconds end n d / c later."""
    # Shards that the workers can share out evenly.
    works = Works(workers=4, connections=5, latency_seconds=0.4, write_ms=1.0, shard=500)
    day = a_day(np.full(10_000, 600.0), works)
    assert took(day) == pytest.approx(10_000 * 0.4 / 20, rel=0.05)
    cores = a_day(np.full(10_000, 600.0), replace(works, write_ms=80.0))
    assert took(cores) == pytest.approx(10_000 * 0.08 / 4, rel=0.05)
    ledger = a_day(np.full(10_000, 600.0), replace(works, send_ledger_ms=30.0, ledgers=1))
    assert took(ledger) == pytest.approx(10_000 * 0.03, rel=0.05)
    works = replace(works, send_ledger_ms=60.0, ledgers=4, latency_seconds=0.1)
    beside = a_day(np.full(10_000, 600.0), works)
    assert took(beside) == pytest.approx(10_000 * 0.06 / 4, rel=0.05)


def test_a_limit_holds_in_every_window_and_holds_up_nobody_else() -> None:
    slow = Destination("google", 1.0, limits=(Limit(60, 50),))
    where = np.arange(2_000) % 2
    works = Works(workers=1, connections=20, latency_seconds=0.05)
    day = a_day(np.zeros(2_000), works, destinations=[slow, *PLAIN], where=where)
    handed = np.sort(day.handed[where == 0])
    assert len(handed) == 1_000
    assert all(handed[n + 50] - handed[n] > 59.0 for n in range(950))
    assert np.nanmax(day.handed[where == 1]) < 60.0


def test_no_more_connections_go_to_a_destination_than_it_allows() -> None:
    few = Destination("google", 1.0, connections=2)
    works = Works(workers=1, connections=20, latency_seconds=1.0)
    day = a_day(np.zeros(100), works, destinations=[few])
    assert max(Counter(np.floor(day.handed).tolist()).values()) <= 2


def test_a_greylisted_mail_is_tried_again_after_five_minutes_at_the_soonest() -> None:
    grey = Destination("institutions", 1.0, greylisted=1.0)
    day = a_day(np.zeros(300), Works(latency_seconds=0.05), destinations=[grey])
    assert day.inside()["handed over"] == 300
    assert day.handed.min() >= 300.0
    assert day.handed.max() < 600.0


def test_a_relay_that_is_down_gets_what_waited_soon_after_it_is_back() -> None:
    due = np.linspace(0, 6 * HOUR, 5_000)
    works = Works(workers=2, connections=4, latency_seconds=0.05)
    day = a_day(due, works, down=(HOUR, 3 * HOUR))
    assert not ((day.handed > HOUR + 1) & (day.handed < 3 * HOUR)).any()
    assert day.inside()["handed over"] == 5_000
    # The breaker's longest wait, and then what has gathered.
    assert np.nanmax(day.handed[day.due < 3 * HOUR]) < 3 * HOUR + 31 * 60 + 120


def test_digests_wait_for_late_papers_no_longer_than_they_may() -> None:
    due = np.full(100, 6 * HOUR)
    works = Works(latency_seconds=0.05)
    soon = a_day(due, works, batch=Batch(5 * HOUR, 6.5 * HOUR, 6.6 * HOUR, HOUR))
    assert 6.6 * HOUR <= soon.planned.min() < 6.6 * HOUR + 60
    never = a_day(due, works, batch=Batch(5 * HOUR, 12 * HOUR, 12.1 * HOUR, HOUR))
    assert 7 * HOUR <= never.planned.min() < 7 * HOUR + 60


def test_digests_are_due_when_the_product_says() -> None:
    of = readers(3_000, 4)
    due = of.due(DAY, spread_minutes=60)
    row = 2_222
    schedule = of.schedules[of.chosen[row - 1]]
    wanted = cadence.planned(
        schedule, DAY - timedelta(microseconds=1), subscriber=row, spread_minutes=60
    )
    day_of = cadence.next_due(schedule, DAY - timedelta(microseconds=1)) - DAY
    assert (wanted - DAY).total_seconds() in due or day_of >= timedelta(hours=24)


def test_readers_are_divided_as_asked() -> None:
    of = readers(5_000, 1, Shares(zones={"Asia/Tokyo": 3, "Europe/Berlin": 1}, times={(7, 0): 1}))
    zones = Counter(of.schedules[number].zone for number in of.chosen.tolist())
    assert zones["Asia/Tokyo"] / 5_000 == pytest.approx(0.75, abs=0.02)


def test_limits_of_providers_grow_with_the_addresses_of_the_relay() -> None:
    [one], [ten] = (
        destinations_of({"google": 1.0}, addresses=n, latency_seconds=0.5) for n in (1, 10)
    )
    assert (one.limits[0].most, ten.limits[0].most) == (600, 6_000)


def test_the_chart_has_a_line_for_each_half_hour() -> None:
    day, chosen = of_a_crowd()
    head, *lines = chart(day)
    assert head.startswith("UTC")
    assert sum(int(line[5:15].replace(",", "")) for line in lines) == len(chosen)


def test_every_cost_has_its_source() -> None:
    costs = Costs.read()
    assert all(len(one["source"]) > 5 for one in costs.values.values())
