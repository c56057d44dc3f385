"""Who this process is, and whether another one is gone for certain."""

from __future__ import annotations

import os
import secrets
import socket
from datetime import datetime
from pathlib import Path

from notifier.storage.store_processes import Process

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NUMBERS = Path("/proc/self/ns/pid")
_ENDED = ("Z", "X")  # a zombie has ended, and waits for its parent


def this_process(roles: str, now: datetime) -> Process:
    """Return this process, by a new token."""
    token = secrets.token_hex(8)
    return Process(token, socket.gethostname(), _machine(), os.getpid(), roles, now)


def _machine() -> str:
    """Return what all have in common that see each other's numbers: this start of the machine, and
    the name space of numbers, which each container has for itself; "" where that is not known."""
    try:
        return f"{_BOOT.read_text('ascii').strip()} {_NUMBERS.readlink()}"
    except OSError:
        return ""


def is_gone(process: Process, me: Process) -> bool:
    """Whether another process has ended for certain: no process has its number, or we do."""
    if not me.machine or process.machine != me.machine:
        return False
    return process.pid == me.pid or not _runs(process.pid)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = (
            Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
        )
    except (OSError, IndexError):
        return True
    return state not in _ENDED
