"""Look at how an instance does, and have somebody told of what needs them.

One transaction takes the step and puts the mail where letters are sent from: a mail server that
refuses our login gets it as soon as it takes one. Two processes that look tell once.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from notifier.digests import message
from notifier.digests.gaps import quoted
from notifier.digests.render import Templates
from notifier.digests.view import Service
from notifier.jobs.alerting import wording
from notifier.jobs.alerting.telling import AGAIN, Change, changes
from notifier.jobs.alerting.troubles import Facts, Limits, troubles
from notifier.jobs.delivering import memory
from notifier.languages import language
from notifier.storage import store_alerts, store_letters, store_sources, store_watch
from notifier.storage.database import Database
from notifier.storage.store_alerts import Alert
from notifier.storage.store_letters import Letter
from notifier.storage.store_watch import LOOKED_BACK

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Who is told of what, and how mails to them are made; `secret` names them.

    `sources` are those that are asked. `free_bytes()` is how much room the database's disk has.
    """

    to: tuple[str, ...]
    limits: Limits
    sources: frozenset[str]
    free_bytes: Callable[[], int | None]
    language: str
    service: Service
    sender: str
    reply_to: str
    secret: bytes
    templates: Templates
    sign: Callable[[bytes, datetime], bytes]


def watch(
    database: Database, settings: AlertSettings, *, now: datetime, settle: timedelta
) -> list[Change]:
    """Notice what begins, have somebody told, forget what is over; return what is to be told.

    Args:
        settle: How long something must last before it is told.
    """
    with database.reading() as conn:
        found = troubles(facts(conn, settings, now=now), settings.limits, now=now)
        if not changes(store_alerts.every(conn), found, now=now, settle=settle):
            return []
    with database.writing() as conn:
        steps = changes(store_alerts.every(conn), found, now=now, settle=settle)
        told = [step for step in steps if _take(conn, step, now)]
        if told:
            _write(conn, told, settings, now)
    for one in told:
        _log(one)
    return told


def facts(conn: Connection, settings: AlertSettings, *, now: datetime) -> Facts:
    """Return how an instance does."""
    last = store_watch.last_sent(conn, now=now)
    after = max(last, now - LOOKED_BACK) if last else now - LOOKED_BACK
    return Facts(
        server=memory.breaker(conn),
        standings=memory.standings(conn),
        sources=[
            one
            for one in store_sources.health(conn)
            if one.name in settings.sources and not one.paused_at
        ],
        last_sent_at=last,
        unsent_since=store_watch.unsent_since(conn, after),
        overdue_since=store_watch.overdue_since(conn, after, now=now),
        free_bytes=settings.free_bytes(),
        was_full=any(one.kind == "disk" for one in store_alerts.every(conn)),
    )


def _take(conn: Connection, change: Change, now: datetime) -> bool:
    """Take a step; whether it is ours to tell of."""
    alert = change.alert
    match change.step:
        case "notice":
            store_alerts.notice(conn, alert)
            return False
        case "forget":
            store_alerts.end(conn, alert)
            return False
        case "over":
            return store_alerts.end(conn, alert)
        case _:
            return store_alerts.tell(conn, alert, why=change.why, now=now)


def _write(
    conn: Connection, told: Sequence[Change], settings: AlertSettings, now: datetime
) -> None:
    for address in settings.to:
        key = _key(address, told, settings.secret, now)
        content = mail(told, address, settings, key=key, now=now)
        # The next one says all that is in this one, should it not get through until then.
        store_letters.put(conn, Letter(key, "alert", address, content, now, now + AGAIN))


def mail(
    told: Sequence[Change], address: str, settings: AlertSettings, *, key: str, now: datetime
) -> bytes:
    """Return the mail that tells an address of some changes, signed."""
    words, service = language(settings.language), settings.service
    text = settings.templates.render(
        "mail/alert.txt.j2",
        settings.language,
        begun=wording.told(told, "begins", words),
        lasting=wording.told(told, "lasts", words),
        ended=wording.told(told, "over", words),
        footer=f"{service.name}, {service.public_url}",
    )
    made = message.Mail(
        key=key,
        sender=settings.sender,
        recipient=address,
        subject=wording.subject(told, words, service.name),
        text=quoted(text),
        html=b"",
        date=now,
        reply_to=settings.reply_to,
        is_list=False,
    )
    return settings.sign(message.build(made), now)


def _key(address: str, told: Sequence[Change], secret: bytes, now: datetime) -> str:
    named = [(one.step, one.alert.kind, one.alert.name) for one in told]
    about = f"alert:{address}:{now.isoformat()}:{named}"
    return hmac.new(secret, about.encode(), hashlib.sha256).hexdigest()[:32]


def _log(change: Change) -> None:
    alert = change.alert
    about = {"alert": alert.kind} | ({"name": alert.name} if alert.name else {})
    if change.step == "over":
        log.info("this is over", what=str(wording.over(alert)), **about)
        return
    log.error(
        "this needs somebody",
        what=str(wording.what(alert)),
        since=f"{alert.since:%Y-%m-%d %H:%MZ}",
        reason=wording.reason(change.why),
        cure=wording.cures(alert)[-1],
        **about,
    )


def lasting(conn: Connection) -> list[Alert]:
    """Return what lasts and was told."""
    return [one for one in store_alerts.every(conn) if one.told_at]
