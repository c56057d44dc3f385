"""The settings of being watched, checked: [health]."""

from __future__ import annotations

import re
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from notifier import errors
from notifier.config_values import ListenAt, Section, secret

_URL = re.compile(r"https?://[!-.0-~]+(/[!-~]*)?")


def _pinged(url: SecretStr) -> SecretStr:
    """The address is not repeated: whoever knows it can say that all is well."""
    written = url.get_secret_value()
    if written and not _URL.fullmatch(written):
        raise ValueError("it is no address - write one like https://hc-ping.com/your-uuid")
    return url


def _address(written: str) -> str:
    local, _, domain = written.rpartition("@")
    if parseaddr(written)[1] != written or not (local and domain and written.isascii()):
        raise ValueError(f'"{written}" is no address alone - write ops@example.org')
    return written


class Health(Section):
    """[health]"""

    metrics: Literal["local", "key", "off"] = "local"
    listen: ListenAt = ""
    ping_url: Annotated[SecretStr, AfterValidator(_pinged)] = SecretStr("")
    ping_url_file: Path | None = None
    alert_to: tuple[Annotated[str, AfterValidator(_address)], ...] = ()
    silent_hours: Annotated[int, Field(ge=0, le=720)] = 6
    source_failures: Annotated[int, Field(ge=0, le=1000)] = 6
    disk_megabytes: Annotated[int, Field(ge=0, le=1_000_000)] = 500

    @model_validator(mode="after")
    def _one_ping_url(self) -> Health:
        if self.ping_url_file and self.ping_url.get_secret_value():
            raise ValueError("ping_url and ping_url_file are both set - leave one out")
        return self


def resolved(settings: Health, folder: Path) -> Health:
    """Return the settings with the ping's address read from its file.

    Raises:
        ConfigError: the file cannot be read, or holds none.
    """
    key, file = "health.ping_url_file", settings.ping_url_file
    url = secret(settings.ping_url, file, folder, key)
    try:
        return settings.model_copy(update={"ping_url": _pinged(url)})
    except ValueError as error:
        raise errors.ConfigError(f"{key}: {file}: {error}") from None
