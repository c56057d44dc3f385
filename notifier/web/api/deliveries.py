"""Deliveries: what waits, what was tried, in the mail server's words; sent again, or dropped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import Connection
from starlette.responses import Response

from notifier import errors
from notifier.storage import store_outbox
from notifier.storage.store_outbox import Waiting
from notifier.web.api import examples
from notifier.web.api.asking import Instance
from notifier.web.api.digests import Key
from notifier.web.api.once import OnceRoute
from notifier.web.api.operations import LINK, operation
from notifier.web.api.paging import PageAsked
from notifier.web.api.schemas import Shown, like

router = APIRouter(tags=["deliveries"], route_class=OnceRoute)
State = Literal["pending", "claimed", "held", "sent", "failed", "expired", "dropped"]
_AGAIN, _OPEN = ("pending", "held", "failed"), ("pending", "held")


class DeliveryShown(Shown):
    """The sending of a digest (`key`), and how the last attempt ended."""

    model_config = like(examples.DELIVERY)
    key: str
    subscriber: int
    period: str
    state: State
    attempts: int
    not_before: datetime
    expires_at: datetime
    finished_at: datetime | None
    stage: str | None
    code: int | None
    enhanced: str | None
    reply: str | None


class DeliveryPage(Shown):
    """A page of deliveries, the newest first."""

    items: list[DeliveryShown]
    next: str | None


class AttemptShown(Shown):
    """One attempt to send, or somebody's word."""

    number: int
    at: datetime
    outcome: str
    stage: str | None
    code: int | None
    enhanced: str | None
    reply: str | None


class WholeDelivery(DeliveryShown):
    """A delivery with every attempt, in order."""

    model_config = like(examples.WHOLE_DELIVERY)
    tried: list[AttemptShown]


@router.get("/deliveries", **operation("read", status_200=LINK))
def list_deliveries(
    app: Instance,
    asked: PageAsked,
    response: Response,
    state: Annotated[list[State], Query(description="Only in these states.", max_length=7)] = [],  # noqa: B006  # FastAPI copies it
    subscriber: Annotated[int | None, Query(ge=1, le=2**53 - 1, description="Of one.")] = None,
) -> DeliveryPage:
    """List deliveries, the newest first."""
    with app.database.reading() as conn:
        rows = store_outbox.page(
            conn, before=asked.row, limit=asked.reading, states=state, subscriber=subscriber
        )
    page, following = asked.cut(rows, attrgetter("row"), response)
    return DeliveryPage(items=[DeliveryShown.model_validate(one) for one in page], next=following)


@router.get("/deliveries/{key}", **operation("read", 404))
def get_delivery(app: Instance, key: Key) -> WholeDelivery:
    """Show a delivery with every attempt, in the mail server's words."""
    with app.database.reading() as conn:
        return _whole(conn, _one(conn, key))


@router.post("/deliveries/{key}/retry", **operation("admin", 404, 409, once=True))
def retry_delivery(app: Instance, key: Key) -> WholeDelivery:
    """Send a mail at once that waits, is held, or was refused: the same, byte for byte."""
    now, hours = app.clock(), timedelta(hours=app.settings.delivery.daily_hours)

    def retry(conn: Connection, found: Waiting) -> bool:
        if found.state in _AGAIN and not store_outbox.has_mail(conn, key):
            days = app.archive.days
            raise errors.Conflict(f"this mail was deleted after {days} days, it cannot be sent")
        until = max(found.expires_at, now + hours)
        return store_outbox.retry(conn, key, now=now, expires_at=until)

    return _decided(app, key, _AGAIN, retry)


@router.post("/deliveries/{key}/drop", **operation("admin", 404, 409, once=True))
def drop_delivery(app: Instance, key: Key) -> WholeDelivery:
    """Give up a mail that waits or is held. Its papers count as sent."""
    now = app.clock()
    return _decided(app, key, _OPEN, lambda conn, found: store_outbox.drop(conn, key, now=now))


def _decided(
    app: Instance,
    key: str,
    states: tuple[str, ...],
    decide: Callable[[Connection, Waiting], bool],
) -> WholeDelivery:
    with app.database.writing() as conn:
        found = _one(conn, key)
        if not decide(conn, found):
            there = ", ".join(states)
            raise errors.Conflict(f"this mail is {found.state}; only for one that is {there}")
        return _whole(conn, _one(conn, key))


def _one(conn: Connection, key: str) -> Waiting:
    found = store_outbox.find(conn, key)
    if found is None:
        raise errors.NotFound("there is no mail of a digest with this key")
    return found


def _whole(conn: Connection, found: Waiting) -> WholeDelivery:
    tried = [AttemptShown.model_validate(one) for one in store_outbox.attempts(conn, found.key)]
    shown = DeliveryShown.model_validate(found)
    return WholeDelivery(**shown.model_dump(), tried=tried)
