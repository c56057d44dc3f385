"""What happened to papers that readers know: chosen for a digest, and said in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from notifier.digests.cards import LINE_CHARACTERS
from notifier.digests.excerpt import cut, one_line
from notifier.digests.view import News
from notifier.digests.words import counts
from notifier.jobs.edition import Links
from notifier.languages import Language
from notifier.papers.event import KINDS
from notifier.papers.paper import Paper
from notifier.profiles.profile import Subscriber
from notifier.storage import store_events, store_papers
from notifier.storage.store_events import Happened, Recent

# Told of in one digest; the rest comes with the next.
MOST_TOLD = 10
_ORDER = {kind: place for place, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Known:
    """An event, and the paper as it is now."""

    event: Happened
    paper: Paper


def happenings(
    conn: Connection, subscribers: Sequence[Subscriber], recent: Recent
) -> dict[int, list[Known]]:
    """Return by subscriber what their next digest tells of papers that they know, by kind.

    Args:
        recent: What happened of late; see `store_events.recent`.
    """
    untold = store_events.untold(conn, subscribers, recent)
    chosen = {
        subscriber: sorted(events, key=lambda one: (_ORDER[one.kind], one.at, one.row))[:MOST_TOLD]
        for subscriber, events in untold.items()
    }
    rows = {one.paper for events in chosen.values() for one in events}
    papers = {paper.row: paper for paper in store_papers.load(conn, rows)}
    return {
        subscriber: [Known(one, papers[one.paper]) for one in events if one.paper in papers]
        for subscriber, events in chosen.items()
    }


def told(known: Known, words: Language, subscriber: int, links: Links) -> News:
    """Return what a subscriber's digest says of an event, in a language."""
    title = cut(one_line(known.paper.title), LINE_CHARACTERS)
    what = cut(one_line(what_happened(known.event, known.paper, words)), LINE_CHARACTERS)
    less = links.vote(subscriber, known.paper.row) + links.choice("down")
    return News(title, links.paper(known.paper.id), what, less)


def what_happened(event: Happened, paper: Paper, words: Language) -> str:
    """Return an event in words."""
    match event.kind:
        case "version":
            return words.gettext("new version: v%(number)s", number=event.value)
        case "withdrawn":
            return words.gettext("withdrawn")
        case "published":
            return words.gettext("published: %(where)s", where=event.detail)
        case "code":
            return words.gettext("code: %(address)s", address=event.detail)
    told = counts(paper, words)
    if not told:
        return words.gettext("talked about")
    return words.gettext("talked about: %(counts)s", counts=told)
