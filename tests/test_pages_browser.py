"""The pages in a real browser: usable by everyone, on a phone, in the dark, without a script."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from notifier import languages
from notifier.profiles.profile import Schedule
from notifier.storage import store_votes
from notifier.storage.store_signups import Wish
from notifier.storage.store_votes import StoredVote
from notifier.subscriptions.undoing import Undo
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

from .builders import an_entry
from .conftest import need
from .pages import ADA, MORNING, Place, path, place
from .sink import listening

__all__ = ["place"]

CHROMIUM = which("chromium") or which("chromium-browser") or which("google-chrome")
PHONE = {"width": 390, "height": 844}
# A mail is shown as it was sent: its footer is no landmark.
MAILS_OWN = ("region",)
DESK = {"width": 1400, "height": 900}


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    need(CHROMIUM, "Chromium (apt-get install chromium)")
    async with async_playwright() as started:
        browser = await started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def served(place: Place) -> AsyncIterator[str]:
    listening = bound("127.0.0.1:0")
    async with serving(make_site(place.app), listening):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def less_states(place: Place, base: str, paths: dict[str, str]) -> list[tuple[str, str, Any]]:
    """The pages for leaving, feedback, undo and links that do not work, in their states."""

    async def less(page: Page) -> None:
        await page.click("form:has(input[value=profile]) button >> nth=1")

    async def leave_and_look(page: Page) -> None:
        await page.click("form:has(input[value=all]) button")
        await page.goto(page.url)

    async def undone(page: Page) -> None:
        await page.click("form:has(input[value=weekly]) button")
        await page.click("form[action*=undo] button")

    async def amended(page: Page) -> None:
        await page.click("form:has(input[value=title]) button >> nth=0")

    async def no_address(page: Page) -> None:
        await page.fill("#address", "bo@")
        await page.locator("form button").last.click()

    code, now = place.app.subscriptions.get(ADA).language, place.now
    service = place.app.subscriptions
    service.add_profile(ADA, "LLM agents", "LLM agents\nRAG + retrieval", now=now)
    bo = place.reader("bo2@example.org", rules="RAG\nLLM agents\n-survey", name="RAG")
    place.change("bo2@example.org", language=code)
    place.change(max_papers=12)
    old = now - timedelta(days=99)
    stopped = place.app.links.undo(Undo(1, "weekly", (), old))
    return [
        ("link", base + "/link", None),
        ("link wrong", base + "/link", no_address),
        ("bad link", base + paths["unsubscribe"][:-2], None),
        ("undo too old", base + path(stopped), None),
        ("less", base + paths["unsubscribe"], less),
        ("undone", base + paths["unsubscribe"], undone),
        ("nothing to undo", base + path(place.app.links.undo(Undo(1, "left", (1,), now))), None),
        ("left", base + path(place.app.links.unsubscribe(bo)), leave_and_look),
        ("amended", base + paths["vote"], amended),
    ]


async def states(place: Place, base: str, paths: dict[str, str]) -> list[tuple[str, str, Any]]:
    """Every page in every state: its name, its address, and what to do there first."""

    async def send(page: Page) -> None:
        await page.locator("form button").last.click()

    async def wrong(page: Page) -> None:
        await page.fill("#zone", "Mars")
        await page.uncheck("input[value=fri]")
        await send(page)

    async def no_day(page: Page) -> None:
        await page.check("input[value=date]")
        await send(page)

    async def no_rules(page: Page) -> None:
        await page.fill("#address", "bo")
        await page.fill("#rules", "LLM agents\ntitel: x")
        await page.evaluate("document.forms[0].noValidate = true")
        await send(page)

    code = place.app.subscriptions.get(ADA).language
    wish = Wish("bo@example.org", "LLM agents", Schedule("Asia/Tokyo", 8, 0, (0, 4)), code)
    signups, now = place.app.served.signups, place.now
    asked = [signups.ask(wish, host="", now=now) for _ in range(2)]
    links = place.app.links

    async def mistyped(page: Page) -> None:
        await page.fill("#address", "bo@")
        await send(page)

    async def say_yes(page: Page) -> None:
        await page.locator("form button").first.click()

    async def try_it(page: Page) -> None:
        await page.fill("#rules", "RAG\nsurvey\ntitel: x\ngrahps")
        await page.click("button[value=try]")

    async def nothing_typed(page: Page) -> None:
        await page.fill("#rules", "# nothing")
        await page.locator("button[value=save]").last.click()

    async def take_away(page: Page) -> None:
        await page.click("button[value=forget] >> nth=0")

    async def delete(page: Page) -> None:
        await page.click("button[value=remove]")

    own = base + paths["change"]
    keep_two(place)
    ones_own = [
        ("profile", own + "/profile/1", None),
        ("profile tried", own + "/profile/1", try_it),
        ("profile wrong", own + "/profile/1", nothing_typed),
        ("new profile", own + "/profile/new", None),
        ("tried by anybody", base + "/", try_it),
        ("saved", own + "/saved", None),
        ("taken away", own + "/saved", take_away),
        ("digests", own + "/digests", None),
        ("next", own + "/next", None),
        ("data", own + "/data", None),
        ("data unsure", own + "/data", send),
        ("deleted profile", own + "/profile/1", delete),
    ]
    old = now - timedelta(days=99)
    joining = [
        ("subscribe", base + "/", None),
        ("subscribe wrong", base + "/", no_rules),
        ("waiting", base + path(links.waiting(asked[0])), None),
        ("waiting wrong", base + path(links.waiting(asked[0])), mistyped),
        ("confirm", base + path(links.confirm(asked[0], now)), None),
        ("confirmed", base + path(links.confirm(asked[1], now)), say_yes),
        ("change too old", base + path(links.change(1, old)), None),
    ]
    names = ("unsubscribe", "vote", "pause", "change", "digest", "all", "paper")
    return [
        *((name, base + paths[name], None) for name in names),
        *joining,
        *less_states(place, base, paths),
        ("not found", f"{base}/nowhere", None),
        ("vote kept", base + paths["vote"], send),
        ("pause wrong", base + paths["pause"], no_day),
        ("paused", base + paths["pause"], send),
        ("change wrong", base + paths["change"], wrong),
        ("change stored", base + paths["change"], send),
        *ones_own,
    ]


def keep_two(place: Place) -> None:
    with place.app.database.writing() as conn:
        for paper in (1, 2):
            store_votes.put(conn, StoredVote(1, paper, "saved", place.now))


async def trouble(page: Page, allowed: tuple[str, ...]) -> list[str]:
    """What axe finds, and whether the page is wider than the window."""
    found = await Axe().run(page)
    violations = [v for v in found.response["violations"] if v["id"] not in allowed]
    out = [f"{v['id']}: {v['nodes'][0]['html']}" for v in violations]
    wide = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    return out + (["it scrolls sideways"] if wide else [])


# Each language with each size, and in light and dark; each size in light and dark.
MIXES = [
    pytest.param(code, colors, size, id=f"{code}-{colors}-{'phone' if size is PHONE else 'desk'}")
    for number, code in enumerate(languages.known())
    for colors, size in ((("light", DESK), ("dark", PHONE))[number % 2],)
]


@pytest.mark.anyio
@pytest.mark.parametrize(("code", "colors", "size"), MIXES)
async def test_every_page_is_usable_by_everyone(
    place: Place, colors: Any, size: Any, code: str
) -> None:
    paths = place.paths(place.send())
    place.change(language=code)
    found: dict[str, list[str]] = {}
    async with chromium() as browser, served(place) as base:
        context = await browser.new_context(color_scheme=colors, viewport=size, locale=code)
        page = await context.new_page()
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text))
        for name, address, act in await states(place, base, paths):
            await page.goto(address)
            if act:
                await act(page)
            assert await page.get_attribute("html", "lang") == ("en" if name == "digest" else code)
            if problems := await trouble(page, MAILS_OWN if name in ("digest", "next") else ()):
                found[name] = problems
        blocked = [text for text in errors if "Content Security Policy" in text]
        await context.close()
    assert found == {}
    assert blocked == []


@pytest.mark.anyio
async def test_rules_are_tried_while_they_are_typed_and_the_zone_is_the_browsers(
    place: Place,
) -> None:
    paths = place.paths(place.send())
    fields = ("cs.RO", "math.AG", "q-bio.QM")
    place.take(
        *[an_entry(90 + n, authors=("Wei Wang",), categories=(fields[n],)) for n in range(3)]
    )
    async with chromium() as browser, served(place) as base:
        context = await browser.new_context(timezone_id="Pacific/Auckland", locale="de")
        page = await context.new_page()
        await page.goto(base + "/")
        assert await page.input_value("#zone") == "Pacific/Auckland"
        await page.type("#rules", "RAG")
        await page.wait_for_selector(".tried mark")
        assert "6 Artikel an einem Tag" in await page.inner_text(".tried")
        await page.fill("#rules", "")
        await page.wait_for_selector(".tried mark", state="detached")
        await page.fill("#address", "nobody")
        await page.press("#address", "Enter")
        assert await page.input_value("#zone") == "Pacific/Auckland", "what was typed stays"

        await page.goto(base + paths["change"] + "/profile/1")
        before = await page.input_value("#rules")
        assert await page.locator("#rules-wrong").count() == 1
        await page.fill("#rules", "# a comment only")
        await page.wait_for_selector("text=No rule works yet")
        assert await page.locator("#rules-wrong").count() == 0, "that was of other words"
        await page.fill("#rules", "author: Wei Wang")
        await page.click("text=author: Wei Wang + cat: math.AG")
        await page.wait_for_load_state()
        assert await page.input_value("#rules") == "author: Wei Wang + cat: math.AG"
        await page.fill("#rules", before)
        await page.wait_for_selector(".tried mark")
        await page.press("#name", "Enter")
        await page.wait_for_selector("text=The next digest goes by these rules")
        await context.close()


@asynccontextmanager
async def without_script(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(java_script_enabled=False, viewport=PHONE)  # type: ignore[arg-type]
    yield context
    await context.close()


@pytest.mark.anyio
async def test_everything_can_be_done_without_a_script(place: Place) -> None:
    paths = place.paths(place.send())
    service = place.app.subscriptions
    async with (
        chromium() as browser,
        served(place) as base,
        without_script(browser) as context,
    ):
        page = await context.new_page()
        await page.goto(base + paths["vote"])
        await page.click("text=Keep this")
        assert place.said() == "down"
        await page.check("text=Save")
        await page.click("text=Keep this")
        assert place.said() == "saved"
        await page.click("text=Undo")
        assert place.said() == "down"

        await page.goto(base + paths["pause"])
        await page.check("text=until a day")
        await page.fill("input[type=date]", "2026-12-01")
        await page.click("button:has-text('Pause')")
        assert service.get(ADA).paused_until is not None
        await page.click("text=Undo: go on now")
        assert service.get(ADA).paused_until is None

        await page.goto(base + paths["change"])
        await page.check("text=Sunday")
        await page.fill("#time", "21:15")
        await page.fill("#zone", "America/New_York")
        await page.select_option("#language", label="Deutsch")
        await page.click("text=Save changes")
        assert str(service.get(ADA).schedule).endswith("21:15 America/New_York")

        await page.goto(base + paths["all"])
        await page.click(".papers a")
        assert "/p/arxiv:2611.0000" in page.url
        async with page.expect_download() as download:
            await page.click("text=BibTeX")
        assert (await download.value).suggested_filename.endswith(".bib")

        await page.goto(base + paths["unsubscribe"])
        await page.click("text=Alle Übersichten abbestellen")
        assert service.get(ADA).state == "left"


@pytest.mark.anyio
async def test_one_without_a_script_has_less_changes_a_rule_and_undoes_both(place: Place) -> None:
    paths = place.paths(place.send())
    service, done = place.app.subscriptions, "It is as it was before."
    before = service.profiles(ADA)[0].rules
    async with (
        chromium() as browser,
        served(place) as base,
        without_script(browser) as context,
    ):
        page = await context.new_page()
        await page.goto(base + paths["unsubscribe"])
        await page.click("text=One digest a week")
        assert service.get(ADA).schedule.cadence == "weekly"
        await page.click("text=Undo")
        assert done in await page.inner_text("main")
        assert service.get(ADA).schedule.cadence == "daily"

        await page.goto(base + paths["unsubscribe"])
        await page.click("text=Stop all digests")
        assert service.get(ADA).state == "left"
        await page.click("text=Undo")
        assert done in await page.inner_text("main")
        assert service.get(ADA).state == "active"

        await page.goto(base + paths["vote"])
        await page.click("text=RAG ^2 only in titles")
        assert service.profiles(ADA)[0].rules == before.replace("RAG ^2", "title: RAG ^2")
        await page.click("form[action*=undo] button")
        assert done in await page.inner_text("main")
        assert service.profiles(ADA)[0].rules == before

        await page.goto(base + paths["unsubscribe"][:-1])
        await page.click("text=Have a link mailed to you")
        await page.fill("#address", ADA)
        await page.click("button:has-text('Mail me a link')")
        assert f"If digests go to {ADA}" in await page.inner_text("main")


@pytest.mark.anyio
async def test_one_without_a_script_subscribes_confirms_and_has_a_digest(tmp_path: Path) -> None:
    async with listening() as sink, chromium() as browser:
        place = Place(tmp_path, smtp_port=sink.port, sample=True)
        place.send()
        place.now = MORNING + timedelta(hours=1)
        async with served(place) as base, without_script(browser) as context:
            page = await context.new_page()
            await page.goto(f"{base}/")
            await page.fill("#rules", "RAG")
            await page.fill("#address", "bo@exmaple.org")
            await page.click("text=Subscribe")
            await page.fill("#address", "bo@example.org")
            await page.click("text=Send it there")
            assert "bo@example.org" in await page.inner_text("main")
            assert (await place.app.send_letters()).sent == 2
            mail = sink.received[-1]
            assert mail.recipient == "bo@example.org"
            joined = mail.content.replace(b"=\r\n", b"").decode("ascii").replace("=3D", "=")
            found = re.search(r"https://papers\.example\.org(/c/[\w.-]+)", joined)
            assert found
            await page.goto(base + found[1])
            assert "RAG" in await page.inner_text("pre")
            await page.click("main form button >> nth=0")
            assert "Confirmed" in await page.inner_text("h1")
            assert place.app.compose().made == 1
            assert (await place.app.deliver()).sent == 1
        assert sink.received[-1].recipient == "bo@example.org"
        assert b"List-Unsubscribe" in sink.received[-1].content
        place.app.close()
