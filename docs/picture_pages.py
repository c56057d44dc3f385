"""Pictures of the pages, made from a demo that runs: `picture_pages.py MAIL FOLDER`.

MAIL is a digest of that demo, as HTML: its links lead to the pages. Needs the system's Chromium.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from shutil import which
from urllib.parse import urljoin

from playwright.sync_api import Browser, Page, sync_playwright

WIDE, PHONE = 800, 390
RULES = "LLM agents\nRAG ^2\ntitle: mixture of experts\ngrahp neural network\n-survey"


def picture(page: Page, name: str, folder: Path, height: int) -> None:
    """Take the page's upper part, as much of it as there is."""
    page.wait_for_selector("main")
    whole = page.evaluate("Math.ceil(document.body.getBoundingClientRect().height)")
    width = page.viewport_size["width"] if page.viewport_size else WIDE
    page.set_viewport_size({"width": width, "height": min(whole, height)})
    for frame in page.query_selector_all("iframe"):  # it is painted when it is seen
        frame.scroll_into_view_if_needed()
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(500)
    page.screenshot(path=folder / f"{name}.png")


def opened(browser: Browser, url: str, *, width: int = WIDE, is_dark: bool = False) -> Page:
    """Open a page."""
    page = browser.new_page(
        viewport={"width": width, "height": 800}, color_scheme="dark" if is_dark else "light",
        locale="en", timezone_id="Europe/Berlin",
    )  # fmt: skip
    page.goto(url)
    return page


def tried(page: Page, rules: str) -> None:
    """Type rules, and wait for what they find."""
    page.fill("#rules", rules)
    page.wait_for_selector(".tried .count")


def main(mail: Path, folder: Path) -> None:
    """Take all pictures."""
    links = re.findall(r'href="(http://127\.0\.0\.1:\d+/[^"]+)"', mail.read_text("utf-8"))
    change, leave, digest = (
        next(one for one in links if part in one) for part in ("/m/", "/u/", "/d/")
    )
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        picture(opened(browser, urljoin(change, "/")), "page-first", folder, 1750)
        picture(opened(browser, urljoin(change, "/papers")), "page-papers", folder, 1185)
        page = opened(browser, change)
        picture(page, "page-own", folder, 1352)
        page.click("text=Change the rules")
        tried(page, RULES)
        picture(page, "page-profile", folder, 1380)
        page = opened(browser, digest, is_dark=True)
        page.locator(".card", has_text="LLM agents").get_by_text("Not for me").first.click()
        picture(page, "page-feedback-dark", folder, 1200)
        picture(opened(browser, leave, width=PHONE), "page-leaving-phone", folder, 844)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
