"""notifier profile feed: where a profile's papers can be read by programs that read feeds."""

from __future__ import annotations

from typing import Annotated

import typer

from notifier import errors
from notifier.cli.output import say
from notifier.cli.profile_test import app as app  # the group of commands, as far as it goes
from notifier.cli.profiles import Address, Name
from notifier.cli.state import instance

Rotate = Annotated[
    bool, typer.Option("--rotate", help="Make a new address; an old one stops working.")
]
Off = Annotated[bool, typer.Option("--off", help="Switch the feed off.")]


@app.command(
    epilog="Examples: notifier profile feed ada@example.org agents --rotate · "
    "notifier profile feed ada@example.org agents · notifier profile feed ada@example.org agents "
    "--off"
)
def feed(
    address: Address,
    name: Name,
    rotate: Rotate = False,
    off: Off = False,
) -> None:
    """Print where a profile's feed is, as Atom and as JSON Feed. Who knows it reads it."""
    check_one(rotate=rotate, off=off)
    with instance() as opened:
        row = opened.subscriptions.profile(address, name).row
        if off:
            stopped = opened.served.feeds.stop(row)
            say("the feed is off" if stopped else "there was no feed")
            return
        found = opened.served.feeds.rotate(row) if rotate else opened.served.feeds.of(row)
    if found is None:
        raise errors.NotFound(f'profile "{name}" has no feed - make one with --rotate')
    typer.echo(found.atom)
    typer.echo(found.json)


def check_one(*, rotate: bool, off: bool) -> None:
    """Refuse both at once.

    Raises:
        UsageError: both are asked for.
    """
    if rotate and off:
        raise errors.UsageError("--rotate or --off, not both")
