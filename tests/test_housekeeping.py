"""Once a day what is of no use any more goes, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from notifier.jobs import housekeeping
from notifier.jobs.housekeeping import keep_house
from notifier.storage import store_digests
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.store_deliveries import Outcome, finish

from .builders import NOON
from .test_promises import claim, digest, dump, fix, subscriber

NINETY = timedelta(days=90)
LATER = NOON + NINETY + timedelta(seconds=1)


def sent(database: Database) -> None:
    """Record everything that waits as sent."""
    for one in claim(database):
        with database.writing() as conn:
            finish(conn, one.row, Outcome("sent"), owner="me", now=NOON)


def mails(database: Database) -> list[str]:
    """The keys of the digests whose mail is kept."""
    query = "SELECT key FROM digest JOIN message ON digest_id = digest.id ORDER BY digest.id"
    with database.reading() as conn:
        return list(conn.exec_driver_sql(query).scalars())


def test_a_mail_is_deleted_when_the_archives_days_are_over(database: Database) -> None:
    fix(database, digest(subscriber(database)))
    sent(database)
    assert keep_house(database, now=NOON + NINETY) == 0
    assert mails(database) == ["1-2026-11-20"]
    assert keep_house(database, now=LATER + timedelta(days=1)) == 1
    assert mails(database) == []
    with database.reading() as conn:
        assert [one.key for one in store_digests.listed(conn)] == ["1-2026-11-20"]


def test_a_mail_that_may_still_be_sent_is_kept_however_old(database: Database) -> None:
    fix(database, digest(subscriber(database)))
    fix(database, digest(subscriber(database, "bo@example.org")))
    with database.writing() as conn:
        conn.exec_driver_sql(
            "UPDATE delivery SET state = 'sent', finished_at = not_before WHERE id = 2"
        )
    assert keep_house(database, now=LATER) == 1
    assert mails(database) == ["1-2026-11-20"]


def test_it_is_done_once_a_day(database: Database) -> None:
    keep_house(database, now=LATER)
    fix(database, digest(subscriber(database)))
    sent(database)
    before = dump(database)
    assert keep_house(database, now=LATER + timedelta(hours=1)) == 0
    assert dump(database) == before
    assert keep_house(database, now=LATER + timedelta(days=1)) == 1


def test_many_mails_go_in_several_steps_and_a_stop_leaves_the_rest_for_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_AT_ONCE", 2)
    for number in range(5):
        fix(database, digest(subscriber(database, f"s{number}@example.org")))
    sent(database)
    assert keep_house(database, now=LATER, stopping=lambda: True) == 2
    assert len(mails(database)) == 3
    assert keep_house(database, now=LATER) == 3, "the same day: it was not done"
    assert mails(database) == []


@pytest.mark.both
def test_names_of_deleted_papers_go_a_few_at_a_time_oldest_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_AT_ONCE", 2)
    ages = dict(zip("eadbc", range(5), strict=True))
    with database.writing() as conn:
        conn.execute(
            insert(t.forgotten),
            [
                {"scheme": "doi", "value": value, "first_seen_at": NOON,
                 "forgotten_at": NOON + timedelta(minutes=age)}
                for value, age in ages.items()
            ],
        )  # fmt: skip

    def left() -> set[str]:
        with database.reading() as conn:
            return set(conn.scalars(select(t.forgotten.c.value)))

    later = NOON + timedelta(days=401)
    assert keep_house(database, now=later, stopping=lambda: len(left()) < 5) == 2
    assert left() == set("dbc")
    assert keep_house(database, now=later) == 3
    assert left() == set()
