"""PostgreSQL: a `tsvector` of each paper under a GIN index, one `tsquery` for each profile.

The server is one of our own: a new cluster in a temporary folder, run by an unprivileged user,
reached by a socket in that folder alone, and gone at the end. No data of anybody is touched.
"""

from __future__ import annotations

import atexit
import importlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rival import Measured, timed
from streams import BARRIER, COLUMNS, AllOf, Category, OneOf, Pair, Question, Run, Streams, question

from notifier.papers.paper import Paper
from notifier.profiles.rules import Rules

SETTINGS = {
    "listen_addresses": "''",
    "fsync": "off",
    "shared_buffers": "256MB",
    "work_mem": "64MB",
    "jit": "off",  # compiling a query takes longer than running it
    "max_parallel_workers_per_gather": "0",  # one core, as the others
    "autovacuum": "off",  # nothing changes
    "enable_seqscan": "off",  # the planner likes to read all papers; with the index it is faster
}
UNPRIVILEGED = "postgres"  # whom Debian's package makes; only asked for when we are root
_APART = 20  # positions between columns, so that no phrase reaches from one to the next


class PostgresGin:
    """A table of papers; places are its ids.

    Raises:
        ImportError: From `prepare`, where psycopg is not installed.
        FileNotFoundError: From `prepare`, where PostgreSQL is not.
    """

    name = "PostgreSQL GIN"

    def prepare(self, papers: Sequence[Paper]) -> None:
        """Start a server and index the papers."""
        psycopg = importlib.import_module("psycopg")
        self._streams = Streams(papers)
        self._cluster = Cluster()
        self._connection = psycopg.connect(self._cluster.address, autocommit=True)
        run = self._connection.execute
        run("create table papers (id int, words tsvector)")
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "insert into papers values (%s, %s::tsvector)",
                ((place, _vector(columns)) for place, columns in enumerate(self._streams.papers)),
            )
        run("create index papers_words on papers using gin (words)")
        run("vacuum analyze papers")

    def match(
        self, profiles: Iterable[Rules], keep: int | None = 15, seconds: float = 60
    ) -> Measured:
        """Ask for the best by `ts_rank`, or count."""

        def best(asked: str) -> int:
            found = self._connection.execute(
                "select id, ts_rank(words, q) from papers, cast(%s as tsquery) q"
                " where words @@ q order by 2 desc limit %s",
                (asked, keep),
            )
            return len(found.fetchall())

        def count(asked: str) -> int:
            found = self._connection.execute(
                "select count(*) from papers where words @@ %s::tsquery", (asked,)
            )
            return int(found.fetchone()[0])

        return timed(count if keep is None else best, map(self._written, profiles), seconds)

    def found(self, profile: Rules) -> frozenset[int]:
        """Return the places of all papers that match."""
        asked = self._written(profile)
        statement = "select id from papers where words @@ %s::tsquery"
        rows = self._connection.execute(statement, (asked,)) if asked else ()
        return frozenset(place for (place,) in rows)

    def close(self) -> None:
        """Stop the server and remove its files."""
        self._connection.close()
        self._cluster.remove()

    def _written(self, profile: Rules) -> str | None:
        asked = question(profile, self._streams)
        return _written(asked) if asked else None


# The texts.


def _vector(columns: Sequence[Sequence[str]]) -> str:
    """Return a `tsvector`: all columns in one, told apart by a first letter, titles marked A."""
    positions: defaultdict[str, list[str]] = defaultdict(list)
    begun = 1
    for column, words in zip(COLUMNS, columns, strict=True):
        kind, label = _kind(column), "A" if column.startswith("title") else ""
        for place, word in enumerate(words, begun):
            if word not in BARRIER:
                positions[kind + word].append(f"{place}{label}")
        begun += len(words) + _APART
    return " ".join(f"'{word}':{','.join(places)}" for word, places in positions.items())


def _kind(column: str) -> str:
    return "c" if column == "categories" else column.partition("_")[2][0]


def _written(asked: Question) -> str:
    match asked:
        case Run():
            return _phrase(asked)
        case Pair(left=left, right=right, distance=distance):
            orders = ((left, right), (right, left))
            return _joined(" | ", (
                f"({_phrase(one)} <{gap}> {_phrase(two)})"
                for one, two in orders
                for gap in range(1, distance + 1)
            ))  # fmt: skip
        case Category(token=token):
            return f"'c{token}'"
        case OneOf(parts=parts):
            return _joined(" | ", map(_written, parts))
        case AllOf(parts=parts, without=without):
            excluded = (f"!{_written(part)}" for part in without)
            return _joined(" & ", [*map(_written, parts), *excluded])


def _phrase(run: Run) -> str:
    label = {"title": "A", "abstract": "D"}.get(run.where, "")
    marks = [label] * len(run.tokens)
    if run.is_prefix:
        marks[-1] = f"*{label}"
    words = (
        f"'{run.form[0]}{token}'" + (f":{mark}" if mark else "")
        for token, mark in zip(run.tokens, marks, strict=True)
    )
    return _joined(" <-> ", words)


def _joined(sign: str, parts: Iterable[str]) -> str:
    return f"({sign.join(parts)})"


# The server.


class Cluster:
    """A PostgreSQL server of our own; `address` is what a client connects to."""

    def __init__(self, settings: Mapping[str, str] = SETTINGS) -> None:
        self._settings = settings
        self._programs = _programs()
        self._folder = Path(tempfile.mkdtemp(prefix="bench-"))  # short: a socket's path is limited
        atexit.register(self.remove)  # also where the benchmark ends by an error
        self._owner: dict[str, Any] = {}
        if os.getuid() == 0:  # the server refuses to run as root
            owner = pwd.getpwnam(UNPRIVILEGED)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
            self._owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        self.address = f"host={self._folder} user=bench dbname=postgres"
        self._start()

    def _start(self) -> None:
        self._run("initdb", "--auth=trust", "--username=bench", "--no-sync", "--encoding=UTF8",
                  "--locale=C")  # fmt: skip
        settings = {**self._settings, "unix_socket_directories": f"'{self._folder}'"}
        with (self._folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        self._run("pg_ctl", "--wait", f"--log={self._folder}/log", "start")

    def url(self, name: str) -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://bench@/{name}?host={self._folder}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(  # noqa: S603  programs of PostgreSQL, no text of others
            [self._programs / program, f"--pgdata={self._folder}/data", *arguments],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=self._folder, **self._owner,
        )  # fmt: skip

    def remove(self) -> None:
        """Stop the server, if it runs, and remove everything; a second time does nothing."""
        if (self._folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "--wait", "--mode=immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)


def _programs() -> Path:
    """Return the folder of the newest server's programs."""
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if not known:
        raise FileNotFoundError("no PostgreSQL server - apt-get install postgresql")
    return known[-1].parent
