"""Why a paper came, and what "not for me" may change in the rules: shown before, undone after."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest

from notifier.jobs.why import why
from notifier.storage import store_letters, store_papers
from notifier.subscriptions.undoing import mark_of

from .builders import an_entry
from .pages import ADA, MORNING, Place, path, place
from .test_leaving import undo_of
from .test_promises import dump

__all__ = ["place"]

NAME = "<b>ml</b>"
RULES = "# mine\r\n  RAG ^2   # why\r\nLLM agents | graphs\r\nauthor: B. Author"
BLOCK = {"said": "down", "do": "block", "profile": "1", "term": "RAG"}


@pytest.fixture
def link(place: Place) -> str:
    """Ada's link about a paper that came by RULES this morning."""
    service = place.app.subscriptions
    service.add_profile(ADA, NAME, RULES, now=place.now, replace=True)
    place.send()
    return path(place.app.links.vote(1, row(place)))


def row(place: Place) -> int:
    """The row of the digest's first paper."""
    with place.app.database.reading() as conn:
        found = "SELECT paper_id FROM digest_paper WHERE place = 1"
        return int(conn.exec_driver_sql(found).scalar_one())


def rules(place: Place, name: str = NAME) -> str:
    return place.app.subscriptions.profile(ADA, name).rules


def write(place: Place, text: str) -> None:
    place.app.subscriptions.add_profile(ADA, NAME, text, now=place.now, replace=True)


def narrow(line: int, text: str = RULES) -> dict[str, str]:
    mark = str(mark_of(text))
    return {"said": "down", "do": "title", "profile": "1", "line": str(line), "mark": mark}


def words(text: str) -> str:
    """What a page says, on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


# Why.


@pytest.mark.anyio
async def test_the_page_tells_which_rules_hit_where_and_how_often(place: Place, link: str) -> None:
    async with place.client() as http:
        text = words((await http.get(link)).text)
    assert "Why it came <b>ml</b> RAG ^2 # why in the title: RAG in the abstract: RAG 6 papers" in (
        text
    )
    assert "author: B. Author among the authors: B. Author" in text
    assert "LLM agents" not in text, "a rule that did not hit"


@pytest.mark.anyio
async def test_each_profile_that_wants_the_paper_is_named_and_no_other(
    place: Place, link: str
) -> None:
    service = place.app.subscriptions
    service.add_profile(ADA, "also", "cat: cs.LG\nsource: arxiv", now=place.now)
    service.add_profile(ADA, "off", "RAG", now=place.now, enabled=False)
    service.add_profile(ADA, "never", "RAG\n-title: RAG", now=place.now)
    service.add_profile(ADA, "other", "trees", now=place.now)
    async with place.client() as http:
        text = (await http.get(link)).text
    assert re.findall(r"<h3[^>]*>(.*?)</h3>", text) == ["&lt;b&gt;ml&lt;/b&gt;", "also"]
    assert "among the categories: cs.LG" in text
    assert "from arxiv" in text
    assert "6 papers in 30 days" in text
    assert text.count("in 30 days") == 2, "what is not matched yet has no number"


@pytest.mark.anyio
async def test_what_came_because_it_was_talked_about_says_so(place: Place, link: str) -> None:
    write(place, "trending")
    place.take(*(an_entry(n, f"Trees {n}", published_at=MORNING) for n in range(20, 40)))
    votes = ((n, 99.0 if n == 20 else 0.0) for n in range(20, 40))
    talked = [an_entry(n, f"Trees {n}", signals={"upvotes": said}) for n, said in votes]
    place.take(*talked, source="huggingface")
    place.app.match()
    with place.app.database.reading() as conn:
        (paper,) = store_papers.load(conn, [7])
        (reason,) = why(conn, paper, 1)
    assert reason.findings[0].places == (("trend", ("trending",)),)
    assert reason.terms == ()
    async with place.client() as http:
        text = (await http.get(path(place.app.links.vote(1, 7)))).text
        assert "it is talked about" in text
        quiet = path(place.app.links.vote(1, 2))
        assert "Nothing that you follow now asks for it" in (await http.get(quiet)).text


@pytest.mark.anyio
async def test_changes_are_offered_to_who_says_not_for_me(place: Place, link: str) -> None:
    async with place.client() as http:
        for said in ("up", "saved", ""):
            assert "More than this paper?" not in (await http.get(f"{link}?said={said}")).text
        text = (await http.get(f"{link}?said=down")).text
        assert "More than this paper?" in text
        assert words(text).count("Nothing with RAG") == 1
        assert "-RAG" in words(text)
        assert "Line 2 of “<b>ml</b>” becomes: RAG ^2 # why title: RAG ^2 # why" in words(text)
        assert "-author" not in text, "only words and phrases"
        kept = (await http.post(link, data={"said": "down"})).text
    assert "More than this paper?" in kept


# Changes.


@pytest.mark.anyio
async def test_a_term_is_blocked_by_one_more_line_and_undone(place: Place, link: str) -> None:
    async with place.client() as http:
        answer = await http.post(link, data=BLOCK)
        assert answer.status_code == 200
        assert rules(place) == RULES + "\r\n-RAG"
        assert place.said(1, row(place)) == "down"
        assert "The rules of “<b>ml</b>” have been changed. -RAG" in words(answer.text)
        assert "Nothing that you follow now asks for it" in answer.text
        undo = undo_of(answer.text)
        once = dump(place.app.database)
        again = await http.post(link, data=BLOCK)
        assert "say so already" in again.text
        assert dump(place.app.database) == once
        shown = await http.get(undo)
        assert "The rules of “<b>ml</b>” have been changed." in words(shown.text)
        for _ in range(2):
            assert "It is as it was before" in (await http.post(undo)).text
            assert rules(place) == RULES


@pytest.mark.anyio
async def test_a_rule_is_narrowed_to_titles_and_undone(place: Place, link: str) -> None:
    changed = RULES.replace("  RAG", "  title: RAG")
    async with place.client() as http:
        answer = await http.post(link, data=narrow(2))
        assert rules(place) == changed
        assert "RAG ^2 # why title: RAG ^2 # why" in words(answer.text)
        once = dump(place.app.database)
        assert "say so already" in (await http.post(link, data=narrow(2))).text
        assert dump(place.app.database) == once
        await http.post(undo_of(answer.text))
        assert rules(place) == RULES


@pytest.mark.anyio
async def test_tomorrows_digest_follows_the_changed_rules(place: Place, link: str) -> None:
    async with place.client() as http:
        await http.post(link, data=BLOCK)
    place.now = MORNING + timedelta(days=3)
    place.take(an_entry(20, "RAG and graphs"), an_entry(21, "Only graphs"))
    place.app.compose()
    with place.app.database.reading() as conn:
        query = (
            "SELECT p.title FROM digest_paper d JOIN paper p ON p.id = d.paper_id"
            " WHERE d.digest_id = 2"
        )
        assert list(conn.exec_driver_sql(query).scalars()) == ["Only graphs"]


@pytest.mark.anyio
async def test_what_would_leave_nothing_to_match_is_neither_offered_nor_done(
    place: Place, link: str
) -> None:
    write(place, "RAG")
    async with place.client() as http:
        text = words((await http.get(f"{link}?said=down")).text)
        assert "Nothing with RAG" not in text
        assert "RAG only in titles" in text
        answer = await http.post(link, data=BLOCK)
        assert answer.status_code == 422
        assert "cannot be changed so. They stay as they are." in answer.text
    assert rules(place) == "RAG"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "form",
    [
        BLOCK | {"term": "trees"},
        BLOCK | {"term": ""},
        BLOCK | {"term": "RAG\ntrees"},
        BLOCK | {"do": "x"},
        BLOCK | {"do": "profile"},
        BLOCK | {"said": "x"},
    ],
)
async def test_a_change_that_the_page_does_not_offer_changes_nothing(
    place: Place, link: str, form: dict[str, str]
) -> None:
    async with place.client() as http:
        before = dump(place.app.database)
        answer = await http.post(link, data=form)
        assert answer.status_code == 422
        assert "Choose one of these." in answer.text
        assert dump(place.app.database) == before
    assert rules(place) == RULES


@pytest.mark.anyio
@pytest.mark.parametrize("line", ["3", "4", "1", "0", "99", "x", "-2", "9" * 30])
async def test_a_line_of_other_rules_is_not_narrowed(place: Place, link: str, line: str) -> None:
    async with place.client() as http:
        answer = await http.post(link, data=narrow(2) | {"line": line})
        assert answer.status_code == 422
        assert "They stay as they are." in answer.text
    assert rules(place) == RULES


@pytest.mark.anyio
@pytest.mark.parametrize("profile", ["2", "99", "0", "x"])
async def test_a_profile_of_another_is_left_alone(place: Place, link: str, profile: str) -> None:
    place.reader("bo@example.org", rules="RAG\ngraphs", name="bo")  # profile 2
    async with place.client() as http:
        for form in (BLOCK, narrow(1, "RAG\ngraphs")):
            answer = await http.post(link, data=form | {"profile": profile})
            assert answer.status_code == 404
    assert place.app.subscriptions.profile("bo@example.org", "bo").rules == "RAG\ngraphs"


# Two tabs.


@pytest.mark.anyio
async def test_a_line_is_not_narrowed_in_rules_that_changed_meanwhile(
    place: Place, link: str
) -> None:
    other = "graphs\nRAG ^3\ntrees"
    async with place.client() as http:
        write(place, other)
        answer = await http.post(link, data=narrow(2))
        assert answer.status_code == 409
        assert "have been changed meanwhile" in answer.text
        assert rules(place) == other
        assert "RAG ^3 title: RAG ^3" in words(answer.text), "what can be done now"
        await http.post(link, data=BLOCK)
    assert rules(place) == other + "\n-RAG", "a line more goes with any rules"


@pytest.mark.anyio
async def test_an_undo_leaves_rules_that_were_changed_since(place: Place, link: str) -> None:
    async with place.client() as http:
        undo = undo_of((await http.post(link, data=BLOCK)).text)
        write(place, "graphs")
        for back in (False, True):
            if back:  # the same text as the undo's, but by another way
                write(place, RULES + "\r\n-RAG")
            before = dump(place.app.database)
            assert (await http.post(undo)).status_code == 409
            assert dump(place.app.database) == before


# For how long, and who.


@pytest.mark.anyio
async def test_rules_are_changed_for_thirty_days_after_the_digest_and_votes_for_ever(
    place: Place, link: str
) -> None:
    async with place.client() as http:
        place.now = MORNING + timedelta(days=30)
        assert "Nothing with RAG" in words((await http.get(f"{link}?said=down")).text)
        place.now += timedelta(seconds=1)
        shown = (await http.get(f"{link}?said=down")).text
        assert "Nothing with RAG" not in words(shown)
        assert "Rules are changed from here for 30 days after the digest." in shown
        for form in (BLOCK, narrow(2)):
            assert (await http.post(link, data=form)).status_code == 422
        assert rules(place) == RULES
        assert place.said(1, row(place)) == "down"


@pytest.mark.anyio
async def test_later_a_fresh_link_for_changes_comes_by_mail(place: Place, link: str) -> None:
    place.now = MORNING + timedelta(days=31)
    async with place.client() as http:
        fresh = re.search(r'action="(/v/[^"]+/fresh)"', (await http.get(f"{link}?said=down")).text)
        assert fresh
        for _ in range(5):
            place.now += timedelta(seconds=1)
            answer = await http.post(fresh[1])
            assert "A mail is on its way" in answer.text
        with place.app.database.reading() as conn:
            assert store_letters.states(conn) == [("change", "waiting")] * 3
        assert (await http.get(fresh[1])).status_code == 405
        assert (await http.post("/v/nonsense/fresh")).status_code == 404
        place.app.subscriptions.remove(ADA)
        assert (await http.post(fresh[1])).status_code == 404


@pytest.mark.anyio
async def test_a_paper_that_did_not_come_by_a_digest_changes_no_rules(
    place: Place, link: str
) -> None:
    place.take(an_entry(20, "RAG that nobody was sent"))
    other = path(place.app.links.vote(1, 7))
    async with place.client() as http:
        shown = words((await http.get(f"{other}?said=down")).text)
        assert "RAG ^2" in shown
        assert "Mail me a fresh link" in shown
        assert (await http.post(other, data=BLOCK)).status_code == 422
    assert rules(place) == RULES


@pytest.mark.anyio
async def test_who_has_left_votes_but_changes_no_rules(place: Place, link: str) -> None:
    place.app.subscriptions.leave(1, now=place.now)
    async with place.client() as http:
        assert "More than this paper?" not in (await http.get(f"{link}?said=down")).text
        assert (await http.post(link, data=BLOCK)).status_code == 422
    assert rules(place) == RULES
