"""Take back, when a process must end, what a mail server has not been given whole.

Up to its final dot a mail is nobody's yet, and can be given back. Behind it, only the answer tells
whether it was taken: that is waited for.
"""

from __future__ import annotations

import asyncio
from typing import Any

from notifier.delivery.mailer import Mailer

# What is written down of a mail that was taken back.
CUT_OFF = "the sending process was asked to stop"


class Cut:
    """Sends mails until it is asked to cut them off."""

    def __init__(self) -> None:
        self._is_asked = False
        self._under_way: dict[asyncio.Task[Any], Mailer] = {}
        self._taken_back: set[asyncio.Task[Any]] = set()

    def ask(self) -> None:
        """Cut off what may be, and send nothing any more."""
        self._is_asked = True
        for task, mailer in self._under_way.items():
            if not mailer.may_be_taken:
                self._taken_back.add(task)
                task.cancel()

    async def send(
        self, mailer: Mailer, *, sender: str, recipient: str, content: bytes
    ) -> str | None:
        """See `Mailer.send`; None: it was cut off, and the server does not have the mail."""
        task = asyncio.current_task()
        if self._is_asked or task is None:
            return None
        self._under_way[task] = mailer
        try:
            return await mailer.send(sender=sender, recipient=recipient, content=content)
        except asyncio.CancelledError:
            if task not in self._taken_back or task.uncancel():
                raise
            return None
        finally:
            self._under_way.pop(task, None)
            self._taken_back.discard(task)
