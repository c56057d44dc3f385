"""What the scheduler does when a part of its work fails: the rest is done, the operator is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from notifier.app import App
from notifier.daemon import making
from notifier.daemon.lease import Rhythm
from notifier.daemon.making import is_matched
from notifier.daemon.once import tick_once
from notifier.daemon.planning import NAMES, Planner
from notifier.daemon.tasks import Tasks
from notifier.daemon.working import DELIVER, Asking, Work
from notifier.health import SETTLE
from notifier.jobs import housekeeping
from notifier.jobs.composed import Composed
from notifier.jobs.drafting import Draft, Press
from notifier.jobs.planning import Planned
from notifier.profiles.profile import Subscriber
from notifier.storage import store_planned
from notifier.storage import tables as t

from .builders import an_entry
from .pages import MORNING, Place, place
from .test_alerts import fail, watched

__all__ = ["place"]


class Holding:
    """The standing of a scheduler that nobody disputes."""

    holds = True

    async def confirmed(self) -> None:
        return None


class Alone:
    """A scheduler, alone; `made` counts how often it had made digests."""

    def __init__(self, app: App) -> None:
        self.app, self.tasks, self.made = app, Tasks(), 0
        standing: Any = Holding()
        self.stop = asyncio.Event()
        self.planner = Planner(self.tasks, self.stop, standing, app.engine, Asking())
        self.work = Work(lambda: app, self.stop, self._made)

    def _made(self) -> None:
        self.made += 1

    async def look(self) -> None:
        """Start what is due, and wait for its end."""
        self.stop.clear()
        working = asyncio.ensure_future(self.app.engine.work(self.work.handlers(), self.stop))
        self.planner.look(self.app)
        while running := self.tasks.running(*NAMES):
            await asyncio.wait(running)
        while is_matched(self.app) and self.app.engine.unfinished(DELIVER):  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # of what threads do
        self.stop.set()
        await working


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("broken")


def due(place: Place) -> Place:
    """A reader is due, and a source has failed for long; no source is to be asked now."""
    watched(place, silent_hours=0).now = MORNING
    place.take(an_entry(1, "RAG that forgets", published_at=MORNING))
    fail(place, 6)
    return place


@pytest.mark.anyio
@pytest.mark.parametrize(("what", "job"), [("run", "match"), ("plan", "pass")])
async def test_the_operator_is_told_though_every_pass_fails(
    place: Place, monkeypatch: pytest.MonkeyPatch, what: str, job: str
) -> None:
    alone = Alone(due(place).app)
    monkeypatch.setattr(making if what == "plan" else alone.app.matchers, what, broken)
    with capture_logs() as logs:
        for _ in range(3):
            await alone.look()
            place.now += SETTLE
    assert [one.name for one in place.app.health.alerts()] == ["arxiv"]
    assert {one["job"] for one in logs if one["event"] == "job failed"} == {job}


@pytest.mark.anyio
async def test_a_digest_that_waits_for_papers_of_just_now_is_written_when_they_are_matched(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = due(place).app
    place.reader("bo@example.org")
    with app.database.writing() as conn:
        conn.execute(update(t.subscriber).values(next_due_at=place.now))
    app.match()
    rows = making.plan(app, stopping=lambda: False).rows
    monkeypatch.setattr("notifier.jobs.fixing.BATCH", 1)
    matched = list[bool]()

    def made() -> None:  # once while one is written and the other waits
        matched.append(is_matched(app))
        app.match()

    write = Press.draft

    def draft(self: Press, one: Subscriber) -> Draft:
        if not matched:
            place.take(an_entry(2, "RAG of just now", published_at=MORNING))
        return write(self, one)

    monkeypatch.setattr(Press, "draft", draft)
    await Work(lambda: app, asyncio.Event(), made).deliver(rows)
    assert matched == [False, True]
    with app.database.reading() as conn:
        assert store_planned.count(conn) == 0


@pytest.mark.anyio
async def test_a_tick_that_fails_tells_the_operator(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due(place).app, "match", broken)
    with pytest.raises(RuntimeError, match="broken"):
        await place.app.tick()
    assert [one.name for one in place.app.health.alerts()] == ["arxiv"]


@pytest.mark.anyio
async def test_what_was_made_is_sent_though_old_rows_cannot_be_deleted(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "keep_house", broken)
    alone = Alone(due(place).app)
    with capture_logs() as logs:
        await alone.look()
        assert alone.made == 1
        await place.app.tick()
    assert [one["event"] for one in logs].count("old rows could not be deleted") == 2


@pytest.mark.anyio
async def test_the_scheduler_deletes_old_rows_behind_its_pass(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, done = due(place).app, list[str]()
    monkeypatch.setattr(making, "plan", lambda *_, **__: done.append("plan") or Planned())
    monkeypatch.setattr(app, "keep_house", lambda **_: done.append("house"))
    await Alone(app).look()
    assert done == ["plan", "house"]


def test_a_tick_that_was_held_up_past_its_lease_plans_no_further(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops = list[bool]()

    def compose(*, stopping: Callable[[], bool]) -> Composed:
        stops.append(stopping())
        monkeypatch.setattr(Rhythm, "is_fresh", lambda *_: False)  # nothing was renewed meanwhile
        stops.append(stopping())
        return Composed()

    monkeypatch.setattr(place.app, "compose", compose)
    monkeypatch.setattr(place.app, "keep_house", broken)
    assert not tick_once(place.app).left_to
    assert stops == [False, True]
