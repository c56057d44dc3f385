"""The settings of what comes back, checked: [bounce]."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from notifier.config_values import OneLine, Section, is_loopback, secret

UNIX = "unix:"
_UNIX_BYTES = 100  # a socket's path has 108 at most, and its folder may be put before it


def _reached_by_nobody_else(listen: str) -> str:
    """LMTP must not be offered to a wide area network (RFC 2033, 5), and has no login here."""
    if not listen or re.fullmatch(rf"{UNIX}[^\0]{{1,{_UNIX_BYTES}}}", listen):
        return listen
    host, _, port = listen.rpartition(":")
    if not (host and port.isdecimal() and int(port) <= 65535):
        raise ValueError(
            f'"{listen}" is no place to listen - write "127.0.0.1:2424" or "unix:/path/lmtp.sock"'
        )
    if not is_loopback(host):
        raise ValueError(
            f'"{listen}" could be reached by others, and LMTP has no login - '
            f'write "127.0.0.1:{port}" or "unix:/path/lmtp.sock"'
        )
    return listen


class Bounce(Section):
    """[bounce]"""

    listen: Annotated[OneLine, AfterValidator(_reached_by_nobody_else)] = ""
    imap_host: OneLine = ""
    imap_port: Annotated[int, Field(ge=1, le=65535)] = 993
    imap_security: Literal["tls", "starttls", "none"] = "tls"
    imap_ca_file: Path | None = None
    imap_user: OneLine = ""
    imap_password: SecretStr = SecretStr("")
    imap_password_file: Path | None = None
    imap_folder: Annotated[OneLine, Field(min_length=1)] = "INBOX"
    imap_done_folder: Annotated[OneLine, Field(min_length=1)] = "Processed"
    imap_minutes: Annotated[int, Field(ge=1, le=1440)] = 5

    @model_validator(mode="after")
    def _imap_is_whole(self) -> Bounce:
        given = [name for name in sorted(self.model_fields_set) if name.startswith("imap_")]
        if not self.imap_host:
            if given:
                raise ValueError(f"{given[0]} needs imap_host beside it")
            return self
        if not (self.imap_user and (self.imap_password_file or "imap_password" in given)):
            raise ValueError("imap_host needs imap_user and imap_password_file beside it")
        if self.imap_security == "none" and not is_loopback(self.imap_host):
            raise ValueError(
                'without TLS the password could be read - set imap_security = "tls" or "starttls"'
            )
        if _same_folder(self.imap_folder, self.imap_done_folder):
            raise ValueError("imap_done_folder must be another one than imap_folder")
        return self


def _same_folder(one: str, other: str) -> bool:
    """INBOX is written in any case (RFC 3501, 5.1)."""
    inboxes = one.upper() == other.upper() == "INBOX"
    return one == other or inboxes


def resolved(settings: Bounce, folder: Path) -> Bounce:
    """Return the settings with paths made absolute and the password read from its file.

    Raises:
        ConfigError: the file cannot be read.
    """
    password = secret(
        settings.imap_password,
        settings.imap_password_file,
        folder,
        "bounce.imap_password_file",
    )
    changes: dict[str, object] = {"imap_password": password}
    if settings.imap_ca_file:
        changes["imap_ca_file"] = folder / settings.imap_ca_file
    if settings.listen.startswith(UNIX):
        changes["listen"] = f"{UNIX}{folder / settings.listen.removeprefix(UNIX)}"
    return settings.model_copy(update=changes)
