"""One person's whole way, from the first page to "everything is deleted", in a real browser.

Three ways: with the script on a desk, without a script, and on a phone in the dark. The person goes
by the words of links and buttons only; axe looks at every page and mail on the way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2 as httpx
import pytest
from playwright.async_api import Browser

from .builders import an_entry
from .pages import SIGNED_UP, Place
from .person import BO, WAYS, Person, Way, a_person
from .test_pages_browser import chromium
from .test_promises import dump

pytestmark = pytest.mark.anyio
# At 07:00 in Berlin.
FRIDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (
    SIGNED_UP.replace(day=day, hour=6) for day in (20, 23, 24, 25, 26)
)
AGENTS = "Tools are called by planning agents."
PAPERS = {
    "RAG for legal documents": "Documents are read.",
    "A survey of RAG": "We read what was written.",
    "Graphs in molecules": "We study RAG.",
    "LLM agents that use tools": AGENTS,
    "Protein folding": "Proteins fold.",
    "LLM agents in court": "Judges are asked.",
    "LLM agents plan tools": AGENTS,
    "A survey of LLM agents": "We read what was written.",
    "Molecules once more": "We study RAG.",
    "RAG at scale": "It is large.",
    "RAG came late": "It was not there before.",
    "LLM agents again": "They are back.",
}
TITLES = list(PAPERS)
# What the database holds of papers and of its own work: of people, nothing.
NOBODYS = {"paper", "alias", "sighting", "counter", "relay", "departed"}


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for all ways."""
    async with chromium() as started:
        yield started


def come(place: Place, first: int, last: int) -> None:
    """Let papers come in, by their numbers."""
    numbered = enumerate(PAPERS.items(), 1)
    place.take(*(an_entry(n, title, abstract=text) for n, (title, text) in numbered
                 if first <= n <= last))  # fmt: skip


async def subscribe(bo: Person, rules: str) -> str:
    """Ask at the first page and confirm by the mail; return the page that asks."""
    await bo.page.goto("/")
    await bo.look("first page")
    await bo.fill_rules(rules)
    await bo.page.fill("#address", BO)
    if not bo.way.has_script:  # else it is the browser's
        await bo.page.fill("#zone", "Europe/Berlin")
    assert f"A mail goes to {BO}" in await bo.click("Subscribe", "waiting")
    assert await bo.mails_at(bo.place.now + timedelta(minutes=1)) == 1
    await bo.open_mail()
    return await bo.click("See what was asked for", "confirm")


async def first_digest(bo: Person) -> None:
    """It comes at once. Bo says what is for him, and narrows the rule that brought what is not."""
    assert await bo.mails_at(bo.place.now + timedelta(minutes=1)) == 1
    assert set(bo.papers(TITLES)) == set(TITLES[:4])
    await bo.open_mail()
    assert "Graphs in molecules" in await bo.click("View in browser")
    await bo.say("Not for me", "Graphs in molecules")
    assert "Kept: Not for me" in await bo.click("Keep this")
    assert "The rules of “RAG” have been changed" in await bo.click("RAG only in titles")
    await bo.open_mail()
    await bo.say("More like this", "LLM agents that use tools")
    assert "Kept: More like this" in await bo.click("Keep this")


async def tune(bo: Person) -> None:
    """Bo keeps surveys out at the profile's page; the next digest goes by all that was said."""
    await bo.open_mail()
    assert "title: RAG" in await bo.click("Change", "own page")
    await bo.click("Change the rules", "profile")
    await bo.fill_rules(await bo.page.input_value("#rules") + "\n-survey")
    assert "The next digest goes by these rules" in await bo.click("Save changes")
    assert "-survey" in await bo.click("Your digests")
    bo.place.now = FRIDAY - timedelta(minutes=30)
    come(bo.place, 6, 10)
    assert await bo.mails_at(FRIDAY) == 1
    liked, plain = "LLM agents plan tools", "LLM agents in court"
    assert bo.papers(TITLES) == [liked, plain, "RAG at scale"]


async def pause(bo: Person) -> None:
    """Nothing comes in a pause; what came meanwhile comes after it."""
    await bo.open_mail()
    await bo.click("Pause", "pause?")
    assert "No digest comes before Fri, 4 Dec 2026" in await bo.click("Pause", "paused")
    bo.place.now = MONDAY - timedelta(minutes=30)
    come(bo.place, 11, 11)
    assert await bo.mails_at(MONDAY) == 0
    await bo.open_mail()
    await bo.click("Change", "own page in a pause")
    await bo.click("End the pause")
    assert "The digests go on" in await bo.click("Go on now")
    assert await bo.mails_at(TUESDAY) == 1
    assert bo.papers(TITLES) == ["RAG came late"]


async def one_click(bo: Person) -> None:
    """The mail program's own button (RFC 8058) stops all; Bo finds the way in again."""
    mail = bo.mails[-1]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = mail["List-Unsubscribe"].partition(">")[0].strip("<")
    async with httpx.AsyncClient() as program:
        answer = await program.post(url, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    bo.place.now += timedelta(hours=1)
    await bo.open_mail()
    assert "You have left" in await bo.click("Change", "own page of one who left")
    await bo.click("Subscribe again")
    asked = await subscribe(bo, "LLM agents")
    assert "What you followed before comes back with it: RAG" in asked
    assert "Next digest: Wed, 25 Nov 2026, 07:00" in await bo.click("Confirm", "back")
    come(bo.place, 12, 12)
    assert await bo.mails_at(WEDNESDAY) == 1
    assert bo.papers(TITLES) == ["LLM agents again"]


async def leave(bo: Person) -> None:
    """By the page that the footer leads to, and back by its button."""
    await bo.open_mail()
    await bo.click("Unsubscribe")
    assert "No more digests will be sent to you" in await bo.click("Stop all digests")
    shown = await bo.click("Undo")
    assert "It is as it was before. Next digest: Thu, 26 Nov 2026" in shown


async def delete(bo: Person) -> None:
    """All of it, at the page for that; a link of an old mail then says so."""
    await bo.open_mail()
    await bo.click("Change", "own page at last")
    await bo.click("Your data")
    assert "Nothing has been deleted" in await bo.click("Delete everything", "unsure")
    await bo.page.check("text=Yes, delete all of it")
    assert "Nothing is kept about you any more" in await bo.click("Delete everything")
    assert await bo.mails_at(THURSDAY) == 0
    await bo.open_mail()
    assert "has been deleted" in await bo.click("Change", "own page of nobody")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
async def test_one_person_gets_from_the_first_page_to_everything_is_deleted(
    browser: Browser, way: Way, tmp_path: Path
) -> None:
    async with a_person(browser, way, tmp_path) as bo:
        come(bo.place, 1, 5)
        before = dump(bo.place.app.database)
        assert "07:00 (Europe/Berlin)" in await subscribe(bo, "RAG\nLLM agents")
        shown = await bo.click("Confirm", "confirmed")
        assert "The next one is due on Thu, 19 Nov 2026, 07:00" in shown
        await first_digest(bo)
        await tune(bo)
        await pause(bo)
        await one_click(bo)
        await leave(bo)
        await delete(bo)
        new = [row for row in dump(bo.place.app.database) if row not in before]
        assert {row[0] for row in new} == NOBODYS
        assert BO not in str(new)
        assert bo.trouble == {}
