"""Leaving, having less, and taking it back for a day."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta
from typing import Any

import httpx2 as httpx
import pytest

from notifier.profiles.profile import Schedule, Subscriber
from notifier.storage import store_digests, store_profiles
from notifier.subscriptions.links import UNDO

from .builders import an_entry
from .pages import ADA, MORNING, Place, path, place
from .test_promises import dump

__all__ = ["place"]

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
LESS: dict[str, dict[str, str]] = {
    "everything": {"do": "all"},
    "a profile": {"do": "profile", "profile": "2"},
    "weekly": {"do": "weekly"},
    "fewer": {"do": "papers"},
    "a pause": {"do": "pause"},
}


@pytest.fixture
def link(place: Place) -> str:
    """Ada has two profiles and twelve papers a day; her link to leave."""
    place.send()
    place.app.subscriptions.add_profile(ADA, "LLM agents", "LLM agents", now=place.now)
    place.change(max_papers=12)
    return path(place.app.links.unsubscribe(1))


def ada(place: Place) -> Subscriber:
    return place.app.subscriptions.get(ADA)


def profiles(place: Place) -> dict[str, bool]:
    return {one.name: one.enabled for one in place.app.subscriptions.profiles(ADA)}


def buttons(text: str) -> list[str]:
    found = re.findall(r"<button[^>]*>(.*?)</button>", text)
    return [html.unescape(re.sub("<[^>]*>", "", one)) for one in found]


def undo_of(text: str) -> str:
    """Where the Undo of a page leads, "" where it has none."""
    found = re.search(r'action="(/undo/[^"]+)"', text)
    return found[1] if found else ""


def so_far(place: Place) -> tuple[Any, ...]:
    """All of Ada that her pages can change, but for how consent was given."""
    one = ada(place)
    due = one.next_due_at
    return one.state, one.schedule, one.max_papers, one.paused_until, due, profiles(place)


# Choices.


@pytest.mark.anyio
async def test_the_page_offers_what_makes_it_less(place: Place, link: str) -> None:
    async with place.client() as http:
        text = (await http.get(link)).text
    assert buttons(text) == [
        "Stop all digests", "Stop “<b>ml</b>”", "Stop “LLM agents”",
        "One digest a week instead of daily", "At most 5 papers in a digest", "Pause for 2 weeks",
    ]  # fmt: skip
    assert "Nothing has been changed yet" in text


@pytest.mark.anyio
async def test_what_would_not_make_it_less_is_not_offered(place: Place) -> None:
    link = path(place.app.links.unsubscribe(1))  # one profile, three papers
    service = place.app.subscriptions
    berlin = Schedule("Europe/Berlin", 7, 0, (0,))  # once a week already
    service.change(ADA, now=place.now, schedule=berlin)
    service.pause(ADA, until=place.now + timedelta(weeks=3))
    async with place.client() as http:
        assert buttons((await http.get(link)).text) == ["Stop all digests"]
        service.add_profile(ADA, "off", "graphs", now=place.now, enabled=False)
        assert buttons((await http.get(link)).text) == ["Stop all digests"]


@pytest.mark.anyio
async def test_less_is_done_at_once_and_said(place: Place, link: str) -> None:
    said = {
        "a profile": "“LLM agents” is stopped",
        "weekly": "one digest a week",
        "fewer": "at most 5 papers",
        "a pause": "No digest comes before Fri, 4 Dec 2026",
        "everything": "No more digests will be sent to you",
    }
    async with place.client() as http:
        for name, words in said.items():
            answer = await http.post(link, data=LESS[name])
            assert answer.status_code == 200
            assert words in " ".join(answer.text.split()), name
            assert undo_of(answer.text)
    one = ada(place)
    assert (one.state, one.schedule.cadence, one.max_papers) == ("left", "weekly", 5)
    assert one.paused_until == datetime.fromisoformat("2026-12-03T23:00+00:00")
    assert profiles(place) == {"<b>ml</b>": True, "LLM agents": False}


@pytest.mark.anyio
@pytest.mark.parametrize("name", LESS)
async def test_less_twice_is_the_same_as_once(place: Place, link: str, name: str) -> None:
    async with place.client() as http:
        await http.post(link, data=LESS[name])
        once = dump(place.app.database)
        place.now += timedelta(hours=1)
        answer = await http.post(link, data=LESS[name])
        assert answer.status_code == 200
        assert undo_of(answer.text) == "", "only who did it undoes it"
        assert dump(place.app.database) == once


@pytest.mark.anyio
async def test_who_clicks_twice_to_leave_keeps_the_undo_of_the_first(
    place: Place, link: str
) -> None:
    async with place.client() as http:
        first = undo_of((await http.post(link, data=LESS["everything"])).text)
        place.now += timedelta(seconds=10)
        again = undo_of((await http.post(link, data=LESS["everything"])).text)
        assert again == first, "it lives no longer by that"
        place.now += timedelta(seconds=1)
        assert undo_of((await http.post(link, data=LESS["everything"])).text) == ""
        await http.post(again)
    assert ada(place).state == "active"


@pytest.mark.anyio
async def test_a_form_that_says_nothing_of_ours_stops_everything(place: Place, link: str) -> None:
    ways: list[dict[str, Any]] = [
        {"data": {}}, {"data": ONE_CLICK}, {"data": ONE_CLICK | {"do": "weekly"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}}, {"content": b"nonsense"},
    ]  # fmt: skip
    async with place.client() as http:
        for sent in ways:
            place.change(state="active", left_at=None)
            answer = await http.post(link, **sent)
            assert answer.status_code == 200
            assert ada(place).state == "left"
            assert undo_of(answer.text) == ""
        shown = (await http.get(link)).text
    assert "Subscribe again" in shown
    assert "<form" not in shown


@pytest.mark.anyio
@pytest.mark.parametrize("do", ["ALL", "x", "rules", "left", "<script>"])
async def test_a_choice_that_is_none_changes_nothing(place: Place, link: str, do: str) -> None:
    async with place.client() as http:
        before = dump(place.app.database)
        answer = await http.post(link, data={"do": do})
        assert answer.status_code == 422
        assert "Choose one of these. Nothing has been changed." in answer.text
        assert dump(place.app.database) == before


@pytest.mark.anyio
@pytest.mark.parametrize("profile", ["", "0", "99", "3", "x", "-1", "²", "9" * 40])
async def test_a_profile_of_nobody_or_of_another_is_not_stopped(
    place: Place, link: str, profile: str
) -> None:
    place.reader("bo@example.org")  # whose profile is row 3
    async with place.client() as http:
        before = dump(place.app.database)
        answer = await http.post(link, data={"do": "profile", "profile": profile})
        assert answer.status_code == 404
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_of_a_deleted_subscriber_nothing_is_told_and_nothing_done(
    place: Place, link: str
) -> None:
    place.app.subscriptions.remove(ADA)
    async with place.client() as http:
        shown = await http.get(link)
        assert buttons(shown.text) == ["Stop all digests"]
        for name in LESS:
            assert (await http.post(link, data=LESS[name])).status_code == 404
        assert (await http.post(link, data=ONE_CLICK)).status_code == 200


# Undo.


async def done(http: httpx.AsyncClient, link: str, name: str) -> str:
    """Do it, and return where it is undone."""
    return undo_of((await http.post(link, data=LESS[name])).text)


@pytest.mark.anyio
@pytest.mark.parametrize("name", LESS)
async def test_an_undo_brings_back_what_was_and_twice_is_once(
    place: Place, link: str, name: str
) -> None:
    async with place.client() as http:
        before = so_far(place)
        undo = await done(http, link, name)
        assert so_far(place) != before
        place.now += timedelta(minutes=30)
        stored = dump(place.app.database)
        shown = await http.get(undo)
        assert buttons(shown.text) == ["Undo"]
        assert dump(place.app.database) == stored, "opening it changes nothing"
        for _ in range(2):
            answer = await http.post(undo)
            assert answer.status_code == 200
            assert "It is as it was before." in answer.text
            assert so_far(place) == before
        once = dump(place.app.database)
        await http.post(undo)
        assert dump(place.app.database) == once
        assert "It is as it was before." in (await http.get(undo)).text


@pytest.mark.anyio
async def test_an_undo_of_leaving_says_so_where_consent_is_kept(place: Place, link: str) -> None:
    async with place.client() as http:
        for _ in range(2):
            await http.post(await done(http, link, "everything"))
    one = ada(place)
    assert one.consent == "asked; left 2026-11-20 06:00 UTC, undone within 24 h"
    assert one.left_at is None


@pytest.mark.anyio
async def test_who_comes_back_gets_the_papers_of_the_meantime_and_no_sample(
    place: Place, link: str
) -> None:
    async with place.client() as http:
        undo = await done(http, link, "everything")
        place.now = MORNING + timedelta(hours=20)
        place.take(an_entry(20, "RAG, in the meantime"))
        await http.post(undo)
        assert ada(place).next_due_at == MORNING + timedelta(days=3), "Monday, as ever"
        place.app.compose()
        with place.app.database.reading() as conn:
            assert len(store_digests.listed(conn)) == 1
        place.now = MORNING + timedelta(days=3)
        place.app.compose()
        with place.app.database.reading() as conn:
            last = store_digests.listed(conn)[0]
            papers = [one[2] for one in store_digests.papers_of(conn, last.key)]
    assert "arxiv:2611.00020" in papers


@pytest.mark.anyio
async def test_a_digest_that_was_not_sent_because_of_it_gives_its_papers_back(
    place: Place, link: str
) -> None:
    place.take(an_entry(20, "RAG again"))
    place.now = MORNING + timedelta(days=3)
    place.app.compose()
    async with place.client() as http:
        undo = await done(http, link, "everything")
        assert (await place.app.deliver()).dropped == 1
        await http.post(undo)
    place.now = MORNING + timedelta(days=4)
    place.app.compose()
    with place.app.database.reading() as conn:
        last = store_digests.listed(conn)[0]
        papers = [one[2] for one in store_digests.papers_of(conn, last.key)]
    assert "arxiv:2611.00020" in papers


@pytest.mark.anyio
async def test_an_old_undo_does_not_bring_back_who_left_again(place: Place, link: str) -> None:
    async with place.client() as http:
        first = await done(http, link, "everything")
        place.now += timedelta(minutes=1)
        await http.post(first)
        place.now += timedelta(minutes=1)
        await done(http, link, "everything")
        before = dump(place.app.database)
        for method in ("GET", "POST"):
            answer = await http.request(method, first)
            assert answer.status_code == 409
            assert "Nothing to undo" in answer.text
        assert dump(place.app.database) == before


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["a profile", "fewer", "a pause"])
async def test_an_undo_leaves_what_was_changed_in_another_tab(
    place: Place, link: str, name: str
) -> None:
    async with place.client() as http:
        undo = await done(http, link, name)
        if name == "a profile":  # on, and off again
            for enabled in (True, False):
                with place.app.database.writing() as conn:
                    store_profiles.set_enabled(conn, 1, "LLM agents", enabled)
        place.change(max_papers=7, paused_until=place.now + timedelta(days=40))
        before = dump(place.app.database)
        assert (await http.post(undo)).status_code == 409
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_an_undo_holds_for_a_day(place: Place, link: str) -> None:
    async with place.client() as http:
        undo = await done(http, link, "everything")
        place.now += timedelta(hours=24)
        assert (await http.get(undo)).status_code == 200
        place.now += timedelta(minutes=1)
        before = dump(place.app.database)
        for method in ("GET", "POST"):
            answer = await http.request(method, undo)
            assert answer.status_code == 410
            assert "This link is too old" in answer.text
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_an_undo_that_is_not_ours_is_refused(place: Place, link: str) -> None:
    tokens = place.app.tokens
    async with place.client() as http:
        undo = (await done(http, link, "everything")).removeprefix("/undo/")
        foreign = [
            undo[:-2], undo + "x", "2" + undo[1:], undo.replace("-", "-1", 1), "nonsense", "%ff",
            link.removeprefix("/u/"), tokens.make(UNDO, 1), tokens.make(UNDO, 5, 1),
            tokens.make(UNDO, 1, 99, 29_000_000), tokens.make_timed(UNDO, 1, 99, at=place.now),
        ]  # fmt: skip
        before = dump(place.app.database)
        for token in foreign:
            for method in ("GET", "POST"):
                answer = await http.request(method, f"/undo/{token}")
                assert answer.status_code in (404, 410), token
        for head in ("/u/", "/m/", "/v/", "/pause/"):
            assert (await http.post(head + undo)).status_code == 404, head
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_an_undo_of_a_deleted_subscriber_or_profile_says_so(place: Place, link: str) -> None:
    async with place.client() as http:
        stopped = await done(http, link, "a profile")
        place.app.subscriptions.remove_profile(ADA, "LLM agents")
        assert (await http.post(stopped)).status_code == 409
        left = await done(http, link, "everything")
        place.app.subscriptions.remove(ADA)
        for method in ("GET", "POST"):
            answer = await http.request(method, left)
            assert answer.status_code == 404
            assert "Nothing here any more" in answer.text


@pytest.mark.anyio
async def test_no_mail_holds_an_undo(place: Place, link: str) -> None:
    with place.app.database.reading() as conn:
        assert b"/undo/" not in place.mail(store_digests.listed(conn)[0].key)
