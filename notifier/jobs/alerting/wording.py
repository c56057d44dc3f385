"""What a mail to the operator says: what is wrong, since when, and the command that helps. Pure.

It holds no address of a reader: servers repeat those, so that they are taken out of their words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from notifier.jobs.alerting.telling import Change, Step
from notifier.languages import Language, Said
from notifier.storage.store_alerts import Alert

_ADDRESS = re.compile(r"[^\s<>@\"'(),;:]+@[\w.-]+")
_WHY_CHARACTERS = 300

# Commands that help, by kind; {name} is the source or destination.
CURES: Mapping[str, tuple[str, ...]] = {
    "silence": ("notifier status", "notifier outbox list"),
    "login": ("notifier mail test ADDRESS", "notifier outbox resume"),
    "destination": ("notifier outbox list", "notifier outbox resume {name}"),
    "source": ("notifier source list", "notifier ingest {name}"),
    "disk": ("notifier status",),
}


@dataclass(frozen=True, slots=True)
class Told:
    """One alert in words. Without `cures` it is over."""

    what: str
    since: str
    why: str
    cures: tuple[str, ...]


def what(alert: Alert) -> Said:
    """Return what is wrong, as a sentence without its full stop."""
    name = alert.name
    match alert.kind:
        case "silence":
            return Said("No digest went out although some were due")
        case "login":
            return Said("The mail server refuses our login")
        case "destination":
            return Said("%(name)s refuses our mails", name=name)
        case "source":
            return Said("%(name)s cannot be read", name=name)
        case _:
            return Said("The disk of the database is nearly full")


def over(alert: Alert) -> Said:
    """Return what is so again."""
    name = alert.name
    match alert.kind:
        case "silence":
            return Said("Digests go out again, or none is due any more")
        case "login":
            return Said("The mail server's login is no longer refused")
        case "destination":
            return Said("Mails go to %(name)s again", name=name)
        case "source":
            return Said("%(name)s is read again, or asked no more", name=name)
        case _:
            return Said("The disk of the database has room again")


def cures(alert: Alert) -> tuple[str, ...]:
    """Return the commands that help."""
    return tuple(one.format(name=alert.name) for one in CURES.get(alert.kind, ()))


def reason(why: str) -> str:
    """Return somebody's words on one line, short, and without an address."""
    return _ADDRESS.sub("(address)", " ".join(why.split()))[:_WHY_CHARACTERS]


def subject(changes: Sequence[Change], words: Language, service: str) -> str:
    """Return the subject of the mail that tells of some changes."""
    worst = [one for one in changes if one.step != "over"] or changes
    if len(worst) > 1:
        said = words.ngettext("%(n)s thing needs care", "%(n)s things need care", len(worst))
        return f"{service}: {said}"
    one = worst[0]
    return f"{service}: {words.said(over(one.alert) if one.step == 'over' else what(one.alert))}"


def told(changes: Sequence[Change], step: Step, words: Language) -> list[Told]:
    """Return in words what took a step."""
    return [_told(one, words) for one in changes if one.step == step]


def _told(change: Change, words: Language) -> Told:
    alert, is_over = change.alert, change.step == "over"
    said = over(alert) if is_over else what(alert)
    why = "" if is_over else reason(change.why)
    since = _moment(alert.since, words)
    return Told(words.said(said), since, why, () if is_over else cures(alert))


def _moment(at: datetime, words: Language) -> str:
    return f"{words.moment(at)} UTC"
