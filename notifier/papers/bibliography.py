"""Many papers as one file of citations, written as they come: BibTeX, RIS, CSL JSON.

Pure. In one file no two papers have the same key: the second gets a letter behind it, the third
the next. So a key stays as long as the papers before it do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from string import ascii_lowercase

from notifier.papers import citing
from notifier.papers.paper import Paper


class Form(StrEnum):
    """A form of citations."""

    bibtex = "bibtex"
    ris = "ris"
    csl = "csl"


# How a file of each is called, and its media type as reference managers register it.
ENDINGS = {Form.bibtex: ".bib", Form.ris: ".ris", Form.csl: ".csl.json"}
MEDIA_TYPES = {
    Form.bibtex: "application/x-bibtex",
    Form.ris: "application/x-research-info-systems",
    Form.csl: "application/vnd.citationstyles.csl+json",
}


def written(form: Form, papers: Iterable[Paper]) -> Iterator[str]:
    """Yield a file's text, piece by piece; of no papers it is an empty file, or an empty list."""
    if form is Form.ris:
        yield from _apart(map(citing.ris, papers), "\r\n")
        return
    keyed = _keyed(papers)
    if form is Form.bibtex:
        yield from _apart((citing.bibtex(paper, key) for paper, key in keyed), "\n")
        return
    items = (json.dumps(citing.csl(paper, key), ensure_ascii=False) for paper, key in keyed)
    yield "["
    yield from _apart(items, ",\n")
    yield "]\n"


def _apart(pieces: Iterable[str], between: str) -> Iterator[str]:
    for number, piece in enumerate(pieces):
        yield between + piece if number else piece


def _keyed(papers: Iterable[Paper]) -> Iterator[tuple[Paper, str]]:
    """Each paper with a key of its own."""
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for paper in papers:
        own = key = citing.key(paper)
        while key in taken:
            counts[own] = counts.get(own, 0) + 1
            key = own + _letters(counts[own])
        taken.add(key)
        yield paper, key


def _letters(number: int) -> str:
    """1: b, 25: z, 26: ba; never a lone `a`, which is the one without a letter."""
    number, last = divmod(number, len(ascii_lowercase))
    return (_letters(number) if number else "") + ascii_lowercase[last]
