"""notifier subscriber export, import: people with what they have, as JSON, or from other lists."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from notifier import errors
from notifier.cli.output import say, to_json
from notifier.cli.saved import app as app  # the group of commands, as far as it goes
from notifier.cli.state import instance


@app.command(
    epilog="Examples: notifier subscriber export ada@example.org > ada.json · "
    "notifier subscriber export --all > everybody.jsonl"
)
def export(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The mail address.")] = "",
    everybody: Annotated[
        bool, typer.Option("--all", help="All subscribers, one on a line (JSON Lines).")
    ] = False,
) -> None:
    """Print all that is kept about a subscriber, as JSON; subscriber import takes it in."""
    if bool(address) == everybody:
        raise errors.UsageError("name one ADDRESS, or --all")
    with instance() as app:
        records, now = app.served.records, app.clock()
        if not everybody:
            told = records.everything(app.subscriptions.get(address), now=now)
            typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
            return
        count = 0
        for told in records.every(now=now):
            typer.echo(to_json(told))
            count += 1
    say(f"{count:,} subscribers")
