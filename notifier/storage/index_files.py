"""The index of all profiles as a file, so that a process need not read every profile again.

What a file holds can always be made again from the database. One that is damaged, was written by
other code or belongs to another database is no use, and says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from notifier import profiles
from notifier.papers import text
from notifier.profiles.matching.compiled import Compiled
from notifier.storage import array_files
from notifier.storage.store_profiles import Marks, State

SUFFIX = ".index"
# So much of each array is left free in the file, for profiles that change later.
_ROOM = 0.125


class NoUse(Exception):
    """A file that cannot be used, and why."""


@dataclass(frozen=True, slots=True)
class Note:
    """What an index knows of its database.

    Attributes:
        owner: The database it belongs to.
        marks: Up to where it has followed the changes.
        taken_in: Profiles taken in since it was made anew.
        broken: Rows that it could not take in.
        latest: The profiles that had changed last, as they were.
    """

    owner: str
    marks: Marks
    taken_in: int
    broken: tuple[int, ...]
    latest: tuple[State, ...]


@cache
def fingerprint() -> str:
    """Return a name for the code that makes an index of rules, and keys of words."""
    folder = Path(str(profiles.__file__)).parent
    modules = [*folder.glob("*.py"), *(folder / "matching").glob("*.py"), Path(str(text.__file__))]
    return array_files.fingerprint(modules)


def write(path: Path, compiled: Compiled, note: Note) -> None:
    """Write an index, or nothing at all.

    Raises:
        OSError: it cannot be written.
    """
    told = {"code": fingerprint(), **asdict(note)}
    array_files.write(path, compiled.held(), told, room=_ROOM)


def read(path: Path, owner: str) -> tuple[Compiled, Note] | None:
    """Return what was written, mapped: it may be changed, in memory alone. None: no such file.

    Raises:
        NoUse: there is one that is of no use.
    """
    try:
        held, told = array_files.read(path, checked=True, changeable=True)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        raise NoUse(f"cannot be read: {error}") from error
    if told["code"] != fingerprint():
        raise NoUse("of another version")
    if told["owner"] != owner:
        raise NoUse("of another database")
    return Compiled(held), _note(told)


def _note(told: Any) -> Note:
    return Note(
        told["owner"], Marks(**told["marks"]), told["taken_in"], tuple(told["broken"]),
        tuple(State(**state) for state in told["latest"]),
    )  # fmt: skip
