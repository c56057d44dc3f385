"""A work as a reference manager keeps it, and a file of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from notifier.papers import identity
from notifier.papers.identity import Alias
from notifier.papers.latex import to_unicode
from notifier.papers.text import one_line
from notifier.sources.cleaning import plain

Kind: TypeAlias = Literal["bibtex", "ris", "csl", "ids"]
KINDS: tuple[Kind, ...] = ("bibtex", "ris", "csl", "ids")
_BRACES = re.compile(r"[{}]")


@dataclass(frozen=True, slots=True)
class Work:
    """What a file says of a work; `aliases` are its ids, which may be all that is known of it.

    `line`: where it begins, from 1; `authors` as written.
    """

    line: int
    title: str = ""
    abstract: str = ""
    authors: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    aliases: tuple[Alias, ...] = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """A place of a file that is no work, and why; `line` from 1."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Bibliography:
    """A file, read; `unread` are in the order of lines."""

    kind: Kind
    works: tuple[Work, ...]
    unread: tuple[Unread, ...] = ()


def work(
    line: int,
    *,
    title: object = "",
    abstract: object = "",
    authors: Iterable[object] = (),
    keywords: Iterable[object] = (),
    names: Iterable[object] = (),
) -> Work | None:
    """Return a work of what stands in a file's fields, or None where they name none.

    Args:
        names: Whatever may be an id, a DOI or an address of it.
    """
    aliases = dict.fromkeys(
        found[0] for name in names if isinstance(name, str) and (found := identity.parse(name))
    )
    made = Work(
        line,
        cleaned(title),
        cleaned(abstract),
        tuple(name for name in map(cleaned, authors) if name),
        tuple(word for word in map(cleaned, keywords) if word),
        tuple(aliases),
    )
    return made if made.title or made.aliases else None


def cleaned(value: object) -> str:
    """A field as text on one line: without TeX, markup and braces that only protect letters."""
    if not isinstance(value, str):
        return ""
    return one_line(_BRACES.sub("", to_unicode(plain(value))))
