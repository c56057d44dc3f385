"""Mail servers open every link of a mail before a person does, in a real browser: nothing moves."""

from __future__ import annotations

import email.policy
import re
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.async_api import Browser

from notifier.profiles.profile import Schedule
from notifier.storage.store_signups import Wish
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

from .pages import Place
from .test_pages_browser import chromium
from .test_promises import dump

URL = re.compile(r"https?://[^\s\"'<>]+")
FILES = (".bib", ".ris", ".csl", ".toml", ".css", ".json", ".atom", ".svg")
HREF = re.compile(r"href=\"([^\"]+)\"")


def links_of(mail: bytes) -> set[str]:
    """Every address in a mail: in its headers, its text and its HTML."""
    parsed = BytesParser(_class=EmailMessage, policy=email.policy.default).parsebytes(mail)
    texts = [str(value) for value in parsed.values()]
    texts += [part.get_content() for part in parsed.walk() if not part.is_multipart()]
    return {url.replace("&amp;", "&") for text in texts for url in URL.findall(text)}


def letter(place: Place) -> set[str]:
    """The links of the letter that asks somebody to confirm."""
    wish = Wish("bo@example.org", "RAG", Schedule("UTC", 7, 0), "en")
    place.app.served.signups.ask(wish, host="", now=place.now)
    with place.app.database.reading() as conn:
        return links_of(conn.exec_driver_sql("SELECT content FROM letter").scalar_one())


async def crawl(browser: Browser, start: set[str], base: str, *, scripts: bool) -> dict[str, int]:
    """Open all links of this site, and those of the pages they lead to; their status."""
    context = await browser.new_context(java_script_enabled=scripts, accept_downloads=True)
    seen: dict[str, int] = {}
    waiting = {url for url in start if url.startswith(base)}
    page = await context.new_page()
    while waiting:
        url = waiting.pop()
        path = urlsplit(url).path
        if path.endswith(FILES):  # fetched, not shown
            seen[url] = (await context.request.get(url)).status
            continue
        answer = await page.goto(url, wait_until="load")
        assert answer is not None
        seen[url] = answer.status
        hrefs = HREF.findall(await page.content())
        found = {urljoin(url, href).partition("#")[0] for href in hrefs}
        waiting |= {one for one in found if one.startswith(base)} - set(seen)
    await context.close()
    return seen


@pytest.mark.anyio
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
async def test_a_scanner_that_opens_every_link_changes_nothing(
    tmp_path: Path, scripts: bool
) -> None:
    listening = bound("127.0.0.1:0")
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    place = Place(tmp_path, public_url=base)
    links = links_of(place.mail(place.send()))
    links |= {f"{base}/"} | letter(place)
    before = dump(place.app.database)
    async with chromium() as browser, serving(make_site(place.app), listening):
        seen = await crawl(browser, links, base, scripts=scripts)
    assert {url: status for url, status in seen.items() if status != 200} == {}
    kinds = {urlsplit(url).path.split("/")[1] for url in seen}
    assert {"u", "v", "m", "pause", "d", "p", "c", "link", ""} <= kinds
    assert len(seen) >= 20
    assert dump(place.app.database) == before
    place.app.close()
