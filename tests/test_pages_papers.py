"""The papers of a day for anybody, and those that rules find: in order, whole, and text."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, quote, urlsplit

import feedparser
import httpx2 as httpx
import pytest

from notifier.web.answers import RULES_CHARACTERS
from notifier.web.days import day_in
from notifier.web.listing import SHOWN

from .builders import an_entry
from .pages import HOSTILE, Place, place
from .test_pages_language import in_english
from .test_promises import dump

__all__ = ["place"]

FRIDAY = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
GERMAN = {"Accept-Language": "de"}


def titles(page: httpx.Response | str) -> list[str]:
    text = page if isinstance(page, str) else page.text
    found = re.findall(r"<h2[^>]*><a [^>]*>(.*?)</a></h2>", text)
    return [unescape(re.sub("<[^>]*>", "", one)) for one in found]


def links(page: httpx.Response, words: str) -> str:
    """Where the link with these words leads."""
    (found,) = re.findall(rf'<a [^>]*?href="([^"]*)"[^>]*>{words}</a>', page.text)
    return unescape(found)


@pytest.fixture
def days(place: Place) -> Place:
    """Papers of a Wednesday, a Friday and the Monday after it; on Friday one is talked about."""
    place.now = FRIDAY - timedelta(days=2)
    place.take(an_entry(1, "Of Wednesday", categories=("math.CO",)))
    place.now = FRIDAY
    place.take(
        an_entry(2, "Plain", categories=("cs.CL",), published_at=FRIDAY - timedelta(days=1)),
        an_entry(3, "Newer", categories=("cs.CL", "cs.LG"), published_at=FRIDAY),
        an_entry(4, "Talked about", categories=("cs.LG",), abstract="A retrieval benchmark.",
                 authors=("Ada Lovelace",), urls={"pdf": "https://arxiv.org/pdf/2611.00004"}),
    )  # fmt: skip
    place.take(an_entry(4, "Talked about", signals={"upvotes": 38.0}), source="huggingface")
    place.now = FRIDAY + timedelta(days=3)
    place.take(an_entry(5, "Of Monday", abstract=f"{HOSTILE} retrieval", authors=(HOSTILE,)))
    return place


@pytest.mark.anyio
async def test_a_day_has_what_is_talked_about_first_and_then_the_newest(days: Place) -> None:
    async with days.client() as http:
        page = await http.get("/papers/2026-11-20")
    assert titles(page) == ["Talked about", "Newer", "Plain"]
    assert "38 upvotes" in page.text
    assert "Ada Lovelace" in page.text
    assert "A retrieval benchmark." in page.text
    assert 'href="/p/arxiv:2611.00004"' in page.text
    assert 'href="https://arxiv.org/pdf/2611.00004"' in page.text
    assert "3 papers" in page.text


@pytest.mark.anyio
async def test_without_a_day_it_is_the_newest_that_has_papers(days: Place) -> None:
    days.now += timedelta(days=9)
    async with days.client() as http:
        page = await http.get("/papers")
        assert titles(page) == ["Of Monday"]
        assert "Mon, 23 Nov 2026" in page.text
        before = await http.get(links(page, "← Fri, 20 Nov 2026"))
        assert titles(before)[0] == "Talked about"
        assert titles(await http.get(links(before, "Mon, 23 Nov 2026 →"))) == ["Of Monday"]
        first = await http.get(links(before, "← Wed, 18 Nov 2026"))
        assert titles(first) == ["Of Wednesday"]
        assert 'rel="prev"' not in first.text
        week = await http.get(links(first, "The whole week"))
        assert titles(week) == ["Talked about", "Newer", "Plain", "Of Wednesday"]
        assert "Mon, 16 Nov 2026 to Sun, 22 Nov 2026" in week.text
        assert titles(await http.get(links(week, "Week of Mon, 23 Nov 2026 →"))) == ["Of Monday"]


@pytest.mark.anyio
async def test_a_field_is_chosen_among_those_that_occur_and_others_are_said_to_be_empty(
    days: Place,
) -> None:
    async with days.client() as http:
        page = await http.get("/papers/2026-11-20")
        assert re.findall(r'<option value="(.*?)">(.*?)</option>', page.text) == [
            ("", "all fields"), ("cs.CL", "cs.CL (2)"), ("cs.LG", "cs.LG (2)"),
        ]  # fmt: skip
        chosen = await http.get("/papers/2026-11-20?field=cs.LG")
        assert titles(chosen) == ["Talked about", "Newer"]
        assert '<option value="cs.LG" selected>' in chosen.text
        assert titles(await http.get("/papers/2026-11-20?field=cs.*")) == titles(page)
        none = await http.get("/papers/2026-11-20", params={"field": HOSTILE})
        assert "No paper of &lt;script&gt;" in none.text
        assert "<script>" not in none.text
        empty = await http.get("/papers/2026-11-21")
        assert "No papers came then." in empty.text
        assert "← Fri, 20 Nov 2026" in empty.text


@pytest.mark.anyio
async def test_a_long_day_comes_in_parts_that_lose_and_double_nothing(place: Place) -> None:
    place.now = FRIDAY
    place.take(*(an_entry(n, f"P{n}", categories=("cs.CL",)) for n in range(2 * SHOWN + 5)))
    async with place.client() as http:
        page, seen = await http.get("/papers?field=cs.CL"), list[str]()
        while True:
            seen += titles(page)
            if "More papers" not in page.text:
                break
            page = await http.get(links(page, "More papers"))
        assert len(seen) == len(set(seen)) == 2 * SHOWN + 5
        for number in ("99", "0", "-1", "x", "9" * 40, "²"):
            page = await http.get("/papers", params={"page": number})
            assert page.status_code == 200
        assert "There are no more papers." in (await http.get("/papers?page=99")).text


@pytest.mark.anyio
async def test_what_names_no_day_is_no_page(days: Place) -> None:
    async with days.client() as http:
        for wrong in ("2026-02-30", "2026-W54", "2026-11", "x", "0001-01-01", "٢٠٢٦-11-20", "%00"):
            assert (await http.get(f"/papers/{wrong}")).status_code == 404, wrong
        assert (await http.get("/papers/2199-01-01")).status_code == 200


def test_days_and_weeks_are_named_as_iso_8601_does() -> None:
    assert day_in("2026-11-20") == (date(2026, 11, 20), "day")
    assert day_in("2026-W47") == (date(2026, 11, 16), "week")
    assert day_in("2026-W47-1") is None


@pytest.mark.anyio
async def test_before_the_first_paper_that_is_said(place: Place) -> None:
    async with place.client() as http:
        assert "No papers yet" in (await http.get("/papers")).text
        assert "No papers came then." in (await http.get("/papers/2026-11-20")).text
        assert "There are no papers yet." in (await http.get("/papers?q=RAG")).text
        assert feedparser.parse((await http.get("/papers.atom")).content).entries == []


@pytest.mark.anyio
async def test_rules_find_papers_and_their_words_are_marked(days: Place) -> None:
    async with days.client() as http:
        page = await http.get("/papers", params={"q": "retrieval + benchmark"})
        assert titles(page) == ["Talked about"]
        assert "1 of 5 papers fit" in page.text
        assert "A <mark>retrieval</mark> <mark>benchmark</mark>." in page.text
        assert 'value="retrieval + benchmark"' in page.text
        both = await http.get("/papers", params={"q": "retrieval\ntitle: plain"})
        assert sorted(titles(both)) == ["Of Monday", "Plain", "Talked about"]
        assert "<textarea" in both.text, "no line is lost"


@pytest.mark.anyio
async def test_from_a_search_the_form_to_subscribe_is_filled_in(days: Place) -> None:
    rules = f"retrieval\n-{HOSTILE[:40]}\nbenchmark"
    async with days.client() as http:
        page = await http.get("/papers", params={"q": rules})
        there = links(page, "Get this by mail")
        assert parse_qs(urlsplit(there).query)["rules"] == [rules]
        form = await http.get(there)
        typed = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", form.text, re.S)
        assert typed
        assert unescape(typed[1]) == rules
        assert "<script>" not in form.text
        long = await http.get("/", params={"rules": "x" * (RULES_CHARACTERS + 9)})
        assert f">\n{'x' * RULES_CHARACTERS}</textarea>" in long.text


@pytest.mark.anyio
async def test_what_is_wrong_with_rules_is_said_and_what_works_is_asked(days: Place) -> None:
    async with days.client() as http:
        wrong = await http.get("/papers", params={"q": "titel: x"})
        assert wrong.status_code == 422
        assert "line 1, column 1: unknown field" in wrong.text
        assert "did you mean &#34;title:&#34;" in wrong.text
        assert 'value="titel: x"' in wrong.text
        half = await http.get("/papers", params={"q": "titel: x\nbenchmark"})
        assert half.status_code == 200
        assert titles(half) == ["Talked about"]
        assert "line 1, column 1" in half.text
        none = await http.get("/papers", params={"q": "benchmurk"})
        assert "None of 5 papers fits." in none.text
        for empty in ("", "  ", "# a comment"):
            answer = await http.get("/papers", params={"q": empty})
            assert answer.status_code == 422
            assert "There is no rule yet." in answer.text
        assert "only never-rules" in (await http.get("/papers?q=-survey")).text
        long = await http.get("/papers", params={"q": "y" * (RULES_CHARACTERS + 1)})
        assert long.status_code == 422
        assert "at most 2,000 characters" in long.text
        assert "y" * (RULES_CHARACTERS + 1) in long.text
        for odd in ("%00", "%ff", "(((((", "a" * 300, "%F0%9F%98%80", "-", "^2"):
            assert (await http.get(f"/papers?q={quote(odd, safe='%')}")).status_code in (200, 422)


@pytest.mark.anyio
async def test_a_word_that_is_mistyped_has_its_cure(place: Place) -> None:
    place.now = FRIDAY
    place.take(*(an_entry(n, f"A benchmark {n}") for n in range(9)))
    async with place.client() as http:
        page = await http.get("/papers?q=benchmrak")
        assert "did you mean &#34;benchmark&#34; instead of &#34;benchmrak&#34;?" in page.text
        german = await http.get("/papers?q=benchmrak", headers=GERMAN)
        assert "meinten Sie „benchmark“ statt „benchmrak“?" in german.text


@pytest.mark.anyio
async def test_a_search_comes_in_parts_and_ends(place: Place) -> None:
    place.now = FRIDAY
    place.take(*(an_entry(n, f"RAG {n}") for n in range(SHOWN + 3)))
    async with place.client() as http:
        first = await http.get("/papers?q=RAG")
        more = await http.get(links(first, "More papers"))
        assert len(titles(first)) == SHOWN
        assert len({*titles(first), *titles(more)}) == SHOWN + 3
        assert "More papers" not in more.text
        assert "no more papers" in (await http.get("/papers?q=RAG&page=9")).text


@pytest.mark.anyio
async def test_days_may_be_found_and_kept_for_a_minute_and_searches_only_kept(days: Place) -> None:
    async with days.client() as http:
        before = dump(days.app.database)
        for address in ("/", "/papers", "/papers/2026-11-20", "/privacy", "/p/arxiv:2611.00001"):
            answer = await http.get(address)
            assert answer.headers["X-Robots-Tag"] == "all", address
            assert answer.headers["Cache-Control"] == "public, max-age=60"
            assert answer.headers["Vary"] == "Accept-Language"
            assert '<meta name="robots"' not in answer.text
        for address in ("/papers?q=x", "/papers/2026-11-20?field=cs.CL", "/papers/2026-11-21",
                        "/?rules=x", "/status"):  # fmt: skip
            answer = await http.get(address)
            assert answer.headers["X-Robots-Tag"] == "noindex", address
            assert answer.headers["Cache-Control"] == "public, max-age=60"
            assert '<meta name="robots" content="noindex">' in answer.text
        for address in ("/papers/x", "/s/x", "/nowhere"):
            assert (await http.get(address)).headers["Cache-Control"] == "no-store"
        assert (await http.post("/papers")).status_code == 405
        assert dump(days.app.database) == before, "showing changes nothing"


@pytest.mark.anyio
async def test_papers_that_come_are_seen_within_a_minute(days: Place) -> None:
    async with days.client() as http:
        assert titles(await http.get("/papers")) == ["Of Monday"]
        days.take(an_entry(9, "Later"))
        days.now += timedelta(seconds=61)
        assert sorted(titles(await http.get("/papers"))) == ["Later", "Of Monday"]


@pytest.mark.anyio
async def test_the_day_is_a_feed_too(days: Place) -> None:
    days.now = FRIDAY + timedelta(days=4)
    async with days.client() as http:
        answer = await http.get("/papers.atom")
        read = feedparser.parse(answer.content, sanitize_html=False)
        assert not read.bozo
        assert [entry.title for entry in read.entries] == ["Of Monday"]
        assert read.entries[0].summary == f"{HOSTILE} retrieval"
        assert answer.headers["Cache-Control"] == "public, max-age=900"
        again = await http.get("/papers.atom", headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
        feed = json.loads((await http.get("/papers.json")).content)
        assert feed["items"][0]["id"] == read.entries[0].id
        assert (await http.get("/papers.xml")).status_code == 404


@pytest.mark.anyio
async def test_all_of_it_is_german_for_who_reads_german(days: Place) -> None:
    addresses = ("/papers", "/papers/2026-11-20?field=cs.CL", "/papers/2026-W47", "/papers?q=plain",
                 "/papers/2026-11-20?field=x", "/papers/2026-11-21", "/papers?q=", "/papers?q=xyz",
                 "/papers?page=9", "/papers?q=" + "y" * 2001)  # fmt: skip
    async with days.client() as http:
        for address in addresses:
            page = await http.get(address, headers=GERMAN)
            assert '<html lang="de">' in page.text
            assert in_english(page.text) == [], address
