"""What an archive takes along beside tables: settings, and keys where they are asked for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notifier.storage.archive_file import SETTINGS

if TYPE_CHECKING:
    from notifier.config import Settings

HIDDEN = "********"
_LOGIN = re.compile(r"(://[^/@:\s\"']*):[^/@\s\"']+@")
_PARAMETER = re.compile(r"(password=)[^&\s\"']+")
_NAME = re.compile(r"[\w-][\w.-]{0,90}")


def collected(settings: Settings, file: Path | None, *, with_secrets: bool) -> dict[str, bytes]:
    """Return what goes along, by its name in the archive."""
    found: dict[str, bytes] = {}
    if file is not None:
        text = file.read_text("utf-8-sig")
        shown: str | None = text if with_secrets else without_secrets(text, settings)
        if shown is not None:
            found[SETTINGS] = shown.encode()
    if with_secrets:
        found |= _keys(settings)
    return found


def without_secrets(text: str, settings: Settings) -> str | None:
    """Return settings as they were typed, with stars for secrets; None where one might remain."""
    from notifier.config_values import secrets_in

    secrets = [one for one in secrets_in(settings) if one]
    for secret in secrets:
        for quote in "\"'":
            text = text.replace(f"{quote}{secret}{quote}", f"{quote}{HIDDEN}{quote}")
    text = _PARAMETER.sub(rf"\1{HIDDEN}", _LOGIN.sub(rf"\1:{HIDDEN}@", text))
    try:
        values = list(_values(tomllib.loads(text)))
    except tomllib.TOMLDecodeError:
        return None
    return None if any(secret in value for secret in secrets for value in values) else text


def _values(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    for one in told.values() if isinstance(told, dict) else told if isinstance(told, list) else ():
        yield from _values(one)


def _keys(settings: Settings) -> dict[str, bytes]:
    from notifier import signing

    found: dict[str, bytes] = {}
    if settings.dkim.private_key_file:
        for key in signing.key_files(settings):
            name = key.path.name if _NAME.fullmatch(key.path.name) else f"{key.kind}.pem"
            name = f"{key.kind}-{name}" if f"keys/{name}" in found else name
            found[f"keys/{name}"] = key.path.read_bytes()
    return found
