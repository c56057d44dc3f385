"""A Postfix of the test's own: takes mails on a loopback port and hands them on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import private_postfix
from private_postfix import Postfix, free_port

from .conftest import need

__all__ = ["Postfix", "free_port", "relaying", "running"]


@contextmanager
def relaying(to: int) -> Iterator[int]:
    """Yield the port of a Postfix that hands all mails to a port of this machine."""
    with running(to) as made:
        yield made.port


@contextmanager
def running(to: int, *, main: str = "") -> Iterator[Postfix]:
    """Yield a Postfix that hands mails to a port; `main`: further lines of its main.cf."""
    missing = private_postfix.missing()
    need(not missing, missing)
    with private_postfix.running(f"relayhost = [127.0.0.1]:{to}\n{main}") as made:
        yield made
