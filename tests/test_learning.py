"""What somebody's votes say of papers: bounded, the same however they come, hiding nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.ranking import learning
from notifier.ranking.learning import NO_TASTE, Features, Pile, Taste, Vote, like, likes, taste
from notifier.ranking.order import Fit, OrderSettings, rank
from notifier.ranking.relevance import WordStatistics
from notifier.ranking.told import told

from .builders import NOON, a_paper

STATISTICS = WordStatistics(
    1_000, {"the": 990, "method": 500, "survey": 60, "medic": 40, "graph": 50, "rag": 10}
)
WORDS = ["the", "method", "survey", "medical", "graph", "RAG", "novel", "fine-tuning", "Müller"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join) | st.text(max_size=12)


def a_vector(title: str, abstract: str = "") -> Features:
    return learning.features(learning.counted(title, abstract), STATISTICS)


def a_vote(title: str, is_up: bool = True, *, days: int = 0) -> Vote:
    return Vote(a_vector(title), is_up, NOON + timedelta(days=days))


def a_taste(ups: Sequence[str] = (), downs: Sequence[str] = ()) -> Taste:
    votes = [*(a_vote(text) for text in ups), *(a_vote(text, False) for text in downs)]
    return taste(votes, STATISTICS)


VOTES = st.lists(st.builds(a_vote, TEXTS, st.booleans(), days=st.integers(0, 3)), max_size=8)


@given(VOTES, TEXTS, TEXTS)
def test_how_much_a_paper_is_liked_lies_between_minus_one_and_one(
    votes: list[Vote], title: str, abstract: str
) -> None:
    assert -1 <= like(taste(votes, STATISTICS), a_vector(title, abstract)) <= 1


@given(VOTES, st.randoms(use_true_random=False))
def test_the_order_of_votes_does_not_matter_to_the_last_bit(
    votes: list[Vote], random: Random
) -> None:
    shuffled = random.sample(votes, len(votes))
    one, other = taste(votes, STATISTICS), taste(shuffled, STATISTICS)
    assert one == other


def test_the_latest_votes_count_whatever_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "MOST_VOTES", 2)
    votes = [a_vote("survey", days=1), a_vote("graph", days=2), a_vote("RAG", days=3)]
    latest = taste(votes[1:], STATISTICS)
    assert taste(votes, STATISTICS) == taste(votes[::-1], STATISTICS) == latest


def test_of_votes_of_one_moment_always_the_same_ones_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learning, "MOST_VOTES", 2)
    votes = [a_vote(text) for text in ("survey", "graph", "RAG")]
    assert taste(votes, STATISTICS) == taste(votes[::-1], STATISTICS)


@given(VOTES, st.lists(TEXTS, max_size=6), st.randoms(use_true_random=False))
def test_a_paper_is_liked_alike_whichever_papers_are_beside_it(
    votes: list[Vote], texts: list[str], random: Random
) -> None:
    mine = taste(votes, STATISTICS)
    vectors = [a_vector(text) for text in texts]
    alone = [like(mine, vector) for vector in vectors]
    assert likes(mine, Pile.of(vectors)).tolist() == pytest.approx(alone, abs=1e-12)


@given(TEXTS)
def test_without_votes_no_paper_is_liked_more_than_another(text: str) -> None:
    assert like(NO_TASTE, a_vector(text)) == like(a_taste(), a_vector(text)) == 0


@given(VOTES)
def test_a_paper_without_a_text_is_neither_liked_nor_disliked_and_teaches_nothing(
    votes: list[Vote],
) -> None:
    mine = taste(votes, STATISTICS)
    assert like(mine, a_vector("", " - ")) == 0
    assert taste([*votes, a_vote("", True), a_vote("...", False)], STATISTICS) == mine


def test_an_empty_instance_learns_without_a_word_of_statistics() -> None:
    nothing = WordStatistics(0, {})
    vector = learning.features(learning.counted("RAG", ""), nothing)
    assert like(taste([Vote(vector, True, NOON)], nothing), vector) > 0


def test_a_paper_like_one_voted_for_is_liked_and_another_is_not() -> None:
    mine = a_taste(["graph RAG"])
    assert like(mine, a_vector("on RAG with the graph")) > 0.3
    assert like(mine, a_vector("the method")) < 0


def test_what_every_paper_holds_says_nothing() -> None:
    mine = a_taste(["the method of RAG"])
    assert like(mine, a_vector("RAG")) > 5 * abs(like(mine, a_vector("the")))


def test_a_word_in_the_title_says_more_than_in_the_abstract() -> None:
    mine = a_taste(["RAG"])
    in_title = like(mine, a_vector("RAG survey", "novel medical graph"))
    assert in_title > like(mine, a_vector("novel survey", "RAG medical graph"))


@given(st.lists(TEXTS, max_size=5), TEXTS, TEXTS)
def test_the_first_vote_against_raises_no_paper(ups: list[str], down: str, paper: str) -> None:
    vector = a_vector(paper)
    assert like(a_taste(ups, [down]), vector) <= like(a_taste(ups), vector)


def test_a_vote_against_lowers_papers_like_it_and_leaves_others_where_they_were() -> None:
    before, after = a_taste(["graph RAG"]), a_taste(["graph RAG"], ["a medical survey of RAG"])
    survey, graph = a_vector("medical survey"), a_vector("graph RAG")
    assert like(after, survey) < like(before, survey) - 0.3
    assert like(after, graph) == like(before, graph)


def test_more_votes_for_the_same_say_it_louder() -> None:
    paper = a_vector("the method of RAG", "a novel survey of medical graph")
    louder = [like(a_taste(["graph"] * many), paper) for many in (1, 3, 9)]
    assert 0 < louder[0] < louder[1] < louder[2]


SHARES = st.floats(0, 0.5)
SCORES = st.floats(1e-6, 1)
LIKES = st.floats(-1, 1)


@given(SCORES, LIKES, SHARES)
def test_a_score_moves_within_the_share_and_never_to_nothing(
    score: float, liked: float, share: float
) -> None:
    moved = learning.lifted(score, liked, share)
    assert abs(moved - score) <= share * score * (1 + 1e-9)
    assert moved > 0


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_could_hide_a_paper_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        learning.lifted(1.0, 0.0, share)


def fits(relevances: Sequence[float]) -> list[Fit]:
    return [Fit.of(a_paper(row=row), found) for row, found in enumerate(relevances, 1)]


@given(st.lists(st.tuples(SCORES, LIKES), max_size=9), SHARES)
def test_votes_hide_no_paper_and_overtake_only_within_the_share(
    drawn: list[tuple[float, float]], share: float
) -> None:
    papers = fits([score for score, _ in drawn])
    settings = OrderSettings(learning_share=share)
    plain = rank(papers, now=NOON, settings=settings)
    liked = {row: one for row, (_, one) in enumerate(drawn, 1)}
    moved = rank(papers, now=NOON, settings=settings, likes=liked)
    assert {one.row for one in moved} == {one.row for one in plain}
    before = {one.row: one.score for one in plain}
    for place, first in enumerate(moved):
        for behind in moved[place + 1 :]:
            most = (1 + share) / (1 - share) * before[first.row]
            assert before[behind.row] <= most * (1 + 1e-9)


def test_without_a_taste_the_order_is_what_it_was_to_the_last_bit() -> None:
    papers = fits([0.3, 0.5, 0.4])
    settings = OrderSettings()
    plain = rank(papers, now=NOON, settings=settings)
    assert rank(papers, now=NOON, settings=settings, likes=None) == plain
    assert {one.like for one in plain} == {None}


def test_a_ranked_paper_tells_its_like_and_its_score_is_the_product_of_its_parts() -> None:
    settings = OrderSettings(trend_weight=0.0)
    (one,) = rank(fits([0.4]), now=NOON, settings=settings, likes={1: -0.5})
    assert one.like == -0.5
    assert one.score == pytest.approx(0.4 * (1 - 0.25 * 0.5))


# What was learned, in words


def words(ups: Sequence[str], downs: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    return told(a_taste(ups, downs), [*ups, *downs], STATISTICS.rarity)


def test_a_taste_is_told_in_words_strongest_first_without_those_that_all_papers_hold() -> None:
    more, less = words(["the graph", "a graph of RAG"], ["the medical survey"])
    assert more == ["graph", "RAG"]
    assert sorted(less) == ["medical", "survey"]


def test_a_word_of_papers_voted_for_and_against_is_not_told_as_unwanted() -> None:
    assert words(["RAG graph"], ["RAG survey"])[1] == ["survey"]


def test_a_word_that_papers_voted_for_hold_seldom_is_not_told_as_unwanted() -> None:
    assert words(["graph RAG of a survey", *["graph RAG"] * 20])[1] == []


def test_a_stem_is_told_as_it_is_most_often_written() -> None:
    assert words(["Agents", "agents, agent"])[0] == ["agents"]
    assert sorted(words(["Fine-tuning mRNAs"])[0]) == ["fine", "fine-tuning", "mRNA", "tuning"]


def test_no_more_words_are_told_than_asked_for_and_none_of_no_votes() -> None:
    mine = a_taste(["graph RAG agent survey"], ["medical novel imaging"])
    more, less = told(mine, (), STATISTICS.rarity, most=2)
    assert (len(more), len(less)) == (2, 2)
    assert told(NO_TASTE, ["graph"], STATISTICS.rarity) == ([], [])


@given(st.lists(TEXTS, max_size=5), st.lists(TEXTS, max_size=3))
def test_no_word_is_wanted_and_unwanted_at_once(ups: list[str], downs: list[str]) -> None:
    more, less = words(ups, downs)
    assert not set(more) & set(less)
