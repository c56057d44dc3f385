"""Somebody with a browser and a mailbox, and an instance behind a real server and mail server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page

from notifier.web.serving import bound, serving
from notifier.web.site import make_site

from .pages import ADA, Place
from .sink import Sink, listening
from .test_pages_browser import DESK, PHONE, trouble

BO = "bo@example.org"


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody browses."""

    name: str
    has_script: bool = True
    size: Any = field(default_factory=lambda: DESK)
    colors: Any = "light"


WAYS = (
    Way("with the script"),
    Way("without a script, on a phone", has_script=False, size=PHONE, colors="dark"),
)


@dataclass(slots=True)
class Person:
    """Bo. Where scripts may not run, axe looks at the same page in `mirror`."""

    place: Place
    sink: Sink
    page: Page
    mirror: Page
    way: Way
    folder: Path
    trouble: dict[str, list[str]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    async def look(self, what: str) -> str:
        """Look at the page with axe, once at each; return its text."""
        content = await self.page.content()
        if content not in self.seen:
            self.seen.append(content)
            if found := await trouble(await self._where_axe_runs(content), ()):
                self.trouble[f"{len(self.seen)}: {what}"] = found
        return await self.page.inner_text("main, [role=main]")

    async def _where_axe_runs(self, content: str) -> Page:
        if self.way.has_script:
            return self.page
        is_mail = not await self.page.locator("main").count()
        site = self.place.app.settings.site.public_url
        await self.mirror.goto(self.page.url if is_mail else f"{site}/healthz")
        if not is_mail:
            await self.mirror.set_content(content)
        return self.mirror

    async def click(self, words: str, what: str = "") -> str:
        """Press the button or follow the link of these words; return the text it leads to."""
        button = self.page.get_by_role("button", name=words)
        await button.or_(self.page.get_by_role("link", name=words)).first.click()
        return await self.look(what or words)

    async def say(self, words: str, paper: str) -> str:
        """Follow a link below a paper of a digest."""
        card = self.page.locator(".card", has=self.page.get_by_text(paper))
        await card.get_by_role("link", name=words).click()
        return await self.look(words)

    async def fill_rules(self, rules: str) -> None:
        """Type rules, and wait for what they find; without a script, ask."""
        await self.page.fill("#rules", rules)
        if not self.way.has_script:
            await self.page.click("text=Try it")
        await self.page.wait_for_selector(".tried .count")
        await self.look("rules tried")

    @property
    def mails(self) -> list[EmailMessage]:
        """What came to Bo, in order."""
        return [
            message_from_bytes(one.content, policy=policy.default)
            for one in self.sink.received
            if one.recipient == BO
        ]

    def papers(self, titles: list[str]) -> list[str]:
        """Which of these titles the newest mail has, in its order."""
        part = self.mails[-1].get_body(("plain",))
        assert part is not None
        text = part.get_content()
        return sorted((title for title in titles if title in text), key=text.index)

    async def open_mail(self) -> str:
        """Open the newest mail, as a mail program shows it."""
        part = self.mails[-1].get_body(("html",))
        assert part is not None
        shown = self.folder / "mail.html"
        shown.write_text(part.get_content(), "utf-8")
        await self.page.goto(shown.as_uri())
        return await self.look("mail")

    async def mails_at(self, now: datetime) -> int:
        """Let the program do what is due at a time; return how many mails came of it."""
        before, self.place.now = len(self.mails), now
        await self.place.app.tick()
        return len(self.mails) - before


@asynccontextmanager
async def a_person(browser: Browser, way: Way, folder: Path) -> AsyncIterator[Person]:
    """Yield Bo at an instance that knows nobody yet."""
    door = bound("127.0.0.1:0")
    base = f"http://127.0.0.1:{door.getsockname()[1]}"
    looks: Any = {"viewport": way.size, "color_scheme": way.colors}
    own = await browser.new_context(
        **looks, java_script_enabled=way.has_script, base_url=base, locale="en",
        timezone_id="Europe/Berlin",
    )  # fmt: skip
    own.set_default_timeout(10_000)
    looking = await browser.new_context(**looks)
    async with listening() as sink:
        place = Place(folder, smtp_port=sink.port, sample=True, public_url=base)
        place.app.subscriptions.remove(ADA)
        async with serving(make_site(place.app), door):
            yield Person(place, sink, await own.new_page(), await looking.new_page(), way, folder)
        place.app.close()
    await own.close()
    await looking.close()
