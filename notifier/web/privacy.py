"""What is kept of people and for how long: the times are those that the code goes by."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier.jobs.housekeeping import KEEP_BUCKETS, KEEP_LETTERS, KEEP_SIGNUPS
from notifier.jobs.match import KEPT
from notifier.web.answers import Pages
from notifier.web.guarding import PUBLIC


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the page is."""

    def show(request: Request) -> Response:
        return pages.page(
            request,
            "privacy",
            headers=PUBLIC,
            archive_days=pages.app.archive.days,
            matches_days=KEPT.days,
            signups_days=KEEP_SIGNUPS.days,
            letters_days=KEEP_LETTERS.days,
            limits_days=KEEP_BUCKETS.days,
        )

    return [Route("/privacy", show)]
