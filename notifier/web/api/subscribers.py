"""Subscribers: listed, found, shown, changed, removed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from notifier import errors
from notifier.profiles.profile import State, Subscriber
from notifier.storage import store_pages, store_subscribers
from notifier.subscriptions.checks import normal_address
from notifier.web.api.asking import Instance
from notifier.web.api.operations import LINK, operation
from notifier.web.api.paging import PageAsked
from notifier.web.api.people import Changes, FoundBy, SubscriberShown, shown
from notifier.web.api.schemas import Number, Shown

router = APIRouter(tags=["subscribers"])


class SubscriberPage(Shown):
    """A page of subscribers, oldest first."""

    items: list[SubscriberShown]
    next: str | None


@router.get("/subscribers", **operation("read", status_200=LINK))
def list_subscribers(
    app: Instance,
    asked: PageAsked,
    response: Response,
    state: Annotated[State | None, Query(description="Only those in it.")] = None,
) -> SubscriberPage:
    """List subscribers, oldest first."""
    with app.database.reading() as conn:
        rows = store_pages.subscribers(conn, after=asked.row or 0, limit=asked.reading, state=state)
        page, following = asked.cut(rows, int, response)
        found = [one for row in page if (one := store_subscribers.get(conn, row))]
    return SubscriberPage(items=shown(app, found), next=following)


@router.post("/subscribers/find", **operation("read", 404, body=True))
def find_subscriber(app: Instance, wanted: FoundBy) -> SubscriberShown:
    """Find a subscriber by their address, which stands in no URL and so in no log."""
    with app.database.reading() as conn:
        found = store_subscribers.find(conn, normal_address(wanted.address))
    if found is None:
        raise errors.NotFound("no subscriber has this address")
    return shown(app, [found])[0]


@router.get("/subscribers/{subscriber}", **operation("read", 404))
def get_subscriber(app: Instance, subscriber: Number) -> SubscriberShown:
    """Show a subscriber."""
    return shown(app, [one(app, subscriber)])[0]


@router.patch("/subscribers/{subscriber}", **operation("write", 404, body=True))
def change_subscriber(app: Instance, subscriber: Number, wanted: Changes) -> SubscriberShown:
    """Change what a subscriber gets, and when. Another schedule moves the next digest."""
    before = one(app, subscriber)
    changed = app.subscriptions.change(
        before.address,
        now=app.clock(),
        # One that is not named stays as it is by then, whatever it was when we looked.
        schedule=wanted.schedule(before.schedule) if wanted.names_a_schedule else None,
        max_papers=wanted.max_papers,
        replacements=wanted.replacements,
        learning=wanted.learning,
        language=wanted.language,
        tell_nothing=wanted.tell_nothing,
        text_only=wanted.text_only,
        summary=wanted.summary,
        news_of_sent=wanted.news_of_sent,
        news_of_saved=wanted.news_of_saved,
    )
    return shown(app, [changed])[0]


@router.delete(
    "/subscribers/{subscriber}",
    status_code=204,
    response_class=Response,
    **operation("write", 404),
)
def remove_subscriber(app: Instance, subscriber: Number) -> None:
    """Delete a subscriber with everything kept about them; there is no way back."""
    app.subscriptions.remove(one(app, subscriber).address)


def one(app: Instance, subscriber: int) -> Subscriber:
    """Return a subscriber by their number.

    Raises:
        NotFound: there is none.
    """
    try:
        return app.subscriptions.by_row(subscriber)
    except errors.NotFound as error:
        raise errors.NotFound(f"there is no subscriber {subscriber}") from error
