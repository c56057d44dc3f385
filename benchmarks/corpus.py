"""Papers for benchmarks: real days of arXiv where they are at hand, else generated ones.

Both come as arXiv's announcements hold them (`id`, `title`, `summary`, `authors`, `categories`),
in the same order in every run. Generated text is invented: word frequencies follow Zipf's law,
and there are plurals, hyphens and acronyms for a matcher to meet.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "data" / "corpus" / "arxiv_daily"
Raw = Mapping[str, Any]

# Words that say nothing of a topic, the most frequent first.
_STOP_WORDS = """
the of and a to in we for is that with on this as by are from our an which be it can these
or at have their not such has but while between also both its more than into they using
based however through without when where over under across show propose present paper method
methods results approach approaches new two one first how what who all each other most many
several been was were will may only then there here via use used uses well within further
existing often thus towards toward during after before about among yet very still up out no
s e g i non if so do does them those some any same different various including respectively
due whether even provide provides achieve achieves demonstrate demonstrates introduce
introduces introduced improve improves remains requires require enables enable address
addresses significantly consistently compared
"""
STOP_WORDS = tuple(_STOP_WORDS.split())
CATEGORIES = ("cs.CL", "cs.LG", "cs.CV", "cs.AI", "cs.RO", "stat.ML", "math.OC", "q-bio.QM")
_ONSETS = (*"bcdfglmnprstv", "br", "cl", "dr", "gr", "pl", "pr", "st", "tr", "th")
_VOWELS = ("a", "e", "i", "o", "u", "io", "ea")
SYLLABLES = tuple(onset + vowel for onset in _ONSETS for vowel in _VOWELS)
ENDINGS = ("n", "r", "l", "tion", "ting", "tor", "tic", "nal", "rity", "ment", "sis", "ns", "ls")
_WORDS = 12_000
_PAPERS = 10**5


def kind_of(folder: Path) -> str:
    """Return what papers a benchmark gets that asks for those of `folder`: real or generated."""
    return "real" if folder.is_dir() else "generated"


def real_papers(folder: Path) -> Iterator[Raw]:
    """Yield each paper of the corpus once, the heaviest day first."""
    seen = set()
    for file in sorted(folder.glob("*.jsonl.gz"), key=lambda f: -f.stat().st_size):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                paper = json.loads(line)
                if paper["id"] not in seen:
                    seen.add(paper["id"])
                    yield paper


def generated_papers(seed: int) -> Iterator[Raw]:
    """Yield 100,000 papers, as long as real ones and with about as many different words."""
    chance = random.Random(seed)  # noqa: S311  no secret is made of it
    words = _vocabulary(chance)
    shares = list(accumulate(1 / (place + 10) for place in range(len(words))))

    def text(count: int) -> str:
        return " ".join(chance.choices(words, cum_weights=shares, k=count))

    for number in range(_PAPERS):
        yield {
            "id": f"2611.{number:05d}",
            "title": _sentence(text(10)),
            "summary": " ".join(f"{_sentence(text(18))}." for _ in range(10)),
            "authors": [_name(chance) for _ in range(chance.randint(1, 9))],
            "categories": sorted(chance.sample(CATEGORIES, chance.randint(1, 3))),
        }


def _vocabulary(chance: random.Random) -> list[str]:
    """Return distinct words, the most frequent first; some are acronyms, compounds or phrases."""
    words = dict.fromkeys(STOP_WORDS)
    while len(words) < _WORDS:
        kind = chance.random()
        if kind < 0.03:
            word = "".join(chance.choices("ABCDEGLMNPRSTV", k=chance.randint(3, 4)))
            words[chance.choice((word, f"{word}s"))] = None
        elif kind < 0.2:
            words[f"{_word(chance)}{'-' if kind < 0.08 else ' '}{_word(chance)}"] = None
        else:
            words[_word(chance)] = None
    return list(words)


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(SYLLABLES, k=chance.randint(1, 3))) + chance.choice(ENDINGS)


def _name(chance: random.Random) -> str:
    return f"{_word(chance)} {_word(chance)}".title()


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
