"""Shared profiles: which have the same rules, and whose word counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import Connection, case, delete, exists, func, insert, select, update

from notifier.storage import tables as t
from notifier.storage.statements import insert_new, next_numbers

Role: TypeAlias = Literal["owner", "reader"]
_CHANGE = "profile change"  # see `store_profiles`


@dataclass(frozen=True, slots=True)
class Membership:
    """What a profile is in a sharing, and how many others there are; both roles count all."""

    sharing: int
    role: Role
    secret: str
    owner_secret: str | None
    owners: int
    readers: int


@dataclass(frozen=True, slots=True)
class Shared:
    """What a link opens: the profile as its owners have it; `as_owner`: it makes an owner."""

    sharing: int
    name: str
    rules: str
    changed_at: datetime
    as_owner: bool


def of(conn: Connection, profile: int) -> Membership | None:
    """Return what a profile is in a sharing; None: it is in none."""
    m, s, other = t.member.c, t.sharing.c, t.member.alias()
    of_role = (
        select(func.count()).where(other.c.sharing_id == s.id, other.c.role == role)
        for role in ("owner", "reader")
    )
    query = (
        select(s.id, m.role, s.secret, s.owner_secret, *(q.scalar_subquery() for q in of_role))
        .join(t.sharing, s.id == m.sharing_id)
        .where(m.profile_id == profile)
    )
    row = conn.execute(query).one_or_none()
    return Membership(*row) if row else None


def begin(conn: Connection, profile: int, secret: str, *, now: datetime) -> None:
    """Share a profile that is in no sharing; its owner is the first."""
    new = insert(t.sharing).values(secret=secret, made_at=now).returning(t.sharing.c.id)
    join(conn, profile, int(conn.execute(new).scalar_one()), "owner")


def join(conn: Connection, profile: int, sharing: int, role: Role) -> None:
    """Make a profile part of a sharing."""
    row = {"profile_id": profile, "sharing_id": sharing, "role": role}
    insert_new(conn, t.member, [row])


def set_secret(conn: Connection, sharing: int, secret: str) -> None:
    """Let a sharing be opened by another link."""
    conn.execute(update(t.sharing).where(t.sharing.c.id == sharing).values(secret=secret))


def set_owner_secret(conn: Connection, sharing: int, secret: str | None) -> None:
    """Let one further owner come by a link; None: no one."""
    conn.execute(update(t.sharing).where(t.sharing.c.id == sharing).values(owner_secret=secret))


def opened(conn: Connection, secret: str) -> Shared | None:
    """Return what a secret opens."""
    s, m, p = t.sharing.c, t.member.c, t.profile.c
    query = (
        select(s.id, p.name, p.rules, p.updated_at, (s.secret != secret).label("as_owner"))
        .join(t.member, (m.sharing_id == s.id) & (m.role == "owner"))
        .join(t.profile, p.id == m.profile_id)
        .where((s.secret == secret) | (s.owner_secret == secret))
        .order_by(p.id)
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    return Shared(row.id, row.name, row.rules, row.updated_at, bool(row.as_owner)) if row else None


def is_member(conn: Connection, subscriber: int, sharing: int) -> str | None:
    """Return the name of a subscriber's profile in a sharing; None where there is none."""
    p, m = t.profile.c, t.member.c
    query = (
        select(p.name)
        .join(t.member, m.profile_id == p.id)
        .where(p.subscriber_id == subscriber, m.sharing_id == sharing)
    )
    return conn.scalar(query.limit(1))


def is_reader(conn: Connection, subscriber: int, name: str) -> bool:
    """Whether a profile's rules are others' to change."""
    p, m = t.profile.c, t.member.c
    query = (
        select(m.profile_id)
        .join(t.profile, p.id == m.profile_id)
        .where(p.subscriber_id == subscriber, p.name == name, m.role == "reader")
    )
    return conn.scalar(query) is not None


def spread(conn: Connection, subscriber: int, name: str, *, now: datetime) -> None:
    """Give the rules of an owner's profile to all that share them: one statement."""
    p, m = t.profile.c, t.member.c
    query = (
        select(p.rules, m.sharing_id)
        .join(t.member, m.profile_id == p.id)
        .where(p.subscriber_id == subscriber, p.name == name, m.role == "owner")
    )
    found = conn.execute(query).one_or_none()
    if found is None:
        return
    others = select(m.profile_id).where(m.sharing_id == found.sharing_id)
    differ = update(t.profile).where(p.id.in_(others), p.rules != found.rules)
    conn.execute(
        differ.values(
            rules=found.rules,
            previous=case((p.rules != found.rules, p.rules), else_=p.previous),
            updated_at=now,
            matched=False,
            change=next_numbers(conn, _CHANGE, 1),
        )
    )


def leave(conn: Connection, profile: int) -> bool:
    """Let a profile be its subscriber's own again; False when it was."""
    gone = conn.execute(delete(t.member).where(t.member.c.profile_id == profile)).rowcount > 0
    if gone:
        tidy(conn)
    return gone


def tidy(conn: Connection) -> None:
    """End what no owner shares any more: its readers keep the rules as their own."""
    m = t.member.c
    owned = exists(select(m.profile_id).where(m.sharing_id == t.sharing.c.id, m.role == "owner"))
    conn.execute(delete(t.sharing).where(~owned))


def end(conn: Connection, sharing: int) -> None:
    """Share something no more: all keep the rules as their own."""
    conn.execute(delete(t.sharing).where(t.sharing.c.id == sharing))


def invite(conn: Connection, name: str, *, now: datetime) -> None:
    """Write down that an address is invited, under a name."""
    conn.execute(insert(t.invited), {"name": name, "at": now})


def is_invited(conn: Connection, name: str) -> bool:
    """Whether an address was invited, by the name it has here."""
    return conn.scalar(select(t.invited.c.name).where(t.invited.c.name == name)) is not None
