"""notifier db: info, upgrade, backup, copy, check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from notifier import errors
from notifier.cli import copying
from notifier.cli.output import Format, FormatOption, print_record, print_rows, say
from notifier.cli.state import settings

app = typer.Typer(no_args_is_help=True, help="The database.", epilog="Example: notifier db info")

app.command(
    epilog="Examples: notifier db copy sqlite:///notifier.db "
    "postgresql://notifier@db.example.org/notifier · notifier db copy sqlite:///notifier.db "
    "postgresql:///notifier --dry-run"
)(copying.copy)


@app.command(epilog="Example: notifier db info --format json")
def info(format_: FormatOption = Format.table) -> None:
    """Print where the database is and which schema it has; changes nothing."""
    from notifier.storage import schema
    from notifier.storage.database import Database

    database = Database(settings().database.url)
    steps = schema.pending(database)
    record = {
        "database": database.place,
        "schema": schema.revision(database),
        "program": schema.head(),
        "pending": steps,
    }
    print_record(record, format_)
    database.close()
    if steps:
        raise typer.Exit(3)


@app.command(epilog="Examples: notifier db upgrade --check · notifier db upgrade --no-backup")
def upgrade(
    check: Annotated[bool, typer.Option("--check", help="Only say what is pending.")] = False,
    copy: Annotated[
        bool,
        typer.Option(
            "--backup/--no-backup",
            help="Write a copy first: beside the file, or (PostgreSQL) into this folder.",
        ),
    ] = True,
) -> None:
    """Bring the database to this version's schema; other commands do it too, without a copy."""
    from notifier import engines
    from notifier.storage import backups, schema
    from notifier.storage.database import Database

    database = Database(settings().database.url)
    before, steps = schema.revision(database), schema.pending(database)
    if steps and not check:
        if copy and before:
            beside = Path(database.place if database.is_sqlite else f"{database.url.database}.dump")
            target = beside.with_name(f"{beside.name}.{before}")
            backups.backup(database, target, replace=True)
            say(f"copied to {target}")
        steps = schema.upgrade(database)
    if not check and engines.install(settings(), database):
        say("made the engine's tables")
    database.close()
    say(f"{'pending' if check else 'applied'}: {', '.join(steps) or 'nothing'}")
    if check and steps:
        raise typer.Exit(3)


@app.command(
    epilog="Examples: notifier db backup /var/backups/notifier.db · "
    "notifier db backup latest.db --replace"
)
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a file of that name.")
    ] = False,
) -> None:
    """Write a checked copy of the database, also while a daemon runs on it.

    Of PostgreSQL by its pg_dump; pg_restore reads it back.
    """
    from notifier.storage import backups
    from notifier.storage.database import Database

    database = Database(settings().database.url)
    size = backups.backup(database, file, replace=replace)
    database.close()
    say(f"wrote {file}, {size / 1e6:,.1f} MB")


@app.command(epilog="Examples: notifier db check · notifier db check --format json")
def check(format_: FormatOption = Format.table) -> None:
    """Check the database: damage, rows that refer to none, promises that are not kept."""
    from notifier.storage import backups, promises, schema
    from notifier.storage.database import Database

    database = Database(settings().database.url)
    if schema.pending(database):
        raise errors.UsageError("the schema is an older one - first: notifier db upgrade")
    damage = backups.problems(Path(database.place)) if database.is_sqlite else []
    with database.reading() as conn:
        broken = promises.broken(conn)
    database.close()
    rows = [{"problem": one, "rows": 1, "examples": ()} for one in damage]
    rows += [
        {"problem": f"not kept: {one.promise}", "rows": one.rows, "examples": one.examples}
        for one in broken
    ]
    print_rows(rows, ("problem", "rows", "examples"), format_)
    say(f"{len(rows)} problems" if rows else "sound, and every promise is kept")
    if rows:
        raise typer.Exit(1)
