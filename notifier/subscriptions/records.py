"""All that is kept about a subscriber, to be read and taken along (GDPR, articles 15 and 20)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from notifier.profiles.profile import DAY_NAMES, Schedule, Subscriber
from notifier.storage import (
    own_rows,
    store_bounces,
    store_channels,
    store_digests,
    store_events,
    store_feeds,
    store_letters,
    store_papers,
    store_posts,
    store_profiles,
    store_saved,
    store_signups,
    store_subscribers,
    store_votes,
)
from notifier.storage.database import Database
from notifier.subscriptions import channels

FORMAT = "notifier export 1"
_ALL = 1_000_000
_AT_ONCE = 200
# Tables whose rows stand here as what they mean. `planned`: that the next digest is being made.
_TOLD = frozenset(
    ("subscriber", "profile", "feed", "saved_feed", "vote", "digest", "digest_paper", "delivery",
     "message", "channel", "channel_profile", "post", "bounce", "planned", "profile_match", "told")
)  # fmt: skip


class Records:
    """The service behind the export of a subscriber."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def everything(self, subscriber: Subscriber, *, now: datetime) -> dict[str, Any]:
        """Return all that is kept, ready for JSON: times in ISO 8601 with their zone.

        Left out are the mails' bytes (each digest can be read at its own address) and what belongs
        to nobody: papers, and limits under names that tell no address. Channels are shown cut.
        """
        with self._database.reading() as conn:
            return _everything(conn, subscriber, now)

    def count(self) -> int:
        """Return how many subscribers there are."""
        with self._database.reading() as conn:
            return sum(store_subscribers.counts(conn).values())

    def every(self, *, now: datetime) -> Iterator[dict[str, Any]]:
        """Yield the same of all subscribers, oldest first, some at a time, as of one moment."""
        last = 0
        with self._database.reading() as conn:
            while some := store_subscribers.some(conn, last, limit=_AT_ONCE):
                yield from (_everything(conn, subscriber, now) for subscriber in some)
                last = some[-1].row


def _everything(conn: Connection, subscriber: Subscriber, now: datetime) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "exported_at": now.isoformat(),
        "subscriber": _subscriber(conn, subscriber),
        "profiles": _profiles(conn, subscriber),
        "votes": _votes(conn, subscriber),
        "news_told": store_events.told(conn, subscriber.row),
        "digests": _digests(conn, subscriber),
        "channels": _channels(conn, subscriber),
        "bounces": store_bounces.of(conn, subscriber.row),
        "requests": _requests(conn, subscriber.address),
        "letters": store_letters.to(conn, subscriber.address),
        **_suppressed(conn, subscriber.address),
        **_others(conn, subscriber),
    }


def _subscriber(conn: Connection, subscriber: Subscriber) -> dict[str, Any]:
    told = asdict(subscriber)
    for name in ("row", "seen", "schedule"):
        del told[name]
    return _timed(told) | {
        "schedule": _schedule(subscriber.schedule),
        "saved_feed_secret": store_saved.secret(conn, subscriber.row),
    }


def _schedule(schedule: Schedule) -> dict[str, Any]:
    return {
        "zone": schedule.zone,
        "time": f"{schedule.hour:02d}:{schedule.minute:02d}",
        "days": [DAY_NAMES[day] for day in schedule.days],
        "cadence": schedule.cadence,
    }


def _profiles(conn: Connection, subscriber: Subscriber) -> list[dict[str, Any]]:
    return [
        _timed(
            {
                "name": one.name,
                "rules": one.rules,
                "rules_before": one.previous,
                "enabled": one.enabled,
                "changed_at": one.changed_at,
                "feed_secret": store_feeds.secret(conn, one.row),
            }
        )
        for one in store_profiles.of(conn, [subscriber.row])
    ]


def _votes(conn: Connection, subscriber: Subscriber) -> list[dict[str, Any]]:
    votes = store_votes.of(conn, subscriber.row, limit=_ALL)
    papers = {one.row: one for one in store_papers.load(conn, {vote.paper for vote in votes})}
    return [
        {
            "paper": papers[vote.paper].id,
            "aliases": list(papers[vote.paper].aliases),
            "title": papers[vote.paper].title,
            "said": vote.kind,
            "at": vote.at.isoformat(),
        }
        for vote in votes
    ]


def _digests(conn: Connection, subscriber: Subscriber) -> list[dict[str, Any]]:
    return [
        {
            "key": one.key,
            "period": one.period,
            "subject": one.subject,
            "made_at": one.composed_at.isoformat(),
            "mail": one.state,
            "attempts": one.attempts,
            "reply": one.reply,
            "papers": [
                {"profile": profile, "place": place, "paper": paper, "title": title}
                for profile, place, paper, title in store_digests.papers_of(conn, one.key)
            ],
        }
        for one in store_digests.listed(conn, subscriber=subscriber.row, limit=_ALL)
    ]


def _channels(conn: Connection, subscriber: Subscriber) -> list[dict[str, Any]]:
    return [
        {
            "service": one.service,
            "address": channels.shown(one),
            "profiles": one.profiles,
            "added_at": one.added_at.isoformat(),
            "messages": [asdict(post) for post in store_posts.of(conn, one.row)],
        }
        for one in store_channels.listed(conn, subscriber=subscriber.row)
    ]


def _requests(conn: Connection, address: str) -> list[dict[str, Any]]:
    return [
        _timed(
            {
                "rules": one.wish.rules,
                "schedule": _schedule(one.wish.schedule),
                "language": one.wish.language,
                "made_at": one.made_at,
                "confirmed_at": one.confirmed_at,
            }
        )
        for one in store_signups.of(conn, address)
    ]


def _suppressed(conn: Connection, address: str) -> dict[str, Any]:
    found = store_subscribers.suppression(conn, address)
    return {"suppressed": {"reason": found[0], "evidence": found[1]}} if found else {}


def _others(conn: Connection, subscriber: Subscriber) -> dict[str, Any]:
    """What no part above tells of, so that nothing is kept that its owner cannot see."""
    found = own_rows.beside(conn, subscriber.row, _TOLD)
    return {"other": found} if found else {}


def _timed(told: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in told.items()
    }
