"""Lines in the plainest forms, read many at once: as the parser would, in a tenth of the time.

Pure. A line is cut at its spaces, and each distinct piece looked at once. What pieces a line has is
its shape; lines of one of the shapes known here become clauses all together, any other is left to
the parser. Only lines that stand in canonical form are taken, so that the text of a rule is the
line's own. Exactly what `parse` and `Clauses.add` give.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.matching.clauses import (
    ALL,
    ANYWHERE,
    BEST,
    HUNDRED,
    NEAR,
    NEED,
    NOT,
    PHRASE,
    ROLE_BITS,
    Clauses,
)
from notifier.profiles.matching.concordance import ABSTRACT, TITLE, spread
from notifier.profiles.matching.pieces import (
    BREAK,
    LETTER_BITS,
    Pieces,
    code_of,
    cut,
)
from notifier.profiles.matching.plain_words import Plain, PlainWords
from notifier.profiles.matching.table import ABSENT, Hashes, Ints
from notifier.profiles.matching.trie import hashes_of
from notifier.profiles.parser import LINE_CHARACTERS, PHRASE_WORDS

Numbers = NDArray[np.int64]
UNREAD = -1
# The shapes: a letter for each piece, w for words side by side; see `pieces`.
_WORDS, _NEVER, _QUOTED, _NEAR = map(code_of, ("w", "-w", '"w,', "w~w"))
_TITLE, _ABSTRACT = map(code_of, ("tw", "aw"))
_BOTH, _BUT, _EITHER = map(code_of, ("w+w", "w+-w", "w+(w|w)"))
_PHRASES = (_WORDS, _NEVER, _QUOTED)
_JOINED = (_BOTH, _BUT, _EITHER)
_FIELDS = {_TITLE: ("title: ", TITLE), _ABSTRACT: ("abstract: ", ABSTRACT)}
_WEIGHTED = (_WORDS, _QUOTED, _NEAR, _TITLE, _ABSTRACT)
_KNOWN = (*_PHRASES, *_JOINED, *_FIELDS, _NEAR)
_MOST_LETTERS = 60 // LETTER_BITS


class _Cut(NamedTuple):
    """Lines cut into runs of pieces: words side by side are one run.

    Attributes:
        lines: As typed.
        pieces, values: Of all lines, breaks between them; see `Pieces`.
        codes, weights: Of each line its shape, and its weight in hundredths.
        begins, counts, line: Of each run of words its first piece, how many, and its line.
    """

    lines: Sequence[str]
    pieces: list[str]
    values: Ints
    codes: Numbers
    weights: Numbers
    begins: Numbers
    counts: Numbers
    line: Numbers


class _Segments(NamedTuple):
    """Runs of words: the line of each, its text, its phrase."""

    line: Numbers
    texts: list[str]
    hashes: Hashes
    phrases: Ints


class PlainLines:
    """Reads lines into clauses; remembers pieces and words that it has seen."""

    def __init__(self, clauses: Clauses) -> None:
        self._clauses = clauses
        self._words = PlainWords(clauses.phrases)
        self._pieces = Pieces(self._words)

    def read(self, lines: Sequence[str]) -> tuple[Ints, Numbers]:
        """Return the clause and the weight (0: never) of each line; `UNREAD` for the parser's.

        Args:
            lines: Without line breaks; without space at their ends, but where they are too long.
        """
        clauses = np.full(len(lines), UNREAD, np.int32)
        if not lines:
            return clauses, np.zeros(0, np.int64)
        cut = self._cut(lines)
        segments = self._segments(cut)
        self._read_phrases(cut, segments, clauses)
        self._read_fields(cut, segments, clauses)
        self._read_near(cut, segments, clauses)
        self._read_joined(cut, segments, clauses)
        self._clauses.is_clause.array[clauses[clauses != UNREAD]] = True
        return clauses, np.where(cut.codes == _NEVER, 0, cut.weights)

    def _cut(self, lines: Sequence[str]) -> _Cut:
        pieces = cut(lines)
        letters, values = self._pieces.read(pieces)
        word = code_of("w")
        begins = np.flatnonzero(
            np.concatenate(([True], (letters[1:] != word) | (letters[:-1] != word)))
        )
        counts = np.diff(begins, append=len(letters))
        letter = letters[begins]
        line = np.cumsum(letter == BREAK)
        kept = letter != BREAK
        begins, counts, letter, line = begins[kept], counts[kept], letter[kept], line[kept]
        is_word = letter == word
        codes, weights = _shapes(letter, line, values[begins])
        codes[np.fromiter(map(len, lines), np.int64, len(lines)) > LINE_CHARACTERS] = 0
        codes[line[is_word & (counts > PHRASE_WORDS)]] = 0
        codes[~np.isin(codes, _KNOWN)] = 0
        for number in np.flatnonzero(codes == _QUOTED).tolist():
            if "*" in lines[number]:
                codes[number] = 0
        kept = is_word & (codes[line] != 0)
        return _Cut(
            lines, pieces, values, codes, weights, begins[kept], counts[kept], line[kept]
        )  # fmt: skip

    def _segments(self, cut: _Cut) -> _Segments:
        """The phrases of all runs of words, added where they are new."""
        ends = (cut.begins + cut.counts).tolist()
        texts = [" ".join(cut.pieces[a:b]) for a, b in zip(cut.begins.tolist(), ends, strict=True)]
        for place in np.flatnonzero(cut.codes[cut.line] == _QUOTED).tolist():
            texts[place] = f'"{texts[place]}"'
            start = int(cut.begins[place])
            for at in range(start, start + int(cut.counts[place])):
                cut.values[at] = self._words['"' + cut.pieces[at]]
        hashes = hashes_of(texts)
        distinct, first, which = np.unique(hashes, return_index=True, return_inverse=True)
        phrases = self._clauses.phrase_by_text.find(distinct)
        new = np.flatnonzero(phrases == ABSENT)
        phrases[new] = self._new_phrases(cut, first[new])
        self._clauses.phrase_by_text.put_new(distinct[new], phrases[new])
        return _Segments(cut.line, texts, hashes, phrases[which])

    def _new_phrases(self, cut: _Cut, segments: Numbers) -> Ints:
        begins, counts = cut.begins[segments], cut.counts[segments]
        out = np.zeros(len(segments), np.int32)
        if not segments.size:
            return out
        simple = self._words.is_simple(cut.values[spread(begins, counts)])
        several = np.add.reduceat(~simple, np.cumsum(counts) - counts) > 0
        plain = np.flatnonzero(~several)
        out[plain] = self._words.add(Plain(cut.values, begins[plain], counts[plain]))
        for place in np.flatnonzero(several).tolist():
            words = cut.values[begins[place] : begins[place] + counts[place]].tolist()
            typed = tuple(self._words.word(word) for word in words)
            out[place] = self._clauses.phrases.add(typed)
        return out

    def _nodes(
        self, hashes: Hashes, kind: int, arguments: Iterable[NDArray[np.integer] | int]
    ) -> Ints:
        """Leaves by the hashes of their texts, added where they are new."""
        distinct, first, which = np.unique(hashes, return_index=True, return_inverse=True)
        nodes = self._clauses.by_text.find(distinct)
        new = np.flatnonzero(nodes == ABSENT)
        rows = np.stack([np.broadcast_to(one, hashes.shape)[first[new]] for one in arguments], 1)
        nodes[new] = self._clauses.add_new(kind, rows)
        self._clauses.by_text.put_new(distinct[new], nodes[new])
        return nodes[which]

    def _read_phrases(self, cut: _Cut, segments: _Segments, clauses: Ints) -> None:
        at = np.flatnonzero(np.isin(cut.codes[segments.line], _PHRASES))
        leaf = segments.phrases[at], ANYWHERE, HUNDRED
        clauses[segments.line[at]] = self._nodes(segments.hashes[at], PHRASE, leaf)

    def _read_fields(self, cut: _Cut, segments: _Segments, clauses: Ints) -> None:
        for code, (name, where) in _FIELDS.items():
            at = np.flatnonzero(cut.codes[segments.line] == code)
            hashes = hashes_of([name + segments.texts[place] for place in at.tolist()])
            leaf = segments.phrases[at], where, HUNDRED
            clauses[segments.line[at]] = self._nodes(hashes, PHRASE, leaf)

    def _read_near(self, cut: _Cut, segments: _Segments, clauses: Ints) -> None:
        at = np.flatnonzero(cut.codes[segments.line] == _NEAR)
        left, right = at[::2], at[1::2]
        lines = segments.line[left]
        distances = cut.values[cut.begins[right] - 1]
        texts = [cut.lines[line].partition(" ^")[0] for line in lines.tolist()]
        leaf = segments.phrases[left], segments.phrases[right], ANYWHERE, HUNDRED, distances
        clauses[lines] = self._nodes(hashes_of(texts), NEAR, leaf)

    def _read_joined(self, cut: _Cut, segments: _Segments, clauses: Ints) -> None:
        at = np.flatnonzero(np.isin(cut.codes[segments.line], _JOINED))
        leaves = self._nodes(segments.hashes[at], PHRASE, (segments.phrases[at], ANYWHERE, HUNDRED))
        owners = cut.codes[segments.line[at]]
        for code, parts in ((_BOTH, 2), (_BUT, 2), (_EITHER, 3)):
            here = np.flatnonzero(owners == code)
            lines = segments.line[at[here[::parts]]]
            clauses[lines] = self._joins(
                code, hashes_of([cut.lines[line] for line in lines.tolist()]),
                leaves[here].reshape(-1, parts),
            )  # fmt: skip

    def _joins(self, code: int, hashes: Hashes, leaves: Ints) -> Ints:
        """The nodes over leaves, a row of them each, by the hashes of their lines."""
        distinct, first, which = np.unique(hashes, return_index=True, return_inverse=True)
        nodes = self._clauses.by_text.find(distinct)
        new = np.flatnonzero(nodes == ABSENT)
        parts = leaves[first[new]] << ROLE_BITS | NEED
        level = 1
        if code == _EITHER:
            either = self._clauses.add_new(BEST, parts[:, 1:], level)
            parts, level = np.stack((parts[:, 0], either << ROLE_BITS | NEED), axis=1), 2
        if code == _BUT:
            parts[:, 1] += NOT - NEED
        nodes[new] = self._clauses.add_new(ALL, parts, level)
        self._clauses.by_text.put_new(distinct[new], nodes[new])
        return nodes[which]


def _shapes(letter: Numbers, line: Numbers, values: Ints) -> tuple[Numbers, Numbers]:
    """The shape and the weight of each line; a shape with a weight where none may be is 0."""
    starts = np.flatnonzero(np.diff(line, prepend=-1))
    counts = np.diff(starts, append=len(line))
    lasts = starts + counts - 1
    weighted = letter[lasts] == code_of("^")
    weights = np.where(weighted, values[lasts], HUNDRED)
    letter = letter.copy()
    letter[lasts[weighted]] = 0
    place = np.arange(len(line)) - np.repeat(starts, counts)
    shifts = np.minimum(place, _MOST_LETTERS) * LETTER_BITS
    codes = np.add.reduceat(letter << shifts, starts)
    codes[counts > _MOST_LETTERS] = 0
    codes[weighted & ~np.isin(codes, _WEIGHTED)] = 0
    return codes, weights
