"""The pages of arXiv's query API, and single papers asked of it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.papers.paper import Batch
from notifier.sources.arxiv import ArxivSource
from notifier.sources.source import NOTHING_ASKED, Request
from tests.builders import NOON
from tests.test_sources_arxiv import api, api_entry
from tests.test_sources_oai import SINCE, SOURCE, only, read

# The pages of the query API


def page(count: int, *, total: int, start: int | None) -> str:
    entries = (api_entry(f"http://arxiv.org/abs/2611.{n:05d}v1") for n in range(1, count + 1))
    figures = f"<opensearch:totalResults>{total}</opensearch:totalResults>"
    if start is not None:
        figures += f"<opensearch:startIndex>{start}</opensearch:startIndex>"
    body = api(*entries)
    return re.sub("<opensearch:totalResults>.*</opensearch:totalResults>", figures, body)


def asked_from(start: int, since: datetime | None = SINCE) -> Request:
    url = f"http://127.0.0.1:1/api?search_query=cat:cs.LG&start={start}&max_results=1000"
    return Request(url, ("cs.LG",), since=since)


def starts(batch: Batch) -> list[str]:
    return [parse_qs(urlsplit(url).query)["start"][0] for url in batch.following]


@pytest.mark.parametrize(
    ("count", "total", "start", "follows"),
    [
        (3, 10, 0, ["3"]),
        (3, 10, 5, ["8"]),
        (3, 10, 7, []),
        (3, 3, 0, []),
        (0, 0, 0, []),
        (3, 1, 0, []),  # a total that is too small ends it
    ],
)
def test_an_answer_goes_on_where_it_ended(
    count: int, total: int, start: int, follows: list[str]
) -> None:
    batch = read(page(count, total=total, start=start), asked_from(start))
    assert starts(batch) == follows
    assert (batch.total, len(batch.entries), batch.problems) == (total, count, ())


def test_the_next_page_asks_the_same_query() -> None:
    (following,) = read(page(2, total=9, start=0), asked_from(0)).following
    expected = "http://127.0.0.1:1/api?search_query=cat:cs.LG&start=2&max_results=1000"
    assert following == expected


@pytest.mark.parametrize(
    ("count", "start", "told", "said"),
    [
        (0, 5, 5, "ask again later"),
        (0, 0, 0, "ask again later"),
        (2, 5, 0, "ask again later"),  # the service took no notice of the start
        (2, 29_998, 29_998, "30,000"),
    ],
)
def test_an_answer_that_cannot_go_on_says_so(count: int, start: int, told: int, said: str) -> None:
    batch = read(page(count, total=40_000, start=told), asked_from(start))
    assert batch.following == ()
    assert len(batch.entries) == count
    (problem,) = batch.problems
    assert problem.entry == "-"
    assert said in problem.reason


def test_no_slice_reaches_past_what_the_api_gives() -> None:
    (following,) = read(page(1, total=40_000, start=29_499), asked_from(29_499)).following
    assert following.endswith("start=29500&max_results=500")


def test_the_last_entry_of_a_page_that_was_cut_off_is_asked_again() -> None:
    body = page(3, total=9, start=0)
    batch = read(body[: body.rindex("<summary>")], asked_from(0))
    assert starts(batch) == ["2"]
    assert [problem.entry for problem in batch.problems] == ["-"]


@pytest.mark.parametrize("asked", [NOTHING_ASKED, asked_from(0, since=None)])
def test_only_a_history_is_read_to_its_end(asked: Request) -> None:
    batch = read(page(2, total=9, start=0), asked)
    assert (batch.following, batch.total) == ((), None)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(0, 12)), max_size=30),
    st.integers(0, 9),
)
def test_however_the_service_answers_the_pages_come_to_an_end(
    answers: list[tuple[int, int, int]], begin: int
) -> None:
    asked, seen = asked_from(begin), set[str]()
    for count, total, told in answers:
        assert asked.url not in seen
        seen.add(asked.url)
        following = read(page(count, total=total, start=told), asked).following
        if not following:
            return
        asked = Request(following[0], asked.parts, since=SINCE)
    assert len(seen) <= 13  # no total was larger


@pytest.mark.parametrize(
    ("name", "first", "newest", "announce"),
    [
        ("2611.00001v1", "2026-11-16", "2026-11-16", "new"),
        ("2610.00001v1", "2026-10-16", "2026-10-16", "update"),
        ("2611.00001v2", "2026-11-10", "2026-11-16", "new"),
        ("2403.00001v2", "2024-03-10", "2026-11-16", "replace"),
        ("2403.00001v2", "2024-03-10", "2024-11-16", "update"),
    ],
)
def test_the_query_api_announces_by_the_same_rule(
    name: str, first: str, newest: str, announce: str
) -> None:
    entry = (
        api_entry(f"http://arxiv.org/abs/{name}")
        .replace("2026-11-01T10", f"{first}T10")
        .replace("2026-11-19T10", f"{newest}T10")
    )
    assert only(api(entry), asked_from(0)).announce == announce
    assert only(api(entry)).announce == "new"


# Single papers


def test_single_papers_are_asked_a_hundred_at_a_time_and_announce_nothing() -> None:
    ids = ["hep-th/9901001", *(f"2611.{n:05d}" for n in range(1, 150)), "2611.00001"]
    asked = SOURCE.lookup(ids)
    listed = [parse_qs(urlsplit(request.url).query)["id_list"][0].split(",") for request in asked]
    assert [len(names) for names in listed] == [100, 50]
    assert [name for names in listed for name in names] == ids[:-1]
    assert all(not request.announces and request.since is None for request in asked)
    assert all("max_results=100" in request.url for request in asked)
    assert SOURCE.lookup([]) == []


def test_a_paper_that_was_looked_up_is_only_described() -> None:
    (asked,) = SOURCE.lookup(["2611.00001"])
    assert only(api(api_entry()), asked).announce == "update"


def test_the_service_is_not_asked_for_what_the_first_answer_did_not_know() -> None:
    (asked,) = SOURCE.lookup(["2611.00001", "2611.99999"])
    batch = read(page(1, total=2, start=0), asked)
    assert (batch.following, batch.problems) == ((), ())


def test_a_mirror_of_the_feeds_sends_nobody_to_arxiv() -> None:
    source = ArxivSource("arxiv", ("cs.LG",), ("http://127.0.0.1:1/feed",))
    assert source.lookup(["2611.00001"]) == []
    asked = source.requests(now=NOON, since=SINCE)
    assert [request.url for request in asked] == ["http://127.0.0.1:1/feed"]
    assert source.replay is None


def test_the_last_seven_days_are_replayed_where_categories_are_configured() -> None:
    assert SOURCE.replay == timedelta(days=7)
    assert ArxivSource("arxiv").replay is None
    assert ArxivSource("arxiv", ("cs.LG",), replay=None).replay is None
