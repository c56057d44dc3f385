"""What the global options say, and how commands open the instance they work on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from notifier import errors

if TYPE_CHECKING:
    from notifier.app import App
    from notifier.config import Settings

YEARS = (1970, 2200)
_LIKE = "2026-11-21T07:00:00+01:00 or 2026-11-21"
_AGE = re.compile(r"([0-9]{1,4})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(slots=True)
class State:
    """The global options of this run."""

    config: Path | None = None
    now: datetime | None = None
    verbose: bool = False
    quiet: bool = False


state = State()


def parse_moment(written: str, *, like: str = _LIKE) -> datetime:
    """Return an ISO 8601 moment as aware UTC; one without a zone is meant in UTC.

    Args:
        like: How else it could be written, for the error.
    Raises:
        UsageError: it is none.
    """
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise errors.UsageError(f'"{written}" is no time - write it like {like}') from None
    if not YEARS[0] <= moment.year <= YEARS[1]:
        raise errors.UsageError(f'"{written}" lies outside the years {YEARS[0]} to {YEARS[1]}')
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_since(written: str) -> datetime | None:
    """Return since when (UTC): `24h`, `7d` or `2w` before now, or an ISO 8601 moment; "": None.

    Raises:
        UsageError: it is neither.
    """
    if not written:
        return None
    age = _AGE.fullmatch(written)
    if not age:
        return parse_moment(written, like="7d, 24h, 2w or 2026-11-21")
    return parse_moment((clock()() - int(age[1]) * _UNITS[age[2]]).isoformat())


def clock() -> Callable[[], datetime]:
    """Return the clock of this run: `--now`, or the system's."""
    from notifier.intake import system_clock

    fixed = state.now
    return system_clock if fixed is None else lambda: fixed


def read_settings() -> Settings:
    """Return the checked settings of this run."""
    from notifier import config
    from notifier.cli.output import say

    file = config.find_file(state.config)
    if file is None:
        say("there is no notifier.toml, the defaults are in use: notifier init, or --config FILE")
    return config.load(file)


def configure_logs(found: Settings) -> None:
    """Set logging up by the settings and the options of this run."""
    from notifier import config_values
    from notifier.cli import logs

    level = "debug" if state.verbose else "error" if state.quiet else found.log.level
    logs.configure(found.log.format, level, tuple(config_values.secrets_in(found)))


def settings() -> Settings:
    """Return the checked settings of this run and set logging up by them."""
    found = read_settings()
    configure_logs(found)
    return found


@contextmanager
def instance() -> Iterator[App]:
    """Yield the instance that the configuration names; what it logs is one run."""
    from notifier.app import opened
    from notifier.runs import one_run

    with one_run(), opened(settings(), clock=clock()) as app:
        yield app
