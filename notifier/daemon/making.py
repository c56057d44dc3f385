"""Plan what is due, and write some of it: the two halves of making digests, each by any process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from notifier import keys
from notifier.app import App
from notifier.jobs import planning
from notifier.jobs.composed import Composed
from notifier.jobs.fixing import write
from notifier.jobs.planning import Planned
from notifier.storage import match_marks, paper_changes, store_planned

# Looked for at once, of what nobody works on.
_MOST = 50_000


def plan(app: App, *, stopping: Callable[[], bool]) -> Planned:
    """Plan every digest that is due, but for those that wait for a source."""
    now = app.clock()
    with app.meters.job("plan"):
        return planning.plan(
            app.database, app.compose_settings,
            now=now, outlook=app.intake.outlook(now), stopping=stopping,
        )  # fmt: skip


def write_some(
    app: App, rows: Sequence[int], *, part: str, stopping: Callable[[], bool]
) -> Composed:
    """Write those digests of some subscribers that are planned and nobody writes.

    Args:
        part: Of the claims' owner: what was claimed by its name and not written is free again.
    """
    now, settings = app.clock(), app.compose_settings
    owner, lease = f"{settings.owner}/{part}", timedelta(seconds=app.settings.engine.lease_seconds)
    app.tokens.use(keys.of_links(app.database))  # another process may have made a new one
    with app.database.sharing() as conn:
        store_planned.give_back(conn, rows, owner=owner, now=now)
    with app.meters.job("compose"):
        written = write(
            app.database, settings, now=now, outlook=app.intake.outlook(now), rows=rows,
            owner=owner, lease=lease, clock=app.clock, stopping=stopping,
        )  # fmt: skip
    app.tell_of(written)
    return written


def last_change(app: App) -> int:
    """Return the number of the last change of papers."""
    with app.database.reading() as conn:
        return paper_changes.last(conn)


def is_matched(app: App, *, upto: int | None = None) -> bool:
    """Whether all papers are matched with all profiles, or all up to a change."""
    with app.database.reading() as conn:
        return match_marks.is_current(conn, upto=upto)


def left_over(app: App, *, never_claimed_for: timedelta | None) -> list[int]:
    """Return whose digests are planned and nobody's work, those due longest first; from now on they
    are as if planned now.

    Args:
        never_claimed_for: Also those that nobody has claimed for so long; None: those alone that
            were claimed and not written.
    """
    now = app.clock()
    before = None if never_claimed_for is None else now - never_claimed_for
    with app.database.reading() as conn:
        found = store_planned.left_over(conn, now=now, planned_before=before, limit=_MOST)
    if found:
        with app.database.sharing() as conn:
            store_planned.plan_again(conn, found, now=now)
    return found


def failing(app: App) -> int:
    """Return how many digests could not be written, and are tried again."""
    with app.database.reading() as conn:
        return store_planned.failing(conn)
