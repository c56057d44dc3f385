"""The steps of a day as `notifier run` takes them, one by one: what `scale.py` measures.

All that depends on how the product does it stands here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from scale_database import NOW

from notifier.app import App, opened
from notifier.config import Settings
from notifier.jobs import fixing, planning
from notifier.jobs.composed import Composed
from notifier.jobs.match import Matched
from notifier.storage import store_profiles


@contextmanager
def instance(url: str, *, keep: int, port: int) -> Iterator[App]:
    """Yield an instance on a database, whose mails go to a port of this machine."""
    settings = Settings(
        database={"url": url},
        matching={"keep": keep},
        mail={"from": "Paper notifier <papers@papers.example.org>", "connections": 4},
        smtp={"host": "127.0.0.1", "port": port, "security": "none"},
    )
    with opened(settings, clock=lambda: NOW) as app:
        yield app


def load(app: App) -> None:
    """Take all profiles in, or those that have changed."""
    with app.database.reading() as conn:
        app.matchers.of()._index.follow(conn)


def forget(app: App) -> None:
    """Let go of what the process knows of profiles, as one that has just started."""
    del app.__dict__["matchers"]


def change(app: App, row: int) -> None:
    """A reader changes the rules of a profile."""
    with app.database.writing() as conn:
        profile = store_profiles.of(conn, [row])[0]
        rules = profile.rules + "a rule that is new\n"
        store_profiles.set_rules(conn, row, profile.name, rules, now=NOW)


def match(app: App) -> Matched:
    """Match the day's papers with all profiles, and keep what is found."""
    return app.matchers.run()


def plan(app: App) -> int:
    """Plan all digests that are due, and return how many."""
    return len(planning.plan(app.database, app.compose_settings, now=NOW).rows)


def write(app: App, many: int) -> Composed:
    """Write so many digests of those that are due."""
    own = app.compose_settings
    return fixing.write(app.database, own, now=NOW, limit=many, owner=own.owner)


def send(app: App) -> int:
    """Send what is written; return how many mails the server took."""
    return asyncio.run(app.deliver()).sent
