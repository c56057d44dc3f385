"""A profile's page: its name and rules, tried before they are kept, switched off, deleted."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from notifier import errors
from notifier.digests.view import Notice
from notifier.profiles.parser import PROFILE_CHARACTERS, parse
from notifier.profiles.profile import Profile, Subscriber
from notifier.subscriptions.checks import NAME_CHARACTERS
from notifier.subscriptions.links import CHANGE
from notifier.subscriptions.profiles import MOST_PROFILES, Draft
from notifier.subscriptions.sharing import FEWEST_TOLD
from notifier.web.answers import Form, Pages, read_form
from notifier.web.trying import NOTICES_SHOWN, Tried, Trying, is_trial, typed_rules

_SHARING = ("share", "reshare", "owner", "unshare", "leave")
_ROW_DIGITS = 18  # as many as every database takes


def routes(pages: Pages) -> list[BaseRoute]:
    """Return where the pages are."""
    editing = _Editing(pages)
    one = "/m/{token}/profile/{row}"
    return [
        Route("/m/{token}/profile/new", editing.show, methods=["GET"]),
        Route("/m/{token}/profile/new", editing.act, methods=["POST"]),
        Route(one, editing.show, methods=["GET"]),
        Route(one, editing.act, methods=["POST"]),
        Route("/m/{token}/try", editing.try_typed, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class _Place:
    """Whose profile it is; `profile` is None for a new one."""

    subscriber: Subscriber
    profile: Profile | None

    @property
    def stored(self) -> Draft:
        """The fields as they are stored."""
        return Draft(self.profile.name, self.profile.rules) if self.profile else Draft("", "")


class _Editing:
    def __init__(self, pages: Pages) -> None:
        self._pages, self._trying = pages, Trying(pages)

    def _place(self, request: Request) -> _Place:
        subscriber = self._pages.subscriber(request, CHANGE)
        row = request.path_params.get("row")
        profiles = self._pages.app.served.profiles
        profile = profiles.get(subscriber, _number(row)) if row else None
        return _Place(subscriber, profile)

    def show(self, request: Request) -> Response:
        """Show what is stored, or empty fields."""
        place = self._place(request)
        return self._page(request, place, place.stored, done=request.query_params.get("done", ""))

    async def act(self, request: Request) -> Response:
        """Try, store, switch or delete, as the button says."""
        form = await read_form(request)
        place = await run_in_threadpool(self._place, request)
        if not is_trial(form):
            return await run_in_threadpool(self._act, request, place, form)
        draft = _draft(form)
        words = self._pages.words(request, place.subscriber)
        found = await self._trying.tried(draft.rules, words)
        return await run_in_threadpool(self._page, request, place, draft, found=found)

    def _act(self, request: Request, place: _Place, form: Form) -> Response:
        do, app = form.one("do"), self._pages.app
        if place.profile is None:
            return self._store(request, place, _draft(form))
        if do in ("on", "off"):
            app.served.profiles.switch(place.subscriber, place.profile.row, enabled=do == "on")
            return self._again(request, place.profile.row, do)
        if do == "undo":
            row, name = place.subscriber.row, place.profile.name
            app.subscriptions.undo_rules(row, name, now=app.clock())
            return self._again(request, place.profile.row, "undone")
        if do == "remove":
            return self._remove(request, place, place.profile)
        if do in _SHARING:
            return self._share(request, place.profile, do)
        if do == "feed":
            app.served.feeds.rotate(place.profile.row)
            return self._again(request, place.profile.row, do)
        if do == "no-feed":
            app.served.feeds.stop(place.profile.row)
            return self._again(request, place.profile.row, do)
        return self._store(request, place, _draft(form))

    def _share(self, request: Request, profile: Profile, do: str) -> Response:
        sharing, now = self._pages.app.served.sharing, self._pages.app.clock()
        match do:
            case "share" | "reshare":
                sharing.share(profile.row, now=now, rotate=do == "reshare")
            case "owner":
                sharing.owner_link(profile.row)
            case "unshare":
                sharing.stop(profile.row)
            case _:
                sharing.leave(profile.row)
        return self._again(request, profile.row, do)

    def _store(self, request: Request, place: _Place, draft: Draft) -> Response:
        profiles, profile = self._pages.app.served.profiles, place.profile
        who, now = place.subscriber, self._pages.app.clock()
        wrong = profiles.wrong_in(who, draft, profile.row if profile else None)
        if wrong and not (profile is None and profiles.is_there(who, draft)):
            return self._page(request, place, draft, 422, wrong=wrong)
        try:
            if profile:
                kept = profiles.change(who, profile.row, draft, now=now)
            else:
                kept = profiles.add(who, draft, now=now)
        except errors.UsageError:  # another tab took the name in between
            return self._page(request, place, draft, 422, wrong=["taken"])
        return self._again(request, kept.row, "saved" if profile else "added")

    def _remove(self, request: Request, place: _Place, profile: Profile) -> Response:
        self._pages.app.served.profiles.remove(place.subscriber, profile.row)
        return self._pages.page(
            request,
            "removed",
            reader=place.subscriber,
            profile=profile,
            manage=self._pages.manage(request),
        )

    def _again(self, request: Request, row: int, done: str) -> Response:
        """Lead to the profile's page, so that reloading it sends nothing again."""
        return RedirectResponse(f"{self._pages.manage(request)}/profile/{row}?done={done}", 303)

    def _page(
        self,
        request: Request,
        place: _Place,
        draft: Draft,
        status: int = 200,
        *,
        found: Tried | None = None,
        wrong: list[str] | None = None,
        done: str = "",
    ) -> Response:
        words = self._pages.words(request, place.subscriber)
        problems = parse(draft.rules).problems if found is None else ()
        return self._pages.page(
            request,
            "profile",
            status,
            reader=place.subscriber,
            profile=place.profile,
            feed=self._pages.app.served.feeds.of(place.profile.row) if place.profile else None,
            sharing=self._pages.app.served.sharing.of(place.profile.row) if place.profile else None,
            shared_at=self._pages.app.links.shared,
            fewest_told=FEWEST_TOLD,
            typed=draft,
            tried=found,
            wrong=wrong or [],
            done=done if place.profile else "",
            problems=[Notice.of("", one, words).problem for one in problems[:NOTICES_SHOWN]],
            most_papers=place.subscriber.max_papers,
            characters=PROFILE_CHARACTERS,
            name_characters=NAME_CHARACTERS,
            most_profiles=MOST_PROFILES,
            manage=self._pages.manage(request),
            links=self._pages.links,
        )

    async def try_typed(self, request: Request) -> Response:
        """Say what typed rules would have found: a part of a page, for the script."""
        form = await read_form(request)
        subscriber = await run_in_threadpool(self._pages.subscriber, request, CHANGE)
        return await self._trying.part(request, form, subscriber)


def _number(row: str) -> int:
    """The row in an address. Not Starlette's `int`: that one fails with thousands of digits."""
    if not (row.isascii() and row.isdecimal() and len(row) <= _ROW_DIGITS):
        raise HTTPException(404)
    return int(row)


def _draft(form: Form) -> Draft:
    return Draft(form.one("name"), typed_rules(form))
