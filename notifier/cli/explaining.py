"""notifier explain: why a paper has its place, or why it does not come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.output import Format, FormatOption, print_record
from notifier.cli.papers import Id, find_paper
from notifier.cli.state import instance

if TYPE_CHECKING:
    from datetime import datetime

    from notifier.jobs.explain import Explained, Opinion
    from notifier.profiles.hits import Answer
    from notifier.ranking.explained import Part, TrendParts
    from notifier.ranking.order import Ranked


def explain(
    name: Id,
    owner: Annotated[str, typer.Option("--for", metavar="ADDRESS", help="Whose digests.")],
    format_: FormatOption = Format.table,
) -> None:
    """Say what became of a paper for a subscriber and why, with its score in parts that add up.

    Scores are as of now; what was sent has the score of its day beside it.
    """
    with instance() as app:
        subscriber = app.subscriptions.get(owner)
        with app.database.reading() as conn:
            paper = find_paper(conn, name)
        found, now = app.explain(paper, subscriber), app.clock()
    if format_ is Format.table:
        typer.echo("\n".join(_lines(found, now)))
    else:
        print_record(_record(found, now), format_)


def _lines(found: Explained, now: datetime) -> Iterator[str]:
    yield f"{found.paper.id}  {found.paper.title}"
    yield f"for {found.subscriber.address} as of {now:%Y-%m-%d %H:%M} UTC"
    yield ""
    yield found.fate.reason[0].upper() + found.fate.reason[1:]
    if found.sent:
        then = f"fit {100 * found.sent.score:.0f} of 100 then"
        yield f"  {then}; notifier digest show {found.sent.key[:8]}"
    for opinion in found.opinions:
        yield ""
        yield from _opinion(opinion, found.trend, now)
    yield ""
    yield from _trend(found.trend)


def _opinion(opinion: Opinion, trend: TrendParts | None, now: datetime) -> Iterator[str]:
    name, ranked = opinion.profile.name, opinion.ranked
    state = "" if opinion.profile.enabled else ", switched off"
    if ranked is None:
        yield f'profile "{name}"{state}: does not want it'
    else:
        yield f'profile "{name}"{state}: wants it, score {ranked.score:.4f}'
        yield f"  ({_formula(ranked)})"
        for part in opinion.parts:
            yield f"  {part.value:+.4f}  {_part(part, opinion, trend, ranked, now)}"
    told = {part.line for part in opinion.parts}
    for answer in opinion.answers:
        if answer.line not in told:
            yield f"           {_answer(answer, opinion)}"


def _formula(ranked: Ranked) -> str:
    fit = ranked.fit
    trend = "none" if fit.trend is None else f"{fit.trend:.3f}"
    like = "" if ranked.like is None else f", votes {ranked.like:+.3f}"
    return f"relevance {fit.relevance:.4f}, trend {trend}, freshness {ranked.freshness:.3f}{like}"


def _part(
    part: Part, opinion: Opinion, trend: TrendParts | None, ranked: Ranked, now: datetime
) -> str:
    if part.kind == "rule":
        (answer,) = (a for a in opinion.answers if a.line == part.line)
        return _answer(answer, opinion)
    if part.kind == "trend":
        return "trend" if trend else "trend: no signals of late, and nothing lost by it"
    if part.kind == "age":
        hours = max((now - ranked.fit.first_seen_at).total_seconds() / 3600, 0.0)
        return (
            f"age: first seen {hours:.0f} hours ago"
            if hours < 48
            else f"age: {hours / 24:.0f} days"
        )
    return "votes: what was said of other papers"


def _answer(answer: Answer, opinion: Opinion) -> str:
    """`line 3, RAG ^2: “RAG” in the title`, or what is missing."""
    from notifier.digests.words import why
    from notifier.languages import ENGLISH, language
    from notifier.profiles.rules import Not, format_node

    typed = [line.typed for line in opinion.rules.lines]
    where = f"line {answer.line}, "
    if answer.is_never:
        hits = "hits, so the paper does not come" if answer.hits is not None else "does not hit"
        return f"{where}{typed[answer.line - 1].strip()}: {hits}"
    if answer.hits is not None:
        if not answer.hits:
            return f"{where}{typed[answer.line - 1].strip()}: holds"
        return where + why(answer.hits, typed, language(ENGLISH))
    lacks = [
        f"{format_node(node.part)} is there" if isinstance(node, Not) else f"no {format_node(node)}"
        for node in answer.missing
    ]
    return f"{where}{typed[answer.line - 1].strip()}: {', '.join(lacks)}"


def _trend(trend: TrendParts | None) -> Iterator[str]:
    if trend is None:
        yield "trend: none (no upvotes, comments or stars were read in the last 14 days)"
        return
    gains = ", ".join(f"{gain:+.2f} by {name}" for name, gain in trend.gains.items() if gain)
    own, rest = trend.own, 1 - trend.own
    papers = f"{trend.peers} papers of {trend.field or 'no field'} as if of one age"
    yield f"trend {trend.trend:.3f}: momentum {trend.momentum:.2f} ({gains or 'nothing of late'})"
    yield f"  {own * trend.in_field:+.4f}  {trend.in_field:.3f} among {papers}, counts {own:.3f}"
    yield f"  {rest * trend.everywhere:+.4f}  {trend.everywhere:.3f} among all, counts {rest:.3f}"


def _record(found: Explained, now: datetime) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "paper": found.paper.id,
        "title": found.paper.title,
        "subscriber": found.subscriber.address,
        "as_of": now,
        "outcome": found.fate.outcome,
        "reason": found.fate.reason,
        "digest": asdict(found.sent) if found.sent else None,
        "signals": dict(found.paper.signals),
        "trend": _trend_record(found.trend),
        "profiles": [_opinion_record(opinion) for opinion in found.opinions],
    }


def _trend_record(trend: TrendParts | None) -> dict[str, Any] | None:
    if trend is None:
        return None
    rest = 1 - trend.own
    return {
        "value": trend.trend,
        "field": trend.field,
        "peers": trend.peers,
        "days": trend.days,
        "momentum": trend.momentum,
        "gains": dict(trend.gains),
        "parts": [
            {"among": "field", "percentile": trend.in_field, "value": trend.own * trend.in_field},
            {"among": "all", "percentile": trend.everywhere, "value": rest * trend.everywhere},
        ],
    }


def _opinion_record(opinion: Opinion) -> dict[str, Any]:
    ranked = opinion.ranked
    return {
        "profile": opinion.profile.name,
        "enabled": opinion.profile.enabled,
        "matched": ranked is not None,
        "score": ranked and ranked.score,
        "relevance": ranked and ranked.fit.relevance,
        "trend": ranked and ranked.fit.trend,
        "freshness": ranked and ranked.freshness,
        "votes": ranked and ranked.like,
        "parts": [
            {"part": part.kind, "line": part.line or None, "value": part.value}
            for part in opinion.parts
        ],
        "rules": [_answer_record(answer, opinion) for answer in opinion.answers],
    }


def _answer_record(answer: Answer, opinion: Opinion) -> dict[str, Any]:
    from notifier.profiles.rules import format_node

    return {
        "line": answer.line,
        "rule": opinion.rules.lines[answer.line - 1].typed.strip(),
        "never": answer.is_never,
        "hits": answer.hits is not None,
        "words": [
            {"field": hit.field, "words": list(hit.words), "ranges": [list(r) for r in hit.ranges]}
            for hit in answer.hits or ()
        ],
        "missing": [format_node(node) for node in answer.missing],
    }
