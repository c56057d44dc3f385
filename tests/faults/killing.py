"""Kill the sending process again and again, and count what was lost and what came twice.

    python -m tests.faults.killing [--mails 2000] [--kills 200] [--connections 4] [--term]
        [--database postgres]

Real digests in a real SQLite file, or a PostgreSQL of its own, go to a real SMTP server (see
`recorder`). Each run is a process that ends by SIGKILL, at the nth passing of a named point or
after a time by chance; the last one is left alone. The clock of each run is beyond the leases of
the one before. With --term all are asked to stop, by SIGTERM after a time by chance. Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select

from notifier.app import App
from notifier.cli import logs
from notifier.config import Settings
from notifier.storage import store_digests
from notifier.storage import tables as t
from notifier.storage.database import Database

from ..databases import KINDS, Current, database_url
from .points import SENDING, watch
from .recorder import recording, took

BEGUN = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
# Longer than a lease: what a killed run had claimed is free for the next.
NEXT_RUN = timedelta(minutes=16)
TIMED = {"by time": signal.SIGKILL, "by request": signal.SIGTERM}
_SECONDS_AT_MOST = 0.2


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a run of kills.

    `in_doubt`: after the worst of them so many mails were taken and not recorded.
    """

    mails: int
    kills: int
    connections: int
    lost: int
    extra: int
    by_point: dict[str, int]
    in_doubt: int
    unrecorded: int


def settings(folder: Path, port: int, connections: int) -> Settings:
    """Return those of an instance in a folder that sends to a port of this machine."""
    return Settings(
        database={"url": database_url(folder)},
        smtp={"host": "127.0.0.1", "port": port},
        mail={"from": "Papers <papers@example.org>", "connections": connections},
    )


def prepare(made: Settings, mails: int) -> list[str]:
    """Put so many digests into the outbox, and return their keys."""
    app = App(made, clock=lambda: BEGUN)
    with app.database.writing() as conn:
        for number in range(mails):
            _digest(conn, number)
    app.close()
    return [f"{number:032x}" for number in range(mails)]


def _digest(conn: Any, number: int) -> None:
    row = conn.execute(
        t.subscriber.insert().values(
            address=f"reader{number}@example.org", state="active", zone="UTC", hour=7, minute=0,
            days=[0, 1, 2, 3, 4], cadence="daily", max_papers=12, seen=0, consent="",
            created_at=BEGUN, confirmed_at=BEGUN, next_due_at=BEGUN,
        ).returning(t.subscriber.c.id)
    ).scalar_one()  # fmt: skip
    key = f"{number:032x}"
    head = f"From: <papers@example.org>\r\nMessage-ID: <{key}@example.org>\r\n\r\n"
    store_digests.fix(conn, store_digests.NewDigest(
        key=key, subscriber=row, period="2026-11-20", subject="s", papers=(), more=0, seen_from=0,
        seen_to=0, composed_at=BEGUN, expires_at=BEGUN + timedelta(days=1000),
        next_due_at=BEGUN + timedelta(days=3), content=(head + "text\r\n" * 200).encode(),
    ))  # fmt: skip


def forked(work: Callable[[], None]) -> int:
    """Do some work in a process of its own; return the process."""
    process = os.fork()
    if not process:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return process


def send(made: Settings, run: int) -> None:
    """Send what waits, by the clock of a run, until SIGTERM."""
    since = time.monotonic()

    def clock() -> datetime:
        return BEGUN + run * NEXT_RUN + timedelta(seconds=time.monotonic() - since)

    async def sending() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await app.deliver(stop=stop)

    logs.configure("console", "error")
    app = App(made, clock=clock)
    asyncio.run(sending())
    app.close()


def killed(made: Settings, run: int, point: str, passing: int, seconds: float) -> None:
    """Send, and end by SIGKILL at a passing of a point, or after a time."""
    left = [passing]

    def passed(here: str) -> None:
        left[0] -= here == point
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    if point in TIMED:
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), TIMED[point]))
        signal.setitimer(signal.ITIMER_REAL, seconds)
    else:
        watch(passed)
    send(made, run)


def run(
    folder: Path, *, mails: int, kills: int, connections: int, seed: int, term: bool = False
) -> Fate:
    """End so many runs, let the last one be, and return what was lost and what came twice."""
    chance = random.Random(seed)
    file, ended, in_doubt = folder / "took", Counter[str](), 0
    before = set[str]()
    most = max(2 * mails // kills, 2)  # a run sends fewer than its share: all kills find work
    with recording(file) as port:
        made = settings(folder, port, connections)
        keys = prepare(made, mails)
        for number in range(kills):
            point = "by request" if term else SENDING[number % len(SENDING)]
            passing, seconds = chance.randint(1, most), chance.random() * _SECONDS_AT_MOST
            process = forked(partial(killed, made, number, point, passing, seconds))
            _, status = os.waitpid(process, 0)
            ended[point] += term or os.WIFSIGNALED(status)
            now = {one.key for one in took(file)} - recorded(made)
            in_doubt = max(in_doubt, len(now - before))  # of this kill, not left over from another
            before = now
        os.waitpid(forked(partial(send, made, kills)), 0)
    came = Counter(one.key for one in took(file))
    return Fate(
        mails, sum(ended.values()), connections, lost=sum(key not in came for key in keys),
        extra=sum(came.values()) - len(came), by_point=dict(ended), in_doubt=in_doubt,
        unrecorded=mails - len(recorded(made)),
    )  # fmt: skip


def recorded(made: Settings) -> set[str]:
    """Return the keys of the digests that are recorded as sent."""
    database = Database(made.database.url)
    with database.reading() as conn:
        query = select(t.digest.c.key).join(t.delivery).where(t.delivery.c.state == "sent")
        found = set(conn.scalars(query))
    database.close()
    return found


def main() -> None:
    """Run, and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, value in (("mails", 2000), ("kills", 200), ("connections", 4), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value, help=f"({value})")
    parser.add_argument("--term", action="store_true", help="ask each to stop, by SIGTERM")
    parser.add_argument("--database", choices=KINDS, default="sqlite", help="(sqlite)")
    asked = vars(parser.parse_args())
    Current.kind = asked.pop("database")
    with tempfile.TemporaryDirectory() as folder:
        json.dump(asdict(run(Path(folder), **asked)), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
