"""Matches as bytes: what is unpacked is what was packed, and what is damaged stops nobody."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.storage.packing import Records, lines_of, pack, unpack

Match = tuple[int, int, frozenset[int]]

papers = st.integers(0, 70_000) | st.integers(0, 2**62)
totals = st.integers(1, 2**24) | st.integers(1, 2**40)
lines = st.frozensets(st.integers(0, 20), min_size=1) | st.frozensets(
    st.integers(0, 4_000), min_size=1
)
matches = st.lists(st.tuples(papers, totals, lines), min_size=1, max_size=8)


def records(found: list[Match]) -> Records:
    width = max(max(line for line in lines) for _, _, lines in found) // 8 + 1
    bits = [
        list(sum(1 << line for line in lines).to_bytes(width, "little")) for _, _, lines in found
    ]
    return Records(
        np.array([paper for paper, _, _ in found], np.int64),
        np.array([total for _, total, _ in found], np.int64),
        np.array(bits, np.uint8),
    )


def packed(profiles: list[list[Match]]) -> list[bytes]:
    starts = np.cumsum([0, *map(len, profiles)])[:-1]
    return pack(records([match for found in profiles for match in found]), starts)


def unpacked(blocks: list[bytes]) -> list[list[Match]]:
    found, owner = unpack(blocks)
    out: list[list[Match]] = [[] for _ in blocks]
    for place, block in enumerate(owner.tolist()):
        bits = int.from_bytes(found.bits[place].tobytes(), "little")
        hit = frozenset(line for line in range(bits.bit_length()) if bits >> line & 1)
        out[block].append((int(found.papers[place]), int(found.totals[place]), hit))
    return out


@given(st.lists(matches, min_size=1, max_size=6), st.lists(matches, min_size=1, max_size=6))
def test_what_is_unpacked_is_what_was_packed_in_the_same_order(
    some: list[list[Match]], others: list[list[Match]]
) -> None:
    assert unpacked(packed(some)) == some
    assert unpacked([*packed(others), *packed(some)]) == [*others, *some]


@given(st.lists(matches, min_size=2, max_size=6), st.binary(max_size=40), st.data())
def test_a_block_that_is_damaged_costs_no_other(
    some: list[list[Match]], damage: bytes, data: st.DataObject
) -> None:
    blocks = packed(some)
    place = data.draw(st.integers(0, len(blocks) - 1))
    blocks[place] = b"\xff" + damage
    found = unpacked(blocks)
    assert found[place] == []
    del found[place], some[place]
    assert found == some


@given(matches)
def test_a_block_that_is_cut_off_within_a_record_is_left_out(found: list[Match]) -> None:
    (block,) = packed([found])
    assert unpacked([block[:-1]]) == [[]]
    assert unpacked([b""]) == [[]]


def test_the_layout_is_as_it_is_told() -> None:
    one = [(70_000, 2, frozenset({1, 9})), (70_300, 300_000, frozenset({0, 2}))]
    (block,) = packed([one])
    assert block == struct.pack("<BBBHI", 1, 2, 3, 2, 70_000) + bytes.fromhex(
        "0000 020000 0202"  # the smallest paper, a total of 2, lines 1 and 9
        "2c01 e09304 0500"
    )


def test_fifteen_matches_of_a_day_take_about_a_hundred_bytes() -> None:
    found = [(number * 130, 1_000_000 + number, frozenset({1, 7})) for number in range(15)]
    assert len(packed([found])[0]) == 9 + 15 * 6


def test_no_matches_are_no_blocks() -> None:
    none = np.empty(0, np.int64)
    assert pack(Records(none, none, np.empty((0, 1), np.uint8)), none) == []
    found, owner = unpack([])
    assert (len(found), len(owner)) == (0, 0)


@pytest.mark.parametrize(
    ("bits", "lines"),
    [
        (b"\x02", (1,)),
        (b"\x03", (1,)),
        (b"\x00\x01", (8,)),
        (b"\xff\x80", (1, 2, 3, 4, 5, 6, 7, 15)),
    ],
)
def test_bits_are_lines_but_for_the_lowest_which_tells_of_trends(
    bits: bytes, lines: tuple[int, ...]
) -> None:
    assert lines_of(bits) == lines
