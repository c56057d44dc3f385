"""Rules, asked and tested: what they find among the stored papers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StrictInt

from notifier.jobs.searching import Found
from notifier.jobs.trial import Trial
from notifier.profiles.hits import match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.lint import cures
from notifier.profiles.parser import parse
from notifier.profiles.rules import Rules
from notifier.web.api.asking import Instance
from notifier.web.api.operations import operation
from notifier.web.api.paging import MOST
from notifier.web.api.papers import PaperShown
from notifier.web.api.people import RulesText
from notifier.web.api.problems import Fault, Refused
from notifier.web.api.schemas import Moment, Notice, Sent, Shown

router = APIRouter(tags=["papers"])


class Question(Sent):
    """Rules as typed, one on a line; lines in error take no part."""

    rules: RulesText
    since: Moment | None = Field(None, description="Only papers first seen at or after then.")
    limit: Annotated[StrictInt, Field(ge=1, le=MOST)] = 20


class HitShown(Shown):
    """Which words of a paper a rule found, and where (pairs of character offsets)."""

    line: int
    rule: str
    field: str
    words: list[str]
    ranges: list[list[int]]


class FoundPaper(Shown):
    """A paper with its place: `score` orders, `relevance` and `trend` are parts of it."""

    paper: PaperShown
    score: float
    relevance: float
    trend: float | None
    hits: list[HitShown]


class FoundPapers(Shown):
    """The best papers, of `papers` that match among `scanned`; and what is wrong with the rules."""

    papers: int
    scanned: int
    items: list[FoundPaper]
    problems: list[Notice]
    warnings: list[Notice]
    cures: list[str] = Field(description="What may help where nothing was found.")


class RuleShown(Shown):
    """What one rule does: papers it finds, a day, and its share of all that the rules find."""

    line: int
    rule: str
    papers: int
    per_day: float
    share: float
    last: datetime | None
    example: str


class Tested(FoundPapers):
    """What rules would have found in so many days, as a whole and by each rule."""

    days: int
    by_rule: list[RuleShown]


@router.post("/papers/search", **operation("papers", body=True))
def search_papers(app: Instance, question: Question) -> FoundPapers:
    """Find papers by rules, as profiles have them, in the order of digests."""
    rules = _rules(question)
    found, spelled = app.library.search(question.rules, since=question.since, limit=question.limit)
    return FoundPapers(
        papers=found.papers,
        scanned=found.scanned,
        items=[_found(one, rules) for one in found.best],
        problems=Notice.each(rules.problems),
        warnings=Notice.each(rules.warnings),
        cures=[] if found.papers or not found.scanned else list(cures(rules, spelled)),
    )


@router.post("/rules/test", **operation("papers", body=True))
def test_rules(app: Instance, question: Question) -> Tested:
    """Test rules before they become a profile; warnings tell of too much and of nothing."""
    rules = _rules(question)
    tried = app.library.try_rules(question.rules, since=question.since, limit=question.limit)
    return Tested(
        papers=tried.tested.papers,
        scanned=tried.tested.scanned,
        items=[_found(one, rules) for one in tried.tested.best],
        problems=Notice.each(rules.problems),
        warnings=Notice.each(rules.warnings + tried.warnings),
        cures=[],
        days=tried.days,
        by_rule=_by_rule(tried),
    )


def _by_rule(tried: Trial) -> list[RuleShown]:
    total = tried.tested.papers
    return [
        RuleShown(
            line=hits.line,
            rule=tried.rules.lines[hits.line - 1].typed.strip(),
            papers=hits.papers,
            per_day=round(hits.papers / tried.days, 1),
            share=round(hits.kept / total, 3) if total else 0.0,
            last=hits.last,
            example=hits.example,
        )
        for hits in tried.tested.rules
    ]


def _rules(question: Question) -> Rules:
    rules = parse(question.rules)
    if rules.is_empty:
        faults = [Fault(detail=str(problem), pointer="#/rules") for problem in rules.problems]
        raise Refused(422, "there is no rule that finds papers: write one, like LLM agents", faults)
    return rules


def _found(one: Found, rules: Rules) -> FoundPaper:
    paper, ranked = one.paper, one.ranked
    matched = match(rules, IndexedPaper(paper))
    hits = [
        HitShown(
            line=hit.rule,
            rule=rules.lines[hit.rule - 1].typed.strip(),
            field=hit.field,
            words=list(hit.words),
            ranges=[list(pair) for pair in hit.ranges],
        )
        for hit in (matched.hits if matched else ())
    ]
    return FoundPaper(
        paper=PaperShown.of(paper),
        score=round(ranked.score, 6),
        relevance=round(ranked.fit.relevance, 6),
        trend=None if paper.trend is None else round(paper.trend, 6),
        hits=hits,
    )
