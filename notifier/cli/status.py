"""What `notifier status` shows."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import typer

from notifier.cli.output import Format, print_record, print_rows
from notifier.storage import store_deliveries, store_digests, store_papers, store_sources
from notifier.storage import store_subscribers as store_people

if TYPE_CHECKING:
    from notifier.app import App


def collect(app: App, *, since: timedelta) -> dict[str, Any]:
    """Return the state of the instance; `needs_care` when somebody should look."""
    now = app.clock()
    with app.database.reading() as conn:
        health = {one.name: one for one in store_sources.health(conn)}
        made, nothing = store_digests.counts(conn, since=now - since)
        deliveries = store_deliveries.counts(conn, since=now - since)
        found: dict[str, Any] = {
            "papers_new_24h": len(store_papers.rows_since(conn, now - since)),
            "subscribers": store_people.counts(conn),
            "digests_24h": made,
            "nothing_matched_24h": nothing,
            "deliveries": deliveries,
            "next_attempt_at": store_deliveries.next_attempt(conn),
        }
    found["sources"] = [
        asdict(health.get(s.name) or store_sources.Health(s.name, s.kind)) | {"enabled": s.enabled}
        for s in app.settings.source
    ]
    failing = any(source["failures"] for source in found["sources"])
    found["needs_care"] = failing or bool(deliveries.get("failed") or deliveries.get("expired"))
    return found


def print_table(found: dict[str, Any]) -> None:
    """Print it for people."""
    print_record({k: v for k, v in found.items() if k != "sources"}, Format.table)
    typer.echo()
    columns = ("name", "enabled", "last_success_at", "seen", "new", "rejected", "failures", "error")
    print_rows(found["sources"], columns, Format.table)
