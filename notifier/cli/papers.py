"""notifier paper: list, show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier import errors
from notifier.cli.output import Format, FormatOption, print_record, print_rows
from notifier.cli.state import instance, parse_moment

if TYPE_CHECKING:
    from notifier.papers.paper import Paper

app = typer.Typer(
    no_args_is_help=True, help="The stored papers.", epilog="Example: notifier paper list"
)


def as_record(paper: Paper) -> dict[str, Any]:
    """Return a paper as `paper list` and `paper show` print it."""
    return {
        "id": paper.id,
        "version": paper.version,
        "aliases": list(paper.aliases),
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": list(paper.authors),
        "categories": list(paper.categories),
        "organization": paper.organization,
        "journal": paper.journal,
        "submitted_by": paper.submitted_by,
        "published_at": paper.published_at,
        "first_seen_at": paper.first_seen_at,
        "sources": list(paper.sources),
        "signals": dict(paper.signals),
        "urls": dict(paper.urls),
    }


@app.command("list", epilog="Example: notifier paper list --since 2026-11-20 --format jsonl")
def list_(
    since: Annotated[
        str, typer.Option("--since", help="First seen at or after this time.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 1_000_000,
    format_: FormatOption = Format.table,
) -> None:
    """Print the stored papers, the newest last."""
    from notifier.storage import store_papers

    after = parse_moment(since) if since else None
    with instance() as app, app.database.reading() as conn:
        rows = store_papers.rows_since(conn, after, limit=limit)
        papers = (
            as_record(paper)
            for start in range(0, len(rows), 1000)
            for paper in store_papers.load(conn, rows[start : start + 1000])
        )
        print_rows(papers, ("id", "version", "title", "sources", "signals"), format_)


@app.command(epilog="Example: notifier paper show https://arxiv.org/abs/2508.13426v2")
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="Any id, DOI or address of it.")],
    format_: FormatOption = Format.table,
) -> None:
    """Print one paper, by any of its names."""
    from notifier.papers import identity
    from notifier.storage import store_papers

    found = identity.parse(name)
    alias = found[0] if found else identity.link(name)
    with instance() as app, app.database.reading() as conn:
        row = store_papers.find(conn, alias) if alias else None
        if row is None:
            raise errors.NotFound(f'no stored paper is called "{name}"')
        print_record(as_record(store_papers.load(conn, [row])[0]), format_)
