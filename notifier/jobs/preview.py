"""What a subscriber's digest would be, now or on a day that is gone; nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from notifier.jobs.edition import ComposeSettings, Outlook
from notifier.jobs.picking import Desk
from notifier.jobs.talk import talk
from notifier.jobs.writing import Writer
from notifier.profiles.profile import Subscriber
from notifier.storage import store_digests, store_news
from notifier.storage.store_digests import NewDigest
from notifier.storage.store_matches import Match


def preview(
    conn: Connection,
    subscriber: Subscriber,
    settings: ComposeSettings,
    outlook: Outlook,
    *,
    now: datetime,
    matches: Sequence[Match] | None = None,
) -> NewDigest:
    """Return the digest that would be made at `now` (UTC), with a mail even if nothing matched.

    Of a time that is gone it is what they would have had then, by the rules of today.

    Args:
        matches: Of all their profiles, where those that are kept are not up to date.
    """
    later = store_digests.seen_from(conn, subscriber.row, since=now)
    if later is not None:
        subscriber = replace(subscriber, seen=later)
    if matches is not None:
        sent = store_digests.sent_papers(conn, [subscriber.row], before=now)
        matches = [one for one in matches if (subscriber.row, one.fit.row) not in sent]
    is_past = later is not None or store_news.is_newer(conn, now)
    upto = store_news.arrival(conn, before=now) if is_past else None
    desk = Desk(
        conn, [subscriber], talk(conn, now=now), order=settings.order, lookback=settings.lookback,
        upto=upto, matches=matches,
    )  # fmt: skip
    told = replace(subscriber, tell_nothing=True)
    return Writer(settings).digest(told, desk.pick(subscriber), outlook, now=now)
