"""Digests for tests, made as the program makes them, showing only what matters there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date
from typing import Any

from notifier.digests import arranging
from notifier.digests.choose import choose
from notifier.digests.message import Mail
from notifier.digests.render import Templates
from notifier.digests.view import CardMaker, DigestView, MailLinks, Notice, OwnLinks, Service
from notifier.jobs.picking import TITLES_SHOWN
from notifier.languages import language
from notifier.papers.paper import Paper
from notifier.profiles.hits import Match, match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.parser import parse
from notifier.profiles.profile import Schedule

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


def own_links(paper: Paper) -> OwnLinks:
    """What the service offers for a paper, with addresses as long as real ones."""
    vote = f"{SITE}/v/1-{paper.row}.AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE"
    said = (("Save", "saved"), ("More like this", "up"), ("Not for me", "down"))
    return OwnLinks(
        (("BibTeX", f"{SITE}/p/{paper.id}.bib"),),
        tuple((label, f"{vote}?said={one}") for label, one in said),
        vote,
    )


def a_maker(rules: Mapping[str, str], code: str = "en", **values: Any) -> CardMaker:
    """What makes cards of papers for a reader with these profiles."""
    return CardMaker(
        language(code),
        {name: [line.typed for line in parse(text).lines] for name, text in rules.items()},
        values.get("rising", {}),
        values.get("abstract_characters", 700),
        values.get("own_links", lambda paper: OwnLinks()),
    )


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
    matches = {
        (section.profile, paper.paper.row): match(parsed[section.profile], paper)
        or Match(paper.paper, ())
        for section in choice.sections
        for paper in (indexed[item.ranked.row] for item in section.items)
    }
    options = ("rising", "abstract_characters", "own_links")
    maker = a_maker(profiles, code, **{o: values.pop(o) for o in options if o in values})
    words = maker.words
    sections = (
        arranging.by_day(choice, matches, maker, lambda p: p.first_seen_at.astimezone(UTC).date())
        if weekly
        else arranging.by_profile(choice, matches, maker)
    )
    view = DigestView(
        language=words,
        kind="weekly" if weekly else "daily",
        sections=sections,
        lines=tuple(maker.line(name, by_row[o.row]) for name, o in choice.rest[:TITLES_SHOWN]),
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
    mail = Mail(
        key=KEY,
        sender="Paper notifier <notifier@papers.example.org>",
        recipient=view.address,
        subject=view.subject,
        text=TEMPLATES.text(view),
        html=TEMPLATES.html(view),
        date=NOON,
        list_id="digest.papers.example.org",
        list_name=view.service.name,
        unsubscribe_url=view.links.unsubscribe,
        reply_to="people@papers.example.org",
    )
    return replace(mail, **values)
