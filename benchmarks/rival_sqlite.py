"""SQLite's full-text index, which every Python brings: one MATCH for each profile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from rival import Measured, timed
from streams import COLUMNS, AllOf, Category, OneOf, Pair, Question, Run, Streams, question

from notifier.papers.paper import Paper
from notifier.profiles.rules import Rules


class SqliteFts5:
    """An FTS5 table in memory; places are row ids less one."""

    name = "SQLite FTS5"

    def prepare(self, papers: Sequence[Paper]) -> None:
        """Index the papers, without a copy of their text."""
        self._streams = Streams(papers)
        self._database = sqlite3.connect(":memory:")
        columns, marks = ", ".join(COLUMNS), ", ".join("?" * (len(COLUMNS) + 1))
        self._database.execute(
            f"create virtual table papers using fts5({columns}, content='', tokenize='ascii')"
        )
        self._database.executemany(
            f"insert into papers(rowid, {columns}) values ({marks})",  # noqa: S608  fixed names
            ([row, *map(" ".join, columns)] for row, columns in enumerate(self._streams.papers, 1)),
        )
        self._database.execute("insert into papers(papers) values ('optimize')")

    def match(
        self, profiles: Iterable[Rules], keep: int | None = 15, seconds: float = 60
    ) -> Measured:
        """Ask `order by rank limit`, or count."""

        def best(asked: str) -> int:
            found = self._database.execute(
                "select rowid, rank from papers where papers match ? order by rank limit ?",
                (asked, keep),
            )
            return len(found.fetchall())

        def count(asked: str) -> int:
            found = self._database.execute(
                "select count(*) from papers where papers match ?", (asked,)
            )
            return int(found.fetchone()[0])

        return timed(count if keep is None else best, map(self._written, profiles), seconds)

    def found(self, profile: Rules) -> frozenset[int]:
        """Return the places of all papers that match."""
        asked = self._written(profile)
        statement = "select rowid from papers where papers match ?"
        rows = self._database.execute(statement, (asked,)) if asked else ()
        return frozenset(row - 1 for (row,) in rows)

    def close(self) -> None:
        """Drop the table."""
        self._database.close()

    def _written(self, profile: Rules) -> str | None:
        asked = question(profile, self._streams)
        return _written(asked) if asked else None


def _written(asked: Question) -> str:
    match asked:
        case Run(columns=columns):
            return f"{{{' '.join(columns)}}}:{_phrase(asked)}"
        case Pair(left=left, right=right, distance=distance):
            near = f"NEAR({_phrase(left)} {_phrase(right)}, {distance - 1})"
            return f"{{{' '.join(left.columns)}}}:{near}"
        case Category(token=token):
            return f'categories:"{token}"'
        case OneOf(parts=parts):
            return f"({' OR '.join(map(_written, parts))})"
        case AllOf(parts=parts, without=without):
            wanted = " AND ".join(map(_written, parts))
            return f"(({wanted}) NOT {_written(OneOf(without))})" if without else f"({wanted})"


def _phrase(run: Run) -> str:
    return f'"{" ".join(run.tokens)}"' + ("*" if run.is_prefix else "")
