"""Processes share the matching, each a part of the profiles: nobody and no paper is left out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from notifier.jobs import match, shelves
from notifier.jobs.match import Matched, Matcher, MatchSettings
from notifier.jobs.shelves import Shelves
from notifier.storage import match_marks, match_rows, store_matches
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.part import ALL, Part, reached

from .test_jobs import MONDAY, RAG, Instance

pytestmark = pytest.mark.both
DAY = timedelta(days=1)
PAPERS = [{"id": f"2611.{number:05d}", "title": f"RAG {number}"} for number in range(1, 6)]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path)
    yield made
    made.app.close()


def matcher(lab: Instance, part: Part = ALL, keep: int = 9) -> Matcher:
    return Matcher(lab.app.database, MatchSettings(keep, lab.app.order), Shelves(None), part)


def wanted(database: Database, *profiles: int) -> list[tuple[int, str]]:
    """Who wants which paper."""
    with database.reading() as conn:
        every = profiles or conn.scalars(select(t.profile.c.id))
        found = store_matches.of(conn, list(every))
    return sorted((one.profile, one.fit.id) for one in found)


def blocks(database: Database, *conditions) -> int:  # type: ignore[no-untyped-def]
    with database.reading() as conn:
        found = conn.scalar(select(func.count()).select_from(t.match).where(*conditions))
    return found or 0


def is_current(lab: Instance) -> bool:
    with lab.app.database.reading() as conn:
        return match_marks.is_current(conn)


# Parts.


@given(
    st.dictionaries(
        st.integers(1, 6).flatmap(lambda of: st.builds(Part, st.integers(0, of - 1), st.just(of))),
        st.integers(0, 5),
    ),
    st.integers(1, 6),
    st.data(),
)
def test_a_part_has_come_as_far_as_the_last_of_its_profiles(
    marks: dict[Part, int], of: int, data: st.DataObject
) -> None:
    part = Part(data.draw(st.integers(0, of - 1)), of)
    furthest = [
        max((mark for one, mark in marks.items() if row % one.of == one.number), default=0)
        for row in range(60)
        if row % of == part.number
    ]
    assert reached(marks, part) == min(furthest)


@pytest.mark.parametrize(("number", "of"), [(1, 1), (-1, 2), (3, 3), (0, 0)])
def test_there_is_no_part_beyond_the_last(number: int, of: int) -> None:
    with pytest.raises(ValueError, match=f"no part {number} of {of}"):
        Part(number, of)


def test_parts_together_find_what_one_process_finds(lab: Instance) -> None:
    for name in ("ada", "bo", "cy", "di", "eva"):
        lab.reader(name)
    parts = [matcher(lab, Part(number, 2)) for number in range(2)]
    lab.take(RAG)
    assert [one.run(now=lab.now).profiles for one in parts] == [2, 3]
    lab.take(*PAPERS)
    assert parts[0].run(now=lab.now) == Matched(papers=5, profiles=0, matches=10)
    assert not is_current(lab)
    assert {profile for profile, paper in wanted(lab.app.database) if "00005" in paper} == {2, 4}
    assert parts[1].run(now=lab.now) == Matched(papers=5, profiles=0, matches=15)
    assert is_current(lab)
    assert len(wanted(lab.app.database)) == 5 * 5
    assert matcher(lab).run(now=lab.now) == Matched()


def test_how_many_parts_there_are_may_change_at_any_time(lab: Instance) -> None:
    for name in ("ada", "bo", "cy", "di", "eva", "flo"):
        lab.reader(name)
    matcher(lab).run(now=lab.now)
    for number, part in enumerate((Part(0, 2), Part(2, 3), Part(1, 4), Part(0, 3), Part(1, 2))):
        lab.take(PAPERS[number])
        matcher(lab, part).run(now=lab.now)
    for number in range(3):
        matcher(lab, Part(number, 3)).run(now=lab.now)
        assert is_current(lab) == (number == 2)
    assert len(wanted(lab.app.database)) == 6 * 5
    lab.take(RAG | {"id": "2611.00009"})
    for number in range(3):
        matcher(lab, Part(number, 3)).run(now=lab.now)
    with lab.app.database.reading() as conn:
        names = t.counter.c.name
        marks = conn.scalars(select(names).where(names.startswith("matched change"))).all()
    assert set(marks) == {f"matched change {number}/3" for number in range(3)}
    assert matcher(lab).run(now=lab.now) == Matched()
    assert len(wanted(lab.app.database)) == 6 * 6


def test_a_mark_never_goes_back(lab: Instance) -> None:
    with lab.app.database.writing() as conn:
        match_marks.set_mark(conn, 7)
        match_marks.set_mark(conn, 5, Part(1, 2))
        match_marks.set_mark(conn, 5)
        assert match_marks.mark(conn) == match_marks.mark(conn, Part(1, 2)) == 7
        match_marks.set_mark(conn, 9, Part(1, 2))
        assert match_marks.mark(conn) == 7
        assert match_marks.mark(conn, Part(3, 4)) == match_marks.highest(conn) == 9


def test_what_is_asked_beside_the_work_leaves_the_parts_in_memory(lab: Instance) -> None:
    lab.reader("ada")
    parts = [lab.app.matchers.of(Part(number, 2)) for number in range(2)]
    subscriber = lab.app.subscriptions.get("ada@example.org")
    assert lab.app.preview(subscriber).papers == ()
    assert [lab.app.matchers.of(Part(number, 2)) for number in range(2)] == parts
    assert lab.app.matchers.of(Part(0, 3)) not in parts
    assert lab.app.matchers.of(Part(0, 2)) is not parts[0], "another division is let go of"


# Processes at once.


def test_who_is_matched_while_others_match_new_papers_gets_these_too(
    lab: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.take(RAG)
    other, mine = matcher(lab), matcher(lab)
    other.run(now=lab.now)
    lab.reader("ada")  # whom the other has not heard of
    up_to_date = Shelves.up_to_date

    def meanwhile(self: Shelves, conn, **options):  # type: ignore[no-untyped-def]
        with monkeypatch.context() as once:
            once.setattr(Shelves, "up_to_date", up_to_date)
            lab.take(PAPERS[1])
            assert other._new_papers(Matched(), lab.now)
        monkeypatch.setattr(Shelves, "up_to_date", up_to_date)
        return up_to_date(self, conn, **options)

    monkeypatch.setattr(Shelves, "up_to_date", meanwhile)
    assert mine.run(now=lab.now).profiles == 1
    assert [paper for _, paper in wanted(lab.app.database)] == [
        "arxiv:2611.00001", "arxiv:2611.00002",
    ]  # fmt: skip


def test_who_came_while_a_process_slept_is_matched_by_it_with_new_papers(lab: Instance) -> None:
    lab.reader("ada")
    lab.take(RAG)
    slow, other = matcher(lab), matcher(lab)
    slow.run(now=lab.now)
    lab.reader("bo")
    other.run(now=lab.now)
    lab.take(PAPERS[1])
    assert slow._new_papers(Matched(), lab.now)
    assert is_current(lab)
    assert len(wanted(lab.app.database)) == 2 * 2


class Killed(Exception):
    """A process ends where it stands."""


def step_by_step(lab: Instance, step: Callable[[int], None]) -> Matcher:
    """A process that writes a profile's matches at a time; `step` is called before each."""
    one, steps = matcher(lab), itertools.count()
    does = one._wanted

    def each(*arguments: Any, **named: Any) -> Iterator[match_rows.Found]:
        for found in does(*arguments, **named):
            for profile in np.unique(found.profiles):
                step(next(steps))
                yield found.at(np.flatnonzero(found.profiles == profile))

    one._wanted = each  # type: ignore[method-assign]
    return one


def test_two_who_match_the_same_lose_nothing_wherever_one_sleeps_and_whoever_is_killed(
    lab: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.reader("ada")
    lab.reader("bo")
    matcher(lab).run(now=lab.now)
    monkeypatch.setattr("notifier.jobs.match.parts", lambda rows: [[row] for row in rows])
    ends = itertools.product(range(5), (1, 5, 9), (2, 4, 9))  # of six steps each
    for number, (sleeps_at, other_ends_at, ends_at) in enumerate(ends):
        lab.take(*(RAG | {"id": f"2611.{3 * number + paper:05d}"} for paper in range(3)))

        def other_step(step: int, end: int = other_ends_at) -> None:
            if step == end:
                raise Killed

        def slow_step(step: int, sleep: int = sleeps_at, end: int = ends_at) -> None:
            if step == sleep:
                with suppress(Killed):
                    step_by_step(lab, other_step).run(now=lab.now)
            if step == end:
                raise Killed

        with suppress(Killed):
            step_by_step(lab, slow_step).run(now=lab.now)
        matcher(lab).run(now=lab.now)
        assert len(wanted(lab.app.database)) == 2 * 3 * (number + 1), (sleeps_at, other_ends_at)


def test_what_others_have_matched_since_a_profile_was_looked_at_stays(lab: Instance) -> None:
    lab.reader("ada")
    matcher(lab).run(now=lab.now)
    lab.take(RAG)
    matcher(lab).run(now=lab.now)
    with lab.app.database.writing() as conn:
        store_matches.put_own(conn, [1], match_rows.together([]), change=0)
    assert len(wanted(lab.app.database)) == 1
    with lab.app.database.writing() as conn:
        store_matches.put_own(conn, [1], match_rows.together([]), change=1)
    assert wanted(lab.app.database) == []


# Blocks.


def test_papers_of_one_commit_that_fill_several_shelves_are_all_matched(
    lab: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelves, "SHELF_PAPERS", 2)
    monkeypatch.setattr(match, "SHELF_PAPERS", 2)
    lab.reader("ada")
    matcher(lab).run(now=lab.now)
    lab.take(*PAPERS)
    assert matcher(lab).run(now=lab.now) == Matched(papers=5, matches=5)
    assert len(wanted(lab.app.database)) == 5
    assert blocks(lab.app.database) == 1


def test_what_trends_is_added_once_however_many_processes_look(lab: Instance) -> None:
    lab.reader("ada", "trending")
    lab.reader("bo", "RAG\ntrending")
    many = [{"id": f"2611.0002{n}", "title": f"T{n}", "upvotes": n} for n in range(9)]
    lab.take(*many, {"id": "2611.00001", "title": "RAG", "upvotes": 0}, kind="huggingface")
    matcher(lab).run(now=lab.now)
    with lab.app.database.reading() as conn:
        (row,) = conn.scalars(select(t.paper.c.id).where(t.paper.c.title == "RAG"))
        assert store_matches.trending(conn, [1, 2], row) == set()
    lab.now += timedelta(hours=20)
    lab.take({"id": "2611.00001", "title": "RAG", "upvotes": 200}, kind="huggingface")
    matcher(lab).run(now=lab.now)
    before = blocks(lab.app.database)
    for _ in range(3):
        lab.now += timedelta(hours=1)
        lab.take({"id": f"2611.0009{lab.now.hour}", "title": "Trees"})
        matcher(lab).run(now=lab.now)
    assert blocks(lab.app.database) == before
    with lab.app.database.reading() as conn:
        found = store_matches.unsent(conn, [1, 2], after=99, trending=[row])
        assert store_matches.trending(conn, [1, 2], row) == {1, 2}
        assert store_matches.rules(conn, 2, [row]) == {row: (1,)}  # as when it was matched first
    assert [(one.profile, one.trending) for one in found] == [(1, True), (2, True)]


@pytest.mark.parametrize("how", ["profile", "subscriber"])
def test_nothing_is_kept_of_who_is_removed(lab: Instance, how: str) -> None:
    address = lab.reader("ada")
    lab.take(RAG)
    lab.app.match()
    lab.take(*PAPERS)
    lab.app.match()
    assert blocks(lab.app.database) == 2
    if how == "profile":
        lab.app.subscriptions.remove_profile(address, "p")
    else:
        lab.app.subscriptions.remove(address)
    assert blocks(lab.app.database) == 0


def test_blocks_go_when_all_their_papers_are_too_old(lab: Instance) -> None:
    lab.take(RAG)
    lab.now += 10 * DAY
    lab.reader("ada")
    lab.take(PAPERS[1])
    matcher(lab).run(now=lab.now)  # what ada wants of all papers
    lab.take(PAPERS[2])
    matcher(lab).run(now=lab.now)
    assert len(wanted(lab.app.database)) == 3
    lab.now = MONDAY + 31 * DAY
    lab.take({"id": "2612.00001", "title": "RAG and trees"})
    matcher(lab).run(now=lab.now)
    assert len(wanted(lab.app.database)) == 3  # the first is too old
    assert blocks(lab.app.database) == 3
    lab.now = MONDAY + 41 * DAY
    lab.take({"id": "2612.00002", "title": "RAG and woods"})
    matcher(lab).run(now=lab.now)
    assert len(wanted(lab.app.database)) == 2
    assert blocks(lab.app.database) == blocks(lab.app.database, t.match.c.day > match_rows.OWN) == 2


def test_a_block_that_cannot_be_read_costs_only_what_is_in_it(lab: Instance) -> None:
    lab.reader("ada")
    lab.reader("bo")
    lab.app.match()
    lab.take(RAG)
    lab.app.match()
    with lab.app.database.writing() as conn:
        conn.execute(update(t.match).where(t.match.c.profile_id == 1).values(packed=b"\xffrust"))
    assert [profile for profile, _ in wanted(lab.app.database)] == [2]
    lab.now += timedelta(hours=3)
    assert lab.app.compose().made == 1
