"""The promises of the design, each with a test that tries to break it, on a real database."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Connection, event, func, select, text, update
from sqlalchemy.exc import IntegrityError

from notifier.errors import DatabaseError
from notifier.jobs import expiry
from notifier.papers.identity import Alias
from notifier.papers.paper import Entry
from notifier.profiles.profile import Schedule
from notifier.storage import (
    store_deliveries,
    store_digests,
    store_news,
    store_papers,
    store_profiles,
    store_subscribers,
    store_votes,
)
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.store_deliveries import Claimed, Outcome
from notifier.storage.store_digests import Chosen, NewDigest
from notifier.storage.store_votes import StoredVote

from .builders import NOON, an_entry
from .sending import post

pytestmark = pytest.mark.both

ARXIV, DOI = Alias("arxiv", "2611.00001"), Alias("doi", "10.1000/x")
LEASE = timedelta(minutes=15)


def take(database: Database, *entries: Entry, source: str = "arxiv") -> store_papers.Taken:
    with database.writing() as conn:
        return store_papers.take_in(conn, entries, source=source, now=NOON)


def papers(database: Database) -> list[str]:
    with database.reading() as conn:
        return [p.id for p in store_papers.load(conn, store_papers.rows_since(conn))]


def subscriber(database: Database, address: str = "ada@example.org") -> int:
    with database.writing() as conn:
        store_subscribers.add(
            conn, address, Schedule("Europe/Berlin"), max_papers=12, seen=0, now=NOON
        )
        found = store_subscribers.find(conn, address)
        assert found is not None
        store_subscribers.change(conn, found.row, state="active", next_due_at=NOON)
        return found.row


def digest(who: int, period: str = "2026-11-20", *rows: int) -> NewDigest:
    return NewDigest(
        key=f"{who}-{period}",
        subscriber=who,
        period=period,
        subject="s",
        papers=tuple(Chosen(row, "p", place, 0.5) for place, row in enumerate(rows, 1)),
        more=0,
        seen_from=0,
        seen_to=7,
        composed_at=NOON,
        expires_at=NOON + timedelta(hours=20),
        next_due_at=NOON + timedelta(days=1),
        content=b"mail",
    )


def fix(database: Database, new: NewDigest) -> bool:
    with database.writing() as conn:
        return store_digests.fix(conn, new)


def claim(database: Database, owner: str = "me", now: datetime = NOON) -> list[Claimed]:
    with database.writing() as conn:
        return store_deliveries.claim(conn, owner=owner, now=now, lease_until=now + LEASE, limit=10)


def end_stale(database: Database, now: datetime) -> tuple[int, int]:
    return expiry.end_stale(database, now=now, takes_over=True)


def states(database: Database) -> list[str]:
    with database.reading() as conn:
        return list(conn.scalars(select(t.delivery.c.state).order_by(t.delivery.c.id)))


# A paper is one paper, whatever source and version it came by.


def test_a_paper_from_two_sources_is_one_paper_with_both_sightings(database: Database) -> None:
    assert take(database, an_entry(1)).new == 1
    second = take(database, an_entry(1, signals={"upvotes": 3.0}), source="huggingface")
    assert (second.new, second.merged) == (0, 1)
    with database.reading() as conn:
        (paper,) = store_papers.load(conn, store_papers.rows_since(conn))
    assert paper.sources == ("arxiv", "huggingface")
    assert paper.signals == {"upvotes": 3.0}


def test_two_papers_become_one_when_an_entry_names_both(database: Database) -> None:
    take(database, an_entry(aliases=(ARXIV,)), an_entry(aliases=(DOI,), title="Same, in print"))
    who = subscriber(database)
    fix(database, digest(who, "2026-11-19", 2))
    assert take(database, an_entry(aliases=(ARXIV, DOI)), source="journal").merged == 1
    assert papers(database) == ["arxiv:2611.00001"]
    with database.reading() as conn:
        assert store_papers.find(conn, DOI) == store_papers.find(conn, ARXIV) == 1
        assert store_digests.sent_papers(conn, [who]) == {(who, 1)}


def test_merging_papers_that_both_reached_a_subscriber_keeps_one_record(
    database: Database,
) -> None:
    take(database, an_entry(aliases=(ARXIV,)), an_entry(aliases=(DOI,)))
    who = subscriber(database)
    fix(database, digest(who, "2026-11-19", 1, 2))
    take(database, an_entry(aliases=(ARXIV, DOI)), source="journal")
    with database.reading() as conn:
        assert store_digests.sent_papers(conn, [who]) == {(who, 1)}


def test_news_of_a_paper_survives_its_merging_with_one_that_was_none(database: Database) -> None:
    take(database, an_entry(aliases=(ARXIV,), announce="replace", version=2))
    take(database, an_entry(aliases=(DOI,)), source="journal")
    take(database, an_entry(aliases=(ARXIV, DOI), announce="replace", version=3))
    with database.reading() as conn:
        assert store_news.rows_arrived(conn, 0, since=NOON) == [1]


def test_a_removed_subscribers_row_is_never_anothers(database: Database) -> None:
    first = subscriber(database, "old@example.org")
    with database.writing() as conn:
        store_subscribers.remove(conn, first)
    assert subscriber(database, "new@example.org") > first


def test_a_digest_made_while_papers_were_given_back_is_not_fixed(database: Database) -> None:
    who = subscriber(database)
    with database.writing() as conn:
        store_subscribers.change(conn, who, seen=3)
    with pytest.raises(DatabaseError, match="given back"):
        fix(database, replace(digest(who), seen_from=5))
    assert states(database) == []


def test_a_newer_version_replaces_the_text_and_an_older_one_does_not(database: Database) -> None:
    take(database, an_entry(1, "First", version=1, abstract="old"))
    assert take(database, an_entry(1, "Second", version=2, announce="replace")).updated == 1
    assert take(database, an_entry(1, "First", version=1, abstract="old")).unchanged == 1
    with database.reading() as conn:
        (paper,) = store_papers.load(conn, [1])
    assert (paper.title, paper.version, paper.abstract) == ("Second", 2, "old")


def test_the_same_batch_again_changes_nothing(database: Database) -> None:
    batch = [an_entry(n, signals={"upvotes": 1.0}, version=1) for n in range(1, 4)]
    assert take(database, *batch).new == 3
    before = dump(database)
    again = take(database, *batch)
    assert (again.new, again.updated, again.merged, again.unchanged) == (0, 0, 0, 3)
    assert dump(database) == before


def dump(database: Database) -> list[tuple[object, ...]]:
    """Everything in the database, row by row, as the driver gives it.

    But for whose turn it is to ask a service: that goes by the real clock.
    """
    with database.reading() as conn:
        return [
            (table.name, *row)
            for table in t.Row.metadata.sorted_tables
            if table is not t.turn
            for row in conn.exec_driver_sql(f"SELECT * FROM {table.name} ORDER BY 1, 2").fetchall()
        ]


# One digest for a subscriber and a period; a paper reaches a subscriber once.


def test_a_second_digest_of_a_period_is_not_made(database: Database) -> None:
    who = subscriber(database)
    assert fix(database, digest(who))
    assert not fix(database, replace(digest(who), key="another"))
    assert len(states(database)) == 1


def test_a_paper_cannot_reach_a_subscriber_twice(database: Database) -> None:
    take(database, an_entry(1))
    who = subscriber(database)
    fix(database, digest(who, "2026-11-20", 1))
    with pytest.raises(IntegrityError):
        fix(database, replace(digest(who, "2026-11-21", 1), seen_from=7))
    assert len(states(database)) == 1, "the second digest left nothing behind"


# Nothing that was announced is skipped.


def test_arrival_numbers_grow_in_the_order_of_commits(database: Database) -> None:
    def ingest(first: int) -> None:
        for number in range(first, first + 20):
            take(database, an_entry(number))

    threads = [threading.Thread(target=ingest, args=(start,)) for start in (1, 101, 201)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as conn:
        numbers = list(conn.scalars(select(t.paper.c.arrival).order_by(t.paper.c.id)))
    assert numbers == list(range(1, 61))


def test_a_replacement_of_an_unknown_paper_is_kept_but_is_no_news(database: Database) -> None:
    take(database, an_entry(1, announce="replace", version=3))
    with database.reading() as conn:
        assert store_news.rows_arrived(conn, 0, since=NOON) == []
    assert papers(database) == ["arxiv:2611.00001"]


# Two workers never send the same digest; a crash delays, never loses.


def test_two_workers_claim_each_delivery_once(database: Database) -> None:
    for number in range(20):
        fix(database, digest(subscriber(database, f"s{number}@example.org")))
    claimed: list[int] = []
    lock = threading.Lock()

    def work(owner: str) -> None:
        while rows := [one.row for one in claim(database, owner)]:
            with lock:
                claimed.extend(rows)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == list(range(1, 21))


def test_a_claim_whose_lease_ran_out_is_taken_again_with_the_same_bytes(
    database: Database,
) -> None:
    fix(database, digest(subscriber(database)))
    (first,) = claim(database, "dead")
    assert claim(database, "other") == []
    (again,) = claim(database, "other", NOON + LEASE + timedelta(seconds=1))
    assert (again.content, again.digest) == (first.content, first.digest)


def test_a_worker_that_lost_its_claim_cannot_record_an_outcome(database: Database) -> None:
    fix(database, digest(subscriber(database)))
    (late,) = claim(database, "late")
    later = NOON + LEASE + timedelta(seconds=1)
    claim(database, "other", later)
    with database.writing() as conn:
        assert not store_deliveries.finish(
            conn, late.row, Outcome("failed"), owner="late", now=later
        )
    assert states(database) == ["claimed"]


# Nobody is mailed who did not confirm, or who left, or who bounced for good.


@pytest.mark.parametrize(
    "columns",
    [{"state": "left"}, {"state": "pending"}, {"paused_until": NOON + timedelta(days=1)}],
    ids=["left", "unconfirmed", "paused"],
)
def test_the_claim_itself_refuses_who_may_not_be_mailed(
    database: Database, columns: dict[str, object]
) -> None:
    who = subscriber(database)
    fix(database, digest(who))
    with database.writing() as conn:
        store_subscribers.change(conn, who, **columns)
    assert claim(database) == []


def test_the_claim_itself_refuses_a_suppressed_address(database: Database) -> None:
    fix(database, digest(subscriber(database)))
    with database.writing() as conn:
        store_subscribers.suppress(conn, "ada@example.org", "dead address", "550 5.1.1", NOON)
    assert claim(database) == []


def test_a_delivery_to_somebody_who_left_is_dropped(database: Database) -> None:
    who = subscriber(database)
    fix(database, digest(who))
    with database.writing() as conn:
        store_subscribers.change(conn, who, state="left")
    assert end_stale(database, NOON) == (0, 1)
    assert states(database) == ["dropped"]


def test_an_expired_digest_gives_its_papers_back(database: Database) -> None:
    take(database, an_entry(1))
    who = subscriber(database)
    fix(database, digest(who, "2026-11-20", 1))
    late = NOON + timedelta(hours=21)
    assert claim(database, now=late) == []
    assert end_stale(database, late) == (1, 0)
    assert states(database) == ["expired"]
    with database.reading() as conn:
        found = store_subscribers.get(conn, who)
        assert found is not None
        assert found.seen == 0
        assert store_digests.sent_papers(conn, [who]) == set()


def test_a_mail_on_the_wire_is_not_expired_or_dropped_under_its_worker(
    database: Database,
) -> None:
    fix(database, digest(subscriber(database)))
    claim(database, now=NOON + timedelta(hours=19, minutes=59))
    assert end_stale(database, NOON + timedelta(hours=20)) == (0, 0)
    assert states(database) == ["claimed"]


def test_a_clock_that_leaps_does_not_expire_what_this_process_has_on_the_wire(
    database: Database,
) -> None:
    fix(database, digest(subscriber(database)))
    claim(database, "me/0")
    late = NOON + timedelta(days=1)
    mine = expiry.end_stale(database, now=late, takes_over=True, spared_owner="me")
    assert mine == (0, 0)
    assert expiry.end_stale(database, now=late, takes_over=True, spared_owner="m") == (1, 0)


def test_that_nothing_is_stale_is_seen_without_a_lock(database: Database) -> None:
    fix(database, digest(subscriber(database)))
    with database.writing():
        assert end_stale(database, NOON) == (0, 0)


def test_many_mails_expire_in_transactions_of_some_hundreds(database: Database) -> None:
    post(database, [f"r{n}@x.example" for n in range(1000)])
    with database.writing() as conn:
        conn.execute(update(t.subscriber).values(seen=1))
    sizes: list[int] = []

    def committed(conn: Connection) -> None:
        ended = t.delivery.c.state == "expired"
        sizes.append(conn.scalar(select(func.count()).where(ended)) or 0)

    event.listen(database.engine, "commit", committed)
    assert end_stale(database, NOON + timedelta(days=1)) == (1000, 0)
    event.remove(database.engine, "commit", committed)
    assert max(after - before for before, after in pairwise([0, *sizes])) <= 400
    with database.reading() as conn:
        assert set(conn.scalars(select(t.subscriber.c.seen))) == {0}


# The database itself.


def test_concurrent_read_then_write_transactions_lose_no_update(database: Database) -> None:
    with database.writing() as conn:
        conn.execute(text("INSERT INTO counter (name, value) VALUES ('n', 0)"))

    def add() -> None:
        for _ in range(50):
            with database.writing() as conn:
                value = conn.scalar(text("SELECT value FROM counter WHERE name = 'n'"))
                conn.execute(text(f"UPDATE counter SET value = {value + 1} WHERE name = 'n'"))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as conn:
        assert conn.scalar(text("SELECT value FROM counter WHERE name = 'n'")) == 200


def test_times_come_back_aware_and_the_same(database: Database) -> None:
    take(database, an_entry(1, published_at=NOON - timedelta(days=3)))
    with database.reading() as conn:
        (paper,) = store_papers.load(conn, [1])
    assert paper.first_seen_at == NOON
    assert paper.first_seen_at.utcoffset() == timedelta(0)
    assert paper.published_at == NOON - timedelta(days=3)


def test_a_naive_time_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="without a zone"), database.writing() as conn:
        store_papers.take_in(conn, [an_entry(1)], source="a", now=NOON.replace(tzinfo=None))


def test_errors_of_the_database_print_no_address(database: Database) -> None:
    who = subscriber(database)
    with pytest.raises(IntegrityError) as caught, database.writing() as conn:
        conn.execute(
            t.subscriber.insert().values(
                address="ada@example.org", state="active", zone="UTC", hour=1, minute=1, days=[],
                cadence="daily", max_papers=1, seen=0, consent="", created_at=NOON,
            )
        )  # fmt: skip
    assert who
    assert "ada@example.org" not in str(caught.value)


def test_the_due_query_uses_its_index(database: Database) -> None:
    with database.reading() as conn:
        if database.is_sqlite:
            explain = "EXPLAIN QUERY PLAN"
        else:
            conn.execute(text("SET enable_seqscan = off"))  # an empty table is read as a whole
            explain = "EXPLAIN"
        query = "SELECT id FROM subscriber WHERE state = 'active' AND next_due_at <= '2026-11-20'"
        plan = conn.execute(text(f"{explain} {query}")).all()
    assert "ix_subscriber_state_next_due_at" in str(plan)


def test_deleting_a_subscriber_deletes_all_that_is_kept_about_them(database: Database) -> None:
    take(database, an_entry(1))
    who = subscriber(database)
    fix(database, digest(who, "2026-11-20", 1))
    with database.writing() as conn:
        store_profiles.add(conn, who, "p", "LLM", now=NOON)
        store_votes.put(conn, StoredVote(who, 1, "up", NOON))
        store_subscribers.remove(conn, who)
        kept = (t.profile, t.vote, t.digest, t.digest_paper, t.delivery, t.message)
        for table in (t.subscriber, *kept):
            assert conn.scalar(select(func.count()).select_from(table)) == 0, table.name
