"""How the instance is getting on: counts and freshness, nothing about a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from fastapi import APIRouter

from notifier.overview import overview
from notifier.web.api.asking import Instance
from notifier.web.api.operations import operation
from notifier.web.api.schemas import Shown

router = APIRouter(tags=["stats"])


class SourceShown(Shown):
    """A source, and how current it is (docs/sources.md says what states mean)."""

    name: str
    kind: str
    state: str
    since: datetime | None
    last_success_at: datetime | None
    failures: int
    seen: int
    new: int
    next_due_at: datetime | None


class OpenShown(Shown):
    """Mails that are to be sent, in one state, and when the oldest was made."""

    state: str
    mails: int
    oldest: datetime


class Stats(Shown):
    """Counts as of `now`; those that are recent are of the last 24 hours. `cares` says of what
    somebody should take care."""

    now: datetime
    needs_care: bool
    cares: list[str]
    papers: int
    recent_papers: int
    subscribers: Mapping[str, int]
    suppressed: int
    recent_digests: int
    recent_mails: Mapping[str, int]
    recent_bounces: Mapping[str, int]
    outbox: list[OpenShown]
    mail_server_is_asked: bool
    sources: list[SourceShown]


@router.get("/stats", **operation("papers"))
def get_stats(app: Instance) -> Stats:
    """Show how the instance is getting on."""
    found = overview(app)
    return Stats(
        now=found.now,
        needs_care=bool(found.cares),
        cares=list(found.cares),
        papers=found.papers,
        recent_papers=found.recent_papers,
        subscribers=found.subscribers,
        suppressed=found.suppressed,
        recent_digests=found.recent_digests,
        recent_mails=found.recent_mails,
        recent_bounces=found.recent_bounces,
        outbox=[OpenShown.model_validate(one) for one in found.outbox],
        mail_server_is_asked=not found.mail_server.is_open,
        sources=[SourceShown(**{name: source[name] for name in SourceShown.model_fields})
                 for source in found.sources],
    )  # fmt: skip


class CohortShown(Shown):
    """Those who confirmed in the week from a Monday on (UTC), and what became of them by now."""

    week: date
    confirmed: int | None
    active: int | None
    paused: int | None
    left: int | None
    bounced: int | None
    complained: int | None


class PlaceShown(Shown):
    """What was said of the papers at one place of digests, from 1."""

    place: int
    shown: int | None
    up: int | None
    saved: int | None
    down: int | None


class ShareShown(Shown):
    """How many profiles had `least` to `most` matches in the last week; `most` null: or more."""

    least: int
    most: int | None
    profiles: int | None


class ReadersShown(Shown):
    """How the readers are, as of `now`. A count that is null is below five, or would tell one that
    is. `digests` and `profiles`: so many were looked at."""

    now: datetime
    cohorts: list[CohortShown]
    digests: int
    places: list[PlaceShown]
    profiles: int
    matches: list[ShareShown]


@router.get("/stats/readers", **operation("admin"))
def get_readers(app: Instance) -> ReadersShown:
    """Show by week what became of the subscribers, what they say of papers, what they get."""
    return ReadersShown.model_validate(app.served.readers.at(app.clock()))
