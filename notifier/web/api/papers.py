"""Papers: listed, shown by any of their names, and those that are talked about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from notifier import errors
from notifier.jobs.trends import Trending, trends
from notifier.papers.paper import Paper
from notifier.ranking import periods
from notifier.ranking.periods import By
from notifier.storage import store_pages, store_papers
from notifier.web.api import examples
from notifier.web.api.asking import Instance
from notifier.web.api.operations import LINK, operation
from notifier.web.api.paging import MOST, PageAsked
from notifier.web.api.problems import Fault, Refused
from notifier.web.api.schemas import LINE, Day, Moment, Shown, like

router = APIRouter(tags=["papers"])
_YEARS = (1970, 2200)


class PaperShown(Shown):
    """A paper, as `notifier paper show` prints it."""

    model_config = like(examples.PAPER)
    id: str
    version: int | None
    aliases: list[str]
    title: str
    abstract: str
    authors: list[str]
    categories: list[str]
    organization: str | None
    journal: str | None
    comment: str | None
    submitted_by: str | None
    published_at: datetime | None
    first_seen_at: datetime
    withdrawn_at: datetime | None
    sources: list[str]
    signals: Mapping[str, float]
    urls: Mapping[str, str]

    @classmethod
    def of(cls, paper: Paper) -> PaperShown:
        """Return a paper as it goes out."""
        return cls.model_validate(paper)


class PaperPage(Shown):
    """A page of papers, the newest first."""

    items: list[PaperShown]
    next: str | None


class Rise(Shown):
    """What rose, by how much, in so many hours."""

    signal: str
    gain: float
    hours: float


class TrendingPaper(Shown):
    """A paper with its trend in [0, 1], and what rose."""

    paper: PaperShown
    trend: float
    field: str
    rises: list[Rise]


class TrendingPapers(Shown):
    """The best papers of a period, of `papers` that have a trend; trends are those of `as_of`."""

    period: str
    as_of: datetime
    papers: int
    items: list[TrendingPaper]


@router.get("/papers", **operation("papers", status_200=LINK))
def list_papers(
    app: Instance,
    asked: PageAsked,
    response: Response,
    since: Annotated[Moment | None, Query(description="First seen at or after then.")] = None,
) -> PaperPage:
    """List papers, the newest first."""
    with app.database.reading() as conn:
        rows = store_pages.papers(conn, before=asked.row, limit=asked.reading, since=since)
        page, following = asked.cut(rows, int, response)
        found = store_papers.load(conn, page)[::-1]
    return PaperPage(items=[PaperShown.of(paper) for paper in found], next=following)


@router.get("/papers/trending", **operation("papers"))
def list_trending(
    app: Instance,
    by: Annotated[By, Query(description="How long a time.")] = "day",
    day: Annotated[
        Day | None,
        Query(alias="date", description="Papers of this day (UTC), its week or month; none: now."),
    ] = None,
    field: Annotated[
        str, Query(max_length=60, description="cs, cs.CL, q-bio.N*; none: all."), LINE
    ] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
) -> TrendingPapers:
    """List what is talked about now, or the papers of a day, week or month by their trend."""
    now = app.clock()
    period = periods.of(_checked(day), by, now=now) if day else periods.up_to(now, by)
    if period.begins > now:
        raise _no_day("a day that has begun")
    with app.database.reading() as conn:
        found = trends(conn, period, field=field.strip(), limit=limit)
    items = [_trending(one) for one in found.best]
    return TrendingPapers(period=str(period), as_of=period.as_of, papers=found.papers, items=items)


@router.get("/papers/{name:path}", **operation("papers", 404))
def get_paper(
    app: Instance,
    name: Annotated[
        str,
        Path(
            min_length=1,
            max_length=500,
            description="Any id, DOI or address of it.",
            examples=["arxiv:2508.13426"],
        ),
        LINE,
    ],
) -> PaperShown:
    """Show a paper by any of its names."""
    with app.database.reading() as conn:
        row = store_papers.named(conn, name)
        if row is None:
            raise errors.NotFound("no stored paper is called so")
        return PaperShown.of(store_papers.load(conn, [row])[0])


def _trending(one: Trending) -> TrendingPaper:
    rises = [
        Rise(signal=rise.name, gain=rise.gain, hours=round(rise.since.total_seconds() / 3600, 1))
        for rise in one.rises
    ]
    paper = PaperShown.of(one.paper)
    return TrendingPaper(paper=paper, trend=round(one.trend, 6), field=one.field, rises=rises)


def _checked(day: date) -> date:
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise _no_day(f"a day of the years {_YEARS[0]} to {_YEARS[1]}")
    return day


def _no_day(said: str) -> Refused:
    return Refused(422, "there are no papers of that day", [Fault(detail=said, parameter="date")])
