"""A subscriber's own pages: profiles changed and tried, papers saved, digests of the past, data."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from notifier.digests.reading import body
from notifier.papers.identity import Alias
from notifier.profiles.parser import PROFILE_CHARACTERS
from notifier.storage import store_letters, store_signups, store_subscribers, store_votes
from notifier.storage.store_votes import StoredVote
from notifier.subscriptions.gate import TRIES
from notifier.subscriptions.profiles import MOST_PROFILES
from notifier.web import keeping
from notifier.web.trying import DAYS

from .api import a_key, bearer
from .builders import an_entry
from .pages import ADA, HOSTILE, MORNING, RULES, Place, has_foreign_script, path, place
from .test_promises import dump

__all__ = ["place"]

BO = "bo@example.org"


def manage(place: Place, address: str = ADA) -> str:
    """The address of somebody's own pages, within the site."""
    return path(place.app.links.change(place.app.subscriptions.get(address).row, place.now))


def named(place: Place, address: str = ADA) -> dict[str, str]:
    """A subscriber's rules by profile."""
    return {one.name: one.rules for one in place.app.subscriptions.profiles(address)}


async def follow(http: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    """The page that a redirect leads to."""
    assert answer.status_code == 303, answer.text
    return await http.get(answer.headers["Location"])


def paths(place: Place) -> dict[str, str]:
    own = manage(place)
    more = ("", "/profile/1", "/profile/new", "/saved", "/saved.bib", "/saved.csl", "/digests",
            "/next", "/data", "/data.json", "/profiles.toml")  # fmt: skip
    return {one: own + one for one in more}


def save(place: Place, *papers: int, kind: str = "saved") -> None:
    with place.app.database.writing() as conn:
        for paper in papers:
            store_votes.put(conn, StoredVote(1, paper, kind, place.now))  # type: ignore[arg-type]


# What all of them have in common.


@pytest.mark.anyio
async def test_opening_a_page_of_ones_own_changes_nothing(place: Place) -> None:
    place.send()
    save(place, 1)
    async with place.client() as http:
        before = dump(place.app.database)
        for name, link in paths(place).items():
            for _ in range(2):
                answer = await http.get(link)
                assert answer.status_code == 200, name
                assert answer.headers["Cache-Control"] == "no-store", name
                assert answer.headers["Referrer-Policy"] == "no-referrer", name
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_nobody_is_promised_a_digest_that_may_not_be_sent(place: Place) -> None:
    pages = manage(place), path(place.app.links.pause(1))
    async with place.client() as http:
        for link in pages:
            assert "Next digest:" in (await http.get(link)).text
        with place.app.database.writing() as conn:
            store_subscribers.suppress(conn, ADA, "bounced", "550 5.1.1", place.now)
        for link in pages:
            text = (await http.get(link)).text
            assert "Next digest:" not in text
            assert "mails to your address came back" in text
            assert "5.1.1" not in text


@pytest.mark.anyio
async def test_no_page_of_ones_own_opens_by_another_link(place: Place) -> None:
    place.send()
    other = place.app.links
    wrong = {
        "cut short": manage(place)[:-3],
        "to stop": path(other.unsubscribe(1)).replace("/u/", "/m/"),
        "to vote": path(other.vote(1, 1)).replace("/v/", "/m/"),
    }
    async with place.client() as http:
        before = dump(place.app.database)
        for why, link in wrong.items():
            for name in paths(place):
                end = name
                answer = await http.get(link + end)
                assert answer.status_code == 404, (why, name)
                assert "This link" in answer.text
            for end in ("/profile/1", "/profile/new", "/saved", "/data", "/try"):
                assert (await http.post(link + end, data={"sure": "yes"})).status_code == 404
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_a_page_whose_link_is_too_old_mails_a_fresh_one_from_wherever_it_is(
    place: Place,
) -> None:
    link = manage(place)
    place.now += timedelta(days=40)
    async with place.client() as http:
        for end in ("", "/profile/1", "/data"):
            answer = await http.get(link + end)
            assert answer.status_code == 410
            assert f'action="{link}/fresh"' in answer.text


@pytest.mark.anyio
async def test_what_was_typed_stands_escaped_on_every_page(place: Place) -> None:
    place.send()
    save(place, 1)
    async with place.client() as http:
        tried = await http.post(manage(place) + "/try", data={"rules": RULES})
        assert "<mark>RAG</mark>" in tried.text
        for name, link in paths(place).items():
            text = (await http.get(link)).text
            if not name.endswith((".bib", ".csl", ".json", ".toml", "/next")):
                assert not has_foreign_script(text), name
                assert "<b>ml</b>" not in text
        for text in (tried.text, (await http.get(paths(place)["/saved"])).text):
            assert "&lt;script&gt;" in text


# Profiles.


@pytest.mark.anyio
async def test_rules_that_are_saved_are_those_of_the_next_digest(place: Place) -> None:
    place.send()
    link = paths(place)["/profile/1"]
    async with place.client() as http:
        sent = {"do": "save", "name": "retrieval", "rules": "# mine\r\ngraph ^2\r\n-survey"}
        answer = await follow(http, await http.post(link, data=sent))
        assert "The next digest goes by these rules" in answer.text
        assert named(place) == {"retrieval": "# mine\ngraph ^2\n-survey"}
        before = dump(place.app.database)
        await http.post(link, data=sent)
        assert dump(place.app.database) == before, "twice is the same as once"
    place.now = MORNING + timedelta(days=3)
    place.take(an_entry(20, "A graph"), an_entry(21, "RAG again"))
    digest = place.app.preview(place.app.subscriptions.get(ADA))
    assert b"A graph" in body(digest.content, "plain")
    assert b"RAG again" not in body(digest.content, "plain")


@pytest.mark.anyio
async def test_a_change_of_rules_is_undone_and_that_is_undone(place: Place) -> None:
    link = paths(place)["/profile/1"]
    async with place.client() as http:
        changed = await follow(http, await http.post(link, data={"do": "save", "rules": "graph"}))
        assert 'value="undo"' in changed.text
        back = await follow(http, await http.post(link, data={"do": "undo"}))
        assert "as they were before" in back.text
        assert named(place)["<b>ml</b>"] == RULES
        await http.post(link, data={"do": "undo"})
    assert named(place)["<b>ml</b>"] == "graph"


@pytest.mark.anyio
async def test_lines_that_do_not_work_are_kept_and_said_and_the_others_work(place: Place) -> None:
    link = paths(place)["/profile/1"]
    async with place.client() as http:
        answer = await follow(
            http, await http.post(link, data={"do": "save", "rules": "titel: x\ngraph", "name": ""})
        )
    text = unescape(answer.text)
    assert 'line 1, column 1: unknown field "titel:" - did you mean "title:"?' in text
    assert "The other lines work." in text
    assert named(place) == {"<b>ml</b>": "titel: x\ngraph"}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"rules": ""}, "Write at least one rule"),
        ({"rules": "# nothing\n-survey"}, "Write at least one rule"),
        ({"rules": "titel: x"}, "Write at least one rule"),
        ({"rules": "a b " * (PROFILE_CHARACTERS // 3)}, "more than 50,000 characters"),
        ({"name": "n" * 61}, "at most 60 letters"),
        ({"name": "two\x07"}, "at most 60 letters"),
        ({"name": "other"}, "Another profile has this name"),
    ],
)
async def test_what_cannot_be_kept_is_said_and_nothing_typed_is_lost(
    place: Place, sent: dict[str, str], said: str
) -> None:
    place.app.subscriptions.add_profile(ADA, "other", "RAG", now=place.now)
    link = paths(place)["/profile/1"]
    async with place.client() as http:
        before = dump(place.app.database)
        form = {"do": "save", "name": "mine", "rules": "some <b>rules</b>"} | sent
        answer = await http.post(link, data=form)
        assert answer.status_code == 422
        assert said in answer.text
        assert unescape(answer.text).count(form["rules"].strip()) >= 1
        assert f'value="{form["name"]}"' in answer.text
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_a_new_profile_is_called_by_its_first_rule_and_is_made_once(place: Place) -> None:
    link = paths(place)["/profile/new"]
    async with place.client() as http:
        sent = {"do": "save", "name": " ", "rules": "graph ~5 neural\nGNN"}
        first = await http.post(link, data=sent)
        again = await http.post(link, data=sent)
        assert first.headers["Location"] == again.headers["Location"]
        assert "graph ~5 neural" in (await follow(http, first)).text
    assert named(place)["graph ~5 neural"] == "graph ~5 neural\nGNN"
    assert len(named(place)) == 2


@pytest.mark.anyio
async def test_there_is_a_most_number_of_profiles(place: Place) -> None:
    for number in range(MOST_PROFILES - 2):
        place.app.subscriptions.add_profile(ADA, f"p{number}", f"word{number}", now=place.now)
    async with place.client() as http:
        for _ in ("the last one", "a second click"):
            answer = await http.post(paths(place)["/profile/new"], data={"rules": "the last"})
            assert answer.status_code == 303
        answer = await http.post(paths(place)["/profile/new"], data={"rules": "one more"})
    assert answer.status_code == 422
    assert "as many as there can be" in answer.text
    assert len(named(place)) == MOST_PROFILES


@pytest.mark.anyio
async def test_a_profile_is_switched_off_and_on(place: Place) -> None:
    link = paths(place)["/profile/1"]
    async with place.client() as http:
        off = await follow(http, await http.post(link, data={"do": "off"}))
        assert "Switched off" in off.text
        assert "switched off" in (await http.get(manage(place))).text
        (profile,) = place.app.subscriptions.profiles(ADA)
        assert not profile.enabled
        assert "Switched on" in (await follow(http, await http.post(link, data={"do": "on"}))).text
    (profile,) = place.app.subscriptions.profiles(ADA)
    assert profile.enabled


@pytest.mark.anyio
async def test_a_deleted_profile_comes_back_as_it_was(place: Place) -> None:
    link = paths(place)["/profile/1"]
    async with place.client() as http:
        answer = await http.post(link, data={"do": "remove"})
        assert named(place) == {}
        assert (await http.get(link)).status_code == 404
        form = answer.text
        name = re.search(r'name="name" value="([^"]*)"', form)
        rules = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", form, re.DOTALL)
        assert name
        assert rules
        undone = {"name": unescape(name[1]), "rules": unescape(rules[1]), "do": "save"}
        await follow(http, await http.post(paths(place)["/profile/new"], data=undone))
    assert named(place) == {"<b>ml</b>": RULES}


@pytest.mark.anyio
async def test_nobody_reaches_anothers_profile(place: Place) -> None:
    place.reader(BO, "graph", "bos")
    async with place.client() as http:
        before = dump(place.app.database)
        for row in (2, 99, 0):
            link = f"{manage(place)}/profile/{row}"
            assert (await http.get(link)).status_code == 404
            for do in ("save", "off", "remove", "try"):
                sent = {"do": do, "rules": "mine now", "name": "mine"}
                assert (await http.post(link, data=sent)).status_code == 404
        assert dump(place.app.database) == before


# Rules tried.


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["by the script", "by the button", "by anybody", "at the form"])
async def test_rules_are_tried_and_nothing_is_kept(place: Place, way: str) -> None:
    place.send()
    place.take(*[an_entry(100 + n, f"Paper {n}") for n in range(20)])
    links = {
        "by the script": manage(place) + "/try",
        "by the button": paths(place)["/profile/1"],
        "by anybody": "/try",
        "at the form": "/",
    }
    async with place.client() as http:
        sent = {"do": "try", "rules": "RAG\ngrahps", "name": "", "address": "half an addr"}
        before = dump(place.app.database)
        answer = await http.post(links[way], data=sent)
        assert answer.status_code == 200
        assert dump(place.app.database) == before
    text = unescape(answer.text)
    assert "6 papers in a day." in text
    assert "line 2, column 1: no hit in 30 days" in text
    assert text.count("<mark>RAG</mark>") >= 3
    assert ("half an addr" in text) == (way == "at the form")


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["by the button", "at the form"])
async def test_a_rule_to_take_instead_is_a_button_that_writes_it_and_keeps_nothing(
    place: Place, way: str
) -> None:
    place.send()
    people = enumerate(["cs.RO", "math.AG"] * 3)
    place.take(*[
        an_entry(100 + n, authors=("Wei Wang", f"B. {cat}"), categories=(cat,)) for n, cat in people
    ])  # fmt: skip
    link = {"by the button": paths(place)["/profile/1"], "at the form": "/"}[way]
    sent = {"rules": "# them\r\nauthor: Wei Wang ^2 # W", "do": "try"}
    cure = "2 author: Wei Wang + cat: cs.RO"
    async with place.client() as http:
        before = dump(place.app.database)
        told = unescape((await http.post(link, data=sent)).text)
        assert f'name="cure" value="{cure}"' in told
        sent["cure"] = sent.pop("do") and cure
        answer = await http.post(link, data=sent)
        assert answer.status_code == 200
        assert "# them\n(author: Wei Wang + cat: cs.RO) ^2 # W</textarea>" in unescape(answer.text)
        for wrong in ("x", "2", "0 a", "99 a", "1 a", "² a", "9" * 5000, "2 a |"):
            answer = await http.post(link, data=sent | {"cure": wrong})
            assert answer.status_code == 200
            assert "# them\nauthor: Wei Wang ^2 # W</textarea>" in unescape(answer.text), wrong
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_a_trial_counts_by_day_and_says_what_is_too_broad(place: Place) -> None:
    start = place.now
    for day in range(10):
        place.now = start + timedelta(days=day)
        first = 100 + 40 * day
        place.take(*[an_entry(first + n, f"A benchmark {n}") for n in range(22)])
        place.take(*[an_entry(first + 22 + n, f"About graphs {n}") for n in range(8)])
        place.take(*[an_entry(first + 30 + n, f"Nothing {n}") for n in range(10)])
    async with place.client() as http:
        answer = await http.post("/try", data={"rules": "benchmark\ngraph"})
    text = unescape(answer.text)
    assert "About 33 a day: 300 of 400 papers in 9 days." in text
    assert 'too broad: 73% of all matches come from "benchmark"' in text
    assert len(re.findall("<rect", text)) == DAYS
    assert len(re.findall(r'height="40\.0"', text)) == 10, "all days are alike"
    rows = re.findall(r'<th scope="row" dir="auto">(.*?)</th><td>(.*?)</td>', text)
    assert rows == [("benchmark", "220"), ("graph", "80")]


@pytest.mark.anyio
async def test_a_trial_of_nothing_says_so(place: Place) -> None:
    async with place.client() as http:
        assert "No papers are here yet" in (await http.post("/try", data={"rules": "RAG"})).text
        place.take(an_entry(1, "A paper"))
        assert "Nothing in the last" in (await http.post("/try", data={"rules": "RAG"})).text
        for empty in ("", "# nothing", "-survey", "titel: x"):
            answer = await http.post("/try", data={"rules": empty})
            assert "No rule works yet" in answer.text


@pytest.mark.anyio
async def test_a_trial_leads_to_a_paper_of_any_id(place: Place) -> None:
    id_ = "url:https://example.org/a?b=c"
    place.take(an_entry(1, "RAG", aliases=(Alias("url", id_.removeprefix("url:")),)))
    async with place.client() as http:
        tried = await http.post("/try", data={"rules": "RAG"})
        link = unescape(re.findall(r'class="title"[^>]*><a href="([^"]*)"', tried.text)[0])
        shown = await http.get(link)
        assert shown.status_code == 200
        assert '<h1 dir="auto">RAG</h1>' in shown.text


@pytest.mark.anyio
async def test_one_rule_is_tried_at_a_time_and_three_wait_wherever_they_are_typed(
    place: Place,
) -> None:
    places = (manage(place) + "/try", paths(place)["/profile/1"], "/try", "/", "/try")
    async with place.client() as http:
        with place.app.library._lock:
            asked = [
                asyncio.create_task(http.post(link, data={"do": "try", "rules": "RAG"}))
                for link in places
            ]
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED, timeout=20)
            assert [one.result().status_code for one in done] == [503]
        codes = sorted([(await one).status_code for one in asked])
    assert codes == [200, 200, 200, 200, 503]


@pytest.mark.anyio
async def test_who_tries_very_many_rules_is_asked_to_wait(tmp_path: Path) -> None:
    place = Place(tmp_path, trusted_proxies=["127.0.0.1"])
    told = {"X-Forwarded-For": "203.0.113.9"}
    async with place.client() as http:
        codes = [
            (await http.post("/try", data={"rules": "#"}, headers=told)).status_code
            for _ in range(TRIES.size + 1)
        ]
        assert codes == [200] * TRIES.size + [429]
        elsewhere = {"X-Forwarded-For": "198.51.100.9"}
        answer = await http.post("/try", data={"rules": "#"}, headers=elsewhere)
        assert answer.status_code == 200
    place.app.close()


# What is kept.


@pytest.mark.anyio
async def test_files_have_all_saved_papers_however_many_the_page_shows(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST_SHOWN", 2)
    place.send()
    save(place, 1, 2, 3)
    link = paths(place)["/saved"]
    async with place.client() as http:
        text = (await http.get(link)).text
        assert text.count('name="paper"') == 2
        assert "The latest 2 are shown; the files have all of them." in text
        assert (await http.get(link + ".bib")).text.count("@misc") == 3


@pytest.mark.anyio
async def test_saved_papers_are_listed_cited_taken_away_and_put_back(place: Place) -> None:
    place.send()
    save(place, 1, 2)
    save(place, 3, kind="up")
    link = paths(place)["/saved"]
    async with place.client() as http:
        text = (await http.get(link)).text
        assert text.count('name="paper"') == 2
        assert (await http.get(link + ".bib")).text.count("@misc") == 2
        assert (await http.get(link + ".ris")).text.count("ER  -") == 2
        csl = await http.get(link + ".csl")
        assert [one["type"] for one in csl.json()] == ["article", "article"]
        assert csl.headers["Content-Disposition"] == 'attachment; filename="saved.csl.json"'
        assert (await http.get(link + ".exe")).status_code == 404
        for _ in range(2):
            gone = await http.post(link, data={"do": "forget", "paper": "1"})
            assert "Taken from the list" in gone.text
            assert place.said(1, 1) is None
        await http.post(link, data={"do": "forget", "paper": "3"})
        assert place.said(1, 3) == "up", "only what is saved is taken from the list"
        await http.post(link, data={"do": "save", "paper": "1"})
        assert place.said(1, 1) == "saved"
        for odd in ("", "x", "99", "-1", "9" * 40):
            assert (await http.post(link, data={"do": "save", "paper": odd})).status_code == 200


@pytest.mark.anyio
async def test_digests_of_the_past_lead_to_their_pages_while_they_are_kept(place: Place) -> None:
    key = place.send()
    link = paths(place)["/digests"]
    async with place.client() as http:
        text = (await http.get(link)).text
        assert f'href="/d/{key}"' in text
        assert "sent" in text
        place.now += timedelta(days=100)
        later = (await http.get(manage(place) + "/digests")).text
        assert f'href="/d/{key}"' not in later
        assert "They can be read for 90 days." in later


@pytest.mark.anyio
async def test_the_next_digest_is_shown_as_it_stands(place: Place) -> None:
    place.send()
    place.now += timedelta(days=1)
    place.take(an_entry(30, "RAG tomorrow"))
    async with place.client() as http:
        answer = await http.get(paths(place)["/next"])
    assert "RAG</b> tomorrow" in answer.text
    assert "script-src" not in answer.headers["Content-Security-Policy"]


@pytest.mark.anyio
async def test_who_wants_text_only_gets_mails_and_pages_of_text(place: Place) -> None:
    form = {"days": ["fri"], "time": "07:00", "zone": "Europe/Berlin", "cadence": "daily",
            "max_papers": "3", "language": "en", "format": "text"}  # fmt: skip
    async with place.client() as http:
        answer = await http.post(manage(place), data=form)
        assert re.search(r'value="text" checked', answer.text)
        key = place.send()
        mail = place.mail(key)
        assert body(mail, "html") == b""
        assert b"RAG" in body(mail, "plain")
        shown = await http.get(f"/d/{key}")
        assert shown.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert (await http.get(paths(place)["/next"])).headers["Content-Type"].startswith("text/p")
        api = f"/api/v1/digests/{key}"
        headers = bearer(a_key(place, "read"))
        assert b"RAG" in (await http.get(f"{api}/text", headers=headers)).content
        told = await http.get(f"{api}/html", headers=headers)
        assert (told.status_code, told.json()["detail"]) == (
            404,
            "this mail has no HTML, only text",
        )


@pytest.mark.anyio
async def test_all_that_is_kept_can_be_taken_along(place: Place) -> None:
    place.send()
    save(place, 1)
    async with place.client() as http:
        answer = await http.get(paths(place)["/data.json"])
    assert answer.headers["Content-Disposition"].startswith("attachment")
    told: dict[str, Any] = json.loads(answer.text)
    assert told["subscriber"]["address"] == ADA
    assert told["subscriber"]["schedule"]["zone"] == "Europe/Berlin"
    assert [one["rules"] for one in told["profiles"]] == [RULES]
    assert told["votes"][0]["said"] == "saved"
    assert told["votes"][0]["title"].startswith("RAG 1")
    (digest,) = told["digests"]
    assert (digest["mail"], len(digest["papers"])) == ("sent", 3)
    assert digest["papers"][0]["title"].endswith(HOSTILE)


@pytest.mark.anyio
async def test_delete_everything_leaves_nothing_that_tells_of_anybody(place: Place) -> None:
    place.send()
    save(place, 1)
    link = paths(place)["/data"]
    async with place.client() as http:
        await http.post("/", data={
            "address": ADA, "rules": "graph", "days": "mon", "time": "07:00", "language": "en",
            "zone": "Asia/Tokyo", "cadence": "daily",
        })  # fmt: skip
        unsure = await http.post(link, data={})
        assert unsure.status_code == 422
        assert "Nothing has been deleted" in unsure.text
        assert place.app.subscriptions.get(ADA).state == "active"
        done = await http.post(link, data={"sure": "yes"})
        assert "Everything is deleted" in done.text
        assert (await http.post(link, data={"sure": "yes"})).status_code == 404
        assert "has been deleted" in (await http.get(link)).text
    with place.app.database.reading() as conn:
        assert store_subscribers.find(conn, ADA) is None
        assert store_signups.of(conn, ADA) == []
        assert store_letters.to(conn, ADA) == []
    assert not any(ADA in str(row) for row in dump(place.app.database))
