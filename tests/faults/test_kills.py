"""Whoever sends may die at any moment: no mail is lost, and few come twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from notifier.delivery.replies import Replies
from notifier.storage import tables as t
from notifier.storage.database import Database

from . import killing
from .recorder import recording, took

KILLS = 20


def fate(*arguments: object) -> dict[str, Any]:
    """What a run of kills comes to, in a process without threads: it forks."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.killing", *map(str, arguments)],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    return dict(json.loads(done.stdout))


@pytest.mark.both
def test_a_kill_loses_nothing_and_doubles_at_most_a_mail_a_connection(database_kind: str) -> None:
    asked = ("--kills", KILLS, "--mails", 10 * KILLS, "--connections", 3)
    came = fate(*asked, "--database", database_kind)
    assert came["kills"] == KILLS
    assert (came["lost"], came["unrecorded"]) == (0, 0)
    assert came["in_doubt"] <= came["connections"]
    assert came["extra"] <= came["connections"] * KILLS


def test_who_is_asked_to_stop_loses_nothing_and_doubles_nothing() -> None:
    came = fate("--kills", 8, "--mails", 400, "--connections", 3, "--term")
    assert (came["kills"], came["lost"], came["extra"], came["unrecorded"]) == (8, 0, 0, 0)
    assert came["in_doubt"] == 0


def test_a_worker_that_slept_through_its_lease_confirms_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.test_kills", str(tmp_path)],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    came = json.loads(done.stdout)
    assert came["twice"] == 1, "the mail that it was about to record was taken over"
    assert came["recorded by the second"] == came["mails"] - came["sent by the first"]


def _slept(folder: Path, mails: int = 6) -> dict[str, int]:
    """Pause a worker between an answer and its record, let another send all, and wake it."""
    file = folder / "took"
    with recording(file) as port:
        made = killing.settings(folder, port, connections=1)
        killing.prepare(made, mails)
        sleeper = killing.forked(partial(_sleeping, made, file))
        os.waitpid(sleeper, os.WUNTRACED)
        first = len(killing.recorded(made))
        os.waitpid(killing.forked(partial(killing.send, made, 1)), 0)
        os.kill(sleeper, signal.SIGCONT)
        os.waitpid(sleeper, 0)
    database = Database(made.database.url)
    with database.reading() as conn:
        ends = list(conn.scalars(select(t.delivery.c.finished_at)))
    later = sum(end >= killing.BEGUN + killing.NEXT_RUN for end in ends)
    came = Counter(one.key for one in took(file))
    return {
        "mails": mails, "sent by the first": first, "recorded by the second": later,
        "twice": sum(count == 2 for count in came.values()),
    }  # fmt: skip


def _sleeping(made: Any, file: Path) -> None:
    """Send, and stop at the answer to the third mail, once."""
    received, patched, slept = Replies.data_received, Replies, [False]

    def watched(self: Replies, data: bytes) -> None:
        if b"taken" in data and not slept[0] and len(took(file)) == 3:
            slept[0] = True
            os.kill(os.getpid(), signal.SIGSTOP)
        received(self, data)

    patched.data_received = watched  # type: ignore[method-assign]
    killing.send(made, 0)


if __name__ == "__main__":
    print(json.dumps(_slept(Path(sys.argv[1]))))  # what the test reads
