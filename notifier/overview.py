"""How an instance is getting on, for whoever runs it: what the command, the API and /admin tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection

from notifier.app import App
from notifier.config import Settings
from notifier.delivery.breaker import Breaker
from notifier.jobs import poll
from notifier.jobs.alerting.watch import lasting
from notifier.jobs.delivering import memory
from notifier.jobs.lost_zones import lost_zones
from notifier.sources.freshness import NEEDS_CARE, Freshness
from notifier.standings import processes
from notifier.storage import (
    paper_facts,
    store_bounces,
    store_channels,
    store_deliveries,
    store_digests,
    store_left_out,
    store_mailbox,
    store_overview,
    store_papers,
    store_posts,
    store_sources,
    store_subscribers,
    store_watch,
)
from notifier.storage.store_alerts import Alert
from notifier.storage.store_overview import Open
from notifier.vitals import SCHEDULER

LAST = timedelta(days=1)
# What somebody should look at.
Care: TypeAlias = Literal[
    "daemon", "digests", "sources", "mails", "mail server", "destinations", "bounces", "mailbox",
    "channels", "zones", "left out", "alerts",
]  # fmt: skip
# A pass may take a while, and so may a start.
_LATE = timedelta(minutes=30)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_OFF = Freshness("paused", None, "switched off in the configuration")


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts as of `now`, those of the last day where they are `recent`.

    `outbox`: what is to be sent, by state. `recent_mails`: deliveries that ended, by state.
    `alerts`: what the operator was told of and lasts. `cares`: what somebody should look at.
    """

    now: datetime
    papers: int
    recent_papers: int
    subscribers: Mapping[str, int]
    suppressed: int
    sources: tuple[Mapping[str, Any], ...]
    outbox: tuple[Open, ...]
    recent_digests: int
    recent_mails: Mapping[str, int]
    recent_bounces: Mapping[str, int]
    mail_server: Breaker
    alerts: tuple[Alert, ...]
    cares: tuple[Care, ...]


def overview(app: App) -> Overview:
    """Return how an instance is getting on, as of its clock."""
    now = app.clock()
    sources, last = source_rows(app, now), recent(app, now)
    troubles = cares(app, sources, last, now=now)
    with app.database.reading() as conn:
        outbox = store_overview.outbox(conn)
        made, _ = store_digests.counts(conn, since=now - LAST)
        return Overview(
            now=now,
            papers=store_papers.count(conn),
            recent_papers=paper_facts.count_since(conn, now - LAST, now=now),
            subscribers=store_subscribers.counts(conn),
            suppressed=store_overview.suppressed(conn, now=now),
            sources=tuple(sources),
            outbox=tuple(outbox),
            recent_digests=made,
            recent_mails={
                k: v for k, v in last.mails.items() if k not in {one.state for one in outbox}
            },
            recent_bounces=last.bounces,
            mail_server=last.mail_server,
            alerts=tuple(lasting(conn)),
            cares=troubles,
        )


@dataclass(frozen=True, slots=True)
class Recent:
    """Mails by state and bounces by kind of the last day; how the server and the mailbox are."""

    mails: Mapping[str, int]
    bounces: Mapping[str, int]
    mail_server: Breaker
    mailbox: store_mailbox.Health | None


def recent(app: App, now: datetime) -> Recent:
    """Return how sending went of late."""
    mailbox = app.returned.health()
    with app.database.reading() as conn:
        return Recent(
            store_deliveries.counts(conn, since=now - LAST),
            store_bounces.counts(conn, since=now - LAST),
            memory.breaker(conn),
            mailbox,
        )


def cares(
    app: App, sources: Sequence[Mapping[str, Any]], last: Recent, *, now: datetime
) -> tuple[Care, ...]:
    """Return what somebody should look at: by what is so now, and by the last day.

    Args:
        sources: See `source_rows`.
        last: See `recent`.
    """
    mailbox, is_dead = last.mailbox, _is_dead(app)
    with app.database.reading() as conn:
        troubles: dict[Care, bool] = {
            "daemon": is_dead,
            "digests": _is_late(conn, app.settings, now),
            "sources": any(one["state"] in NEEDS_CARE for one in sources),
            "mails": any(last.mails.get(state) for state in ("failed", "expired", "held")),
            "mail server": last.mail_server.is_open,
            "destinations": any(one.state(now) == "paused" for one in memory.standings(conn)),
            # A policy bounce is about us: nobody's mail arrives where it comes from.
            "bounces": bool(last.bounces.get("policy")),
            "mailbox": bool(mailbox and poll.is_troubled(mailbox)),
            "channels": bool(app.channelled.lacks) or _is_unposted(conn, now),
            "zones": bool(lost_zones(conn)),
            "left out": bool(store_left_out.since(conn, now - LAST)),
            "alerts": bool(lasting(conn)),
        }
    return tuple(name for name, is_so in troubles.items() if is_so)


def _is_dead(app: App) -> bool:
    """Whether there were daemons that plan, and none of them lives."""
    planning = [one["state"] for one in processes(app) if SCHEDULER in one["roles"]]
    return bool(planning) and all(state == "silent" for state in planning)


def _is_late(conn: Connection, settings: Settings, now: datetime) -> bool:
    """Whether a digest should have been made by now, and waits for no source either."""
    waits = timedelta(minutes=settings.digest.wait_minutes, seconds=settings.daemon.tick_seconds)
    since = store_watch.overdue_since(conn, _EVER, now=now)
    return since is not None and now - since > waits + _LATE


def _is_unposted(conn: Connection, now: datetime) -> bool:
    """Whether a post came to nothing of late, or a service refuses a channel."""
    posts = store_posts.counts(conn, since=now - LAST)
    refused = any(one.paused_at and one.reason for one in store_channels.paused(conn, now=now))
    return refused or any(posts.get(state) for state in ("failed", "expired"))


def source_rows(app: App, now: datetime) -> list[dict[str, Any]]:
    """Return each configured source: how current it is, and how it was read."""
    states = app.intake.freshness(now)
    with app.database.reading() as conn:
        health = {one.name: one for one in store_sources.health(conn)}
        parts = store_sources.parts(conn)
    rows = []
    for source in app.settings.source:
        state = states.get(source.name, _OFF)
        rows.append(
            asdict(health.get(source.name) or store_sources.Health(source.name, source.kind))
            | {
                "enabled": source.enabled,
                "state": state.state if source.enabled else "off",
                "since": state.since,
                "why": state.why,
                "next_due_at": state.next_due,
                "parts": parts.get(source.name, []),
            }
        )
    return rows
