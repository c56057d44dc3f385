"""What the settings say of sending: destinations, limits, and what becomes of mails in doubt."""

from __future__ import annotations

import hmac
from datetime import timedelta

from notifier.config import Settings
from notifier.delivery.destinations import Destinations
from notifier.delivery.postfix import Postfix
from notifier.jobs.delivering.values import SERVER, DeliverSettings, Pace


def pace(settings: Settings) -> Pace:
    """Return which destinations there are, and how fast mails may go to each."""
    limits = {one.name: one.limits for one in settings.provider}
    limits[SERVER] = settings.delivery.limits
    return Pace(
        destinations=Destinations({one.name: one.all_domains for one in settings.provider}),
        limits={name: found for name, found in limits.items() if found},
        connections={one.name: one.connections for one in settings.provider if one.connections},
    )


def deliver_settings(
    settings: Settings, pace: Pace, *, owner: str, secret: bytes
) -> DeliverSettings:
    """Return how mails are sent by the process that is named in claims as `owner`."""
    return DeliverSettings(
        sender=settings.mail.sender,
        owner=owner,
        lease=timedelta(minutes=settings.delivery.lease_minutes),
        connections=settings.mail.connections,
        holds_doubtful=holds_doubtful(settings),
        bounce_address=settings.mail.bounce_address,
        secret=secret,
        pace=pace,
        postfix=postfix(settings),
        server=server(settings, secret),
    )


def holds_doubtful(settings: Settings) -> bool:
    """Return whether a mail that the server may have taken waits for somebody's word."""
    return settings.delivery.in_doubt != "resend"


def postfix(settings: Settings) -> Postfix | None:
    """Return the Postfix that is asked about mails in doubt, if one is."""
    delivery = settings.delivery
    if delivery.in_doubt != "reconcile":
        return None
    return Postfix(delivery.postfix_log, delivery.postfix_queue_command)


def server(settings: Settings, secret: bytes) -> str:
    """Return a keyed hash of how the mail server is reached, so that a change is noticed."""
    smtp, mail = settings.smtp, settings.mail
    said = repr((
        mail.transport, str(mail.directory), mail.sender, mail.bounce_address, smtp.host, smtp.port,
        smtp.security, str(smtp.ca_file), smtp.user, smtp.password.get_secret_value(),
    ))  # fmt: skip
    return hmac.digest(secret, said.encode(), "sha256").hex()[:16]
