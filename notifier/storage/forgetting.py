"""What may be deleted when it is old, kind by kind, and what must stay however old it is.

Rows are looked for while others may write, and deleted a few at a time; what has come to be needed
meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    FromClause,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
)

from notifier.storage import paper_changes, store_forgotten
from notifier.storage import tables as t
from notifier.storage.statements import chunks

Ages = Mapping[str, datetime]
_BLOCK = 50_000  # keys that are looked for at a time


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of a table that grows; older than its age, those of `may_go` are of no use any more.

    `at` is the time by which a row is old, `of` where that stands, where not in the table alone.
    """

    name: str
    table: Table
    at: ColumnElement[Any]
    may_go: Callable[[Ages], ColumnElement[bool]] | None = None
    of: FromClause | None = None

    @property
    def key(self) -> ColumnElement[Any]:
        """The column by which a row is known."""
        (key,) = self.table.primary_key.columns
        return key

    def old(self, ages: Ages) -> Select[Any]:
        """The query for keys of rows that may be deleted."""
        query = select(self.key).select_from(self.of if self.of is not None else self.table)
        query = query.where(self.at < ages[self.name])
        return query.where(self.may_go(ages)) if self.may_go else query


def _any(table: FromClause, *conditions: ColumnElement[bool]) -> Exists:
    return exists(select(1).select_from(table).where(*conditions))


def _digest_is_closed(digest: ColumnElement[Any]) -> ColumnElement[bool]:
    """Nothing of it is to be sent any more, by mail or to a channel."""
    mail, post = t.delivery.c, t.post.c
    return and_(
        ~_any(t.delivery, mail.digest_id == digest, mail.finished_at.is_(None)),
        ~_any(t.post, post.digest_id == digest, post.finished_at.is_(None)),
    )


def _mails(ages: Ages) -> ColumnElement[bool]:
    mail = t.delivery.c
    open_ = _any(t.delivery, mail.digest_id == t.message.c.digest_id, mail.finished_at.is_(None))
    return ~open_


def _posts(ages: Ages) -> ColumnElement[bool]:
    return t.post.c.finished_at.is_not(None)


def _digests(ages: Ages, digest: FromClause = t.digest) -> ColumnElement[bool]:
    """The last one stays: it says that somebody has had one, and up to where."""
    newer = t.digest.alias("newer")
    is_last = ~_any(
        newer,
        newer.c.subscriber_id == digest.c.subscriber_id,
        newer.c.id > digest.c.id,
    )
    return and_(~is_last, _digest_is_closed(digest.c.id))


def _attempts(ages: Ages) -> ColumnElement[bool]:
    """The one that succeeded says why its delivery is called sent."""
    a, mail = t.attempt.c, t.delivery.c
    is_closed = _any(t.delivery, mail.id == a.delivery_id, mail.finished_at.is_not(None))
    return and_(a.outcome != "sent", is_closed)


def _signals(ages: Ages) -> ColumnElement[bool]:
    """Of each series one reading from before stays: what came after is a gain over it."""
    newer, s = t.signal.alias("newer"), t.signal.c
    same = [newer.c[name] == s[name] for name in ("paper_id", "source", "name")]
    between = (newer.c.read_at > s.read_at, newer.c.read_at < ages["signals"])
    return _any(newer, *same, *between)


def _papers(ages: Ages) -> ColumnElement[bool]:
    """What a digest or a channel got, what somebody voted on, and what is shown of late stays.

    Ages with "foreseen" tell that old digests go first, and count as gone.
    """
    paper, held, age = t.paper.c.id, t.digest_paper.c, ages["papers"]
    needed = [
        _any(t.vote, t.vote.c.paper_id == paper),
        _any(t.sighting, t.sighting.c.paper_id == paper, t.sighting.c.seen_at >= age),
        _any(t.signal, t.signal.c.paper_id == paper, t.signal.c.read_at >= age),
    ]
    stays: list[ColumnElement[bool]] = []
    if "foreseen" in ages:
        gone = t.digest.alias("gone")
        is_gone = and_(gone.c.composed_at < ages["digests"], _digests(ages, gone))
        stays.append(~_any(gone, gone.c.id == held.digest_id, is_gone))
        needed.append(_any(t.digest_paper, held.paper_id == paper, *stays))
    else:
        needed.append(_any(t.digest_paper, held.paper_id == paper))
        needed.append(_any(t.post_paper, t.post_paper.c.paper_id == paper))
    return ~or_(*needed)


_OF_DIGEST = t.digest.c.composed_at
# In this order: what goes with another kind is not counted twice, papers follow their digests.
KINDS = (
    Kind("mails", t.message, _OF_DIGEST, _mails, t.message.join(t.digest)),
    Kind("posts", t.post, _OF_DIGEST, _posts, t.post.join(t.digest)),
    Kind("digests", t.digest, _OF_DIGEST, _digests),
    Kind("attempts", t.attempt, t.attempt.c.at, _attempts),
    Kind("bounces", t.bounce, t.bounce.c.received_at),
    Kind("papers", t.paper, t.paper.c.first_seen_at, _papers),
    Kind("signals", t.signal, t.signal.c.read_at, _signals),
    Kind("letters", t.letter, t.letter.c.made_at),
    Kind("signups", t.signup, t.signup.c.made_at),
    Kind("limits", t.bucket, t.bucket.c.at),
    Kind("answers", t.answer, t.answer.c.made_at),
)


def count(conn: Connection, kind: Kind, ages: Ages) -> int:
    """Return how many rows of a kind may be deleted."""
    return conn.scalar(select(func.count()).select_from(kind.old(ages).subquery())) or 0


def keys(conn: Connection, kind: Kind, ages: Ages) -> list[Any]:
    """Return keys of rows that may be deleted, the oldest first; not all where they are many."""
    return list(conn.scalars(kind.old(ages).order_by(kind.at).limit(_BLOCK)))


def forget(conn: Connection, kind: Kind, some: Sequence[Any], ages: Ages, *, now: datetime) -> int:
    """Delete those of these rows that may still be deleted, and return how many."""
    gone = 0
    for chunk in chunks(some):
        found = list(conn.scalars(kind.old(ages).where(kind.key.in_(chunk))))
        if kind.table is t.paper and found:
            store_forgotten.keep(conn, found, now=now)
            paper_changes.note_removals(conn, len(found))
        conn.execute(delete(kind.table).where(kind.key.in_(found)))
        gone += len(found)
    return gone


def oldest(conn: Connection, kind: Kind) -> datetime | None:
    """Return from when the oldest row is that is kept (UTC)."""
    place = kind.of if kind.of is not None else kind.table
    found: datetime | None = conn.scalar(select(func.min(kind.at)).select_from(place))
    return found
