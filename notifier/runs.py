"""What the log lines of one run have in common: its id, through all tasks and threads it starts."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from structlog.contextvars import bound_contextvars


@contextmanager
def one_run() -> Iterator[str]:
    """Name a run, one command or one pass of the daemon: each line that is logged inside says
    `run=ID`."""
    made = secrets.token_hex(4)
    with bound_contextvars(run=made):
        yield made
