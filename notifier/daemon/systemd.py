"""What systemd is told: READY, RELOADING, STOPPING, STATUS and the watchdog (sd_notify(3)).

Where nobody listens, nothing is said, and what cannot be said stops nothing.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress


def tell(*lines: str, environment: Mapping[str, str] = os.environ) -> None:
    """Send lines like `READY=1` to the socket that systemd named; `@` begins an abstract one."""
    place = environment.get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return
    address = "\0" + place[1:] if place.startswith("@") else place
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
        to.setblocking(False)
        to.sendto("\n".join(lines).encode(), address)


def reloading() -> None:
    """Say that the configuration is read again; `READY=1` says that it is done."""
    tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def watchdog_seconds(environment: Mapping[str, str] = os.environ) -> float | None:
    """Return how often systemd wants to hear from us, at the least; None where it does not."""
    wanted = environment.get("WATCHDOG_USEC", "")
    whose = environment.get("WATCHDOG_PID", str(os.getpid()))
    if not wanted.isdecimal() or not int(wanted) or whose != str(os.getpid()):
        return None
    return int(wanted) / 1_000_000
