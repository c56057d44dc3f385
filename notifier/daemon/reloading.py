"""The configuration is read again while the daemon runs: all of it is in force, or none of it.

A new instance is built on the same database, and then takes the place of the old one; work that is
under way ends with the old one. What was opened at the start stays as it is until a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from notifier import errors, keys
from notifier.app import App
from notifier.config import Settings
from notifier.vitals import WEB, Vitals
from notifier.web.site import make_probes, make_site

log = structlog.get_logger()

# What is opened at the start: section and key.
FIXED = (
    ("site", "listen"), ("database", "url"), ("bounce", "listen"), ("health", "listen"),
    ("engine", "kind"), ("engine", "tasks"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reload:
    """How a configuration is read, and what else follows it; both may raise a NotifierError."""

    read: Callable[[], Settings]
    apply: Callable[[Settings], None]


def with_fixed(old: Settings, new: Settings) -> tuple[Settings, tuple[str, ...]]:
    """Return the new settings with what cannot change as it was, and the names of that."""
    changed = []
    for section, key in FIXED:
        before, after = getattr(old, section), getattr(new, section)
        if getattr(before, key) != getattr(after, key):
            changed.append(f"{section}.{key}")
            kept = after.model_copy(update={key: getattr(before, key)})
            new = new.model_copy(update={section: kept})
    return new, tuple(changed)


class Current:
    """The instance that is in force, and its pages, where this process serves them."""

    def __init__(self, app: App, vitals: Vitals) -> None:
        self.app = app
        self._vitals = vitals
        self._site = self._site_of(app)
        self._probes = self._probes_of(app)

    async def pages(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the instance that is in force."""
        if self._site:
            await self._site(scope, receive, send)

    async def probes(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what only programs ask, by the instance that is in force."""
        if self._probes:
            await self._probes(scope, receive, send)

    async def refresh(self) -> None:
        """Sign links with the newest key: another process may have made one."""
        app = self.app
        app.tokens.use(await asyncio.to_thread(keys.of_links, app.database))

    async def reload(self, reload: Reload) -> bool:
        """Put what the configuration says now in force; False, and a line that says why, where it
        cannot be used: then nothing has changed."""
        try:
            settings, fixed = with_fixed(self.app.settings, await asyncio.to_thread(reload.read))
            app, site, probes = await asyncio.to_thread(self._made, settings)
            reload.apply(settings)
        except errors.NotifierError as error:
            reason = "; ".join(str(error).splitlines())
            log.error("the configuration is not read again: the old one is in force", reason=reason)
            return False
        self.app, self._site, self._probes = app, site, probes
        if fixed:
            log.warning("this needs a restart, and is as it was", settings=", ".join(fixed))
        log.info("the configuration was read again")
        return True

    def _site_of(self, app: App) -> ASGIApp | None:
        return make_site(app, self._vitals) if WEB in self._vitals.roles else None

    def _probes_of(self, app: App) -> ASGIApp | None:
        return make_probes(app, self._vitals) if app.settings.health.listen else None

    def _made(self, settings: Settings) -> tuple[App, ASGIApp | None, ASGIApp | None]:
        before = self.app
        app = App(settings, clock=before.clock, database=before.database, engine=before.engine)
        return app, self._site_of(app), self._probes_of(app)
