"""Which papers of a period were, or are, talked about most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from sqlalchemy import Connection

from notifier.jobs.talk import SIGNAL_DAYS
from notifier.papers.paper import Paper
from notifier.profiles.matching.postings import Numbers
from notifier.profiles.matching.values import category_fits
from notifier.ranking.order import ties
from notifier.ranking.periods import Period
from notifier.ranking.rising import Rise, rise
from notifier.ranking.trending import Series, standing, trends_of
from notifier.storage import paper_facts, store_papers, store_signals


@dataclass(frozen=True, slots=True)
class Trending:
    """A paper with its trend in [0, 1], its signals, and what rose in the period's window."""

    paper: Paper
    trend: float
    field: str
    signals: Mapping[str, float]
    rises: tuple[Rise, ...]


@dataclass(frozen=True, slots=True)
class Trends:
    """The best papers of a period, and how many there are of the field.

    `fields` counts all papers of the period that have a trend, by field; `papers` those of the
    field asked for. `talked_about` and `readings` say what was looked at: papers of whatever
    period, with their readings.
    """

    best: tuple[Trending, ...]
    papers: int
    fields: Mapping[str, int]
    talked_about: int
    readings: int


def trends(conn: Connection, period: Period, *, field: str = "", limit: int | None) -> Trends:
    """Return a period's papers by trend as of `period.as_of`, best first.

    A calendar's period has the papers first seen in it. One up to now has those of which a source
    told something new in it, whenever they were first seen. Equal trends fall to the newer paper,
    then to the smaller id.

    Args:
        field: Only papers of this category, as a rule `cat:` takes it; "": all.
        limit: So many are returned; None: all.
    Source: docs/ranking.md, sections 2 and 5.
    """
    within = max(SIGNAL_DAYS, period.as_of - period.begins)
    series = store_signals.talked_about(conn, now=period.as_of, within=within)
    known = trends_of(series, now=period.as_of)
    facts = {
        one.row: one
        for one in paper_facts.of(conn, series.rows[_of_period(series, period)].tolist())
    }
    places = {row: place for place, row in enumerate(series.rows.tolist()) if row in facts}
    wanted = [
        (-float(known[place]), *ties(facts[row].newest, facts[row].id), row, place)
        for row, place in places.items()
        if not field or any(category_fits(field, own) for own in facts[row].categories)
    ]
    best = [(row, place) for *_, row, place in sorted(wanted)[:limit]]
    papers = {paper.row: paper for paper in store_papers.load(conn, map(itemgetter(0), best))}
    told = series.readings_of([place for _, place in best])
    readings = [told[place] for _, place in best]
    return Trends(
        best=tuple(
            Trending(
                papers[row], float(known[place]), series.fields[place], standing(own),
                tuple(rise(own, period.as_of, window=period.window)),
            )
            for (row, place), own in zip(best, readings, strict=True)
        ),
        papers=len(wanted),
        fields=Counter(series.fields[place] for place in places.values()),
        talked_about=len(series.rows),
        readings=len(series.read),
    )  # fmt: skip


def _of_period(series: Series, period: Period) -> Numbers:
    """The places of the papers of a period."""
    begins = period.begins.timestamp()
    if not period.is_current:
        return np.flatnonzero((series.seen >= begins) & (series.seen < period.ends.timestamp()))
    is_told = np.array([name != store_signals.MENTIONS for name in series.names], bool)
    return np.unique(series.paper[(series.read > begins) & is_told[series.name]])
