"""notifier db copy: from SQLite to PostgreSQL, and back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifier import errors
from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.state import state

if TYPE_CHECKING:
    from notifier.storage.copying import Copied, Tell
    from notifier.storage.database import Database
    from notifier.storage.store_processes import Process


def copy(
    source: Annotated[str, typer.Argument(metavar="SOURCE_URL", help="What is copied.")],
    target: Annotated[
        str, typer.Argument(metavar="TARGET_URL", help="Where to: an empty database.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be copied.")
    ] = False,
    format_: FormatOption = Format.table,
) -> None:
    """Copy everything from an SQLite file to PostgreSQL, or back, and compare the two.

    Stop the daemon before. A copy that was aborted goes on when it is asked for again. PostgreSQL's
    password is read from PGPASSWORD or ~/.pgpass, where other users of the machine cannot see it.
    """
    from notifier.storage import copying

    with _opened(source) as old, _opened(target, is_target=True, makes_folder=not dry_run) as new:
        parts = copying.parts(old, new)
        if dry_run:
            rows = [{"table": p.table, "rows": p.rows, "present": p.present} for p in parts]
            print_rows(rows, ("table", "rows", "present"), format_)
            say(f"{sum(p.rows for p in parts):,} rows, nothing was copied")
            return
        check_nobody_runs(old)
        with telling(2 * sum(p.rows for p in parts), "copying") as tell:
            done = copying.copy(old, new, tell=tell)
    _report(done, format_)


@contextmanager
def _opened(url: str, *, is_target: bool = False, makes_folder: bool = False) -> Iterator[Database]:
    from notifier.storage.database import Database

    with closing(Database(url, makes_folder=makes_folder)) as database:
        if database.is_sqlite and not is_target and not Path(database.place).exists():
            raise errors.NotFound(f"there is no file {database.place}")
        yield database


def check_nobody_runs(source: Database) -> None:
    """Make sure that no daemon works on a database.

    Raises:
        Busy: one does.
    """
    if who := running(source):
        raise errors.Busy(
            f"a daemon works on {source.place} (process {who.pid} on {who.host}) - "
            "stop it first: what it does meanwhile would be lost"
        )


def running(source: Database) -> Process | None:
    """Return a daemon's process that works on a database."""
    from notifier.daemon.identity import is_gone, this_process
    from notifier.intake import system_clock
    from notifier.standings import is_silent
    from notifier.storage import copying

    me = this_process("", system_clock())
    alive = (
        seen.process
        for seen in copying.processes(source)
        if not (is_silent(seen) or is_gone(seen.process, me))
    )
    return next(alive, None)


@contextmanager
def telling(total: int, doing: str) -> Iterator[Tell]:
    """Show a bar over the rows of both, to a person at a terminal; else say a line a table."""
    if state.quiet or not sys.stderr.isatty():
        told: set[str] = set()

        def say_once(table: str, rows: int) -> None:
            if table not in told:
                told.add(table)
                say(f"{doing} {table} ...")

        yield say_once
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}"), bars.BarColumn(), bars.TaskProgressColumn(),
        bars.TimeElapsedColumn(), bars.TimeRemainingColumn(),
    )  # fmt: skip
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(doing, total=total)

        def tell(table: str, rows: int) -> None:
            shown.update(task, advance=rows, description=table)

        yield tell


def _report(done: list[Copied], format_: Format) -> None:
    """Print what is in both.

    Raises:
        Conflict: they differ.
    """
    rows = [
        {
            "table": one.table,
            "rows": one.rows,
            "sum": f"{one.sum:016x}",
            "target_rows": one.target_rows,
            "target_sum": f"{one.target_sum:016x}",
            "equal": one.is_equal,
        }
        for one in done
    ]
    print_rows(rows, ("table", "rows", "sum", "target_rows", "target_sum", "equal"), format_)
    if differing := [one.table for one in done if not one.is_equal]:
        raise errors.Conflict(
            f"the copy differs in {', '.join(differing)}: the source was changed since an earlier "
            "copy was aborted - empty the target, and copy again"
        )
    say(f"copied {sum(one.rows for one in done):,} rows, and both are equal")
