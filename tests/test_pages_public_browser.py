"""Pages for anybody in a real browser: usable by everyone, and a hostile paper is only text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from .pages import HOSTILE, MORNING, Place
from .test_pages_browser import DESK, PHONE, chromium, served, trouble, without_script

PAGES = {
    "first": "/",
    "filled": f"/?rules={quote(HOSTILE)}%0ARAG",
    "day": "/papers",
    "field": "/papers/2026-11-20?field=cs.LG",
    "week": "/papers/2026-W47",
    "no day": "/papers/2026-11-21",
    "found": "/papers?q=RAG",
    "lines": "/papers?q=RAG%0Aquotes",
    "nothing found": "/papers?q=nonsense",
    "wrong": f"/papers?q=titel:%20{quote(HOSTILE)}",
    "status": "/status",
    "privacy": "/privacy",
    "sample link": "/sample/link",
    "paper": "/p/arxiv:2611.00001",
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An instance with six hostile papers, of which its sample is."""
    made = Place(tmp_path, sample_rules="RAG", contact=f"ada@lab.example {HOSTILE}")
    made.send()
    yield made
    made.app.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("colors", "size", "code"),
    [("light", DESK, "en"), ("dark", PHONE, "de")],
    ids=["light-desk-en", "dark-phone-de"],
)
async def test_every_page_for_anybody_is_usable_by_everyone_and_runs_nothing(
    place: Place, colors: Any, size: Any, code: str
) -> None:
    found: dict[str, list[str]] = {}
    said: list[str] = []
    async with chromium() as browser, served(place) as base:
        context = await browser.new_context(color_scheme=colors, viewport=size, locale=code)
        page = await context.new_page()
        page.on("dialog", lambda dialog: said.append(f"a script ran: {dialog.message}"))
        page.on("console", lambda message: said.append(message.text))
        for name, address in PAGES.items():
            await page.goto(base + address)
            assert await page.get_attribute("html", "lang") == code
            if problems := await trouble(page, ()):
                found[name] = problems
            assert await page.locator("script:not([src]), img").count() == 0
        await context.close()
    # The sample may run no script, so axe cannot look into its frame: mails have their own test.
    blocked = [one for one in said if "script ran" in one or "Content Security Policy" in one]
    assert found == {}
    assert blocked == []


@pytest.mark.anyio
async def test_somebody_with_a_keyboard_and_no_script_gets_from_a_search_to_a_subscription(
    place: Place,
) -> None:
    place.now = MORNING
    async with (
        chromium() as browser,
        served(place) as base,
        without_script(browser) as context,
    ):
        page = await context.new_page()
        await page.goto(f"{base}/papers")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
        await page.keyboard.press("Enter")
        await page.wait_for_url("**#content")
        await page.keyboard.press("Tab")
        inside = "document.querySelector('main').contains(document.activeElement)"
        assert await page.evaluate(inside)
        await page.fill("#q", "RAG + quotes")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        assert "6 of 6 papers fit" in await page.inner_text("main")
        assert await page.locator("mark").count() >= 12
        await page.click("text=Get this by mail")
        assert await page.input_value("#rules") == "RAG + quotes"
        frame = page.frame_locator("iframe.sample")
        assert "papers for you" in await frame.locator("h1").inner_text()
        leaving = frame.locator("text=Unsubscribe")
        assert await leaving.get_attribute("href") == "https://papers.example.org/sample/link"
        async with context.expect_page():  # beside the page, not within the frame
            await leaving.click()
