"""Whether each source answers: by its last round where that was of late, else it is asked once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from notifier import errors
from notifier.config_sources import SourceSettings
from notifier.doctor.finding import Finding, failed, ok, skipped, warning
from notifier.doctor.setup import Setup
from notifier.intake import Intake
from notifier.jobs.take import cache_key
from notifier.sources.freshness import NEEDS_CARE, Freshness
from notifier.storage import store_sources
from notifier.storage.store_sources import Health


@dataclass(frozen=True, slots=True)
class _Known:
    """A source, and what is known of it."""

    settings: SourceSettings
    health: Health
    freshness: Freshness | None

    @property
    def name(self) -> str:
        return self.settings.name


async def ask_sources(setup: Setup) -> list[Finding]:
    """Look at each source; services are asked one after the other, and not again so soon."""
    intake = Intake(setup.settings, setup.opened, setup.clock)
    known = await asyncio.to_thread(_known, setup, intake)
    found = [_by_last_round(setup, one) or await _asked(setup, intake, one) for one in known]
    return found or [skipped("sources", "there is none")]


async def recall_sources(setup: Setup) -> list[Finding]:
    """Say of each source what its last round brought, and ask none."""
    intake = Intake(setup.settings, setup.opened, setup.clock)
    known = await asyncio.to_thread(_known, setup, intake)
    why = "--offline: it was not read of late, and is not asked"
    return [_by_last_round(setup, one) or skipped("sources", f"{one.name}: {why}") for one in known]


def _known(setup: Setup, intake: Intake) -> list[_Known]:
    with setup.opened.reading() as conn:
        health = {one.name: one for one in store_sources.health(conn)}
    states = intake.freshness(setup.clock())
    return [
        _Known(one, health.get(one.name) or Health(one.name, one.kind), states.get(one.name))
        for one in setup.settings.source
    ]


def _by_last_round(setup: Setup, known: _Known) -> Finding | None:
    """Decide by the last round, None where it is too long ago to tell."""
    name, health = known.name, known.health
    if not known.settings.enabled:
        return skipped("sources", f"{name} is switched off")
    if health.paused_at:
        return skipped("sources", f'{name} is paused; "notifier source resume {name}" ends that')
    every = timedelta(minutes=known.settings.every_minutes)
    last = health.last_attempt_at
    if last is None or setup.clock() - last > 2 * every:
        return None
    if health.failures:
        remedy = f'See "notifier source test {name}".'
        return failed("sources", f"{name} fails: {health.error}", remedy)
    if known.freshness and known.freshness.state in NEEDS_CARE:
        said = f"{name} is {known.freshness.state}: {known.freshness.why}"
        return warning("sources", said, f'See "notifier source test {name}".')
    minutes = round((setup.clock() - last).total_seconds() / 60)
    return ok("sources", f"{name} was read {minutes} minutes ago, {health.seen} papers")


async def _asked(setup: Setup, intake: Intake, known: _Known) -> Finding:
    now = setup.clock()
    (source,) = intake.sources((known.name,))
    since = now - source.window if source.window is not None else None
    asked = source.requests(now=now, since=since)
    if not asked:
        return ok("sources", f"{known.name} has nothing to ask: nobody follows an author by an id")
    request = asked[0]
    with setup.opened.reading() as conn:
        kept = store_sources.validators(conn, cache_key(source, request.url))
    try:
        async with asyncio.timeout(4 * setup.patience_seconds):
            answer = await intake.fetch(
                request.url, etag=kept.etag, last_modified=kept.last_modified
            )
        if answer.body is None:
            return ok("sources", f"{known.name} answers: nothing new")
        papers = len(source.read(answer.body, now=now, asked=request).entries)
        return ok("sources", f"{known.name} answers: {papers} papers")
    except errors.SourceError as error:
        remedy = f'See "notifier source test {known.name}", and its [[source]] in notifier.toml.'
        return failed("sources", f"{known.name}: {error}", remedy)
    except TimeoutError:
        return warning("sources", f"{known.name} answers slowly", "Try again later.")
