"""All profiles as one index, which follows what changes in them and is kept in a file.

The database decides: a file that does not fit it is thrown away, and the index made anew from all
profiles. Without a file everything is the same, but slow after every start.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import Connection

from notifier.jobs.left_out import LeftOut
from notifier.profiles.matching.compiled import Compiled
from notifier.storage import index_files, store_profiles
from notifier.storage.database import Database
from notifier.storage.index_files import Note, NoUse
from notifier.storage.part import ALL, Part
from notifier.storage.store_profiles import Changed, Marks

log = structlog.get_logger()

_NOTHING_TAKEN_IN = Marks(change=-1)
# The index keeps words that nobody asks for any more; then it is made anew.
_LITTLE = 100_000
# Fewer profiles than this are read again as fast as a file of them.
WORTH_A_FILE = 30_000
# A file is written again when one profile in so many has changed since.
_WRITTEN_AGAIN = 50
# At least so many are taken in together rather than one by one.
_MANY = 1_000
_LATEST = 300
# While the division of the profiles is changed, processes of both may run.
_OF_NO_USE_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an index is kept: in which folder, and whose database it is of (see `places`)."""

    folder: Path
    owner: str


class Index:
    """The index of one process, of a part of the profiles; `kept` None: in no file."""

    def __init__(self, left_out: LeftOut, kept: Kept | None = None, part: Part = ALL) -> None:
        self._left_out, self._kept, self._part = left_out, kept, part
        self.compiled, self.marks = Compiled(), _NOTHING_TAKEN_IN
        self._taken_in = self._written = 0
        self._broken: set[int] = set()
        self._is_open = False

    @property
    def _path(self) -> Path | None:
        name = f"profiles-{self._part.number}-of-{self._part.of}{index_files.SUFFIX}"
        return self._kept.folder / name if self._kept else None

    def follow(self, conn: Connection) -> None:
        """Take in what has changed in profiles."""
        if not self._is_open:
            self._open(conn)
            self._is_open = True
        marks = store_profiles.marks(conn)
        if marks == self.marks:
            return
        if self._taken_in > max(_LITTLE, 2 * len(self.compiled)):  # half of it is of no use
            self._forget()
        self._take_in(conn, marks)

    def _take_in(self, conn: Connection, marks: Marks) -> None:
        with _nothing_collected():
            for block in store_profiles.changed_in_blocks(conn, self.marks.change, self._part):
                self._put(block)
        self.compiled.forget_lines()
        if marks.removal != self.marks.removal:
            rows = store_profiles.rows(conn, self._part)
            for row in self.compiled.rows() - rows:
                self.compiled.remove(row)
            self._left_out.drop_all_but("profile", rows)
            self._broken &= rows
        self.marks = marks

    def _put(self, block: Sequence[Changed]) -> None:
        self._taken_in += len(block)
        self._broken.difference_update([profile.row for profile in block])
        self._broken |= put(self.compiled, block, self._left_out)

    def changed(self, conn: Connection, among: Sequence[int]) -> set[int]:
        """Return which profiles have changed since they were taken in, or have gone of `among`."""
        marks = store_profiles.marks(conn)
        if marks == self.marks:
            return set()
        changed = {p.row for p in store_profiles.changed(conn, self.marks.change, self._part)}
        if marks.removal != self.marks.removal:
            changed |= set(among) - store_profiles.existing(conn, among)
        return changed

    def _forget(self) -> None:
        self.compiled, self.marks = Compiled(), _NOTHING_TAKEN_IN
        self._taken_in = self._written = 0
        self._broken = set()

    # The file.

    def _open(self, conn: Connection) -> None:
        """Begin with what the file holds, if it fits the database."""
        if self._kept is None or self._path is None:
            return
        try:
            found = index_files.read(self._path, self._kept.owner)
            if found is None:
                return
            self._begin_with(conn, *found)
        except NoUse as reason:
            log.warning("index of profiles made anew", because=f"its file is {reason}")
            self._forget()
            with suppress(OSError):  # it is written over when there is a new one
                self._path.unlink(missing_ok=True)
        except BaseException:  # what was not compared to its end is not believed
            self._forget()
            raise

    def _begin_with(self, conn: Connection, compiled: Compiled, note: Note) -> None:
        marks = store_profiles.marks(conn)
        if note.marks.change > marks.change or note.marks.removal > marks.removal:
            raise NoUse("ahead of the database")
        if not _still_so(conn, note, marks, self._part):
            raise NoUse("of another past of the database")
        self.compiled, self.marks = compiled, note.marks
        self._taken_in = self._written = note.taken_in
        self._broken = set(note.broken)
        self._left_out.add("profile", note.broken)
        self._take_in(conn, marks)
        rows = self.compiled.rows() | self._broken
        if store_profiles.wanted(conn, self._part) != (len(rows), sum(rows)):
            raise NoUse("not of the profiles there are")

    def keep(self, database: Database) -> None:
        """Write the file again, if that is worth it by now."""
        changed = self._taken_in - self._written
        enough = max(len(self.compiled), WORTH_A_FILE) // _WRITTEN_AGAIN
        if self._path is None:
            return
        if len(self.compiled) < WORTH_A_FILE // 2:  # by far: not to and fro
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
        if len(self.compiled) < WORTH_A_FILE or changed < enough:
            return
        self._written = self._taken_in  # also where it fails: not again at every pass
        try:
            index_files.write(self._path, self.compiled, self._note(database))
            self._clear(self._path)
        except OSError as error:  # a full disk or no right to write: slower, not wrong
            log.warning("index of profiles not kept", because=error.strerror)

    def _clear(self, path: Path) -> None:
        """Remove files of another division of the profiles, in which nobody has followed lately."""
        with suppress(OSError):
            latest = path.stat().st_mtime - _OF_NO_USE_SECONDS
            for other in path.parent.glob(f"profiles-*-of-*{index_files.SUFFIX}"):
                is_ours = other.stem.endswith(f"-of-{self._part.of}")
                if not is_ours and other.stat().st_mtime < latest:
                    other.unlink()

    def _note(self, database: Database) -> Note:
        with database.reading() as conn:
            latest = store_profiles.latest(conn, self.marks.change, self._part, limit=_LATEST)
        owner = self._kept.owner if self._kept else ""
        broken = tuple(sorted(self._broken))
        return Note(owner, self.marks, self._taken_in, broken, tuple(latest))


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Millions of words come to stay: looking through them for garbage is a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def put(profiles: Compiled, block: Sequence[Changed], left_out: LeftOut) -> set[int]:
    """Put profiles among others, or take them away: with no rules, or with none to be read.

    Returns:
        The rows of those that cannot be read: one must not stop the others.
    """
    wanted = [(one.row, one.rules) for one in block if one.rules is not None]
    for profile in block:
        if profile.rules is None:
            profiles.remove(profile.row)
    broken = (profiles.put_all if len(wanted) >= _MANY else profiles.put_each)(wanted)
    for row, error in broken.items():
        left_out.add("profile", [row], error)
    left_out.drop_all("profile", {profile.row for profile in block} - broken.keys())
    return set(broken)


def _still_so(conn: Connection, note: Note, marks: Marks, part: Part) -> bool:
    """Whether what had changed last still is as it was, or has changed since.

    Else the database was put back to what it was before, and has had other changes.
    """
    known = {state.row: state for state in note.latest}
    # A full note may lack some that changed together with its oldest; any other lacks none.
    oldest = note.latest[-1].change if len(known) >= _LATEST else -1
    latest = store_profiles.latest(conn, note.marks.change, part, limit=_LATEST)
    if any(state.change > oldest and known.get(state.row) != state for state in latest):
        return False
    now = {state.row: state for state in store_profiles.states(conn, known)}
    for row, before in known.items():
        state = now.get(row)
        if state is None:
            if marks.removal == note.marks.removal:
                return False
        elif state.change <= note.marks.change and state != before:
            return False
    return True
