"""notifier profile test: what rules would have found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.asking import as_records, hits_in, progress
from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.profile_files import app as app  # the group of commands, as far as it goes
from notifier.cli.profiles import NEVER_RULES, read_rules, tell
from notifier.cli.state import instance, parse_since

if TYPE_CHECKING:
    from notifier.jobs.searching import Found
    from notifier.jobs.trial import Trial
    from notifier.profiles.rules import Rules

_TABLE_ROWS = 50
_RULE_COLUMNS = ("line", "rule", "papers", "per_day", "share", "last", "example")


@app.command(
    "test",
    context_settings=NEVER_RULES,
    epilog="Examples: echo 'LLM agents' | notifier profile test - --format jsonl · "
    "notifier profile test agents --for ada@example.org --by-rule --since 30d",
)
def try_rules(
    rules: Annotated[
        str, typer.Argument(metavar="RULES", help="-, @FILE, rules, or with --for a name.")
    ],
    owner: Annotated[
        str, typer.Option("--for", help="Test this subscriber's profile.", show_default=False)
    ] = "",
    since: Annotated[
        str,
        typer.Option("--since", help="First seen since then: 30d, 2026-11-20.", show_default=False),
    ] = "",
    by_rule: Annotated[
        bool, typer.Option("--by-rule", help="Print what each rule finds, not the papers.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="At most so many (a table: 50).")
    ] = 1_000_000,
    format_: FormatOption = Format.table,
) -> None:
    """Print the stored papers that rules match, best first, or what each rule finds.

    Warnings tell of rules that find nothing, and of rules that find far too much.
    """
    after = parse_since(since)
    if format_ is Format.table:
        limit = min(limit, _TABLE_ROWS)
    with instance() as opened:
        text = opened.subscriptions.profile(owner, rules).rules if owner else read_rules(rules)
        tried = opened.library.try_rules(text, since=after, limit=limit, tell=progress)
    parsed = tried.rules
    tell(parsed.problems + parsed.warnings + tried.warnings)
    if by_rule:
        print_rows(_by_rule(tried), _RULE_COLUMNS, format_)
    else:
        rows = (_as_record(one, parsed) for one in tried.tested.best)
        print_rows(rows, ("paper", "score", "title", "why"), format_)
    say(_summary(tried))
    if parsed.problems:
        raise typer.Exit(2 if parsed.is_empty else 3)


def _summary(tried: Trial) -> str:
    tested = tried.tested
    shown = len(tested.best)
    more = f", the best {shown} of them shown" if shown < tested.papers else ""
    a_day = f"{tried.per_day:.1f} a day" if tried.days > 1 else "in a day"
    return f"{tested.papers:,} of {tested.scanned:,} papers match, {a_day}{more}"


def _by_rule(tried: Trial) -> Iterator[dict[str, Any]]:
    tested = tried.tested
    for hits in tested.rules:
        yield {
            "line": hits.line,
            "rule": tried.rules.lines[hits.line - 1].typed.strip(),
            "papers": hits.papers,
            "per_day": round(hits.papers / tried.days, 1),
            "share": round(hits.kept / tested.papers, 3) if tested.papers else 0.0,
            "last": hits.last.date().isoformat() if hits.last else None,
            "example": hits.example,
        }


def _as_record(found: Found, rules: Rules) -> dict[str, Any]:
    from notifier.digests.words import why
    from notifier.languages import ENGLISH, language

    paper, ranked = found.paper, found.ranked
    hits = hits_in(paper, rules)
    return {
        "paper": paper.id,
        "title": paper.title,
        "score": round(ranked.score, 6),
        "relevance": round(ranked.fit.relevance, 6),
        "trend": None if paper.trend is None else round(paper.trend, 6),
        "hits": as_records(hits, rules),
        "why": why(hits, [line.typed for line in rules.lines], language(ENGLISH)),
    }
