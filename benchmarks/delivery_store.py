"""A database as it is before the mails of a morning are made; mails made, fixed and sent from it.

All is done as `notifier run` does it: twenty digests a transaction, `jobs.deliver` with a
transport of its own, one line of the log for each mail.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Literal

import structlog
from delivery_work import NOW, Reader
from measuring import Stopwatch
from sqlalchemy import insert

from notifier.cli import logs
from notifier.delivery.smtp import SmtpSettings, SmtpTransport
from notifier.jobs.deliver import deliver
from notifier.jobs.delivering.values import DeliverSettings
from notifier.jobs.edition import NOTHING_MISSING
from notifier.jobs.fixing import BATCH, TOGETHER
from notifier.jobs.writing import Writer
from notifier.papers.identity import Alias
from notifier.papers.paper import Entry, Paper
from notifier.storage import schema, store_digests, store_papers
from notifier.storage import tables as t
from notifier.storage.database import Database

SENDER = "Paper notifier <papers@papers.example.org>"
LEASE = timedelta(minutes=15)


STEPS = ("making", "fixing", "sending")


@dataclass(slots=True)
class Spent:
    """What so many mails took to be made, to be fixed in the database, and to be sent."""

    mails: int = 0
    size: int = 0
    making: Stopwatch = field(default_factory=Stopwatch)
    fixing: Stopwatch = field(default_factory=Stopwatch)
    sending: Stopwatch = field(default_factory=Stopwatch)

    def milliseconds(self, clock: Literal["cpu", "wall"]) -> dict[str, float]:
        """Return what each step took for a mail."""
        return {step: 1e3 * getattr(getattr(self, step), clock) / self.mails for step in STEPS}


@contextmanager
def filled(folder: Path, papers: Sequence[Paper]) -> Iterator[Database]:
    """Yield a new database with these papers in their rows.

    Raises:
        ValueError: the papers are not numbered through from 1, or two of them are one.
    """
    database = Database(f"sqlite:///{folder}/notifier.db")
    schema.upgrade(database)
    entries = [
        Entry(aliases=(Alias(*paper.id.split(":", 1)),), title=paper.title, abstract=paper.abstract)
        for paper in papers
    ]
    with database.writing() as conn:
        rows = store_papers.take_in(conn, entries, source="arxiv", now=NOW).rows
    if rows != [paper.row for paper in papers]:
        raise ValueError("papers do not stand in their rows")
    yield database
    database.close()


def subscribe(database: Database, readers: Sequence[Reader]) -> None:
    """Add the readers as active subscribers, whose time has come."""
    rows = []
    for reader in readers:
        one = reader.subscriber
        schedule = asdict(one.schedule)
        rows.append({
            **schedule, "days": list(schedule["days"]), "id": one.row, "address": one.address,
            "state": one.state, "max_papers": one.max_papers, "seen": one.seen, "consent": "",
            "created_at": one.created_at, "confirmed_at": one.confirmed_at,
            "next_due_at": one.next_due_at,
        })  # fmt: skip
    with database.writing() as conn:
        conn.execute(insert(t.subscriber), rows)


def prepare(database: Database, writer: Writer, readers: Iterable[Reader], spent: Spent) -> None:
    """Subscribe readers, then make and fix their digests."""
    waiting = iter(readers)
    while batch := list(islice(waiting, BATCH)):
        subscribe(database, batch)
        with spent.making.running():
            digests = [
                writer.digest(one.subscriber, one.picked, NOTHING_MISSING, now=NOW) for one in batch
            ]
        with spent.fixing.running():
            for first in range(0, len(digests), TOGETHER):
                with database.writing() as conn:
                    for digest in digests[first : first + TOGETHER]:
                        store_digests.fix(conn, digest)
        spent.mails += len(digests)
        spent.size += sum(len(digest.content) for digest in digests)


async def send(database: Database, port: int, connections: int, spent: Spent) -> int:
    """Send what waits to a port of this machine; return how many mails were taken."""
    settings = DeliverSettings(
        sender=SENDER, owner="benchmark", lease=LEASE, connections=connections,
        bounce_address="back@bounces.papers.example.org", secret=b"s" * 32,
    )  # fmt: skip
    transport, begun = SmtpTransport(SmtpSettings("127.0.0.1", port)), time.monotonic()

    def clock() -> datetime:
        return NOW + timedelta(seconds=time.monotonic() - begun)

    with unseen_logs(), spent.sending.running():
        done = await deliver(database, transport, settings, clock=clock)
    return done.sent


@contextmanager
def unseen_logs() -> Iterator[None]:
    """Write the log as the daemon does, to where nobody reads it."""
    with Path(os.devnull).open("w") as nowhere:
        with redirect_stderr(nowhere):
            logs.configure("console", "info")
        yield
    structlog.reset_defaults()
