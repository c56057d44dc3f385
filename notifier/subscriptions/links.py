"""The addresses in a mail: what each one lets its reader do, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote

from notifier.subscriptions.tokens import Tokens
from notifier.subscriptions.undoing import KINDS, Undo

UNSUBSCRIBE, VOTE, PAUSE, CHANGE = "unsubscribe", "vote", "pause", "change"
CONFIRM, WAITING, UNDO = "confirm", "waiting", "undo"
PURPOSES = (UNSUBSCRIBE, VOTE, PAUSE, CHANGE, CONFIRM, WAITING, UNDO)
# Who reads an old mail, or got it passed on, may still leave; what else comes asks for a new link.
CHANGE_LIFE = timedelta(days=30)


class Links:
    """Builds the addresses of one instance."""

    def __init__(self, base_url: str, tokens: Tokens) -> None:
        """Build addresses that begin with `base_url`; a bare path gives those within a site."""
        self.base, self._tokens = base_url.rstrip("/"), tokens

    def unsubscribe(self, subscriber: int) -> str:
        """Where a subscriber leaves: a page, or at once by POST (RFC 8058)."""
        return f"{self.base}/u/{self._tokens.make(UNSUBSCRIBE, subscriber)}"

    def change(self, subscriber: int, at: datetime) -> str:
        """Where a subscriber changes when and what comes; it holds for a while from `at` (UTC)."""
        return f"{self.base}/m/{self._tokens.make_dated(CHANGE, subscriber, at)}"

    def week(self, subscriber: int, at: datetime) -> str:
        """Where a subscriber reads how their week was; it holds as long as `change`."""
        return f"{self.change(subscriber, at)}/week"

    def confirm(self, signup: int, at: datetime) -> str:
        """Where the address of a signup confirms it; it holds for a while from `at` (UTC)."""
        return f"{self.base}/c/{self._tokens.make_dated(CONFIRM, signup, at)}"

    def waiting(self, signup: int) -> str:
        """Where who asked sees that a mail is on its way, and has it sent again."""
        return f"{self.base}/s/{self._tokens.make(WAITING, signup)}"

    def pause(self, subscriber: int) -> str:
        """Where a subscriber pauses."""
        return f"{self.base}/pause/{self._tokens.make(PAUSE, subscriber)}"

    def undo(self, undo: Undo) -> str:
        """Where something that was just done is undone; never in a mail."""
        kind = KINDS.index(undo.kind)
        rows = undo.subscriber, kind, *undo.values
        return f"{self.base}/undo/{self._tokens.make_timed(UNDO, *rows, at=undo.made_at)}"

    def vote(self, subscriber: int, paper: int) -> str:
        """Where a subscriber says something of a paper."""
        return f"{self.base}/v/{self._tokens.make(VOTE, subscriber, paper)}"

    def choice(self, said: str) -> str:
        """The end of an address of `vote` where something is chosen already."""
        return f"?said={said}"

    def digest(self, key: str) -> str:
        """A digest as it was sent."""
        return f"{self.base}/d/{key}"

    def all_of(self, key: str) -> str:
        """All papers that matched for a digest."""
        return f"{self.base}/d/{key}/all"

    def post(self, page: str) -> str:
        """The papers that a channel got of a digest, and what else matched: nobody's own page."""
        return f"{self.base}/l/{page}"

    def feed(self, secret: str, ending: str) -> str:
        """A profile's feed, by its secret; `ending`: "atom" or "json"."""
        return f"{self.base}/feed/{secret}.{ending}"

    def shared(self, secret: str) -> str:
        """What a profile's owners share, by its secret."""
        return f"{self.base}/shared/{secret}"

    def saved_feed(self, secret: str, ending: str) -> str:
        """The feed of somebody's saved papers, by its secret; `ending`: "atom" or "json"."""
        return f"{self.base}/feed/saved/{secret}.{ending}"

    def paper(self, name: str) -> str:
        """A paper's page, by its id."""
        return f"{self.base}/p/{quote(name, safe=':/')}"

    def bibtex(self, name: str) -> str:
        """A paper's BibTeX entry."""
        return f"{self.paper(name)}.bib"

    def ris(self, name: str) -> str:
        """A paper's RIS record."""
        return f"{self.paper(name)}.ris"

    def csl(self, name: str) -> str:
        """A paper's item of CSL JSON."""
        return f"{self.paper(name)}.csl"
