"""What is news to whom: new papers, cross-lists, replacements, history; and waiting for what is
late."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.jobs.take import take_body
from notifier.papers.identity import Alias
from notifier.papers.paper import Entry
from notifier.profiles.profile import Schedule
from notifier.storage import merging, store_digests, store_news, store_papers, store_sources
from notifier.storage.database import Database

from .builders import NOON, an_entry, atom
from .test_jobs import MONDAY, RAG, Instance
from .test_promises import dump

DAY = timedelta(days=1)


def take(
    database: Database, *entries: Entry, at: datetime = NOON, **how: Any
) -> store_papers.Taken:
    source = how.pop("source", "arxiv")
    with database.writing() as conn:
        return store_papers.take_in(conn, entries, source=source, now=at, **how)


def news(database: Database, after: int = 0, **how: Any) -> list[int]:
    with database.reading() as conn:
        return store_news.rows_arrived(conn, after, since=NOON - 30 * DAY, **how)


def head(database: Database) -> int:
    with database.reading() as conn:
        return store_news.arrival(conn)


def the_paper(database: Database) -> Any:
    with database.reading() as conn:
        (paper,) = store_papers.load(conn, [1])
    return paper


# What is announced


@pytest.mark.parametrize("announce", ["new", "cross"])
def test_a_paper_that_is_new_or_cross_listed_is_news_once(
    database: Database, announce: Any
) -> None:
    take(database, an_entry(announce=announce))
    before = head(database)
    take(database, an_entry(announce=announce), at=NOON + DAY)
    assert news(database) == [1]
    assert news(database, before) == []


@pytest.mark.parametrize("announce", ["replace", "replace-cross", "update"])
def test_a_paper_that_nobody_announces_is_stored_and_no_news(
    database: Database, announce: Any
) -> None:
    take(database, an_entry(announce=announce))
    assert news(database) == []
    assert the_paper(database).announce == announce


def test_a_paper_first_known_as_a_replacement_is_news_when_it_is_cross_listed(
    database: Database,
) -> None:
    take(database, an_entry(announce="replace", version=3))
    take(database, an_entry(announce="cross", version=3), at=NOON + 40 * DAY)
    with database.reading() as conn:
        assert store_news.rows_arrived(conn, 0, since=NOON + 39 * DAY) == [1]


def test_a_cross_listing_into_another_field_is_news_to_its_readers(database: Database) -> None:
    take(database, an_entry(categories=("cs.LG",)))
    before = head(database)
    same = an_entry(announce="cross", categories=("cs.LG",))
    take(database, same, at=NOON + DAY)
    assert news(database, before) == []
    take(database, replace(same, categories=("cs.LG", "q-bio.NC")), at=NOON + 2 * DAY)
    assert news(database, before) == [1]


def test_a_cross_listing_that_only_a_change_of_the_record_tells_of_is_news(
    database: Database,
) -> None:
    take(database, an_entry(categories=("math.CO",)))
    before = head(database)
    take(database, an_entry(announce="update", categories=("math.CO",)), at=NOON + DAY)
    assert news(database, before) == []
    crossed = an_entry(announce="update", categories=("math.CO", "cs.CL"))
    take(database, crossed, at=NOON + 2 * DAY)
    assert news(database, before) == [1]


def test_a_paper_that_gets_its_categories_later_is_no_news_again(database: Database) -> None:
    take(database, an_entry(), source="huggingface")
    before = head(database)
    take(database, an_entry(announce="update", categories=("cs.CL",)), at=NOON + DAY)
    assert news(database, before) == []


def test_a_replacement_of_a_paper_known_without_a_version_reaches_those_who_asked(
    database: Database,
) -> None:
    take(database, an_entry(version=None), source="huggingface")
    before = head(database)
    take(database, an_entry(version=3, announce="replace"), at=NOON + DAY)
    assert news(database, before, replacements=True) == [1]


def test_a_late_cross_listing_hides_nothing_from_a_new_subscriber(database: Database) -> None:
    take(database, an_entry(1), an_entry(2))
    take(database, an_entry(1, announce="cross", categories=("q-bio.NC",)), at=NOON + DAY)
    with database.reading() as conn:
        seen = store_news.arrival(conn, before=NOON + DAY)
        assert store_news.rows_arrived(conn, seen, since=NOON - DAY) == [1]


# Replacements


def test_a_new_version_reaches_those_who_asked_for_new_versions(database: Database) -> None:
    take(database, an_entry(version=1))
    before = head(database)
    taken = take(database, an_entry(version=2, announce="replace"), at=NOON + DAY)
    assert taken.updated == 1
    assert news(database, before) == []
    assert news(database, before, replacements=True) == [1]
    assert (the_paper(database).version, the_paper(database).announce) == (2, "replace")
    again = head(database)
    take(database, an_entry(version=2, announce="replace-cross"), at=NOON + DAY)
    assert news(database, again, replacements=True) == []


def test_a_replacement_of_an_unknown_paper_reaches_those_who_asked(database: Database) -> None:
    take(database, an_entry(version=4, announce="replace"))
    assert news(database, replacements=True) == [1]


def test_a_version_that_becomes_known_is_no_new_version(database: Database) -> None:
    take(database, an_entry(version=None), source="huggingface")
    before = head(database)
    take(database, an_entry(version=3, announce="update"))
    assert news(database, before, replacements=True) == []


def test_replacements_are_mailed_only_to_who_asked(tmp_path: Path) -> None:
    lab = Instance(tmp_path)
    lab.reader("ada")
    lab.app.subscriptions.change(lab.reader("bo"), now=lab.now, replacements=True)
    lab.take(RAG | {"id": "2501.00007", "type": "replace", "version": 2})
    lab.now = MONDAY + timedelta(hours=3)
    done = lab.app.compose()
    assert (done.made, done.nothing) == (1, 1)
    assert [d.address for d in lab.digests() if d.papers] == ["bo@example.org"]
    lab.app.close()


# Withdrawals


def test_a_withdrawal_is_marked_and_a_version_that_returns_is_not(database: Database) -> None:
    take(database, an_entry(version=1))
    take(database, an_entry(version=2, announce="replace", withdrawn=True), at=NOON + DAY)
    assert the_paper(database).withdrawn_at == NOON + DAY
    take(database, an_entry(version=2, announce="replace", withdrawn=True), at=NOON + 2 * DAY)
    assert the_paper(database).withdrawn_at == NOON + DAY
    take(database, an_entry(version=None), source="huggingface")
    assert the_paper(database).withdrawn_at == NOON + DAY
    take(database, an_entry(version=3, announce="replace"), at=NOON + 3 * DAY)
    assert the_paper(database).withdrawn_at is None


def test_a_withdrawn_paper_is_called_so_in_the_digest(lab: Instance) -> None:
    lab.reader("ada", "ferns")
    entry = an_entry(title="On ferns", withdrawn=True)
    take(lab.app.database, entry, at=lab.now)
    lab.now = MONDAY + timedelta(hours=3)
    lab.app.compose()
    assert "withdrawn" in text_of(lab)


# History


def test_what_a_back_fill_finds_is_kept_on_its_own_day_and_is_no_news(database: Database) -> None:
    may = datetime(2026, 5, 4, tzinfo=UTC)
    old, recent = an_entry(1, published_at=may), an_entry(2, published_at=NOON - DAY)
    taken = take(database, old, recent, news_since=NOON - 14 * DAY)
    assert taken.new == 2
    assert news(database) == [2]
    with database.reading() as conn:
        first, second = store_papers.load(conn, [1, 2])
    assert (first.first_seen_at, second.first_seen_at) == (may, NOON)


def test_old_versions_that_a_back_fill_finds_are_told_to_nobody(database: Database) -> None:
    old = an_entry(version=4, announce="replace", published_at=datetime(2026, 5, 4, tzinfo=UTC))
    take(database, old, news_since=NOON - 14 * DAY)
    assert news(database, replacements=True) == []


def test_a_back_fill_counts_words_on_the_day_of_each_paper(lab: Instance) -> None:
    day = (lab.now - 40 * DAY).date().isoformat()
    source = lab.app.intake.source_for_file("arxiv", "arxiv")
    body = atom([RAG], day=day)
    take_body(lab.app.database, source, body, now=lab.now, news_since=lab.now - 14 * DAY)
    words = [
        line for line in dump(lab.app.database) if "word" in str(line) and "forget" in str(line)
    ]
    assert words
    assert all(day in str(line) for line in words)


# Two papers that turn out to be one


def test_the_same_paper_by_two_names_is_one_when_a_source_names_both(database: Database) -> None:
    doi = Alias("doi", "10.1000/x")
    take(database, an_entry(1, version=1))
    take(database, an_entry(aliases=(doi,)), source="journal", at=NOON + DAY)
    taken = take(
        database, an_entry(aliases=(*an_entry(1).aliases, doi), version=1), at=NOON + 2 * DAY
    )
    assert taken.merged == 1
    with database.reading() as conn:
        (paper,) = store_papers.load(conn, [1, 2])
        assert paper.first_seen_at == NOON
        assert paper.sources == ("arxiv", "journal")
        assert store_news.rows_arrived(conn, 0, since=NOON) == [1]


def test_a_paper_merged_into_another_fills_its_gaps(database: Database) -> None:
    doi = Alias("doi", "10.1000/x")
    take(database, an_entry(aliases=(doi,), journal="J. Ferns", urls={"doi": "https://d.example"}))
    full = an_entry(2, abstract="They grow.", authors=("Ada",), categories=("q-bio.PE",), version=2)
    take(database, replace(full, urls={"abs": "https://a.example"}), source="other")
    with database.writing() as conn:
        merging.merge(conn, 2, into=1)
    paper = the_paper(database)
    assert (paper.abstract, paper.authors, paper.journal) == ("They grow.", ("Ada",), "J. Ferns")
    assert (paper.categories, paper.version) == (("q-bio.PE",), 2)
    assert paper.urls == {"doi": "https://d.example", "abs": "https://a.example"}


# Waiting for what is late

ARXIV = {"name": "arxiv", "kind": "arxiv", "categories": ["cs.CL"]}
TUESDAY_DUE = datetime(2026, 11, 17, 5, 30, tzinfo=UTC)  # of Monday evening's announcement
SEVEN = datetime(2026, 11, 17, 7, 0, tzinfo=UTC)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path, source=[ARXIV], digest={"wait_minutes": 60})
    yield made
    made.app.close()


def answered(lab: Instance, batch_at: datetime, *, success: bool = True) -> None:
    """The source was read at this moment; something new came last at `batch_at`."""
    values = {"answered_at": lab.now, "entries": 9, "again": 9, "batch_at": batch_at}
    with lab.app.database.writing() as conn:
        store_sources.note_part(conn, "arxiv", "cs.CL", values, now=MONDAY - 9 * DAY)
        if success:
            store_sources.succeeded(conn, "arxiv", "arxiv", counts=(9, 0, 0), now=lab.now)
        else:
            store_sources.failed(conn, "arxiv", "arxiv", "HTTP 503", now=lab.now)


def text_of(lab: Instance) -> str:
    with lab.app.database.reading() as conn:
        content = store_digests.content(conn, lab.digests()[-1].key)
    mail = email.message_from_bytes(content or b"", policy=email.policy.default)
    part = mail.get_body(("plain",))
    assert part
    return " ".join(part.get_content().split())


def test_a_digest_waits_for_a_late_source_and_then_goes_without_it_and_says_so(
    lab: Instance,
) -> None:
    lab.now = SEVEN - timedelta(hours=2)
    lab.reader("ada")
    lab.take(RAG)
    lab.now = SEVEN
    answered(lab, batch_at=MONDAY)
    for minutes in (0, 59):
        lab.now = SEVEN + timedelta(minutes=minutes)
        done = lab.app.compose()
        assert (done.made, done.waiting) == (0, 1)
    lab.now = SEVEN + timedelta(minutes=60)
    done = lab.app.compose()
    assert (done.made, done.waiting) == (1, 0)
    assert "Not yet here: arxiv has shown nothing new since Mon, 16 Nov 2026." in text_of(lab)


def test_a_digest_waits_no_longer_than_until_the_source_has_come(lab: Instance) -> None:
    lab.now = SEVEN - timedelta(hours=2)
    lab.reader("ada")
    lab.take(RAG)
    lab.now = SEVEN
    answered(lab, batch_at=MONDAY)
    assert lab.app.compose().waiting == 1
    lab.now = SEVEN + timedelta(minutes=10)
    answered(lab, batch_at=lab.now)
    assert lab.app.compose().made == 1
    assert "Not yet here" not in text_of(lab)


def test_a_digest_after_a_downtime_does_not_wait(lab: Instance) -> None:
    lab.reader("ada")
    lab.take(RAG)
    lab.now = SEVEN + timedelta(hours=5)
    answered(lab, batch_at=MONDAY)
    assert lab.app.compose().made == 1


def test_nobody_waits_for_a_source_that_has_been_gone_for_days(lab: Instance) -> None:
    lab.reader("ada")
    lab.take(RAG)
    lab.now = MONDAY - 4 * DAY
    answered(lab, batch_at=MONDAY - 5 * DAY)
    lab.now = SEVEN
    for _ in range(3):
        answered(lab, batch_at=MONDAY - 5 * DAY, success=False)
    done = lab.app.compose()
    assert (done.made, done.waiting) == (1, 0)
    assert "Not yet here: arxiv cannot be read since Thu, 12 Nov 2026." in text_of(lab)


def test_a_weekly_reader_waits_too_and_keeps_the_week(lab: Instance) -> None:
    lab.reader("bo", schedule=Schedule("UTC", 7, 0, (1,), "weekly"))
    lab.take(RAG)
    lab.now = SEVEN
    answered(lab, batch_at=MONDAY)
    assert lab.app.compose().waiting == 1
    lab.now = SEVEN + timedelta(hours=2)
    assert lab.app.compose().made == 1
    assert lab.digests()[-1].period == "2026-W47"
