"""Profiles of a subscriber, by name."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import AfterValidator
from starlette.responses import Response

from notifier import errors
from notifier.profiles.parser import parse
from notifier.profiles.profile import Profile
from notifier.subscriptions.checks import NAME_CHARACTERS
from notifier.web.api.asking import Instance
from notifier.web.api.operations import operation
from notifier.web.api.people import NewRules, ProfileShown, profile_shown
from notifier.web.api.problems import Fault, Refused
from notifier.web.api.schemas import LINE, Number, Shown
from notifier.web.api.subscribers import one

router = APIRouter(tags=["profiles"])


def _single_spaces(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise ValueError("a name that is not blank")
    return name


Name = Annotated[
    str,
    Path(min_length=1, max_length=NAME_CHARACTERS, description="As typed, percent-encoded."),
    LINE,
    AfterValidator(_single_spaces),
]
_AT = "/subscribers/{subscriber}/profiles/{name:path}"


class Profiles(Shown):
    """All profiles of a subscriber, oldest first."""

    items: list[ProfileShown]


@router.get("/subscribers/{subscriber}/profiles", **operation("read", 404))
def list_profiles(app: Instance, subscriber: Number) -> Profiles:
    """List a subscriber's profiles."""
    found = app.subscriptions.profiles(one(app, subscriber).address)
    return Profiles(items=[profile_shown(profile) for profile in found])


@router.get(_AT, **operation("read", 404))
def get_profile(app: Instance, subscriber: Number, name: Name) -> ProfileShown:
    """Show a profile."""
    return profile_shown(_profile(app, subscriber, name))


@router.put(
    _AT,
    **operation(
        "write", 404, body=True, status_201={"description": "Made.", "model": ProfileShown}
    ),
)
def put_profile(
    app: Instance, subscriber: Number, name: Name, new: NewRules, response: Response
) -> ProfileShown:
    """Make a profile, or overwrite the one of that name."""
    owner, parsed = one(app, subscriber), parse(new.rules)
    if parsed.is_empty:
        said = "these rules ask for nothing: write at least one that works, like LLM agents"
        faults = [Fault(detail=str(wrong), pointer="#/rules") for wrong in parsed.problems]
        raise Refused(422, said, faults)
    is_new = all(profile.name != name for profile in app.subscriptions.profiles(owner.address))
    app.subscriptions.add_profile(
        owner.address, name, new.rules, now=app.clock(), replace=True, enabled=new.enabled
    )
    response.status_code = 201 if is_new else 200
    return profile_shown(_profile(app, subscriber, name))


@router.delete(_AT, status_code=204, response_class=Response, **operation("write", 404))
def remove_profile(app: Instance, subscriber: Number, name: Name) -> None:
    """Delete a profile."""
    _profile(app, subscriber, name)
    app.subscriptions.remove_profile(one(app, subscriber).address, name)


def _profile(app: Instance, subscriber: int, name: str) -> Profile:
    for profile in app.subscriptions.profiles(one(app, subscriber).address):
        if profile.name == name:
            return profile
    raise errors.NotFound(f'subscriber {subscriber} has no profile "{name}"')
