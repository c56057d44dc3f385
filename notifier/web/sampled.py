"""The sample digest in each language, made anew now and then."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Lock

from notifier.app import App
from notifier.digests.reading import body
from notifier.jobs.sample import sample

KEPT = timedelta(minutes=10)


class Samples:
    """Of one instance."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._kept: dict[str, tuple[datetime, str]] = {}  # by language
        self._making = Lock()  # it takes up to seconds: whoever else asks waits for the same one

    def html(self, code: str) -> str:
        """Return the sample as HTML, "" where there is none or no paper fits it."""
        if not self._app.settings.site.sample_rules:
            return ""
        now = self._app.clock()
        with self._making:
            if not self._is_kept(code, now):
                self._kept[code] = now, self._made(code, now)
            return self._kept[code][1]

    def is_known_empty(self) -> bool:
        """Whether one was made lately and no paper fitted it; it makes none, so it never waits."""
        now, kept = self._app.clock(), dict(self._kept)
        return any(not html for code, (_, html) in kept.items() if self._is_kept(code, now))

    def _is_kept(self, code: str, now: datetime) -> bool:
        return code in self._kept and timedelta(0) <= now - self._kept[code][0] < KEPT

    def _made(self, code: str, now: datetime) -> str:
        app = self._app
        with app.database.reading() as conn:
            mail = sample(
                conn,
                app.settings.site.sample_rules,
                app.compose_settings,
                lambda conn, profiles, now: app.matchers.asked.found(conn, profiles, now=now),
                schedule=app.subscriptions.default_schedule,
                language=code,
                about=f"{app.links.base}/sample/link",
                now=now,
            )
        return body(mail, "html").decode("utf-8", "replace") if mail else ""
