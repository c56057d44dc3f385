"""What is old goes, what promises need stays, and a database that is pruned stops growing."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from notifier.errors import DatabaseError
from notifier.jobs.housekeeping import Pruned, Retention, foresee, keep_house, prune
from notifier.jobs.shelves import Shelves
from notifier.papers.identity import Alias
from notifier.storage import (
    backups,
    compacting,
    forgetting,
    promises,
    sizes,
    store_digests,
    store_news,
    store_papers,
    store_signals,
    store_subscribers,
    store_votes,
    store_words,
)
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.store_deliveries import Outcome, finish
from notifier.storage.store_votes import StoredVote

from .builders import NOON, an_entry
from .commands import Notifier, notifier
from .test_promises import claim, digest, dump, fix, subscriber

__all__ = ["notifier"]

DAY = timedelta(days=1)
KEPT = Retention()
LONG = NOON + 401 * DAY


def take(database: Database, *numbers: int, at: datetime = NOON, **values: object) -> None:
    with database.writing() as conn:
        entries = [an_entry(n, **values) for n in numbers]
        store_papers.take_in(conn, entries, source="arxiv", now=at)


def gone(database: Database, now: datetime, **kept: timedelta) -> dict[str, int]:
    """Prune; return how many rows went, by kind, where any did."""
    found = prune(database, replace(KEPT, **kept), now=now)
    return {one.kind: one.rows for one in found if one.rows}


def send(database: Database, at: datetime) -> None:
    for one in claim(database, now=at):
        with database.writing() as conn:
            finish(conn, one.row, Outcome("sent"), owner="me", now=at)


def reader(database: Database, address: str = "ada@example.org") -> int:
    row = subscriber(database, address)
    with database.writing() as conn:
        store_subscribers.change(conn, row, confirmed_at=NOON)
    return row


def keys(database: Database) -> list[str]:
    with database.reading() as conn:
        return list(conn.scalars(select(t.paper.c.key).order_by(t.paper.c.id)))


def mailed(database: Database, who: int, day: int, *rows: int) -> None:
    """A digest with these papers, made and sent so many days after NOON."""
    at = NOON + day * DAY
    with database.reading() as conn:
        seen = conn.scalar(select(t.subscriber.c.seen).where(t.subscriber.c.id == who)) or 0
    new = replace(
        digest(who, f"{at:%Y-%m-%d}", *rows), seen_from=seen, seen_to=seen + 1, composed_at=at,
        expires_at=at + DAY, next_due_at=at + DAY,
    )  # fmt: skip
    assert fix(database, new)
    send(database, at)


@pytest.fixture
def later(database: Database) -> Database:
    """A database with a paper of NOON, and one seen when that is old."""
    take(database, 1)
    take(database, 2, at=LONG)
    return database


def test_a_paper_goes_when_nobody_has_it_and_is_not_news_when_it_is_shown_again(
    later: Database,
) -> None:
    assert gone(later, LONG) == {"papers": 1}
    assert keys(later) == ["arxiv:2611.00002"]
    take(later, 1, at=LONG + DAY, signals={"upvotes": 3.0})
    with later.reading() as conn:
        row = store_papers.find(conn, Alias("arxiv", "2611.00001"))
        assert row is not None
        (again,) = store_papers.load(conn, [row])
        assert store_news.rows_arrived(conn, 0, since=LONG) == [2]
        assert promises.broken(conn) == []
    assert (again.first_seen_at, again.arrival) == (NOON, None)
    assert gone(later, LONG + 2 * DAY) == {}, "it is shown again: it is kept as long again"


def test_the_name_of_a_deleted_paper_is_forgotten_after_as_long_again(later: Database) -> None:
    gone(later, LONG)
    take(later, 3, at=LONG + 401 * DAY)
    assert gone(later, LONG + 401 * DAY)["names"] == 1


@pytest.mark.parametrize("reason", ["vote", "digest", "sighting", "signal"])
def test_a_paper_that_somebody_has_or_shows_stays(later: Database, reason: str) -> None:
    who = reader(later)
    late = LONG - DAY
    if reason == "vote":
        with later.writing() as conn:
            store_votes.put(conn, StoredVote(who, 1, "saved", NOON))
    elif reason == "digest":
        mailed(later, who, 400, 1)
    elif reason == "sighting":
        take(later, 1, at=late, announce="replace", version=2)
    else:
        with later.writing() as conn:
            conn.execute(
                t.signal.insert().values(
                    paper_id=1, source="huggingface", name="upvotes", value=1.0, read_at=late
                )
            )
    assert "papers" not in gone(later, LONG)
    assert len(keys(later)) == 2


def test_a_digest_goes_with_its_papers_but_for_each_readers_last(later: Database) -> None:
    ada, bo = reader(later), reader(later, "bo@example.org")
    mailed(later, ada, 0, 1)
    mailed(later, bo, 0, 1)
    mailed(later, ada, 400, 2)
    foreseen = {one.kind: one.rows for one in foresee(later, KEPT, now=LONG) if one.rows}
    assert foreseen == {"digests": 1, "mails": 2}
    assert gone(later, LONG) == foreseen
    with later.reading() as conn:
        assert store_digests.begun(conn, [ada, bo]) == {ada, bo}
        assert promises.broken(conn) == []


def test_papers_of_old_digests_are_foreseen_to_go_with_them(later: Database) -> None:
    ada = reader(later)
    mailed(later, ada, 0, 1)
    mailed(later, ada, 400, 2)
    before = dump(later)
    foreseen = {one.kind: one.rows for one in foresee(later, KEPT, now=LONG) if one.rows}
    assert dump(later) == before
    assert foreseen == {"mails": 1, "digests": 1, "papers": 1} == gone(later, LONG)


def test_what_is_still_to_be_sent_is_kept_however_old(later: Database) -> None:
    who = reader(later)
    fix(later, digest(who, "2026-11-20", 1))
    mailed_on = replace(digest(who, "2027-12-24"), seen_from=7, composed_at=LONG)
    assert fix(later, mailed_on)
    assert gone(later, LONG) == {}


def test_failed_attempts_go_and_the_one_that_succeeded_stays(later: Database) -> None:
    fix(later, digest(reader(later), "2026-11-20", 1))
    (one,) = claim(later)
    with later.writing() as conn:
        again = Outcome("pending", "rcpt", 450, not_before=NOON)
        finish(conn, one.row, again, owner="me", now=NOON)
    send(later, NOON)
    assert gone(later, NOON + 100 * DAY)["attempts"] == 1
    with later.reading() as conn:
        assert list(conn.scalars(select(t.attempt.c.outcome))) == ["sent"]
        assert promises.broken(conn) == []


def test_of_old_readings_the_last_stays_so_that_what_follows_is_no_gain_from_nothing(
    database: Database,
) -> None:
    for day, value in ((0, 5.0), (1, 9.0), (2, 30.0), (90, 31.0)):
        take(database, 1, at=NOON + day * DAY, signals={"upvotes": value})
    assert gone(database, NOON + 93 * DAY, signals=90 * DAY) == {}, "no paper is newer than day 0"
    take(database, 2, at=NOON + 93 * DAY)
    assert gone(database, NOON + 93 * DAY, signals=90 * DAY) == {"signals": 2}
    with database.reading() as conn:
        read = store_signals.of(conn, 1, now=NOON + 93 * DAY)
    assert [one.value for one in read] == [30.0, 31.0]


def test_words_of_old_days_go_in_several_steps_and_statistics_stay(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.jobs.housekeeping._STEMS_AT_ONCE", 3)
    for day in (0, 100):
        with database.writing() as conn:
            store_words.count(conn, [(NOON + day * DAY, ["a", "b", "c", "d", "e"])])
    now = NOON + 100 * DAY
    take(database, 1, at=now)
    with database.reading() as conn:
        before = store_words.statistics(conn, ["a", "e"], now=now)
    assert gone(database, now) == {"words": 6}
    with database.reading() as conn:
        assert store_words.statistics(conn, ["a", "e"], now=now) == before
        assert set(conn.scalars(select(t.word.c.day))) == {now.date().isoformat()}
        assert store_words.oldest(conn) == datetime.combine(
            now.date(), NOON.min.time(), NOON.tzinfo
        )


def ledger(database: Database) -> None:
    """Papers 1 and 2 of NOON, each in a digest; what was old a day later is deleted."""
    take(database, 1, 2)
    who = reader(database)
    mailed(database, who, 0, 1)
    mailed(database, who, 1, 2)
    keep_house(database, now=NOON + DAY)


FAR = datetime(2099, 1, 1, tzinfo=NOON.tzinfo)


@pytest.mark.both
def test_a_clock_far_ahead_deletes_nothing_though_papers_come_meanwhile(database: Database) -> None:
    ledger(database)
    for day in range(3):
        for hours in (0, 20):  # it is started by the clock that is ahead, and then set back
            take(database, 3 + day, at=FAR + day * DAY)
            now = FAR + day * DAY + hours * DAY / 24
            assert keep_house(database, now=now) == 0
        assert keep_house(database, now=NOON + (1 + day) * DAY) == 0
    assert keep_house(database, now=FAR + 3 * DAY) == 0
    assert keep_house(database, now=FAR + 4000 * DAY) == 0, "it leaps once more"


def test_what_was_off_for_long_deletes_what_is_old_a_day_later(database: Database) -> None:
    ledger(database)
    take(database, 3, at=LONG + DAY)
    assert keep_house(database, now=LONG + DAY) == 0
    before = dump(database)
    assert keep_house(database, now=LONG + 1.9 * DAY) == 0
    assert dump(database) == before
    assert keep_house(database, now=LONG + 2 * DAY) > 0


def test_by_hand_a_clock_far_ahead_deletes_no_paper_and_no_digest(database: Database) -> None:
    ledger(database)
    assert gone(database, FAR) == {"mails": 2}


def test_a_second_run_changes_nothing(later: Database) -> None:
    prune(later, KEPT, now=LONG)
    before = dump(later)
    assert not any(one.rows for one in prune(later, KEPT, now=LONG))
    assert dump(later) == before


def test_what_a_stop_leaves_over_goes_the_next_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.jobs.housekeeping._AT_ONCE", 2)
    take(database, *range(1, 8))
    take(database, 9, at=LONG)
    asked = iter([False] * 7 + [True])
    found = prune(database, KEPT, now=LONG, stopping=lambda: next(asked))
    assert sum(one.rows for one in found) < 7
    assert keep_house(database, now=LONG) > 0
    assert keys(database) == ["arxiv:2611.00009"]


def test_a_row_that_is_needed_meanwhile_is_not_deleted(later: Database) -> None:
    who = reader(later)
    ages = KEPT.ages(LONG, newest=LONG)
    (papers,) = (kind for kind in forgetting.KINDS if kind.name == "papers")
    with later.reading() as conn:
        found = forgetting.keys(conn, papers, ages)
    with later.writing() as conn:
        store_votes.put(conn, StoredVote(who, 1, "up", LONG))
    with later.writing() as conn:
        assert forgetting.forget(conn, papers, found, ages, now=LONG) == 0
    assert len(keys(later)) == 2


def test_shelves_of_deleted_papers_go_with_their_files(later: Database, tmp_path: Path) -> None:
    shelves = Shelves(tmp_path / "words")
    with later.reading() as conn:
        shelves.up_to_date(conn)
    take(later, 3, at=LONG)
    with later.reading() as conn:
        shelves.up_to_date(conn)
    files = len(list((tmp_path / "words").iterdir()))
    take(later, 4, at=LONG + 802 * DAY)
    gone(later, LONG + 802 * DAY)
    with later.reading() as conn:
        (kept,) = shelves.up_to_date(conn)
        rows = list(conn.scalars(select(t.paper.c.id)))
    assert np.array_equal(kept.rows[kept.is_here], rows)
    assert files == 2
    assert len(list((tmp_path / "words").iterdir())) == 1


def rows(database: Database) -> dict[str, int]:
    with database.reading() as conn:
        return {
            table.name: conn.scalar(select(func.count()).select_from(table)) or 0
            for table in t.Row.metadata.sorted_tables
        }


@pytest.mark.sqlite("a file")
def test_a_database_that_is_pruned_every_day_stops_growing(database: Database) -> None:
    sixty = 60 * DAY
    kept = Retention(*[sixty] * 7, *[30 * DAY] * 2)
    people = [reader(database, f"s{n}@example.org") for n in range(3)]
    pages: list[int] = []
    counts: list[dict[str, int]] = []
    for day in range(0, 366, 5):
        now = NOON + day * DAY
        numbers = range(day * 10, day * 10 + 12)
        take(database, *numbers, at=now, abstract="x" * 1500, signals={"upvotes": 1.0 + day})
        with database.reading() as conn:
            mine = [store_papers.find(conn, Alias("arxiv", f"2611.{n:05d}")) for n in numbers]
        with database.writing() as conn:
            store_words.count(conn, [(now, [f"stem{n}" for n in range(50)])])
        for place, who in enumerate(people):
            mailed(database, who, day, *(row for row in mine[place * 4 : place * 4 + 3] if row))
        keep_house(database, kept, now=now)
        if day % 30 == 0:
            counts.append(rows(database))
            with database.reading() as conn:
                pages.append(sizes.held_bytes(conn))
    settled = counts[6:]  # the names of papers are kept for twice the time
    assert all(one == settled[0] for one in settled[1:]), settled
    assert pages[-1] < 1.02 * pages[6]
    assert 0 < settled[0]["paper"] < 12 * 73
    with database.reading() as conn:
        assert promises.broken(conn) == []
    assert backups.problems(Path(database.place)) == []


@pytest.mark.sqlite("a file")
def test_a_compacted_file_is_smaller_and_holds_the_same(database: Database) -> None:
    take(database, *range(1, 200), abstract="x" * 2000)
    take(database, 1000, at=LONG)
    gone(database, LONG)
    before = dump(database)
    with database.reading() as conn:
        size = sizes.held_bytes(conn)
    assert compacting.compact(database) > 100_000
    assert Path(database.place).stat().st_size < size - 100_000
    assert dump(database) == before


@pytest.mark.sqlite("a file")
def test_others_read_and_write_after_waiting_while_a_file_is_compacted(database: Database) -> None:
    take(database, *range(1, 100), abstract="x" * 2000)
    done = threading.Event()

    def write() -> None:
        number = 1000
        while not done.is_set():
            number += 1
            take(database, number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            compacting.compact(database)
    finally:
        done.set()
        writer.join()
    assert backups.problems(Path(database.place)) == []


@pytest.mark.sqlite("a file")
def test_without_room_for_a_second_copy_nothing_is_compacted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = type("Usage", (), {"free": 10_000})
    monkeypatch.setattr("notifier.storage.compacting.shutil.disk_usage", lambda place: full)
    with pytest.raises(DatabaseError, match="make room first"):
        compacting.compact(database)


@pytest.mark.sqlite("a file")
def test_the_command_counts_deletes_and_says_what_is_left(notifier: Notifier) -> None:
    assert notifier("db", "info").code == 3
    notifier("status")
    base = sqlite3.connect(notifier.folder / "notifier.db")
    base.execute("INSERT INTO bucket VALUES ('b', 1.0, '2026-01-01 00:00:00')")
    base.commit()
    base.close()
    dry = notifier("--now", "2026-11-20", "prune", "--dry-run", "--format", "jsonl")
    assert {row["kind"]: row["rows"] for row in dry.rows}["limits"] == 1
    assert "nothing was changed" in dry.err
    wet = notifier("--now", "2026-11-20", "prune", "--format", "jsonl")
    assert {row["kind"]: row["rows"] for row in wet.rows}["limits"] == 1
    again = notifier("--now", "2026-11-20", "prune", "--vacuum")
    assert again.code == 0
    assert "0 rows deleted" in again.err
    assert "given back" in again.err
    wrong = notifier("prune", "--dry-run", "--vacuum")
    assert (wrong.code, "leave --vacuum away" in wrong.err) == (2, True)


def test_a_digest_is_kept_as_long_as_its_page(notifier: Notifier) -> None:
    from notifier.app import App
    from notifier.config import load

    notifier.config.write_text("[site]\narchive_days = 900\n[keep]\ndigests_days = 60\n")
    app = App(load(notifier.config))
    assert app.retention.digests == app.retention.mails == 900 * DAY
    app.close()


def test_pruned_names_every_kind_once(database: Database) -> None:
    found: list[Pruned] = prune(database, KEPT, now=NOON)
    names = [one.kind for one in found]
    assert sorted(names) == sorted(set(names)) == sorted(KEPT.ages(NOON, newest=None))
    assert all(one.freed_bytes in (0, None) for one in found)
