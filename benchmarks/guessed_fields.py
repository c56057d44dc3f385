"""The category of a paper, guessed from its words, where a list of papers names none."""

from __future__ import annotations

import gzip
import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache

from corpus import CORPUS

_WORD = re.compile(r"[a-z]{3,}")


class Guesser:
    """Naive Bayes: the category whose papers use such words."""

    def __init__(self, texts: Sequence[tuple[str, str]]) -> None:
        """Learn from (category, text)."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._papers = Counter(category for category, _ in texts)
        for category, text in texts:
            counts[category].update(set(_WORD.findall(text.lower())))
        self._logs = {
            category: {word: math.log(n + 0.5) for word, n in words.items()}
            for category, words in counts.items()
        }

    def category(self, text: str) -> str:
        """Return the likeliest category, all held to be as frequent as in what was learnt."""
        words = set(_WORD.findall(text.lower()))
        unknown = math.log(0.5)

        def likelihood(category: str) -> float:
            logs, papers = self._logs[category], self._papers[category]
            each = math.log(papers + 1.0)
            return math.log(papers) + sum(logs.get(word, unknown) - each for word in words)

        return max(sorted(self._papers), key=likelihood)


@cache
def guesser() -> Guesser:
    """Return what has learnt from the whole corpus."""
    return Guesser(_corpus())


@cache
def _corpus() -> list[tuple[str, str]]:
    found = {}
    for path in sorted(CORPUS.glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            row = json.loads(line)
            found[row["id"]] = (row["categories"][0], f"{row['title']} {row['summary']}")
    return list(found.values())


def guessed_rightly() -> float:
    """Return the share of categories guessed rightly, of the corpus's last fifth by the others."""
    texts = _corpus()
    cut = len(texts) * 4 // 5
    learnt = Guesser(texts[:cut])
    right = [learnt.category(text) == category for category, text in texts[cut:]]
    return sum(right) / len(right)
