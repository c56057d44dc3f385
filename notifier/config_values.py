"""What a setting may be: checked texts, addresses and zones, and a table of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from email.utils import parseaddr
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from notifier import errors
from notifier.digests import cadence

# Nothing, or letters, digits, dashes and dots, as in a host's name; case says nothing in DNS.
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_HOST = rf"^({_LABEL}(\.{_LABEL})*)?$"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine and reached by nobody else (RFC 6761, 6.3)."""
    try:
        return host.lower() == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def secret(value: SecretStr, file: Path | None, folder: Path, key: str) -> SecretStr:
    """Return a secret, of its file where there is one; `key` names the file's setting.

    Raises:
        ConfigError: the file cannot be read.
    """
    if file is None:
        return value
    try:
        return SecretStr(file_of(file, folder).read_text("utf-8").rstrip("\r\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise errors.ConfigError(f"{key}: {file} cannot be read: {error}") from None


def file_of(name: Path, folder: Path) -> Path:
    """Return where a file is that settings name: among the credentials that systemd has handed to
    this service (systemd.exec(5), "Credentials"), else from the configuration's folder."""
    handed = os.environ.get("CREDENTIALS_DIRECTORY")
    credential = Path(handed) / name if handed else None
    return credential if credential and credential.is_file() else folder / name


def secrets_in(settings: BaseModel) -> Iterator[str]:
    """Yield every secret that settings hold."""
    for _, value in settings:
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, SecretStr):
                yield one.get_secret_value()
            elif isinstance(one, BaseModel):
                yield from secrets_in(one)


def _one_line(value: str) -> str:
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError("holds a line break or control character")
    return value


def _mailbox(value: str) -> str:
    address = parseaddr(_one_line(value))[1]
    local, _, domain = address.rpartition("@")
    if value and not (local and domain and address.isascii() and " " not in address):
        raise ValueError(f'"{value}" is no mailbox - write "Name <address@example.org>"')
    return value


def _bare_address(value: str) -> str:
    if value and (parseaddr(_mailbox(value))[1] != value or "+" in value or len(value) > 200):
        raise ValueError(f'"{value}" is no address alone - write bounces@papers.example.org')
    return value


def _port(listen: str) -> str:
    if listen and not 0 <= int(listen.rpartition(":")[2]) <= 65535:
        raise ValueError("a port lies between 0 and 65535")
    return listen


def _network(written: str) -> str:
    try:
        ip_network(written)
    except ValueError:
        raise ValueError(
            f'"{written}" is no network - write one like 127.0.0.1 or 10.0.0.0/8'
        ) from None
    return written


def _known_zone(name: str) -> str:
    if not cadence.is_zone(name):
        raise ValueError(f'"{name}" is no IANA time zone - write one like Europe/Berlin')
    return name


def _language(code: str) -> str:
    from notifier import languages  # only where one is set: Babel takes a while to load

    if code not in languages.known():
        raise ValueError(f'"{code}" is no language - there are {", ".join(languages.known())}')
    return code


def _rules(typed: str) -> str:
    if typed.strip():
        from notifier.profiles.parser import parse

        parsed = parse(typed)
        if parsed.problems:
            raise ValueError(f"it holds rules that do not work: {parsed.problems[0]}")
        if parsed.is_empty:
            raise ValueError("no rule in it finds anything - write one, like: LLM agents")
    return typed.strip()


OneLine = Annotated[str, AfterValidator(_one_line)]
Rules = Annotated[str, AfterValidator(_rules)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]
BareAddress = Annotated[str, AfterValidator(_bare_address)]
Network = Annotated[str, AfterValidator(_network)]
Zone = Annotated[str, AfterValidator(_known_zone)]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")]
HostName = Annotated[str, Field(pattern=_HOST)]
LanguageCode = Annotated[str, AfterValidator(_language)]
ListenAt = Annotated[
    str,
    Field(pattern=r"^[^\s:]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$|^$"),
    AfterValidator(_port),
]
AsciiUrl = Annotated[str, Field(pattern=r"^https?://[!-.0-~]+(/[!-~]*)?$")]


class Section(BaseModel):
    """A table of the file; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
