"""All checks, beside each other; each is guarded, so that every one is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from notifier import errors
from notifier.doctor.finding import Finding, failed, skipped
from notifier.doctor.setup import Setup

log = structlog.get_logger()

LONGEST_SECONDS = 90.0
_TOLD_AFTER_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its name, what asks, whether that leaves this machine, and needs the database."""

    name: str
    ask: Callable[[Setup], Awaitable[Sequence[Finding]]]
    leaves: bool = False
    needs_database: bool = False


async def examine(
    checks: Sequence[Check],
    setup: Setup,
    *,
    offline: bool = False,
    tell: Callable[[Sequence[str]], None] = lambda waiting: None,
    longest_seconds: float = LONGEST_SECONDS,
) -> list[Finding]:
    """Return what the checks find, in their order.

    Args:
        offline: Leave out what leaves this machine.
        tell: Told every few seconds which checks are still waited for.
    """
    tasks = {
        asyncio.ensure_future(_guarded(check, setup, offline, longest_seconds)): check.name
        for check in checks
    }
    waiting = set(tasks)
    while waiting:
        _, waiting = await asyncio.wait(waiting, timeout=_TOLD_AFTER_SECONDS)
        if waiting:
            tell([name for task, name in tasks.items() if task in waiting])
    return [finding for task in tasks for finding in task.result()]


async def _guarded(
    check: Check, setup: Setup, offline: bool, longest_seconds: float
) -> Sequence[Finding]:
    if offline and check.leaves:
        return [skipped(check.name, "--offline: this asks others")]
    if check.needs_database and setup.database is None:
        return [skipped(check.name, "needs the database, see there")]
    try:
        async with asyncio.timeout(longest_seconds):
            return await check.ask(setup)
    except TimeoutError:
        said = f"not done within {longest_seconds:g} seconds"
        return [failed(check.name, said, "Try again, and look at what it asks.")]
    except errors.NotifierError as error:
        return [failed(check.name, str(error), "See there.")]
    except Exception as error:
        log.debug("a check failed", check=check.name, exc_info=True)
        said = f"the check itself failed: {type(error).__name__}"
        return [failed(check.name, said, 'Run "notifier doctor -v" and report what it shows.')]
