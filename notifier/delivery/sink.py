"""The inbox of transport "sink": mails that were written to a folder and went to nobody.

The newest so many, none older than a month: what is beyond is deleted when a mail comes.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

MOST_MAILS = 200
OLDEST = timedelta(days=30)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Sink:
    """Mails in `folder`, as `FilesTransport` writes them; it calls `keep` for each."""

    def __init__(
        self, folder: Path, *, most_mails: int = MOST_MAILS, oldest: timedelta = OLDEST
    ) -> None:
        self.folder = folder
        self._most_mails, self._oldest_ns = most_mails, int(oldest.total_seconds() * 1e9)

    def keep(self, path: Path) -> None:
        """Note when a mail came, and delete what is too old or too much."""
        now_ns = time.time_ns()  # the kernel's own stamps are the same for some milliseconds
        with suppress(OSError):
            os.utime(path, ns=(now_ns, now_ns))
        for place, (came_ns, name) in enumerate(self._stamped()):
            if place >= self._most_mails or came_ns < now_ns - self._oldest_ns:
                with suppress(OSError):  # another process was faster
                    self._path(name).unlink()

    def mails(self) -> list[tuple[str, bytes]]:
        """Return the mails by their names, the newest first."""
        read = ((name, self.read(name)) for _, name in self._stamped())
        return [(name, content) for name, content in read if content is not None]

    def read(self, name: str) -> bytes | None:
        """Return a mail as it was to be sent; None where there is none of that name."""
        if not _NAME.fullmatch(name):
            return None
        try:
            return self._path(name).read_bytes()
        except OSError:
            return None

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.eml"

    def _stamped(self) -> list[tuple[int, str]]:
        found = []
        for path in self.folder.glob("*.eml"):
            with suppress(OSError):
                found.append((path.stat().st_mtime_ns, path.stem))
        return sorted(found, reverse=True)
