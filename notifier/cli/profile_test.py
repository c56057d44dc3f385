"""notifier profile test: what rules would have found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.asking import as_records, hits_in, progress
from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.profile_files import app as app  # the group of commands, as far as it goes
from notifier.cli.profiles import NEVER_RULES, read_rules, tell
from notifier.cli.state import instance, parse_since

if TYPE_CHECKING:
    from notifier.jobs.backtest import BackTest
    from notifier.jobs.searching import Found
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
    from notifier.profiles.parser import parse

    after = parse_since(since)
    if format_ is Format.table:
        limit = min(limit, _TABLE_ROWS)
    with instance() as opened:
        text = opened.subscriptions.profile(owner, rules).rules if owner else read_rules(rules)
        parsed = parse(text)
        tested, spelled = opened.library.back_test(text, since=after, limit=limit, tell=progress)
        days = _days(tested, after, opened.clock())
    tell(parsed.problems + parsed.warnings + _lint(parsed, tested, days, spelled))
    if by_rule:
        print_rows(_by_rule(parsed, tested, days), _RULE_COLUMNS, format_)
    else:
        rows = (_as_record(one, parsed) for one in tested.best)
        print_rows(rows, ("paper", "score", "title", "why"), format_)
    say(_summary(tested, days))
    if parsed.problems:
        raise typer.Exit(2 if parsed.is_empty else 3)


def _days(tested: BackTest, since: datetime | None, now: datetime) -> int:
    """How many days the test looked back: at least one."""
    oldest = since or tested.oldest or now
    return max((now - oldest + timedelta(hours=12)).days, 1)


def _summary(tested: BackTest, days: int) -> str:
    shown = len(tested.best)
    more = f", the best {shown} of them shown" if shown < tested.papers else ""
    a_day = f"{tested.papers / days:.1f} a day" if days > 1 else "in a day"
    return f"{tested.papers:,} of {tested.scanned:,} papers match, {a_day}{more}"


def _lint(
    rules: Rules, tested: BackTest, days: int, spelled: Callable[[str], str | None]
) -> tuple[Any, ...]:
    from notifier.profiles.lint import lint, silent_words

    words = silent_words(rules, tested.rules)
    return tuple(
        lint(
            rules, tested.rules, matches=tested.papers, scanned=tested.scanned, days=days,
            spelled={word: meant for word in words if (meant := spelled(word))},
        )
    )  # fmt: skip


def _by_rule(rules: Rules, tested: BackTest, days: int) -> Iterator[dict[str, Any]]:
    for hits in tested.rules:
        yield {
            "line": hits.line,
            "rule": rules.lines[hits.line - 1].typed.strip(),
            "papers": hits.papers,
            "per_day": round(hits.papers / days, 1),
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
