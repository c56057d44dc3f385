"""What happens to a paper that people know already, and what one more reading tells of it.

Pure. The kinds: a new version, a withdrawal, a publication (a DOI of its own or a journal), code
that appears, and that it is talked about all at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["version", "withdrawn", "published", "code", "attention"]
# In the order in which they are told: what changes whether one may cite it first.
KINDS: tuple[Kind, ...] = ("withdrawn", "published", "version", "code", "attention")
# Of papers that were sent: what nobody should miss. Else every second paper were told of again.
OF_SENT: tuple[Kind, ...] = ("withdrawn", "published")


@dataclass(frozen=True, slots=True)
class Event:
    """Of one paper a kind happens once, a version each time (`value` is its number, else "")."""

    kind: Kind
    value: str = ""
    detail: str = ""


def events(before: Mapping[str, str], changed: Mapping[str, Any]) -> Iterator[Event]:
    """Yield what a reading tells of a paper that was known.

    Args:
        before: The paper's addresses as they were.
        changed: The columns that the reading changes; see `papers.update`.
    """
    if "announce" in changed and "version" in changed:
        yield Event("version", str(changed["version"]))
    if changed.get("withdrawn_at"):
        yield Event("withdrawn")
    if changed.get("journal"):
        yield Event("published", detail=changed["journal"])
    code = changed.get("urls", {}).get("code")
    if code and not before.get("code"):
        yield Event("code", detail=code)


def read_kinds(written: str) -> tuple[Kind, ...]:
    """Return the kinds that a comma joins, in their order; what is none is left out."""
    named = {part.strip() for part in written.split(",")}
    return tuple(kind for kind in KINDS if kind in named)
