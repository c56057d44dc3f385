"""What the global options say, and how commands open the instance they work on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from notifier import errors

if TYPE_CHECKING:
    from notifier.app import App
    from notifier.config import Settings

YEARS = (1970, 2200)


@dataclass(slots=True)
class State:
    """The global options of this run."""

    config: Path | None = None
    now: datetime | None = None
    verbose: bool = False
    quiet: bool = False


state = State()


def parse_moment(written: str) -> datetime:
    """Return an ISO 8601 moment as aware UTC; one without a zone is meant in UTC.

    Raises:
        UsageError: it is none.
    """
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise errors.UsageError(
            f'"{written}" is no time - write it like 2026-11-21T07:00:00+01:00 or 2026-11-21'
        ) from None
    if not YEARS[0] <= moment.year <= YEARS[1]:
        raise errors.UsageError(f'"{written}" lies outside the years {YEARS[0]} to {YEARS[1]}')
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def clock() -> Callable[[], datetime]:
    """Return the clock of this run: `--now`, or the system's."""
    from notifier.app import system_clock

    fixed = state.now
    return system_clock if fixed is None else lambda: fixed


def settings() -> Settings:
    """Return the checked settings of this run and set logging up by them."""
    from notifier import config
    from notifier.cli import logs

    found = config.load(config.find_file(state.config))
    level = "debug" if state.verbose else "error" if state.quiet else found.log.level
    logs.configure(found.log.format, level)
    return found


@contextmanager
def instance() -> Iterator[App]:
    """Yield the instance that the configuration names."""
    from notifier.app import opened

    with opened(settings(), clock=clock()) as app:
        yield app
