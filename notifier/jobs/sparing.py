"""Who is to blame that a digest cannot be written: some of its papers, or profiles, or neither.

What is found is left out, so that the rest of the digest goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from notifier.digests.choose import Choice, Item, Section
from notifier.errors import NOT_NOW
from notifier.jobs.picking import Picked
from notifier.profiles.parser import parse
from notifier.profiles.profile import Profile


@dataclass(frozen=True, slots=True)
class Culprits:
    """The rows of papers and of profiles without which a digest may be written."""

    papers: frozenset[int] = frozenset()
    profiles: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.papers or self.profiles)


def culprits(picked: Picked, write: Callable[[Picked], object]) -> Culprits:
    """Return what `write` fails at, each tried by itself; none where it fails without any, too."""
    profiles = frozenset(one.row for one in picked.profiles if not _is_readable(one))
    sound = [one for one in picked.profiles if one.row not in profiles]
    bare = replace(picked, profiles=sound, choice=Choice(()), also=())
    if profiles:
        return Culprits(profiles=profiles)
    if not _is_written(write, bare):
        return Culprits()
    return Culprits(
        papers=frozenset(
            row
            for row, choice in _each(picked)
            if not _is_written(write, replace(bare, choice=choice))
        )
    )


def _is_readable(profile: Profile) -> bool:
    with suppress(Exception):
        parse(profile.rules)
        return True
    return False


def _is_written(write: Callable[[Picked], object], picked: Picked) -> bool:
    try:
        write(picked)
    except NOT_NOW:
        raise
    except Exception:
        return False
    return True


def _each(picked: Picked) -> Iterator[tuple[int, Choice]]:
    """Each paper that is shown, in a choice of its own."""
    chosen: Iterable[tuple[str, Item]] = (
        (section.profile, item) for section in picked.choice.sections for item in section.items
    )
    also = ((name, Item(one)) for name, one in picked.also)
    for name, item in (*chosen, *also):
        yield item.ranked.row, Choice((Section(name, (item,)),))
