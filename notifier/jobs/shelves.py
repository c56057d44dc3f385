"""Stored papers with their words, kept ready to be asked by one profile at a time.

A shelf holds some thousand papers as they were when it was made. A paper that has changed since
stands in a newer shelf, and the older one does not give it out any more. Shelves are kept in files
too, so that a command need not read every paper again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from notifier.papers.paper import Paper
from notifier.profiles.matching.concordance import Concordance, concordance
from notifier.profiles.matching.postings import Floats
from notifier.profiles.matching.table import Ints
from notifier.ranking.order import ranks
from notifier.storage import paper_changes, shelf_files, store_papers

# About so many papers to a shelf: half as many more rather than a small one beside it.
SHELF_PAPERS = 8_192
_SMALL = SHELF_PAPERS // 2
_MOST_SMALL = 6


@dataclass(slots=True)
class Shelf:
    """Papers by place: rows, numbers (see `number_of`), first seen (POSIX seconds), and words.

    `is_here` is false for what stands in a newer shelf. `change` is the last change it knows of.
    """

    rows: NDArray[np.int64]
    numbers: NDArray[np.int64]
    first_seen: Floats
    ranks: Ints
    is_here: NDArray[np.bool_]
    words: Concordance
    change: int = 0
    path: Path | None = None


def shelved(conn: Connection, rows: Sequence[int], change: int = 0) -> tuple[Shelf, set[int]]:
    """Return a shelf of stored papers, and which of them cannot be read or cut into words.

    These stand there without a word and as no news, so that they are asked for by nobody.
    """
    papers = store_papers.load(conn, rows)
    lacking = set(rows) - {paper.row for paper in papers}
    broken = paper_changes.existing(conn, sorted(lacking))
    try:
        return a_shelf(_with_blanks(papers, broken), change), broken
    except Exception:  # of one paper: it must not stop the others
        broken |= {paper.row for paper in papers if not _is_sound(paper)}
    return a_shelf(_with_blanks(papers, broken), change), broken


def _with_blanks(papers: Sequence[Paper], broken: set[int]) -> list[Paper]:
    sound = [paper for paper in papers if paper.row not in broken]
    return sorted([*sound, *map(_blank, broken)], key=lambda paper: paper.row)


def _blank(row: int) -> Paper:
    return Paper(row, f"{row}", "", "", (), (), datetime.fromtimestamp(0, UTC))


def _is_sound(paper: Paper) -> bool:
    try:
        a_shelf([paper])
    except Exception:
        return False
    return True


def a_shelf(papers: Sequence[Paper], change: int = 0) -> Shelf:
    """Return a shelf of papers, in their order."""
    return Shelf(
        rows=np.array([paper.row for paper in papers], np.int64),
        numbers=np.array([number_of(paper) for paper in papers], np.int64),
        first_seen=np.array([paper.first_seen_at.timestamp() for paper in papers], np.float64),
        ranks=ranks(papers),
        is_here=np.ones(len(papers), bool),
        words=concordance(papers),
        change=change,
    )


def number_of(paper: Paper) -> int:
    """Return the paper's last number of news or new versions, 0 where it has none."""
    return max(paper.arrival or 0, paper.revision or 0)


class Shelves:
    """All shelves of one process; `folder` is where they are kept, None for nowhere.

    Several threads may ask at once: each gets shelves that nobody changes.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = Lock()
        self._shelves: list[Shelf] = []
        self._change, self._removals = -1, -1
        self._is_open = False
        shelf_files.fingerprint()  # of the code that runs: an upgrade may replace it on the disk

    def up_to_date(
        self,
        conn: Connection,
        *,
        since: datetime | None = None,
        tell: Callable[[int], None] = lambda papers: None,
    ) -> list[Shelf]:
        """Return shelves that hold at least the papers first seen `since` then (UTC; None: all).

        Args:
            tell: Called with the number of papers read in so far.
        """
        with self._lock:
            self._open(conn)
            if not self._is_ahead_of(conn):
                self._catch_up(conn, tell)
            oldest = since.timestamp() if since else 0.0
            shelves = [one for one in self._shelves if one.first_seen.max(initial=0.0) >= oldest]
            return [replace(shelf) for shelf in shelves]

    def _is_ahead_of(self, conn: Connection) -> bool:
        """Whether a transaction that began before another one's looks at an older state."""
        is_old = paper_changes.last(conn) < self._change
        return is_old or paper_changes.removals(conn) < self._removals

    def _catch_up(self, conn: Connection, tell: Callable[[int], None]) -> None:
        read = self._read(conn, tell)
        self._tidy(conn)
        if read or self._removals != paper_changes.removals(conn):
            self._settle(conn)
            if sum(int(shelf.is_here.sum()) for shelf in self._shelves) != store_papers.count(conn):
                self._forget()  # a file is missing, say after a crash: all are made anew
                self._read(conn, tell)
                self._settle(conn)

    def _read(self, conn: Connection, tell: Callable[[int], None]) -> int:
        """Put papers that have changed on new shelves; return how many."""
        read = 0
        while True:
            last, rows = paper_changes.changed(conn, self._change, limit=SHELF_PAPERS)
            if not rows:
                return read
            for part in parts(rows):
                self._put(shelved(conn, part, last)[0])
            self._change = last
            read += len(rows)
            tell(read)

    def _forget(self) -> None:
        """Throw all shelves away, with their files."""
        self._drop(self._shelves)
        self._change = -1

    def _open(self, conn: Connection) -> None:
        """Read the files, once; what is no use, or from before a database was put back, goes."""
        if self._is_open or self._folder is None:
            return
        self._is_open = True
        last = paper_changes.last(conn)
        for path in sorted(self._folder.glob(f"*{shelf_files.SUFFIX}")):
            found = shelf_files.read(path)
            if found is None or found[2] > last:
                with contextlib.suppress(OSError):  # another user's, who alone can read it
                    path.unlink(missing_ok=True)
                continue
            words, more, change = found
            here = np.ones(words.papers, bool)
            self._shelves.append(Shelf(**more, is_here=here, words=words, change=change, path=path))
        self._shelves.sort(key=lambda shelf: shelf.change)
        self._change = max((shelf.change for shelf in self._shelves), default=-1)

    def _put(self, shelf: Shelf) -> None:
        self._shelves.append(shelf)
        if self._folder is None:
            return
        # No paper stands in two shelves of one change, so no two have one name.
        name = f"{shelf.change:012d}-{shelf.rows[0]}{shelf_files.SUFFIX}"
        more: dict[str, NDArray[Any]] = {
            "rows": shelf.rows,
            "numbers": shelf.numbers,
            "first_seen": shelf.first_seen,
            "ranks": shelf.ranks,
        }
        with contextlib.suppress(OSError):  # a full disk or no right to write: slower, not wrong
            shelf_files.write(self._folder / name, shelf.words, more, shelf.change)
            shelf.path = self._folder / name
            if written := shelf_files.read(shelf.path):  # mapped, it takes no memory of its own
                shelf.words = written[0]

    def _settle(self, conn: Connection) -> None:
        """Find out which shelf gives out which paper: the newest that has it."""
        removals = paper_changes.removals(conn)
        rows = max((int(shelf.rows.max(initial=0)) for shelf in self._shelves), default=0)
        gone = np.zeros(rows + 1, bool)
        if removals:
            for shelf in self._shelves:
                gone[shelf.rows] = True
            gone[list(paper_changes.existing(conn, np.flatnonzero(gone).tolist()))] = False
        for shelf in reversed(self._shelves):
            shelf.is_here = ~gone[shelf.rows]
            gone[shelf.rows] = True
        self._removals = removals
        self._drop([shelf for shelf in self._shelves if not shelf.is_here.any()])

    def _drop(self, unwanted: Sequence[Shelf]) -> None:
        """Throw shelves away, with their files."""
        self._shelves = [one for one in self._shelves if not any(one is u for u in unwanted)]
        for shelf in unwanted:
            if shelf.path:
                shelf.path.unlink(missing_ok=True)

    def _tidy(self, conn: Connection) -> None:
        """Make one shelf of many small ones, or thinned out, so that asking stays fast."""
        small = [shelf for shelf in self._shelves if int(shelf.is_here.sum()) < _SMALL]
        if len(small) <= _MOST_SMALL:
            return
        known = np.unique(np.concatenate([shelf.rows for shelf in small])).tolist()
        rows = sorted(paper_changes.existing(conn, known))
        change = max(shelf.change for shelf in small)
        self._drop(small)
        for part in parts(rows) if rows else ():
            self._put(shelved(conn, part, change)[0])
        self._shelves.sort(key=lambda shelf: shelf.change)


def parts(rows: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield rows in pieces of like size, each good for one shelf."""
    count = max(int(len(rows) / SHELF_PAPERS + 0.5), 1)
    ends = [len(rows) * number // count for number in range(count + 1)]
    for start, end in pairwise(ends):
        yield rows[start:end]
