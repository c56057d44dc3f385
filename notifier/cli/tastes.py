"""notifier subscriber: vote, taste."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args

import typer

from notifier import errors
from notifier.cli.output import Format, FormatOption, print_record, say
from notifier.cli.papers import Id, find_paper
from notifier.cli.state import instance
from notifier.cli.subscribers import Address
from notifier.cli.subscribers import app as app  # the group of commands that these belong to

if TYPE_CHECKING:
    from notifier.app import App
    from notifier.profiles.profile import Subscriber


Said: TypeAlias = Literal["up", "down", "saved", "none"]


@app.command(epilog="Example: notifier subscriber vote ada@example.org 2508.13426 up")
def vote(
    address: Address,
    paper: Id,
    said: Annotated[
        Said,
        typer.Argument(
            help="up: more like this. down: not for me. saved: kept, counts as up. none: take back."
        ),
    ],
) -> None:
    """Keep what a subscriber says of a paper; the last word on a paper counts."""
    from notifier.storage import store_votes
    from notifier.storage.store_votes import StoredVote

    with instance() as opened:
        found = opened.subscriptions.get(address)
        with opened.database.writing() as conn:
            named = find_paper(conn, paper)
            if said == "none":
                told = store_votes.remove(conn, found.row, named.row)
            else:
                told = True
                store_votes.put(conn, StoredVote(found.row, named.row, said, opened.clock()))
    outcome = "vote taken back" if told else "there was no vote"
    say(f"{found.address}: {outcome if said == 'none' else said}, {named.id} {named.title}")
    if said != "none" and not found.learning:
        say(f"votes move nothing before: notifier subscriber change {found.address} --learning")


@app.command(
    epilog="Examples: notifier subscriber taste ada@example.org --format json · "
    "notifier subscriber taste ada@example.org --reset --dry-run"
)
def taste(
    address: Address,
    reset: Annotated[bool, typer.Option("--reset", help="Forget all votes.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --reset: only say what would go.")
    ] = False,
    format_: FormatOption = Format.table,
) -> None:
    """Print what was learned from a subscriber's votes: more of which words, less of which."""
    if dry_run and not reset:
        raise errors.UsageError("--dry-run says what --reset would forget - give both")
    with instance() as opened:
        found = opened.subscriptions.get(address)
        if reset:
            many = _forget(opened, found, dry_run=dry_run)
            say(f"{found.address}: {many} votes {'would be ' if dry_run else ''}forgotten")
        else:
            print_record(_record(opened, found), format_)


def _forget(opened: App, found: Subscriber, *, dry_run: bool) -> int:
    from notifier.storage import store_votes

    if dry_run:
        with opened.database.reading() as conn:
            return sum(store_votes.counts(conn, found.row).values())
    with opened.database.writing() as conn:
        return store_votes.reset(conn, found.row)


def _record(opened: App, found: Subscriber) -> dict[str, Any]:
    from notifier.jobs.tastes import Tastes
    from notifier.storage import store_votes
    from notifier.storage.store_votes import Kind

    with opened.database.reading() as conn:
        counts = store_votes.counts(conn, found.row)
        more, less = Tastes(conn, [found], now=opened.clock()).told(found.row)
    return {
        "address": found.address,
        "learning": found.learning,
        "votes": {kind: counts.get(kind, 0) for kind in get_args(Kind)},
        "more_of": more,
        "less_of": less,
    }
