"""The last used of something, so many of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Latest(Generic[Key, Value]):
    """A mapping that forgets what was not used for longest when it is full."""

    def __init__(self, most: int) -> None:
        """Keep at most so many values."""
        self._most = most
        self._kept: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """Return what is kept under a key, and count it as used."""
        if (known := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
        return known

    def put(self, key: Key, value: Value) -> Value:
        """Keep a value, and return it."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return value
