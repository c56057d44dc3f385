"""A paper as reference managers and search engines read it: BibTeX, RIS, meta tags.

Pure. Whatever a source wrote, each value stays inside its own field, on one line. Letters stand as
they are (UTF-8); only signs that TeX would take for commands are written as commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

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
# Commands for braces, since BibTeX counts the one of `\{`, too.
_TEX = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_"},
        "\\": r"{\textbackslash}",
        "{": r"{\textbraceleft}",
        "}": r"{\textbraceright}",
        "~": r"{\textasciitilde}",
        "^": r"{\textasciicircum}",
        "<": r"{\textless}",
        ">": r"{\textgreater}",
        "|": r"{\textbar}",
    }
)
_VERBATIM = re.compile(r"[\\{}\s\"<>]")  # what may not stand in a field that is no TeX
_WORD = re.compile(r"[^\W_](?:[^\s:;,!?()\[\]\"“”‘’/–—-]*[^\W_])?")
_LONG_WORD = 4
_IN_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class _Facts:
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


def bibtex(paper: Paper) -> str:
    """Return one BibTeX entry, with a line feed at its end.

    `@article` where the journal is known, else `@misc`; an arXiv paper has `eprint`,
    `archivePrefix` and `primaryClass` as in arXiv's own export. The key stays when a journal is
    learnt later.

    Source: info.arxiv.org/help/hypertex/bibstyles (fields); BibTeX's btxdoc 3.1 and 4 (types,
        names, braces); the biblatex manual, 2.2 (doi, eprint and url are read verbatim).
    """
    facts = _facts(paper)
    fields = {
        "title": _title(facts.title),
        "author": " and ".join(map(_name, facts.authors)),
        "journal": _tex(facts.journal),
        "year": str(facts.year or ""),
        "eprint": facts.arxiv,
        "archivePrefix": "arXiv" if facts.arxiv else "",
        "primaryClass": facts.category,
        "doi": _verbatim(facts.doi),
        "url": _verbatim(facts.page),
    }
    kind = "article" if facts.journal else "misc"
    lines = (f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@{kind}{{{_key(paper, facts)},\n{''.join(lines)}}}\n"


def ris(paper: Paper) -> str:
    """Return one RIS record: CRLF line ends, each value on one line.

    Source: RIS format specifications (Reference Manager, 2011): `JOUR` an article, `UNPB` an
        unpublished work, `GEN` anything else; `DA` is `YYYY/MM/DD/`.
    """
    facts = _facts(paper)
    unpublished = "UNPB" if facts.is_preprint else "GEN"
    lines = [
        ("TY", "JOUR" if facts.journal else unpublished),
        *(("AU", str(author)) for author in facts.authors),
        ("TI", facts.title),
        ("JO", facts.journal),
        ("AB", one_line(paper.abstract)),
        ("PY", str(facts.year or "")),
        ("DA", f"{facts.day:%Y/%m/%d}/" if facts.day else ""),
        ("DO", facts.doi),
        ("UR", facts.page),
        ("L1", facts.pdf),
    ]
    return "".join(f"{tag}  - {value}\r\n" for tag, value in lines if value) + "ER  - \r\n"


def meta_tags(paper: Paper) -> tuple[tuple[str, str], ...]:
    """Return (name, content) of the meta elements for a paper's page, not yet escaped.

    `citation_author` stands once for each author, in order.

    Source: scholar.google.com/intl/en/scholar/inclusion.html, "Indexing Guidelines" (Highwire
        Press tags; dates as `2010/5/12` or the year alone).
    """
    facts = _facts(paper)
    day = f"{facts.day:%Y/%m/%d}" if facts.day else str(facts.year or "")
    tags = [
        ("citation_title", facts.title),
        *(("citation_author", str(author)) for author in facts.authors),
        ("citation_publication_date", day),
        ("citation_journal_title", facts.journal),
        ("citation_doi", facts.doi),
        ("citation_arxiv_id", facts.arxiv),
        ("citation_pdf_url", facts.pdf),
    ]
    return tuple((name, content) for name, content in tags if content)


def _facts(paper: Paper) -> _Facts:
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
    return _Facts(
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


def _key(paper: Paper, facts: _Facts) -> str:
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


def _tex(line: str) -> str:
    return line.translate(_TEX)


def _verbatim(text: str) -> str:
    return _VERBATIM.sub(lambda found: quote(found[0]), text)


def _name(author: Author) -> str:
    """`Family, Given`; in braces what is not to be taken apart: groups, and what is no name."""
    parts = [part for part in (author.family, author.generation, author.given) if part]
    is_name = author.given and all(part[0].isalnum() or part[0] in "'’‘" for part in parts)
    is_name = is_name and all(_tex(part) == part for part in parts)
    return ", ".join(parts) if is_name else f"{{{_tex(str(author))}}}"


def _title(title: str) -> str:
    """The title with braces round words whose capitals a style in small letters would lose.

    These are words with a capital behind the first letter or alone; in a title written as a
    sentence also those that begin with one. BibTeX leaves the title's first letter itself.
    """
    long = [word for word in _WORD.findall(title)[1:] if len(word) >= _LONG_WORD]
    is_sentence = 2 * sum(word[0].islower() for word in long) > len(long)
    out, end = "", 0
    for found in _WORD.finditer(title):
        word = found[0]
        kept = any(map(str.isupper, word[1:])) or (
            end > 0 and word[0].isupper() and (is_sentence or (len(word) == 1 and word != "A"))
        )
        out += _tex(title[end : found.start()])
        out += f"{{{_tex(word)}}}" if kept else _tex(word)
        end = found.end()
    return out + _tex(title[end:])
