"""Whether mails can leave, and whether what comes back is taken in. No mail is sent."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime, timedelta

from notifier import errors
from notifier.config_bounce import UNIX
from notifier.delivery.rehearsal import Step, rehearse
from notifier.doctor.finding import Finding, failed, ok, skipped, warning
from notifier.doctor.setup import Setup
from notifier.mailing import smtp_settings
from notifier.returned import Returned

SOON = timedelta(days=14)


async def ask_mail_server(setup: Setup) -> list[Finding]:
    """Connect, greet, with TLS and login as configured, and say goodbye."""
    settings = smtp_settings(setup.settings)
    if settings is None:
        transport = setup.settings.mail.transport
        return [skipped("mail server", f'mail.transport is "{transport}": there is none')]
    hurried = replace(settings, send_seconds=2 * setup.patience_seconds)
    steps = [step async for step in rehearse(hurried, clock=time.monotonic)]
    return [_judged(setup, steps)]


def _judged(setup: Setup, steps: list[Step]) -> Finding:
    """Decide what the steps mean. Pure."""
    smtp = setup.settings.smtp
    *_, last = steps
    if not last.is_ok:
        remedy = "Correct [smtp] in notifier.toml: "
        remedy += {
            "connect": "host, port and security, and see that no firewall is between.",
            "login": "user and password_file.",
        }.get(last.name, f'see "notifier mail test YOU@{setup.sender_domain or "..."}".')
        return failed("mail server", f"{last.name}: {last.said}", remedy)
    said = "; ".join(f"{step.name} {step.said}" for step in steps)
    until = next((step.until for step in steps if step.until), None)
    if until and ends_soon(until, setup.clock()):
        remedy = f"Renew the certificate of {smtp.host}, or tell who runs it."
        return warning("mail server", f"its certificate ends on {until:%Y-%m-%d}", remedy)
    return ok("mail server", said)


def ends_soon(until: datetime, now: datetime) -> bool:
    """Return whether a certificate ends within two weeks."""
    return until - now < SOON


async def ask_intake(setup: Setup) -> list[Finding]:
    """Whether what comes back is taken in on this machine."""
    bounce = setup.settings.bounce
    if bounce.listen:
        return [await _lmtp(setup, bounce.listen)]
    if bounce.imap_host:
        return []
    if setup.settings.mail.bounce_address:
        return [ok("bounces", 'handed in by "notifier bounce read" alone')]
    remedy = "Set mail.bounce_address and [bounce] (docs/bounces.md): dead addresses harm delivery."
    return [warning("bounces", "what comes back goes to the sender, and nothing reads it", remedy)]


async def _lmtp(setup: Setup, listen: str) -> Finding:
    try:
        async with asyncio.timeout(setup.patience_seconds):
            greeting = await _greeting(listen)
    except (OSError, TimeoutError) as error:
        said = f"nobody answers at {listen}: {error or 'no word'}"
        return failed("bounces", said, 'Start the daemon: "notifier run" listens there.')
    if not greeting.startswith("220 "):
        said = f"another program answers at {listen}: {greeting[:60]}"
        return failed("bounces", said, "Set bounce.listen to a port of its own.")
    return ok("bounces", f"LMTP is listened for at {listen}")


async def _greeting(listen: str) -> str:
    if listen.startswith(UNIX):
        reader, writer = await asyncio.open_unix_connection(listen.removeprefix(UNIX))
    else:
        host, _, port = listen.rpartition(":")
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    try:
        return (await reader.readline()).decode("utf-8", "replace").strip()
    finally:
        writer.close()


async def ask_mailbox(setup: Setup) -> list[Finding]:
    """Log in to the mailbox of bounces and look, where there is one; nothing is changed."""
    if not setup.settings.bounce.imap_host:
        return []
    returned = Returned(setup.settings, setup.opened, setup.clock, b"")
    try:
        waiting = await asyncio.to_thread(_waiting, returned)
    except errors.MailboxError as error:
        return [failed("mailbox", str(error), "Correct imap_host and its login in [bounce].")]
    return [ok("mailbox", f"logged in at {setup.settings.bounce.imap_host}; {waiting} mails wait")]


def _waiting(returned: Returned) -> int:
    with returned.look() as mailbox:
        return len(mailbox.waiting())
