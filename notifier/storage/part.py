"""A part of all profiles, for processes that share the matching among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd, lcm
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, true


@dataclass(frozen=True, slots=True)
class Part:
    """The profiles whose row leaves `number` when divided by `of`."""

    number: int = 0
    of: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.of:
            raise ValueError(f"there is no part {self.number} of {self.of}")

    def meets(self, other: Part) -> bool:
        """Whether some profiles may be in both."""
        return (self.number - other.number) % gcd(self.of, other.of) == 0

    def has(self, row: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the condition that a profile, by its row, is in this part."""
        return true() if self.of == 1 else row % self.of == self.number


ALL = Part()


def reached(marks: Mapping[Part, int], part: Part) -> int:
    """Return up to where all profiles of a part have come.

    Args:
        marks: Of any parts, also of such as divide the profiles in another way: each says up to
            where its profiles have come, at least.
    """
    every = lcm(part.of, *(one.of for one in marks))
    rows = np.arange(part.number, every, part.of)
    furthest = np.zeros(len(rows), np.int64)
    for one, mark in marks.items():
        here = rows % one.of == one.number
        furthest[here] = np.maximum(furthest[here], mark)
    return int(furthest.min())
