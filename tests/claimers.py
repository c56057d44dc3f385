"""A process in which many connections claim mails and record them as sent; nothing is sent.

    python -m tests.claimers URL BEGUN CONNECTIONS

By the clock of the tests: noon was at BEGUN, seconds since 1970. It begins at a line on its stdin,
and prints what was claimed, as JSON: the rows in order, those claimed as a trial, and the most
mails to Google that were on the wire in any state of the database that it saw.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, select

from notifier.jobs.delivering.claiming import Claims, Taken
from notifier.jobs.delivering.recording import Recorder
from notifier.jobs.delivering.values import Delivered, DeliverSettings, Pace
from notifier.storage import tables as t
from notifier.storage.database import Database

from .builders import NOON
from .sending import LEASE, limits

GMX_MAILS, GOOGLE_CONNECTIONS = 15, 3
PACE = Pace(limits=limits(gmx={3600: GMX_MAILS}), connections={"google": GOOGLE_CONNECTIONS})
_TIRED_AFTER = 6
_ON_THE_WIRE_SECONDS = 0.006


@dataclass
class Claimers:
    """All connections of this process."""

    database: Database
    begun: float
    rows: list[int] = field(default_factory=list)
    trials: list[int] = field(default_factory=list)
    most: int = 0

    def clock(self) -> datetime:
        return NOON + timedelta(seconds=time.time() - self.begun)

    def run(self, name: str, connections: int) -> None:
        """Claim until there is nothing more."""
        settings = DeliverSettings("a@example.org", name, LEASE, pace=PACE)
        claims = Claims(self.database, settings, self.clock)
        recorder = Recorder(self.database, settings, self.clock, Delivered())
        with ThreadPoolExecutor(connections) as pool:
            owners = [f"{name}/{number}" for number in range(connections)]
            list(pool.map(partial(self._work, claims, recorder), owners))

    def _work(self, claims: Claims, recorder: Recorder, owner: str) -> None:
        chance, wire = random.Random(owner), threading.Event()
        taken, idle = claims.next(owner), 0
        while idle < _TIRED_AFTER:
            wire.wait(chance.random() * _ON_THE_WIRE_SECONDS)
            if taken is None:
                idle, taken = idle + 1, claims.next(owner)
            else:
                idle = 0
                self._note(taken, chance)
                record = partial(recorder.sent, taken=taken, words="250 ok", owner=owner)
                taken = claims.next(owner, record)

    def _note(self, taken: Taken, chance: random.Random) -> None:
        self.rows.append(taken.mail.row)
        if taken.trial:
            self.trials.append(taken.mail.row)
        if chance.random() < 0.5:
            d = t.delivery.c
            with self.database.reading() as conn:
                to_google = (d.state == "claimed") & (d.destination == "google")
                found = conn.scalar(select(func.count()).where(to_google)) or 0
            self.most = max(self.most, found)


def main() -> None:
    """Claim, and tell what was."""
    url, begun, connections = sys.argv[1:]
    database = Database(url)
    with database.reading():
        print("ready", flush=True)  # what its starter waits for
    name = sys.stdin.readline().strip()
    made = Claimers(database, float(begun))
    made.run(name, int(connections))
    database.close()
    print(json.dumps({"rows": made.rows, "trials": made.trials, "most": made.most}))


if __name__ == "__main__":
    main()
