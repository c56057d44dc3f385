"""notifier run, notifier tick."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier import errors
from notifier.cli.output import Format, FormatOption, print_record
from notifier.cli.state import configure_logs, instance, read_settings

if TYPE_CHECKING:
    from notifier.app import App
    from notifier.ticked import Ticked


def run(
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="ROLE[,ROLE]",
            help="Be here only for some of it: web, scheduler, worker. Any number of web and "
            "worker processes run side by side; of several schedulers one works, the others "
            "stand by.",
        ),
    ] = None,
) -> None:
    """The daemon: fetches, composes and sends when it is time, and serves the pages.

    SIGTERM stops it cleanly, SIGHUP has it read the configuration again.
    """
    from notifier import daemon

    roles = _roles(only or [])
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the daemon can
    with instance() as opened:
        reload = daemon.Reload(read_settings, configure_logs)
        code = daemon.run(opened, roles, reload=reload)
    raise typer.Exit(code)


def _roles(only: list[str]) -> tuple[str, ...]:
    """Return what is asked for, in their order; nothing asked: all.

    Raises:
        UsageError: a word that is none of them.
    """
    from notifier.vitals import ROLES

    asked = [word.strip() for part in only for word in part.split(",")]
    for word in asked:
        if word not in ROLES:
            raise errors.UsageError(f'--only: "{word}" is none of {", ".join(ROLES)}')
    return tuple(role for role in ROLES if role in asked or not asked)


def tick(format_: FormatOption = Format.table) -> None:
    """One pass of everything that is due, then exit.

    Beside a daemon it only sends what waits: fetching and composing is left to the scheduler.
    """
    from notifier import daemon

    with instance() as opened:
        done = daemon.tick_once(opened)
    print_record(_report(opened, done), format_)
    if done.needs_care:
        raise typer.Exit(3)


def _report(app: App, done: Ticked) -> dict[str, Any]:
    return {
        "planning": f"left to {done.left_to}" if done.left_to else "done",
        "papers_new": sum(r.new for r in done.ingested),
        "sources_failed": sum(r.failure is not None for r in done.ingested),
        "digests": done.composed.made,
        "nothing_matched": done.composed.nothing,
        "compose_failed": done.composed.failed,
        "sent": done.delivered.sent,
        "later": done.delivered.later,
        "refused": done.delivered.failed,
        "held": done.delivered.held,
        "found_sent": done.delivered.found,
        "expired": done.composed.expired + done.delivered.expired,
        "letters": done.letters.sent,
        "letters_open": done.letters.later + done.letters.failed,
        "mail_server": done.delivered.down
        or done.letters.down
        or (app.mails_go if app.sink else "ok"),
        "came_back": done.polled.taken if done.polled else 0,
        "mailbox": done.mailbox_failure or ("ok" if done.polled else None),
        "paused": done.delivered.paused,
        "posted": done.posted.sent,
        "posts_open": done.posted.later + done.posted.failed,
        "channels_paused": done.posted.paused,
        "templates": "; ".join(done.broken_templates) or "ok",
    }
