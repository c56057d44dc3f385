"""notifier digest why: what stands between somebody and a mail."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.output import Format, FormatOption, say, to_json
from notifier.cli.state import instance

if TYPE_CHECKING:
    from notifier.app import App
    from notifier.jobs.silence import Reason
    from notifier.profiles.profile import Subscriber


def why(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Who got no mail.")],
    format_: FormatOption = Format.table,
) -> None:
    """Say why a subscriber got no mail: all that stands in the way, and what to do about it."""
    from notifier.storage import store_planned

    with instance() as app:
        subscriber = app.subscriptions.get(address)
        found = _reasons(app, subscriber)
        with app.database.reading() as conn:
            due = store_planned.next_due(conn, subscriber)
    if format_ is not Format.table:
        for one in found:
            typer.echo(to_json(asdict(one)))
        return
    for one in found:
        typer.echo(f"{one.cause}: {one.said}")
        if one.cure:
            typer.echo(f"    {one.cure}")
    if not found:
        say(f"nothing stands in the way; the next digest is due {due:%Y-%m-%d %H:%M} UTC")


def _reasons(app: App, subscriber: Subscriber) -> tuple[Reason, ...]:
    from notifier.cli.pace import Ways
    from notifier.jobs import freshness
    from notifier.jobs.silence import Facts, reasons
    from notifier.standings import planned_at
    from notifier.storage import (
        match_marks,
        store_digests,
        store_planned,
        store_profiles,
        store_subscribers,
    )

    now, row = app.clock(), subscriber.row
    states = app.intake.freshness(now)
    with app.database.reading() as conn:
        profiles = store_profiles.of(conn, [row])
        suppressed = store_subscribers.suppression(conn, subscriber.address, now)
        facts = Facts(
            subscriber,
            profiles,
            next(iter(store_digests.listed(conn, subscriber=row, limit=1)), None),
            Ways(conn, app).to(subscriber.address),
            is_matched=match_marks.is_current(conn)
            and all(one.matched for one in profiles if one.enabled),
            suppressed=": ".join(part for part in suppressed or () if part),
            late=[name for name, one in states.items() if freshness.awaited(one, now=now)],
            wait=app.compose_settings.wait,
            goes_elsewhere="" if app.smtp_settings else app.mails_go,
            looked_at=planned_at(conn),
            planned_since=store_planned.due_since(conn, row),
        )
    return reasons(facts, now=now)
