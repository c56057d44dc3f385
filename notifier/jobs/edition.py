"""How digests are made: the settings, where links lead, and how the sources are meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from notifier.delivery import verp
from notifier.digests import cadence
from notifier.digests.render import Templates
from notifier.digests.view import Service
from notifier.jobs.picking import Picked
from notifier.jobs.posts import NO_POSTS, PostSettings
from notifier.profiles.profile import Subscriber
from notifier.ranking.order import OrderSettings


class Links(Protocol):
    """The addresses in a mail: of a subscriber, a digest by its key, a paper by row or id."""

    def unsubscribe(self, subscriber: int) -> str: ...
    def change(self, subscriber: int, at: datetime) -> str: ...
    def pause(self, subscriber: int) -> str: ...
    def digest(self, key: str) -> str: ...
    def all_of(self, key: str) -> str: ...
    def vote(self, subscriber: int, paper: int) -> str: ...
    def choice(self, said: str) -> str: ...
    def bibtex(self, paper: str) -> str: ...
    def paper(self, name: str) -> str: ...
    def week(self, subscriber: int, at: datetime) -> str: ...
    def post(self, page: str) -> str: ...


def _unsigned(mail: bytes, at: datetime) -> bytes:
    return mail


@dataclass(frozen=True, slots=True)
class ComposeSettings:
    """How digests are made; see the [digest], [ranking] and [delivery] tables.

    `sign` gets a mail and the moment it is made, and returns it as it is kept and sent.
    `spread_minutes`: see `cadence.behind`. `owner` names this process in claims of mails.
    """

    service: Service
    sender: str
    reply_to: str
    list_id: str
    abstract_characters: int
    lookback: timedelta
    order: OrderSettings
    daily_life: timedelta
    weekly_life: timedelta
    secret: bytes
    links: Links
    templates: Templates
    sample: bool = True
    holds_doubtful: bool = False
    owner: str = ""
    wait: timedelta = timedelta(0)
    spread_minutes: int = 0
    sign: Callable[[bytes, datetime], bytes] = _unsigned
    bounce_address: str = ""
    posts: PostSettings = NO_POSTS

    def gives_sample(self, picked: Picked) -> bool:
        """Return whether what was picked is a subscriber's first look."""
        return self.sample and picked.is_first

    def planned(self, subscriber: Subscriber, after: datetime) -> datetime:
        """Return when a subscriber's first digest whose time is after `after` is due."""
        return cadence.planned(
            subscriber.schedule,
            after,
            subscriber=subscriber.row,
            spread_minutes=self.spread_minutes,
        )

    def unsubscribe_address(self, subscriber: int) -> str:
        """Return where a subscriber leaves by mail; "" where no mail comes back to us."""
        if not self.bounce_address:
            return ""
        token = verp.make(self.secret, verp.UNSUBSCRIBE, subscriber)
        return verp.address(verp.UNSUBSCRIBE, token, self.bounce_address)


@dataclass(frozen=True, slots=True)
class Outlook:
    """How the sources are while digests are made.

    `waits` is true when papers that are due are not here yet: a digest waits for them for
    `ComposeSettings.wait` after its time. `notes` say in words what was missing, `sources` names
    all that are read.
    """

    waits: bool = False
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


NOTHING_MISSING = Outlook()
