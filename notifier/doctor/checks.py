"""All checks, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Sequence

from notifier.doctor import (
    dkim_dns,
    engine_checks,
    installation,
    mail_checks,
    page_checks,
    sender_dns,
    source_checks,
    time_checks,
)
from notifier.doctor.examining import Check
from notifier.doctor.finding import Finding
from notifier.doctor.setup import Setup

NAMES = (
    "configuration", "templates", "database", "disk", "clock", "clock offset", "zones", "sources",
    "mail server", "spf", "dkim", "dmarc", "mx", "reverse", "bounces", "mailbox", "engine",
    "daemon", "proxies", "public url",
)  # fmt: skip


def all_checks(database: Sequence[Finding], *, offline: bool = False) -> list[Check]:
    """Return the checks.

    Args:
        database: What was found when that was opened.
        offline: Sources are then known by what they brought last.
    """

    async def ask_database(setup: Setup) -> Sequence[Finding]:
        return database

    sources = source_checks.recall_sources if offline else source_checks.ask_sources
    return [
        Check("configuration", installation.ask_configuration),
        Check("templates", installation.ask_templates),
        Check("database", ask_database),
        Check("disk", installation.ask_disk),
        Check("clock", time_checks.ask_clock),
        Check("clock offset", time_checks.ask_offset, leaves=True, needs_database=True),
        Check("zones", time_checks.ask_zones, needs_database=True),
        Check("sources", sources, leaves=not offline, needs_database=True),
        Check("mail server", mail_checks.ask_mail_server, leaves=True),
        Check("spf", sender_dns.ask_spf, leaves=True),
        Check("dkim", dkim_dns.ask_dkim, leaves=True),
        Check("dmarc", sender_dns.ask_dmarc, leaves=True),
        Check("mx", sender_dns.ask_mx, leaves=True),
        Check("reverse", sender_dns.ask_reverse, leaves=True),
        Check("bounces", mail_checks.ask_intake),
        Check("mailbox", mail_checks.ask_mailbox, leaves=True, needs_database=True),
        Check("engine", engine_checks.ask_engine, needs_database=True),
        Check("daemon", page_checks.ask_daemon),
        Check("proxies", page_checks.ask_proxies),
        Check("public url", page_checks.ask_public_url, leaves=True),
    ]
