"""Settle mails in doubt by what Postfix knows of them: taken is sent, not taken is sent again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from notifier.delivery.postfix import Known, Postfix
from notifier.errors import MailTraceError
from notifier.storage import store_doubt
from notifier.storage.database import Database
from notifier.storage.store_attempts import Outcome
from notifier.storage.store_doubt import Doubtful

log = structlog.get_logger()

# What could not be looked up is looked up again after this; a log may be long.
LOOK_AGAIN = timedelta(minutes=15)


def settle(database: Database, postfix: Postfix, *, now: datetime) -> int:
    """Look up mails in doubt whose time has come; return how many were found sent.

    What cannot be looked up stays held, with the reason as its reply; that is logged once.
    """
    with database.reading() as conn:
        doubtful = store_doubt.due(conn, now=now)
    if not doubtful:
        return 0
    outcomes = _looked_up(postfix, doubtful, now)
    with database.writing() as conn:
        changed = [
            outcome
            for one, outcome in zip(doubtful, outcomes, strict=True)
            if store_doubt.settle(conn, one, outcome, now=now)
        ]
    states = Counter(outcome.state for outcome in changed)
    for words in sorted({one.reply for one in changed if one.state == "held"}):
        log.error("mails in doubt stay held", reason=words)
    if states["sent"] or states["pending"]:
        log.info("mails in doubt looked up", sent=states["sent"], again=states["pending"])
    return states["sent"]


def _looked_up(postfix: Postfix, doubtful: Sequence[Doubtful], now: datetime) -> list[Outcome]:
    since = min(one.composed_at for one in doubtful)
    try:
        known = postfix.look_up({one.digest for one in doubtful}, since=since, now=now)
    except MailTraceError as error:
        return [_held(str(error), now)] * len(doubtful)
    return [_outcome(known, one, now) for one in doubtful]


def _outcome(known: Known, one: Doubtful, now: datetime) -> Outcome:
    evidence = known.taken.get(one.digest)
    if evidence:
        return Outcome("sent", "dot", 250, "", evidence)
    if known.since is not None and known.since <= one.composed_at:
        return Outcome("pending", "dot", reply="Postfix has not taken it")
    return _held(f"{known.log} does not go back to when this mail was made", now)


def _held(reason: str, now: datetime) -> Outcome:
    return Outcome("held", "dot", reply=reason, not_before=now + LOOK_AGAIN)
