"""bioRxiv and medRxiv: every version of every preprint is read, to the last page."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import SourceError
from notifier.papers.paper import Batch, Entry
from notifier.sources.biorxiv import BiorxivSource
from notifier.sources.source import Request, Source
from tests.builders import NOON

BIORXIV = BiorxivSource("biorxiv")
FIRST = Request("https://api.biorxiv.org/details/biorxiv/2026-11-13/2026-11-20/0/json")


def preprint(number: int = 1, **values: Any) -> dict[str, Any]:
    """A preprint as the API writes it; a value of None leaves the field out."""
    given = {
        "doi": f"10.64898/2026.11.19.{number:06d}",
        "title": "A title",
        "authors": "Lovelace, A.; Chen, B.",
        "version": "1",
        "type": "new results",
        "category": "plant biology",
        "date": "2026-11-19",
        "abstract": "They grow.",
        "published": "NA",
        "server": "biorxiv",
    } | values
    return {name: value for name, value in given.items() if value is not None}


def page(*preprints: Any, total: Any = None, status: str = "ok", **message: Any) -> bytes:
    total = str(len(preprints)) if total is None else total
    message |= {"status": status, "count": len(preprints), "total": total}
    return json.dumps({"messages": [message], "collection": list(preprints)}).encode()


def read(body: bytes, asked: Request = FIRST, source: Source = BIORXIV) -> Batch:
    return source.read(body, now=NOON, asked=asked)


def outcome(body: bytes) -> Batch | SourceError:
    try:
        return read(body)
    except SourceError as error:
        return error


def only(body: bytes, source: Source = BIORXIV) -> Entry:
    batch = read(body, source=source)
    assert not batch.problems
    assert len(batch.entries) == 1
    return batch.entries[0]


def feed(link: str, title: str = "Ferns") -> bytes:
    return (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        '<channel rdf:about="x"><title>b</title></channel>'
        f'<item rdf:about="{link}"><title>{title}</title><link>{link}</link>'
        "<description>They grow.</description><dc:date>2026-11-19</dc:date></item></rdf:RDF>"
    ).encode()


# What is asked


def test_the_last_seven_days_are_asked_for() -> None:
    (request,) = BIORXIV.requests(now=NOON)
    assert request.url == FIRST.url
    assert request.since == NOON - timedelta(days=7)
    assert BIORXIV.window == timedelta(days=7)


def test_a_longer_gap_is_asked_for_from_its_first_day() -> None:
    source = BiorxivSource("m", server="medrxiv", api_url="http://127.0.0.1:1/")
    since = datetime(2026, 9, 3, 23, tzinfo=UTC)
    (request,) = source.requests(now=NOON, since=since)
    assert request.url == "http://127.0.0.1:1/details/medrxiv/2026-09-03/2026-11-20/0/json"
    assert request.since == since
    assert source.kind == "medrxiv"


def test_a_feed_is_asked_for_as_it_stands_and_has_no_window() -> None:
    url = "https://connect.biorxiv.org/biorxiv_xml.php?subject=ecology"
    source = BiorxivSource("b", urls=(url,))
    assert source.requests(now=NOON, since=NOON) == [Request(url)]
    assert source.window is None


def test_a_day_counts_as_silent_only_after_the_night_behind_it() -> None:
    friday = datetime(2026, 11, 20, tzinfo=ZoneInfo("America/New_York"))
    batch = BIORXIV.rhythm.last(friday + timedelta(days=3))
    assert batch
    assert batch.opens == friday
    assert batch.due == friday + timedelta(hours=30)


# What a preprint holds


def test_a_preprint_is_read_whole() -> None:
    entry = only(
        page(
            preprint(
                7,
                title="On <i>Azolla</i> &amp; CO<sub>2</sub>",
                abstract="<jats:title>Abstract</jats:title><jats:p>Where p&lt;0.05.</jats:p>",
                author_corresponding_institution="University of Ferns",
                published="10.1038/S41586-026-1",
                version="2",
            )
        )
    )
    assert (entry.title, entry.abstract) == ("On Azolla & CO2", "Where p<0.05.")
    assert entry.authors == ("Lovelace, A.", "Chen, B.")
    assert entry.categories == ("plant biology",)
    assert entry.organization == "University of Ferns"
    assert [str(alias) for alias in entry.aliases] == [
        "doi:10.64898/2026.11.19.000007",
        "doi:10.1038/s41586-026-1",
    ]
    assert (entry.version, entry.announce) == (2, "replace")
    assert entry.published_at == datetime(2026, 11, 19, tzinfo=UTC)
    page_url = "https://www.biorxiv.org/content/10.64898/2026.11.19.000007v2"
    assert entry.urls["page"] == page_url
    assert entry.urls["pdf"] == page_url + ".full.pdf"
    assert entry.urls["doi"] == "https://doi.org/10.64898/2026.11.19.000007"


def test_medrxiv_papers_lead_to_medrxiv() -> None:
    source = BiorxivSource("m", server="medrxiv")
    assert (
        only(page(preprint()), source).urls["page"].startswith("https://www.medrxiv.org/content/")
    )


@pytest.mark.parametrize(
    ("written", "alias"),
    [
        ("10.1101/2020.01.02.123456", "doi:10.1101/2020.01.02.123456"),
        ("10.1101/123456", "doi:10.1101/123456"),
        ("https://doi.org/10.64898/2026.05.19.726321", "doi:10.64898/2026.05.19.726321"),
    ],
)
def test_old_and_new_dois_name_a_preprint(written: str, alias: str) -> None:
    assert str(only(page(preprint(doi=written))).aliases[0]) == alias


@pytest.mark.parametrize(
    ("version", "read_as", "announce"),
    [("1", 1, "new"), (1, 1, "new"), ("3", 3, "replace"), (2, 2, "replace"), (None, None, "new"),
     ("x", None, "new"), ("0", None, "new"), (True, None, "new")],
)  # fmt: skip
def test_only_a_first_version_is_new(version: Any, read_as: int | None, announce: str) -> None:
    entry = only(page(preprint(version=version)))
    assert (entry.version, entry.announce) == (read_as, announce)


def test_two_versions_in_one_answer_are_two_entries() -> None:
    batch = read(page(preprint(1), preprint(1, version="2")))
    assert [entry.version for entry in batch.entries] == [1, 2]


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-6-30", datetime(2026, 6, 30, tzinfo=UTC)),
        ("2026-06-03", datetime(2026, 6, 3, tzinfo=UTC)),
        ("2026-6-3T10:00:00", datetime(2026, 6, 3, tzinfo=UTC)),
    ],
)
def test_a_date_without_zeros_is_a_date(written: str, day: datetime) -> None:
    assert only(page(preprint(date=written))).published_at == day


@pytest.mark.parametrize(
    "written", ["2026-13-01", "2026-02-30", "soon", "2099-01-01", "0001-01-01"]
)
def test_an_absurd_date_leaves_the_preprint_and_names_the_problem(written: str) -> None:
    batch = read(page(preprint(date=written)))
    assert [entry.published_at for entry in batch.entries] == [None]
    assert [problem.reason for problem in batch.problems] == [
        f'date "{written}" left out: not believable'
    ]


@pytest.mark.parametrize("published", ["NA", "na", "", None, "in press", 7])
def test_what_is_no_doi_of_a_journal_is_no_second_name(published: Any) -> None:
    assert len(only(page(preprint(published=published))).aliases) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"type": "WITHDRAWN"},
        {"type": "withdrawn"},
        {"title": "WITHDRAWN: Ferns"},
        {"title": "Withdrawn: Ferns"},
    ],
)
def test_a_withdrawn_preprint_says_so(values: dict[str, str]) -> None:
    assert only(page(preprint(**values))).withdrawn
    assert not only(page(preprint(title="Withdrawn and Ferns"))).withdrawn


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("van der Berg, Jan Peter; Roe, R.", ("van der Berg, Jan Peter", "Roe, R.")),
        ("Doe, J. M.", ("Doe, J. M.",)),
        ("Group for Ferns and Mosses; Doe, J.;", ("Group for Ferns and Mosses", "Doe, J.")),
        ("Jos&eacute;, M.; Roe, R.", ("José, M.", "Roe, R.")),
        ("Doe, J., Roe, R.", ("Doe, J.", "Roe, R.")),
        ("", ()),
    ],
)
def test_authors_are_parted_at_semicolons(written: str, names: tuple[str, ...]) -> None:
    assert only(page(preprint(authors=written))).authors == names


def test_fields_that_say_nothing_are_empty() -> None:
    entry = only(page(preprint(author_corresponding_institution="NA", category="", abstract="NA")))
    assert (entry.organization, entry.categories, entry.abstract) == (None, (), "")
    assert only(page(preprint(published_journal="J. Bot."))).journal == "J. Bot."


def test_other_categories_are_left_out_and_are_no_problem() -> None:
    source = BiorxivSource("b", categories=("Plant_Biology", "ecology"))
    papers = [preprint(1, category="plant  biology"), preprint(2, category="zoology"),
              preprint(3, category="ECOLOGY"), preprint(4, category=None)]  # fmt: skip
    batch = read(page(*papers, total="90"), source=source)
    assert [entry.aliases[0].value[-1] for entry in batch.entries] == ["1", "3", "4"]
    assert not batch.problems
    assert batch.following == (FIRST.url.replace("/0/", "/4/"),)  # the other pages, all the same
    assert batch.total is None  # nobody says how many of them are ours


# Papers that are broken


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"title": "T"}, "no DOI"),
        (preprint(doi="pmid:1"), 'unknown DOI "pmid:1"'),
        (preprint(title=" <i></i> "), "no title"),
        (preprint(title=None), "no title"),
        ("text", "no DOI"),
        (None, "no DOI"),
        ([], "no DOI"),
    ],
)
def test_a_broken_paper_costs_itself_only(broken: Any, reason: str) -> None:
    batch = read(page(preprint(1), broken, preprint(3)))
    assert len(batch.entries) == 2
    assert [problem.reason for problem in batch.problems] == [reason]


# Pages


def test_no_posts_found_is_an_empty_answer_and_no_error() -> None:
    assert read(page(status="no posts found")) == Batch()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"<html><body>Down</body></html>", "HTML page"),
        (b"Error 500", "no feed"),
        (b"[]", "no feed"),
        (b"{", "no JSON"),
        (b"{}", "no list of preprints"),
        (page(preprint())[:-20], "no JSON"),
        (b'{"messages": [{"status": "Error : (2002) refused"}], "collection": []}', "2002"),
        (b'{"messages": 7, "collection": 7}', "no list of preprints"),
        (b'{"a":' * 100_000, "no JSON"),
    ],
)
def test_what_is_no_answer_is_refused_in_one_clear_line(body: bytes, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(body)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_file_leads_nowhere() -> None:
    assert not BIORXIV.read(page(preprint(), total=90), now=NOON).following


def test_the_last_page_leads_nowhere() -> None:
    here = Request(FIRST.url.replace("/0/", "/60/"))
    assert not read(page(preprint(1), preprint(2), total="62"), here).following
    assert read(page(preprint(1), total="62"), here).following == (
        FIRST.url.replace("/0/", "/61/"),
    )


def test_the_first_page_says_how_many_there_are() -> None:
    assert read(page(preprint(), total="253")).total == 253


@given(
    papers=st.integers(0, 60),
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    promised=st.integers(0, 50),
    says_total=st.booleans(),
)
def test_pages_of_any_size_give_every_paper_once(
    papers: int, sizes: list[int], promised: int, says_total: bool
) -> None:
    """A service whose pages differ in size, and whose `total` is too large or missing."""

    def served(url: str) -> bytes:
        found = re.search(r"/([0-9]+)/json$", url)
        assert found
        start = int(found[1])
        size = sizes[start % len(sizes)]
        shown = [preprint(n) for n in range(start, min(start + size, papers))]
        total = papers + promised if says_total else ""
        return page(*shown, total=total, status="ok" if shown else "no posts found")

    seen, urls, url = [], [], FIRST.url
    while url:
        assert url not in urls
        urls.append(url)
        batch = read(served(url), Request(url))
        seen += [int(entry.aliases[0].value[-6:]) for entry in batch.entries]
        url = next(iter(batch.following), "")
    assert seen == list(range(papers))
    assert len(urls) <= papers + 1


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode()))
def test_any_bytes_give_a_batch_or_a_clear_error(body: bytes) -> None:
    result = outcome(body)
    assert isinstance(result, Batch) or "\n" not in str(result)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from([*preprint(), "biorxiv_doi", "journal"]), anything), anything
)
def test_fields_of_any_kind_break_nothing(paper: dict[str, Any], total: Any) -> None:
    batch = read(page(paper, preprint(2), total=total))
    assert batch.entries
    assert not [problem for problem in batch.problems if "bug" in problem.reason]


# Feeds


def test_a_feed_is_read_with_versions_and_pdfs() -> None:
    body = feed("https://www.biorxiv.org/content/10.64898/2026.05.19.726321v2?rss=1")
    entry = only(body)
    assert [str(alias) for alias in entry.aliases] == ["doi:10.64898/2026.05.19.726321"]
    assert (entry.version, entry.announce, entry.journal) == (2, "replace", None)
    assert entry.urls["pdf"].endswith("/10.64898/2026.05.19.726321v2.full.pdf")


def test_a_feed_is_taken_whole_whatever_the_categories() -> None:
    source = BiorxivSource("b", categories=("ecology",))
    assert only(feed("https://www.biorxiv.org/content/10.64898/2026.05.19.726321v1"), source).title
