"""Write down what became of a mail, and what that says of its destination and of the mail server.

One transaction for each mail. The log tells digests, codes and destinations; never an address.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from notifier.delivery import backoff, blame, breaker, standing
from notifier.delivery.backoff import Decision, Tried
from notifier.delivery.breaker import CLOSED, Breaker, Cause, Failure
from notifier.delivery.cut import CUT_OFF
from notifier.delivery.hints import hint
from notifier.errors import SendError
from notifier.jobs.delivering import memory
from notifier.jobs.delivering.claiming import Taken
from notifier.jobs.delivering.values import Delivered, DeliverSettings
from notifier.storage import store_deliveries, store_subscribers
from notifier.storage.database import Database, must_be_alone
from notifier.storage.store_attempts import Outcome
from notifier.storage.store_deliveries import Claimed

log = structlog.get_logger()

# A mail in doubt is looked up after this: the server may still be reading what a dead process left.
GRACE = timedelta(minutes=5)
REASON_CHARACTERS = 300


class Recorder:
    """Records for all workers of a run."""

    def __init__(
        self,
        database: Database,
        settings: DeliverSettings,
        clock: Callable[[], datetime],
        done: Delivered,
    ) -> None:
        self._database, self._settings, self._clock = database, settings, clock
        self._done = done
        # Something was noted against somebody in this run: what is taken next may take it back.
        self._troubled = False

    def sent(self, conn: Connection, taken: Taken, words: str, *, owner: str) -> None:
        """Write down, in the caller's transaction, that the server took the mail.

        Raises:
            MustBeAlone: it says more, and others write beside this transaction.
        """
        mail, now = taken.mail, self._clock()
        outcome = Outcome("sent", "dot", 250, "", words)
        kept = store_deliveries.finish(conn, mail.row, outcome, owner=owner, now=now)
        if mail.is_troubled or taken.trial or self._troubled:
            self._forgive(conn, mail.destination, now)
        if not kept:
            must_be_alone(conn)  # said once, then
        _tell_lost(kept, mail)

    def tell_sent(self, taken: Taken) -> None:
        """Count and log it, once it is committed."""
        self._done.sent += 1
        log.info("digest sent", digest=taken.mail.digest, attempt=taken.mail.attempts)

    def _forgive(self, conn: Connection, destination: str, now: datetime) -> None:
        stood = memory.standing(conn, destination)
        if not stood.is_plain:
            memory.keep_standing(conn, standing.taken(stood, now=now))
        self._heard(conn)

    def _heard(self, conn: Connection) -> None:
        was = memory.breaker(conn)
        if not was.is_plain:
            memory.keep_breaker(conn, CLOSED)
        if was.is_open:
            log.info("mail server is asked again")

    def refused(self, taken: Taken, error: SendError, *, owner: str) -> None:
        """The server refused this mail, or fell silent."""
        mail, now = taken.mail, self._clock()
        tried = Tried(mail.digest, mail.attempts, mail.expires_at, _was_policy(mail.last))
        decision = backoff.decide(error, tried, now=now)
        if error.in_doubt and self._settings.holds_doubtful:
            look_up_at = now + GRACE if self._settings.postfix else None
            decision = Decision("held", look_up_at)
        with self._database.writing() as conn:
            if not self._note_blame(conn, taken, error, decision, now):
                decision = Decision("pending", now, counts=False, blame=decision.blame)
            kept = self._write(conn, mail, error, decision, owner=owner, now=now)
        _tell_lost(kept, mail)
        self._count(decision)
        log.warning(
            "digest not sent", digest=mail.digest, stage=error.stage, code=error.code,
            enhanced=error.enhanced, in_doubt=error.in_doubt, state=decision.state,
        )  # fmt: skip

    def _note_blame(
        self, conn: Connection, taken: Taken, error: SendError, decision: Decision, now: datetime
    ) -> bool:
        """Note of whom the answer spoke; False when the mail is given back, whatever was decided.

        That is so where its destination is paused, or the mail server is not asked, since many
        mails get this answer.
        """
        to = taken.mail.destination
        if decision.blame == "mail":
            if error.code and (taken.mail.is_troubled or taken.trial or self._troubled):
                self._heard(conn)
            elif not error.code:
                self._fail(conn, taken, "connection", str(error), now)
            return True
        if decision.state == "failed" and not taken.trial:
            return True  # the same mail as before: what it says was counted then
        reason = f"{error.code} {error.enhanced} {error.reply}".replace("  ", " ")
        reason = reason[:REASON_CHARACTERS]
        before = memory.standing(conn, to)
        if decision.blame == "busy":
            least = max(blame.least_wait(error), hint(error.reply) or timedelta(0))
            after = standing.slowed(before, reason, least=least, now=now)
        else:
            after = standing.refused(before, taken.mail.digest, reason, now=now)
        memory.keep_standing(conn, after)
        if after.paused_at and not before.paused_at:
            _tell_paused(to, error)
        return not (self._fail(conn, taken, "destinations", reason, now) or after.paused_at)

    def server_failed(
        self, taken: Taken, cause: Cause, reason: str, *, stage: str = "connect", owner: str
    ) -> None:
        """The mail server took nothing; the mail is not to blame and is given back."""
        mail, now = taken.mail, self._clock()
        with self._database.writing() as conn:
            outcome = Outcome("released", stage, reply=reason)
            store_deliveries.release(conn, mail.row, outcome, owner=owner, now=now)
            self._fail(conn, taken, cause, reason, now)

    def cut_off(self, taken: Taken, *, owner: str) -> None:
        """We had to end before the server had the mail whole; it is given back."""
        mail, now = taken.mail, self._clock()
        with self._database.writing() as conn:
            outcome = Outcome("released", "connect", reply=CUT_OFF)
            kept = store_deliveries.release(conn, mail.row, outcome, owner=owner, now=now)
            if taken.trial and kept:
                free = breaker.reserved(memory.breaker(conn), until=now)
                memory.keep_breaker(conn, free)
        log.info("digest given back", digest=mail.digest)

    def _fail(
        self, conn: Connection, taken: Taken, cause: Cause, reason: str, now: datetime
    ) -> bool:
        """Note a failure of the mail server; True when it is not asked any more."""
        self._troubled = True
        before = memory.breaker(conn)
        failure = Failure(cause, taken.mail.destination, now)
        after = breaker.failed(before, failure, reason, now=now, trial=taken.trial)
        memory.keep_breaker(conn, after)
        if after.is_open and not before.is_open:
            log.error(
                "mail server is left alone", cause=cause, until=after.retry_at,
                cure='mend it, then "notifier outbox resume"',
            )  # fmt: skip
            if cause == "destinations":
                _lift_pauses(conn, after)
        if after.is_open and cause == "destinations":
            self._done.down = self._done.down or breaker.told(after)
        return after.is_open

    def _write(
        self,
        conn: Connection,
        mail: Claimed,
        error: SendError,
        decision: Decision,
        *,
        owner: str,
        now: datetime,
    ) -> bool:
        state = decision.state if decision.counts else "released"
        outcome = Outcome(
            state, error.stage, error.code, error.enhanced, error.reply, decision.not_before
        )
        if not decision.counts:
            return store_deliveries.release(conn, mail.row, outcome, owner=owner, now=now)
        if decision.dead:
            evidence = f"{error.code} {error.enhanced} {error.reply}"
            store_subscribers.suppress(conn, mail.address, "dead address", evidence, now)
        return store_deliveries.finish(conn, mail.row, outcome, owner=owner, now=now)

    def _count(self, decision: Decision) -> None:
        if decision.state == "held":
            self._done.held += 1
        elif decision.state == "failed":
            self._done.failed += 1
        else:
            self._done.later += 1


def _lift_pauses(conn: Connection, opened: Breaker) -> None:
    """Go on with destinations paused by answers that turned out to be the mail server's."""
    since = opened.failures[0].at
    for name in sorted({one.destination for one in opened.failures}):
        stood = memory.standing(conn, name)
        if stood.paused_at and stood.paused_at >= since:
            memory.keep_standing(conn, standing.resumed(stood))


def _was_policy(last: Outcome) -> bool:
    """Whether the attempt before was refused by policy."""
    error = SendError(last.stage, last.code, last.enhanced, last.reply)
    return blame.blame(error) == "policy"


def _tell_lost(kept: bool, mail: Claimed) -> None:
    if not kept:
        log.warning("another worker had taken over", digest=mail.digest)


def _tell_paused(destination: str, error: SendError) -> None:
    log.error(
        "destination is paused: it refuses us, not one mail", destination=destination,
        code=error.code, enhanced=error.enhanced,
        cure=f'mend what the answer asks for, then "notifier outbox resume {destination}"',
    )  # fmt: skip
