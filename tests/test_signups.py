"""Subscribing on the page: from a form to a confirmed subscription, for whoever reads the mail."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.jobs.housekeeping import KEEP_SIGNUPS
from notifier.profiles.profile import Schedule
from notifier.storage import store_letters, store_subscribers
from notifier.subscriptions.gate import BY_ADDRESS, BY_NETWORK
from notifier.subscriptions.naming import name_for
from notifier.subscriptions.signups import CONFIRM_LIFE
from notifier.web.answers import RULES_CHARACTERS
from notifier.web.places import guessed_zone
from notifier.web.subscribing import HONEYPOT

from .builders import NOON, an_entry
from .pages import ADA, HOSTILE, Place, has_foreign_script, path, place
from .test_promises import dump

__all__ = ["place"]

BO = "bo@example.org"
FORM: dict[str, Any] = {
    "address": "Bo@Example.org", "rules": "LLM agents ^2\r\n-survey", "days": ["mon", "fri"],
    "time": "08:15", "zone": "Asia/Tokyo", "cadence": "daily", "language": "en", HONEYPOT: "",
}  # fmt: skip


def letters(place: Place) -> list[tuple[str, str]]:
    """Kind and address of all letters, oldest first."""
    with place.app.database.reading() as conn:
        found = conn.exec_driver_sql("SELECT kind, address FROM letter ORDER BY id").all()
    return [(kind, address) for kind, address in found]


def link(place: Place, row: int = 1) -> str:
    """Where a signup is confirmed, within the site."""
    return path(place.app.links.confirm(row, place.now))


# From the form to the first digest.


@pytest.mark.anyio
async def test_a_form_becomes_a_subscription_when_its_mail_says_so(place: Place) -> None:
    async with place.client() as http:
        answer = await http.post("/", data=FORM)
        assert answer.status_code == 303
        waiting = answer.headers["Location"]
        assert BO in (await http.get(waiting)).text
        assert letters(place) == [("confirm", BO)]
        with place.app.database.reading() as conn:
            assert store_subscribers.find(conn, BO) is None, "nobody before they confirm"
        shown = (await http.get(link(place))).text
        assert "LLM agents ^2\n-survey" in shown
        assert "Monday and Friday, 08:15 (Asia/Tokyo)" in shown
        done = await http.post(link(place), data={"do": "confirm"})
        assert "Next digest: Fri, 20 Nov 2026, 08:15 (Asia/Tokyo)" in done.text
    found = place.app.subscriptions.get(BO)
    assert (found.state, found.schedule) == ("active", Schedule("Asia/Tokyo", 8, 15, (0, 4)))
    assert found.consent == "by the link mailed after a request of 2026-11-18 12:00 UTC"
    (profile,) = place.app.subscriptions.profiles(BO)
    assert (profile.name, profile.rules) == ("LLM agents", "LLM agents ^2\n-survey")


@pytest.mark.anyio
async def test_opening_any_of_its_pages_changes_nothing_and_confirming_twice_is_once(
    place: Place,
) -> None:
    async with place.client() as http:
        waiting = (await http.post("/", data=FORM)).headers["Location"]
        before = dump(place.app.database)
        for _ in range(2):
            for page in ("/", waiting, link(place)):
                assert (await http.get(page)).status_code == 200
        assert dump(place.app.database) == before
        first = await http.post(link(place), data={"do": "confirm"})
        once = dump(place.app.database)
        again = await http.post(link(place), data={"do": "confirm"})
        assert (first.status_code, again.status_code) == (200, 200)
        place.now += timedelta(minutes=1)
        assert "Confirmed" in (await http.post(link(place), data={"do": "remove"})).text
        assert dump(place.app.database) == once
        assert "<form" not in (await http.get(link(place))).text


@pytest.mark.anyio
async def test_a_link_that_was_used_brings_nobody_back_who_left(place: Place) -> None:
    async with place.client() as http:
        await http.post("/", data=FORM)
        await http.post(link(place))
        place.app.subscriptions.leave(place.app.subscriptions.get(BO).row, now=place.now)
        answer = await http.post(link(place))
        assert "you have left since" in answer.text
    assert place.app.subscriptions.get(BO).state == "left"


@pytest.mark.anyio
async def test_who_asks_again_for_what_they_stopped_gets_it(place: Place) -> None:
    rules = "LLM agents ^2\n-survey"
    place.reader(BO, rules, "agents")
    place.app.subscriptions.add_profile(BO, "agents", rules, now=place.now, replace=True,
                                        enabled=False)  # fmt: skip
    async with place.client() as http:
        await http.post("/", data=FORM)
        assert (await http.post(link(place))).status_code == 200
    (profile,) = place.app.subscriptions.profiles(BO)
    assert (profile.name, profile.enabled) == ("agents", True)


@pytest.mark.anyio
async def test_a_link_that_is_clicked_several_times_at_once_confirms_once(place: Place) -> None:
    async with place.client() as http:
        await http.post("/", data=FORM)
        answers = await asyncio.gather(*(http.post(link(place)) for _ in range(8)))
    assert {one.status_code for one in answers} == {200}
    assert [one.name for one in place.app.subscriptions.profiles(BO)] == ["LLM agents"]


@pytest.mark.anyio
async def test_who_comes_back_is_told_which_profiles_come_back_with_them(place: Place) -> None:
    service = place.app.subscriptions
    comes_back = "comes back with it: <bdi>RAG; Graphs</bdi>"
    async with place.client() as http:
        await http.post("/", data=FORM)
        assert "comes back" not in (await http.get(link(place))).text
        await http.post(link(place))
        for name in ("RAG", "Graphs", "Off"):
            service.add_profile(BO, name, name, now=place.now, enabled=name != "Off")
        service.leave(service.get(BO).row, now=place.now)
        await http.post("/", data=FORM)
        assert comes_back in (await http.get(link(place, 2))).text
        assert "comes back" not in (await http.post(link(place, 2))).text
        await http.post("/", data=FORM)
        assert "comes back" not in (await http.get(link(place, 3))).text


@pytest.mark.anyio
async def test_who_gets_a_first_digest_at_once_is_told_when_the_next_one_is_due(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path, sample=True)
    async with place.client() as http:
        await http.post("/", data=FORM)
        done = " ".join((await http.post(link(place))).text.split())
    assert "if anything fits. The next one is due on Fri, 20 Nov 2026, 08:15 (Asia/Tokyo)." in done
    place.app.close()


# Known and unknown addresses.


@pytest.mark.anyio
async def test_known_and_unknown_addresses_are_answered_and_mailed_alike(place: Place) -> None:
    place.reader("cy@example.org")
    with place.app.database.writing() as conn:
        store_subscribers.leave(conn, place.app.subscriptions.get("cy@example.org").row, now=NOON)
    texts = set()
    async with place.client() as http:
        for address in (ADA, "cy@example.org", "nobody@example.org"):
            before = place.app.subscriptions.every()
            answer = await http.post("/", data=FORM | {"address": address})
            shown = await http.get(answer.headers["Location"])
            texts.add((answer.status_code, shown.text.replace(address, "ADDRESS")))
            assert place.app.subscriptions.every() == before, "untouched until they confirm"
    assert len(texts) == 1
    assert [kind for kind, _ in letters(place)] == ["confirm"] * 3


@pytest.mark.anyio
async def test_who_gets_digests_gets_the_words_beside_theirs_and_keeps_their_time(
    place: Place,
) -> None:
    before = place.app.subscriptions.get(ADA)
    async with place.client() as http:
        for number in (1, 2):
            await http.post("/", data=FORM | {"address": ADA, "rules": f"LLM agents\nx{number}"})
            assert "You get digests already" in (await http.get(link(place, number))).text
            await http.post(link(place, number))
    after = place.app.subscriptions.get(ADA)
    assert (after.schedule, after.next_due_at) == (before.schedule, before.next_due_at)
    names = [profile.name for profile in place.app.subscriptions.profiles(ADA)]
    assert names == ["<b>ml</b>", "LLM agents", "LLM agents 2"]


# What is wrong.

WRONG: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"address": ""}, "is no mail address", "address"),
    ({"address": "bo"}, "“bo” is no mail address", "address"),
    ({"address": "bo@example.org\nBcc: x@y.org"}, "is no mail address", "address"),
    ({"rules": ""}, "at least one rule", "rules"),
    ({"rules": "-survey"}, "at least one rule", "rules"),
    ({"rules": "LLM agents\ntitel: x"}, "line 2, column 1", "rules"),
    ({"rules": "some words\n" * (RULES_CHARACTERS // 11 + 1)}, "at most 2,000 characters", "rules"),
    ({"days": []}, "Choose at least one day", "days"),
    ({"time": "25:00"}, "is no time", "time"),
    ({"zone": "Mars"}, "is no time zone", "zone"),
    ({"language": "xx"}, "is no language", "language"),
)


@pytest.mark.anyio
async def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    place: Place,
) -> None:
    async with place.client() as http:
        before = dump(place.app.database)
        for wrong, said, field in WRONG:
            form = FORM | wrong
            answer = await http.post("/", data=form)
            assert answer.status_code == 422, wrong
            assert said in answer.text, wrong
            assert answer.text.count(' aria-invalid="true"') == 1
            assert f'id="{field}-wrong"' in answer.text
            assert form["rules"].replace("\r\n", "\n").strip() in answer.text
            assert f'value="{form["zone"]}"' in answer.text
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_what_is_typed_stands_escaped(place: Place) -> None:
    async with place.client() as http:
        hostile = FORM | {"address": HOSTILE, "time": HOSTILE, "zone": HOSTILE, "rules": HOSTILE}
        assert not has_foreign_script((await http.post("/", data=hostile)).text)
        await http.post("/", data=FORM | {"rules": f'"RAG" # {HOSTILE}'})
        shown = (await http.get(link(place))).text
        assert "&lt;script&gt;" in shown
        assert not has_foreign_script(shown)
    with place.app.database.reading() as conn:
        content = conn.exec_driver_sql("SELECT content FROM letter").scalar_one()
    assert b"alert" not in content, "a mail holds no word that was typed"


@pytest.mark.anyio
async def test_a_program_that_fills_in_everything_gets_nothing(place: Place) -> None:
    async with place.client() as http:
        before = dump(place.app.database)
        answer = await http.post("/", data=FORM | {HONEYPOT: "https://spam.example"})
        assert answer.status_code == 200
        assert dump(place.app.database) == before


@pytest.mark.anyio
async def test_a_closed_service_shows_no_form_and_takes_none(tmp_path: Path) -> None:
    place = Place(tmp_path, open_signup=False, contact="ops@example.org")
    async with place.client() as http:
        shown = await http.get("/")
        assert "<form" not in shown.text
        assert "ops@example.org" in shown.text
        before = dump(place.app.database)
        assert (await http.post("/", data=FORM)).status_code == 403
        assert dump(place.app.database) == before
        place.take(an_entry(1, "RAG"))
        place.app.subscriptions.leave(1, now=place.now)
        left = path(place.app.links.unsubscribe(1))
        for page in ("/papers?q=RAG", "/sample/link", left):
            text = (await http.get(page)).text
            assert "Subscribe" not in text, page
            assert "Get this by mail" not in text, page
    place.app.close()


# Waiting for the mail.


@pytest.mark.anyio
async def test_the_mail_is_sent_again_a_few_times_and_always_answered_alike(place: Place) -> None:
    async with place.client() as http:
        waiting = (await http.post("/", data=FORM)).headers["Location"]
        texts = set()
        for _ in range(BY_ADDRESS.size + 2):
            place.now += timedelta(seconds=1)
            texts.add((await http.post(waiting, data={"do": "again"})).text)
    assert len(texts) == 1
    assert len(letters(place)) == BY_ADDRESS.size


@pytest.mark.anyio
async def test_an_address_can_be_mended_and_the_wrong_one_confirms_nothing(place: Place) -> None:
    async with place.client() as http:
        typo = FORM | {"address": "bo@exmaple.org"}
        waiting = (await http.post("/", data=typo)).headers["Location"]
        wrong = await http.post(waiting, data={"do": "fix", "address": "bo@"})
        assert wrong.status_code == 422
        assert 'value="bo@"' in wrong.text
        moved = await http.post(waiting, data={"do": "fix", "address": BO})
        assert moved.status_code == 303
        assert BO in (await http.get(moved.headers["Location"])).text
        assert (await http.post(link(place, 1))).status_code == 404
        assert (await http.post(link(place, 2))).status_code == 200
    assert letters(place) == [("confirm", "bo@exmaple.org"), ("confirm", BO)]
    assert place.app.subscriptions.get(BO).state == "active"


@pytest.mark.anyio
async def test_a_request_of_somebody_else_can_be_forgotten(place: Place) -> None:
    async with place.client() as http:
        await http.post("/", data=FORM)
        assert "Removed" in (await http.post(link(place), data={"do": "remove"})).text
        assert (await http.get(link(place))).status_code == 404
        assert (await http.post(link(place))).status_code == 404


@pytest.mark.anyio
async def test_a_link_works_for_a_week_and_then_sends_a_fresh_one(place: Place) -> None:
    async with place.client() as http:
        await http.post("/", data=FORM)
        old = link(place)
        place.now += CONFIRM_LIFE
        assert (await http.get(old)).status_code == 200
        place.now += timedelta(days=1)
        shown = await http.get(old)
        assert shown.status_code == 410
        assert (await http.post(old)).status_code == 410
        action = re.search(r'action="([^"]+)"', shown.text)
        assert action
        assert (await http.post(action[1])).status_code == 200
        assert letters(place) == [("confirm", BO)] * 2
        assert (await http.post(link(place))).status_code == 200


@pytest.mark.anyio
async def test_a_network_that_asks_too_often_keeps_what_was_typed(tmp_path: Path) -> None:
    place = Place(tmp_path, trusted_proxies=["127.0.0.1"])
    headers = {"X-Forwarded-For": "192.0.2.1"}
    async with place.client() as http:
        for n in range(BY_NETWORK.size):
            one = FORM | {"address": f"x{n}@example.org"}
            assert (await http.post("/", data=one, headers=headers)).status_code == 303
        answer = await http.post("/", data=FORM, headers=headers)
        assert answer.status_code == 429
        assert "LLM agents ^2\n-survey" in answer.text
    assert len(letters(place)) == BY_NETWORK.size
    place.app.close()


@pytest.mark.anyio
async def test_requests_are_forgotten_after_a_month(place: Place) -> None:
    async with place.client() as http:
        await http.post("/", data=FORM)
        place.now += KEEP_SIGNUPS + timedelta(days=1)
        place.app.keep_house()
        assert (await http.get(link(place))).status_code == 404


@pytest.mark.anyio
async def test_tokens_of_signups_serve_their_own_purpose(place: Place) -> None:
    async with place.client() as http:
        waiting = (await http.post("/", data=FORM)).headers["Location"]
        token = waiting.rpartition("/")[2]
        for head in ("/c/", "/m/", "/u/"):
            assert (await http.post(head + token)).status_code == 404
        confirm = link(place).rpartition("/")[2]
        for head in ("/s/", "/m/", "/u/", "/pause/"):
            assert (await http.post(head + confirm)).status_code == 404
    assert place.app.subscriptions.get(ADA).state == "active"
    with place.app.database.reading() as conn:
        assert len(store_letters.states(conn)) == 1


# Names and zones.


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ("# mine\n-survey\nLLM agents ^2 # yes\nRAG", "LLM agents"),
        ("author: Yann LeCun", "author: Yann LeCun"),
        ("-survey", "Papers"),
        ("a" * 200, "Papers"),
        (" ".join(["words"] * 12), " ".join(["words"] * 9)),
    ],
)
def test_a_profile_is_named_by_its_first_rule(rules: str, name: str) -> None:
    assert name_for(rules) == name


@pytest.mark.parametrize(
    ("header", "zone"),
    [
        ("de", "Europe/Berlin"), ("de-AT,de;q=0.9", "Europe/Vienna"), ("en-GB", "Europe/London"),
        ("ja", "Asia/Tokyo"), ("en", "UTC"), ("en,fr-CH", "Europe/Zurich"), ("", "UTC"),
        ("es", "Europe/Madrid"), ("zh-Hans-CN", "Asia/Shanghai"), ("*", "UTC"), ("x-\0", "UTC"),
        ("xx-XX", "UTC"), ("a" * 5000, "UTC"), ("en-US", "America/New_York"),
    ],
)  # fmt: skip
def test_a_zone_is_guessed_by_the_languages_asked_for(header: str, zone: str) -> None:
    assert guessed_zone(header, now=NOON, default="UTC") == zone


def test_a_zone_of_the_service_in_the_same_country_is_the_better_guess() -> None:
    now = datetime(2026, 7, 1, tzinfo=UTC)
    assert guessed_zone("en-US", now=now, default="America/Denver") == "America/Denver"
