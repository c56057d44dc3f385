"""Every address that a mail or a page leads to.

Pure. Each link of a subscriber carries a token for its one purpose, so that a mail that was passed
on gives away no more than that. The same values give the same address.
"""

from __future__ import annotations

from urllib.parse import quote

from notifier.storage.store_votes import Kind
from notifier.subscriptions.tokens import Tokens

UNSUBSCRIBE, VOTE, PAUSE, CHANGE = "unsubscribe", "vote", "pause", "change"


class Links:
    """The addresses of one instance."""

    def __init__(self, base_url: str, tokens: Tokens) -> None:
        """Build addresses that begin with `base_url`; a bare path gives addresses within a site."""
        self.base = base_url.rstrip("/")
        self._tokens = tokens

    def unsubscribe(self, row: int) -> str:
        """Return where a subscriber leaves (RFC 8058 POST, or a page)."""
        return f"{self.base}/u/{self._tokens.make(UNSUBSCRIBE, row)}"

    def vote(self, row: int, paper: int, said: Kind) -> str:
        """Return where a subscriber says something of a paper; both by their rows."""
        return f"{self.base}/v/{self._tokens.make_pair(VOTE, row, paper)}?said={said}"

    def pause(self, row: int) -> str:
        """Return where a subscriber pauses and resumes."""
        return f"{self.base}/pause/{self._tokens.make(PAUSE, row)}"

    def change(self, row: int) -> str:
        """Return where a subscriber changes what they get, and when."""
        return f"{self.base}/m/{self._tokens.make(CHANGE, row)}"

    def digest(self, key: str) -> str:
        """Return where a digest can be read as it was sent."""
        return f"{self.base}/d/{key}"

    def all_of(self, key: str) -> str:
        """Return where all papers stand that matched for a digest."""
        return f"{self.digest(key)}/all"

    def paper(self, id_: str) -> str:
        """Return where a paper is shown, by its id as in `arxiv:2508.13426`."""
        return f"{self.base}/p/{quote(id_, safe=':/')}"

    def bibtex(self, id_: str) -> str:
        """Return where a paper's BibTeX entry is."""
        return f"{self.paper(id_)}.bib"

    def ris(self, id_: str) -> str:
        """Return where a paper's RIS record is."""
        return f"{self.paper(id_)}.ris"
