"""How an instance is getting on, for whoever runs it: what the command, the API and /admin tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from notifier.app import App
from notifier.delivery.breaker import Breaker
from notifier.jobs.delivering import memory
from notifier.sources.freshness import NEEDS_CARE, Freshness
from notifier.storage import (
    store_bounces,
    store_deliveries,
    store_digests,
    store_overview,
    store_papers,
    store_sources,
    store_subscribers,
)
from notifier.storage.store_overview import Open

LAST = timedelta(days=1)
_OFF = Freshness("paused", None, "switched off in the configuration")


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts as of `now`, those of the last day where they are `recent`.

    `outbox`: what is to be sent, by state. `recent_mails`: deliveries that ended, by state.
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

    @property
    def needs_care(self) -> bool:
        """Whether somebody should look."""
        ended = any(self.recent_mails.get(state) for state in ("failed", "expired"))
        held = any(one.state == "held" for one in self.outbox)
        troubled = any(source["state"] in NEEDS_CARE for source in self.sources)
        return troubled or ended or held or self.mail_server.is_open


def overview(app: App) -> Overview:
    """Return how an instance is getting on, as of its clock."""
    now = app.clock()
    with app.database.reading() as conn:
        made, _ = store_digests.counts(conn, since=now - LAST)
        ended = store_deliveries.counts(conn, since=now - LAST)
        outbox = store_overview.outbox(conn)
        return Overview(
            now=now,
            papers=store_papers.count(conn),
            recent_papers=store_overview.papers_since(conn, now - LAST),
            subscribers=store_subscribers.counts(conn),
            suppressed=store_overview.suppressed(conn, now=now),
            sources=tuple(source_rows(app, now)),
            outbox=tuple(outbox),
            recent_digests=made,
            recent_mails={k: v for k, v in ended.items() if k not in {one.state for one in outbox}},
            recent_bounces=store_bounces.counts(conn, since=now - LAST),
            mail_server=memory.breaker(conn),
        )


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
