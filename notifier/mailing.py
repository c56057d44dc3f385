"""How the mail server is reached, from the settings."""

from __future__ import annotations

from notifier.config import Settings
from notifier.delivery.smtp import SmtpSettings


def smtp_settings(settings: Settings) -> SmtpSettings | None:
    """Return how the mail server is reached; None where mails go to none."""
    if settings.mail.transport != "smtp":
        return None
    smtp = settings.smtp
    return SmtpSettings(
        host=smtp.host,
        port=smtp.port,
        security=smtp.security,
        user=smtp.user,
        password=smtp.password.get_secret_value(),
        ca_file=smtp.ca_file,
        send_seconds=smtp.send_seconds,
        timeout_seconds=smtp.timeout_seconds,
        mails_per_connection=smtp.mails_per_connection,
        connection_seconds=smtp.connection_seconds,
        idle_seconds=smtp.idle_seconds,
    )
