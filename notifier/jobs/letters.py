"""Send letters: claim one, send it, record what became of it, and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from notifier.delivery.cut import CUT_OFF, Cut
from notifier.delivery.mailer import Mailer, Transport
from notifier.errors import MailerDown, SendError
from notifier.storage import store_letters
from notifier.storage.database import Database
from notifier.storage.store_letters import Claimed

log = structlog.get_logger()

# A server that is down is asked again soon; one that refused our login may lock the account.
AFTER_DOWN, AFTER_REFUSED_LOGIN = timedelta(minutes=1), timedelta(minutes=30)
_LONGEST_WAIT = timedelta(hours=1)


@dataclass(slots=True)
class Sent:
    """What a run did; `down` says why the mail server took nothing more."""

    sent: int = 0
    later: int = 0
    failed: int = 0
    expired: int = 0
    down: str | None = None


@dataclass(frozen=True, slots=True)
class LetterPost:
    """`return_path` is the envelope's sender; a claim of `owner` holds for `lease`."""

    return_path: str
    owner: str
    lease: timedelta


def next_try(attempts: int, now: datetime) -> datetime:
    """Return when a letter is tried again: somebody waits for it, so soon at first."""
    return now + min(timedelta(minutes=2 ** min(attempts - 1, 10)), _LONGEST_WAIT)


async def send_letters(
    database: Database,
    transport: Transport,
    post: LetterPost,
    *,
    clock: Callable[[], datetime],
    stop: asyncio.Event | None = None,
    cut: Cut | None = None,
) -> Sent:
    """Send every letter that is due, one after the other; stops at `stop`, after one on the wire.
    `cut` takes that one back when asked to, as long as it is not the server's yet.

    A letter may come twice where its fate is in doubt: its key is the same.
    """
    done, stop, cut = Sent(), stop or asyncio.Event(), cut or Cut()
    if not await asyncio.to_thread(_is_any_waiting, database):
        return done
    done.expired = await asyncio.to_thread(_close_stale, database, post, clock())
    claimed = await asyncio.to_thread(_claim, database, post, clock())
    if claimed is None:
        return done
    async with transport.open() as mailer:
        while claimed is not None:
            await _send(database, mailer, post, claimed, done, clock, cut)
            if stop.is_set() or done.down:
                return done
            claimed = await asyncio.to_thread(_claim, database, post, clock())
    return done


def _is_any_waiting(database: Database) -> bool:
    with database.asking() as conn:
        return store_letters.is_any_waiting(conn)


def _close_stale(database: Database, post: LetterPost, now: datetime) -> int:
    with database.writing() as conn:
        return store_letters.close_stale(conn, now=now, until=now + post.lease)


def _hold_all(database: Database, until: datetime) -> None:
    with database.writing() as conn:
        store_letters.hold_all(conn, until=until)


def _claim(database: Database, post: LetterPost, now: datetime) -> Claimed | None:
    with database.writing() as conn:
        return store_letters.claim(conn, owner=post.owner, now=now, until=now + post.lease)


async def _send(
    database: Database,
    mailer: Mailer,
    post: LetterPost,
    claimed: Claimed,
    done: Sent,
    clock: Callable[[], datetime],
    cut: Cut,
) -> None:
    def record(state: str, reply: str) -> None:
        with database.writing() as conn:
            store_letters.finish(conn, claimed.row, state, owner=post.owner, reply=reply)

    def put_off(until: datetime, reply: str, counts: bool) -> None:
        with database.writing() as conn:
            store_letters.put_off(
                conn, claimed.row, owner=post.owner, until=until, reply=reply, counts=counts
            )

    about = {"letter": claimed.row, "kind": claimed.kind, "attempt": claimed.attempts}
    try:
        words = await cut.send(
            mailer, sender=post.return_path, recipient=claimed.address, content=claimed.content
        )
    except MailerDown as error:
        done.down = str(error)
        wait = AFTER_REFUSED_LOGIN if error.login_refused else AFTER_DOWN
        until = clock() + wait
        await asyncio.to_thread(put_off, until, str(error), False)
        await asyncio.to_thread(_hold_all, database, until)
    except SendError as error:
        log.warning("letter not sent", code=error.code, stage=error.stage, **about)
        if error.permanent:
            done.failed += 1
            await asyncio.to_thread(record, "failed", str(error))
        else:
            done.later += 1
            until = next_try(claimed.attempts, clock())
            await asyncio.to_thread(put_off, until, str(error), True)
    else:
        if words is None:
            await asyncio.to_thread(put_off, clock(), CUT_OFF, False)
            log.info("letter given back", **about)
            return
        done.sent += 1
        await asyncio.to_thread(record, "sent", words)
        log.info("letter sent", **about)
