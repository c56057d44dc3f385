"""Take in what came back: find whose it is, keep it, and act, once.

By the token of its return path first, then by the digest's Message-ID, then by the address. Only
the first two cannot be forged. Reading a mail again changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from notifier.delivery import bounces, score, verp
from notifier.delivery.bounces import Report
from notifier.delivery.verdict import Kind
from notifier.storage import store_bounces, store_subscribers
from notifier.storage.database import Database
from notifier.storage.store_bounces import Mailed

log = structlog.get_logger()

# What is older than this is a replay, or of no use any more.
OLDEST = timedelta(days=30)
KEPT_BYTES = 200_000
LONGEST_ADDRESS = 320  # characters; RFC 5321, 4.5.3.1 allows fewer, and strangers write anything
_MILDEST: tuple[Kind, ...] = (
    "not-a-bounce",
    "auto-reply",
    "unknown",
    "policy",
    "soft",
    "hard",
    "complaint",
    "unsubscribe",
)
_FAILURES = ("hard", "soft", "complaint")


@dataclass(frozen=True, slots=True)
class BounceSettings:
    """`secret` signs tokens; `proof`: every mail has a token, so an address alone proves little."""

    secret: bytes
    proof: bool


@dataclass(frozen=True, slots=True)
class Read:
    """What a mail said of one recipient, and what was done: suppressed, counted, left or nothing.

    `known`: it was read before.
    """

    report: Report
    done: str = ""
    known: bool = False


@dataclass(frozen=True, slots=True)
class _Whose:
    via: str = ""
    subscriber: int | None = None
    mailed: Mailed | None = None


def take_mail(
    database: Database, raw: bytes, settings: BounceSettings, *, now: datetime, envelope: str = ""
) -> list[Read]:
    """Read a mail and do what follows, in one transaction.

    Args:
        envelope: Envelope recipient, where it is known.
    """
    reports = bounces.read(raw, envelope=envelope)
    key = hashlib.sha256(raw).hexdigest()
    with database.writing() as conn:
        if store_bounces.is_known(conn, key):
            return [Read(report, known=True) for report in reports]
        found = [(report, _whose(conn, report, settings)) for report in reports]
        taken = []
        for report, whose in _one_each(found):
            done = _act(conn, report, whose, settings, now)
            _keep(conn, key, raw, report, whose, done, now)
            taken.append(Read(report, done))
    for read in taken:
        log.info("mail came back", kind=read.report.kind, status=read.report.status, done=read.done)
    return taken


def _one_each(found: Sequence[tuple[Report, _Whose]]) -> list[tuple[Report, _Whose]]:
    """A mail has one recipient: where it was passed on to several, it reached somebody.

    Of what is said of one subscriber the mildest counts.
    """
    out: dict[object, tuple[Report, _Whose]] = {}
    for report, whose in found:
        mark = whose.subscriber if whose.subscriber is not None else report.recipient
        before = out.get(mark)
        if before is None or _MILDEST.index(report.kind) < _MILDEST.index(before[0].kind):
            out[mark] = (report, whose)
    return list(out.values())


def _whose(conn: Connection, report: Report, settings: BounceSettings) -> _Whose:
    if report.kind == "unsubscribe":
        row = verp.row_of(report.token)
        if row and verp.is_true(report.token, settings.secret, verp.UNSUBSCRIBE, row):
            return _Whose("token", row) if store_subscribers.get(conn, row) else _Whose()
        return _Whose()
    row = verp.row_of(report.token)
    mailed = store_bounces.delivery(conn, row) if row else None
    if mailed and verp.is_true(
        report.token, settings.secret, verp.BOUNCE, mailed.row, mailed.digest
    ):
        return _Whose("token", mailed.subscriber, mailed)
    if mailed := store_bounces.delivery_of(conn, report.message_id.partition("@")[0]):
        return _Whose("message-id", mailed.subscriber, mailed)
    known = store_subscribers.find(conn, report.recipient)
    if known and report.kind in _FAILURES:
        return _Whose("address", known.row, store_bounces.last_delivery(conn, known.row))
    return _Whose()


def _act(
    conn: Connection, report: Report, whose: _Whose, settings: BounceSettings, now: datetime
) -> str:
    """Do what follows and say what it was, or ""."""
    if whose.subscriber is None:
        return ""
    if report.kind == "unsubscribe":
        return "left" if store_subscribers.leave(conn, whose.subscriber, now=now) else ""
    if report.kind not in _FAILURES or _is_over(conn, whose, now):
        return ""
    proven = whose.via != "address" or not settings.proof
    if report.kind == "complaint":
        return _complain(conn, report, whose.subscriber, now) if proven else ""
    if report.kind == "hard" and proven:
        _suppress(conn, report, whose.subscriber, "dead address", now)
        return "suppressed"
    return _count(conn, report, whose, now)


def _is_over(conn: Connection, whose: _Whose, now: datetime) -> bool:
    """Whether it speaks of a mail before a fresh start, or of a very old one."""
    if whose.subscriber is None or (whose.mailed and whose.mailed.at is None):
        return False  # on its way: the bounce was faster than our record of it
    sent = whose.mailed.at if whose.mailed else None
    forgiven = store_bounces.forgiven_at(conn, whose.subscriber)
    if sent is None:  # nothing was mailed: only an address alone tells whose it is
        return forgiven is not None
    return sent < now - OLDEST or (forgiven is not None and sent < forgiven)


def _complain(conn: Connection, report: Report, subscriber: int, now: datetime) -> str:
    """RFC 5965: whoever calls our mail abuse gets none any more."""
    store_subscribers.leave(conn, subscriber, now=now)
    _suppress(conn, report, subscriber, "complaint", now)
    return "left"


def _count(conn: Connection, report: Report, whose: _Whose, now: datetime) -> str:
    """Let a soft bounce count, of the edition it speaks of, and stop mail when it is enough."""
    if whose.mailed is None or whose.subscriber is None:
        return ""
    since = store_bounces.forgiven_at(conn, whose.subscriber)
    came_back = store_bounces.soft(conn, whose.subscriber, since=since)
    if whose.mailed.row not in dict(came_back):
        came_back.append((whose.mailed.row, now))
    accepted = store_bounces.accepted(conn, whose.subscriber)
    if score.is_enough(came_back, accepted):
        _suppress(conn, report, whose.subscriber, "comes back again and again", now, rests=True)
        return "suppressed"
    return "counted"


def _suppress(
    conn: Connection,
    report: Report,
    subscriber: int,
    reason: str,
    now: datetime,
    *,
    rests: bool = False,
) -> None:
    found = store_subscribers.get(conn, subscriber)
    if found is None or (rests and store_subscribers.suppression(conn, found.address, now)):
        return
    store_subscribers.suppress(
        conn,
        found.address,
        reason,
        f"{report.status} {report.reason}".strip(),
        now,
        source="complaint" if report.kind == "complaint" else "bounce",
        until=now + score.REST if rests else None,
    )


def _keep(
    conn: Connection,
    key: str,
    raw: bytes,
    report: Report,
    whose: _Whose,
    done: str,
    now: datetime,
) -> None:
    values = {
        "key": key,
        "recipient": report.recipient[:LONGEST_ADDRESS],
        "kind": report.kind,
        "status": report.status,
        "reason": report.reason,
        "via": whose.via,
        "done": done,
        "subscriber_id": whose.subscriber,
        "delivery_id": whose.mailed.row if whose.mailed else None,
        "received_at": now,
    }
    store_bounces.add(conn, values, raw=raw[:KEPT_BYTES] if report.kind == "unknown" else None)
