"""Digests for tests, made as the program makes them, showing only what matters there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date
from typing import Any

from notifier.digests import arranging
from notifier.digests.cards import CardMaker, Link, Summary, SummaryMaker
from notifier.digests.choose import choose
from notifier.digests.gaps import unquoted
from notifier.digests.message import Mail
from notifier.digests.printing import Printer
from notifier.digests.render import Templates
from notifier.digests.view import DigestView, MailLinks, Notice, Service
from notifier.jobs.picking import TITLES_SHOWN
from notifier.languages import language
from notifier.papers.paper import Paper
from notifier.profiles.hits import Match, match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.parser import parse
from notifier.profiles.profile import Schedule
from notifier.ranking.rising import Rise

from .builders import NOON, ranked

KEY = "0123456789abcdef0123456789abcdef"
SIGNED = "1.AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE"
SITE = "https://papers.example.org"
LEAVE = f"{SITE}/u/{SIGNED}"
OWN_PAGES = MailLinks(
    LEAVE, f"{SITE}/m/{SIGNED}", f"{SITE}/pause/{SIGNED}", f"{SITE}/d/{KEY}", f"{SITE}/d/{KEY}/all"
)
SERVICE = Service("Paper notifier", SITE, "the lab", "1 Long Street, Town")
TEMPLATES = Templates()


def bibtex(paper: Paper) -> tuple[Link, ...]:
    """What the service offers for a paper."""
    return (("BibTeX", f"{SITE}/p/{paper.id}.bib"),)


def say_url(paper: Paper) -> str:
    """Where a reader says something of a paper, an address as long as real ones."""
    return f"{SITE}/v/1-{paper.row}.AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE"


ACTIONS = (("Save", "?said=saved"), ("More like this", "?said=up"), ("Not for me", "?said=down"))


def a_summary(
    match: Match, rules: str, code: str = "en", rises: Sequence[Rise] = (), **values: Any
) -> Summary:
    """What is said of a paper that these rules found."""
    values.setdefault("abstract_characters", 700)
    typed = [line.typed for line in parse(rules).lines]
    return SummaryMaker(language(code), **values).summary(match, typed, rises)


def as_html(view: DigestView, templates: Templates = TEMPLATES) -> str:
    """The HTML part of a digest's mail, as a mail program gets it."""
    return unquoted(Printer(templates).parts(view)[1])


def as_text(view: DigestView, templates: Templates = TEMPLATES) -> str:
    """The text part of a digest's mail, as a mail program gets it."""
    return unquoted(Printer(templates).parts(view)[0])


def a_digest(
    papers: Sequence[Paper],
    profiles: Mapping[str, str],
    *,
    max_papers: int = 12,
    code: str = "en",
    weekly: bool = False,
    **values: Any,
) -> DigestView:
    """What subscriber Ada gets of these papers, by profile name and rules."""
    parsed = {name: parse(rules) for name, rules in profiles.items()}
    found = [(name, ranked(rules, papers)) for name, rules in profiles.items()]
    choice = choose(found, max_papers=max_papers)
    by_row = {paper.row: paper for paper in papers}
    indexed = {item.ranked.row: IndexedPaper(by_row[item.ranked.row]) for item in choice.items}
    rising, words = values.pop("rising", {}), language(code)
    options = {o: values.pop(o) for o in ("abstract_characters", "own_links") if o in values}
    summaries = {
        (section.profile, paper.paper.row): a_summary(
            match(parsed[section.profile], paper) or Match(paper.paper, ()),
            profiles[section.profile], code, rising.get(paper.paper.row, ()), **options,
        )
        for section in choice.sections
        for paper in (indexed[item.ranked.row] for item in section.items)
    }  # fmt: skip
    own = {o: values.pop(o) for o in ("say_url", "actions") if o in values}
    maker = CardMaker(words, len(profiles), **own)
    lines = SummaryMaker(words, 700)
    sections = (
        arranging.by_day(choice, summaries, maker, lambda p: p.first_seen_at.astimezone(UTC).date())
        if weekly
        else arranging.by_profile(choice, summaries, maker)
    )
    view = DigestView(
        language=words,
        kind="weekly" if weekly else "daily",
        sections=sections,
        lines=tuple(lines.line(name, by_row[o.row]) for name, o in choice.rest[:TITLES_SHOWN]),
        more=max(choice.more - TITLES_SHOWN, 0),
        scanned=len(papers),
        day=date(2026, 11, 20),
        address="ada@example.org",
        profiles=tuple(profiles),
        schedule=Schedule("Europe/Berlin", cadence="weekly" if weekly else "daily"),
        since=date(2026, 1, 1),
        next_day=date(2026, 11, 23),
        links=MailLinks(LEAVE),
        service=SERVICE,
        notices=tuple(
            Notice(name, words.said(problem.message)) for name, rules in parsed.items()
            for problem in rules.problems
        ),
    )  # fmt: skip
    return replace(view, **values)


def a_mail(view: DigestView, **values: Any) -> Mail:
    """The mail of a digest."""
    plain, html = Printer(TEMPLATES).parts(view)
    mail = Mail(
        key=KEY,
        sender="Paper notifier <notifier@papers.example.org>",
        recipient=view.address,
        subject=view.subject,
        text=plain,
        html=html,
        stream=view.kind,
        date=NOON,
        list_id="digest.papers.example.org",
        list_name=view.service.name,
        unsubscribe_url=view.links.unsubscribe,
        reply_to="people@papers.example.org",
    )
    return replace(mail, **values)
