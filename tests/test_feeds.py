"""Feeds of profiles: valid, conditional, plain text, and for whoever has the secret."""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree

import feedparser
import httpx2 as httpx
import pytest

from notifier import errors
from notifier.app import App
from notifier.config import load
from notifier.papers.identity import Alias
from notifier.profiles.translating import portable
from notifier.storage import store_papers, store_votes
from notifier.storage.store_votes import StoredVote
from notifier.web.syndication import JSON_VERSION

from .builders import an_entry
from .commands import Notifier, notifier
from .pages import ADA, HOSTILE, MORNING, Place, path, place
from .test_promises import dump

__all__ = ["notifier", "place"]


def profile(place: Place) -> int:
    return place.app.subscriptions.profiles(ADA)[0].row


def addresses(place: Place) -> tuple[str, str]:
    """The feed of Ada's profile, with six papers in it: as Atom and as JSON."""
    place.send()
    made = place.app.served.feeds.rotate(profile(place))
    return path(made.atom), path(made.json)


def test_a_profile_has_a_feed_when_somebody_asks_for_one_and_then_no_more(place: Place) -> None:
    row, feeds = profile(place), place.app.served.feeds
    assert feeds.of(row) is None
    first = feeds.rotate(row)
    assert feeds.of(row) == first
    secret = first.atom.removeprefix("https://papers.example.org/feed/").removesuffix(".atom")
    assert re.fullmatch(r"[\w-]{22}", secret), "128 bits"
    assert first.json.endswith(f"/{secret}.json")
    assert feeds.rotate(row) != first
    assert feeds.stop(row)
    assert not feeds.stop(row)
    assert feeds.of(row) is None
    with pytest.raises(errors.NotFound):
        feeds.rotate(row + 9)


@pytest.mark.anyio
async def test_the_atom_feed_is_one_and_a_hostile_paper_is_text_in_it(place: Place) -> None:
    atom, _ = addresses(place)
    async with place.client() as http:
        answer = await http.get(atom)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/atom+xml")
    assert answer.headers["Cache-Control"] == "private, max-age=900"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    read = feedparser.parse(answer.content, sanitize_html=False)
    assert not read.bozo
    assert read.version == "atom10"
    assert read.feed.title == "<b>ml</b> - Paper notifier"
    assert [link.rel for link in read.feed.links] == ["self", "alternate"]
    assert read.feed.links[0].href == f"https://papers.example.org{atom}"
    assert len(read.entries) == 6
    first = read.entries[1]  # the first came from a second source, too
    assert first.title == f"RAG 6 {HOSTILE}"
    assert first.title_detail.type == first.summary_detail.type == "text/plain"
    assert first.summary == f"{HOSTILE} RAG."
    assert [author.name for author in first.authors] == [f"Ada {HOSTILE}", "B. Author"]
    assert [tag.term for tag in first.tags] == ["cs.LG"]
    assert first.link == "https://arxiv.org/abs/2611.00006"
    assert first.updated == first.published == "2026-11-20T06:00:00Z"
    assert len({entry.id for entry in read.entries}) == 6
    assert ADA not in answer.text


@pytest.mark.anyio
async def test_the_atom_feed_has_all_that_rfc_4287_asks_for(place: Place) -> None:
    atom, _ = addresses(place)
    async with place.client() as http:
        root = ElementTree.fromstring((await http.get(atom)).content)  # noqa: S314  # our own
    space = {"a": "http://www.w3.org/2005/Atom"}
    assert root.tag == "{http://www.w3.org/2005/Atom}feed"
    for one in (root, *root.findall("a:entry", space)):
        for name in ("id", "title", "updated"):  # exactly one each: 4.1.1, 4.1.2
            assert len(one.findall(f"a:{name}", space)) == 1
        assert one.findall("a:author/a:name", space)
        assert one.find("a:id", space).text.startswith("urn:uuid:")  # type: ignore[union-attr]
        assert sum(link.get("rel") == "alternate" for link in one.findall("a:link", space)) == 1


@pytest.mark.anyio
async def test_the_json_feed_has_all_that_version_1_1_asks_for(place: Place) -> None:
    _, address = addresses(place)
    async with place.client() as http:
        answer = await http.get(address)
    assert answer.headers["Content-Type"].startswith("application/feed+json")
    feed = json.loads(answer.content)
    assert feed["version"] == JSON_VERSION
    assert feed["title"] == "<b>ml</b> - Paper notifier"
    assert feed["feed_url"] == f"https://papers.example.org{address}"
    assert len(feed["items"]) == 6
    for item in feed["items"]:
        assert isinstance(item["id"], str)
        assert item["content_text"] == f"{HOSTILE} RAG."
        assert "content_html" not in item
        assert item["url"].startswith("https://arxiv.org/abs/")
        assert item["authors"][0] == {"name": f"Ada {HOSTILE}"}
        assert item["date_published"] == "2026-11-20T06:00:00Z"


@pytest.mark.anyio
async def test_a_paper_without_abstract_page_or_legal_characters_is_still_an_entry(
    place: Place,
) -> None:
    atom, address = addresses(place)
    place.take(an_entry(9, "RAG \ufffe\x08 \ufdd0 title", urls={"pdf": "javascript:alert(1)"}))
    place.app.compose()
    async with place.client() as http:
        read = feedparser.parse((await http.get(atom)).content)
        items = json.loads((await http.get(address)).content)["items"]
    assert not read.bozo
    assert read.entries[0].title == "RAG \ufffd    title"
    assert "javascript" not in str(read.entries[0])
    assert items[0]["content_text"] == items[0]["title"]


@pytest.mark.anyio
async def test_an_entry_leads_to_the_page_that_its_source_names_first(place: Place) -> None:
    atom, _ = addresses(place)
    there = {"url": "https://example.org/6", "page": "http://example.org/6"}
    place.take(an_entry(9, "RAG 9", urls=there, aliases=(Alias("url", "example.org/6"),)))
    place.app.compose()
    async with place.client() as http:
        read = feedparser.parse((await http.get(atom)).content)
    assert [one.link for one in read.entries if one.title == "RAG 9"] == [there["page"]]


@pytest.mark.anyio
async def test_what_a_reader_has_is_not_sent_again_until_something_changes(place: Place) -> None:
    atom, _ = addresses(place)
    async with place.client() as http:
        first = await http.get(atom)
        tag, date = first.headers["ETag"], first.headers["Last-Modified"]
        assert date == "Fri, 20 Nov 2026 06:00:00 GMT"
        known = [
            {"If-None-Match": tag},
            {"If-None-Match": f'"other", W/{tag}'},
            {"If-None-Match": "*"},
            {"If-Modified-Since": date},
        ]
        for headers in known:
            answer = await http.get(atom, headers=headers)
            assert answer.status_code == 304, headers
            assert answer.content == b""
            assert answer.headers["ETag"] == tag
            assert answer.headers["Cache-Control"] == "private, max-age=900"
        news = [
            {},
            {"If-None-Match": '"other"', "If-Modified-Since": date},
            {"If-Modified-Since": "Fri, 20 Nov 2026 05:59:59 GMT"},
            {"If-Modified-Since": "yesterday"},
        ]
        for headers in news:
            assert (await http.get(atom, headers=headers)).status_code == 200, headers
        assert (await http.head(atom)).content == b""
        place.now += timedelta(minutes=5)
        place.take(replace(an_entry(9, "RAG 9")))
        place.app.compose()
        for headers in known:
            if headers != {"If-None-Match": "*"}:
                answer = await http.get(atom, headers=headers)
                assert answer.status_code == 200, headers
        assert len(feedparser.parse(answer.content).entries) == 7


@pytest.mark.anyio
async def test_a_feed_ends_with_its_secret_its_profile_or_its_owner(place: Place) -> None:
    atom, address = addresses(place)
    row = profile(place)

    async def status(http: httpx.AsyncClient) -> set[int]:
        return {(await http.get(one)).status_code for one in (atom, address)}

    async with place.client() as http:
        before = dump(place.app.database)
        assert await status(http) == {200}
        assert dump(place.app.database) == before, "opening changes nothing"
        for wrong in (atom[:-6] + ".atom", atom.replace(".atom", ".xml"), "/feed/.atom", "/feed/x"):
            assert (await http.get(wrong)).status_code == 404
        assert (await http.post(atom)).status_code == 405
        place.app.subscriptions.leave(1, now=place.now)
        assert await status(http) == {410}
        assert "This feed has ended" in (await http.get(atom)).text
        place.app.subscriptions.confirm(ADA, now=place.now, because="asked")
        assert await status(http) == {200}
        newer = place.app.served.feeds.rotate(row)
        assert await status(http) == {404}
        assert (await http.get(path(newer.atom))).status_code == 200
        place.app.subscriptions.remove_profile(ADA, "<b>ml</b>")
        assert (await http.get(path(newer.atom))).status_code == 404


@pytest.mark.anyio
async def test_the_feed_of_a_profile_that_is_switched_off_stands_still(place: Place) -> None:
    atom, _ = addresses(place)
    ada, row, profiles = place.app.subscriptions.get(ADA), profile(place), place.app.served.profiles
    async with place.client() as http:
        before = (await http.get(atom)).content
        profiles.switch(ada, row, enabled=False)
        place.take(an_entry(40, "RAG in the meantime", published_at=place.now))
        place.app.match()
        assert (await http.get(atom)).content == before
        profiles.switch(ada, row, enabled=True)
        place.app.match()
        assert b"RAG in the meantime" in (await http.get(atom)).content


@pytest.mark.anyio
async def test_a_feed_has_the_newest_fifty_papers_of_the_last_thirty_days(place: Place) -> None:
    _, address = addresses(place)
    place.now += timedelta(days=1)
    place.take(*(an_entry(n, f"RAG {n}") for n in range(100, 160)))
    place.app.compose()
    async with place.client() as http:
        titles = [one["title"] for one in (await http.get(address)).json()["items"]]
        assert titles == [f"RAG {n}" for n in range(159, 109, -1)]
        place.now = MORNING + timedelta(days=32)
        assert (await http.get(address)).json()["items"] == []


@pytest.mark.anyio
async def test_a_paper_keeps_its_id_when_it_changes_and_when_the_address_is_made_anew(
    place: Place,
) -> None:
    _, address = addresses(place)
    async with place.client() as http:
        one = (await http.get(address)).json()["items"][0]
        atom = feedparser.parse((await http.get(address.replace("json", "atom"))).content)
        place.now += timedelta(hours=1)
        place.take(replace(an_entry(1, "RAG, revised"), announce="replace", version=2))
        place.app.compose()
        newer = path(place.app.served.feeds.rotate(profile(place)).json)
        again = (await http.get(newer)).json()["items"][0]
        anew = feedparser.parse((await http.get(newer.replace("json", "atom"))).content)
    assert one["id"] == again["id"] == anew.entries[0].id
    assert again["title"] == "RAG, revised"
    assert again["date_modified"] > one["date_modified"]
    assert atom.feed.id == anew.feed.id


@pytest.mark.anyio
async def test_a_reader_makes_and_ends_a_feed_on_the_page_of_a_profile(place: Place) -> None:
    row, feeds = profile(place), place.app.served.feeds
    manage = path(place.app.links.change(1, place.now))
    page = f"{manage}/profile/{row}"
    other = place.reader("bo@example.org")
    strange = path(place.app.links.change(other, place.now))
    async with place.client() as http:
        assert "Make an address" in (await http.get(page)).text
        assert feeds.of(row) is None, "opening makes none"
        made = await http.post(page, data={"do": "feed"}, follow_redirects=True)
        first = feeds.of(row)
        assert first
        assert f'href="{first.atom}"' in made.text
        assert "The feed has a new address" in made.text
        await http.post(page, data={"do": "feed"})
        assert feeds.of(row) not in (None, first)
        kept = feeds.of(row)
        for do in ("feed", "no-feed"):
            answer = await http.post(f"{strange}/profile/{row}", data={"do": do})
            assert answer.status_code == 404
        assert feeds.of(row) == kept, "nobody else's"
        data = (await http.get(f"{manage}/data.json")).json()
        assert kept
        assert data["profiles"][0]["feed_secret"] in kept.atom
        ended = await http.post(page, data={"do": "no-feed"}, follow_redirects=True)
        assert "There is no feed any more." in ended.text
        assert feeds.of(row) is None


# Saved papers.


def saved(place: Place, *papers: int) -> str:
    """Have Ada save papers, one a minute; return where the feed of them is, within the site."""
    place.send()
    with place.app.database.writing() as conn:
        for number, paper in enumerate(papers):
            at = MORNING + timedelta(minutes=number)
            store_votes.put(conn, StoredVote(1, paper, "saved", at))
    return path(place.app.served.saved.rotate(1).atom)


@pytest.mark.anyio
async def test_saved_papers_have_a_feed_with_the_last_saved_first(place: Place) -> None:
    atom = saved(place, 3, 1, 2)
    async with place.client() as http:
        answer = await http.get(atom)
        assert answer.headers["Content-Type"].startswith("application/atom+xml")
        read = feedparser.parse(answer.content, sanitize_html=False)
        assert not read.bozo
        assert read.feed.title == "Saved papers - Paper notifier"
        assert [entry.title for entry in read.entries] == [f"RAG {n} {HOSTILE}" for n in (2, 1, 3)]
        assert read.entries[0].updated == "2026-11-20T06:02:00Z"
        assert ADA not in answer.text
        again = {"If-None-Match": answer.headers["ETag"]}
        assert (await http.get(atom, headers=again)).status_code == 304
        assert (await http.post(atom)).status_code == 405
        items = (await http.get(atom.replace(".atom", ".json"))).json()["items"]
        assert len(items) == 3
        first, before = read.feed.id, atom
        atom = path(place.app.served.saved.rotate(1).atom)
        assert (await http.get(before)).status_code == 404
        assert feedparser.parse((await http.get(atom)).content).feed.id == first
        assert (await http.get(atom.replace("/saved", ""))).status_code == 404, "no profile's"
        place.app.subscriptions.leave(1, now=MORNING)
        assert (await http.get(atom)).status_code == 410
        place.app.subscriptions.remove(ADA)
        assert (await http.get(atom)).status_code == 404


@pytest.mark.anyio
async def test_the_feed_of_saved_papers_is_made_and_ended_on_their_page(place: Place) -> None:
    place.send()
    bo = place.reader("bo@example.org")
    own, strange = (path(place.app.links.change(row, MORNING)) for row in (1, bo))
    service = place.app.served.saved
    async with place.client() as http:
        assert "at an address that nobody can guess" in (await http.get(f"{own}/saved")).text
        made = await http.post(f"{own}/saved", data={"do": "feed"}, follow_redirects=True)
        first = service.feed(1)
        assert first
        assert f'href="{first.atom}"' in made.text
        assert "The feed has a new address" in made.text
        await http.post(f"{strange}/saved", data={"do": "no-feed"})
        assert service.feed(1) == first, "nobody else's"
        told = (await http.get(f"{own}/data.json")).json()
        assert told["subscriber"]["saved_feed_secret"] in first.atom
        ended = await http.post(f"{own}/saved", data={"do": "no-feed"}, follow_redirects=True)
        assert "There is no feed any more." in ended.text
        assert service.feed(1) is None


@pytest.mark.anyio
async def test_the_page_of_data_gives_everything_in_every_form(place: Place) -> None:
    place.send()
    own = path(place.app.links.change(1, MORNING))
    async with place.client() as http:
        page = (await http.get(f"{own}/data")).text
        assert "Nothing is saved yet." in page
        saved(place, 1, 2)
        page = (await http.get(f"{own}/data")).text
        for ending, begins in (
            ("data.json", "{"), ("profiles.toml", "[[profile]]"), ("saved.bib", "@misc"),
            ("saved.ris", "TY  -"), ("saved.csl", "[{"),
        ):  # fmt: skip
            assert f'href="{own}/{ending}"' in page
            answer = await http.get(f"{own}/{ending}")
            assert answer.text.startswith(begins)
            assert "attachment" in answer.headers["Content-Disposition"]
        (own_rules,) = portable.read((await http.get(f"{own}/profiles.toml")).text)[0]
        assert own_rules.rules == place.app.subscriptions.profiles(ADA)[0].rules


def test_saved_papers_are_printed_in_every_form_and_their_feed_made(notifier: Notifier) -> None:
    notifier.on("here")
    notifier("subscriber", "add", ADA, "--confirmed")
    with closing(App(load(notifier.config))) as app, app.database.writing() as conn:
        found = [an_entry(n, "Deep nets", authors=("Jane Doe",)) for n in (1, 2)]
        store_papers.take_in(conn, found, source="arxiv", now=MORNING)
    own = ("subscriber", "saved", ADA)
    assert notifier(*own).out == "id  title\n"
    for day, paper in (("20", "2611.00001"), ("21", "2611.00002")):
        notifier("--now", f"2026-11-{day}", "subscriber", "vote", ADA, paper, "saved")
    ids = [one["id"] for one in notifier(*own, "--format", "json").json]
    assert ids == ["arxiv:2611.00001", "arxiv:2611.00002"]
    bibtex = notifier(*own, "--as", "bibtex").out
    assert re.findall(r"@misc\{(\w+)", bibtex) == ["doe2026deep", "doe2026deepb"]
    assert [one["id"] for one in notifier(*own, "--as", "csl").json] == [
        "doe2026deep",
        "doe2026deepb",
    ]
    assert notifier(*own, "--as", "ris").out.count("ER  -") == 2
    read = feedparser.parse(notifier(*own, "--as", "atom").out)
    assert [entry.link[-5:] for entry in read.entries] == ["00002", "00001"]
    feed = ("subscriber", "saved-feed", ADA)
    none = notifier(*feed)
    assert (none.code, "make one with --rotate" in none.err) == (4, True)
    assert notifier(*feed, "--rotate").out == notifier(*feed).out != ""
    assert notifier(*feed, "--rotate", "--off").code == 2
    assert "is off" in notifier(*feed, "--off").err
    assert "there was no feed" in notifier(*feed, "--off").err


def test_the_command_prints_makes_and_ends_a_feed(notifier: Notifier) -> None:
    notifier("subscriber", "add", ADA, "--confirmed")
    notifier("profile", "add", ADA, "ml", "RAG")
    feed = ("profile", "feed", ADA, "ml")
    none = notifier(*feed)
    assert none.code == 4
    assert "make one with --rotate" in none.err
    made = notifier(*feed, "--rotate")
    assert made.code == 0
    assert re.fullmatch(r"(https://\S+/feed/[\w-]{22}\.(?:atom|json)\n){2}", made.out)
    assert notifier(*feed).out == made.out
    assert notifier(*feed, "--rotate").out != made.out
    assert notifier(*feed, "--rotate", "--off").code == 2
    assert notifier(*feed, "--off").err == "the feed is off\n"
    assert notifier(*feed, "--off").err == "there was no feed\n"
    assert notifier(*feed).code == 4
