"""Rules find every real paper that has their word, and no other one.

What a paper has is worked out here by regular expressions on the raw text. The captures are no
part of the project; where they are absent, these tests skip.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache

import pytest

from notifier.papers.paper import Entry
from notifier.profiles.hits import match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.parser import parse
from notifier.sources.arxiv import ArxivSource
from notifier.sources.listing import ListingSource
from tests.builders import NOON, a_paper
from tests.conftest import real_data

HYPHEN = "[-\u2010-\u2013]"
EVERY_DAYS = 6  # the corpus has 62 days; all of them take a minute
# TeX that only sets letters apart, as in \textbf{F}ine-\textbf{T}uning
MARKUP = re.compile(r"\\[a-zA-Z]+\{|[{}$]")
WRITTEN = {
    "LLM": r"LLM(?:s|['’]s)?",
    "finetuning": rf"(?i:fine(?:{HYPHEN}|\s)?tun(?:e|es|ed|ing|ings|er|ers|able))",
    "multi-modal": rf"(?i:multi(?:{HYPHEN}|\s)?modal(?:s|ly|ity|ities)?)",
    "pretraining": rf"(?i:pre(?:{HYPHEN}|\s)?train(?:s|ed|ing|ings|er|ers)?)",
    "localization": r"(?i:locali[sz](?:e|es|ed|er|ers|ing|ation|ations|able|ability))",
}
# How many of the 222 listed papers have the word; plain Snowball stems find 136, 5, 13, 24 and 3,
# and for the last one 6 papers that are only "local".
LISTED = {"LLM": 182, "finetuning": 71, "multi-modal": 56, "pretraining": 81, "localization": 3}


def has(rule: str, *texts: str) -> bool:
    """Return whether one of the raw texts has the word that `rule` asks for."""
    word = re.compile(rf"(?<![^\W_]){WRITTEN[rule]}(?![^\W_])")
    return any(word.search(MARKUP.sub("", text)) for text in texts)


Read = tuple[str, str, IndexedPaper]  # title and abstract, raw, and the paper made of them


def indexed(entry: Entry) -> IndexedPaper:
    return IndexedPaper(a_paper(entry.title, entry.abstract))


@cache
def listed() -> list[Read]:
    """Every paper of the saved listings."""
    read: list[Read] = []
    for path in sorted(real_data("listing").iterdir()):
        body = path.read_bytes()
        entries = ListingSource("daily").read(body, now=NOON).entries
        for raw, entry in zip(json.loads(body)["papers"], entries, strict=True):
            read.append((raw["title"], raw["abstract"], indexed(entry)))
    return read


@cache
def announced() -> list[Read]:
    """The papers of some days of arXiv, each once."""
    return list({title: (title, *rest) for title, *rest in _announced()}.values())


def _announced() -> Iterator[Read]:
    for path in sorted(real_data("corpus/arxiv_daily").iterdir())[::EVERY_DAYS]:
        body = gzip.decompress(path.read_bytes())
        entries = ArxivSource("arxiv").read(body, now=NOON).entries
        for line, entry in zip(body.splitlines(), entries, strict=True):
            raw = json.loads(line)
            yield raw["title"], raw["summary"], indexed(entry)


def missed_and_false(rule: str, papers: list[Read]) -> tuple[list[str], list[str]]:
    """Return the titles that `rule` should find and does not, and those it should not."""
    rules = parse(rule)
    wrong: tuple[list[str], list[str]] = ([], [])
    for title, abstract, paper in papers:
        wanted = has(rule, title, abstract)
        if wanted != (match(rules, paper) is not None):
            wrong[not wanted].append(title)
    return wrong


@pytest.mark.parametrize("rule", WRITTEN)
def test_a_rule_finds_every_listed_paper_that_has_its_word_and_no_other(rule: str) -> None:
    papers = listed()
    assert len(papers) == 222
    assert sum(has(rule, title, abstract) for title, abstract, _ in papers) == LISTED[rule]
    assert missed_and_false(rule, papers) == ([], [])


@pytest.mark.parametrize("rule", WRITTEN)
def test_a_rule_finds_every_announced_paper_that_has_its_word_and_no_other(rule: str) -> None:
    papers = announced()
    assert sum(has(rule, title, abstract) for title, abstract, _ in papers) > 50
    assert missed_and_false(rule, papers) == ([], [])
