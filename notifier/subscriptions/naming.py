"""Which profile is meant by rules, and what one is called that nobody named. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from notifier.profiles.parser import parse
from notifier.profiles.profile import Profile
from notifier.subscriptions.checks import NAME_CHARACTERS

_UNNAMED = "Papers"
_WEIGHT = re.compile(r"\^[\d.]+\s*\Z")


def same(profiles: Sequence[Profile], rules: str, name: str) -> Profile | None:
    """Return the profile that has these rules and this name ("": any); None if none has."""
    found = (one for one in profiles if one.rules == rules and name in ("", one.name))
    return next(found, None)


def name_for(rules: str) -> str:
    """Return a name for a profile: its first rule that can bring a paper, cut at a word."""
    parsed = parse(rules)
    number = next((number for number, _ in parsed.wanted()), 0)
    typed = parsed.lines[number - 1].typed.partition("#")[0] if number else ""
    typed = _WEIGHT.sub("", typed)
    words = "".join(c if c.isprintable() else " " for c in typed).split()
    while words and len(" ".join(words)) > NAME_CHARACTERS - 4:
        words.pop()
    return " ".join(words) or _UNNAMED


def free_name(profiles: Sequence[Profile], rules: str) -> str:
    """Return a name for rules that none of the profiles has."""
    taken, name = {profile.name for profile in profiles}, name_for(rules)
    number = 2
    while (made := name if number == 2 else f"{name} {number - 1}") in taken:
        number += 1
    return made
