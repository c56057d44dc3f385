"""What is done with subscribers by POST: added, confirmed, paused, resumed."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter
from starlette.responses import Response

from notifier import errors
from notifier.profiles.profile import Subscriber
from notifier.storage import store_subscribers
from notifier.subscriptions.checks import LONGEST_PAUSE, normal_address
from notifier.web.api.asking import Instance
from notifier.web.api.once import OnceRoute
from notifier.web.api.operations import operation
from notifier.web.api.people import Consent, NewSubscriber, PauseUntil, SubscriberShown, shown
from notifier.web.api.problems import Fault, Refused
from notifier.web.api.schemas import Number
from notifier.web.api.subscribers import one

router = APIRouter(tags=["subscribers"], route_class=OnceRoute)
_LOCATION = {
    "description": "The new subscriber.",
    "headers": {"Location": {"schema": {"type": "string"}, "description": "Where it is."}},
}


@router.post(
    "/subscribers",
    status_code=201,
    **operation("write", 409, body=True, once=True, status_201=_LOCATION),
)
def add_subscriber(app: Instance, wanted: NewSubscriber, response: Response) -> SubscriberShown:
    """Add a subscriber. Nothing is mailed to them until they are confirmed."""
    address, service = normal_address(wanted.address), app.subscriptions
    schedule = wanted.schedule(service.default_schedule)
    with app.database.reading() as conn:
        known, now = store_subscribers.find(conn, address), app.clock()
    made = known or service.request(
        address,
        now=now,
        schedule=schedule,
        max_papers=wanted.max_papers,
        replacements=bool(wanted.replacements),
        language=wanted.language or "",
        tell_nothing=bool(wanted.tell_nothing),
        text_only=bool(wanted.text_only),
        summary=bool(wanted.summary),
    )
    if known or made.created_at != now:  # somebody else was quicker
        raise errors.Conflict("this address has a subscriber: find it by POST /subscribers/find")
    response.headers["Location"] = f"subscribers/{made.row}"
    return shown(app, [made])[0]


@router.post("/subscribers/{subscriber}/confirm", **operation("write", 404, body=True, once=True))
def confirm_subscriber(app: Instance, subscriber: Number, consent: Consent) -> SubscriberShown:
    """Make a subscriber active, since they agreed to be mailed; `because` says how."""
    found = one(app, subscriber)
    because = f"{consent.because} (told by the API)"
    confirmed = app.subscriptions.confirm(found.address, now=app.clock(), because=because)
    return shown(app, [confirmed])[0]


@router.post("/subscribers/{subscriber}/pause", **operation("write", 404, body=True, once=True))
def pause_subscriber(app: Instance, subscriber: Number, pause: PauseUntil) -> SubscriberShown:
    """Send nothing for a while."""
    ahead = pause.until - app.clock()
    if not timedelta(0) < ahead <= LONGEST_PAUSE:
        said = f"later than now, and within {LONGEST_PAUSE.days} days"
        raise Refused(
            422, "this is no time to pause until", [Fault(detail=said, pointer="#/until")]
        )
    paused = app.subscriptions.pause(_active(app, subscriber).address, until=pause.until)
    return shown(app, [paused])[0]


@router.post("/subscribers/{subscriber}/resume", **operation("write", 404, once=True))
def resume_subscriber(app: Instance, subscriber: Number) -> SubscriberShown:
    """End a pause, and let a suppressed address be mailed again."""
    found = _active(app, subscriber)
    return shown(app, [app.subscriptions.resume(found.address, now=app.clock())])[0]


def _active(app: Instance, subscriber: int) -> Subscriber:
    found = one(app, subscriber)
    if found.state != "active":
        raise errors.Conflict(f"subscriber {subscriber} is {found.state}: confirm them first")
    return found
