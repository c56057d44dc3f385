"""What was measured of a step, with the command that measured it: read from `costs.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("costs.json")


@dataclass(frozen=True, slots=True)
class Costs:
    """Measured values by name; the name ends in the unit."""

    values: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, file: Path | None = None) -> Costs:
        """Read the values.

        Raises:
            ValueError: one says not where it comes from.
        """
        values = json.loads((file or FILE).read_text())["costs"]
        for name, one in values.items():
            if not {"value", "what", "source"} <= one.keys():
                raise ValueError(f"{name} lacks its value, what it is, or its source")
        return cls(values)

    def __getitem__(self, name: str) -> float:
        return float(self.values[name]["value"])

    def told(self) -> dict[str, float]:
        """Return the values alone."""
        return {name: self[name] for name in self.values}
