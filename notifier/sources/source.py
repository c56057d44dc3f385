"""What every source can do: say what to fetch, and read what came."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

from notifier.papers.paper import Batch

Kind = Literal["arxiv", "huggingface", "feed"]
KINDS: tuple[Kind, ...] = ("arxiv", "huggingface", "feed")


class Source(Protocol):
    """A place where papers are announced."""

    @property
    def name(self) -> str:
        """The source's name in configuration, sightings and `source:` rules."""

    @property
    def kind(self) -> Kind:
        """Which adapter reads it."""

    def addresses(self, *, now: datetime) -> list[str]:
        """Return the URLs to fetch now (aware UTC), the oldest day first."""

    def read(self, body: bytes, *, now: datetime) -> Batch:
        """Return the entries of one answer, and the problems of those that could not be read.

        Raises:
            SourceError: the answer as a whole is not what this source gives.
        """
