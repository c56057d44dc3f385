"""What came of a day with kills: what everybody should have got, against what they got.

What should have come is worked out from the papers and the readers' clocks, by code of its own.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, select

from notifier.config import Settings
from notifier.storage import backups, promises, store_digests
from notifier.storage import tables as t
from notifier.storage.database import Database

from . import news
from .recorder import Took, sum_of

_TITLE = re.compile(r"On \w+ lattices, part \d{4}")
# The last pass may be so long before the end.
_SLACK = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Restart:
    """How things stood after a kill: which mails were taken and not recorded, what was broken."""

    in_doubt: frozenset[str]
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    `in_doubt`: of the worst kill, so many mails were taken and not recorded, all of its own.
    `undoubted`: mails that came twice although no kill had left them in doubt. `bytes_differ`:
    mails that are not what the database holds, or not the same both times. `broken`: promises and
    the like that `db check` found not kept after a kill. Papers are counted once for each reader.
    """

    due: int
    made: int
    not_made: int
    digests_with_papers: int
    lost: int
    unrecorded: int
    extra: int
    in_doubt: int
    undoubted: int
    bytes_differ: int
    papers_due: int
    papers_lost: int
    papers_twice: int
    papers_foreign: int
    broken: dict[str, int]


def restart(made: Settings, in_doubt: set[str]) -> Restart:
    """Return how things stand now that a process was killed, as `db check` tells."""
    database = Database(made.database.url)
    broken = backups.problems(Path(database.place))
    with database.reading() as conn:
        broken += [one.promise for one in promises.broken(conn)]
    database.close()
    return Restart(frozenset(in_doubt), tuple(broken))


def outcome(
    made: Settings, came: Sequence[Took], restarts: Sequence[Restart], *, until: datetime
) -> Outcome:
    """Compare."""
    database = Database(made.database.url)
    with database.reading() as conn:
        due, there = set(_due(conn, until - _SLACK)), set(_made(conn))
        sent = set(conn.scalars(_with_mail().where(t.delivery.c.state == "sent")))
        mailed = set(conn.scalars(_with_mail()))
        contents = {key: store_digests.content(conn, key) or b"" for key in mailed}
        got = Counter(_got(conn, contents, {one.key for one in came}))
        wanted = Counter(_wanted(conn))
    database.close()
    times = Counter(one.key for one in came)
    return Outcome(
        due=len(due),
        made=len(there),
        not_made=len(due - there),
        digests_with_papers=len(mailed),
        lost=len(mailed - times.keys()),
        unrecorded=len(mailed - sent),
        extra=times.total() - len(times),
        in_doubt=max((len(now) for now in _newly(restarts)), default=0),
        undoubted=len({key for key, n in times.items() if n > 1} - set().union(*_newly(restarts))),
        bytes_differ=len({one.key for one in came if one.sum != sum_of(contents[one.key])}),
        papers_due=wanted.total(),
        papers_lost=len(wanted.keys() - got.keys()),
        papers_twice=sum(n > 1 for n in got.values()),
        papers_foreign=len(got.keys() - wanted.keys()),
        broken=dict(Counter(said for one in restarts for said in one.broken)),
    )


def _newly(restarts: Sequence[Restart]) -> Iterator[frozenset[str]]:
    """Which mails each kill left in doubt, without those of earlier ones."""
    before = frozenset[str]()
    for one in restarts:
        yield one.in_doubt - before
        before |= one.in_doubt


def _due(conn: Connection, until: datetime) -> Iterator[tuple[int, str]]:
    """Each (subscriber, local date) whose time came since the day began."""
    s = t.subscriber.c
    for row, zone, hour, minute in conn.execute(select(s.id, s.zone, s.hour, s.minute)):
        for back in range(-1, 4):
            day = (news.DAY + timedelta(days=back)).replace(hour=hour, minute=minute)
            at = day.replace(tzinfo=ZoneInfo(zone))
            if news.DAY < at <= until:
                yield row, f"{day:%Y-%m-%d}"


def _made(conn: Connection) -> Iterator[tuple[int, str]]:
    found = conn.execute(select(t.digest.c.subscriber_id, t.digest.c.period))
    yield from ((row, period) for row, period in found)


def _with_mail() -> Select[Any]:
    return select(t.digest.c.key).join(t.delivery, t.delivery.c.digest_id == t.digest.c.id)


def _wanted(conn: Connection) -> Iterator[tuple[int, str]]:
    """Each (subscriber, title) of the day's papers."""
    query = select(t.profile.c.subscriber_id, t.profile.c.rules)
    for row, topic in conn.execute(query):
        yield from ((row, one.title) for one in news.papers() if one.topic == topic)


def _got(conn: Connection, contents: dict[str, bytes], came: set[str]) -> Iterator[tuple[int, str]]:
    """Each (subscriber, title) that stands in a mail that was taken."""
    for row, key in conn.execute(select(t.digest.c.subscriber_id, t.digest.c.key)):
        if key in came:
            mail = email.message_from_bytes(contents[key], policy=email.policy.default)
            body = mail.get_body(("plain",))  # type: ignore[attr-defined]
            titles = _TITLE.findall(body.get_content())
            yield from ((row, title) for title in dict.fromkeys(titles))
