"""Figures of one table: each beside its baselines, with its target and whether that is met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; `digits` are those shown of `ours`.

    `is_met` is None where there is no target.
    """

    what: str
    ours: float
    beside: str
    target: str = ""
    is_met: bool | None = None
    digits: int = 3


@dataclass(frozen=True, slots=True)
class Missing:
    """A part that could not be measured, and why."""

    what: str
    why: str


def table(figures: Sequence[Figure], missing: Sequence[Missing]) -> str:
    """Return the figures as text."""
    said = {True: "met", False: "NOT MET", None: ""}
    width = max([36, *(len(one.beside) for one in figures)]) + 2
    rows = [f"{'':62}{'ours':>8}  {'beside':{width}}target"]
    rows += [
        f"{one.what:62}{one.ours:>8,.{one.digits}f}  {one.beside:{width}}{one.target:20}"
        f"{said[one.is_met]}".rstrip()
        for one in figures
    ]
    rows += [f"{one.what}: skipped, {one.why}" for one in missing]
    judged = [one.is_met for one in figures if one.is_met is not None]
    return "\n".join([*rows, f"{sum(judged)} of {len(judged)} targets met"])
