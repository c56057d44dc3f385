"""notifier channel: add, list, test, pause, resume, remove."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier import errors
from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.state import instance

if TYPE_CHECKING:
    from datetime import datetime

    from notifier.app import App
    from notifier.storage.store_channels import Channel

app = typer.Typer(
    no_args_is_help=True,
    help="Where papers go beside the mail: Slack, Discord, Telegram, ntfy, a webhook.",
    epilog="Example: notifier channel add ada@example.org agents --url-file slack.url",
)

Number = Annotated[int, typer.Argument(metavar="ID", help="Its number: see channel list.", min=1)]


@app.command(
    epilog="Examples: notifier channel add ada@example.org agents --url-file slack.url · "
    "notifier channel add ada@example.org agents ntfys://TOPIC"
)
def add(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The subscriber.")],
    profile: Annotated[str, typer.Argument(metavar="PROFILE", help="Whose papers go there.")],
    url: Annotated[
        str, typer.Argument(metavar="[URL]", help="Its address: a secret.", show_default=False)
    ] = "",
    url_file: Annotated[
        Path | None, typer.Option("--url-file", help="A file that holds it; - is stdin.")
    ] = None,
) -> None:
    """Have a profile's papers go to a channel, too, with each digest from now on."""
    if bool(url) == bool(url_file):
        raise errors.UsageError("give the channel's address once, as URL or by --url-file")
    typed = _read(url_file) if url_file else url
    with instance() as opened:
        service = opened.channelled.channels
        checked = service.checked(typed)
        service.listed(address)  # a wrong address is told before anything is started
        asyncio.run(opened.channelled.check(checked))
        made = service.add(address, profile, checked, now=opened.clock())
    say(f"channel {made.row}: {checked.shown} gets papers of {', '.join(made.profiles)}")
    say(f"try it: notifier channel test {made.row}")


def _read(path: Path) -> str:
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise errors.UsageError(f"{path} cannot be read: {type(error).__name__}") from None


@app.command("list", epilog="Example: notifier channel list ada@example.org --format jsonl")
def list_(
    address: Annotated[str, typer.Argument(help="One subscriber; none: all.")] = "",
    format_: FormatOption = Format.table,
) -> None:
    """Print channels, how they are, and why nothing goes there; addresses are cut."""
    with instance() as opened:
        rows = records(opened, opened.channelled.channels.listed(address))
        lacks = opened.channelled.lacks
    columns = ("id", "address", "channel", "profiles", "state", "waiting", "last_sent_at", "why",
               "last_answer")  # fmt: skip
    print_rows(rows, columns, format_)
    if lacks:
        say(lacks)
    if any(row["state"] == "paused" for row in rows):
        say("when it is mended: notifier channel resume ID")


def records(opened: App, channels: list[Channel]) -> list[dict[str, Any]]:
    """Return channels as they are printed."""
    from notifier.subscriptions.channels import shown

    now, services = opened.clock(), opened.channelled.services
    return [
        {
            "id": one.row, "address": one.address, "service": one.service, "channel": shown(one),
            "profiles": one.profiles, "state": _state(one, now, services), "waiting": one.waiting,
            "last_sent_at": one.last_sent_at, "since": one.paused_at, "until": one.rest_until,
            "refused": bool(one.reason), "last_answer": one.last_answer,
            "why": one.reason or ("by the operator" if one.paused_at else None),
        }
        for one in channels
    ]  # fmt: skip


def _state(one: Channel, now: datetime, services: tuple[str, ...]) -> str:
    if one.service not in services:
        return "not allowed"
    if one.paused_at:
        return "paused"
    return "resting" if one.rest_until and one.rest_until > now else "open"


@app.command(epilog="Example: notifier channel test 3")
def test(number: Number) -> None:
    """Send one line there now, and show what the service answers."""
    with instance() as opened:
        found = opened.channelled.channels.get(number)
        answer = asyncio.run(opened.channelled.test(found))
    typer.echo(str(answer))
    if not answer.ok:
        raise typer.Exit(1)


@app.command(epilog="Example: notifier channel pause 3")
def pause(number: Number) -> None:
    """Have nothing go there until it is resumed."""
    with instance() as opened:
        opened.channelled.channels.pause(number, now=opened.clock())
    say(f"channel {number} gets nothing until: notifier channel resume {number}")


@app.command(epilog="Example: notifier channel resume 3")
def resume(number: Number) -> None:
    """Let papers go there again, whoever paused it; what waits is sent with the next tick."""
    with instance() as opened:
        opened.channelled.channels.resume(number, now=opened.clock())
    say(f"channel {number} gets papers again")


@app.command(epilog="Example: notifier channel remove 3")
def remove(number: Number) -> None:
    """Forget a channel, its address and what waits for it."""
    from notifier.subscriptions.channels import shown

    with instance() as opened:
        gone = opened.channelled.channels.remove(number)
    say(f"channel {number} of {gone.address} ({shown(gone)}) is removed")
