"""The inner loops of the selection, where Numba is installed, and what they and NumPy share.

Pure. Without Numba `best` does the same in NumPy.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType

TOTAL_BITS = 40
# Rules beyond this many share the last bit; `best` tells them apart.
RULE_BITS = 23


@cache
def compiled() -> ModuleType | None:
    """Return `loops`, or None where Numba is not installed."""
    try:
        return import_module("notifier.ranking.loops")  # half a second: only where it is needed
    except ImportError:
        return None
