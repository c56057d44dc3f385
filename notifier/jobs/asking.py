"""Ask the papers on a shelf for profiles: what matching and back-tests have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from notifier.jobs.shelves import Shelf
from notifier.jobs.talk import Talk
from notifier.profiles.hits import TRENDING_FROM
from notifier.profiles.matching.compiled import Compiled
from notifier.profiles.matching.joining import decide
from notifier.profiles.matching.leaves import Batch, Rarities
from notifier.profiles.matching.postings import Floats, Runs
from notifier.ranking.best import Selection
from notifier.ranking.order import OrderSettings, boosts, freshness
from notifier.ranking.relevance import Bm25f, WordStatistics
from notifier.storage import store_words


@dataclass(frozen=True, slots=True)
class Moment:
    """As of when papers are asked, and by what they are ordered.

    `now` is aware UTC, `talk` how much papers are talked about then, `rarities` how rare words are.
    """

    now: datetime
    talk: Talk
    rarities: Rarities
    order: OrderSettings


def ask(
    profiles: Compiled,
    shelf: Shelf,
    wanted: NDArray[np.bool_],
    at: Moment,
    *,
    keep: int | None,
    only_trend: bool = False,
) -> tuple[Runs, Selection]:
    """Return what all clauses find among the wanted papers of a shelf, and what to select of it.

    `keep` and `only_trend`: see `ranking.best.Selection`.
    """
    trends = at.talk.of(shelf.rows)
    batch = Batch(shelf.words, trends, np.nan_to_num(trends) >= TRENDING_FROM, wanted)
    runs = decide(profiles.clauses, batch, rarities=at.rarities, strengths=Bm25f())
    fresh = freshness(shelf.first_seen, now=at.now, settings=at.order)
    return runs, Selection(keep, boosts(trends, fresh, at.order), shelf.ranks, only_trend)


def stored_rarities(conn: Connection, now: datetime) -> Rarities:
    """Return the inverse document frequencies over the stored papers of the last 30 days.

    Each stem is read once.
    """
    known: dict[str, float] = {}

    def rarities(stems: Sequence[str]) -> Floats:
        new = [stem for stem in dict.fromkeys(stems) if stem not in known]
        if new:
            papers, counts = store_words.statistics(conn, filter(None, new), now=now)
            rare = WordStatistics(papers, counts).rarities(new)
            known.update(zip(new, rare.tolist(), strict=True))
        return np.array([known[stem] for stem in stems], np.float64)

    return rarities
