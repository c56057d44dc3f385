"""notifier outbox: list, show, retry, drop, resume."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier import errors
from notifier.cli.digests import the_one
from notifier.cli.output import Format, FormatOption, print_record, print_rows, say
from notifier.cli.state import instance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from notifier.app import App
    from notifier.storage.store_outbox import Waiting

app = typer.Typer(
    no_args_is_help=True, help="Mails that wait to be sent.", epilog="Example: notifier outbox list"
)

Key = Annotated[str, typer.Argument(metavar="ID", help="The digest's id, or its first letters.")]
Keys = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids, or their first letters.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")]


class State(StrEnum):
    """Which mails are listed."""

    open = "open"
    pending = "pending"
    claimed = "claimed"
    held = "held"
    sent = "sent"
    failed = "failed"
    expired = "expired"
    dropped = "dropped"


@app.command(
    "list",
    epilog="Examples: notifier outbox list · notifier outbox list --state failed --format jsonl",
)
def list_(
    state: Annotated[
        State, typer.Option("--state", help="open: pending, claimed (on the wire) and held.")
    ] = State.open,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The first so many.")] = 50,
    format_: FormatOption = Format.table,
) -> None:
    """Print mails that wait, with how their last attempt ended, the longest waiting first."""
    from notifier.storage import store_outbox

    states = store_outbox.OPEN if state is State.open else (state.value,)
    with instance() as opened, opened.database.reading() as conn:
        found = store_outbox.listed(conn, states=states, limit=limit)
        told, cures = _told(conn, opened, found)
    columns = ("key", "address", "destination", "state", "attempts", "why", "code", "reply")
    print_rows([one | {"key": one["key"][:8]} for one in told], columns, format_)
    if not found:
        say("nothing waits" if state is State.open else f"no mail is {state.value}")
    if any(one.state == "held" for one in found):
        say("held ones may have been taken: notifier outbox retry ID (send again) or drop ID")
    for cure in cures:
        say(cure)


@app.command(epilog="Example: notifier outbox show 3f9a21bc")
def show(key: Key, format_: FormatOption = Format.table) -> None:
    """Print one mail's state and every attempt to send it, in the server's words."""
    from notifier.storage import store_outbox

    with instance() as opened, opened.database.reading() as conn:
        found = _one(conn, key)
        tried = store_outbox.attempts(conn, found.key)
        ((record,), _) = _told(conn, opened, [found])
    if format_ is not Format.table:
        print_record(record | {"tried": [asdict(one) for one in tried]}, format_)
        return
    print_record(record, format_)
    typer.echo()
    columns = ("number", "at", "outcome", "stage", "code", "enhanced", "reply")
    print_rows([asdict(one) for one in tried], columns, format_)


@app.command(epilog="Example: notifier outbox retry 3f9a21bc")
def retry(keys: Keys, dry_run: DryRun = False) -> None:
    """Send mails at once that wait, are held, or were refused: the same mail, byte for byte."""
    from notifier.storage import store_outbox

    with instance() as opened:
        now, hours = opened.clock(), opened.settings.delivery.daily_hours
        for key in keys:
            with opened.database.writing() as conn:
                found = _one(conn, key)
                until = max(found.expires_at, now + timedelta(hours=hours))
                is_open = found.state in ("pending", "held", "failed")
                done = is_open and store_outbox.has_mail(conn, found.key)
                if done and not dry_run:
                    done = store_outbox.retry(conn, found.key, now=now, expires_at=until)
            if is_open and not done:
                say(f"{found.key[:8]} to {found.address}: its mail was deleted after "
                    f"{opened.archive.days} days, it cannot be sent again")  # fmt: skip
                continue
            _said(found, done, "is sent with the next tick", dry_run)


@app.command(epilog="Example: notifier outbox drop 3f9a21bc --dry-run")
def drop(keys: Keys, dry_run: DryRun = False) -> None:
    """Give up mails that wait or are held. Their papers count as sent."""
    from notifier.storage import store_outbox

    with instance() as opened:
        now = opened.clock()
        for key in keys:
            with opened.database.writing() as conn:
                found = _one(conn, key)
                done = found.state in ("pending", "held")
                if done and not dry_run:
                    done = store_outbox.drop(conn, found.key, now=now)
            _said(found, done, "is given up", dry_run)


@app.command(
    epilog="Examples: notifier outbox resume google · notifier outbox resume uni-x.example · "
    "notifier outbox resume"
)
def resume(
    destination: Annotated[
        str,
        typer.Argument(
            metavar="[DESTINATION]",
            help="As outbox list and status name it; none: all of them, and the mail server.",
            show_default=False,
        ),
    ] = "",
    dry_run: DryRun = False,
) -> None:
    """Go on with a destination that is paused or slow, or with the mail server."""
    from notifier.jobs.delivering import resuming

    with instance() as opened, opened.database.writing() as conn:
        now, wanted = opened.clock(), opened.pace.destinations.of(destination)
        found = [one for one in resuming.stopped(conn, now=now) if wanted in ("", one)]
        if wanted and not found:
            raise errors.NotFound(
                f"{wanted} is neither paused nor slow - notifier status shows what is"
            )
        done = [] if dry_run else [resuming.resume(conn, one, now=now) for one in found]
    if not found:
        say("nothing is paused or slow, and the mail server is asked")
    for one in found:
        what = one or "the mail server"
        say(f"{what} {'would be: ' if dry_run else ''}is asked again with the next tick")
    if any(one.again for one in done):
        say("mails that were refused are tried again at once")


def _told(
    conn: Connection, opened: App, found: Sequence[Waiting]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Each mail with its destination and why it waits; and what could be done, in lines."""
    from notifier.cli.pace import Ways
    from notifier.delivery.waiting import why

    now, ways = opened.clock(), Ways(conn, opened)
    rows = [
        {name: value for name, value in asdict(one).items() if name not in ("row", "subscriber")}
        | {
            "destination": ways.to(one.address).destination.destination,
            "why": why(one.state, one.not_before, ways.to(one.address), now=now),
        }
        for one in found
    ]
    return rows, ways.cures(one.address for one in found if one.state == "pending")


def _one(conn: Connection, key: str) -> Waiting:
    from notifier.storage import store_outbox

    found = store_outbox.listed(conn, key=key, limit=2) if key else []
    return the_one(found, key, f'no mail of a digest "{key}" - notifier outbox list shows them')


def _said(found: Waiting, done: bool, what: str, dry_run: bool) -> None:
    if not done:
        say(f"{found.key[:8]} to {found.address} is {found.state}: nothing to do")
        return
    say(f"{found.key[:8]} to {found.address} {'would be: ' if dry_run else ''}{what}")
