"""Letters: single mails about a subscription, and what became of them.

A letter is claimed by moving its time behind the claim's end, so that one whose sender died is
taken again. Once it is sent, given up or too late, its text, which holds links, is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, exists, or_, select, update

from notifier.storage import tables as t
from notifier.storage.statements import insert_new

# Made once: each pass asks it.
_ANY_WAITING = select(exists(select(t.letter.c.id).where(t.letter.c.state == "waiting")))


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to be sent: its unguessable key, what it is about, its bytes; times aware UTC."""

    key: str
    kind: str
    address: str
    content: bytes
    made_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """A letter that is ours to send; `attempts` counts this one."""

    row: int
    kind: str
    address: str
    content: bytes
    attempts: int


def put(conn: Connection, letter: Letter) -> bool:
    """Have a letter sent; False when there is one with this key."""
    row = {
        "key": letter.key,
        "kind": letter.kind,
        "address": letter.address,
        "content": letter.content,
        "state": "waiting",
        "made_at": letter.made_at,
        "not_before": letter.made_at,
        "expires_at": letter.expires_at,
        "attempts": 0,
    }
    return bool(insert_new(conn, t.letter, [row]))


def take_back(conn: Connection, key: str) -> None:
    """Forget a letter that nobody has seen: in the transaction that put it here."""
    conn.execute(delete(t.letter).where(t.letter.c.key == key))


def is_any_waiting(conn: Connection) -> bool:
    """Whether there is a letter that is not sent, given up or closed as too late."""
    return bool(conn.scalar(_ANY_WAITING))


def claim(conn: Connection, *, owner: str, now: datetime, until: datetime) -> Claimed | None:
    """Claim the letter that waits longest; never one to an address that must not be mailed."""
    x, s = t.letter.c, t.suppression.c
    stands_in_the_way = exists(
        select(s.address).where(s.address == x.address, or_(s.until.is_(None), s.until > now))
    )
    found = (
        select(x.id)
        .where(x.state == "waiting", x.not_before <= now, x.expires_at > now, ~stands_in_the_way)
        .order_by(x.not_before, x.id)
        .limit(1)
    )
    claimed = (
        update(t.letter)
        .where(x.id.in_(found))
        .values(owner=owner, not_before=until, attempts=x.attempts + 1)
        .returning(x.id, x.kind, x.address, x.content, x.attempts)
    )
    row = conn.execute(claimed).one_or_none()
    return Claimed(*row) if row else None


def hold_all(conn: Connection, *, until: datetime) -> None:
    """Have no letter tried before `until`."""
    x = t.letter.c
    conn.execute(
        update(t.letter).where(x.state == "waiting", x.not_before < until).values(not_before=until)
    )


def finish(conn: Connection, row: int, state: str, *, owner: str, reply: str) -> bool:
    """Record that a letter is `sent` or has `failed`; False when another has claimed it."""
    return _write(conn, row, owner, state=state, content=None, owner=None, reply=reply[:500])


def put_off(
    conn: Connection, row: int, *, owner: str, until: datetime, reply: str, counts: bool = True
) -> bool:
    """Try a letter again later; `counts`: the attempt was made."""
    back = {} if counts else {"attempts": t.letter.c.attempts - 1}
    return _write(conn, row, owner, not_before=until, owner=None, reply=reply[:500], **back)


def _write(conn: Connection, row: int, by: str, **columns: object) -> bool:
    mine = (t.letter.c.id == row) & (t.letter.c.owner == by)
    return conn.execute(update(t.letter).where(mine).values(columns)).rowcount == 1


def close_stale(conn: Connection, *, now: datetime, until: datetime) -> int:
    """Give up letters that are too late, and return how many.

    No claim lasts beyond `until`: one that does was made by a clock that was ahead.
    """
    x = t.letter.c
    ahead = (x.state == "waiting") & x.owner.is_not(None) & (x.not_before > until)
    conn.execute(update(t.letter).where(ahead).values(not_before=until))
    late = update(t.letter).where(x.state == "waiting", x.expires_at <= now)
    return conn.execute(late.values(state="expired", content=None, owner=None)).rowcount


def forget_address(conn: Connection, address: str) -> None:
    """Delete the letters to an address."""
    conn.execute(delete(t.letter).where(t.letter.c.address == address))


def to(conn: Connection, address: str) -> list[dict[str, str]]:
    """Return what is known of the letters to an address, oldest first, ready for JSON."""
    x = t.letter.c
    query = select(x.kind, x.state, x.made_at).where(x.address == address).order_by(x.id)
    return [
        {"kind": kind, "state": state, "made_at": made_at.isoformat()}
        for kind, state, made_at in conn.execute(query)
    ]


def states(conn: Connection) -> list[tuple[str, str]]:
    """Return kind and state of all letters, oldest first."""
    x = t.letter.c
    return [(kind, state) for kind, state in conn.execute(select(x.kind, x.state).order_by(x.id))]
