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
import textwrap
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import feedparser
import pytest

from notifier.errors import SourceError
from notifier.papers.paper import Batch, Entry
from notifier.papers.text import one_line
from notifier.sources.arxiv import ArxivSource
from notifier.sources.biorxiv import BiorxivSource
from notifier.sources.feed import FeedSource
from notifier.sources.huggingface import HuggingFaceSource
from notifier.sources.listing import ListingSource
from notifier.sources.pubmed import PubmedSource
from notifier.sources.source import Request, Source
from tests.builders import NOON
from tests.conftest import DATA, real_data

FEED, ARXIV, DAILY = FeedSource("feed"), ArxivSource("arxiv"), HuggingFaceSource("daily")
BIORXIV, PUBMED = BiorxivSource("biorxiv"), PubmedSource("pubmed", "ferns")
NO_FEEDS = {"pubmed_efetch_2026-06.xml", "pubmed-article.xml"}  # PubMed's own XML
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


@pytest.mark.parametrize("name", ["allthis.json", "rose.json"])
def test_every_item_of_a_json_feed_is_read(name: str) -> None:
    real_data("feeds")
    (path,) = (found for found in files("feeds") if found.name == name)
    result = outcome(FEED, content(path))
    assert isinstance(result, Batch)
    assert not result.problems
    assert len(result.entries) == len(json.loads(content(path))["items"])
    assert all(entry.abstract and entry.published_at for entry in result.entries)


# How many entries must have authors, DOI, journal and abstract, where the feed says them anywhere.
DESCRIBED = {
    "elsevier.xml": (35, 0, 36, 0),
    "mpe.xml": (53, 0, 53, 0),
    "phytokeys.xml": (100, 100, 100, 100),
    "zookeys.xml": (100, 100, 100, 100),
    "taxon.xml": (48, 52, 52, 32),
    "tand.rdf": (5, 5, 5, 0),
    "oup.xml": (5, 5, 0, 5),
    "native-pubmed.xml": (15, 15, 15, 15),
    "canent.xml": (13, 15, 15, 13),
    "cnki.xml": (20, 0, 0, 20),
    "ingenta.rdf": (11, 0, 11, 0),
    "nature_rss_2023-04.rdf": (50, 75, 75, 20),
}


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_a_publishers_feed_gives_what_it_says_anywhere(name: str) -> None:
    real_data("feeds")
    (path,) = (found for found in files("feeds") if found.name == name)
    result = outcome(FEED, content(path))
    assert isinstance(result, Batch)
    assert not result.problems
    found = (
        sum(bool(entry.authors) for entry in result.entries),
        sum(entry.aliases[0].scheme == "doi" for entry in result.entries),
        sum(bool(entry.journal) for entry in result.entries),
        sum(bool(entry.abstract) for entry in result.entries),
    )
    assert all(a >= b for a, b in zip(found, DESCRIBED[name], strict=True)), found


def test_no_abstract_of_a_real_feed_begins_with_what_the_publisher_wrote_round_it() -> None:
    real_data("feeds")
    for path in files("feeds"):
        result = outcome(FEED, content(path))
        for entry in result.entries if isinstance(result, Batch) else ():
            begin = r"A(?:bstract|BSTRACT)[: ]|Publication date|Volume \d+, Issue|DOI:|Author\(s\)"
            assert not re.match(begin, entry.abstract), path


@pytest.mark.parametrize("name", sorted(NO_FEEDS))
def test_every_article_of_pubmed_is_read_whole(name: str) -> None:
    real_data("feeds")
    (path,) = (found for found in files("feeds") if found.name == name)
    result = outcome(PUBMED, content(path))
    assert isinstance(result, Batch)
    assert not result.problems
    assert len(result.entries) == content(path).count(b"<PubmedArticle>")
    for entry in result.entries:
        assert {"doi", "pmid"} <= {alias.scheme for alias in entry.aliases}
        assert entry.authors
        assert entry.abstract
        assert entry.journal
        assert entry.published_at


def test_every_paper_of_biorxivs_own_feed_is_read_by_its_adapter() -> None:
    path = real_data("feeds/netnewswire_real/bio.rdf")
    result = outcome(BIORXIV, content(path))
    assert isinstance(result, Batch)
    assert len(result.entries) == 30
    assert all(entry.version and entry.urls["pdf"] for entry in result.entries)
    assert all((entry.announce == "new") == (entry.version == 1) for entry in result.entries)


def test_no_text_of_a_real_feed_keeps_its_markup() -> None:
    real_data("feeds")
    for path in files("feeds"):
        result = outcome(FEED, content(path))
        for entry in result.entries if isinstance(result, Batch) else ():
            text = f"{entry.title} {entry.abstract} {entry.authors} {entry.categories}"
            assert not re.search(r"</?(?:p|div|span|a|i|b|sup|sub|td|math|mi)[ >]|<!--", text), path


@pytest.mark.parametrize(
    "source", [FEED, ARXIV, DAILY, BIORXIV, PUBMED], ids=lambda source: source.name
)
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


@pytest.mark.parametrize("path", files("arxiv/announce", "corpus/arxiv_daily"), ids=name_of)
def test_no_paper_of_announcements_saved_as_json_is_lost(path: Path) -> None:
    body = content(path)
    lines = body.splitlines() if path.name.endswith("l.gz") else []
    papers = [json.loads(line) for line in lines] or json.loads(body)["papers"]
    result = outcome(ARXIV, body)
    assert isinstance(result, Batch)
    assert not result.problems
    assert [entry.aliases[0].value for entry in result.entries] == [
        paper.get("arxiv_id") or paper["id"] for paper in papers
    ]
    for entry, paper in zip(result.entries, papers, strict=True):
        assert entry.announce == paper.get("announce_type", "new")
        assert set(entry.categories) == set(paper["categories"])


@pytest.mark.parametrize("path", files("arxiv/oai"), ids=name_of)
def test_every_oai_record_is_read_without_a_problem(path: Path) -> None:
    body = content(path)
    result = outcome(ARXIV, body)
    assert isinstance(result, Batch)
    assert not result.problems
    records = list(oai_records(ElementTree.fromstring(body)))  # noqa: S314  a file of ours
    assert len(result.entries) == len(records)
    for entry, record in zip(result.entries, records, strict=True):
        texts = {one_line(text) for text in record.itertext()}
        assert f"oai:arXiv.org:{entry.aliases[0].value}" in texts
        assert (entry.source_title or entry.title) in texts
        assert (entry.source_abstract or entry.abstract) in texts
        assert entry.authors
        assert entry.categories
        assert entry.published_at


def oai_records(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    return (found for found in root.iter() if found.tag.rpartition("}")[2] == "record")


@pytest.mark.parametrize("path", files("arxiv/api"), ids=name_of)
def test_the_pages_of_a_real_answer_follow_until_its_total(path: Path) -> None:
    body = content(path)
    figures = dict(re.findall(rb"opensearch:(\w+)[^>]*>(\d+)<", body))
    start, total = int(figures[b"startIndex"]), int(figures[b"totalResults"])
    asked = Request(f"https://a.example/api?start={start}&max_results=100", since=NOON)
    batch = ARXIV.read(body, now=NOON, asked=asked)
    after = start + len(batch.entries)
    assert batch.total == total
    assert [f"start={after}&" in f"{url}&" for url in batch.following] == [True] * (after < total)


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


def test_every_day_reads_the_same_from_json_lines() -> None:
    real_data("hf/daily")
    for day in files("hf/daily")[::20]:
        items = json.loads(content(day))
        lines = "\n".join(json.dumps(item) for item in items).encode()
        assert outcome(DAILY, lines) == outcome(DAILY, content(day))


def test_what_is_trending_for_months_is_no_news_again() -> None:
    real_data("hf/daily")
    trending = Request("https://huggingface.co/api/daily_papers?sort=trending&limit=100")
    for day in files("hf/daily")[::20]:
        batch = DAILY.read(content(day), now=NOON, asked=trending)
        assert {entry.announce for entry in batch.entries} <= {"update"}
        then = datetime.strptime(day.name[:10], "%Y-%m-%d").replace(tzinfo=UTC)
        batch = DAILY.read(content(day), now=then, asked=trending)
        news = sum(entry.is_news for entry in batch.entries)
        assert news >= 0.7 * len(batch.entries)  # a few were months old on their day


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


# Saved listings

LISTING = ListingSource("saved")
ENDS_OF_LINES = ("\n", "\r\n", "\n\n")
FEET = (  # as browsers copy them: who, date, comments
    "• {who}\n· {date} {comments}",
    "• {who} · {date} {comments}",
    "•\n{who}\n·\n{date}\n{comments}",
    "{who}\n·\u00a0{date}\n{comments}",
)


def pages() -> list[list[dict[str, Any]]]:
    """The papers of each saved page, with the date as the page shows it."""
    read = [json.loads(path.read_bytes())["papers"] for path in files("listing")]
    assert len(read) == 3 or not real_data("listing")
    return read


def listed(page: str | bytes) -> list[Entry]:
    result = outcome(LISTING, page.encode() if isinstance(page, str) else page)
    assert isinstance(result, Batch)
    assert not result.problems
    return list(result.entries)


@pytest.mark.parametrize("path", files("listing"), ids=name_of)
def test_every_paper_of_a_saved_page_is_read(path: Path) -> None:
    papers = json.loads(path.read_bytes())["papers"]
    found = listed(path.read_bytes())
    assert [e.source_title or e.title for e in found] == [one_line(p["title"]) for p in papers]
    assert [e.source_abstract or e.abstract for e in found] == [
        one_line(p["abstract"]) for p in papers
    ]
    assert [e.signals.get("comments") for e in found] == [p.get("comments") for p in papers]
    assert [bool(e.published_at) for e in found] == ["date" in p for p in papers]
    assert len({e.aliases[0] for e in found}) == len(papers)
    assert listed(json.dumps(papers)) == found


def test_organisations_of_saved_pages_lose_their_handles() -> None:
    found = [e.organization for page in pages() for e in listed(json.dumps(page)) if e.organization]
    assert found == ["Qualcomm", "Zhi Huang Lab"]


@pytest.mark.parametrize("end", ENDS_OF_LINES)
@pytest.mark.parametrize("foot", FEET)
@pytest.mark.parametrize("width", [60, 100, 100_000])
def test_a_page_copied_as_text_gives_the_papers_of_its_file(
    foot: str, end: str, width: int
) -> None:
    for papers in pages()[:2]:
        page = "\n".join(as_text(paper, foot, width) for paper in papers)
        assert listed(page.replace("\n", end)) == listed(json.dumps(papers))


def as_text(paper: dict[str, Any], foot: str, width: int) -> str:
    """Write a paper as its page shows it, the abstract wrapped at `width`."""
    wrap = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    abstract = wrap.fill(paper["abstract"])
    who = paper.get("organization") or f"{paper['authors_count']} authors"
    date = re.sub(r"(\d{4}) \d+$", r"\1", paper["date"])
    foot = foot.format(who=who, date=date, comments=paper["comments"])
    return f"{paper['title']}\n{abstract}\n{foot}"


@pytest.mark.parametrize("end", ENDS_OF_LINES)
def test_a_copied_page_without_any_feet_keeps_its_papers_apart(end: str) -> None:
    for papers in pages():
        bare = [{name: paper[name] for name in ("title", "abstract")} for paper in papers]
        page = end.join(f"{paper['title']}{end}{paper['abstract']}" for paper in bare)
        assert listed(page) == listed(json.dumps(bare))


def test_no_other_capture_breaks_the_reading_of_listings() -> None:
    real_data("feeds")
    for path in files("feeds", "arxiv", "hf"):
        outcome(LISTING, content(path))
