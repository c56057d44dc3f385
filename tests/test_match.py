"""Matches are kept: each paper and each profile is matched once, and again when it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from notifier.app import App
from notifier.jobs import shelves as shelving
from notifier.jobs.compose import compose
from notifier.jobs.match import Matched, Matcher, MatchSettings
from notifier.jobs.searching import word_counts
from notifier.jobs.shelves import Shelf, Shelves
from notifier.storage import match_marks, paper_changes, store_matches, store_papers, store_profiles
from notifier.storage import tables as t

from .builders import a_paper
from .test_jobs import MONDAY, RAG, Instance
from .test_promises import dump

GRAPH = {"id": "2611.00002", "title": "Graphs that remember", "abstract": "Of graphs and RAG."}
DAY = timedelta(days=1)
Kept = dict[tuple[str, str], str]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path)
    yield made
    made.app.close()


def kept(app: App) -> Kept:
    """The lines that hit, by (profile's rules, paper)."""
    with app.database.reading() as conn:
        rules = {row.id: row.rules for row in conn.execute(select(t.profile))}
        found = store_matches.of(conn, list(rules))
    return {(rules[one.profile], one.fit.id): " ".join(map(str, one.lines)) for one in found}


def another(lab: Instance) -> App:
    """Another process on the same database."""
    return App(lab.app.settings, clock=lambda: lab.now)


# New papers.


def test_a_paper_is_matched_when_it_arrives_and_its_rules_are_kept(lab: Instance) -> None:
    rules = "# mine\nremember\nRAG ^2\nforget\n-survey"
    lab.reader("ada", rules)
    lab.app.match()
    lab.take(RAG, GRAPH)
    assert lab.app.match() == Matched(papers=2, profiles=0, matches=2)
    assert kept(lab.app) == {(rules, "arxiv:2611.00001"): "3 4", (rules, "arxiv:2611.00002"): "2 3"}
    with lab.app.database.reading() as conn:
        (first, second) = store_matches.unsent(conn, [1], after=0)
    assert 0 < second.fit.relevance < 1
    assert 0 < first.fit.relevance < 1


def test_matching_again_changes_nothing(lab: Instance) -> None:
    lab.reader("ada", "RAG\ntrending")
    lab.take(RAG, GRAPH)
    lab.take({"id": "2611.00001", "title": "RAGs that forget", "upvotes": 90}, kind="huggingface")
    lab.app.match()
    before = dump(lab.app.database)
    assert lab.app.match() == Matched()
    assert another(lab).match() == Matched()
    assert dump(lab.app.database) == before


def test_a_paper_that_changes_is_matched_again_and_old_matches_of_it_go(lab: Instance) -> None:
    lab.reader("ada", "old idea")
    lab.reader("bo", "new idea")
    lab.take(RAG | {"abstract": "An old idea."})
    lab.app.match()
    assert list(kept(lab.app)) == [("old idea", "arxiv:2611.00001")]
    lab.take(RAG | {"abstract": "A new idea.", "type": "replace", "version": 2})
    lab.app.match()
    assert list(kept(lab.app)) == [("new idea", "arxiv:2611.00001")]


def test_upvotes_alone_are_no_change_of_a_paper(lab: Instance) -> None:
    lab.reader("ada")
    paper = {"id": "2611.00001", "title": "RAGs that forget", "upvotes": 1}
    lab.take(paper, kind="huggingface")
    lab.app.match()
    lab.now += DAY
    lab.take(paper | {"upvotes": 5}, kind="huggingface")
    assert lab.app.match().papers == 0


def test_of_a_batch_the_best_are_kept_and_no_more_than_asked_for(tmp_path: Path) -> None:
    lab = Instance(tmp_path, matching={"keep": 1})
    lab.reader("ada", "RAG")
    lab.app.match()
    lab.take(GRAPH, RAG)
    lab.app.match()
    assert list(kept(lab.app)) == [("RAG", "arxiv:2611.00001")]  # in its title
    lab.app.close()


def test_a_run_that_is_cut_off_is_made_up_for_by_the_next(
    lab: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.reader("ada")
    lab.app.match()
    lab.take(RAG, GRAPH)
    with monkeypatch.context() as broken:
        broken.setattr(match_marks, "set_mark", lambda conn, number, part: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            lab.app.match()
    done = compose(lab.app.database, lab.app.compose_settings, now=MONDAY + timedelta(hours=3))
    assert (done.made, done.unmatched) == (0, 1)
    lab.app.match()
    assert len(kept(lab.app)) == 2


def test_a_digest_waits_for_papers_that_are_not_matched_and_loses_none(lab: Instance) -> None:
    lab.reader("ada")
    lab.app.match()
    lab.take(RAG)
    lab.now += timedelta(hours=3)
    done = compose(lab.app.database, lab.app.compose_settings, now=lab.now)
    assert (done.made, done.nothing, done.unmatched) == (0, 0, 1)
    assert lab.app.compose().made == 1
    assert lab.papers(lab.digests()[0].key) == ["arxiv:2611.00001"]


def test_a_digest_waits_for_a_profile_that_is_not_matched(lab: Instance) -> None:
    address = lab.reader("ada", "nothing of it")
    lab.take(RAG)
    lab.app.match()
    lab.app.subscriptions.add_profile(address, "p", "RAG", now=lab.now, replace=True)
    lab.now += timedelta(hours=3)
    done = compose(lab.app.database, lab.app.compose_settings, now=lab.now)
    assert (done.made, done.nothing, done.unmatched) == (0, 0, 1)
    assert lab.app.compose().made == 1


def test_matches_of_papers_older_than_30_days_are_let_go(lab: Instance) -> None:
    lab.reader("ada")
    lab.take(RAG)
    lab.app.match()
    lab.now += 31 * DAY
    lab.take({"id": "2611.00099", "title": "Trees"})
    another(lab).match()
    assert kept(lab.app) == {}


def test_papers_that_turn_out_to_be_one_have_one_match(lab: Instance) -> None:
    lab.reader("ada")
    lab.take(RAG)
    lab.take({"id": "2611.00009", "title": "RAG twins"})
    lab.app.match()
    assert len(kept(lab.app)) == 2
    with lab.app.database.writing() as conn:
        rows = [row.id for row in conn.execute(select(t.paper.c.id).order_by(t.paper.c.id))]
        store_papers.merge(conn, rows[1], into=rows[0])
    lab.app.match()
    assert list(kept(lab.app)) == [("RAG", "arxiv:2611.00001")]


# Changed profiles.


def test_a_changed_profile_is_matched_with_the_papers_of_30_days(lab: Instance) -> None:
    address = lab.reader("ada", "nothing of it")
    lab.now = MONDAY - 29 * DAY
    lab.take(RAG)
    lab.now = MONDAY - 31 * DAY
    lab.take(GRAPH)
    lab.now = MONDAY
    lab.take({"id": "2611.00099", "title": "Trees"})
    lab.app.match()
    assert kept(lab.app) == {}
    lab.app.subscriptions.add_profile(address, "p", "RAG", now=lab.now, replace=True)
    assert lab.app.match() == Matched(papers=0, profiles=1, matches=1)
    assert list(kept(lab.app)) == [("RAG", "arxiv:2611.00001")]
    assert another(lab).match() == Matched()


def test_old_matches_of_a_changed_profile_go(lab: Instance) -> None:
    address = lab.reader("ada", "RAG")
    lab.take(RAG, GRAPH)
    lab.app.match()
    lab.app.subscriptions.add_profile(address, "p", "remember", now=lab.now, replace=True)
    lab.app.match()
    assert list(kept(lab.app)) == [("remember", "arxiv:2611.00002")]


def test_a_profile_that_changes_while_it_is_matched_is_matched_again(lab: Instance) -> None:
    lab.reader("ada")
    with lab.app.database.writing() as conn:
        (seen,) = store_profiles.unmatched(conn, limit=9)
        assert store_profiles.set_matched(conn, [seen]) == [1]
        store_profiles.set_rules(conn, 1, "p", "graph", now=MONDAY)
        assert store_profiles.set_matched(conn, [seen]) == []
        (again,) = store_profiles.unmatched(conn, limit=9)
    assert (again.rules, again.change > seen.change) == ("graph", True)


def test_matches_for_a_profile_that_changes_meanwhile_are_not_kept(
    lab: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = lab.reader("ada", "RAG")
    lab.app.match()
    lab.take(RAG, GRAPH)
    read = store_papers.load

    def while_reading(conn, rows):  # type: ignore[no-untyped-def]
        with monkeypatch.context() as once:
            once.setattr(store_papers, "load", read)
            lab.app.subscriptions.add_profile(address, "p", "remember", now=lab.now, replace=True)
        return read(conn, rows)

    with monkeypatch.context() as interrupted:
        interrupted.setattr(store_papers, "load", while_reading)
        lab.app.match()
    lab.app.match()
    assert list(kept(lab.app)) == [("remember", "arxiv:2611.00002")]


@pytest.mark.parametrize("how", ["remove profile", "remove subscriber", "leave", "switch off"])
def test_a_profile_that_is_gone_wants_nothing_more(lab: Instance, how: str) -> None:
    address, service = lab.reader("ada"), lab.app.subscriptions
    other = another(lab)
    other.match()
    match how:
        case "remove profile":
            service.remove_profile(address, "p")
        case "remove subscriber":
            service.remove(address)
        case "leave":
            service.leave(1, now=lab.now)
        case _:
            service.add_profile(address, "p", "RAG", now=lab.now, replace=True, enabled=False)
    lab.take(RAG)
    assert other.match() == Matched(papers=1)
    assert kept(lab.app) == {}
    other.close()


def test_who_confirms_later_has_the_matches_of_the_days_before(lab: Instance) -> None:
    lab.app.subscriptions.request("ada@example.org", now=lab.now)
    lab.app.subscriptions.add_profile("ada@example.org", "p", "RAG", now=lab.now)
    lab.take(RAG)
    lab.app.match()
    assert kept(lab.app) == {}
    lab.app.subscriptions.confirm("ada@example.org", now=lab.now, because="asked")
    lab.app.match()
    assert list(kept(lab.app)) == [("RAG", "arxiv:2611.00001")]


def test_two_processes_at_once_keep_each_match_once(lab: Instance) -> None:
    lab.reader("ada")
    lab.take(RAG, GRAPH)
    other = another(lab)
    with lab.app.database.reading():  # an old view of the database is held meanwhile
        lab.app.match()
        other.match()
    assert len(kept(lab.app)) == 2
    other.close()


# Shelves.


def rows_here(shelves: list[Shelf]) -> list[int]:
    return sorted(row for shelf in shelves for row in shelf.rows[shelf.is_here].tolist())


def test_shelves_read_each_paper_once_and_a_changed_one_again(
    lab: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    load = store_papers.load
    monkeypatch.setattr(
        store_papers, "load", lambda conn, rows: read.extend(rows) or load(conn, rows)
    )
    lab.take(RAG, GRAPH)
    read.clear()
    for _ in range(2):  # the second time from the files
        shelves = Shelves(tmp_path / "words")
        with lab.app.database.reading() as conn:
            assert rows_here(shelves.up_to_date(conn)) == [1, 2]
        assert read == [1, 2]
    lab.take(RAG | {"abstract": "Changed.", "type": "replace", "version": 2})
    read.clear()
    with lab.app.database.reading() as conn:
        found = shelves.up_to_date(conn)
        assert rows_here(found) == [1, 2]
        assert rows_here(Shelves(tmp_path / "words").up_to_date(conn)) == [1, 2]
    assert read == [1]
    assert [shelf.is_here.tolist() for shelf in found] == [[False, True], [True]]


def test_papers_of_one_commit_that_fill_several_shelves_are_all_in_the_files(
    lab: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelving, "SHELF_PAPERS", 2)
    lab.take(*({"id": f"2611.{number:05d}", "title": "RAG"} for number in range(1, 6)))
    for _ in range(2):  # the second time from the files
        with lab.app.database.reading() as conn:
            found = Shelves(tmp_path / "words").up_to_date(conn)
        assert rows_here(found) == [1, 2, 3, 4, 5]
        assert len(found) == 3


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"cut off")])
def test_where_a_file_is_missing_or_cut_off_every_paper_is_still_given_out(
    lab: Instance, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    for papers in ((RAG,), (GRAPH,)):
        lab.take(*papers)
        with lab.app.database.reading() as conn:
            Shelves(tmp_path / "words").up_to_date(conn)
    first, _ = sorted((tmp_path / "words").iterdir())
    spoil(first)
    for _ in range(2):
        with lab.app.database.reading() as conn:
            found = Shelves(tmp_path / "words").up_to_date(conn)
        assert rows_here(found) == [1, 2]


def test_many_small_shelves_become_one_and_give_out_the_same(lab: Instance, tmp_path: Path) -> None:
    shelves = Shelves(tmp_path / "words")
    for number in range(1, 12):
        lab.take({"id": f"2611.{number:05d}", "title": f"Paper {number}"})
        with lab.app.database.reading() as conn:
            found = shelves.up_to_date(conn)
        assert rows_here(found) == list(range(1, number + 1))
        assert len(list((tmp_path / "words").iterdir())) == len(found) <= 7


def test_a_paper_that_became_part_of_another_is_given_out_no_more(lab: Instance) -> None:
    lab.take(RAG, GRAPH)
    shelves = Shelves(None)
    with lab.app.database.reading() as conn:
        shelves.up_to_date(conn)
    with lab.app.database.writing() as conn:
        store_papers.merge(conn, 2, into=1)
    with lab.app.database.reading() as conn:
        assert rows_here(shelves.up_to_date(conn)) == [1]


def test_files_of_a_database_that_was_put_back_are_thrown_away(
    lab: Instance, tmp_path: Path
) -> None:
    lab.take(RAG, GRAPH)
    with lab.app.database.reading() as conn:
        Shelves(tmp_path / "words").up_to_date(conn)
        last = paper_changes.last(conn)
    with lab.app.database.writing() as conn:
        conn.execute(t.counter.update().where(t.counter.c.name == "change").values(value=last - 1))
        conn.execute(t.paper.update().values(change=last - 1))
    with lab.app.database.reading() as conn:
        assert rows_here(Shelves(tmp_path / "words").up_to_date(conn)) == [1, 2]
    (path,) = (tmp_path / "words").iterdir()
    assert path.name.startswith(f"{last - 1:012d}")


def test_a_folder_that_cannot_be_written_makes_it_slower_and_not_wrong(
    lab: Instance, tmp_path: Path
) -> None:
    (tmp_path / "words").write_text("a file where the folder would be")
    lab.take(RAG, GRAPH)
    with lab.app.database.reading() as conn:
        assert rows_here(Shelves(tmp_path / "words").up_to_date(conn)) == [1, 2]


def test_a_word_is_counted_in_all_the_ways_it_is_written() -> None:
    papers = [a_paper("Graph graph GRAPH"), a_paper("graphs", row=2)]
    counts = word_counts([shelving.a_shelf(papers), shelving.a_shelf(papers)])
    assert (counts["graph"], counts["graphs"]) == (6, 2)


def test_a_shelf_knows_numbers_and_times_of_its_papers() -> None:
    paper = a_paper("LLM", arrival=4, revision=9, row=7)
    shelf = shelving.a_shelf([paper, replace(paper, row=8, arrival=None, revision=None)])
    assert shelf.numbers.tolist() == [9, 0]
    assert shelf.rows.tolist() == [7, 8]
    assert shelf.first_seen.tolist() == [paper.first_seen_at.timestamp()] * 2


def test_a_stopping_run_leaves_the_rest_to_the_next(lab: Instance) -> None:
    lab.reader("ada")
    lab.take(RAG)
    settings = MatchSettings(9, lab.app.order)
    matcher = Matcher(lab.app.database, settings, Shelves(None))
    assert matcher.run(now=lab.now, stopping=lambda: True) == Matched()
    assert matcher.run(now=lab.now) == Matched(papers=1, profiles=1, matches=2)
    assert list(kept(lab.app)) == [("RAG", "arxiv:2611.00001")]
