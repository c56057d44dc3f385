"""Which of our languages a browser asks for (RFC 9110, 12.5.4). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# A language range and its weight; what does not look like this is passed over.
_RANGE = re.compile(
    r"(\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)"
    r"[ \t]*(?:;[ \t]*[Qq]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)


def asked_for(header: str, known: Sequence[str], *, default: str) -> str:
    """Return the language that is wanted most, `default` where none that we know is wanted.

    A regional variant stands for its language: who wants `de-AT` gets `de`. Of what is wanted
    equally, the first named counts. `*` stands for every language that is not named.

    Args:
        header: Accept-Language as it was sent, "" if it was not.
        known: Codes of two letters.
        default: What `*` means, too, unless it is named.
    """
    wanted = list(_ranges(header))
    named = {code for code, _ in wanted}
    others = [code for code in (default, *known) if code not in named]
    for code, weight in sorted(wanted, key=lambda one: -one[1]):
        if weight and code in known:
            return code
        if weight and code == "*" and others:
            return others[0]
    return default


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(","):
        if found := _RANGE.fullmatch(part.strip(" \t")):
            yield found[1].partition("-")[0].lower(), float(found[2] or 1)
