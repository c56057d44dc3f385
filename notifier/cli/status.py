"""What `notifier status` shows."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from notifier import engines, errors
from notifier.cli import channels, pace
from notifier.cli.output import Format, print_record, print_rows, say, to_json
from notifier.cli.state import instance
from notifier.jobs.alerting import wording
from notifier.jobs.lost_zones import lost_zones
from notifier.overview import LAST, cares, recent, source_rows
from notifier.standings import processes
from notifier.storage import (
    paper_facts,
    sizes,
    store_channels,
    store_deliveries,
    store_digests,
    store_left_out,
    store_mailbox,
    store_planned,
    store_posts,
)
from notifier.storage import store_subscribers as store_people

if TYPE_CHECKING:
    from notifier.app import App
    from notifier.storage.store_alerts import Alert


def collect(app: App) -> dict[str, Any]:
    """Return the state of the instance; `needs_care` when somebody should look."""
    now = app.clock()
    since, last = now - LAST, recent(app, now)
    with app.database.reading() as conn:
        made, nothing = store_digests.counts(conn, since=since)
        found: dict[str, Any] = {
            "papers_new_24h": paper_facts.count_since(conn, since, now=now),
            "subscribers": store_people.counts(conn),
            "digests_planned": store_planned.count(conn),
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
            "rows": sizes.rows(conn),
            "unknown_zones": lost_zones(conn) or None,
            "left_out": [asdict(one) for one in store_left_out.since(conn, since)],
        }
    found["size_bytes"] = asdict(sizes.size(app.database))
    found["mailbox"] = _mailbox(app, last.mailbox) if last.mailbox else None
    found["alerts"] = [_alert(one) for one in app.health.alerts()]
    found["engine"] = engines.described(app.settings, app.engine)
    found["processes"] = processes(app)
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


def _alert(alert: Alert) -> dict[str, Any]:
    """Something that the operator was told of, and what helps."""
    return {
        "alert": wording.what(alert),
        "since": alert.since,
        "told": alert.told_at,
        "why": wording.reason(alert.why),
        "cure": " · ".join(wording.cures(alert)),
    }


def show(found: dict[str, Any], format_: Format) -> None:
    """Print the state as it was asked for."""
    if format_ is Format.table:
        print_table(found)
    else:
        typer.echo(to_json(found))


def watch(seconds: float, format_: Format) -> None:
    """Show the state every so many seconds until Ctrl-C: on a terminal in place, else one by one.

    Raises:
        UsageError: one JSON value after another is no JSON.
    """
    if format_ is Format.json:
        raise errors.UsageError("--watch prints one state after another - take --format jsonl")
    with suppress(KeyboardInterrupt), instance() as app:
        while True:
            try:
                found = collect(app)
            except (errors.Busy, errors.DatabaseError) as error:
                say(f"error: {error}")  # it may be well again the next time
            else:
                _show_again(found, app.clock(), format_)
            time.sleep(seconds)


def _show_again(found: dict[str, Any], now: datetime, format_: Format) -> None:
    if format_ is Format.table:
        if sys.stdout.isatty():
            from rich.console import Console

            Console().clear()
        typer.echo(f"notifier status, {now:%Y-%m-%d %H:%M:%S}Z\n")
    show(found, format_)
    sys.stdout.flush()


def print_table(found: dict[str, Any]) -> None:
    """Print it for people."""
    tables = {
        "alerts": ("alert", "since", "told", "why", "cure"),
        "processes": ("roles", "state", "host", "pid", "since", "last_heartbeat_at"),
        "destinations": ("destination", "state", "since", "until", "waiting", "why", "cure"),
        "limits": ("destination", "per", "most", "used"),
        "channels": ("id", "channel", "state", "since", "until", "waiting", "why"),
        "left_out": ("kind", "name", "at"),
    }
    plain = {k: v for k, v in found.items() if k not in ("sources", *tables)}
    sizes_in_bytes = plain.pop("size_bytes").items()
    plain["size"] = {k: None if n is None else f"{n / 1e6:,.1f} MB" for k, n in sizes_in_bytes}
    print_record(plain, Format.table)
    typer.echo()
    for name, columns in tables.items():
        if found[name]:
            print_rows(found[name], columns, Format.table)
            typer.echo()
    columns = ("name", "state", "since", "last_success_at", "seen", "new", "next_due_at", "why")
    print_rows(found["sources"], columns, Format.table)
