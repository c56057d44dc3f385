"""Undo: what a page did is taken back for a day, and only while it is still so."""

from __future__ import annotations

from datetime import timedelta

from .pages import ADA, Place, place

__all__ = ["place"]

NAME = "<b>ml</b>"


def rules(place: Place) -> tuple[str, str | None]:
    """The rules of Ada's profile, and those before."""
    profile = place.app.subscriptions.profile(ADA, NAME)
    return profile.rules, profile.previous


def write(place: Place, text: str) -> None:
    place.app.subscriptions.add_profile(ADA, NAME, text, now=place.now, replace=True)


# The rules before.


def test_the_rules_before_come_back_and_go_again(place: Place) -> None:
    first, service = rules(place)[0], place.app.subscriptions
    assert service.undo_rules(1, NAME, now=place.now) is False
    write(place, "graphs")
    assert rules(place) == ("graphs", first)
    place.now += timedelta(hours=1)
    assert service.undo_rules(1, NAME, now=place.now) is True
    assert rules(place) == (first, "graphs")
    assert service.profile(ADA, NAME).changed_at == place.now
    assert service.profile(ADA, NAME).matched is False
    assert service.undo_rules(1, NAME, now=place.now) is True
    assert rules(place) == ("graphs", first)


def test_storing_the_same_rules_again_keeps_those_before(place: Place) -> None:
    first = rules(place)[0]
    write(place, "graphs")
    write(place, "graphs")
    assert rules(place) == ("graphs", first)


def test_rules_of_nobody_and_of_another_are_left_alone(place: Place) -> None:
    bo = place.reader("bo@example.org")
    write(place, "graphs")
    service, before = place.app.subscriptions, rules(place)
    assert not service.undo_rules(bo, NAME, now=place.now)
    assert not service.undo_rules(99, NAME, now=place.now)
    assert not service.undo_rules(1, "none of that name", now=place.now)
    assert rules(place) == before
