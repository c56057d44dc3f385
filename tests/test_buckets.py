"""How often something may be asked for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import TooOften
from notifier.jobs.housekeeping import KEEP_BUCKETS, keep_house
from notifier.storage import store_buckets
from notifier.storage.database import Database
from notifier.subscriptions.buckets import Bucket, Rate, network_of, taken
from notifier.subscriptions.gate import BY_ADDRESS, BY_NETWORK, LONGEST, Gate

from .builders import NOON
from .test_promises import dump

HOURLY = Rate(3, timedelta(hours=1))
HOUR = timedelta(hours=1)


def test_a_full_bucket_gives_its_size_at_once_and_then_one_every_so_often() -> None:
    bucket, given_ = None, []
    for minutes in (0, 0, 0, 0, 59, 60, 61, 120, 1000, 1000, 1000, 1000):
        left = taken(bucket, HOURLY, NOON + timedelta(minutes=minutes))
        given_.append(left is not None)
        bucket = left or bucket
    yes, no = True, False
    assert given_ == [yes, yes, yes, no, no, yes, no, yes, yes, yes, yes, no]


@given(st.lists(st.integers(0, 10**6), max_size=60), st.integers(1, 9), st.integers(1, 5000))
def test_no_time_gives_more_than_its_share(seconds: list[int], size: int, every: int) -> None:
    rate, bucket, count = Rate(size, timedelta(seconds=every)), None, 0
    for moment in sorted(seconds):
        if left := taken(bucket, rate, NOON + timedelta(seconds=moment)):
            bucket, count = left, count + 1
    span = (max(seconds) - min(seconds)) if seconds else 0
    assert count <= size + span / every + 1e-6


def test_a_clock_that_was_set_back_fills_nothing() -> None:
    empty = Bucket(0.0, NOON)
    assert taken(empty, HOURLY, NOON - 9 * HOUR) is None


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("", ""),
        ("testclient", ""),
    ],
)
def test_neighbours_share_a_network(host: str, network: str) -> None:
    assert network_of(host) == network


def test_addresses_and_networks_have_each_their_own_bucket(database: Database) -> None:
    gate = Gate(b"secret")
    with database.writing() as conn:
        for _ in range(BY_ADDRESS.size):
            assert gate.lets_address(conn, "ada@example.org", now=NOON)
        assert not gate.lets_address(conn, "ada@example.org", now=NOON)
        assert gate.lets_address(conn, "bo@example.org", now=NOON)
        for number in range(BY_NETWORK.size):
            gate.let_ask(conn, f"192.0.2.{number}", now=NOON)
        with pytest.raises(TooOften):
            gate.let_ask(conn, "192.0.2.200", now=NOON)
        gate.let_ask(conn, "198.51.100.1", now=NOON)
        for _ in range(99):
            gate.let_ask(conn, "127.0.0.1", now=NOON)


def test_no_address_is_kept_for_a_bucket(database: Database) -> None:
    gate = Gate(b"secret")
    with database.writing() as conn:
        gate.lets_address(conn, "ada@example.org", now=NOON)
        gate.let_ask(conn, "192.0.2.1", now=NOON)
    assert not any(word in str(dump(database)) for word in ("ada", "192.0"))


def test_a_bucket_is_forgotten_only_when_it_is_full_again(database: Database) -> None:
    assert KEEP_BUCKETS >= LONGEST
    with database.writing() as conn:
        store_buckets.keep(conn, "old", 0.0, NOON - KEEP_BUCKETS - HOUR)
        store_buckets.keep(conn, "new", 0.0, NOON)
    assert keep_house(database, now=NOON) == 1
    with database.reading() as conn:
        assert store_buckets.get(conn, "new") == (0.0, NOON)
