"""Profiles as a file that people keep, share and put under version control: TOML.

Pure. Many profiles in one file; what `write` gives, `read` takes back, to the character.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_KEYS = ("name", "enabled", "address", "rules")
_ESCAPED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\\]")
# A quote that would end the text: one before two others, and the last character.
_ENDING_QUOTE = re.compile(r'"(?=""|\Z)')
_SHORT = {"\r": r"\r", "\f": r"\f", "\b": r"\b", "\\": r"\\"}


class NotPortable(ValueError):
    """The text is no file of profiles; says why."""


@dataclass(frozen=True, slots=True)
class PortableProfile:
    """A profile as the file has it.

    `enabled` is None where the file does not say; `address` names the subscriber, or is empty.
    """

    name: str
    rules: str
    enabled: bool | None = None
    address: str = ""


def write(profiles: Iterable[PortableProfile]) -> str:
    """Return the file's text; the same profiles give the same text."""
    return "\n".join(map(_written, profiles))


def _written(profile: PortableProfile) -> str:
    lines = ["[[profile]]", f"name = {_line(profile.name)}"]
    if profile.address:
        lines.append(f"address = {_line(profile.address)}")
    if profile.enabled is not None:
        lines.append(f"enabled = {str(profile.enabled).lower()}")
    rules = _ENDING_QUOTE.sub(r'\\"', _escaped(profile.rules))
    return "\n".join([*lines, f'rules = """\n{rules}"""\n'])


def _line(value: str) -> str:
    return '"' + _escaped(value).replace('"', r"\"").replace("\n", r"\n") + '"'


def _escaped(value: str) -> str:
    return _ESCAPED.sub(lambda f: _SHORT.get(f.group(), f"\\u{ord(f.group()):04x}"), value)


def read(text: str) -> tuple[list[PortableProfile], list[str]]:
    """Return the profiles of a file, and what is wrong with entries that are left out.

    Raises:
        NotPortable: it is no TOML, or holds no list of profiles.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotPortable(f"no TOML: {error}") from error
    entries = document.pop("profile", None)
    if not isinstance(entries, list) or not entries:
        raise NotPortable("no profile in it - each begins with [[profile]]")
    found: list[PortableProfile] = []
    problems = [_unknown(key) for key in document]
    for number, entry in enumerate(entries, 1):
        try:
            found.append(_entry(entry))
        except NotPortable as error:
            problems.append(f"profile {number} is left out: {error}")
        else:
            problems += (f"profile {number}: {_unknown(k)}" for k in entry if k not in _KEYS)
    return found, problems


def _unknown(key: str) -> str:
    return f'"{key}" is not known here and left out'


def _entry(entry: Any) -> PortableProfile:
    if not isinstance(entry, dict):
        raise NotPortable("it is no table - each begins with [[profile]]")
    for key in ("name", "rules"):
        if not isinstance(entry.get(key), str):
            raise NotPortable(f'"{key}" has to be a text')
    enabled, address = entry.get("enabled"), entry.get("address", "")
    if not isinstance(enabled, bool | None) or not isinstance(address, str):
        raise NotPortable('"enabled" is true or false, "address" a text')
    return PortableProfile(entry["name"], entry["rules"], enabled, address)
