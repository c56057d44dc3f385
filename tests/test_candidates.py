"""Pairs that may be one paper: found cheaply, in any order, and never merged by themselves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, insert, select

from notifier.papers.identity import Alias, title_key
from notifier.papers.same import APART, Known, suspicion
from notifier.storage import merging, store_candidates, store_papers
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.store_candidates import same_family

from .builders import NOON, an_entry

TITLE = "Attention is all you need, again"
SAME = "same title and first author"
SILENT = "same title, and one of them names no authors"


def take(database: Database, **values: Any) -> None:
    """Store one more paper of the title, under a DOI of its own."""
    with database.writing() as conn:
        number = conn.scalar(select(func.count()).select_from(t.paper))
        aliases = (Alias("doi", f"10.1000/{number}"),)
        entry = an_entry(title=values.pop("title", TITLE), aliases=aliases, **values)
        store_papers.take_in(conn, [entry], source="a", now=NOON)


def pairs(database: Database) -> list[tuple[int, int, str]]:
    with database.reading() as conn:
        return [(c.row, c.other_row, c.reason) for c in store_candidates.pending(conn)]


def why(one: Known, other: Known) -> str | None:
    return suspicion(one, other, same_family=same_family)


def known(authors: Sequence[str] = (), published_at: datetime | None = None) -> Known:
    return Known(title_key(TITLE), authors, published_at)


# The decision


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (["Jane Doe"], ["Jane Doe"], SAME),
        (["Jane Doe", "Bo Chen"], ["Doe, J."], SAME),
        (["Jane Doe"], ["J. Doe", "B. Chen"], SAME),
        (["Jane Doe"], ["Doe J"], SAME),
        (["Jane Doe"], ["Bo Chen", "Doe, Jane"], SAME),
        (["Erwin Schrödinger"], ["SCHRODINGER, E."], SAME),
        (["Gabriel García Márquez"], ["García Márquez, G."], SAME),
        (["Jan van der Berg"], ["van der Berg, J."], SAME),
        (["范存祥"], ["范存祥"], SAME),
        (["Jane Doe (MIT, Boston)"], ["Doe, Jane"], SAME),
        ([], ["Jane Doe"], SILENT),
        ([], [], SILENT),
        (["Jane Doe"], ["Bo Chen"], None),
        (["Jane Doe"], ["Jane Chen"], None),
        (["Jane Doe"], ["Jane Doering"], None),
        (["Ada Lovelace", "Jane Doe"], ["Bo Chen", "Jane Doe"], None),  # neither first author
        (["2024", ""], ["?"], None),
    ],
)
def test_authors_speak_for_one_paper_or_against(
    one: list[str], other: list[str], reason: str | None
) -> None:
    assert why(known(one), known(other)) == reason


@pytest.mark.parametrize(
    ("apart", "found"),
    [(timedelta(0), True), (APART, True), (APART + timedelta(seconds=1), False)],
)
def test_papers_of_one_title_years_apart_are_two(apart: timedelta, found: bool) -> None:
    assert (why(known(["A"], NOON), known(["A"], NOON - apart)) is not None) is found


def test_an_unknown_date_speaks_for_nothing() -> None:
    assert why(known(["A"], NOON), known(["A"])) == SAME


names = st.text(max_size=12) | st.sampled_from(
    ["Jane Doe", "Doe, J.", "Doe J", "J. Doe", "Bo Chen"]
)
times = st.none() | st.datetimes(timezones=st.just(UTC))
papers = st.builds(
    Known,
    st.none() | st.sampled_from(["attentionisallyouneed", "attentionisnotallyouneed"]),
    st.lists(names, max_size=3),
    times,
)


@given(papers, papers)
def test_which_of_two_papers_came_first_does_not_matter(one: Known, other: Known) -> None:
    assert why(one, other) == why(other, one)


@given(papers, papers)
def test_papers_of_two_keys_or_none_are_never_suspected(one: Known, other: Known) -> None:
    if one.title_key is None or one.title_key != other.title_key:
        assert why(one, other) is None


@given(st.text(), st.text())
def test_any_two_names_can_be_compared(one: str, other: str) -> None:
    assert same_family(one, other) == same_family(other, one)


# What is stored


def test_a_paper_of_a_known_title_is_a_candidate_with_the_older_first(database: Database) -> None:
    take(database, authors=("Jane Doe",))
    take(database, title=TITLE.upper(), authors=("Doe, J.",))
    assert pairs(database) == [(1, 2, SAME)]
    with database.reading() as conn:
        (found,) = store_candidates.of(conn, 2)
        assert (found.id, found.other_id) == ("doi:10.1000/0", "doi:10.1000/1")
        assert (found.title, found.other_title) == (TITLE, TITLE.upper())
        assert found.found_at == NOON
        assert store_candidates.of(conn, 1) == [found]
        assert store_candidates.of(conn, 3) == []


def test_a_candidate_is_never_merged_by_itself(database: Database) -> None:
    take(database)
    take(database)
    with database.reading() as conn:
        assert len(store_papers.rows_since(conn)) == 2


def test_two_papers_of_one_batch_are_candidates_too(database: Database) -> None:
    batch = [an_entry(number, TITLE) for number in (1, 2)]
    with database.writing() as conn:
        store_papers.take_in(conn, batch, source="a", now=NOON)
    assert pairs(database) == [(1, 2, SILENT)]


def test_a_pair_is_kept_once_however_often_it_is_noted(database: Database) -> None:
    take(database)
    take(database)
    with database.writing() as conn:
        assert store_candidates.note(conn, [2, 1, 2], now=NOON) == 0
    assert len(pairs(database)) == 1


@pytest.mark.parametrize("rows", [(1, 2), (2, 1)])
def test_a_dismissed_pair_does_not_come_back(database: Database, rows: tuple[int, int]) -> None:
    take(database)
    take(database)
    with database.writing() as conn:
        assert store_candidates.dismiss(conn, *rows, now=NOON)
        assert not store_candidates.dismiss(conn, *rows, now=NOON)
        assert store_candidates.note(conn, [1, 2], now=NOON) == 0
        assert store_candidates.of(conn, 1) == []
    assert pairs(database) == []


def test_a_pair_that_nobody_suspected_can_be_told_apart_beforehand(database: Database) -> None:
    take(database, title="A title of its own, and long")
    take(database)
    with database.writing() as conn:
        assert store_candidates.dismiss(conn, 2, 1, now=NOON)
        conn.execute(t.paper.update().values(title_key=title_key(TITLE)))
        assert store_candidates.note(conn, [2], now=NOON) == 0


def test_a_paper_cannot_be_told_from_itself(database: Database) -> None:
    take(database)
    with pytest.raises(ValueError, match="itself"), database.writing() as conn:
        store_candidates.dismiss(conn, 1, 1, now=NOON)


def test_candidates_of_a_merged_paper_go_with_it(database: Database) -> None:
    for _ in range(3):
        take(database)
    assert [pair[:2] for pair in pairs(database)] == [(1, 2), (1, 3), (2, 3)]
    with database.writing() as conn:
        merging.merge(conn, 2, into=1)
    assert [pair[:2] for pair in pairs(database)] == [(1, 3)]


def test_a_title_that_many_papers_bear_makes_no_more_candidates(database: Database) -> None:
    for _ in range(store_candidates.MOST_OF_A_TITLE):
        take(database)
    before = pairs(database)
    assert len(before) == 10
    take(database)
    assert pairs(database) == before


def test_papers_without_a_key_are_no_candidates(database: Database) -> None:
    take(database, title="Editorial")
    take(database, title="Editorial")
    assert pairs(database) == []


ARRIVALS = [
    {"authors": ("Jane Doe", "Bo Chen"), "published_at": NOON - timedelta(days=200)},
    {"authors": ("Chen, B.", "Doe, J."), "published_at": NOON},
    {"authors": (), "published_at": NOON - timedelta(days=4_000)},
    {"authors": ("Ada Lovelace",), "published_at": NOON},
]


@pytest.mark.parametrize("order", list(permutations(range(len(ARRIVALS))))[::5])
def test_the_order_of_arrival_does_not_change_who_is_suspected(
    database: Database, order: tuple[int, ...]
) -> None:
    for place in order:
        take(database, **ARRIVALS[place])
    found = {frozenset((order[one - 1], order[other - 1])) for one, other, _ in pairs(database)}
    assert found == {frozenset((0, 1))}


# The price


@pytest.fixture
def full(database: Database) -> Database:
    """A database with 100,000 papers, of which the last 2,000 have just come."""
    rows = [
        {
            "key": f"arxiv:{n}", "title": f"t{n}", "abstract": "", "authors": ["Jane Doe"],
            "categories": [], "urls": {}, "announce": "new", "first_seen_at": NOON,
            "updated_at": NOON, "title_key": f"titleofsomepapernumber{n % 99_000}",
        }
        for n in range(100_000)
    ]  # fmt: skip
    with database.writing() as conn:
        conn.execute(insert(t.paper), rows)
    return database


def test_two_thousand_new_papers_among_a_hundred_thousand_cost_little(full: Database) -> None:
    new = range(98_001, 100_001)
    with full.writing() as conn:
        begun = time.perf_counter()
        store_candidates.note(conn, new, now=NOON)
        took = time.perf_counter() - begun
    assert len(pairs(full)) == 1_000
    assert took < 1, "0.06 s were measured, most of it for a thousand pairs to write"


@pytest.mark.sqlite("its plan")
def test_the_search_for_a_title_uses_its_index(database: Database) -> None:
    statements: list[Any] = []
    with database.reading() as conn:
        event.listen(conn, "before_cursor_execute", lambda *a: statements.append((a[2], a[3])))
        store_candidates.note(conn, [1, 2], now=NOON)
        plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statements[0][0]}", statements[0][1])
        steps = " / ".join(row[3] for row in plan)
    assert "ix_paper_title_key" in steps
    assert "SCAN paper" not in steps
