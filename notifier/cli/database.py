"""notifier db: info, upgrade."""

from __future__ import annotations

from typing import Annotated

import typer

from notifier.cli.output import Format, FormatOption, print_record, say
from notifier.cli.state import settings

app = typer.Typer(no_args_is_help=True, help="The database.", epilog="Example: notifier db info")


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


@app.command(epilog="Example: notifier db upgrade --check")
def upgrade(
    check: Annotated[bool, typer.Option("--check", help="Only say what is pending.")] = False,
) -> None:
    """Bring the database to this version's schema; other commands do it by themselves."""
    from notifier.storage import schema
    from notifier.storage.database import Database

    database = Database(settings().database.url)
    steps = schema.pending(database) if check else schema.upgrade(database)
    database.close()
    say(f"{'pending' if check else 'applied'}: {', '.join(steps) or 'nothing'}")
    if check and steps:
        raise typer.Exit(3)
