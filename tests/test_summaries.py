"""Summaries of weeks: who gets one and when, what it says, and the proposal that is taken."""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from sqlalchemy import update

from notifier.digests.reading import body
from notifier.digests.weekly import last_week
from notifier.jobs.summing import Summing
from notifier.jobs.weeks import Weeks
from notifier.profiles.profile import Schedule
from notifier.profiles.proposing import RuleWeek, propose
from notifier.storage import schema, store_digests, store_subscribers, store_votes
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.store_votes import StoredVote

from .builders import an_entry
from .commands import Notifier, notifier
from .databases import database_url
from .pages import ADA, Place, path, place
from .sink import listening
from .test_pages_browser import DESK, PHONE, chromium, served
from .test_pages_language import in_english
from .test_schema import ADA as A_SUBSCRIBER
from .test_votes import ada

__all__ = ["ada", "notifier", "place"]

MONDAY = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)  # 07:00 in Berlin
SCRIPT = '<script>alert(1)</script> & "quotes"'
BO = "bo@example.org"
BOS = "retrieval + benchmark\nmixture of experts\nno such words\n# of old"
WEEK = "summary 2026-W47"


def a_week(place: Place) -> None:
    """Ada did not like RAG; Bo joins. Forty papers come on Friday, some talked about."""
    place.reader(BO, BOS, "reading")
    place.send()
    say(place, 1, "down", 1, 2, 3)
    papers = [
        an_entry(
            n, f"Mixture of experts {n} {SCRIPT}", abstract="A benchmark of retrieval.",
            categories=("cs.LG",), published_at=place.now,
        )
        for n in range(20, 50)
    ]  # fmt: skip
    place.take(*papers)
    loud = [replace(one, signals={"upvotes": 9.0 * n}) for n, one in enumerate(papers[:10])]
    place.take(*loud, source="huggingface")
    place.app.match()
    place.now = MONDAY


def say(place: Place, subscriber: int, kind: store_votes.Kind, *papers: int) -> None:
    with place.app.database.writing() as conn:
        for paper in papers:
            store_votes.put(conn, StoredVote(subscriber, paper, kind, place.now))


def want(place: Place, *addresses: str) -> None:
    for one in addresses:
        place.app.subscriptions.change(one, now=place.now, summary=True)


def summaries(place: Place) -> list[tuple[str, str, str]]:
    with place.app.database.reading() as conn:
        listed = store_digests.listed(conn)
    return sorted(
        (one.address, one.period, one.state) for one in listed if one.period.startswith("summary")
    )


def week_of(place: Place, subscriber: str = ADA) -> str:
    """The path of the page."""
    row = place.app.subscriptions.get(subscriber).row
    return path(place.app.links.week(row, place.now))


@pytest.mark.both
def test_who_asked_gets_one_for_each_week_with_their_first_digest_of_the_next(place: Place) -> None:
    a_week(place)
    want(place, BO)
    place.app.compose()
    assert summaries(place) == [(BO, WEEK, "pending")]
    for days in (1, 2, 1, 3):  # to Monday
        assert [period for _, period, _ in summaries(place)] == [WEEK]
        place.now += timedelta(days=days)
        place.app.compose()
    assert [period for _, period, _ in summaries(place)] == [WEEK, "summary 2026-W48"]
    with place.app.database.reading() as conn:
        last = store_digests.made(conn, place.app.subscriptions.get(BO).row)
        assert last
        assert last.period == "2026-11-30"
        assert sum(store_digests.counts(conn, since=MONDAY + timedelta(days=7))) == 2


@pytest.mark.both
def test_who_pauses_left_or_came_after_the_week_gets_none(place: Place) -> None:
    a_week(place)
    late = "late@example.org"
    place.reader(late)
    place.reader("paused@example.org")
    place.app.subscriptions.pause("paused@example.org", until=MONDAY + timedelta(days=2))
    want(place, ADA, BO, late, "paused@example.org")
    place.app.subscriptions.leave(place.app.subscriptions.get(BO).row, now=place.now)
    place.now += timedelta(days=1)
    place.app.compose()
    assert summaries(place) == [(ADA, WEEK, "pending")]


@pytest.mark.anyio
async def test_two_who_compose_at_once_and_two_who_send_mail_it_once(tmp_path: Path) -> None:
    async with listening() as sink:
        place = Place(tmp_path, smtp_port=sink.port)
        a_week(place)
        want(place, ADA, BO)
        await asyncio.gather(*(asyncio.to_thread(place.app.compose) for _ in range(2)))
        await asyncio.gather(place.app.deliver(), place.app.deliver())
        place.app.compose()
        await place.app.deliver()
        place.app.close()
    subjects = [
        (one.recipient, found.group(1))
        for one in sink.received
        if (found := re.search(rb"Subject: (Your week[^\r]*)", one.content))
    ]
    assert sorted(subjects) == [
        (ADA, b"Your week from Mon, 16 Nov 2026: 6 papers matched"),
        (BO, b"Your week from Mon, 16 Nov 2026: 30 papers matched"),
    ]
    mail = next(one.content for one in sink.received if b"Your week" in one.content)
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in mail
    assert b"Feedback-ID: summary:" in mail


def test_it_says_what_was_talked_about_how_rules_did_and_one_proposal(place: Place) -> None:
    a_week(place)
    with place.app.database.reading() as conn:
        summing = Summing(place.app.compose_settings)
        people = [place.app.subscriptions.get(one) for one in (ADA, BO)]
        adas, bos = (summing.write(conn, one, now=place.now).content for one in people)
    text = body(adas, "plain").decode().replace("\r", "")
    assert "6 papers matched, 3 were sent to you, 3 votes of yours" in text
    assert "== Talked about in your fields: cs.LG ==" in text
    assert re.search(r"\n    6  RAG \^2 \(\+0 -3\)\n", text)
    assert "  RAG ^2 -> RAG\n" in text
    text = body(bos, "plain").decode().replace("\r", "")
    assert "   30  mixture of experts\n" in text
    assert "    0  no such words\n" in text
    page = body(bos, "html").decode()
    assert "<script" not in page
    assert "&#34;quotes&#34;" in page
    assert 'width="100%"' in page


def test_a_summary_that_cannot_be_made_stops_no_digest(place: Place) -> None:
    a_week(place)
    want(place, ADA, BO)
    with place.app.database.writing() as conn:  # of a paper that Ada's rules had brought
        conn.exec_driver_sql("UPDATE paper SET categories = '[' WHERE id = 5")
    assert place.app.compose().failed == 0
    assert [one[0] for one in summaries(place)] == [BO]
    with place.app.database.reading() as conn:
        assert "2026-11-23" in {one.period for one in store_digests.listed(conn, subscriber=1)}


RARE: dict[str, float] = {"survey": 4.0, "model": 1.0}


def rarity(stems: object) -> list[float]:
    return [RARE.get(stem, 3.0) for stem in stems]  # type: ignore[attr-defined]


def a_rule(rule: str, **values: object) -> RuleWeek:
    given = {"profile": 1, "name": "p", "place": 1, "week": 1, "month": 9} | values
    return RuleWeek(rule=rule, **given)  # type: ignore[arg-type]


DISLIKED = ("A survey of models", "Models: the survey", "Survey, models, and all")


@pytest.mark.parametrize(
    ("rules", "kind", "after"),
    [
        ([a_rule("LLM", disliked=DISLIKED)], "narrow", "LLM + -survey"),
        ([a_rule("a1 | b2", disliked=DISLIKED)], "narrow", "(a1 | b2) + -survey"),
        ([a_rule("LLM ^2", disliked=DISLIKED, liked=("The survey",))], "weaken", "LLM"),
        ([a_rule("LLM", disliked=("A", "B", "C"))], "weaken", "LLM ^0.5"),
        ([a_rule("LLM ^0.5", disliked=("A", "B", "C"))], None, ""),
        ([a_rule("LLM", disliked=DISLIKED, liked=("A", "B"))], None, ""),
        ([a_rule("x"), a_rule("y", place=2, month=0)], "drop", ""),
        ([a_rule("x"), a_rule("y", place=2, month=0, is_new=True)], None, ""),
        ([a_rule("y", month=0)], None, ""),  # its only one: then there were no profile
        ([a_rule("x", month=30), a_rule("y", place=2, month=9)], "broad", "x ^0.5"),
        ([a_rule("x", month=30, liked=("A",)), a_rule("y", place=2, month=9)], None, ""),
        ([a_rule("x", month=9), a_rule("y", place=2, month=9)], None, ""),
        ([], None, ""),
    ],
)
def test_what_is_proposed(rules: list[RuleWeek], kind: str | None, after: str) -> None:
    found = propose(rules, rarity)
    assert (found and found.kind) == kind
    assert (found.after if found else "") == after


def test_a_week_is_over_by_the_reader_s_own_clock() -> None:
    at = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)  # Monday already in Auckland
    auckland = last_week(Schedule("Pacific/Auckland"), at)
    assert (auckland.name, f"{auckland.begins:%d %H:%M}") == ("2026-W47", "15 11:00")
    assert last_week(Schedule("UTC"), at).name == "2026-W46"
    span = last_week(Schedule("Europe/Berlin"), datetime(2026, 10, 26, 12, 0, tzinfo=UTC))
    assert span.ends - span.begins == timedelta(days=7, hours=1)  # the clock was set back


@pytest.mark.both
def test_only_papers_and_votes_of_the_week_count(place: Place) -> None:
    a_week(place)
    place.take(an_entry(90, "RAG on Monday", published_at=place.now))
    place.app.match()
    say(place, 1, "up", 4)
    with place.app.database.reading() as conn:
        week = Weeks(str).of(conn, place.app.subscriptions.get(ADA), now=place.now)
    assert (week.matched, week.sent, week.votes) == (6, 3, 3)
    rag = week.rules[0]
    assert (rag.rule, rag.week, rag.month, rag.up, rag.down) == ("RAG ^2", 6, 6, 0, 3)


@pytest.mark.anyio
async def test_the_proposal_is_taken_by_post_alone_and_undone(place: Place) -> None:
    a_week(place)
    url, before = week_of(place), place.app.subscriptions.profiles(ADA)[0].rules
    async with place.client() as http:
        page = (await http.get(url)).text
        sent = {"do": "take", "proposal": proposal_of(page)}
        await http.get(url, params=sent)
        assert place.app.subscriptions.profiles(ADA)[0].rules == before
        answer = await http.post(url, data=sent | {"proposal": "1:1:RAG -> nothing"})
        assert answer.status_code == 409
        answer = await http.post(url, data=sent)
        assert answer.status_code == 303
        lines = place.app.subscriptions.profiles(ADA)[0].rules.splitlines()
        assert lines == ["RAG", *before.splitlines()[1:]]
        again = await http.post(url, data=sent)  # not twice
        assert again.status_code == 409
        await http.post(answer.headers["Location"].partition("?")[0], data={"do": "undo"})
        assert place.app.subscriptions.profiles(ADA)[0].rules == before


def proposal_of(page: str) -> str:
    found = re.search(r'name="proposal" value="([^"]*)"', page)
    assert found
    return html.unescape(found.group(1))


@pytest.mark.anyio
async def test_the_mail_is_asked_for_and_ended_on_the_page_and_with_all_else(place: Place) -> None:
    async with place.client() as http:
        for sent, wanted in (("on", True), ("off", False)):
            await http.post(week_of(place), data={"do": sent})
            assert place.app.subscriptions.get(ADA).summary is wanted
        change = path(place.app.links.change(1, place.now))
        form = {"days": "mon", "time": "07:00", "zone": "UTC", "cadence": "daily",
                "max_papers": "3", "summary": "yes"}  # fmt: skip
        assert (await http.post(change, data=form)).status_code == 200
        assert place.app.subscriptions.get(ADA).summary
        empty = (await http.get(week_of(place))).text
        assert "Your rules have brought no papers yet" in empty


def test_the_command_asks_for_it_and_shows_it(ada: Notifier) -> None:
    ada("profile", "add", "ada@example.org", "graphs", "graph*")
    said = ada("subscriber", "change", "ada@example.org", "--summary").err
    assert "with a summary of each week" in said
    show = ada("subscriber", "show", "ada@example.org", "--format", "json").json
    assert show["summary"] is True
    text = ada("digest", "preview", "ada@example.org", "--week", "--text")
    assert text.code == 0
    assert text.out.startswith("Your week from ")


@pytest.mark.anyio
@pytest.mark.parametrize("code", ["en", "de"])
async def test_the_page_and_the_mail_can_be_read_by_everybody(place: Place, code: str) -> None:
    a_week(place)
    place.change(language=code)
    with place.app.database.reading() as conn:
        one = place.app.subscriptions.get(ADA)
        mail = Summing(place.app.compose_settings).write(conn, one, now=place.now).content
    async with chromium() as browser, served(place) as base:
        for size, scheme in ((DESK, "light"), (PHONE, "dark")):
            page = await browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
            await page.goto(base + week_of(place))
            assert (await Axe().run(page)).violations_count == 0
            assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            if code != "en":
                assert not in_english(await page.inner_text("main"))
            page = await browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
            await page.set_content(body(mail, "html").decode())
            found = await Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]


@pytest.mark.both
def test_the_step_of_the_schema_sums_up_nothing_for_anybody(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0026")
    with made.writing() as conn:
        conn.exec_driver_sql(A_SUBSCRIBER)
    assert "0027" in schema.upgrade(made)
    with made.reading() as conn:
        found = store_subscribers.get(conn, 1)
        assert found is not None
        assert found.summary is False
    with made.writing() as conn:
        conn.execute(update(t.subscriber).values(summary=True))
    made.close()
