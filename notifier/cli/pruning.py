"""What `notifier prune` does."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from notifier import errors
from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.state import instance

if TYPE_CHECKING:
    from notifier.app import App

_COLUMNS = ("kind", "rows", "oldest", "freed_bytes")


def prune(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what would go; change nothing.")
    ] = False,
    vacuum: Annotated[
        bool,
        typer.Option(
            "--vacuum",
            help="Then write the SQLite file anew without its gaps, so that it becomes smaller; "
            "others wait to write meanwhile.",
        ),
    ] = False,
    format_: FormatOption = Format.table,
) -> None:
    """Delete what is older than \\[keep] says; the daemon does the same once a day."""
    from notifier.jobs import housekeeping

    if dry_run and vacuum:
        raise errors.UsageError("--dry-run changes nothing - leave --vacuum away")
    with instance() as opened:
        now, kept = opened.clock(), opened.retention
        if dry_run:
            found = housekeeping.foresee(opened.database, kept, now=now)
        else:
            found = housekeeping.prune(opened.database, kept, now=now)
        print_rows([asdict(one) for one in found], _COLUMNS, format_)
        rows = sum(one.rows for one in found)
        say(f"{rows:,} rows would go; nothing was changed" if dry_run else f"{rows:,} rows deleted")
        if vacuum:
            _compact(opened)


def _compact(app: App) -> None:
    from notifier.storage import compacting

    say("writing the file anew; others wait to write")
    say(f"{compacting.compact(app.database) / 1e6:,.1f} MB given back to the disk")
