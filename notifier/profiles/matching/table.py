"""A table of 64-bit numbers that is asked for a million of them at once.

Pure. Open addressing with linear probing (Knuth, The Art of Computer Programming 3, 6.4, L), never
more than half full. Growing one number at a time costs what a dictionary does; asking costs a few
NumPy passes over all that is asked.
"""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Hashes = NDArray[np.uint64]

# 2^64 divided by the golden ratio: multiplicative hashing (Knuth, 6.4).
_MULTIPLIER = 0x9E3779B97F4A7C15
_BITS = 64
_ALL = (1 << _BITS) - 1
ABSENT = -1


class Table:
    """Values from 0 to 2^31 - 1 by keys from 1 to 2^64 - 1."""

    def __init__(self, bits: int = 10) -> None:
        self._bits = bits
        self._keys = array("Q", bytes(8 << bits))
        self._values = array("i", bytes(4 << bits))
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def _slot(self, key: int) -> int:
        """Where `key` stands, or the free place where it would."""
        slot = ((key * _MULTIPLIER) & _ALL) >> (_BITS - self._bits)
        keys, mask = self._keys, (1 << self._bits) - 1
        while keys[slot] not in (0, key):
            slot = (slot + 1) & mask
        return slot

    def get(self, key: int) -> int:
        """Return the value of one key, or `ABSENT`."""
        slot = self._slot(key)
        return self._values[slot] if self._keys[slot] else ABSENT

    def put(self, key: int, value: int) -> None:
        """Set the value of one key."""
        slot = self._slot(key)
        if not self._keys[slot]:
            self._size += 1
        self._keys[slot], self._values[slot] = key, value
        if 2 * self._size > len(self._keys):
            self._grow()

    def _grow(self) -> None:
        keys = np.frombuffer(self._keys, np.uint64)
        values = np.frombuffer(self._values, np.int32)
        taken = keys != 0
        bigger = Table(self._bits + 2)
        bigger._fill(keys[taken], values[taken])
        self._bits, self._keys, self._values = bigger._bits, bigger._keys, bigger._values

    def _fill(self, keys: Hashes, values: Ints) -> None:
        """Put distinct keys into the empty table: each round those that found a free place."""
        own, held = np.frombuffer(self._keys, np.uint64), np.frombuffer(self._values, np.int32)
        mask = len(own) - 1
        slots, left = self._homes(keys), np.arange(len(keys))
        while left.size:
            free = left[own[slots[left]] == 0]
            own[slots[free]] = keys[free]
            left = left[own[slots[left]] != keys[left]]
            slots[left] = (slots[left] + 1) & mask
        held[slots] = values
        self._size = len(keys)

    def items(self) -> tuple[Hashes, Ints]:
        """Return all keys with their values, in no order."""
        keys = np.frombuffer(self._keys, np.uint64)
        taken = np.flatnonzero(keys)
        return keys[taken], np.frombuffer(self._values, np.int32)[taken]

    def _homes(self, keys: Hashes) -> NDArray[np.int64]:
        mixed = keys * np.uint64(_MULTIPLIER) >> np.uint64(_BITS - self._bits)
        return mixed.astype(np.int64)

    def find(self, keys: Hashes) -> Ints:
        """Return the value of each key, or `ABSENT`."""
        own, held = np.frombuffer(self._keys, np.uint64), np.frombuffer(self._values, np.int32)
        mask = len(own) - 1
        out = np.full(len(keys), ABSENT, np.int32)
        slots, left = self._homes(keys), np.arange(len(keys))
        while left.size:
            there = own[slots]
            hit = there == keys[left]
            out[left[hit]] = held[slots[hit]]
            on = ~hit & (there != 0)
            left, slots = left[on], (slots[on] + 1) & mask
        return out
