"""A table of 64-bit numbers that is asked for a million of them at once.

Pure. Open addressing with linear probing (Knuth, The Art of Computer Programming 3, 6.4, L), never
more than half full. Growing one number at a time costs what a dictionary does; asking costs a few
NumPy passes over all that is asked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.matching.columns import Array, Held

Ints = NDArray[np.int32]
Hashes = NDArray[np.uint64]

# 2^64 divided by the golden ratio: multiplicative hashing (Knuth, 6.4).
_MULTIPLIER = 0x9E3779B97F4A7C15
_BITS = 64
_ALL = (1 << _BITS) - 1
ABSENT = -1
_LEAST = 1 << 10


class Table:
    """Values from 0 to 2^31 - 1 by keys from 1 to 2^64 - 1."""

    def __init__(self, held: tuple[Hashes, Ints] | None = None) -> None:
        """Begin with nothing, or with the keys (0: none) and values of a table there was."""
        keys, values = held or (np.zeros(_LEAST, np.uint64), np.zeros(_LEAST, np.int32))
        self._set(keys, values)
        self._size = int(np.count_nonzero(keys)) if held else 0

    def _set(self, keys: Hashes, values: Ints) -> None:
        self._keys, self._values = keys, values
        self._key_at, self._value_at = keys.data, values.data
        self._bits = len(keys).bit_length() - 1

    def __len__(self) -> int:
        return self._size

    def held(self, name: str) -> dict[str, Array]:
        """Return the arrays that hold the table."""
        return {f"{name}.keys": self._keys, f"{name}.values": self._values}

    @classmethod
    def of(cls, held: Held, name: str) -> Table:
        """Return the table that arrays hold; they may be changed."""
        (keys, size), (values, _) = held[f"{name}.keys"], held[f"{name}.values"]
        return cls((keys[:size], values[:size]))

    def _slot(self, key: int) -> int:
        """Where `key` stands, or the free place where it would."""
        slot = ((key * _MULTIPLIER) & _ALL) >> (_BITS - self._bits)
        keys, mask = self._key_at, (1 << self._bits) - 1
        while keys[slot] not in (0, key):
            slot = (slot + 1) & mask
        return slot

    def get(self, key: int) -> int:
        """Return the value of one key, or `ABSENT`."""
        slot = self._slot(key)
        return self._value_at[slot] if self._key_at[slot] else ABSENT

    def put(self, key: int, value: int) -> None:
        """Set the value of one key."""
        slot = self._slot(key)
        if not self._key_at[slot]:
            self._size += 1
        self._key_at[slot], self._value_at[slot] = key, value
        if 2 * self._size > len(self._keys):
            self._grow(self._size)

    def put_new(self, keys: Hashes, values: Ints) -> None:
        """Set the values of distinct keys that are not here yet."""
        size = self._size + len(keys)
        if 2 * size > len(self._keys):
            self._grow(size)
        self._fill(keys, values)
        self._size = size

    def _grow(self, size: int) -> None:
        """Make room for `size` keys, and as many again."""
        keys, values = self.items()
        room = 1 << (2 * size).bit_length()
        self._set(np.zeros(room, np.uint64), np.zeros(room, np.int32))
        self._fill(keys, values)

    def _fill(self, keys: Hashes, values: Ints) -> None:
        """Put in distinct keys that are not here: each round those that found a free place."""
        own, mask = self._keys, len(self._keys) - 1
        slots, left = self._homes(keys), np.arange(len(keys))
        while left.size:
            free = left[own[slots[left]] == 0]
            own[slots[free]] = keys[free]
            left = left[own[slots[left]] != keys[left]]
            slots[left] = (slots[left] + 1) & mask
        self._values[slots] = values

    def items(self) -> tuple[Hashes, Ints]:
        """Return all keys with their values, in no order."""
        taken = np.flatnonzero(self._keys)
        return self._keys[taken], self._values[taken]

    def _homes(self, keys: Hashes) -> NDArray[np.int64]:
        mixed = keys * np.uint64(_MULTIPLIER) >> np.uint64(_BITS - self._bits)
        return mixed.astype(np.int64)

    def find(self, keys: Hashes) -> Ints:
        """Return the value of each key, or `ABSENT`."""
        own, held = self._keys, self._values
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
