"""An instance with a digest that was sent, and its pages behind a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from notifier.app import App
from notifier.config import Settings
from notifier.papers.paper import Entry
from notifier.profiles.profile import Schedule
from notifier.storage import store_digests, store_papers, store_subscribers, store_votes
from notifier.storage.store_deliveries import Outcome, claim, finish
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

from .builders import an_entry
from .databases import database_url

SIGNED_UP = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)  # 07:00 in Berlin, a Friday
HOSTILE = "<script>alert(1)</script> & \"quotes\" 'RAG'"
RULES = f"RAG ^2\n{HOSTILE}\n# <img src=x onerror=alert(2)>"
ADA = "ada@example.org"
OWN_SCRIPT = '<script src="/script.js" defer></script>'


def has_foreign_script(page: str) -> bool:
    """Whether a page has a script that is not our one."""
    return "<script" in page.replace(OWN_SCRIPT, "")


class Place:
    """Ada follows RAG, at most three papers; six came, so three found no room."""

    def __init__(
        self, folder: Path, *, smtp_port: int = 25, sample: bool = False, **site: Any
    ) -> None:
        settings = Settings(
            database={"url": database_url(folder)},
            mail={"from": "Papers <papers@example.org>"},
            digest={"sample": sample},
            smtp={"host": "127.0.0.1", "port": smtp_port},
            site={"public_url": "https://papers.example.org"} | site,
        )
        self.now = SIGNED_UP
        self.app = App(settings, clock=lambda: self.now)
        self.reader(ADA)

    def reader(self, address: str, rules: str = RULES, name: str = "<b>ml</b>") -> int:
        service = self.app.subscriptions
        berlin = Schedule("Europe/Berlin", 7, 0)
        service.request(address, now=self.now, schedule=berlin, max_papers=3)
        service.confirm(address, now=self.now, because="asked")
        service.add_profile(address, name, rules, now=self.now)
        return service.get(address).row

    def take(self, *entries: Entry, source: str = "arxiv") -> None:
        with self.app.database.writing() as conn:
            store_papers.take_in(conn, entries, source=source, now=self.now)

    def send(self) -> str:
        """Take six papers, make Ada's digest, record it as sent; return its key."""
        self.now = MORNING
        papers = [
            an_entry(
                n, f"RAG {n} {HOSTILE}", abstract=f"{HOSTILE} RAG.", categories=("cs.LG",),
                authors=(f"Ada {HOSTILE}", "B. Author"), published_at=MORNING,
            )
            for n in range(1, 7)
        ]  # fmt: skip
        self.take(*papers)
        self.take(replace(papers[0], signals={"upvotes": 7.0}), source="huggingface")
        self.app.compose()
        with self.app.database.writing() as conn:
            for one in claim(conn, owner="t", now=self.now, lease_until=self.now, limit=9):
                finish(conn, one.row, Outcome("sent"), owner="t", now=self.now)
        with self.app.database.reading() as conn:
            return store_digests.listed(conn)[0].key

    def change(self, address: str = ADA, **columns: Any) -> None:
        with self.app.database.writing() as conn:
            store_subscribers.change(conn, self.app.subscriptions.get(address).row, **columns)

    def said(self, subscriber: int = 1, paper: int = 1) -> str | None:
        with self.app.database.reading() as conn:
            return store_votes.said(conn, subscriber, paper)

    def mail(self, key: str) -> bytes:
        with self.app.database.reading() as conn:
            content = store_digests.content(conn, key)
        assert content is not None
        return content

    def paths(self, key: str) -> dict[str, str]:
        """The address of every page, within the site, by its name."""
        links = self.app.links
        urls = {
            "unsubscribe": links.unsubscribe(1),
            "vote": links.vote(1, 1) + links.choice("down"),
            "pause": links.pause(1),
            "change": links.change(1, self.now),
            "digest": links.digest(key),
            "text": links.digest(key) + "?text",
            "all": links.all_of(key),
            "paper": links.paper("arxiv:2611.00001"),
            "bibtex": links.bibtex("arxiv:2611.00001"),
            "ris": links.ris("arxiv:2611.00001"),
        }
        return {name: path(url) for name, url in urls.items()}

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        place = bound("127.0.0.1:0")
        base = f"http://127.0.0.1:{place.getsockname()[1]}"
        async with (
            serving(make_site(self.app), place),
            httpx.AsyncClient(base_url=base) as made,
        ):
            yield made


def path(url: str) -> str:
    """The part of an address behind its host."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Ada's instance, closed at the end."""
    made = Place(tmp_path)
    yield made
    made.app.close()
