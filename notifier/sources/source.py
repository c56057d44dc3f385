"""What every source can do: say what to ask, and read what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol, get_args, runtime_checkable

from notifier.papers.paper import Batch
from notifier.sources.rhythm import Rhythm

Kind = Literal[
    "arxiv", "huggingface", "biorxiv", "medrxiv", "pubmed", "feed", "listing", "arxiv-authors"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
WHOLE = ("",)  # the one part of a source that has no parts


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to ask of a source.

    `parts` are what the answer speaks for (arXiv's categories; else `WHOLE`). `since` is the time
    from which the answer tells what was announced; None: only what is announced now. `instead`
    is asked when the service refuses this one (`when="refused"`: a 4xx that will stay one), or
    when it fails in whatever way. `pages`: further pages are where the answer's
    `Link: rel="next"` says (RFC 8288). `announces` is false for an answer that shows papers
    whenever they were announced: single ones, or what is trending.
    """

    url: str
    parts: tuple[str, ...] = WHOLE
    since: datetime | None = None
    instead: tuple[Request, ...] = ()
    when: Literal["refused", "failed"] = "refused"
    pages: bool = False
    announces: bool = True


NOTHING_ASKED = Request("")  # for an answer that came as a file


class Source(Protocol):
    """A place where papers are announced."""

    @property
    def name(self) -> str:
        """The source's name in configuration, sightings and `source:` rules."""

    @property
    def kind(self) -> Kind:
        """Which adapter reads it."""

    @property
    def rhythm(self) -> Rhythm:
        """When new papers are expected."""

    @property
    def window(self) -> timedelta | None:
        """How far back every round reads; None: what is shown now is all there is."""

    @property
    def replay(self) -> timedelta | None:
        """How far back is read again by another route once a batch, and whenever the first route
        shows nothing new; None: there is no other route."""

    def requests(self, *, now: datetime, since: datetime | None = None) -> list[Request]:
        """Return what to ask: what is announced now, or (with `since`) everything since then.

        Args:
            now, since: Aware UTC. A source that keeps no history asks the same for any `since`.
        """

    def read(self, body: bytes, *, now: datetime, asked: Request = NOTHING_ASKED) -> Batch:
        """Return the entries of one answer, the problems of those that could not be read, and the
        addresses of what must be asked next.

        Raises:
            SourceError: the answer as a whole is not what this source gives.
        """


@runtime_checkable
class TakesTurns(Protocol):
    """A source that may have more parts than a round asks: the one asked longest ago comes first.

    A part that the service does not know is a reader's mistake, and no failure of the source.
    """

    def asked(self, part: str, known: bool) -> None:
        """Note that a part was asked, and answered or is not known to the service."""


@runtime_checkable
class LooksUp(Protocol):
    """A source that describes single papers by their ids."""

    @property
    def scheme(self) -> str:
        """Of the ids, as in `identity.Alias`."""

    def lookup(self, ids: Sequence[str]) -> list[Request]:
        """Return what to ask about these papers; nothing for no ids."""
