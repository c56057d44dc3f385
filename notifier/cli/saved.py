"""notifier subscriber saved, saved-feed: what somebody saved, to be taken along."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from notifier import errors
from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.profile_feed import Off, Rotate, check_one
from notifier.cli.state import instance
from notifier.cli.subscribers import Address
from notifier.cli.tastes import app as app  # the group of commands, as far as it goes

if TYPE_CHECKING:
    from notifier.app import App


class As(StrEnum):
    """As what saved papers are printed."""

    bibtex = "bibtex"
    ris = "ris"
    csl = "csl"
    atom = "atom"


@app.command(
    epilog="Examples: notifier subscriber saved ada@example.org --as bibtex > ada.bib · "
    "notifier subscriber saved ada@example.org --as csl > ada.json"
)
def saved(
    address: Address,
    as_: Annotated[
        As | None, typer.Option("--as", help="As a file for reference managers; none: a list.")
    ] = None,
    format_: FormatOption = Format.table,
) -> None:
    """Print the papers that a subscriber saved, the first saved first (Atom: the last first)."""
    with instance() as opened:
        row = opened.subscriptions.get(address).row
        if as_ is None:
            papers = opened.served.saved.papers(row)
            rows = ({"id": one.id, "title": one.title} for one in papers)
            print_rows(rows, ("id", "title"), format_)
        elif as_ is As.atom:
            typer.echo(_atom(opened, row))
        else:
            from notifier.papers import bibliography

            papers = opened.served.saved.papers(row)
            for text in bibliography.written(bibliography.Form(as_), papers):
                typer.echo(text.encode(), nl=False)


def _atom(opened: App, row: int) -> bytes:
    """The feed, with all papers in it."""
    from notifier.storage import store_saved
    from notifier.web import feeds, syndication

    subscriber = opened.subscriptions.by_row(row)
    reader = store_saved.Reader(row, subscriber.state, subscriber.language, subscriber.created_at)
    with opened.database.reading() as conn:
        listed = store_saved.listed(conn, row)
        items = feeds.items_of(conn, listed, opened.links)
    found = opened.served.saved.feed(row)
    here = found.atom if found else f"{opened.links.base}/"
    return syndication.atom(feeds.of_saved(opened, reader, items, here=here))


@app.command(
    "saved-feed",
    epilog="Examples: notifier subscriber saved-feed ada@example.org --rotate · "
    "notifier subscriber saved-feed ada@example.org --off",
)
def saved_feed(
    address: Address,
    rotate: Rotate = False,
    off: Off = False,
) -> None:
    """Print where the feed of saved papers is, as Atom and as JSON Feed. Who knows it reads it."""
    check_one(rotate=rotate, off=off)
    with instance() as opened:
        service, row = opened.served.saved, opened.subscriptions.get(address).row
        if off:
            say("the feed is off" if service.stop(row) else "there was no feed")
            return
        found = service.rotate(row) if rotate else service.feed(row)
    if found is None:
        raise errors.NotFound("there is no feed of saved papers - make one with --rotate")
    typer.echo(found.atom)
    typer.echo(found.json)
