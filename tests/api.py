"""An instance with its API behind a real server, and keys of every kind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from notifier.config import Settings
from notifier.storage.store_attempts import Outcome
from notifier.storage.store_deliveries import claim, finish
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

from .builders import an_entry
from .pages import Place

API = "/api/v1"


def a_key(place: Place, *scopes: str, expires_at: datetime | None = None) -> str:
    """The text of a new key."""
    wanted = scopes or ("admin",)
    return place.app.served.api_keys.add("test", wanted, now=place.now, expires_at=expires_at)[1]


def bearer(key: str, **more: str) -> dict[str, str]:
    """The headers of a request with a key."""
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return {"Authorization": f"Bearer {key}"} | named


def follow(place: Place, *names: str) -> None:
    """Let a place that has asked nobody yet have sources of these names."""
    rows: Any = [{"name": name, "kind": "arxiv", "categories": ["cs.CL"]} for name in names]
    sources = Settings(source=rows).source
    place.app.settings = place.app.settings.model_copy(update={"source": sources})


def fail(place: Place, reply: str = "550 5.1.1 no such user") -> str:
    """Make a digest that the server refuses; return its key."""
    place.now += timedelta(days=3)  # a Monday
    place.take(an_entry(90, "RAG again", published_at=place.now))
    place.app.compose()
    with place.app.database.writing() as conn:
        (one,) = claim(conn, owner="t", now=place.now, lease_until=place.now, limit=9)
        code, enhanced, words = reply.split(" ", 2)
        refused = Outcome("failed", "rcpt", int(code), enhanced, words)
        finish(conn, one.row, refused, owner="t", now=place.now)
    return one.digest


@contextmanager
def in_a_thread(app: Any) -> Iterator[str]:
    """Serve an instance from a thread of its own, and yield its address."""
    listening = bound("127.0.0.1:0")
    listening.listen()  # so that who comes early waits
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def serve() -> None:
        async with serving(make_site(app), listening):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(20)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def many(folder: Path, subscribers: int) -> Place:
    """An instance with a digest sent, one refused, and so many subscribers."""
    place = Place(folder)
    place.send()
    fail(place)
    for number in range(subscribers):
        place.app.subscriptions.request(f"s{number}@example.org", now=place.now)
    return place
