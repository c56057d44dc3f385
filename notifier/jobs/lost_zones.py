"""Time zones that subscribers chose and this machine does not know any more: they mean UTC."""

from __future__ import annotations

from sqlalchemy import Connection

from notifier.digests import cadence
from notifier.storage import store_zones


def lost_zones(conn: Connection) -> dict[str, int]:
    """Return how many active subscribers have each."""
    lost = [name for name in store_zones.names(conn) if not cadence.is_zone(name)]
    counted = {name: store_zones.active_in(conn, name) for name in lost}
    return {name: number for name, number in counted.items() if number}
