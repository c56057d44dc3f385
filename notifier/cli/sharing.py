"""notifier profile: share, join, leave."""

from __future__ import annotations

from typing import Annotated

import typer

from notifier import errors
from notifier.cli.output import say
from notifier.cli.profiles import Address, Name
from notifier.cli.state import instance
from notifier.cli.suggesting import app as app  # the group of commands, as far as it goes

Link = Annotated[str, typer.Argument(metavar="LINK", help="What profile share printed.")]


@app.command(
    epilog="Examples: notifier profile share ada@example.org agents · "
    "notifier profile share ada@example.org agents --owner-link"
)
def share(
    address: Address,
    name: Name,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new link; the old one stops working.")
    ] = False,
    owner_link: Annotated[
        bool, typer.Option("--owner-link", help="A link that makes one person an owner, once.")
    ] = False,
    off: Annotated[
        bool, typer.Option("--off", help="Share it no more; followers keep the rules.")
    ] = False,
) -> None:
    """Print the link of a shared profile. Who has it can follow or copy the rules."""
    if rotate + owner_link + off > 1:
        raise errors.UsageError("--rotate, --owner-link or --off - give one")
    with instance() as opened:
        row, sharing = opened.subscriptions.profile(address, name).row, opened.served.sharing
        if off:
            say("it is shared no more" if sharing.stop(row) else "it was not shared")
            return
        link = sharing.share(row, now=opened.clock(), rotate=rotate)
        typer.echo(sharing.owner_link(row) if owner_link else link)
        found = sharing.of(row)
    if found:
        say(f"{found.owners} owners, {found.readers} readers")


@app.command(
    epilog="Examples: notifier profile join bo@example.org https://…/shared/… · "
    "notifier profile join bo@example.org https://…/shared/… --copy"
)
def join(
    address: Address,
    link: Link,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy the rules; later changes do not come.")
    ] = False,
) -> None:
    """Have a subscriber follow a shared profile, or copy it."""
    with instance() as opened:
        found = opened.subscriptions.get(address)
        kept = opened.served.sharing.join(found, link, now=opened.clock(), copy=copy)
        standing = opened.served.sharing.of(kept.row)
    how = "a copy" if standing is None else f"as {standing.role}"
    say(f'{found.address}: profile "{kept.name}", {how}')


@app.command(epilog="Example: notifier profile leave bo@example.org agents")
def leave(address: Address, name: Name) -> None:
    """Make a profile that follows a shared one the subscriber's own, with its rules of now."""
    with instance() as opened:
        row = opened.subscriptions.profile(address, name).row
        left = opened.served.sharing.leave(row)
    say(f'profile "{name}" is their own' if left else f'profile "{name}" was their own')
