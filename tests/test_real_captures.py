"""What the real services really sent, read whole: no entry lost, no error but a clear one.

The captures are no part of the project; where they are absent, these tests skip.
"""

from __future__ import annotations

import gzip
import html
import io
import json
import re
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import feedparser
import pytest

from notifier.errors import SourceError
from notifier.papers.paper import Batch
from notifier.papers.text import one_line
from notifier.sources.arxiv import ArxivSource
from notifier.sources.feed import FeedSource
from notifier.sources.huggingface import HuggingFaceSource
from notifier.sources.source import Source
from tests.builders import NOON
from tests.conftest import DATA, real_data

FEED, ARXIV, DAILY = FeedSource("feed"), ArxivSource("arxiv"), HuggingFaceSource("daily")
NO_FEEDS = {"allthis.json", "rose.json", "pubmed_efetch_2026-06.xml"}
ATOM = "{http://www.w3.org/2005/Atom}"
ARXIV_TERMS = "{http://arxiv.org/schemas/atom}"


def files(*folders: str) -> list[Path]:
    """Return the captures in some folders, as test cases; none where they are absent."""
    return sorted(f for folder in folders for f in (DATA / folder).rglob("*") if f.is_file())


def name_of(path: Path) -> str:
    return path.name


def content(path: Path) -> bytes:
    body = path.read_bytes()
    return gzip.decompress(body) if path.suffix == ".gz" else body


def outcome(source: Source, body: bytes) -> Batch | SourceError:
    """Read `body`; anything but a batch or one clear line fails the test."""
    try:
        batch = source.read(body, now=NOON)
    except SourceError as error:
        return clear(error)
    assert all(entry.title and entry.aliases for entry in batch.entries)
    assert not [problem for problem in batch.problems if "bug" in problem.reason]
    return batch


def clear(error: SourceError) -> SourceError:
    assert 20 < len(str(error)) < 300
    assert "\n" not in str(error)
    return error


def wanted(body: bytes) -> list[str]:
    """Return the titles that feedparser finds beside any id or link."""
    entries = feedparser.parse(io.BytesIO(body)).entries
    titles = (re.sub(r"<[^>]*>", "", dict.get(e, "title") or "") for e in entries if named(e))
    return [title for title in titles if one_line(title)]


def named(entry: feedparser.FeedParserDict) -> bool:
    return any(one_line(dict.get(entry, name) or "") for name in ("id", "link"))


def count(result: Batch | SourceError) -> int:
    return len(result.entries) if isinstance(result, Batch) else 0


# Feeds of journals, preprint servers and blogs


@pytest.mark.parametrize("path", files("feeds"), ids=name_of)
def test_no_entry_of_a_real_feed_is_lost(path: Path) -> None:
    body = content(path)
    expected = wanted(body)
    assert count(outcome(FEED, body)) >= len(expected)
    assert expected or path.name in NO_FEEDS or not feedparser.parse(io.BytesIO(body)).entries


@pytest.mark.parametrize("name", sorted(NO_FEEDS))
def test_what_is_no_feed_is_refused(name: str) -> None:
    real_data("feeds")
    (path,) = (found for found in files("feeds") if found.name == name)
    assert isinstance(outcome(FEED, content(path)), SourceError)


def test_no_text_of_a_real_feed_keeps_its_markup() -> None:
    real_data("feeds")
    for path in files("feeds"):
        result = outcome(FEED, content(path))
        for entry in result.entries if isinstance(result, Batch) else ():
            text = f"{entry.title} {entry.abstract} {entry.authors} {entry.categories}"
            assert not re.search(r"</?(?:p|div|span|a|i|b|sup|sub|td|math|mi)[ >]|<!--", text), path


@pytest.mark.parametrize("source", [FEED, ARXIV, DAILY], ids=lambda source: source.name)
def test_no_capture_of_any_service_breaks_any_source(source: Source) -> None:
    real_data("listing")
    for path in files("feeds", "arxiv", "hf", "listing"):
        outcome(source, content(path))


def test_every_feedparser_test_feed_is_read_as_feedparser_reads_it() -> None:
    lost = []
    for name, body in members("broken/feedparser_wellformed_encoding.tar.gz"):
        if count(outcome(FEED, body)) < len(wanted(body)):
            lost.append(name)
    assert not lost


def members(archive: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(real_data(archive)) as opened:
        for member in opened:
            if member.isfile() and (file := opened.extractfile(member)):
                yield member.name, file.read()


# arXiv


@pytest.mark.parametrize("path", files("arxiv/rss", "arxiv/api"), ids=name_of)
def test_every_arxiv_entry_is_read_without_a_problem(path: Path) -> None:
    body = content(path)
    result = outcome(ARXIV, body)
    assert isinstance(result, Batch)
    assert not result.problems
    assert len(result.entries) == len(feedparser.parse(io.BytesIO(body)).entries)
    for entry in result.entries:
        assert entry.aliases[0].scheme == "arxiv"
        assert entry.version
        assert entry.authors
        assert entry.categories
        assert entry.abstract
        assert "Announce Type" not in entry.abstract
        assert "(arXiv:" not in entry.title


@pytest.mark.parametrize("path", files("arxiv/rss", "arxiv/api"), ids=name_of)
def test_an_arxiv_abstract_is_as_arxiv_wrote_it(path: Path) -> None:
    result = outcome(ARXIV, content(path))
    assert isinstance(result, Batch)
    written = abstracts(ElementTree.fromstring(content(path)))  # noqa: S314  a file of ours
    for entry, text in zip(result.entries, written, strict=False):
        assert (entry.source_abstract or entry.abstract) == text


def abstracts(root: ElementTree.Element) -> Iterator[str]:
    """The abstracts as a plain XML parser sees them; none of RSS 1.0, which holds HTML."""
    for tag in (f"{ATOM}entry/{ATOM}summary", "channel/item/description"):
        for found in root.findall(tag):
            text = re.sub(r"^arXiv:\S+ Announce Type: \S+\s+Abstract: ", "", found.text or "")
            yield one_line(twice_decoded(text))


def twice_decoded(text: str) -> str:
    """Mend what arXiv's API sent broken in 2026: UTF-8 taken for Latin-1 and encoded again."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def test_every_announce_type_of_the_captures_is_kept() -> None:
    real_data("arxiv/rss")
    for path in files("arxiv/rss"):
        root = ElementTree.fromstring(content(path))  # noqa: S314  a file of ours
        written = [found.text for found in root.iter(f"{ARXIV_TERMS}announce_type")]
        result = outcome(ARXIV, content(path))
        assert isinstance(result, Batch)
        if written:
            assert [entry.announce for entry in result.entries] == written


@pytest.mark.parametrize("path", files("arxiv/announce", "arxiv/oai"), ids=name_of)
def test_an_arxiv_file_that_is_no_feed_is_refused(path: Path) -> None:
    assert isinstance(outcome(ARXIV, content(path)), SourceError)


# Hugging Face


def test_every_paper_of_every_day_is_read() -> None:
    days = files("hf/daily")
    assert len(days) == 262 or not real_data("hf/daily")
    for day in days:
        body = content(day)
        items = json.loads(body)
        result = outcome(DAILY, body)
        assert isinstance(result, Batch)
        assert not result.problems
        assert [str(entry.aliases[0]) for entry in result.entries] == [
            f"arxiv:{item['paper']['id']}" for item in items
        ]
        assert [entry.signals["upvotes"] for entry in result.entries] == [
            item["paper"]["upvotes"] for item in items
        ]


def test_no_abstract_of_any_day_loses_a_word() -> None:
    real_data("hf/daily")
    for day in files("hf/daily"):
        body = content(day)
        result = outcome(DAILY, body)
        assert isinstance(result, Batch)
        for entry, item in zip(result.entries, json.loads(body), strict=True):
            written = one_line(html.unescape(item["paper"]["summary"]))
            assert (entry.source_abstract or entry.abstract) == written


def test_the_newer_captures_keep_their_newer_fields() -> None:
    for path in real_data("hf").glob("*.json"):
        result = outcome(DAILY, content(path))
        assert isinstance(result, Batch)
        assert not result.problems
        for entry, item in zip(result.entries, json.loads(content(path)), strict=True):
            paper = item["paper"]
            assert entry.signals.get("stars") == paper.get("githubStars")
            assert entry.signals["comments"] == item["numComments"]
            assert entry.submitted_by == one_line(item["submittedBy"]["fullname"])
            organization = paper.get("organization")
            assert bool(entry.organization) == bool(organization)
            assert entry.published_at


def test_a_day_cut_off_anywhere_keeps_its_whole_papers() -> None:
    real_data("hf/daily")
    body = content(files("hf/daily")[0])
    ends = [found.start() for found in re.finditer(rb'\},\s*\{\s*"paper":', body)]
    assert ends
    for place, end in enumerate(ends, 1):
        result = outcome(DAILY, body[: end + 20])
        assert isinstance(result, Batch)
        assert len(result.entries) == place
        assert [problem.entry for problem in result.problems] == ["-"]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_cut_off_capture_gives_what_came_or_a_clear_error(share: float) -> None:
    real_data("feeds")
    for path in files("feeds/misc", "arxiv/rss", "arxiv/api"):
        body = content(path)
        outcome(FEED, body[: int(len(body) * share)])


def test_a_day_of_two_thousand_papers_is_read_in_seconds() -> None:
    body = content(real_data("arxiv/rss/rss2_cs.LG_2026-04-27.xml"))
    start, end = body.index(b"<item>"), body.rindex(b"</item>") + len(b"</item>")
    items = body[start:end]
    many = body[:start] + items * (2000 // items.count(b"<item>")) + body[end:]
    begun = time.monotonic()
    result = outcome(ARXIV, many)
    assert count(result) >= 1990
    assert time.monotonic() - begun < 15
