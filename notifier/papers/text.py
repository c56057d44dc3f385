"""Text as people search it: folded, cut into words, stemmed, with the place of each word kept.

Pure. Words of query and paper go through the same functions, so they meet:
- Unicode NFKC, case folded, accents folded (`Müller` = `Muller`, `Łukasz` = `Lukasz`); who asks
  for `spelled_out` too meets `Mueller`;
- a word is a run of letters, their marks and digits, so no substring ever matches; `C++` and
  `C#` stay whole;
- a trailing possessive `'s` is dropped; an acronym's plural s too (`LLMs` = `LLM`);
- English Snowball stems for words of four letters or more, shorter ones as they stand; the
  learned plurals it leaves alone are known (`analyses` = `analysis`, `matrices` = `matrix`);
  `localization` is `localisation` and not `local`, and `behavior` is `behaviour`;
- Chinese, Japanese and Korean text is cut into characters, so that a phrase finds it;
- a hyphenated compound is its parts, and besides one joined word (`fine-tuning` = `finetuning`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from Stemmer import Stemmer

# What is neither seen nor breaks a line: controls, soft hyphens, signs of direction, halves of
# pairs. (Breaks are white space to `re`; joiners stay, Persian and emoji are written with them.)
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_SPACE = re.compile(r"\s+")
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"
_MARKS = "".join(c for c in map(chr, range(0x300, 0x20F1)) if unicodedata.category(c)[0] == "M")
_WORD = re.compile(
    rf"[{_CJK}]"  # each such character is a word
    r"|[A-Za-z](?:\+\+|#)(?![^\W\d_])"  # C++, C#, also in C++20
    # a run of letters and digits with their marks, perhaps possessive
    rf"|([^\W_{_CJK}]+(?:[{_MARKS}]+[^\W_{_CJK}]*)*)(?:['’][sS](?!\w))?"
)
_ACRONYM_PLURAL = re.compile(r"[a-z]{0,4}[A-Z][A-Za-z0-9]*[A-Z0-9]s")  # LLMs, mRNAs
# Plurals that Snowball leaves alone: no vowel before the s (llms, cnns), and gpus, cpus, mrnas.
_BARE_PLURAL = re.compile(r"[^aeiouy\W]{3,}s|[^aeiouy\W]pus|\w*[dr]nas")
_SIS = re.compile(r"(?<=[aeiouy])sis$")
_IRREGULAR_PLURALS = {
    "antennae": "antenna", "appendices": "appendix", "automata": "automaton", "axes": "axis",
    "bacteria": "bacterium", "buses": "bus", "children": "child", "corpora": "corpus",
    "cortices": "cortex", "crises": "crisis", "criteria": "criterion",
    "equilibria": "equilibrium", "extrema": "extremum", "foci": "focus", "formulae": "formula",
    "fungi": "fungus", "gases": "gas", "genera": "genus", "helices": "helix",
    "indices": "index", "lemmata": "lemma", "loci": "locus", "matrices": "matrix",
    "maxima": "maximum", "mice": "mouse", "minima": "minimum",
    "mitochondria": "mitochondrion", "nuclei": "nucleus", "optima": "optimum",
    "phenomena": "phenomenon", "polyhedra": "polyhedron", "quanta": "quantum",
    "radii": "radius", "simplices": "simplex", "spectra": "spectrum", "stimuli": "stimulus",
    "taxa": "taxon", "theses": "thesis", "thrombi": "thrombus", "vertices": "vertex",
    "women": "woman",
}  # fmt: skip
# Snowball makes local of localization, visual of visualization, and lets -isation be. Not here:
# supervised and precise, which belong to supervision and precision, nor size and rise.
_IZE = re.compile(
    r"([a-z]{2,}[bdfghklmnprt])i[sz]"
    r"(?:e(?:[rs]|rs|d(?:ly)?)?|ing(?:s|ly)?|ation(?:s|al(?:ly)?)?|ab(?:le|ly|ility)|ements?)"
)
_OUR = re.compile(r"(behavi|col|fav|flav|harb|hon|hum|lab|neighb|rum|tum|vap|vig)our")
_TRE = re.compile(r"(cent|fib|lit|met)re(?=s?$)")
_MODAL = re.compile(r"([a-z]{2,}modal)(?:s|ly|ity|ities)?")  # multimodal is not multimode
# Their own stems: Snowball makes len, physic (as of physical) and logist (as of logistic).
_UNSTEMMED = frozenset(("lens", "logistics", "physics"))
_HYPHENS = "-‐‑‒–−－"
# Letters that are also written as two; words shorter than this may be others: Süd is not "sued".
_TWO_LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Ø": "Oe"}
)
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
# First halves of words that people write with a hyphen, with a space, or as one (fine tuning).
COMBINING_FORMS = frozenset((
    "anti", "auto", "bio", "co", "cross", "cyber", "data", "few", "fine", "hyper", "inter",
    "intra", "macro", "meta", "micro", "multi", "nano", "neuro", "non", "open", "post", "pre",
    "pseudo", "quasi", "real", "self", "semi", "sub", "ultra", "zero",
))  # fmt: skip
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)
# Combining classes of marks that make another letter: vowel signs, nukta, voicing (が), virama.
_LETTER_MARKS = frozenset((0, 7, 8, 9))
STEM_FROM_LETTERS = 4


def one_line(text: str) -> str:
    """Return `text` in NFC on one line: no control or direction characters, single spaces."""
    return unicodedata.normalize("NFC", _SPACE.sub(" ", _UNSEEN.sub("", text))).strip()


@lru_cache(maxsize=200_000)
def fold(word: str) -> str:
    """Return `word` as it is compared: NFKC, case folded, without accents."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", word).casefold())
    bare = "".join(c for c in decomposed if unicodedata.combining(c) in _LETTER_MARKS)
    return unicodedata.normalize("NFKC", bare.translate(_LETTERS))


@lru_cache(maxsize=200_000)
def cased(word: str) -> str:
    """Return `word` as it is compared where case matters: NFKC (`ＧＰＴ` = `GPT`)."""
    return word if word.isascii() else unicodedata.normalize("NFKC", word)


@lru_cache(maxsize=200_000)
def spelled_out(text: str) -> str | None:
    """Return `text` with its umlauts as two letters (`Müller`: Mueller), None where it has none.

    One way only: `Mueller` has none, so neither `duel` nor `queue` is ever taken for an umlaut.
    """
    if text.isascii():
        return None
    composed = unicodedata.normalize("NFC", text)
    spelled = _LONG_WORD.sub(lambda found: found.group().translate(_TWO_LETTERS), composed)
    return None if spelled == composed else spelled


@cache
def _stemmer() -> Stemmer:
    from Stemmer import Stemmer  # a compiled module: loaded when the first word is stemmed

    return Stemmer("english", 0)  # its cache: more upkeep than use behind ours


@lru_cache(maxsize=200_000)
def stem(folded: str) -> str:
    """Return the English Snowball stem of a folded word; shorter than four letters: itself."""
    if len(folded) < STEM_FROM_LETTERS or not folded.isascii() or not folded.isalpha():
        return folded
    if folded[-1] == "s" and _BARE_PLURAL.fullmatch(folded):
        return folded[:-1]
    if folded in _UNSTEMMED:
        return folded
    if "modal" in folded and (found := _MODAL.fullmatch(folded)):
        return found.group(1)
    if ("iz" in folded or "is" in folded) and (found := _IZE.fullmatch(folded)):
        return f"{found.group(1)}iz"
    return str(_stemmer().stemWord(_american(_IRREGULAR_PLURALS.get(folded, folded))))


def _american(word: str) -> str:
    """A word as it is spelled in America, an analysis as its plural."""
    if word.endswith("sis") and len(word) > len("thesis"):  # shorter ones meet "these", "base"
        word = _SIS.sub("ses", word)
    if "our" in word:
        word = _OUR.sub(r"\1or", word)
    return _TRE.sub(r"\1er", word) if word.endswith(("re", "res")) else word


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a text.

    `written` lacks a possessive; `surface` also an acronym's plural s, and is what `folded` and
    `stem` are made of. `start` and `end` are character offsets of the whole word in the text.
    `hyphen` is true when only a hyphen stands between this word and the one before.
    """

    written: str
    surface: str
    folded: str
    stem: str
    start: int
    end: int
    hyphen: bool = False


class Joint(NamedTuple):
    """What of a `Token` says which compounds it stands in."""

    folded: str
    hyphen: bool


def surface_of(written: str) -> str:
    """Return a word without the plural s of an acronym."""
    is_plural = written[-1:] == "s" and _ACRONYM_PLURAL.fullmatch(written)
    return written[:-1] if is_plural else written


def cut(text: str) -> Iterator[tuple[str, int, int, bool]]:
    """Yield (written, start, end, hyphen) of each word of `text` in order: see `Token`."""
    end_before = -1
    for found in _WORD.finditer(text):
        start, end = found.span()
        hyphen = start - end_before == 1 and text[end_before] in _HYPHENS
        yield found.group(1) or found.group(), start, end, hyphen
        end_before = end


def tokens(text: str) -> Iterator[Token]:
    """Yield the words of `text` in order."""
    for written, start, end, hyphen in cut(text):
        surface = surface_of(written)
        folded = fold(surface)
        yield Token(written, surface, folded, stem(folded), start, end, hyphen)


def has_word(text: str) -> bool:
    """Return whether `text` holds a word at all."""
    return _WORD.search(text) is not None


def compounds(words: Sequence[Token | Joint]) -> Iterator[tuple[int, int, str]]:
    """Yield `(first, end, joined)` for each hyphenated compound in `words`, folded and joined.

    `first` and `end` are positions in `words`, end excluded. Besides the whole compound, each
    neighbouring pair is given, so that `pre-training-free` is also found by `pretraining`.
    """
    first = 0
    for place in range(1, len(words) + 1):
        if place < len(words) and words[place].hyphen:
            continue
        if place - first > 1:
            yield first, place, "".join(word.folded for word in words[first:place])
        if place - first > 2:
            for pair in range(first, place - 1):
                yield pair, pair + 2, words[pair].folded + words[pair + 1].folded
        first = place


def open_compounds(words: Sequence[Token | Joint]) -> Iterator[tuple[int, int, str]]:
    """Yield, as `compounds` does, each pair whose first word is a combining form (`fine tuning`).

    So `finetuning` also finds what was written apart; any two words side by side would make
    `permutation` find "per mutation".
    """
    for place in range(len(words) - 1):
        if words[place].folded in COMBINING_FORMS and not words[place + 1].hyphen:
            yield place, place + 2, words[place].folded + words[place + 1].folded
