"""Signals: the first SIGTERM or SIGINT asks for an end, the second ends; SIGHUP: read again."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ENDS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def caught(
    stop: asyncio.Event, seen: list[int], *, again: Callable[[], None] | None = None
) -> Iterator[None]:
    """Set `stop` at the first signal to end, and end the process at the second.

    Args:
        seen: Gets the signals that came.
        again: Called at SIGHUP; without it, that ends the process, as for any program.
    """
    loop = asyncio.get_running_loop()

    def received(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)  # the second time: at once; the ledger keeps what is open
        seen.append(number)
        stop.set()

    for number in _ENDS:
        loop.add_signal_handler(number, received, number)
    if again:
        loop.add_signal_handler(signal.SIGHUP, again)
    try:
        yield
    finally:
        for number in (*_ENDS, signal.SIGHUP):
            loop.remove_signal_handler(number)
