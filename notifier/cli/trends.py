"""notifier paper trending: what is talked about, or was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from notifier import errors
from notifier.cli.finding import Limit
from notifier.cli.finding import app as app  # the group of commands that this belongs to
from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.state import YEARS, instance

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from notifier.jobs.trends import Trending, Trends
    from notifier.ranking.periods import Period

By: TypeAlias = Literal["day", "week", "month"]
_COLUMNS = ("id", "trend", "rose", "signals", "field", "title")
_LONGER: Mapping[By, By] = {"day": "week", "week": "month"}
_FIELDS_NAMED = 8
_HOUR = timedelta(hours=1)


@app.command(
    epilog="Examples: notifier paper trending --by week --field cs.CL · "
    "notifier paper trending --date 2026-11-20 --format jsonl · "
    "notifier paper trending --by month --date 2026-11"
)
def trending(
    by: Annotated[By, typer.Option("--by", help="How long a time: day, week, month.")] = "day",
    day: Annotated[
        str,
        typer.Option(
            "--date",
            metavar="D",
            help="The papers first seen on this day (UTC), or in its week or month; none: what is "
            "talked about now.",
            show_default=False,
        ),
    ] = "",
    field: Annotated[
        str,
        typer.Option(
            "--field", help="Only of it: cs (all of cs), cs.CL, q-bio.N*.", show_default=False
        ),
    ] = "",
    limit: Limit = 20,
    format_: FormatOption = Format.table,
) -> None:
    """Print the papers of a day, a week or a month by how much they are talked about, best first.

    Trends are those of the end of the time, or of now. Papers without signals have none.
    """
    from notifier.jobs.trends import trends

    if field and not field.strip():
        raise errors.UsageError("--field names no field - write one, like cs, cs.CL or q-bio.N*")
    with instance() as opened, opened.database.reading() as conn:
        period = _period(day, by, opened.clock())
        found = trends(conn, period, field=field.strip(), limit=limit)
        told = [_summary(found, period)] if found.best else list(_nothing(conn, found, period))
    table = format_ is Format.table
    print_rows((_as_record(one, table=table) for one in found.best), _COLUMNS, format_)
    for line in told:
        say(line)


def _period(written: str, by: By, now: datetime) -> Period:
    from notifier.ranking import periods

    if not written:
        return periods.up_to(now, by)
    period = periods.of(_day(written, by), by, now=now)
    if period.begins > now:
        raise errors.UsageError(
            f"{period} is still to come - today is {now:%Y-%m-%d} (UTC), give an earlier --date"
        )
    return period


def _day(written: str, by: By) -> date:
    try:
        found = date.fromisoformat(
            f"{written}-01" if by == "month" and len(written) == 7 else written
        )
    except ValueError:
        raise errors.UsageError(
            f'--date "{written}" is no day - write it like 2026-11-20'
        ) from None
    if not YEARS[0] <= found.year <= YEARS[1]:
        raise errors.UsageError(
            f'--date "{written}" lies outside the years {YEARS[0]} to {YEARS[1]}'
        )
    return found


def _as_record(one: Trending, *, table: bool) -> dict[str, Any]:
    from notifier.digests.words import rose
    from notifier.languages import ENGLISH, language

    rises: list[Any] = [
        {"signal": rise.name, "gain": _plain(rise.gain), "hours": max(round(rise.since / _HOUR), 1)}
        for rise in one.rises
    ]
    return {
        "id": one.paper.id,
        "trend": round(one.trend, 6),
        "rose": [rose([rise], language(ENGLISH)) for rise in one.rises] if table else rises,
        "signals": {name: _plain(value) for name, value in one.signals.items()},
        "field": one.field or None,
        "categories": list(one.paper.categories),
        "first_seen_at": one.paper.first_seen_at,
        "title": one.paper.title,
    }


def _plain(value: float) -> float:
    """A count without decimals."""
    return int(value) if value.is_integer() else value


def _summary(found: Trends, period: Period) -> str:
    shown = len(found.best)
    papers = f"{found.papers:,} papers" if found.papers > 1 else "1 paper"
    what = f"{papers} talked about {period}" if period.is_current else f"{papers} of {period}"
    more = f", the best {shown} shown" if shown < found.papers else ""
    return f"{what}, by trend as of {period.as_of:%Y-%m-%d %H:%M}Z{more}"


def _nothing(conn: Connection, found: Trends, period: Period) -> Iterator[str]:
    """Why there is nothing, and what to do."""
    from notifier.storage import paper_facts, store_signals

    told_by = store_signals.sources(conn)
    if not told_by:
        yield (
            "no source has told upvotes, comments or stars yet - add a [[source]] of kind "
            '"huggingface" (Daily Papers) to notifier.toml, then: notifier ingest'
        )
        return
    if found.fields:  # of other fields
        most = sorted(found.fields.items(), key=lambda pair: (-pair[1], pair[0]))[:_FIELDS_NAMED]
        there = ", ".join(f"{field or '(none)'} {papers}" for field, papers in most)
        yield f"no paper of that field has signals; of others there are: {there}"
        return
    if period.is_current:
        yield f"nothing new was told of any paper {period}"
    else:
        stored = paper_facts.count_seen(conn, period.begins, period.ends)
        yield f"papers first seen in {period}: {stored:,}, with signals by its end: none"
    looked_at = f"{found.talked_about:,} papers with {found.readings:,} readings"
    yield f"looked at: {looked_at}, as of {period.as_of:%Y-%m-%d %H:%M}Z, from {', '.join(told_by)}"
    if longer := _LONGER.get(period.by):
        yield f"try --by {longer}"
