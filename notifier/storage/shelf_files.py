"""Shelves of words as files: arrays that are read from disk only where they are looked at.

What a file holds can always be made again from the database. One written by another version of the
code that cuts texts into words is no use, and is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from notifier.papers import text
from notifier.profiles import keys, names
from notifier.profiles.matching import concordance
from notifier.profiles.matching.concordance import Concordance, Values
from notifier.storage import array_files

SUFFIX = ".shelf"
_BREAK = ord("\n")


class Lines(Sequence[str]):
    """Texts without line breaks, each taken out when it is asked for."""

    def __init__(self, joined: NDArray[np.uint8], count: int) -> None:
        self._joined, self._count = joined, count
        self._bounds: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        return iter(self[:])

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            whole = self._joined.tobytes().decode()
            return whole.split("\n")[index] if self._count else []
        place = range(self._count)[index]
        if self._bounds is None:
            breaks = np.flatnonzero(self._joined == _BREAK)
            self._bounds = np.concatenate(([-1], breaks, [len(self._joined)]))
        start, end = self._bounds[place : place + 2]
        return self._joined[start + 1 : end].tobytes().decode()


@cache
def fingerprint() -> str:
    """Return a name for the code that cuts texts into words and makes keys of them."""
    modules = (text, concordance, keys, names)
    return array_files.fingerprint(Path(str(module.__file__)) for module in modules)


def write(path: Path, words: Concordance, more: dict[str, NDArray[Any]], note: Any) -> None:
    """Write a shelf's words, further arrays and a note (JSON) into one file, or none at all.

    Raises:
        OSError: it cannot be written.
    """
    arrays = dict(_arrays(words)) | more
    head = {"code": fingerprint(), "papers": words.papers, "note": note}
    array_files.write(path, arrays, head)


def _arrays(words: Concordance) -> list[tuple[str, NDArray[Any]]]:
    out: list[tuple[str, NDArray[Any]]] = []
    for field in fields(words):
        value = getattr(words, field.name)
        match value:
            case Values():
                out.append((f"{field.name}.values", _joined(value.values)))
                out.append((f"{field.name}.starts", value.starts))
                out.append((f"{field.name}.ids", value.ids))
                out.append((f"{field.name}.keys", value.keys.ravel()))
            case np.ndarray():
                out.append((field.name, value))
            case Sequence():
                out.append((field.name, _joined(value)))
    return out


def _joined(texts: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(texts).encode(), np.uint8)


def read(path: Path) -> tuple[Concordance, dict[str, NDArray[Any]], Any] | None:
    """Return what was written, or None for a file of other code, cut off, or no such file."""
    try:
        held, head = array_files.read(path)
    except (OSError, ValueError, KeyError):
        return None
    if head["code"] != fingerprint():
        return None
    arrays = {name: values[:count] for name, (values, count) in held.items()}
    names = [field.name for field in fields(Concordance) if field.name in arrays]
    taken: dict[str, Any] = {name: arrays.pop(name) for name in names}
    taken["folded"] = Lines(taken["folded"], len(taken["folded_words"]))
    for name in ("authors", "categories", "sources"):
        parts = {part: arrays.pop(f"{name}.{part}") for part in ("values", "starts", "ids", "keys")}
        count = int(parts["ids"].max(initial=-1)) + 1
        taken[name] = Values(
            Lines(parts["values"], count), parts["starts"], parts["ids"],
            parts["keys"].reshape(-1, 2),
        )  # fmt: skip
    return Concordance(papers=head["papers"], **taken), arrays, head["note"]
