"""Votes: kept, taken back, forgotten; and what they do to tomorrow's digest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from notifier.jobs.tastes import Tastes
from notifier.storage import store_digests, store_subscribers, store_votes
from notifier.storage.database import Database
from notifier.storage.store_votes import Kind, StoredVote

from .builders import NOON, an_entry, atom
from .commands import Notifier, notifier
from .test_jobs import MONDAY, Instance
from .test_promises import ARXIV, DOI, subscriber, take

__all__ = ["notifier"]


def vote(database: Database, who: int, paper: int, kind: Kind = "up", *, days: int = 0) -> None:
    with database.writing() as conn:
        store_votes.put(conn, StoredVote(who, paper, kind, NOON + timedelta(days=days)))


def votes(database: Database, who: int, limit: int = 99) -> list[tuple[int, Kind]]:
    with database.reading() as conn:
        return [(one.paper, one.kind) for one in store_votes.of(conn, who, limit=limit)]


# Kept.


def test_of_one_paper_the_last_word_counts(database: Database) -> None:
    take(database, an_entry(1))
    who = subscriber(database)
    for kind in ("up", "saved", "down"):
        vote(database, who, 1, kind)
    assert votes(database, who) == [(1, "down")]


def test_votes_come_back_latest_first_up_to_a_limit(database: Database) -> None:
    take(database, *(an_entry(number) for number in (1, 2, 3)))
    who = subscriber(database)
    for days, paper in enumerate((2, 3, 1)):
        vote(database, who, paper, days=days)
    assert votes(database, who, limit=2) == [(1, "up"), (3, "up")]


def test_a_reset_forgets_the_votes_of_one_subscriber_only(database: Database) -> None:
    take(database, an_entry(1), an_entry(2))
    ada, bo = subscriber(database), subscriber(database, "bo@example.org")
    for who in (ada, bo):
        vote(database, who, 1)
        vote(database, who, 2, "down")
    with database.writing() as conn:
        assert store_votes.reset(conn, ada) == 2
        assert store_votes.reset(conn, ada) == 0
        assert store_votes.voters(conn, [ada, bo]) == {bo}
    assert len(votes(database, bo)) == 2


@pytest.mark.parametrize(("said_of_both", "kept"), [(False, "down"), (True, "up")])
def test_votes_follow_two_papers_that_become_one(
    database: Database, said_of_both: bool, kept: Kind
) -> None:
    take(database, an_entry(aliases=(ARXIV,)), an_entry(aliases=(DOI,), title="Same, in print"))
    who = subscriber(database)
    vote(database, who, 2, "down")
    if said_of_both:
        vote(database, who, 1, "up")
    take(database, an_entry(aliases=(ARXIV, DOI)), source="journal")
    assert votes(database, who) == [(1, kept)]


# What they do to a digest.

RAG = "We study RAG."
GRAPHS = {"id": "2611.00001", "title": "Knowledge graphs and molecules", "abstract": RAG}
SURVEY = {"id": "2611.00002", "title": "A medical survey of patients", "abstract": RAG}
TOMORROW = [
    {"id": "2611.00003", "title": "A survey of patients in medical care", "abstract": RAG},
    {"id": "2611.00004", "title": "Molecules seen as knowledge graphs", "abstract": RAG},
    {"id": "2611.00005", "title": "RAG once more", "abstract": RAG},
]
BEST, PLAIN = "arxiv:2611.00005", ["arxiv:2611.00005", "arxiv:2611.00003", "arxiv:2611.00004"]
LEARNED = ["arxiv:2611.00005", "arxiv:2611.00004", "arxiv:2611.00003"]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path)
    yield made
    made.app.close()


def row(lab: Instance, address: str) -> int:
    return lab.app.subscriptions.get(address).row


def last_digest(lab: Instance, address: str) -> list[str]:
    with lab.app.database.reading() as conn:
        (last,) = store_digests.listed(conn, subscriber=row(lab, address), limit=1)
    return lab.papers(last.key)


def tomorrow(lab: Instance, *said: tuple[int, Kind], learning: bool = True) -> list[str]:
    """Return the papers of the second day's digest, after votes on those of the first."""
    address = lab.reader("ada")
    lab.take(GRAPHS, SURVEY)
    lab.now = MONDAY + timedelta(hours=3)
    lab.app.compose()
    lab.sent()
    for paper, kind in said:
        vote(lab.app.database, row(lab, address), paper, kind)
    lab.app.subscriptions.change(address, now=lab.now, learning=learning)
    lab.now = MONDAY + timedelta(days=1, hours=2)
    lab.take(*TOMORROW)
    lab.now = MONDAY + timedelta(days=1, hours=3)
    lab.app.compose()
    return last_digest(lab, address)


@pytest.mark.parametrize("kind", ["up", "saved"])
def test_a_vote_moves_the_order_of_tomorrow_within_bounds_and_hides_nothing(
    lab: Instance, kind: Kind
) -> None:
    papers = tomorrow(lab, (1, kind))
    assert papers == LEARNED
    assert sorted(papers) == sorted(PLAIN)
    assert papers[0] == BEST  # which fits the rules far better than any vote could mend


def test_a_vote_against_moves_its_like_to_the_end_and_hides_nothing(lab: Instance) -> None:
    assert tomorrow(lab, (2, "down")) == LEARNED


def test_without_votes_the_order_is_what_the_rules_say(lab: Instance) -> None:
    assert tomorrow(lab) == PLAIN


def test_votes_move_nothing_where_learning_is_switched_off(lab: Instance) -> None:
    assert tomorrow(lab, (1, "up"), (2, "down"), learning=False) == PLAIN


def test_votes_move_nothing_in_an_instance_that_gives_them_no_share(tmp_path: Path) -> None:
    lab = Instance(tmp_path, ranking={"learning_share": 0})
    assert tomorrow(lab, (1, "up"), (2, "down")) == PLAIN
    lab.app.close()


def test_one_subscribers_votes_move_nobody_elses_order(lab: Instance) -> None:
    lab.reader("bo")
    assert tomorrow(lab, (1, "up")) == LEARNED
    assert last_digest(lab, "bo@example.org") == PLAIN


def test_after_a_reset_papers_are_liked_as_before_the_first_vote(database: Database) -> None:
    take(database, an_entry(1, "Graphs"), an_entry(2, "Graphs, too"))
    who = subscriber(database)

    def likes() -> dict[int, float] | None:
        with database.reading() as conn:
            ada = store_subscribers.get(conn, who)
            assert ada
            return Tastes(conn, [ada], now=NOON).likes(who, [2])

    assert likes() is None
    vote(database, who, 1)
    liked = likes()
    assert liked
    assert liked[2] > 0.1
    with database.writing() as conn:
        store_votes.reset(conn, who)
    assert likes() is None


# Commands.


@pytest.fixture
def ada(notifier: Notifier) -> Notifier:
    path = notifier.folder / "answer"
    path.write_bytes(atom([GRAPHS, SURVEY]))
    notifier("ingest", "--file", path, "--kind", "arxiv")
    notifier("subscriber", "add", "ada@example.org", "--confirmed")
    return notifier


def said(ada: Notifier, paper: str, what: str) -> str:
    result = ada("subscriber", "vote", "ada@example.org", paper, what)
    assert (result.code, result.out) == (0, "")
    return result.err


def taste(ada: Notifier, *options: str) -> dict[str, object]:
    shown: dict[str, object] = ada(
        "subscriber", "taste", "ada@example.org", "--format", "json", *options
    ).json
    return shown


def test_what_was_learned_is_shown_in_words(ada: Notifier) -> None:
    told = said(ada, "https://arxiv.org/abs/2611.00001v1", "up")
    assert told == "ada@example.org: up, arxiv:2611.00001 Knowledge graphs and molecules\n"
    said(ada, "2611.00002", "down")
    shown = taste(ada)
    assert (shown["address"], shown["learning"]) == ("ada@example.org", True)
    assert shown["votes"] == {"up": 1, "down": 1, "saved": 0}
    more, less = shown["more_of"], shown["less_of"]
    assert isinstance(more, list)
    assert isinstance(less, list)
    assert {"knowledge", "graphs", "molecules"} <= set(more)
    assert {"medical", "survey", "patients"} <= set(less)
    table = ada("subscriber", "taste", "ada@example.org").out
    assert "less_of" in table
    assert "survey" in table


def test_a_vote_is_taken_back_once(ada: Notifier) -> None:
    said(ada, "2611.00001", "saved")
    assert "vote taken back" in said(ada, "2611.00001", "none")
    assert "there was no vote" in said(ada, "2611.00001", "none")
    assert taste(ada)["votes"] == {"up": 0, "down": 0, "saved": 0}
    assert taste(ada)["more_of"] == []


def test_a_reset_tells_how_many_votes_it_forgot_and_a_dry_run_forgets_none(ada: Notifier) -> None:
    said(ada, "2611.00001", "up")
    said(ada, "2611.00002", "down")
    reset = ("subscriber", "taste", "ada@example.org", "--reset")
    dry = ada(*reset, "--dry-run")
    assert dry.err == "ada@example.org: 2 votes would be forgotten\n"
    assert ada(*reset).err == "ada@example.org: 2 votes forgotten\n"
    assert ada(*reset).err == "ada@example.org: 0 votes forgotten\n"
    assert ada("subscriber", "taste", "ada@example.org", "--dry-run").code == 2


def test_learning_is_switched_off_and_on_and_votes_are_kept_meanwhile(ada: Notifier) -> None:
    off = ada("subscriber", "change", "ada@example.org", "--no-learning")
    assert "not learning from votes" in off.err
    assert "votes move nothing before" in said(ada, "2611.00001", "up")
    assert (taste(ada)["learning"], taste(ada)["votes"]) == (
        False, {"up": 1, "down": 0, "saved": 0},
    )  # fmt: skip
    said_so = ada("subscriber", "change", "ada@example.org", "--learning").err
    assert ", learning from votes," in said_so
    show = ada("subscriber", "show", "ada@example.org", "--format", "json").json
    assert show["learning"] is True


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("ada@example.org", "2611.99999", "up"), 4),
        (("bo@example.org", "2611.00001", "up"), 4),
        (("ada@example.org", "2611.00001", "meh"), 2),
    ],
)
def test_a_vote_of_nobody_on_nothing_or_of_no_kind_is_refused(
    ada: Notifier, words: tuple[str, ...], code: int
) -> None:
    assert ada("subscriber", "vote", *words).code == code
