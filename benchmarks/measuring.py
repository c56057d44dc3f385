"""What every benchmark says beside its figures: where it ran, how fast that was, and its memory."""

from __future__ import annotations

import gc
import os
import platform
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")
_STATUS = Path("/proc/self/status")


def took(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return the seconds of one call, and what it returned."""
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


@dataclass(slots=True)
class Stopwatch:
    """Seconds that work took: by the clock, and of processors (all threads of this process)."""

    wall: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add what is done meanwhile."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu


@contextmanager
def set_aside() -> Iterator[None]:
    """Keep the garbage collector from looking through what others hold until now.

    Else who is measured beside them pays for it, and only where a collection happens to fall.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def calibration() -> float:
    """Return the seconds of a million additions in plain Python, the least of five."""
    return min(_additions() for _ in range(5))


def _additions() -> float:
    begun, total = time.perf_counter(), 0
    for number in range(1_000_000):
        total += number
    return time.perf_counter() - begun


def one_core() -> None:
    """Stay on one core, where the system lets us."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def peak_megabytes() -> float:
    """Return this process's peak of memory: Linux's VmHWM, elsewhere `ru_maxrss`.

    (`ru_maxrss` is inherited from the parent on Linux.)
    """
    if _STATUS.exists():
        return _status("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def megabytes() -> float:
    """Return what this process holds now; where the system does not say, its peak."""
    return _status("VmRSS") if _STATUS.exists() else peak_megabytes()


def _status(name: str) -> float:
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(lines[name].split()[0]) / 1024


def machine(*packages: str) -> dict[str, Any]:
    """Return what a reader must know to compare the figures, with the versions of packages."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{package: _version(package) for package in packages},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
