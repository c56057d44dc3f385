"""What a paper is cited by: title, authors, journal, date, ids, the best address; and its key.

Pure. Each value stands on one line, whatever a source wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from notifier.papers import identity
from notifier.papers.byline import Author, authors
from notifier.papers.paper import Paper
from notifier.papers.text import fold, one_line

_WEB_ADDRESS = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_CATEGORY = re.compile(r"[a-z-]+(?:\.[A-Za-z-]+)?")  # arXiv's own; feeds name others too
_YEAR_AT_END = re.compile(
    r"(?<![\s,])[\s,]*(?:\(((?:19|20)[0-9]{2})\)|,\s*((?:19|20)[0-9]{2}))\.?$"
)
_KEY_LETTERS = 30  # of a name or a word
_KEY_SKIPS = frozenset(
    ("a", "an", "and", "are", "as", "at", "by", "for", "from", "how", "in", "is", "of", "on", "the",
     "to", "what", "when", "why", "with")
)  # fmt: skip
_IN_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Facts:
    """What all forms say. `day` is None where only the year is known, or not even that."""

    title: str
    authors: tuple[Author, ...]
    arxiv: str
    category: str
    doi: str
    is_preprint: bool
    journal: str
    year: int | None
    day: date | None
    page: str
    pdf: str


def facts(paper: Paper) -> Facts:
    """Return what all forms of a citation say of a paper."""
    found = (identity.parse(name) for name in (paper.id, *paper.aliases))
    aliases = list(dict.fromkeys(one[0] for one in found if one))
    arxiv = next((alias for alias in aliases if alias.scheme == "arxiv"), None)
    journal, year, day = _published(paper, arxiv.value if arxiv else "")
    # A published preprint has two DOIs: the article's goes with the journal.
    dois = [alias for alias in aliases if alias.scheme == "doi"]
    doi = min(dois, key=lambda one: identity.is_preprint(one) == bool(journal), default=None)
    links = _links(paper.urls)
    for alias in (arxiv, doi):
        links |= identity.urls(alias) if alias else {}
    kinds = (*(("doi", "abs") if journal else ("abs", "doi")), "page", "url", "pubmed", "pmc")
    fields = (c for c in paper.categories if arxiv and _CATEGORY.fullmatch(c))
    return Facts(
        title=one_line(paper.title),
        authors=authors(paper.authors),
        arxiv=arxiv.value if arxiv else "",
        category=next(fields, ""),
        doi=one_line(doi.value) if doi else "",
        is_preprint=bool(arxiv or (doi and identity.is_preprint(doi))),
        journal=journal,
        year=year,
        day=day,
        page=next((links[kind] for kind in kinds if kind in links), ""),
        pdf=links.get("pdf", ""),
    )


def _links(urls: Mapping[str, str]) -> dict[str, str]:
    return {
        k: url for k, url in urls.items() if _WEB_ADDRESS.fullmatch(url) and one_line(url) == url
    }


def _published(paper: Paper, arxiv: str) -> tuple[str, int | None, date | None]:
    """The journal without a year at its end, the year, and the day if it is of that year.

    An arXiv id tells the month; a date far from it is that of a later version.
    """
    day = paper.published_at.date() if paper.published_at else None
    journal = one_line(paper.journal or "")
    if found := _YEAR_AT_END.search(journal):
        year = int(found[1] or found[2])
        return journal[: found.start()] or journal, year, day if day and day.year == year else None
    if arxiv:
        year, month = _month(arxiv)
        if day is None or abs(12 * (day.year - year) + day.month - month) > 1:
            return journal, year, None
    return journal, day.year if day else None, day


def _month(arxiv: str) -> tuple[int, int]:
    """Year and month of an arXiv id, `2508.13426` or `hep-th/9901001`."""
    digits = arxiv.rpartition("/")[2]
    short = int(digits[:2])
    return short + (1900 if short > 90 else 2000), int(digits[2:4])


def key(paper: Paper, facts: Facts) -> str:
    """First author's family name, year, the title's first word: ASCII letters and digits.

    The year is that of the arXiv id or of the paper's date, never of the journal.
    """
    day = paper.published_at
    year = _month(facts.arxiv)[0] if facts.arxiv else day.year if day else ""
    first = facts.authors[0] if facts.authors else Author("")
    family = first.family if first.given else next(_key_words(first.family), "")
    word = next(_key_words(facts.title), "") or _ascii(paper.id)
    return f"{_ascii(family) or 'anonymous'}{year}{word}"


def _key_words(text: str) -> Iterator[str]:
    words = (_ascii(word) for word in _IN_WORDS.findall(text))
    return (word for word in words if len(word) > 1 and word not in _KEY_SKIPS)


def _ascii(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", fold(text))[:_KEY_LETTERS]
