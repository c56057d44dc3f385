"""Arrays with a note in one file, mapped rather than read.

A file is written under another name first, so nobody ever sees half of one. What is cut off or
damaged in its head is no file; who wants to know of every byte asks for the sums to be checked.
Only its owner can read one: there are words in it that readers look for.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from tempfile import mkstemp
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

_ALIGNED = 64
# What another process left behind when it was killed is this much older than what is written now.
_LEFT_BEHIND_SECONDS = 3_600


def write(path: Path, arrays: Mapping[str, NDArray[Any]], note: Any, *, room: float = 0.0) -> None:
    """Write arrays and a note (JSON) into one file, or none at all.

    Args:
        room: How much of its size to leave free behind each array, for who maps it and adds to it.
    Raises:
        OSError: it cannot be written.
    """
    places: dict[str, tuple[str, int, int, int]] = {}
    end = 0
    for name, values in arrays.items():
        total = crc32(np.ascontiguousarray(values).data)
        places[name] = values.dtype.str, end, len(values), total
        end += _aligned(int(values.nbytes * (1 + room)) + (_ALIGNED if room else 0))
    head = json.dumps({"arrays": places, "note": note}).encode()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    opened, name = mkstemp(dir=path.parent, prefix=f"{path.stem}.", suffix=".new")
    waiting = Path(name)
    try:
        with os.fdopen(opened, "wb") as file:
            for number in (len(head), crc32(head)):
                file.write(number.to_bytes(8, "little"))
            file.write(head)
            base = _base(len(head))
            for name, values in arrays.items():
                file.seek(base + places[name][1])
                file.write(np.ascontiguousarray(values).data)
            file.truncate(base + end)
        waiting.replace(path)
    except BaseException:
        waiting.unlink(missing_ok=True)
        raise
    _clear(path)


def _clear(path: Path) -> None:
    """Remove what was being written to this path by who was killed meanwhile."""
    with suppress(OSError):
        latest = path.stat().st_mtime - _LEFT_BEHIND_SECONDS
        for left in path.parent.glob(f"{path.stem}.*.new"):
            if left.stat().st_mtime < latest:
                left.unlink(missing_ok=True)


def read(
    path: Path, *, checked: bool = False, changeable: bool = False
) -> tuple[dict[str, tuple[NDArray[Any], int]], Any]:
    """Return arrays by name, each with how much of it is in use, and the note.

    Args:
        checked: Compare the sums of all arrays, which looks at every byte.
        changeable: The arrays may be changed, in memory alone.
    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is no such file, cut off, or damaged.
    """
    whole = np.memmap(path, np.uint8, "c" if changeable else "r")
    size, total = (int.from_bytes(bytes(whole[n : n + 8]), "little") for n in (0, 8))
    head = bytes(whole[16 : 16 + size])
    if crc32(head) != total:
        raise ValueError("its head is damaged")
    told = json.loads(head)
    places = list(told["arrays"].items())
    base = _base(size)
    ends = [base + start for _, (_, start, _, _) in places[1:]] + [len(whole)]
    arrays: dict[str, tuple[NDArray[Any], int]] = {}
    for (name, (kind, start, count, total)), end in zip(places, ends, strict=True):
        dtype = np.dtype(kind)
        values = whole[base + start : end][
            : (end - base - start) // dtype.itemsize * dtype.itemsize
        ]
        arrays[name] = np.asarray(values).view(dtype), count
        if len(arrays[name][0]) < count:
            raise ValueError("it is cut off")
        if checked and crc32(arrays[name][0][:count].data) != total:
            raise ValueError(f"{name} is damaged")
    return arrays, told["note"]


def fingerprint(modules: Iterable[Path]) -> str:
    """Return a name for code that makes arrays of words, with all that it rests on."""
    code = b"".join(path.read_bytes() for path in [*sorted(modules), Path(__file__)])
    more = f"{version('PyStemmer')} {unicodedata.unidata_version} {sys.byteorder}"
    return blake2b(code + more.encode(), digest_size=8).hexdigest()


def _aligned(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


def _base(head: int) -> int:
    """Where the arrays begin."""
    return _aligned(16 + head)
