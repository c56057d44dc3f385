"""What a worker does: send mails, letters and posts. Any number of workers do it side by side."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from notifier.app import App
from notifier.daemon.tasks import Tasks
from notifier.delivery.cut import Cut

log = structlog.get_logger()

LETTERS, MAILS, CHANNELS = "letters", "mails", "channels"
NAMES = (LETTERS, MAILS, CHANNELS)


class Sender:
    """A worker's work. From `stop` on nothing new is taken; `cut` takes back what can be."""

    def __init__(self, tasks: Tasks, stop: asyncio.Event, cut: Cut) -> None:
        self._tasks, self._stop, self._cut = tasks, stop, cut

    def look(self, app: App, *, again: bool = False) -> None:
        """Start sending what waits; `again`: more has just come."""
        self._tasks.start(LETTERS, partial(self._letters, app))
        self._tasks.start(MAILS, partial(self._mails, app), again=again)
        self._tasks.start(CHANNELS, partial(self._channels, app), again=again)

    async def _mails(self, app: App) -> None:
        await app.deliver(stop=self._stop, cut=self._cut)

    async def _letters(self, app: App) -> None:
        """Send what somebody waits for, beside the digests."""
        sent = await app.send_letters(stop=self._stop, cut=self._cut)
        if sent.down:
            log.error("mail server down", reason=sent.down)

    async def _channels(self, app: App) -> None:
        await app.channelled.send(stop=self._stop)
