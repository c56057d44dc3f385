"""One pass of everything that is due, beside whatever else runs on the database."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

from notifier import errors
from notifier.app import App
from notifier.daemon.identity import this_process
from notifier.daemon.signals import caught
from notifier.daemon.standing import Standing
from notifier.intake import system_clock
from notifier.ticked import Ticked


def tick_once(app: App) -> Ticked:
    """Do one pass of everything due; SIGTERM and Ctrl-C stop it between two mails.

    Where another process is the scheduler, fetching and making digests is left to it: a source is
    never asked by two. What waits is sent in any case.
    """
    return asyncio.run(_tick_once(app))


async def _tick_once(app: App) -> Ticked:
    stop, seen, done = asyncio.Event(), list[int](), Ticked()
    with caught(stop, seen):
        async with app.told(done, stop):
            await _plan(app, done, stop)
            await app.send(done, stop)
    if signal.SIGINT in seen:
        raise KeyboardInterrupt
    return done


async def _plan(app: App, done: Ticked, stop: asyncio.Event) -> None:
    standing = Standing(app.database, this_process("tick", system_clock()), wants=True)
    if not await standing.claim(stop):
        other = standing.other.process if standing.other else None
        done.left_to = f"process {other.pid} on {other.host}" if other else "another process"
        await standing.leave()
        return
    lost = asyncio.Event()

    def changed() -> None:
        if not standing.is_scheduler:
            lost.set()

    keeping = asyncio.ensure_future(standing.keep(changed))
    try:
        await _until(app, done, stop, lost, standing)
    finally:
        keeping.cancel()
        with suppress(errors.NotifierError):
            await standing.leave()


class _Over(asyncio.Event):
    """Set once for all, and for as long as the lease is not ours beyond doubt."""

    def __init__(self, standing: Standing) -> None:
        super().__init__()
        self._standing = standing

    def is_set(self) -> bool:
        return super().is_set() or not self._standing.holds


async def _until(
    app: App, done: Ticked, stop: asyncio.Event, lost: asyncio.Event, standing: Standing
) -> None:
    """Plan until it is done, or `stop`, or another process may take over."""
    over = _Over(standing)
    ends = [asyncio.ensure_future(one.wait()) for one in (stop, lost)]
    for end in ends:
        end.add_done_callback(lambda _: over.set())
    try:
        await app.plan(done, over, ready=standing.confirmed)
    finally:
        for end in ends:
            end.cancel()
