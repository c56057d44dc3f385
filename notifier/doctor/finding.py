"""What a check found, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `remedy` is a sentence with a command, a setting or a DNS record."""

    check: str
    state: State
    found: str
    remedy: str = ""


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", found)


def warning(check: str, found: str, remedy: str) -> Finding:
    """It works, and somebody should look."""
    return Finding(check, "warning", found, remedy)


def failed(check: str, found: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(check, "failed", found, remedy)


def skipped(check: str, why: str) -> Finding:
    """It was not looked at."""
    return Finding(check, "skipped", why)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 1 where something failed, 3 where somebody should look, else 0."""
    states = {one.state for one in findings}
    return 1 if "failed" in states else 3 if "warning" in states else 0
