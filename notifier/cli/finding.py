"""notifier paper search: find stored papers by rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier import errors
from notifier.cli.asking import as_records, distinct_words, hits_in, progress
from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.papers import app as app  # the group of commands that these belong to
from notifier.cli.profiles import NEVER_RULES, read_rules, tell
from notifier.cli.state import instance, parse_since

if TYPE_CHECKING:
    from notifier.jobs.searching import Found, Searched, Spelling
    from notifier.profiles.rules import Rules

Limit = Annotated[int, typer.Option("--limit", min=1, help="The best so many.")]


@app.command(
    context_settings=NEVER_RULES,
    epilog="Examples: notifier paper search 'retrieval + benchmark' --since 7d · "
    "notifier paper search @rules.txt --format jsonl · echo 'title: agents' | "
    "notifier paper search -",
)
def search(
    rules: Annotated[
        str, typer.Argument(metavar="RULES", help="Rules, one on a line, or @FILE, or - for stdin.")
    ],
    since: Annotated[
        str,
        typer.Option("--since", help="First seen since then: 7d, 2026-11-20.", show_default=False),
    ] = "",
    limit: Limit = 20,
    format_: FormatOption = Format.table,
) -> None:
    """Find stored papers by rules, as profiles have them, in the order of digests."""
    from notifier.profiles.parser import parse

    after = parse_since(since)
    parsed = parse(read_rules(rules))
    tell(parsed.problems)
    _check(parsed)
    tell(parsed.warnings)
    text = "\n".join(line.typed for line in parsed.lines)
    with instance() as opened:
        found, spelled = opened.library.search(text, since=after, limit=limit, tell=progress)
        cures = list(_cures(found, parsed, spelled, after))
    table = format_ is Format.table
    rows = (_as_record(one, parsed, table=table) for one in found.best)
    print_rows(rows, ("id", "first_seen", "score", "title", "words"), format_)
    for line in [_summary(found), *cures]:
        say(line)
    if parsed.problems:
        raise typer.Exit(3)


def _check(rules: Rules) -> None:
    """Refuse rules that can find nothing."""
    if not rules.is_empty:
        return
    if rules.problems:  # which have been told
        raise typer.Exit(2)
    if any(True for _ in rules.never()):
        raise errors.UsageError(
            "these rules only leave papers out - add one that finds some, like: LLM agents"
        )
    raise errors.UsageError("there is no rule - write one, like: LLM agents")


def _as_record(found: Found, rules: Rules, *, table: bool) -> dict[str, Any]:
    paper, ranked = found.paper, found.ranked
    hits = hits_in(paper, rules)
    seen = {"first_seen": paper.first_seen_at.date().isoformat()} if table else {}
    return seen | {
        "id": paper.id,
        "first_seen_at": paper.first_seen_at,
        "score": round(ranked.score, 6),
        "relevance": round(ranked.fit.relevance, 6),
        "trend": None if paper.trend is None else round(paper.trend, 6),
        "title": paper.title,
        "words": distinct_words(hits),
        "hits": as_records(hits, rules),
    }


def _summary(found: Searched) -> str:
    shown = len(found.best)
    more = f", the best {shown} shown" if shown < found.papers else ""
    return f"{found.papers:,} of {found.scanned:,} papers match{more}"


def _cures(
    found: Searched, rules: Rules, spelled: Spelling, since: datetime | None
) -> Iterator[str]:
    """What to do where nothing was found."""
    from notifier.profiles.lint import cures

    if found.papers:
        return
    if found.scanned:
        yield from cures(rules, spelled)
    elif since is None:
        yield "no papers are stored yet - fetch some: notifier ingest"
    if since is not None:
        yield f"asked were papers first seen since {since:%Y-%m-%d %H:%M}Z: try an earlier --since"
