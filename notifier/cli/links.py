"""notifier link: show, rotate."""

from __future__ import annotations

from typing import Annotated

import typer

from notifier.cli.output import say
from notifier.cli.state import clock, instance

app = typer.Typer(
    no_args_is_help=True,
    help="The signed links in mails.",
    epilog="Example: notifier link show ada@example.org",
)


@app.command(epilog="Example, for who lost their mails: notifier link show ada@example.org")
def show(address: Annotated[str, typer.Argument(help="Whose.")]) -> None:
    """Print a fresh link where a subscriber changes what comes; whoever has it can do that."""
    with instance() as opened:
        subscriber = opened.subscriptions.get(address)
        typer.echo(opened.links.change(subscriber.row, clock()()))


@app.command(epilog="Example: notifier link rotate")
def rotate() -> None:
    """Sign links with a new key from now on; those in mails that were sent go on working."""
    with instance() as opened:
        count = opened.rotate_links()
    say(f"new links are signed with a new key; {count} keys are known, and all verify")
