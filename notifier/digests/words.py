"""What a mail says of a paper, a schedule, a rise: sentences in the subscriber's language.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final

from notifier.digests.cadence import zone_of
from notifier.digests.excerpt import cut
from notifier.languages import Language
from notifier.papers.paper import Paper
from notifier.profiles.hits import Hit
from notifier.profiles.profile import Schedule
from notifier.ranking.rising import Rise

AUTHORS_SHOWN = 4
SIGNALS_FIRST = ("upvotes", "comments", "stars")
RULES_SHOWN = 3
WORDS_SHOWN = 3
RULE_CHARACTERS = 80
WORD_CHARACTERS = 40
HOURS_SHOWN = 48
_WEEKDAYS, _EVERY_DAY = (0, 1, 2, 3, 4), tuple(range(7))
# The names of a paper's addresses, in the order in which they are shown; None: the page itself.
LINK_NAMES: Final = (
    "abs", "page", "doi", "pubmed", "pmc", "url", "pdf", "code", "project", "discussion",
)  # fmt: skip


def short_authors(authors: Sequence[str], followed: set[str], words: Language) -> str:
    """Return the first authors and any that a rule follows; `and 12 others` for the rest."""
    if len(authors) <= AUTHORS_SHOWN + 1:
        return ", ".join(authors)
    shown = [a for n, a in enumerate(authors) if n < AUTHORS_SHOWN - 1 or a in followed]
    rest = len(authors) - len(shown)
    if rest < 2:
        return ", ".join(authors)
    names = ", ".join(shown)
    return words.ngettext(
        "%(names)s and %(n)s other", "%(names)s and %(n)s others", rest, names=names
    )


def facts(paper: Paper, words: Language) -> Iterator[str]:
    """Yield organisation, categories, journal, how it was announced, and what is counted of it."""
    if paper.organization:
        yield paper.organization
    if paper.categories:
        yield ", ".join(paper.categories[:3])
    if paper.journal:
        yield paper.journal
    if paper.withdrawn_at:
        yield words.gettext("withdrawn")
    if paper.announce == "cross":
        yield words.gettext("cross-listed")
    elif paper.announce in ("replace", "replace-cross"):
        yield words.gettext("new version")
    if told := counts(paper, words):
        yield told


def counts(paper: Paper, words: Language) -> str:
    """Return what is counted of a paper, the most important first; "" where nothing is."""
    signals = sorted(paper.signals.items(), key=_importance)
    return " · ".join(counted(value, name, words) for name, value in signals if value)


def _importance(signal: tuple[str, float]) -> int:
    name = signal[0]
    return SIGNALS_FIRST.index(name) if name in SIGNALS_FIRST else len(SIGNALS_FIRST)


def counted(value: float, name: str, words: Language) -> str:
    """Return a signal with its number: `38 upvotes`."""
    match name:
        case "upvotes":
            return words.ngettext("%(n)s upvote", "%(n)s upvotes", value)
        case "comments":
            return words.ngettext("%(n)s comment", "%(n)s comments", value)
        case "stars":
            return words.ngettext("%(n)s star", "%(n)s stars", value)
        case "mentions":
            return words.ngettext("%(n)s more source", "%(n)s more sources", value)
        case _:
            return f"{words.number(value)} {name}"


def rose(rises: Sequence[Rise], words: Language) -> str:
    """Return what rose most, and in what time: `+38 upvotes in 24 h`; "" where nothing did."""
    if not rises:
        return ""
    most = rises[0]
    gained, hours = counted(most.gain, most.name, words), round(most.since / timedelta(hours=1))
    if hours <= HOURS_SHOWN:
        return words.gettext("+%(gained)s in %(hours)s h", gained=gained, hours=max(hours, 1))
    days = round(hours / 24)
    return words.ngettext(
        "+%(gained)s in %(n)s day", "+%(gained)s in %(n)s days", days, gained=gained
    )


def why(hits: Sequence[Hit], rules: Sequence[str], words: Language) -> str:
    """Return in words what brought the paper: `RAG ^2: “RAGs” in the title, “RAG” in the abstract`.

    Args:
        hits: In the order of the rules.
        rules: The profile's lines as typed.
        words: The reader's language.
    """
    parts = []
    for rule in dict.fromkeys(hit.rule for hit in hits):
        by_field: dict[str, dict[str, str]] = {}
        for hit in hits:
            if hit.rule == rule:
                found = by_field.setdefault(hit.field, {})
                for word in hit.words:
                    found.setdefault(word.casefold(), word)
        told = ", ".join(_found(field, found.values(), words) for field, found in by_field.items())
        parts.append(f"{cut(rules[rule - 1].strip(), RULE_CHARACTERS)}: {told}")
    if not parts:  # a rule for what is trending brought it, and it trends no more
        return words.gettext("it was much talked about when it came")
    shown, rest = "; ".join(parts[:RULES_SHOWN]), len(parts) - RULES_SHOWN
    if rest < 1:
        return shown
    return words.ngettext(
        "%(rules)s; and %(n)s more", "%(rules)s; and %(n)s more", rest, rules=shown
    )


def _found(field: str, found: Iterable[str], words: Language) -> str:
    if field == "trend":
        return words.gettext("much talked about among papers of its field and age")
    quoted = ", ".join(
        words.gettext("“%(word)s”", word=cut(word, WORD_CHARACTERS))
        for word in list(found)[:WORDS_SHOWN]
    )
    match field:
        case "title":
            return words.gettext("%(words)s in the title", words=quoted)
        case "abstract":
            return words.gettext("%(words)s in the abstract", words=quoted)
        case _:
            return quoted


def wanted(names: Sequence[str], also: Sequence[str], words: Language) -> str:
    """Return who wants a paper: all of `names` if there are any, else who does beside the first."""
    if names:
        return words.gettext("Wanted by: %(profiles)s", profiles=", ".join(names))
    if also:
        return words.gettext("Also wanted by: %(profiles)s", profiles=", ".join(also))
    return ""


def scheduled(schedule: Schedule, words: Language) -> str:
    """Return when digests come: `Weekdays, 07:00 (Europe/Berlin)`."""
    at = {"time": f"{schedule.hour:02d}:{schedule.minute:02d}", "zone": zone_of(schedule)}
    if schedule.cadence == "weekly":
        day = words.weekday_named(schedule.days[0])
        return words.gettext("Weekly on %(day)s, %(time)s (%(zone)s)", day=day, **at)
    if schedule.days == _WEEKDAYS:
        return words.gettext("Weekdays, %(time)s (%(zone)s)", **at)
    if schedule.days == _EVERY_DAY:
        return words.gettext("Every day, %(time)s (%(zone)s)", **at)
    days = words.listed(words.weekday_named(day) for day in schedule.days)
    return words.gettext("%(days)s, %(time)s (%(zone)s)", days=days, **at)


def link(name: str, words: Language) -> str:
    """Return what the link of one of a paper's addresses is called."""
    match name:
        case "doi" | "pdf":
            return name.upper()
        case "pubmed":
            return "PubMed"
        case "pmc":
            return "PMC"
        case "code":
            return words.gettext("Code")
        case "project":
            return words.gettext("Project")
        case "discussion":
            return words.gettext("Discussion")
        case _:
            return words.gettext("Page")
