"""How much a paper is being talked about, compared with its peers.

Pure: `now` is an argument. A paper without signals gets no trend at all. Days are those of UTC:
arXiv announces and Hugging Face turns its page at their beginning, and what is read on one day
counts alike, whatever the hour.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.matching.postings import Floats, Numbers
from notifier.ranking.peers import PeerSettings, Standings, standings

STARS = "stars"
# What one more is worth, in upvotes; other signals count 1. Stars count by orders of magnitude.
WORTH = MappingProxyType({"comments": 0.1, STARS: 5.0})
# A paper published longer than this before it was first seen is as old as that, and comes with
# numbers of which only a part is held to be of these days.
OLD_NEWS = timedelta(days=14)
OLD_SHARE = 0.1
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class TrendSettings:
    """`half_life`: for each of these since it was read, a gain counts half. See also `WORTH`."""

    half_life: timedelta = timedelta(days=3)
    worth: Mapping[str, float] = field(default_factory=lambda: WORTH)
    peers: PeerSettings = field(default_factory=PeerSettings)


@dataclass(frozen=True, slots=True)
class Reading:
    """The value of one signal (`upvotes`, `comments`, `stars`, `mentions`) as read at a time."""

    name: str
    value: float
    read_at: datetime
    source: str = ""


@dataclass(frozen=True, slots=True)
class Talked:
    """A paper's readings, in order of time, with what decides who its peers are."""

    row: int
    field: str
    first_seen_at: datetime
    readings: Sequence[Reading]
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """The readings of many papers as columns.

    Of each paper: `rows`, `fields`, when it was first `seen` (seconds since 1970), and since when
    it is counted as of its age (`born`): earlier where it is old news. Of each reading: its paper's
    place in those, its signal's place in `names`, a number for its `source`, its `value`, and when
    it was read (seconds); those of one source and second in their order.
    """

    rows: Numbers
    fields: Sequence[str]
    seen: Numbers
    born: Numbers
    names: Sequence[str]
    paper: Numbers
    name: Numbers
    source: Numbers
    value: Floats
    read: Numbers

    @classmethod
    def of(cls, talked: Iterable[Talked]) -> Series:
        """Return the readings of papers; those without any are left out."""
        papers = [paper for paper in talked if paper.readings]
        seen = np.array([_seconds(paper.first_seen_at) for paper in papers])
        published = np.array([_seconds(paper.published_at) for paper in papers])
        flat = [(at, r) for at, paper in enumerate(papers) for r in paper.readings]
        names = sorted({reading.name for _, reading in flat})
        sources = sorted({reading.source for _, reading in flat})
        name_of = {name: number for number, name in enumerate(names)}
        source_of = {source: number for number, source in enumerate(sources)}
        return cls(
            rows=_integers(paper.row for paper in papers),
            fields=[paper.field for paper in papers],
            seen=seen.astype(np.int64),
            born=born(published, seen),
            names=names,
            paper=_integers(at for at, _ in flat),
            name=_integers(name_of[reading.name] for _, reading in flat),
            source=_integers(source_of[reading.source] for _, reading in flat),
            value=np.array([reading.value for _, reading in flat], np.float64),
            read=_integers(int(reading.read_at.timestamp()) for _, reading in flat),
        )

    def readings_of(self, places: Collection[int]) -> dict[int, list[Reading]]:
        """Return the readings of the papers at places in `rows`, each in order of time."""
        wanted = np.flatnonzero(np.isin(self.paper, list(places)))
        wanted = wanted[np.argsort(self.read[wanted], kind="stable")]
        columns = (self.paper, self.name, self.value, self.read, self.source)
        out: dict[int, list[Reading]] = {place: [] for place in places}
        for place, name, value, read, source in zip(
            *(column[wanted].tolist() for column in columns), strict=True
        ):
            when = datetime.fromtimestamp(read, UTC)
            out[place].append(Reading(self.names[name], value, when, str(source)))
        return out


def standing(readings: Iterable[Reading]) -> dict[str, float]:
    """Return what each signal has come to; of several sources of one, the highest counts.

    Args:
        readings: Of one paper, in order of time.
    """
    last = {(reading.name, reading.source): reading.value for reading in readings}
    found: dict[str, float] = {}
    for (name, _), value in last.items():
        found[name] = max(value, found.get(name, value))
    return found


def born(published: Floats, seen: Floats) -> Numbers:
    """Return from when on each paper ages: when it was first seen, or published long before.

    Args:
        published: Seconds since 1970, NaN where unknown.
        seen: When they were first seen, likewise.
    """
    return np.where(seen - published > OLD_NEWS.total_seconds(), published, seen).astype(np.int64)


def trends(
    talked: Iterable[Talked], *, now: datetime, settings: TrendSettings = TrendSettings()
) -> dict[int, float]:
    """Return each paper's trend in [0, 1] by row; papers without readings are left out."""
    series = Series.of(talked)
    return dict(
        zip(
            series.rows.tolist(),
            trends_of(series, now=now, settings=settings).tolist(),
            strict=True,
        )
    )


def trends_of(
    series: Series, *, now: datetime, settings: TrendSettings = TrendSettings()
) -> Floats:
    """Return each paper's trend in [0, 1], in the order of `series.rows`."""
    return standings_of(series, now=now, settings=settings).percentiles


def standings_of(
    series: Series, *, now: datetime, settings: TrendSettings = TrendSettings()
) -> Standings:
    """Return where each paper's momentum stands among its peers, in the order of `series.rows`."""
    gained = momenta(series, now=now, settings=settings)
    _, fields = np.unique(np.array(series.fields, np.str_), return_inverse=True)
    return standings(gained, fields.astype(np.int64), ages(series, now), settings.peers)


def ages(series: Series, now: datetime) -> Numbers:
    """Return how old each paper is, in days of UTC, at least 0."""
    return np.maximum(_day(now) - series.born // _DAY_SECONDS, 0)


def momentum(
    readings: Sequence[Reading], *, now: datetime, settings: TrendSettings = TrendSettings()
) -> float:
    """Return the momentum of one paper, not old when it came; 0 without readings."""
    series = Series.of([Talked(0, "", now, readings)])
    return float(momenta(series, now=now, settings=settings).sum())


def momenta(series: Series, *, now: datetime, settings: TrendSettings = TrendSettings()) -> Floats:
    """Return by paper the sum of all gains, each halved for every `half_life` since it was read.

    Each upvote counts from the day on which the number first reached it, as long as the number
    has not fallen below: a correction takes back what it corrects, and no more; a number that
    falls and returns has gained nothing. The first reading is a gain from nothing, that of a
    paper which was old news when it came in part.
    """
    gained = gains(series, now=now, settings=settings)
    summed = np.bincount(gained.paper, gained.gain, len(series.rows))
    rounded: Floats = np.round(summed, 6)  # equal gains by different ways are equal
    return rounded


@dataclass(frozen=True, slots=True)
class Gains:
    """What is left today of what each reading added: to the paper and signal at these places."""

    paper: Numbers
    name: Numbers
    gain: Floats


def gains(series: Series, *, now: datetime, settings: TrendSettings = TrendSettings()) -> Gains:
    """Return the gain of each reading, in upvotes, as it counts at `now`; see `momenta`."""
    if not len(series.paper):
        return Gains(series.paper, series.name, np.zeros(0))
    order = np.lexsort((series.read, series.name, series.paper))
    paper, name, source = series.paper[order], series.name[order], series.source[order]
    value, read = series.value[order], series.read[order]
    new = np.append(True, (paper[1:] != paper[:-1]) | (name[1:] != name[:-1]))
    first = np.maximum.accumulate(np.where(new, np.arange(len(new)), 0))
    worth = _worth(_told(value, source, first), name, series.names, settings.worth)
    ends = np.append(np.flatnonzero(new)[1:], len(new)) - 1
    kept = np.minimum(_highest(worth, new), worth[ends][np.cumsum(new) - 1])
    gain = np.diff(kept, prepend=0.0)
    is_old = (series.born < series.seen)[paper[new]]
    gain[new] = np.where(is_old, OLD_SHARE, 1.0) * kept[new]
    days = np.maximum(_day(now) - read // _DAY_SECONDS, 0)
    decay = 0.5 ** (days * (timedelta(days=1) / settings.half_life))
    return Gains(paper, name, gain * decay)


def _told(value: Floats, source: Numbers, first: Numbers) -> Floats:
    """What is known after each reading: of several sources of one number, the highest counts."""
    numbers = np.unique(source)
    if len(numbers) == 1:
        return value
    places = np.arange(len(value))
    told = np.zeros(len(value))
    for number in numbers:
        last = np.maximum.accumulate(np.where(source == number, places, -1))
        told = np.maximum(told, np.where(last >= first, value[last], 0.0))
    return told


def _worth(
    value: Floats, name: Numbers, names: Sequence[str], worth: Mapping[str, float]
) -> Floats:
    """Put signals on one scale, that of upvotes."""
    each = np.array([worth.get(one, 1.0) for one in names])[name]
    is_stars = np.array([one == STARS for one in names])[name]
    counted = np.maximum(value, 0.0)
    return each * np.where(is_stars, np.log10(1.0 + counted), counted)


def _highest(worth: Floats, new: NDArray[np.bool_]) -> Floats:
    """The highest so far in each run that begins at `new`."""
    values, ranks = np.unique(worth, return_inverse=True)
    offset = (np.cumsum(new) - 1) * len(values)
    highest: Floats = values[np.maximum.accumulate(ranks + offset) - offset]
    return highest


def _seconds(time: datetime | None) -> float:
    return float("nan") if time is None else time.timestamp()


def _day(now: datetime) -> int:
    return int(now.timestamp()) // _DAY_SECONDS


def _integers(values: Iterable[int]) -> Numbers:
    return np.fromiter(values, np.int64)
