"""Copies of the database while it is in use, and the promises asked of it."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from notifier import errors
from notifier.storage import backups, promises, schema
from notifier.storage.database import Database

from .commands import Notifier, notifier
from .pages import Place, place
from .test_promises import dump

__all__ = ["notifier", "place"]
pytestmark = pytest.mark.sqlite("copies are files")


def test_a_copy_has_everything_and_is_its_owners(place: Place, tmp_path: Path) -> None:
    place.send()
    target = tmp_path / "copy.db"
    size = backups.backup(place.app.database, target)
    assert size == target.stat().st_size > 10_000
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    copy = Database(f"sqlite:///{target}")
    assert dump(copy) == dump(place.app.database)
    copy.close()
    assert list(tmp_path.glob(".copy*")) == []


def test_a_copy_is_of_one_state_while_others_write(place: Place, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with place.app.database.writing() as conn:
                for name in ("a", "b"):
                    conn.exec_driver_sql(
                        "INSERT INTO counter (name, value) VALUES (?, ?) "
                        "ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, number)
                    )  # fmt: skip

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            target = tmp_path / f"{number}.db"
            backups.backup(place.app.database, target)
            found = sqlite3.connect(target).execute(
                "SELECT count(DISTINCT value) FROM counter WHERE name IN ('a', 'b')"
            )
            assert found.fetchone()[0] <= 1
    finally:
        stop.set()
        writer.join()


def test_a_file_that_is_there_is_replaced_only_if_asked(place: Place, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(errors.UsageError, match="is there already"):
        backups.backup(place.app.database, target)
    assert target.read_text() == "mine"
    backups.backup(place.app.database, target, replace=True)
    assert backups.problems(target) == []


def test_a_copy_that_cannot_be_written_leaves_nothing_behind(place: Place, tmp_path: Path) -> None:
    with pytest.raises(errors.DatabaseError, match="no backup could be written"):
        backups.backup(place.app.database, tmp_path / "nowhere" / "copy.db")
    assert not (tmp_path / "nowhere").exists()


BREAKS = {
    "a paper has a name": "DELETE FROM alias WHERE paper_id = 1",
    "a name is that of a paper, or of one that was deleted": (
        "INSERT INTO forgotten SELECT scheme, value, '2026-01-01 00:00:00', '2026-01-01 00:00:00'"
        " FROM alias WHERE paper_id = 1"
    ),
    "a digest has the papers it counts, or has given them back": (
        "UPDATE digest SET papers = 9 WHERE papers > 0"
    ),
    "a digest with papers is sent, or it is known why not": "DELETE FROM delivery",
    "a paper stands in a digest of the same subscriber": (
        "UPDATE digest_paper SET subscriber_id = 2 WHERE place = 1"
    ),
    "what is kept as wanted is wanted by a profile": (
        "UPDATE profile_match SET profile_id = profile_id + 99"
    ),
    "what is to be sent has its mail": (
        "UPDATE delivery SET state = 'pending', finished_at = NULL; DELETE FROM message"
    ),
    "what was sent has an attempt that says so": "DELETE FROM attempt",
    "nobody is mailed who did not confirm": "UPDATE subscriber SET confirmed_at = NULL",
    "a claimed mail has an owner and an end of the claim": "UPDATE delivery SET state = 'claimed'",
    "who is mailed has a time for the next digest": "UPDATE subscriber SET next_due_at = NULL",
    "whose digest is planned is mailed": (
        "INSERT INTO planned (subscriber_id, due_at, planned_at, not_before, failures)"
        " SELECT id, next_due_at, next_due_at, next_due_at, 0 FROM subscriber WHERE id = 2;"
        "UPDATE subscriber SET state = 'left', next_due_at = NULL WHERE id = 2"
    ),
    "who is not mailed has none": "UPDATE subscriber SET state = 'left'",
}


@pytest.mark.parametrize("promise", BREAKS)
def test_a_broken_promise_is_found_and_no_other(place: Place, promise: str) -> None:
    place.reader("bo@example.org", "graph", "bos")
    place.send()
    with place.app.database.reading() as conn:
        assert promises.broken(conn) == []
    with place.app.database.writing() as conn:
        for statement in BREAKS[promise].split(";"):
            conn.exec_driver_sql(statement)
    with place.app.database.reading() as conn:
        found = promises.broken(conn)
    assert [one.promise for one in found] == [promise]
    assert found[0].rows == len(found[0].examples) > 0


def test_every_promise_that_is_asked_has_a_way_to_be_broken() -> None:
    assert set(BREAKS) == {promise for promise, _ in promises._queries()}


def test_the_commands_copy_and_check(notifier: Notifier) -> None:
    notifier("subscriber", "add", "ada@example.org", "--confirmed")
    sound = notifier("db", "check")
    assert sound.code == 0
    assert "sound" in sound.err
    assert notifier("db", "backup", str(notifier.folder / "copy.db")).code == 0
    over = notifier("db", "backup", str(notifier.folder / "notifier.db"), "--replace")
    assert (over.code, "is the database itself" in over.err) == (2, True)
    again = notifier("db", "backup", str(notifier.folder / "copy.db"))
    assert (again.code, "--replace" in again.err) == (2, True)
    assert notifier("db", "backup", str(notifier.folder / "copy.db"), "--replace").code == 0
    base = sqlite3.connect(notifier.folder / "notifier.db")
    base.execute("UPDATE subscriber SET next_due_at = NULL")
    base.execute("INSERT INTO alias (scheme, value, paper_id) VALUES ('doi', 'x', 99)")
    base.commit()
    base.close()
    wrong = notifier("db", "check", "--format", "jsonl")
    assert wrong.code == 1
    assert [row["problem"] for row in wrong.rows] == [
        "row 1 of alias refers to no paper",
        "not kept: who is mailed has a time for the next digest",
    ]


def test_an_upgrade_writes_a_copy_of_what_was_there(notifier: Notifier) -> None:
    place = notifier.folder / "notifier.db"
    old = Database(f"sqlite:///{place}")
    schema.upgrade(old, "0012")
    old.close()
    done = notifier("db", "upgrade")
    assert done.code == 0
    assert "copied to" in done.err
    copy = Database(f"sqlite:///{place}.0012")
    assert schema.revision(copy) == "0012"
    copy.close()
    assert "applied: nothing" in notifier("db", "upgrade").err
