"""Subscribers and profiles by their rows, as links and forms name them."""

from __future__ import annotations

from sqlalchemy import Connection

from notifier import errors
from notifier.profiles.profile import Profile, Subscriber
from notifier.storage import store_profiles, store_subscribers


def subscriber_of(conn: Connection, row: int) -> Subscriber:
    """Return the subscriber of a row.

    Raises:
        NotFound: they were deleted.
    """
    if subscriber := store_subscribers.get(conn, row):
        return subscriber
    raise errors.NotFound("this subscription was deleted")


def profile_of(conn: Connection, subscriber: int, row: int) -> Profile:
    """Return a subscriber's profile by its row.

    Raises:
        NotFound: the subscriber has none of that row.
    """
    for profile in store_profiles.of(conn, [subscriber]):
        if profile.row == row:
            return profile
    raise errors.NotFound("this profile was deleted")
