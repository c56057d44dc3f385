"""Why a paper came to a reader: the rules that hit, where, how often they do, and what to change.

Cheap, since mail servers open every link of a mail: what is trending is read from the kept matches,
and so is how often a rule hit in the days for which these are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from notifier.papers.paper import Paper
from notifier.profiles.amending import NotAmendable, blocked, changed_lines, only_in_title, term_of
from notifier.profiles.hits import Answer, Hit, answers
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.parser import parse
from notifier.profiles.profile import Profile
from notifier.profiles.rules import Near, Phrase
from notifier.storage import store_matches, store_profiles

_MOST_TERMS = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that hit: its line from 1, its text as typed, by field what stands there.

    `papers`: so many it brought in the days of kept matches; None where that is not known.
    `narrowed`: its line if it asked for titles only, "" where it cannot.
    """

    line: int
    typed: str
    places: tuple[tuple[str, tuple[str, ...]], ...]
    papers: int | None
    narrowed: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A profile that wants the paper, by `findings`; `terms` of them can be blocked."""

    profile: Profile
    findings: tuple[Finding, ...]
    terms: tuple[str, ...]

    @property
    def is_amendable(self) -> bool:
        """Whether there is something that would keep the likes of the paper out."""
        return bool(self.terms) or any(one.narrowed for one in self.findings)


def why(conn: Connection, paper: Paper, subscriber: int) -> tuple[Reason, ...]:
    """Return by profile why a stored paper is for a subscriber; nothing by the switched-off."""
    profiles = store_profiles.of(conn, [subscriber])
    trending = store_matches.trending(conn, [one.row for one in profiles], paper.row)
    reasons = []
    for profile in profiles:
        seen = replace(paper, trend=1.0 if profile.row in trending else None)
        found = answers(parse(profile.rules), IndexedPaper(seen)) if profile.enabled else []
        hits = [answer for answer in found if answer.hits is not None]
        if hits and not any(answer.is_never for answer in hits):
            reasons.append(_reason(conn, profile, hits))
    return tuple(reasons)


def _reason(conn: Connection, profile: Profile, found: list[Answer]) -> Reason:
    counts = store_matches.counts_by_line(conn, profile.row) if profile.matched else None
    lines = profile.rules.splitlines()
    findings = tuple(
        Finding(
            answer.line,
            lines[answer.line - 1].strip(),
            _places(answer.hits or ()),
            None if counts is None else counts.get(answer.line, 0),
            _narrowed(profile.rules, answer.line),
        )
        for answer in found
    )
    hits = [hit for answer in found for hit in answer.hits or ()]
    return Reason(profile, findings, tuple(_terms(profile.rules, hits))[:_MOST_TERMS])


def _places(hits: tuple[Hit, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    places: dict[str, dict[str, None]] = {}
    for hit in hits:
        places.setdefault(hit.field, {}).update(dict.fromkeys(hit.words))
    return tuple((field, tuple(words)) for field, words in places.items())


def _narrowed(rules: str, line: int) -> str:
    changed = _changed(rules, lambda: only_in_title(rules, line))
    return changed[0][1].strip() if changed else ""


def _terms(rules: str, hits: list[Hit]) -> Iterator[str]:
    """Yield the words and phrases that hit and can be blocked, each once."""
    terms = (term_of(hit.leaf) for hit in hits if isinstance(hit.leaf, Phrase | Near))
    for term in dict.fromkeys(terms):
        if _changed(rules, lambda term=term: blocked(rules, term)):  # type: ignore[misc]  # bound now
            yield term


def _changed(rules: str, amend: Callable[[], str]) -> list[tuple[str, str]]:
    try:
        return list(changed_lines(rules, amend()))
    except NotAmendable:
        return []
