"""PubMed's own kinds of terms as parts of a rule: names, MeSH headings, words close together.

Pure. Raises `terms.Untranslatable` where there is nothing to look for.
"""

from __future__ import annotations

from itertools import combinations

from notifier.papers.text import has_word
from notifier.profiles.parser import Where
from notifier.profiles.rules import Meta, Node
from notifier.profiles.translating.terms import Untranslatable, all_of, leaf, near, phrase, value

# Headings that indexers put on papers of every topic; few of these papers have them as words.
_CHECK_TAGS = frozenset(("humans", "human", "animals", "animal", "male", "female"))
_GENERATIONS = frozenset(("jr", "sr", "2nd", "3rd", "4th"))
_INITIALS = 2
CLOSE_WORDS = 4


def name(typed: str) -> Meta:
    """Return the author that PubMed writes as `LeCun Y` or `Smith JA Jr`, a full name as it is."""
    words = typed.replace(".", "").split()
    if len(words) > 2 and words[-1].lower() in _GENERATIONS:
        words.pop()
    initials = words[-1].rstrip("*") if words else ""
    if "," in typed or len(words) < 2 or not (initials.isalpha() and len(initials) <= _INITIALS):
        return value("author", typed)
    return value("author", f"{' '.join(words[:-1])}, {' '.join(initials.upper())}")


def heading(typed: str) -> Node:
    """Return the words of a MeSH heading in the order of speech: `Models, Theoretical` turned."""
    bare = typed.partition("/")[0]
    if " ".join(bare.lower().split()) in _CHECK_TAGS:
        raise Untranslatable("indexers add it to papers of every topic; few say it in words")
    return phrase(" ".join(reversed(bare.split(", "))))


def close_words(typed: str) -> list[str]:
    """Return the words of a search for words close together, without lone punctuation."""
    return [word for word in typed.split() if has_word(word)]


def close_together(words: list[str], where: Where, distance: int) -> Node:
    """Return each of two or more words at most `distance` from each other, in any order."""
    found = [leaf(word, where) for word in words]
    return all_of(near(one, other, distance) for one, other in combinations(found, 2))
