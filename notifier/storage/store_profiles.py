"""Profiles, and what has changed in them since somebody looked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import Connection, case, delete, exists, func, insert, select, update

from notifier.errors import Followed
from notifier.profiles.profile import Profile
from notifier.storage import store_matches, store_posts, store_sharing
from notifier.storage import tables as t
from notifier.storage.part import ALL, Part
from notifier.storage.statements import among, chunks, insert_new, last_number, next_numbers

_CHANGE, _REMOVAL = "profile change", "profile removal"
_BLOCK = 50_000
_WANTED = t.profile.c.enabled & (t.subscriber.c.state == "active")


def _profile(row: Any) -> Profile:
    return Profile(
        row.id, row.subscriber_id, row.name, row.rules, row.enabled, row.matched, row.updated_at,
        row.previous, row.change,
    )  # fmt: skip


def of(conn: Connection, subscribers: Iterable[int]) -> list[Profile]:
    """Return the profiles of these subscribers, oldest first."""
    query = (
        select(t.profile)
        .where(t.profile.c.subscriber_id.in_(list(subscribers)))
        .order_by(t.profile.c.id)
    )
    return [_profile(row) for row in conn.execute(query)]


def add(conn: Connection, subscriber: int, name: str, rules: str, *, now: datetime) -> bool:
    """Add an enabled profile; False when the subscriber has one of that name."""
    row = {
        "subscriber_id": subscriber,
        "name": name,
        "rules": rules,
        "enabled": True,
        "created_at": now,
        "updated_at": now,
        "change": next_numbers(conn, _CHANGE, 1),
        "matched": False,
    }
    return insert_new(conn, t.profile, [row]) > 0


def add_to_each(
    conn: Connection, subscribers: Sequence[int], name: str, rules: str, *, now: datetime
) -> None:
    """Add an enabled profile to subscribers who have none of that name."""
    first = next_numbers(conn, _CHANGE, len(subscribers))
    shared = {"name": name, "rules": rules, "enabled": True, "matched": False}
    rows = [
        shared | {"subscriber_id": row, "created_at": now, "updated_at": now, "change": number}
        for number, row in enumerate(subscribers, first)
    ]
    conn.execute(insert(t.profile), rows)


def set_rules(conn: Connection, subscriber: int, name: str, rules: str, *, now: datetime) -> None:
    """Overwrite a profile's rules; those before are kept, until they are changed again.

    Raises:
        Followed: it follows a shared one.
    """
    _let_change(conn, subscriber, name)
    p = t.profile.c
    conn.execute(
        update(t.profile)
        .where(p.subscriber_id == subscriber, p.name == name)
        .values(
            rules=rules,
            previous=case((p.rules != rules, p.rules), else_=p.previous),
            updated_at=now,
            matched=False,
            change=next_numbers(conn, _CHANGE, 1),
        )
    )
    store_sharing.spread(conn, subscriber, name, now=now)


def _let_change(conn: Connection, subscriber: int, name: str) -> None:
    if store_sharing.is_reader(conn, subscriber, name):
        raise Followed(
            f'profile "{name}" follows a shared one - make it your own to change its rules'
        )


def rename(conn: Connection, profile: Profile, name: str) -> bool:
    """Give a profile another name, also where digests and posts stand under the one it had.

    False when its subscriber has one of that name.
    """
    other = t.profile.alias()
    taken = exists(
        select(other.c.id).where(other.c.subscriber_id == profile.subscriber, other.c.name == name)
    )
    here = update(t.profile).where(t.profile.c.id == profile.row, ~taken)
    if not conn.execute(here.values(name=name)).rowcount:
        return False
    h = t.digest_paper.c
    held = update(t.digest_paper).where(
        h.subscriber_id == profile.subscriber, h.profile == profile.name
    )
    conn.execute(held.values(profile=name))
    store_posts.rename_profile(conn, profile.subscriber, profile.name, name)
    return True


def swap_rules(conn: Connection, subscriber: int, name: str, *, now: datetime) -> bool:
    """Give a profile the rules it had before, and keep these; False where there are none.

    Raises:
        Followed: it follows a shared one.
    """
    _let_change(conn, subscriber, name)
    p = t.profile.c
    swapped = conn.execute(
        update(t.profile)
        .where(p.subscriber_id == subscriber, p.name == name, p.previous.is_not(None))
        .values(
            rules=p.previous,
            previous=p.rules,
            updated_at=now,
            matched=False,
            change=next_numbers(conn, _CHANGE, 1),
        )
    )
    store_sharing.spread(conn, subscriber, name, now=now)
    return swapped.rowcount > 0


def set_enabled(conn: Connection, subscriber: int, name: str, enabled: bool) -> None:
    """Switch a profile on or off; one that is so already is left alone."""
    conn.execute(
        update(t.profile)
        .where(
            t.profile.c.subscriber_id == subscriber,
            t.profile.c.name == name,
            t.profile.c.enabled != enabled,
        )
        .values(enabled=enabled, matched=False, change=next_numbers(conn, _CHANGE, 1))
    )


def remove(conn: Connection, subscriber: int, name: str) -> bool:
    """Delete a profile; False when there is none of that name."""
    here = (t.profile.c.subscriber_id == subscriber) & (t.profile.c.name == name)
    rows = list(conn.scalars(select(t.profile.c.id).where(here)))
    if rows:
        store_matches.forget_profiles(conn, rows)
        conn.execute(delete(t.profile).where(here))
        store_posts.rename_profile(conn, subscriber, name, None)
        store_sharing.tidy(conn)
        note_removal(conn)
    return bool(rows)


def note_state(conn: Connection, subscriber: int, *, is_mailed: bool) -> None:
    """Write down that a subscriber begins or ceases to be mailed: their profiles are changed.

    They are matched again when it begins, and do not stand in the way of others before.
    """
    values: dict[str, Any] = {"change": next_numbers(conn, _CHANGE, 1)}
    if is_mailed:
        values["matched"] = False
    here = t.profile.c.subscriber_id == subscriber
    conn.execute(update(t.profile).where(here).values(values))


def remove_all(conn: Connection, subscriber: int) -> None:
    """Delete the profiles of a subscriber."""
    here = t.profile.c.subscriber_id == subscriber
    rows = list(conn.scalars(select(t.profile.c.id).where(here)))
    store_matches.forget_profiles(conn, rows)
    conn.execute(delete(t.profile).where(here))
    store_sharing.tidy(conn)
    note_removal(conn)


def note_removal(conn: Connection) -> None:
    """Write down that profiles are gone."""
    next_numbers(conn, _REMOVAL, 1)


@dataclass(frozen=True, slots=True)
class Marks:
    """How far somebody has followed the changes: the last change, the last removal."""

    change: int = 0
    removal: int = 0


def marks(conn: Connection) -> Marks:
    """Return the numbers of the last change and the last removal."""
    return Marks(last_number(conn, _CHANGE), last_number(conn, _REMOVAL))


class Changed(NamedTuple):
    """A profile that has changed; `rules` is None when it takes part no more."""

    row: int
    rules: str | None
    change: int


def changed(conn: Connection, after: int, part: Part = ALL) -> list[Changed]:
    """Return the profiles changed behind number `after` (-1: all), oldest change first."""
    columns = (t.profile.c.id, t.profile.c.rules, t.profile.c.change, _WANTED.label("wanted"))
    query = (
        select(*columns)
        .join(t.subscriber, t.subscriber.c.id == t.profile.c.subscriber_id)
        .where(t.profile.c.change > after, part.has(t.profile.c.id))
        .order_by(t.profile.c.change, t.profile.c.id)
    )
    return [
        Changed(row.id, row.rules if row.wanted else None, row.change)
        for row in conn.execute(query)
    ]


def changed_in_blocks(conn: Connection, after: int, part: Part = ALL) -> Iterator[list[Changed]]:
    """Yield the same some thousand at a time, each profile once, in no order."""
    p = t.profile.c
    query = (
        select(p.id, case((_WANTED, p.rules)), p.change)
        .join(t.subscriber, t.subscriber.c.id == p.subscriber_id)
        .where(part.has(p.id))
        .execution_options(yield_per=_BLOCK)
    )
    if after >= 0:
        query = query.where(p.change > after)
    for block in conn.execute(query).partitions():
        yield list(map(Changed._make, block))


def wanted(conn: Connection, part: Part = ALL) -> tuple[int, int]:
    """Return how many profiles take part, and the sum of their rows."""
    p, s = t.profile.c, t.subscriber.c
    others = select(s.id).where(s.state != "active")  # few, and found by an index
    query = select(func.count(), func.coalesce(func.sum(p.id), 0)).where(
        p.enabled, p.subscriber_id.not_in(others), part.has(p.id)
    )
    count, total = conn.execute(query).one()
    return count, int(total)


@dataclass(frozen=True, slots=True)
class State:
    """What a profile is, in short: the number of its last change, and a sum of its rules."""

    row: int
    change: int
    rules: str


def _states(rows: Iterable[Any]) -> list[State]:
    return [
        State(row.id, row.change, blake2b(row.rules.encode(), digest_size=8).hexdigest())
        for row in rows
    ]


def latest(conn: Connection, up_to: int, part: Part = ALL, *, limit: int) -> list[State]:
    """Return the profiles that changed last, up to a change."""
    p = t.profile.c
    query = (
        select(p.id, p.change, p.rules)
        .where(p.change <= up_to, part.has(p.id))
        .order_by(p.change.desc())
    )
    return _states(conn.execute(query.limit(limit)))


def states(conn: Connection, rows: Iterable[int]) -> list[State]:
    """Return profiles by row."""
    p = t.profile.c
    return _states(conn.execute(select(p.id, p.change, p.rules).where(p.id.in_(list(rows)))))


def rows(conn: Connection, part: Part = ALL) -> set[int]:
    """Return the rows of all profiles."""
    return set(conn.scalars(select(t.profile.c.id).where(part.has(t.profile.c.id))))


def existing(conn: Connection, rows: Sequence[int]) -> set[int]:
    """Return those of some rows that are profiles."""
    p = t.profile.c
    return set(conn.scalars(select(p.id).where(among(conn, p.id, rows))))


def unmatched(conn: Connection, part: Part = ALL, *, limit: int) -> list[Changed]:
    """Return profiles that take part and whose matches are not those of their rules."""
    query = (
        select(t.profile.c.id, t.profile.c.rules, t.profile.c.change)
        .join(t.subscriber, t.subscriber.c.id == t.profile.c.subscriber_id)
        .where(_WANTED, ~t.profile.c.matched, part.has(t.profile.c.id))
        .order_by(t.profile.c.id)
        .limit(limit)
    )
    return [Changed(row.id, row.rules, row.change) for row in conn.execute(query)]


def set_matched(conn: Connection, profiles: Sequence[Changed]) -> list[int]:
    """Mark profiles as matched; return the rows of those that have not changed since."""
    seen = {profile.row: profile.change for profile in profiles}
    known = select(t.profile.c.id, t.profile.c.change)
    still: list[int] = []
    for chunk in chunks(list(seen)):
        here = conn.execute(known.where(t.profile.c.id.in_(chunk)))
        same = [row.id for row in here if row.change == seen[row.id]]
        conn.execute(update(t.profile).where(t.profile.c.id.in_(same)).values(matched=True))
        still += same
    return still
