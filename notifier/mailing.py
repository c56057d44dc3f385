"""Where mails go, and how the mail server is reached, from the settings."""

from __future__ import annotations

from pathlib import Path

from notifier.config import Settings
from notifier.config_values import is_loopback
from notifier.delivery.files import FilesTransport
from notifier.delivery.mailer import Transport
from notifier.delivery.sink import Sink
from notifier.delivery.smtp import SmtpSettings, SmtpTransport
from notifier.storage.database import Database


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


def sink(settings: Settings, database: Database) -> Sink | None:
    """Return where mails are kept that go to nobody, beside an SQLite file; None: they go out."""
    if settings.mail.transport != "sink":
        return None
    beside = Path(f"{database.place}-inbox")
    return Sink(beside if database.is_sqlite else settings.mail.directory)


def transport(settings: Settings, sink: Sink | None) -> Transport:
    """Return the way mails go: into the sink where there is one."""
    if sink:
        return FilesTransport(sink.folder, then=sink.keep)
    if server := smtp_settings(settings):
        return SmtpTransport(server)
    return FilesTransport(settings.mail.directory)


def inbox(settings: Settings) -> str:
    """Return the address of the page that shows the mails of a sink: for this machine only."""
    listen = settings.site.listen
    return f"http://{listen}/inbox" if is_loopback(listen.rpartition(":")[0]) else ""


def mails_go(settings: Settings, sink: Sink | None) -> str:
    """Return where mails go, in words."""
    if sink:
        page = inbox(settings)
        shown = f"shown at {page}" if page else "shown nowhere: see site.listen"
        return f"to nobody: transport is sink; kept in {sink.folder}, {shown}"
    if settings.mail.transport == "files":
        return f"into the folder {settings.mail.directory}"
    return f"to {settings.smtp.host}, port {settings.smtp.port}"
