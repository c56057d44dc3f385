"""Rules proposed for papers that a subscriber keeps: a file, a list, or what they saved and liked.

What was sent is looked at and not kept. Proposals travel in the page itself, so that they can be
taken one after the other; a rule that is there already is taken no second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notifier import errors
from notifier.jobs.suggesting import (
    Kept,
    accepted,
    of_file,
    of_votes,
    propose,
    there_already,
)
from notifier.profiles.parser import parse
from notifier.profiles.profile import Profile, Subscriber
from notifier.profiles.suggesting import MOST_RULES
from notifier.sources.bibliographies.reading import read
from notifier.sources.bibliographies.work import Unread
from notifier.storage import store_votes
from notifier.subscriptions.links import CHANGE
from notifier.subscriptions.profiles import Draft
from notifier.web.answers import Form, Pages, read_form
from notifier.web.guarding import FILE_BYTES
from notifier.web.trying import Trying

UNREAD_SHOWN = 5
_TAB = "\t"
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Offer:
    """A proposed rule as it stands on the page."""

    line: str
    yours: int
    per_day: str
    example: str

    @property
    def written(self) -> str:
        """By which the page remembers it."""
        return _TAB.join((self.line, str(self.yours), self.per_day, self.example))

    @classmethod
    def of(cls, written: str) -> Offer | None:
        """Read it again; None for what is none."""
        parts = written[:_LONGEST].split(_TAB)
        if len(parts) != 4 or not parts[1].isdecimal() or not _is_rule(parts[0]):
            return None
        return cls(parts[0], int(parts[1]), parts[2], parts[3])


def _is_rule(line: str) -> bool:
    return len(line.splitlines()) == 1 and not parse(line).is_empty


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the page is."""
    suggesting = _Suggesting(pages)
    return [
        Route("/m/{token}/suggest", suggesting.show, methods=["GET"]),
        Route("/m/{token}/suggest", suggesting.act, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class _Looked:
    """What came of what was sent: offers, and what is to be said of it."""

    offers: tuple[Offer, ...] = ()
    kept: Kept | None = None
    unread: Sequence[Unread] = ()
    wrong: str = ""


class _Suggesting:
    def __init__(self, pages: Pages) -> None:
        self._pages, self._trying = pages, Trying(pages)

    def show(self, request: Request) -> Response:
        """Ask for papers."""
        return self._page(request, self._pages.subscriber(request, CHANGE), "", _Looked())

    async def act(self, request: Request) -> Response:
        """Propose rules for what was sent, or take some of those that were proposed."""
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            await self._trying.let_in(request)
            content, profile = await _sent(request)
            return await run_in_threadpool(self._propose, request, content, profile)
        form = await read_form(request)
        if form.one("do") == "saved":
            return await run_in_threadpool(self._propose, request, None, form.one("profile"))
        return await run_in_threadpool(self._take, request, form)

    def _propose(self, request: Request, content: bytes | None, profile: str) -> Response:
        subscriber = self._pages.subscriber(request, CHANGE)
        looked = self._looked(subscriber, content)
        return self._page(request, subscriber, profile, looked, 422 if looked.wrong else 200)

    def _looked(self, subscriber: Subscriber, content: bytes | None) -> _Looked:
        app, unread = self._pages.app, tuple[Unread, ...]()
        if content is None:
            kept = of_votes(app.database, subscriber.row)
        elif not content.strip():
            return _Looked(wrong="nothing")
        else:
            try:
                found = read(content)
            except errors.UsageError:
                return _Looked(wrong="unknown")
            kept, unread = of_file(app.database, found), found.unread
        proposals = propose(app.library, kept)
        offers = tuple(
            Offer(one.line, one.kept, f"{one.per_day:.1f}", one.example[:200])
            for one in proposals.rules
        )
        return _Looked(offers, kept, unread)

    def _take(self, request: Request, form: Form) -> Response:
        app, subscriber = self._pages.app, self._pages.subscriber(request, CHANGE)
        offers = tuple(filter(None, map(Offer.of, form.every("offer")[:MOST_RULES])))
        one = form.one("take")
        wanted = [one] if one else list(form.every("rule"))
        lines = [offer.line for offer in offers if offer.line in wanted]
        row, service = form.one("profile"), app.served.profiles
        known = self._chosen(subscriber, row)
        draft = Draft(known.name if known else "", accepted(known.rules if known else "", lines))
        if not lines:
            return self._page(request, subscriber, row, _Looked(offers, wrong="none"), 422)
        if wrong := service.wrong_in(subscriber, draft, known.row if known else None):
            return self._page(request, subscriber, row, _Looked(offers, wrong=wrong[0]), 422)
        now = app.clock()
        if known:
            kept = service.change(subscriber, known.row, draft, now=now)
        else:
            kept = service.add(subscriber, draft, now=now)
        return self._page(
            request, subscriber, str(kept.row), _Looked(offers), taken=len(lines), kept=kept
        )

    def _chosen(self, subscriber: Subscriber, row: str) -> Profile | None:
        """The profile that was chosen; None for a new one."""
        return next(
            (one for one in self._pages.app.served.profiles.of(subscriber) if str(one.row) == row),
            None,
        )

    def _page(
        self,
        request: Request,
        subscriber: Subscriber,
        profile: str,
        looked: _Looked,
        status: int = 200,
        *,
        taken: int = 0,
        kept: Profile | None = None,
    ) -> Response:
        app = self._pages.app
        chosen = self._chosen(subscriber, profile)
        there = there_already(chosen.rules if chosen else "", [one.line for one in looked.offers])
        with app.database.reading() as conn:
            votes = store_votes.counts(conn, subscriber.row)
        return self._pages.page(
            request,
            "suggest",
            status,
            reader=subscriber,
            looked=looked,
            offers=[(one, one.line in there) for one in looked.offers],
            unread=looked.unread[:UNREAD_SHOWN],
            more_unread=max(len(looked.unread) - UNREAD_SHOWN, 0),
            profiles=app.served.profiles.of(subscriber),
            chosen=profile,
            voted=votes.get("up", 0) + votes.get("saved", 0),
            most_megabytes=FILE_BYTES // 1_000_000,
            taken=taken,
            kept=kept,
            manage=self._pages.manage(request),
        )


async def _sent(request: Request) -> tuple[bytes, str]:
    """The papers that were sent, as a file or typed, and the profile that was chosen.

    Raises:
        HTTPException: it is no form.
    """
    async with request.form(max_files=1, max_fields=10, max_part_size=FILE_BYTES) as form:
        file, typed, profile = form.get("file"), form.get("typed"), form.get("profile")
        content = await file.read() if isinstance(file, UploadFile) else b""
        if not content.strip() and isinstance(typed, str):
            content = typed.encode()
        return content, profile if isinstance(profile, str) else ""
