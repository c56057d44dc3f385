"""notifier subscriber cohorts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from notifier.cli.moving import app as app  # the group of commands, as far as it goes
from notifier.cli.output import Format, FormatOption, print_rows, to_json
from notifier.cli.state import instance

_ENDS = ("confirmed", "active", "paused", "left", "bounced", "complained")
_SAID = ("shown", "up", "saved", "down")


@app.command(
    epilog="Examples: notifier subscriber cohorts · "
    "notifier subscriber cohorts --weeks 52 --format json"
)
def cohorts(
    weeks: Annotated[
        int, typer.Option(min=1, max=520, help="This week, and those before it.")
    ] = 12,
    format_: FormatOption = Format.table,
) -> None:
    """Print what became of subscribers by the week they confirmed in, their votes and matches.

    Counts below five are hidden (<5, null in JSON), since they tell of single people.
    """
    from notifier.jobs.readership import readership

    with instance() as opened, opened.database.reading() as conn:
        found = asdict(readership(conn, now=opened.clock(), weeks=weeks))
    if format_ is Format.json:
        typer.echo(to_json(found))
        return
    if format_ is Format.jsonl:
        print_rows(found["cohorts"], (), format_)
        return
    _table(found["cohorts"], "week", _ENDS)
    typer.echo()
    _table(found["places"], "place", _SAID)
    typer.echo()
    _table([_named(one) for one in found["matches"]], "matches a week", ("profiles",))


def _table(rows: list[dict[str, Any]], key: str, counts: tuple[str, ...]) -> None:
    shown = [
        {key: str(row[key])} | {name: "<5" if row[name] is None else row[name] for name in counts}
        for row in rows
    ]
    print_rows(shown, (key, *counts), Format.table)


def _named(share: dict[str, Any]) -> dict[str, Any]:
    least, most = share["least"], share["most"]
    ends = f"{least}+" if most is None else str(least) if least == most else f"{least}-{most}"
    return {"matches a week": ends, "profiles": share["profiles"]}
