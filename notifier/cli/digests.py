"""notifier digest: list, show."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from notifier import errors
from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.state import instance

app = typer.Typer(
    no_args_is_help=True, help="What was sent.", epilog="Example: notifier digest list"
)


@app.command("list", epilog="Example: notifier digest list --for ada@example.org --format jsonl")
def list_(
    owner: Annotated[
        str, typer.Option("--for", help="Of one subscriber.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 50,
    format_: FormatOption = Format.table,
) -> None:
    """Print digests and what became of them, the newest first."""
    from notifier.storage import store_digests

    with instance() as app:
        row = app.subscriptions.get(owner).row if owner else None
        with app.database.reading() as conn:
            found = store_digests.listed(conn, subscriber=row, limit=limit)
    columns = ("key", "address", "period", "papers", "more", "state", "attempts", "reply")
    print_rows([asdict(one) | {"key": one.key[:8]} for one in found], columns, format_)


@app.command(epilog="Example: notifier digest show 3f9a21bc --eml > digest.eml")
def show(
    key: Annotated[str, typer.Argument(metavar="ID", help="The id, or its first letters.")],
    eml: Annotated[bool, typer.Option("--eml", help="Print the mail as it was sent.")] = False,
    format_: FormatOption = Format.table,
) -> None:
    """Print a digest's papers, or the mail exactly as it was sent."""
    from notifier.storage import store_digests

    with instance() as app, app.database.reading() as conn:
        found = store_digests.listed(conn, key=key, limit=2)
        if not found or not key:
            raise errors.NotFound(f'no digest "{key}" - notifier digest list shows them')
        if len(found) > 1:
            raise errors.UsageError(f'"{key}" begins several ids - give more of it')
        content = store_digests.content(conn, found[0].key)
        papers = store_digests.papers_of(conn, found[0].key)
    if eml:
        if content is None and found[0].papers:
            raise errors.NotFound("this mail is not kept any more - see site.archive_days")
        typer.echo(content or b"", nl=False)
        return
    say(f"{found[0].subject or 'nothing matched'} ({found[0].state})")
    names = ("profile", "place", "paper", "title")
    print_rows([dict(zip(names, row, strict=True)) for row in papers], names, format_)
