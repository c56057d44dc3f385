"""notifier mail: test."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier import errors
from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.state import instance

if TYPE_CHECKING:
    from notifier.app import App
    from notifier.delivery.rehearsal import Step

app = typer.Typer(
    no_args_is_help=True,
    help="How mails are sent.",
    epilog="Example: notifier mail test you@example.org",
)


@app.command(
    "test",
    epilog="Examples: notifier mail test you@example.org · "
    "notifier mail test you@example.org --dry-run",
)
def send_test(
    address: Annotated[str, typer.Argument(help="Where a test mail goes.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Connect and log in, but send nothing.")
    ] = False,
    format_: FormatOption = Format.table,
) -> None:
    """Send one mail and show each step: connection, TLS, login, the server's answers."""
    from notifier.subscriptions.checks import normal_address

    recipient = normal_address(address)
    with instance() as opened:
        steps = asyncio.run(_rehearse(opened, recipient, is_sent=not dry_run))
    rows = [_record(step) for step in steps]
    print_rows(rows, ("step", "result", "ms", "said"), format_)
    if not steps[-1].is_ok:
        raise typer.Exit(1)
    say("nothing was sent" if dry_run else f"sent to {recipient}: look into its inbox")


async def _rehearse(app: App, recipient: str, *, is_sent: bool) -> list[Step]:
    from notifier.delivery.rehearsal import rehearse

    settings = app.smtp_settings
    if settings is None:
        raise errors.UsageError(
            f'mails go {app.mails_go} - set transport = "smtp" in [mail] to have them sent'
        )
    steps = rehearse(
        settings,
        clock=time.monotonic,
        sender=app.return_path,
        recipient=recipient,
        content=_mail(app, recipient) if is_sent else b"",
    )
    return [step async for step in steps]


def _mail(app: App, recipient: str) -> bytes:
    """A short mail, signed as digests are."""
    from notifier.digests import message
    from notifier.digests.gaps import quoted

    site, mail = app.settings.site, app.settings.mail
    text = f"{site.name} at {site.public_url} can send you mail. Nobody needs to answer this.\n"
    made = message.Mail(
        key=secrets.token_hex(16),
        sender=mail.sender,
        recipient=recipient,
        subject=f"A test of {site.name}",
        text=quoted(text),
        html=b"",
        date=app.clock(),
        reply_to=mail.reply_to,
        is_list=False,
    )
    return app.sign(message.build(made), app.clock())


def _record(step: Step) -> dict[str, Any]:
    return {
        "step": step.name,
        "result": "ok" if step.is_ok else "FAIL",
        "ms": None if step.seconds is None else round(1000 * step.seconds),
        "said": step.said,
    }
