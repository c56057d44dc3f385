"""What `notifier status` shows."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from notifier.cli import channels, pace
from notifier.cli.output import Format, print_record, print_rows
from notifier.jobs.lost_zones import lost_zones
from notifier.overview import LAST, cares, recent, source_rows
from notifier.storage import (
    paper_facts,
    store_channels,
    store_deliveries,
    store_digests,
    store_mailbox,
    store_posts,
)
from notifier.storage import store_subscribers as store_people

if TYPE_CHECKING:
    from notifier.app import App


def collect(app: App) -> dict[str, Any]:
    """Return the state of the instance; `needs_care` when somebody should look."""
    now = app.clock()
    since, last = now - LAST, recent(app, now)
    with app.database.reading() as conn:
        made, nothing = store_digests.counts(conn, since=since)
        found: dict[str, Any] = {
            "papers_new_24h": paper_facts.count_since(conn, since, now=now),
            "subscribers": store_people.counts(conn),
            "digests_24h": made,
            "nothing_matched_24h": nothing,
            "mails_go": app.mails_go,
            "deliveries": last.mails,
            "bounces_24h": last.bounces,
            "next_attempt_at": store_deliveries.next_attempt(conn),
            "mail_server": pace.server_state(conn),
            "destinations": pace.stopped_destinations(conn, now=now),
            "limits": pace.limits_in_use(conn, app.pace, now=now),
            "posts": store_posts.counts(conn, since=since),
            "channels": channels.records(app, store_channels.paused(conn, now=now)),
            "channels_lack": app.channelled.lacks or None,
            "unknown_zones": lost_zones(conn) or None,
        }
    found["mailbox"] = _mailbox(app, last.mailbox) if last.mailbox else None
    found["sources"] = source_rows(app, now)
    found["cares"] = cares(app, found["sources"], last, now=now)
    found["needs_care"] = bool(found["cares"])
    return found


def _mailbox(app: App, health: store_mailbox.Health) -> dict[str, Any]:
    """How the mailbox of bounces is read."""
    state = "waiting" if health.last_attempt_at is None else "failing" if health.failures else "ok"
    cure = {"cure": "see [bounce]; then: notifier bounce poll"} if health.failures else {}
    found = {"state": state, "error": health.error, **cure}
    return found | asdict(health) | {"next_due_at": app.returned.next_poll(health)}


def print_table(found: dict[str, Any]) -> None:
    """Print it for people."""
    tables = {
        "destinations": ("destination", "state", "since", "until", "waiting", "why", "cure"),
        "limits": ("destination", "per", "most", "used"),
        "channels": ("id", "channel", "state", "since", "until", "waiting", "why"),
    }
    print_record({k: v for k, v in found.items() if k not in ("sources", *tables)}, Format.table)
    typer.echo()
    for name, columns in tables.items():
        if found[name]:
            print_rows(found[name], columns, Format.table)
            typer.echo()
    columns = ("name", "state", "since", "last_success_at", "seen", "new", "next_due_at", "why")
    print_rows(found["sources"], columns, Format.table)
