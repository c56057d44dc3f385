"""Pages that need no link from a mail: frame, sample, status, what is kept of people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pydantic import ValidationError

from notifier.app import App
from notifier.config import Settings
from notifier.jobs.public_status import rounded, whole
from notifier.storage import store_sources
from notifier.web.status import drawing

from .builders import an_entry
from .pages import ADA, HOSTILE, Place, path, place
from .test_pages_language import in_english
from .test_promises import dump

__all__ = ["place"]

GERMAN = {"Accept-Language": "de"}
SECRET = "https://api.example.org/?api_key=s3cret"  # an address that must not get out


# The frame.


@pytest.mark.anyio
async def test_every_page_says_whose_it_is_and_where_to_go(tmp_path: Path) -> None:
    place = Place(tmp_path, contact="ada@lab.example", postal_address="1 Main St <b>")
    paths = place.paths(place.send())
    async with place.client() as http:
        for address in ("/", "/papers", "/nowhere", paths["pause"], paths["paper"]):
            page = (await http.get(address)).text
            for link in ("/", "/papers", "/status", "/privacy", "/link"):
                assert f'href="{link}"' in page, address
            assert "Run by ada@lab.example." in page
            assert "1 Main St &lt;b&gt;" in page
            assert page.count("<main>") == page.count('<div id="content"') == 1
            assert page.index('href="#content"') < page.index("<header")
    place.app.close()


@pytest.mark.anyio
async def test_the_page_that_one_is_at_is_marked(place: Place) -> None:
    place.send()
    async with place.client() as http:
        for address in ("/papers", "/papers?q=RAG", "/status", "/privacy"):
            page = (await http.get(address)).text
            here = address.partition("?")[0]
            assert f'href="{here}" aria-current="page"' in page
            assert page.count("aria-current") == 1


# The sample.


@pytest.fixture
def sampled(tmp_path: Path) -> Iterator[Place]:
    """An instance whose sample is of RAG, with six papers on it."""
    made = Place(tmp_path, sample_rules="RAG")
    made.send()
    yield made
    made.app.close()


@pytest.mark.anyio
async def test_the_sample_is_a_real_digest_that_gives_no_right_to_anything(sampled: Place) -> None:
    sampled.reader("cy@example.org")
    async with sampled.client() as http:
        before = dump(sampled.app.database)
        page = await http.get("/sample")
        assert "new paper" in page.text
        assert "RAG 1 &lt;script&gt;" in page.text
        assert "<script>" not in page.text
        assert "you@example.org" in page.text
        assert ADA not in page.text
        own = {
            path(unescape(url))
            for url in re.findall(r'href="(https://papers\.example\.org[^"]*)"', page.text)
        }
        assert {one for one in own if not one.endswith(".bib")} == {"/sample/link"}
        for word in ("View in browser", "Save", "Change", "Pause", "Unsubscribe"):
            assert re.search(
                rf'href="https://papers.example.org/sample/link"[^>]*>{word}', page.text
            )
        assert "This is a sample" in (await http.get("/sample/link")).text
        assert dump(sampled.app.database) == before


@pytest.mark.anyio
async def test_only_pages_of_this_site_may_show_the_sample_in_a_frame(sampled: Place) -> None:
    async with sampled.client() as http:
        policy = (await http.get("/sample")).headers["Content-Security-Policy"]
        assert "frame-ancestors 'self'" in policy
        assert "sandbox" in policy
        assert "script" not in policy
        first = await http.get("/")
        assert "frame-src 'self'" in first.headers["Content-Security-Policy"]
        assert re.search(r'<iframe [^>]*src="/sample" sandbox="[a-z -]*"', first.text)
        assert "allow-scripts" not in first.text
        assert 'href="/sample"' in first.text, "for who sees no frames"
        for other in ("/papers", "/sample/link", "/status"):
            policy = (await http.get(other)).headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy
            assert "frame-src" not in policy


@pytest.mark.anyio
async def test_the_sample_is_made_anew_after_ten_minutes_and_in_each_language(
    sampled: Place,
) -> None:
    async with sampled.client() as http:
        english = (await http.get("/sample")).text
        german = (await http.get("/sample", headers=GERMAN)).text
        assert '<html lang="de"' in german
        sampled.take(an_entry(9, "RAG 9", signals={"upvotes": 900.0}), source="huggingface")
        assert (await http.get("/sample")).text == english
        sampled.now += timedelta(minutes=11)
        assert "RAG 9" in (await http.get("/sample")).text


@pytest.mark.anyio
async def test_where_nothing_can_be_shown_the_sample_says_so_and_the_first_page_has_none(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path, sample_rules="title: Nobody + writes + this")
    async with place.client() as http:
        assert 'src="/sample"' in (await http.get("/")).text, "it is not known yet"
        empty = await http.get("/sample")
        assert "No papers have come yet" in empty.text
        assert "/sample" not in (await http.get("/")).text
        assert "frame-ancestors 'self'" in empty.headers["Content-Security-Policy"]
        place.send()
        place.now += timedelta(minutes=11)
        assert "fits the rules of the sample" in (await http.get("/sample")).text
        german = await http.get("/sample", headers=GERMAN)
        assert in_english(german.text) == []
        assert in_english((await http.get("/sample/link", headers=GERMAN)).text) == []
    place.app.close()


@pytest.mark.anyio
async def test_an_instance_may_show_no_sample(tmp_path: Path) -> None:
    place = Place(tmp_path, sample_rules="")
    async with place.client() as http:
        assert (await http.get("/sample")).status_code == 404
        assert "<iframe" not in (await http.get("/")).text
    place.app.close()


def test_sample_rules_that_do_not_work_are_refused_at_the_start() -> None:
    for rules in ("titel: x", "-survey", "# nothing"):
        with pytest.raises(ValidationError, match="rule"):
            Settings(site={"sample_rules": rules})
    assert Settings(site={"sample_rules": " a\nb "}).site.sample_rules == "a\nb"


# The status.


def watched(tmp_path: Path, place: Place) -> Place:
    """The same instance with two sources: one that is read, one that has failed for long."""
    sources = [
        {"name": name, "kind": "feed", "urls": [SECRET], "every_minutes": 60}
        for name in ("journal", "broken")
    ]
    settings = place.app.settings.model_copy(
        update={"source": Settings.model_validate({"source": sources}).source}
    )
    place.app.close()
    place.app = App(settings, clock=lambda: place.now)
    with place.app.database.writing() as conn:
        for _ in range(4):
            store_sources.failed(conn, "broken", "feed", f"500 at {SECRET} <b>", now=place.now)
        store_sources.succeeded(
            conn, "journal", "feed", counts=(9, 9, 0), warning=f"odd: {SECRET}", now=place.now
        )
        values = {"answered_at": place.now, "batch_at": place.now, "entries": 9, "usual": 9}
        store_sources.note_part(conn, "journal", "", values, now=place.now)
    return place


@pytest.mark.anyio
async def test_the_status_tells_of_sources_and_nothing_of_people_or_errors(
    place: Place, tmp_path: Path
) -> None:
    place.send()
    watched(tmp_path, place).now += timedelta(minutes=12)
    async with place.client() as http:
        before = dump(place.app.database)
        page = await http.get("/status")
        assert "Some papers are late" in page.text
        assert "it cannot be read" in page.text
        assert "the newest papers are here" in page.text
        assert page.text.count("12 minutes ago") >= 3
        assert "fewer than 10" in page.text
        told = await http.get("/status.json")
        assert told.json()["state"] == "late"
        assert told.json()["newest_at"] == "2026-11-20T06:00:00Z"
        assert told.json()["papers"] == 6
        assert told.json()["subscribers_at_least"] == 0
        assert {one["name"]: one["state"] for one in told.json()["sources"]} == {
            "journal": "fresh", "broken": "failing",
        }  # fmt: skip
        badge = await http.get("/badge.svg")
        assert badge.headers["Content-Type"].startswith("image/svg+xml")
        assert "papers: late 12 min ago" in badge.text
        for answer in (page, told, badge):
            assert "s3cret" not in answer.text
            assert "example.org" not in answer.text.replace("papers.example.org", "")
            assert answer.headers["Cache-Control"] == "public, max-age=60"
        german = await http.get("/status", headers=GERMAN)
        assert in_english(german.text) == []
        assert "vor 12 Minuten" in german.text
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_before_anything_was_read_the_status_says_so(place: Place) -> None:
    async with place.client() as http:
        assert "No source has been read yet" in (await http.get("/status")).text
        assert "papers: none yet" in (await http.get("/badge.svg")).text
        assert in_english((await http.get("/status", headers=GERMAN)).text) == []


def test_one_source_in_trouble_is_late_and_all_of_them_are_stale() -> None:
    assert whole([]) == whole(["paused", "new"]) == "none"
    assert whole(["fresh", "quiet", "paused"]) == "fresh"
    assert whole(["fresh", "failing"]) == whole(["quiet", "late"]) == "late"
    assert whole(["stale", "failing", "new"]) == "stale"


def test_a_number_of_people_is_rounded_so_that_it_tells_of_nobody() -> None:
    assert [rounded(n) for n in (0, 1, 9)] == [0, 0, 0]
    assert [rounded(n) for n in (10, 19, 37, 100, 999, 123_456)] == [10, 10, 30, 100, 900, 100_000]


def test_a_badge_is_xml_whatever_it_says() -> None:
    root = ElementTree.fromstring(drawing('<a> "b"', "& 'c'", "#000000"))  # noqa: S314  # our own
    assert root.get("aria-label") == "<a> \"b\": & 'c'"


# What is kept of people.


@pytest.mark.anyio
async def test_what_is_kept_is_told_with_the_times_that_are_set(tmp_path: Path) -> None:
    place = Place(tmp_path, archive_days=45, contact=f"x {HOSTILE}", open_signup=False)
    async with place.client() as http:
        page = (await http.get("/privacy")).text
        assert "as they were sent: for 45 days" in page
        assert "Or write to x &lt;script&gt;" in page
        assert "<script>" not in page
        assert "What you asked for on the first page" not in page
        german = (await http.get("/privacy", headers=GERMAN)).text
        assert "45 Tage lang" in german
        assert in_english(german) == []
    place.app.close()


@pytest.mark.anyio
async def test_the_page_on_what_is_kept_is_true_of_who_was_deleted(place: Place) -> None:
    place.send()
    place.app.served.feeds.rotate(1)
    place.app.subscriptions.remove(ADA)
    kept = dump(place.app.database)
    assert ADA not in str(kept)
    of_people = {"subscriber", "profile", "profile_match", "feed", "vote", "digest", "digest_paper",
                 "message", "delivery", "attempt"}  # fmt: skip
    assert not of_people & {table for table, *_ in kept}
