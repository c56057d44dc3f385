"""Files that appear when they are whole: a reader, or a crash, meets the old one or the new one."""

from __future__ import annotations

import glob
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from notifier import errors

# What nobody has written to for so long was left by a process that was killed.
_LEFT_SECONDS = 86_400


@contextmanager
def appearing(target: Path, *, replace: bool) -> Iterator[Path]:
    """Yield an empty file that gets the name of `target` at the end, unless something was raised.

    Its owner alone can read it. Of a link the file is replaced to which it leads.

    Args:
        replace: A file of that name is replaced.
    Raises:
        UsageError: there is such a file, or what is there is none, as a device.
        OSError: it cannot be written there.
    """
    place = target.resolve()
    if place.exists() and not place.is_file():
        raise errors.UsageError(f"{target} is no file that could be replaced - name another")
    if place.exists() and not replace:
        raise errors.UsageError(f"{target} is there already - name another file, or add --replace")
    prefix = f".{place.name}."
    _tidy(place.parent, prefix)
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=".part", dir=place.parent)
    os.close(handle)
    made = Path(name)
    try:
        yield made
        made.replace(place)
    finally:
        with suppress(OSError):
            made.unlink(missing_ok=True)


def _tidy(folder: Path, prefix: str) -> None:
    for left in folder.glob(f"{glob.escape(prefix)}*.part"):
        with suppress(OSError):
            if left.stat().st_mtime < time.time() - _LEFT_SECONDS:
                left.unlink()
