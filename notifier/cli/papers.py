"""notifier paper: list, show, candidates, merge, dismiss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier import errors
from notifier.cli.output import Format, FormatOption, print_record, print_rows, say
from notifier.cli.state import instance, parse_since

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from notifier.papers.paper import Paper
    from notifier.storage.store_candidates import Candidate

app = typer.Typer(
    no_args_is_help=True, help="The stored papers.", epilog="Example: notifier paper list"
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Any id, DOI or address of it.")]


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
        "withdrawn_since": paper.withdrawn_at,
        "sources": list(paper.sources),
        "signals": dict(paper.signals),
        "urls": dict(paper.urls),
    }


@app.command("list", epilog="Example: notifier paper list --since 2026-11-20 --format jsonl")
def list_(
    since: Annotated[
        str,
        typer.Option("--since", help="First seen since then: 7d, 2026-11-20.", show_default=False),
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 1_000_000,
    format_: FormatOption = Format.table,
) -> None:
    """Print the stored papers, the newest last."""
    from notifier.storage import store_papers

    after = parse_since(since)
    with instance() as app, app.database.reading() as conn:
        rows = store_papers.rows_since(conn, after, limit=limit)
        papers = (
            as_record(paper)
            for start in range(0, len(rows), 1000)
            for paper in store_papers.load(conn, rows[start : start + 1000])
        )
        print_rows(papers, ("id", "version", "title", "sources", "signals"), format_)


@app.command(epilog="Example: notifier paper show 2508.13426 --bibtex >> references.bib")
def show(
    ctx: typer.Context,
    name: Id,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="Print a BibTeX entry.")] = False,
    ris: Annotated[bool, typer.Option("--ris", help="Print a RIS record.")] = False,
    csl: Annotated[bool, typer.Option("--csl", help="Print CSL JSON, as Zotero takes it.")] = False,
    format_: FormatOption = Format.table,
) -> None:
    """Print one paper, by any of its names: who showed it when, and what it may be the same as."""
    format_source = ctx.get_parameter_source("format_")
    is_format_typed = format_source is not None and format_source.name == "COMMANDLINE"
    chosen = [
        name for name, is_asked in (("bibtex", bibtex), ("ris", ris), ("csl", csl)) if is_asked
    ]
    if len(chosen) + is_format_typed > 1:
        raise errors.UsageError("--bibtex, --ris, --csl and --format exclude each other - give one")
    with instance() as app, app.database.reading() as conn:
        paper = find_paper(conn, name)
        if not chosen:
            record = as_record(paper) | _history(conn, paper.row, table=format_ is Format.table)
    if chosen:
        from notifier.papers import bibliography

        for text in bibliography.written(bibliography.Form(chosen[0]), [paper]):
            typer.echo(text.encode(), nl=False)
    else:
        print_record(record, format_)


def find_paper(conn: Connection, name: str) -> Paper:
    """Return the stored paper of that name.

    Raises:
        NotFound: there is none; the text says what the name was understood as.
    """
    from notifier.papers import identity
    from notifier.storage import store_papers

    aliases = identity.named(name)
    row = next((row for alias in aliases if (row := store_papers.find(conn, alias))), None)
    if row is None:
        row = _by_guid(conn, name)
    if row is None:
        understood = str(aliases[0]) if aliases else f'"{name}"'
        raise errors.NotFound(f"no stored paper is called {understood}")
    return store_papers.load(conn, [row])[0]


def _by_guid(conn: Connection, name: str) -> int | None:
    """The row of the paper that some feed calls so; the feed need not be named."""
    from notifier.papers import identity
    from notifier.storage import store_papers, store_sightings

    for feed in store_sightings.sources(conn):
        if row := store_papers.find(conn, identity.guid(feed, name)):
            return row
    return None


def _history(conn: Connection, row: int, *, table: bool) -> dict[str, Any]:
    """Versions, sightings and candidates; as texts for a table, as records for programs."""
    from notifier.storage import store_candidates, store_sightings

    sightings = store_sightings.of(conn, row)
    shown: list[Any] = [
        {"source": s.source, "announce": s.announce, "version": s.version, "seen_at": s.seen_at}
        for s in sightings
    ]
    same: list[Any] = [
        {"id": c.other_id if c.row == row else c.id, "reason": c.reason}
        for c in store_candidates.of(conn, row)
    ]
    if table:
        shown = [
            f"{s.source} {s.announce}{f' v{s.version}' if s.version else ''} "
            f"{s.seen_at:%Y-%m-%d %H:%M}Z"
            for s in sightings
        ]
        same = [f"{one['id']} ({one['reason']})" for one in same]
    versions = sorted({s.version for s in sightings if s.version})
    return {"versions": versions, "sightings": shown, "perhaps_the_same_as": same}


@app.command(epilog="Example: notifier paper candidates --format jsonl")
def candidates(format_: FormatOption = Format.table) -> None:
    """Print the pairs that may be one paper: same title, and no author or date against it."""
    from notifier.storage import store_candidates

    with instance() as app, app.database.reading() as conn:
        rows = [_pair(candidate) for candidate in store_candidates.pending(conn)]
    print_rows(rows, ("id", "other_id", "reason", "title"), format_)
    if rows:
        say("decide: notifier paper merge ID ID (they are one), or dismiss ID ID (they are two)")
    else:
        say("no pair waits for a decision")


def _pair(candidate: Candidate) -> dict[str, Any]:
    return {
        "id": candidate.id,
        "other_id": candidate.other_id,
        "title": candidate.title,
        "other_title": candidate.other_title,
        "reason": candidate.reason,
        "found_at": candidate.found_at,
    }


@app.command(epilog="Example: notifier paper merge 2508.13426 10.1000/xyz123 --dry-run")
def merge(
    one: Id,
    other: Id,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
) -> None:
    """Make two stored papers one; the one stored first keeps its id. There is no way back."""
    from notifier.storage import merging

    with instance() as app, app.database.writing() as conn:
        kept, gone = sorted(
            (find_paper(conn, one), find_paper(conn, other)), key=lambda paper: paper.row
        )
        if kept.row == gone.row:
            say(f"{kept.id}: both names are one paper's already")
            return
        if not dry_run:
            merging.merge(conn, gone.row, into=kept.row)
    say(f"{'would merge' if dry_run else 'merged'} {gone.id} into {kept.id}: {kept.title}")


@app.command(epilog="Example: notifier paper dismiss 2508.13426 10.1000/xyz123")
def dismiss(one: Id, other: Id) -> None:
    """Say that two papers are two: they are never listed as candidates again."""
    from notifier.storage import store_candidates

    with instance() as app, app.database.writing() as conn:
        first, second = find_paper(conn, one), find_paper(conn, other)
        if first.row == second.row:
            raise errors.UsageError(f"{first.id}: both names are one paper's, there are no two")
        told = store_candidates.dismiss(conn, first.row, second.row, now=app.clock())
    say(f"{first.id} and {second.id} are two papers{'' if told else ' (was known)'}")
