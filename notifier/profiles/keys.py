"""What a word is kept under in papers, and what a rule asks for: keys that both sides make alike.

Pure. A key is a letter for the form and the word in that form: `s` a stem, `f` a folded word, `c`
an acronym with its case (plural dropped), `w` the same exactly as written; a rule may also ask
for `p`, a prefix of folded words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from notifier.papers.text import cased, compounds, fold, spelled_out, stem, surface_of, tokens
from notifier.profiles.rules import Word

Key: TypeAlias = str
Keys: TypeAlias = tuple[Key, ...]
# For each word of a phrase the ways to read it: (keys side by side, words used up).
Steps: TypeAlias = tuple[tuple[tuple[Keys, int], ...], ...]

_ACRONYM = re.compile(r"[A-Z]{2,5}")
# Two words of at least this many letters are also looked for as one (fine tuning, finetuning).
_JOIN_LETTERS = 3
# A phrase that could be read in more ways, joined and parted, is looked for as typed.
MOST_SEQUENCES = 64


@lru_cache(maxsize=200_000)
def keys_of(written: str) -> Keys:
    """Return the keys under which a word of a text is kept; `written` as `text.tokens` gives it."""
    surface = surface_of(written)
    folded = fold(surface)
    keys = {"s" + stem(folded): None, "f" + folded: None}
    if surface.isupper():
        keys |= {"c" + cased(surface): None, "w" + cased(written): None}
    if spelled := spelled_out(surface):  # Müller, asked for as Mueller
        keys |= {"s" + stem(fold(spelled)): None, "f" + fold(spelled): None}
    if written != surface:  # LLMs and VMs, asked for as llms and vms
        plural = fold(written)
        keys |= {"s" + stem(plural): None, "f" + plural: None}
    return tuple(keys)


def keys_of_compound(joined: str) -> Keys:
    """Return the keys of a compound, given folded and joined."""
    return "s" + stem(joined), "f" + joined


@lru_cache(maxsize=100_000)
def steps(words: tuple[Word, ...]) -> Steps:
    """Return the ways to read a phrase, word by word; at most `MOST_SEQUENCES` from end to end."""
    typed = [(word, keys) for word in words if (keys := _asked(word))]
    pairs = [_pair(one, two) for one, two in pairwise(typed)] + [None]
    parted = [((keys, 1),) for _, keys in typed]
    several = [ways + _other_ways(*one) for ways, one in zip(parted, typed, strict=True)]
    joined = [
        ways + ((((pair,), 2),) if pair else ()) for ways, pair in zip(several, pairs, strict=False)
    ]
    return next(tuple(ways) for ways in (joined, several, parted) if _count(ways) <= MOST_SEQUENCES)


def _other_ways(word: Word, keys: Keys) -> tuple[tuple[Keys, int], ...]:
    """The ways to read one word but for the plain one: umlauts spelled out, a compound joined."""
    ways: list[tuple[Keys, int]] = []
    if spelled := spelled_out(word.text):  # Müller, written Mueller
        ways.append((_asked(replace(word, text=spelled)), 1))
    if len(keys) > 1 and not word.exact and (joined := _joined(word, keys)):
        ways.append(((joined,), 1))
    return tuple(ways)


def _count(steps: Sequence[tuple[tuple[Keys, int], ...]]) -> int:
    """In how many ways a phrase can be read from end to end."""
    ways = [1] + [0] * len(steps)
    for place, here in enumerate(steps):
        for _, used in here:
            ways[place + used] += ways[place]
    return ways[-1]


def sequences(words: tuple[Word, ...]) -> list[Keys]:
    """Return every sequence of keys that a phrase stands for, each once."""
    read: list[dict[Keys, None]] = [{(): None}]
    ways = steps(words)
    read += [{} for _ in ways]
    for place, here in enumerate(ways):
        for keys, used in here:
            read[place + used].update(dict.fromkeys(before + keys for before in read[place]))
    return [sequence for sequence in read[-1] if sequence]


@lru_cache(maxsize=100_000)
def _asked(word: Word) -> Keys:
    """What to look for, for each part of one typed word (a compound has several)."""
    parts = list(tokens(word.text))
    if len(parts) == 1 and not word.prefix and _ACRONYM.fullmatch(cased(parts[0].surface)):
        return ("w" + cased(parts[0].written) if word.exact else "c" + cased(parts[0].surface),)
    keys = ["f" + fold(p.written) if word.exact else "s" + p.stem for p in parts]
    if word.prefix and parts:
        keys[-1] = "p" + parts[-1].folded
    return tuple(keys)


def asked_plainly(typed: str, *, exact: bool, prefix: bool) -> tuple[Key, str, Key]:
    """Return the key, the folded form and the key of the stem ("": a prefix) of a typed word.

    `typed` is ASCII letters and digits, without its star. There is no other way to read it.
    """
    if typed.islower() and not (exact or prefix):  # most are, and then the rest need not be asked
        key = "s" + stem(typed)
        return key, typed, key
    surface = surface_of(typed)
    folded = fold(surface)
    if prefix:
        return "p" + folded, folded, ""
    stemmed = "s" + stem(folded)
    if _ACRONYM.fullmatch(surface):
        return ("w" + typed if exact else "c" + surface), folded, stemmed
    return ("f" + fold(typed) if exact else stemmed), folded, stemmed


def _joined(word: Word, keys: Keys) -> Key | None:
    """The joined form of a compound, or None where joining could only mislead.

    `U.S.` is US but no "us"; `Model-S` is no plural and `DALL-E` has no ending to be stemmed.
    """
    folded = [part.folded for part in tokens(word.text)]
    joined = "".join(folded)
    if keys[-1][0] == "p":
        return "p" + joined
    if all(len(part) == 1 for part in folded) and _ACRONYM.fullmatch(joined.upper()):
        return "c" + joined.upper()
    if len(folded[-1]) == 1:
        return None if folded[-1] == "s" else "f" + joined
    return "s" + stem(joined)


def _pair(one: tuple[Word, Keys], two: tuple[Word, Keys]) -> Key | None:
    """The joined form of two words, or None where joining could only mislead."""
    if any(len(keys) != 1 for _, keys in (one, two)):
        return None
    first, second = (next(tokens(word.text)).folded for word, _ in (one, two))
    return pair(first, second, forms=one[1][0][0] + two[1][0][0])


def pair(first: str, second: str, *, forms: str) -> Key | None:
    """The same of two folded words that have one key each, of these two forms."""
    if forms in ("ss", "cs") and first.isalpha() and len(first) > 1 and second[0].isdecimal():
        return "f" + first + second  # Llama 3, COVID 19
    both = first + second
    if forms != "ss" or not both.isalpha() or min(len(first), len(second)) < _JOIN_LETTERS:
        return None
    return "s" + stem(both)


def stems_in(text: str) -> set[str]:
    """Return the distinct stems of a text, those of hyphenated compounds among them."""
    return set().union(*map(_chunk_stems, set(text.split())))


@lru_cache(maxsize=200_000)
def _chunk_stems(chunk: str) -> frozenset[str]:
    words = list(tokens(chunk))
    keys = [key for word in words for key in keys_of(word.written)]
    keys += [key for _, _, joined in compounds(words) for key in keys_of_compound(joined)]
    return frozenset(key[1:] for key in keys if key[0] == "s")


def stems_of(words: Sequence[Word]) -> tuple[str, ...]:
    """Return the distinct stems of the words that are no prefix: what says how rare they are."""
    return tuple(dict.fromkeys(stem for word in words if not word.prefix for stem in _stems(word)))


@lru_cache(maxsize=100_000)
def _stems(word: Word) -> tuple[str, ...]:
    return tuple(part.stem for part in tokens(word.text))
