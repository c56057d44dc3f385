"""What happens to a paper that people know already, and what one more reading tells of it.

Pure. The kinds: a new version, a withdrawal, a publication (a DOI of its own or a journal), code
that appears, and that it is talked about all at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from notifier.papers.update import Kept

Kind: TypeAlias = Literal["version", "withdrawn", "published", "code", "attention"]
# In the order in which they are told: what changes whether one may cite it first.
KINDS: tuple[Kind, ...] = ("withdrawn", "published", "version", "code", "attention")
# Of papers that were sent: what nobody should miss. Else every second paper were told of again.
OF_SENT: tuple[Kind, ...] = ("withdrawn", "published")
_CODE = re.compile(
    r"https?://(?:www\.)?(?:github\.com|gitlab\.com|codeberg\.org|bitbucket\.org)"
    r"/[\w.-]+/[\w.-]*\w",
    re.ASCII,
)
# Preprint servers' own: Research Square, ChemRxiv, PsyArXiv, Preprints.org, SSRN, arXiv, openRxiv.
_PREPRINTS = ("10.21203/", "10.26434/", "10.31234/", "10.20944/", "10.2139/", "10.48550/",
              "10.64898/")  # fmt: skip
_BIORXIV = re.compile(r"10\.1101/(?:\d{4}\.\d{2}\.\d{2}\.)?\d{6,8}\b")


@dataclass(frozen=True, slots=True)
class Event:
    """Of one paper a kind happens once, a version each time (`value` is its number, else "")."""

    kind: Kind
    value: str = ""
    detail: str = ""


def events(before: Kept, changed: Mapping[str, Any]) -> Iterator[Event]:
    """Yield what a reading tells of a paper that was known.

    Args:
        before: The paper as it was.
        changed: The columns that the reading changes; see `papers.update`.
    """
    if before.version is not None and "version" in changed:
        yield Event("version", str(changed["version"]))
    if changed.get("withdrawn_at"):
        yield Event("withdrawn")
    if changed.get("journal") and not before.journal:
        yield Event("published", detail=changed["journal"])
    if code := _code(before, changed):
        yield Event("code", detail=code)


def _code(before: Kept, changed: Mapping[str, Any]) -> str:
    """Where the paper's code is, if nobody said so before; "" else."""
    if before.urls.get("code") or _linked(before.abstract, before.comment):
        return ""
    named: str = changed.get("urls", {}).get("code") or ""
    return named or _linked(changed.get("abstract"), changed.get("comment"))


def _linked(*texts: str | None) -> str:
    found = (_CODE.search(text) for text in texts if text)
    return next((one[0].removesuffix(".git") for one in found if one), "")


def is_publication(doi: str) -> bool:
    """Whether a DOI is a publisher's, and not that of a preprint."""
    return not doi.startswith(_PREPRINTS) and not _BIORXIV.match(doi)


def read_kinds(written: str) -> tuple[Kind, ...]:
    """Return the kinds that a comma joins, in their order; what is none is left out."""
    named = {part.strip() for part in written.split(",")}
    return tuple(kind for kind in KINDS if kind in named)
