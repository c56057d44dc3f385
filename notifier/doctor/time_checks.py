"""Whether this machine knows what time it is, and in which zones its readers live."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from importlib import metadata
from urllib.parse import urlsplit
from zoneinfo import TZPATH

from notifier import errors
from notifier.digests import cadence
from notifier.doctor.finding import Finding, failed, ok, skipped, warning
from notifier.doctor.setup import Setup
from notifier.intake import Intake
from notifier.storage import store_digests, store_news, store_subscribers

RELEASED = datetime(2026, 11, 1, tzinfo=UTC)  # before then no clock that is right runs this
_SMALL, _LARGE = timedelta(seconds=60), timedelta(hours=1)
_REMEDY = "Let the machine keep its time by NTP: timedatectl set-ntp true."


async def ask_clock(setup: Setup) -> list[Finding]:
    """Whether the clock may be right: by this release, and by what was written down before."""
    now = setup.clock()
    if now < RELEASED:
        said = f"it says {now:%Y-%m-%d}, and this version is of {RELEASED:%Y-%m}"
        return [failed("clock", said, _REMEDY)]
    newest = await asyncio.to_thread(_newest, setup)
    if newest and newest > now + _SMALL:
        said = f"it says {now:%Y-%m-%d %H:%M}Z, and something here is of {newest:%Y-%m-%d %H:%M}Z"
        return [warning("clock", f"{said}: it was set back", _REMEDY)]
    return [ok("clock", f"{now:%Y-%m-%d %H:%M}Z, later than all that is stored")]


def _newest(setup: Setup) -> datetime | None:
    if setup.database is None:
        return None
    with setup.database.reading() as conn:
        found = (store_news.newest(conn), store_digests.last_made(conn))
    return max((one for one in found if one), default=None)


async def ask_offset(setup: Setup) -> list[Finding]:
    """How far the clock is from that of a source."""
    intake = Intake(setup.settings, setup.opened, setup.clock)
    requests = [one.requests(now=setup.clock()) for one in intake.sources()]
    urls = [request.url for asked in requests for request in asked[:1]]
    if not urls:
        return [skipped("clock offset", "no source to compare with")]
    parts = urlsplit(urls[0])
    host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/"
    try:
        async with asyncio.timeout(setup.patience_seconds):
            theirs = await intake.time_at(host)
    except (errors.SourceError, TimeoutError) as error:
        return [skipped("clock offset", f"no answer to compare with: {error or host}")]
    if theirs is None:
        return [skipped("clock offset", f"{host} does not say what time it is")]
    return [judged(setup.clock() - theirs, host)]


def judged(offset: timedelta, host: str) -> Finding:
    """Decide by how far our clock is ahead of another. Pure."""
    seconds = round(offset.total_seconds())
    said = f"{abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} {host}"
    if abs(offset) > _LARGE:
        return failed("clock offset", said, _REMEDY)
    if abs(offset) > _SMALL:
        return warning("clock offset", said, _REMEDY)
    return ok("clock offset", said if seconds else f"as {host}")


async def ask_zones(setup: Setup) -> list[Finding]:
    """Whether the zones of all subscribers are known here."""
    with setup.opened.reading() as conn:
        zones = store_subscribers.zones(conn)
    unknown = sorted(zone for zone in zones if not cadence.is_zone(zone))
    tzdata = f"tzdata {metadata.version('tzdata')}" + (" behind the system's" if TZPATH else "")
    if unknown:
        said = f"{tzdata} does not know {', '.join(unknown[:5])}, where {len(unknown)} of"
        said = f"{said} {len(zones)} zones of subscribers are"
        remedy = 'Update tzdata, or "notifier subscriber change ADDRESS --zone ZONE".'
        return [failed("zones", said, remedy)]
    return [ok("zones", f"{tzdata}; all {len(zones)} zones of subscribers are known")]
