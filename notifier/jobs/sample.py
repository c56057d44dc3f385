"""A digest as anybody may see it: made like any, of the papers of the last days, for nobody.

Its links to change something lead to one page that says so: they carry no right to anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from notifier.digests.excerpt import cut
from notifier.digests.view import PROFILE_CHARACTERS
from notifier.jobs.edition import NOTHING_MISSING, ComposeSettings, Links
from notifier.jobs.picking import Desk
from notifier.jobs.talk import talk
from notifier.jobs.writing import Writer
from notifier.profiles.profile import Profile, Schedule, Subscriber
from notifier.storage import store_news
from notifier.storage.store_matches import Match

DAYS = timedelta(days=7)
MOST_PAPERS = 5
# None has this row, and nothing is stored under it.
NOBODY = 0
ADDRESS = "you@example.org"

Found = Callable[[Connection, Sequence[Profile], datetime], Sequence[Match]]


@dataclass(frozen=True, slots=True)
class SampleLinks:
    """Leads everywhere to `about`, but for what anybody may see of a paper."""

    about: str
    real: Links

    def unsubscribe(self, subscriber: int) -> str:
        return self.about

    def change(self, subscriber: int, at: datetime) -> str:
        return self.about

    def pause(self, subscriber: int) -> str:
        return self.about

    def digest(self, key: str) -> str:
        return self.about

    def all_of(self, key: str) -> str:
        return self.about

    def post(self, page: str) -> str:
        return self.about

    def vote(self, subscriber: int, paper: int) -> str:
        return self.about

    def choice(self, said: str) -> str:
        return ""

    def week(self, subscriber: int, at: datetime) -> str:
        return self.about

    def bibtex(self, paper: str) -> str:
        return self.real.bibtex(paper)

    def paper(self, name: str) -> str:
        return self.real.paper(name)


def sample(
    conn: Connection,
    rules: str,
    settings: ComposeSettings,
    found: Found,
    *,
    schedule: Schedule,
    language: str,
    about: str,
    now: datetime,
) -> bytes:
    """Return the mail of a sample digest, b"" when no paper of the last days fits.

    Args:
        found: Finds the matches of profiles.
        about: Where its links lead.
        now: Aware UTC.
    """
    reader = Subscriber(
        NOBODY, ADDRESS, "active", schedule, MOST_PAPERS,
        seen=store_news.arrival(conn, before=now - DAYS), created_at=now, language=language,
    )  # fmt: skip
    name = cut(rules.splitlines()[0], PROFILE_CHARACTERS)
    profile = Profile(NOBODY, NOBODY, name, rules, enabled=True, matched=True, changed_at=now)
    desk = Desk(
        conn, [reader], talk(conn, now=now), order=settings.order, lookback=settings.lookback,
        matches=found(conn, [profile], now), profiles=[profile],
    )  # fmt: skip
    own = replace(
        settings,
        links=SampleLinks(about, settings.links),
        sample=False,
        bounce_address="",
        sign=lambda mail, at: mail,
    )
    made = Writer(own).digest(reader, desk.pick(reader), NOTHING_MISSING, now=now)
    return made.content if made.papers else b""
