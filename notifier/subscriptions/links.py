"""The addresses in a mail: what each one lets its reader do, and nothing else."""

from __future__ import annotations

from urllib.parse import quote

from notifier.subscriptions.tokens import Tokens


class Links:
    """Builds the addresses of one instance."""

    def __init__(self, base_url: str, tokens: Tokens) -> None:
        self._base, self._tokens = base_url.rstrip("/"), tokens

    def unsubscribe(self, subscriber: int) -> str:
        """Where a subscriber leaves: a page, or at once by POST (RFC 8058)."""
        return f"{self._base}/u/{self._tokens.make('unsubscribe', subscriber)}"

    def change(self, subscriber: int) -> str:
        """Where a subscriber changes when and what comes."""
        return f"{self._base}/m/{self._tokens.make('change', subscriber)}"

    def pause(self, subscriber: int) -> str:
        """Where a subscriber pauses."""
        return f"{self._base}/pause/{self._tokens.make('pause', subscriber)}"

    def vote(self, subscriber: int, paper: int, said: str = "") -> str:
        """Where a subscriber says something of a paper; `said` is what is chosen there already."""
        address = f"{self._base}/v/{self._tokens.make('vote', subscriber, paper)}"
        return f"{address}?said={said}" if said else address

    def digest(self, key: str) -> str:
        """A digest as it was sent."""
        return f"{self._base}/d/{key}"

    def all_of(self, key: str) -> str:
        """All papers that matched for a digest."""
        return f"{self._base}/d/{key}/all"

    def paper(self, name: str) -> str:
        """A paper's page, by its id."""
        return f"{self._base}/p/{quote(name, safe=':/')}"

    def bibtex(self, name: str) -> str:
        """A paper's BibTeX entry."""
        return f"{self.paper(name)}.bib"
