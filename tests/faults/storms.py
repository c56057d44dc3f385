"""What befalls a database: somebody else's lock, a full disk, a disk that may not be written."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from io import FileIO
from pathlib import Path
from threading import Event, Thread

import pytest

_LOCK = """
import sqlite3, sys
conn = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
conn.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
"""


class Lock:
    """Another process that is writing, from `take` to `free`."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._process: subprocess.Popen[str] | None = None

    def take(self) -> None:
        """Return once it is taken."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LOCK, str(self._database)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout
        assert self._process.stdout.readline() == "locked\n"

    def free(self) -> None:
        """Let go of it."""
        if self._process:
            self._process.communicate("\n")


class Disk:
    """A small disk, full from `fill` to `empty`: what others free meanwhile is taken at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._emptied = Event()
        self._taking = Thread()

    def fill(self, database: Path, *, patience_seconds: float = 30.0) -> None:
        """Leave no byte free, of a database also none that it keeps for later.

        Raises:
            sqlite3.OperationalError: somebody reads or writes all the while.
        """
        settle(database, patience_seconds)
        ballast = (self.folder / "ballast").open("ab", buffering=0)
        _take_all(ballast)
        self._emptied.clear()
        self._taking = Thread(target=self._keep_full, args=[ballast], daemon=True)
        self._taking.start()

    def _keep_full(self, ballast: FileIO) -> None:
        with ballast:  # kept open: a name would lead to another disk once this one is gone
            while not self._emptied.wait(0.002):
                _take_all(ballast)
            ballast.truncate(0)

    def empty(self) -> None:
        """Make room again; where there is some, nothing changes."""
        self._emptied.set()
        if self._taking.is_alive():
            self._taking.join()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Let nobody write meanwhile; no file may be open for writing."""
        _mount("-o", "remount,ro", str(self.folder))
        try:
            yield
        finally:
            _mount("-o", "remount,rw", str(self.folder))


def _take_all(ballast: FileIO) -> None:
    for size in (65536, 1):
        with suppress(OSError):
            while ballast.write(bytes(size)):
                pass


def settle(database: Path, patience_seconds: float = 0) -> None:
    """Put all that was written into the file itself.

    Raises:
        sqlite3.OperationalError: somebody reads or writes all the while.
    """
    with closing(sqlite3.connect(database, timeout=patience_seconds)) as conn:
        (is_busy, *_) = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if is_busy:
        raise sqlite3.OperationalError("in use")


@contextmanager
def a_disk(folder: Path, megabytes: int = 4) -> Iterator[Disk]:
    """Yield a small disk of its own, mounted at a new folder; skip where that is not allowed."""
    folder.mkdir()
    if os.geteuid() or not _mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)):
        pytest.skip("only root may mount a small disk, and not in every container")
    disk = Disk(folder)
    try:
        yield disk
    finally:
        disk.empty()
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: str) -> bool:
    return not subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode
