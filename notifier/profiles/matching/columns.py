"""Numbers and texts by place, which grow at their end: in memory, or over a file that is mapped.

Pure. What lies in a mapped file is read where it is looked at; what is changed or added is this
process's own, and costs the pages it is on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
# Arrays by name; behind the first `count` places of each there may be room for more.
Held: TypeAlias = Mapping[str, tuple[Array, int]]
_LEAST = 16


class Column:
    """Numbers of one type."""

    def __init__(self, kind: Any, held: tuple[Array, int] | None = None) -> None:
        """Begin with nothing, or with what is `held`: an array to be changed, used so far."""
        self._array: Array
        self._array, self._size = held or (np.zeros(_LEAST, kind), 0)
        self._view = self._array.data

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: int) -> Any:
        return self._view[place]

    def __setitem__(self, place: int, value: int) -> None:
        self._view[place] = value

    @property
    def array(self) -> Array:
        """The numbers as they are now; those added later are not in it."""
        return self._array[: self._size]

    def append(self, value: int) -> None:
        """Add one number."""
        if self._size == len(self._array):
            self._grow(self._size + 1)
        self._view[self._size] = value
        self._size += 1

    def extend(self, values: Any) -> None:
        """Add numbers."""
        end = self._size + len(values)
        if end > len(self._array):
            self._grow(end)
        self._array[self._size : end] = values
        self._size = end

    def keep(self, places: NDArray[np.integer]) -> None:
        """Keep only the numbers at some places, in this order."""
        self._array = self._array[places]
        self._size, self._view = len(self._array), self._array.data

    def _grow(self, size: int) -> None:
        bigger = np.zeros(max(size, self._size + self._size // 2, _LEAST), self._array.dtype)
        bigger[: self._size] = self.array
        self._array, self._view = bigger, bigger.data


class Texts:
    """Texts by number."""

    def __init__(self, held: tuple[Column, Column] | None = None) -> None:
        self._bytes, self._ends = held or (Column(np.uint8), Column(np.int64))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> str:
        start = self._ends[number - 1] if number else 0
        return self._bytes.array[start : self._ends[number]].tobytes().decode()

    def append(self, text: str) -> None:
        """Add one text."""
        self._bytes.extend(np.frombuffer(text.encode(), np.uint8))
        self._ends.append(len(self._bytes))

    def extend(self, texts: Iterable[str]) -> None:
        """Add texts."""
        encoded = [text.encode() for text in texts]
        sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
        ends = np.cumsum(sizes) + len(self._bytes)
        self._bytes.extend(np.frombuffer(b"".join(encoded), np.uint8))
        self._ends.extend(ends)

    def held(self, name: str) -> dict[str, Array]:
        """Return the arrays that hold the texts."""
        return {f"{name}.bytes": self._bytes.array, f"{name}.ends": self._ends.array}

    @classmethod
    def of(cls, held: Held, name: str) -> Texts:
        """Return the texts that arrays hold."""
        return cls((
            Column(np.uint8, held[f"{name}.bytes"]), Column(np.int64, held[f"{name}.ends"]),
        ))  # fmt: skip
