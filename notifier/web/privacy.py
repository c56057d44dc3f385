"""What is kept of people and for how long: the times are those that the code goes by."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier.jobs.match import KEPT
from notifier.web.answers import Pages
from notifier.web.guarding import PUBLIC


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the page is."""

    kept = pages.app.retention

    def show(request: Request) -> Response:
        return pages.page(
            request,
            "privacy",
            headers=PUBLIC,
            archive_days=kept.mails.days,
            digests_days=kept.digests.days,
            bounces_days=kept.bounces.days,
            matches_days=KEPT.days,
            signups_days=kept.signups.days,
            letters_days=kept.letters.days,
            limits_days=kept.limits.days,
        )

    return [Route("/privacy", show)]
