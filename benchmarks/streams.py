"""Papers as plain tokens that no engine's tokeniser changes, and profiles as questions in them.

So every engine is asked about the same words: our own stems. A word of ours answers to several
keys (see `notifier.profiles.keys`), a token is one string: the name of its word's set of keys,
and a key asks for every token that stands for it. Each text comes in two forms: `stems` (and
acronyms), `forms` (also words as written, for quotes and prefixes). Behind the text, after a
barrier, stands what a compound adds: its joined word among its neighbours.

Left out are `author:`, `org:`, `source:` and `trending`: no engine here can be asked them simply.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from typing import Literal, TypeAlias

from notifier.papers.paper import Paper
from notifier.papers.text import compounds, fold, open_compounds, stem, tokens
from notifier.profiles.keys import Key, Keys, Steps, keys_of, keys_of_compound, steps
from notifier.profiles.rules import And, Leaf, Meta, Near, Node, Not, Or, Phrase, Rules, Weighted

Form = Literal["stems", "forms"]
FORMS: tuple[Form, Form] = ("stems", "forms")
FIELDS = ("title", "abstract")
COLUMNS = (*(f"{field}_{form}" for field in FIELDS for form in FORMS), "categories")
BARRIER = ["qz"] * 8  # no token's name, and more of them than the distances that are asked
NEIGHBOURS = 5  # on either side of a joined compound: longer phrases with one are missed
_ASKED_ACRONYM = re.compile(r"[A-Z]{2,5}s?")
_PLAIN = frozenset("abcdefghijklmnoprstuvwxyz0123456789")  # without q, which escapes
KeySet: TypeAlias = frozenset[Key]
Joined: TypeAlias = list[tuple[int, int, str]]  # first word, word after the last, token


# Questions.


@dataclass(frozen=True, slots=True)
class Run:
    """Tokens side by side; `is_prefix`: the last is the beginning of one."""

    where: str  # a field, or `text` for both
    form: Form
    tokens: tuple[str, ...]
    is_prefix: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Where to look."""
        fields = FIELDS if self.where == "text" else (self.where,)
        return tuple(f"{field}_{self.form}" for field in fields)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs of one form at most `distance` words apart, in either order; 1 is side by side."""

    left: Run
    right: Run
    distance: int


@dataclass(frozen=True, slots=True)
class Category:
    """A token of the column `categories`."""

    token: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """Any of the parts."""

    parts: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of the parts, which are one at least, and none of `without`."""

    parts: tuple[Question, ...]
    without: tuple[Question, ...] = ()


Question: TypeAlias = Run | Pair | Category | OneOf | AllOf


# Tokens.


@lru_cache(maxsize=100_000)
def encoded(word: str) -> str:
    """Return `word` in a-z and 0-9: words differ as before, and begin with each other as before."""
    return "".join(
        c if c in _PLAIN else "qq" if c == "q" else f"qy{c.lower()}" if "A" <= c <= "Z"
        else f"qz{ord(c):x}q"
        for c in word
    )  # fmt: skip


@lru_cache(maxsize=100_000)
def _token(form: Form, keys: KeySet) -> str:
    """Return the name of those of `keys` that can be asked in this form; a plain word is itself."""
    main = "s" if form == "stems" else "f"
    words = sorted((key[1:] for key in keys if key[0] == main), key=len)
    first = words[0] if form == "stems" else words[-1]
    implied = {main + first} | ({"s" + stem(first)} if form == "forms" else set())
    rest = sorted(key for key in keys - implied if _is_asked(form, key))
    return "".join([encoded(first), *(f"qx{key[0]}{encoded(key[1:])}" for key in rest)])


def _is_asked(form: Form, key: Key) -> bool:
    if key[0] in "cw" and not _ASKED_ACRONYM.fullmatch(key[1:]):
        return False
    return form == "forms" or key[0] in "sc"


class Streams:
    """The papers' texts as tokens, and all tokens that stand in them."""

    def __init__(self, papers: Iterable[Paper]) -> None:
        self._tokens: dict[tuple[Form, Key], set[str]] = defaultdict(set)
        self.papers = [self._columns(paper) for paper in papers]
        self._forms = sorted({t for (form, _), known in self._tokens.items() if form == "forms"
                              for t in known})  # fmt: skip

    def _columns(self, paper: Paper) -> tuple[list[str], ...]:
        """Return the tokens of each of `COLUMNS`."""
        columns = [tokens for text in (paper.title, paper.abstract) for tokens in self._text(text)]
        archives = {fold(category).partition(".")[0] for category in paper.categories}
        categories = archives.union(map(fold, paper.categories))
        return (*columns, sorted(map(encoded, categories)))

    def _text(self, text: str) -> Iterator[list[str]]:
        """Yield the text in each of `FORMS`."""
        words = list(tokens(text))
        keys = [frozenset(keys_of(word.written)) for word in words]
        found = sorted((*compounds(words), *open_compounds(words)), key=lambda c: (c[0], -c[1]))
        joined = [(first, end, frozenset(keys_of_compound(word))) for first, end, word in found]
        for form in FORMS:
            yield _laid_out(
                [self._known(form, own) for own in keys],
                [(first, end, self._known(form, own)) for first, end, own in joined],
            )

    def _known(self, form: Form, keys: KeySet) -> str:
        token = _token(form, keys)
        for key in keys:
            self._tokens[form, key].add(token)
        return token

    def standing_for(self, form: Form, key: Key) -> list[str]:
        """Return the tokens that `key` asks for, a name that no paper holds where there is none."""
        if key[0] == "p":
            begun = encoded(key[1:])
            low, high = (bisect_left(self._forms, end) for end in (begun, begun + "{"))
            return self._forms[low:high] or [begun]
        return sorted(self._tokens.get((form, key), ())) or [encoded(key[1:])]

    def holds(self, key: Key) -> bool:
        """Return whether any paper holds `key`."""
        if key[0] == "p":
            return self.standing_for("forms", key) != [encoded(key[1:])]
        return ("forms", key) in self._tokens


def _laid_out(words: list[str], joined: Joined) -> list[str]:
    """Return the words, and behind barriers each compound joined, alone and with others near by."""
    out = list(words)
    for first, end, token in joined:
        out += [*BARRIER, *words[max(0, first - NEIGHBOURS) : first], token]
        out += words[end : end + NEIGHBOURS]
    whole: Joined = []
    for compound in joined:
        if not whole or compound[0] >= whole[-1][1]:  # else a pair inside the one before
            whole.append(compound)
    for group in _groups(whole):
        place = max(0, group[0][0] - NEIGHBOURS)
        out += BARRIER
        for first, end, token in group:
            out += [*words[place:first], token]
            place = end
        out += words[place : place + NEIGHBOURS]
    return out


def _groups(compounds: Joined) -> Iterator[Joined]:
    """Yield each longest row of two or more neighbouring compounds."""
    group = compounds[:1]
    for before, compound in pairwise(compounds):
        if compound[0] - before[1] <= NEIGHBOURS:
            group.append(compound)
            continue
        if len(group) > 1:
            yield group
        group = [compound]
    if len(group) > 1:
        yield group


# Profiles to questions.


def question(rules: Rules, streams: Streams) -> Question | None:
    """Return what to ask an engine for a profile, None where nothing of it can be asked."""
    wanted = [asked for _, node in rules.wanted() if (asked := _node(node, streams))]
    if not wanted:
        return None
    never = [asked for _, node in rules.never() if (asked := _node(node, streams))]
    return AllOf((OneOf(tuple(wanted)),), tuple(never)) if never else OneOf(tuple(wanted))


def _node(node: Node, streams: Streams) -> Question | None:
    match node:
        case Weighted(part=part):
            return _node(part, streams)
        case Or(parts=parts):
            asked = tuple(found for part in parts if (found := _node(part, streams)))
            return OneOf(asked) if asked else None
        case And(parts=parts):
            return _all(parts, streams)
        case Phrase():
            return _one_of(_runs(node, streams))
        case Near(left=left, right=right, distance=distance):
            form = _form([*_readings(steps(left.words)), *_readings(steps(right.words))])
            sides = [_runs(side, streams, form) for side in (left, right)]
            return _one_of(Pair(one, other, distance) for one, other in product(*sides))
        case Meta(where="cat", value=value):
            value = fold(value).removesuffix(".*")
            return None if "*" in value else Category(encoded(value))
        case _:
            return None


def _one_of(parts: Iterable[Question]) -> Question:
    found = tuple(dict.fromkeys(parts))
    return found[0] if len(found) == 1 else OneOf(found)


def _all(parts: Iterable[Node], streams: Streams) -> Question | None:
    """Return the question for an And; an excluded part that cannot be asked excludes nothing."""
    wanted, without = [], []
    for part in parts:
        asked = _node(part.part if isinstance(part, Not) else part, streams)
        if isinstance(part, Not):
            without += [asked] if asked else []
        elif asked is None:
            return None
        else:
            wanted.append(asked)
    return AllOf(tuple(wanted), tuple(without)) if wanted else None


def _runs(phrase: Phrase, streams: Streams, form: Form | None = None) -> Iterator[Run]:
    """Yield every way to read the phrase; with joined words only where a paper has them."""
    for number, keys in enumerate(_readings(steps(phrase.words))):
        if not keys or (number and not all(map(streams.holds, keys))):
            continue
        needed = form or _form([keys])
        is_prefix = keys[-1][0] == "p"
        last = [encoded(keys[-1][1:])] if is_prefix else streams.standing_for(needed, keys[-1])
        for row in product(*(streams.standing_for(needed, key) for key in keys[:-1]), last):
            yield Run(phrase.where, needed, row, is_prefix)


def _form(readings: Iterable[Keys]) -> Form:
    """Return the form in which all keys can be asked, stems wherever they do: they are fewer."""
    return "stems" if all(key[0] in "sc" for keys in readings for key in keys) else "forms"


def _readings(ways: Steps, first: int = 0) -> Iterator[Keys]:
    """Yield every way to read a phrase, the first as it was typed."""
    if first == len(ways):
        yield ()
        return
    for keys, used in ways[first]:
        for rest in _readings(ways, first + used):
            yield (*keys, *rest)


def every_leaf(node: Node) -> Iterator[Leaf]:
    """Yield all leaves of `node`, those that exclude among them."""
    match node:
        case Weighted(part=part) | Not(part=part):
            yield from every_leaf(part)
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from every_leaf(part)
        case _:
            yield node
