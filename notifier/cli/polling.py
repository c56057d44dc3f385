"""notifier bounce poll: the mailbox of bounces, now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.state import instance

if TYPE_CHECKING:
    from notifier.app import App
    from notifier.jobs.bounce import Read

EPILOG = "Examples: notifier bounce poll --dry-run · notifier bounce poll --format jsonl"
_COLUMNS = ("uid", "kind", "recipient", "status", "reason")


def poll(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what each mail is; nothing is changed.")
    ] = False,
    format_: FormatOption = Format.table,
) -> None:
    """Read the mailbox of bounces (bounce.imap_host) now: act on each mail, then move it away.

    Also when the server refused before, and the daemon still waits.
    """
    with instance() as opened:
        rows, failed = _look(opened) if dry_run else _poll(opened)
        print_rows(rows, _COLUMNS if dry_run else (*_COLUMNS, "done"), format_)
        if failed:
            say(f"{failed} mails could not be taken in and stay where they are")
            raise typer.Exit(1)


def _look(app: App) -> tuple[list[dict[str, Any]], int]:
    from notifier.delivery import bounces
    from notifier.jobs.bounce import Read

    with app.returned.look() as mailbox:
        mails = ((uid, mailbox.read(uid)) for uid in mailbox.waiting())
        read = ((uid, bounces.read(raw)) for uid, raw in mails if raw is not None)
        rows = [_row(uid, [Read(report) for report in reports]) for uid, reports in read]
    for row in rows:
        del row["done"]
    return rows, 0


def _poll(app: App) -> tuple[list[dict[str, Any]], int]:
    rows: list[dict[str, Any]] = []
    done = app.returned.poll(tell=lambda uid, read: rows.append(_row(uid, read)))
    return rows, done.failed


def _row(uid: int, taken: list[Read]) -> dict[str, Any]:
    first = taken[0]
    named = {name: getattr(first.report, name) for name in _COLUMNS[1:]}
    return {"uid": uid, **named, "done": "known" if first.known else first.done}
