"""A day's papers, of our own making, as three sources show them; and who follows what.

Each paper is about one of some topics, a word that stands in no other. arXiv announces most of
them at once, in the early morning (UTC); a journal's feed and Daily Papers grow through the day,
and the latter also gives upvotes to what arXiv announced.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.builders import atom, daily_papers

DAY = datetime(2026, 11, 20, tzinfo=UTC)  # a Friday
ANNOUNCED_AT = DAY + timedelta(hours=1)
TOPICS = tuple(
    begin + end
    for begin in ("brom", "cald", "drov", "fler", "gant")
    for end in ("aeline", "omine", "istine", "urine")
)
_ARXIV, _JOURNAL, _DAILY = 120, 40, 40  # a journal's and Daily Papers' own come one by one
_FIRST, _LAST = DAY + timedelta(minutes=20), DAY + timedelta(hours=22)


@dataclass(frozen=True, slots=True)
class News:
    """A paper: its arXiv number, its topic, and from when on its source shows it."""

    number: str
    topic: str
    source: str
    since: datetime

    @property
    def title(self) -> str:
        """A title that no other paper has, short enough for one line of a mail."""
        return f"On {self.topic} lattices, part {self.number[-4:]}"


def papers() -> list[News]:
    """Return all papers of the day."""
    found = [_news(n, "arxiv", ANNOUNCED_AT) for n in range(_ARXIV)]
    for source, first, count in (("journal", 1000, _JOURNAL), ("daily", 2000, _DAILY)):
        step = (_LAST - _FIRST) / count
        found += [_news(first + n, source, _FIRST + n * step) for n in range(count)]
    return found


def _news(number: int, source: str, since: datetime) -> News:
    return News(f"2611.1{number:04d}", TOPICS[number % len(TOPICS)], source, since)


def publish(folder: Path, now: datetime) -> None:
    """Write what each source shows at a moment; a file changes whole, or not at all."""
    shown = [one for one in papers() if one.since <= now]
    arxiv = [_entry(one) for one in shown if one.source == "arxiv"]
    daily = [one for one in shown if one.source == "daily" or one.number.endswith("7")]
    journal = [one for one in shown if one.source == "journal"]
    bodies = {
        "arxiv": atom(arxiv),
        "daily": daily_papers(_daily(one, now) for one in daily),
        "journal": _feed(journal),
    }
    for name, body in bodies.items():
        _replace(folder / name, body, now)


def _replace(path: Path, body: bytes, now: datetime) -> None:
    if path.exists() and path.read_bytes() == body:
        return
    beside = path.with_name(f".{path.name}-{os.getpid()}")
    beside.write_bytes(body)
    os.utime(beside, (now.timestamp(), now.timestamp()))  # what Last-Modified says
    beside.replace(path)


def _entry(one: News) -> dict[str, Any]:
    return {"id": one.number, "title": one.title, "abstract": f"We look at {one.topic} again."}


def _daily(one: News, now: datetime) -> dict[str, Any]:
    return {
        "id": one.number, "title": one.title, "summary": f"About {one.topic} once more.",
        "publishedAt": one.since.isoformat(), "upvotes": (now - one.since) // timedelta(hours=2),
    }  # fmt: skip


def _feed(shown: list[News]) -> bytes:
    items = "".join(
        f"<item><title>{one.title}</title><link>https://journal.example/{one.number}</link>"
        f"<guid>https://journal.example/{one.number}</guid>"
        f"<pubDate>{one.since:%a, %d %b %Y %H:%M:%S} GMT</pubDate>"
        f"<description>More about {one.topic}, for all who asked.</description></item>"
        for one in shown
    )
    return (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>Journal</title>'
        f"<link>https://journal.example/</link><description>d</description>{items}</channel></rss>"
    ).encode()


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Yield the address at which a folder's files are served, by a process of its own."""
    command = ("-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder))
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().split()[5]}"
        finally:
            server.kill()
