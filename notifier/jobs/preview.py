"""What a subscriber's digest would be, now or on a day that is gone; nothing is changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from notifier.jobs.picking import Desk
from notifier.jobs.talk import talk
from notifier.jobs.writing import ComposeSettings, Outlook, digest
from notifier.profiles.profile import Subscriber
from notifier.storage import store_digests, store_papers
from notifier.storage.store_digests import NewDigest


def preview(
    conn: Connection,
    subscriber: Subscriber,
    settings: ComposeSettings,
    outlook: Outlook,
    *,
    now: datetime,
) -> NewDigest:
    """Return the digest that would be made at `now` (UTC), with a mail even if nothing matched.

    Of a time before their last digests it is what they would have had then, by the rules and
    matches of today.
    """
    later = store_digests.seen_from(conn, subscriber.row, since=now)
    upto = None
    if later is not None:
        subscriber = replace(subscriber, seen=later)
        upto = store_papers.arrival(conn, before=now)
    desk = Desk(
        conn, [subscriber], talk(conn, now=now), order=settings.order, lookback=settings.lookback,
        upto=upto,
    )  # fmt: skip
    told = replace(subscriber, tell_nothing=True)
    return digest(told, desk.pick(subscriber), settings, outlook, now=now)
