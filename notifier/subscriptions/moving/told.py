"""What came of taking people in: counts, and what a person should read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


class Rejected(ValueError):
    """A line or record cannot be taken; says why."""


@dataclass
class Told:
    """Counts by name; `remark` is called with a line for each thing that somebody should read.

    `needs_care`: something of the file was not taken as it stands there.
    """

    remark: Callable[[str], None]
    counts: Counter[str] = field(default_factory=Counter)
    needs_care: bool = False

    def refuse(self, where: str, why: object) -> None:
        """Tell of a line that cannot be taken."""
        self.counts["refused"] += 1
        self.care(f"{where}: {why}")

    def care(self, text: str) -> None:
        """Tell of something that was not taken as it stands."""
        self.needs_care = True
        self.remark(text.encode("utf-8", "replace").decode())  # JSON can name halves of characters
