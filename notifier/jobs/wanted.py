"""What profiles want of the papers on a shelf, by column, ready to be kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np

from notifier.jobs.asking import Moment, ask
from notifier.jobs.shelves import Shelf
from notifier.profiles.matching.compiled import Compiled
from notifier.ranking.best import Best, best
from notifier.ranking.marked import Marked, marked
from notifier.storage.match_rows import DAY_SECONDS, Found
from notifier.storage.packing import Records


def wanted(
    profiles: Compiled,
    shelf: Shelf,
    at: Moment,
    *,
    since: datetime,
    keep: int,
    only_trend: bool = False,
) -> Iterator[Found]:
    """Yield the best `keep` of each profile among the news on a shelf, a profile's all at once.

    Args:
        since: Papers first seen before then (UTC) are no news.
        only_trend: What is trending, news or not, by rules that ask for it.
    """
    recent = shelf.first_seen >= since.timestamp()
    news = shelf.is_here & recent & ((shelf.numbers > 0) | only_trend)
    runs, selection = ask(profiles, shelf, news, at, keep=keep, only_trend=only_trend)
    for block in best(profiles, runs, selection):
        for some in marked(profiles, runs, block, selection):
            yield _found(shelf, block, some)


def _found(shelf: Shelf, block: Best, some: Marked) -> Found:
    papers = block.papers[some.places]
    days = (shelf.first_seen[papers] // DAY_SECONDS).astype(np.int64)
    records = Records(shelf.rows[papers], block.totals[some.places], some.bits)
    return Found(block.profiles[some.places], np.maximum(days, 0), records)
