"""What `notifier status` shows of the size of an instance, once and again and again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from notifier.cli.status import collect
from notifier.intake import system_clock
from notifier.storage import sizes, store_processes
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.store_processes import Process

from .api import a_key
from .builders import NOON, an_entry
from .commands import Notifier, notifier
from .pages import MORNING, Place, place
from .test_promises import take

__all__ = ["notifier", "place"]


@pytest.mark.sqlite("a file")
def test_status_tells_how_large_the_database_is_and_of_what(notifier: Notifier) -> None:
    found = notifier("status", "--format", "json").json
    assert found["size_bytes"]["database"] > 100_000 or found["size_bytes"]["journal"] > 100_000
    assert found["rows"]["papers"] == 0
    words = notifier.folder / "notifier.db-words"
    words.mkdir(exist_ok=True)
    (words / "shelf").write_bytes(b"x" * 2_500_000)
    shown = notifier("status")
    assert "words 2.5 MB" in shown.out
    assert "papers of digests 0" in shown.out


def test_rows_of_millions_are_told_by_the_first_and_the_last(database: Database) -> None:
    take(database, an_entry(1), an_entry(2))
    with database.writing() as conn:
        values = {"paper_id": 1, "source": "s", "name": "n", "value": 1.0}
        for row in (11, 5_000_010):
            conn.execute(
                insert(t.signal).values(
                    id=row,
                    read_at=NOON,
                    **values,
                )
            )
            values["name"] = "m"
        assert sizes.rows(conn) | {"papers": 2, "signals": 5_000_000} == sizes.rows(conn)


def test_papers_of_millions_of_digests_are_told_by_those_of_the_last(place: Place) -> None:
    place.send()
    of_one = {"digests": 1, "papers of digests": 3}
    with place.app.database.writing() as conn:
        assert sizes.rows(conn).items() >= of_one.items()
        digest = dict(conn.execute(select(t.digest)).mappings().one())
        number = digest["id"] + 5_000_000
        conn.execute(insert(t.digest).values(digest | {"id": number, "key": "k", "period": "p"}))
        conn.execute(update(t.digest_paper).values(digest_id=number))
        of_millions = {"digests": 5_000_001, "papers of digests": 15_000_003}
        assert sizes.rows(conn).items() >= of_millions.items()


def test_watching_shows_one_state_after_the_other_and_ends_well_with_ctrl_c(
    notifier: Notifier,
) -> None:
    notifier("status")
    program = str(Path(sys.executable).with_name("notifier"))
    line = [program, "--config", str(notifier.config), "status"]
    more = ["--watch", "--every", "0.1", "--format", "jsonl"]
    with subprocess.Popen(line + more, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watched:
        assert watched.stdout
        assert watched.stderr
        states = [json.loads(watched.stdout.readline()) for _ in range(3)]
        watched.send_signal(signal.SIGINT)
        assert watched.wait() == 0
        assert watched.stderr.read() == b""
    assert all(state["subscribers"] == {} for state in states)


def test_watching_as_one_json_value_is_refused(notifier: Notifier) -> None:
    wrong = notifier("status", "--watch", "--format", "json")
    assert (wrong.code, "--format jsonl" in wrong.err) == (2, True)


def lives(place: Place, *roles: str, ago: timedelta = timedelta(0)) -> None:
    """Processes with these roles said so long ago that they live."""
    now = system_clock()
    with place.app.database.writing() as conn:
        for number, role in enumerate(roles):
            one = Process(f"{role}{number}", "host", "machine", number, role, now)
            store_processes.beat(conn, one, now=now - ago)


def cares(place: Place) -> set[str]:
    return {"daemon", "digests"}.intersection(collect(place.app)["cares"])


def test_daemons_that_ended_without_a_word_need_care_unless_one_lives(place: Place) -> None:
    assert cares(place) == set(), "none was ever started"
    lives(place, "tick", "worker", ago=timedelta(minutes=5))
    assert cares(place) == set(), "who does not plan is not missed"
    lives(place, "web,scheduler,worker", "scheduler", ago=timedelta(minutes=5))
    assert cares(place) == {"daemon"}
    lives(place, "scheduler")
    assert cares(place) == set()


@pytest.mark.both
def test_a_digest_that_is_overdue_needs_care_whatever_runs(place: Place) -> None:
    waits = place.app.settings.digest.wait_minutes
    with place.app.database.reading() as conn:
        due = conn.scalar(select(t.subscriber.c.next_due_at))
    place.now = due + timedelta(minutes=waits + 30)
    assert cares(place) == set()
    place.now += timedelta(minutes=1)
    assert cares(place) == {"digests"}
    place.now += timedelta(days=30)
    assert cares(place) == {"digests"}
    place.app.compose()
    assert cares(place) == set()


@pytest.mark.anyio
async def test_the_operators_page_names_what_does_not_run(place: Place) -> None:
    lives(place, "scheduler", ago=timedelta(minutes=5))
    place.now = MORNING + timedelta(hours=2)
    async with place.client() as http:
        page = (await http.get("/admin", auth=("x", a_key(place)))).text
    assert "the daemon: none lives any more, digests that are overdue" in page
