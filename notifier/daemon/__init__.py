"""WHEN it is done, and by whom. In: an instance. Out: an exit code, or what one pass did.

Several processes share one database: any number serve pages and send, one of them is the scheduler.
Killed at any moment, nothing is lost; asked to stop, nothing comes twice.
"""

from __future__ import annotations

from notifier.daemon.lease import Rhythm
from notifier.daemon.once import tick_once
from notifier.daemon.reloading import Reload
from notifier.daemon.running import run

__all__ = ["Reload", "Rhythm", "run", "tick_once"]
