"""What comes first: how well a paper fits, how much it is talked about, and the order of both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from notifier.papers.paper import Paper
from notifier.profiles.matching.compiled import Compiled
from notifier.profiles.matching.joining import decide
from notifier.profiles.matching.postings import Floats
from notifier.ranking.order import OrderSettings, Ranked
from notifier.ranking.relevance import Bm25f, WordStatistics
from tests import builders
from tests.builders import NOON, a_batch, a_match, a_paper, relevances

DAY = timedelta(days=1)
STATISTICS = WordStatistics(1_000, {"llm": 400, "agent": 200, "graph": 50, "rag": 10})


def fits(rules: str, title: str = "", abstract: str = "", **values: Any) -> float:
    """Return the relevance of a paper for a profile; 0 where it does not match."""
    paper = a_paper(title, abstract, **values)
    return relevances(rules, [paper], STATISTICS).get(paper.row, 0.0)


# Relevance

WORDS = ["llm", "agent", "graph", "rag", "novel"]
RULES = st.sampled_from(
    [
        "llm", "agent ^2", "graph ^0.5", "rag", '"novel"', "llm agent", "title: graph", "nov*",
        "llm | rag", "agent + graph", "graph ~5 rag", "cat: cs.*", "trending", "author: Ada",
    ]
)  # fmt: skip
TEXTS = st.lists(st.sampled_from([*WORDS, "and"]), max_size=12).map(" ".join)
SEEN = st.sampled_from([None, 0.1, 0.8, 1.0])


PAPERS = st.builds(
    lambda title, abstract, trend: a_paper(title, abstract, trend=trend, categories=("cs.LG",)),
    TEXTS, TEXTS, SEEN,
)  # fmt: skip
PROFILES = st.lists(RULES, min_size=1, max_size=8).map("\n".join)


@given(PROFILES, PAPERS)
def test_relevance_lies_between_nothing_and_one_and_only_matches_have_one(
    rules: str, paper: Paper
) -> None:
    found = relevances(rules, [paper], STATISTICS)
    assert bool(found) == (a_match(rules, paper) is not None)
    assert all(0 < fits < 1 for fits in found.values())


def test_relevance_stays_below_one_however_much_hits() -> None:
    rules = "\n".join(f"w{number} ^10" for number in range(500))
    title = " ".join(f"w{number}" for number in range(500))
    assert fits(rules, title, title) < 1


@given(st.lists(RULES, max_size=6), RULES, TEXTS, TEXTS, SEEN)
def test_one_more_rule_never_lowers_relevance(
    rules: list[str], more: str, title: str, abstract: str, trend: float | None
) -> None:
    before = fits("\n".join(rules), title, abstract, trend=trend)
    assert fits("\n".join([*rules, more]), title, abstract, trend=trend) >= before


@given(st.lists(RULES, min_size=1, max_size=6), TEXTS, TEXTS, st.sampled_from(WORDS))
def test_a_word_found_again_never_lowers_relevance(
    rules: list[str], title: str, abstract: str, word: str
) -> None:
    text = "\n".join(rules)
    assert fits(text, title, f"{abstract} and {word}") >= fits(text, title, abstract)


@given(st.lists(st.sampled_from(["llm", "rag ^2", '"agent"', "llm + rag"]), min_size=1), TEXTS)
def test_a_hit_in_the_title_is_worth_more_than_the_same_in_the_abstract(
    rules: list[str], text: str
) -> None:
    profile = "\n".join(rules)
    in_abstract = fits(profile, "", text)
    assume(in_abstract)
    assert fits(profile, text, "") > in_abstract
    assert fits(profile, text, text) > fits(profile, text, "")


@given(PROFILES, PAPERS, st.sampled_from(WORDS), st.integers(0, 1_000), st.integers(0, 1_000))
def test_a_rarer_word_never_lowers_relevance(
    rules: str, paper: Paper, word: str, one: int, other: int
) -> None:
    rarer, commoner = sorted((one, other))
    with_rarer = WordStatistics(1_000, STATISTICS.with_stem | {word: rarer})
    with_commoner = WordStatistics(1_000, STATISTICS.with_stem | {word: commoner})
    higher, lower = (relevances(rules, [paper], s) for s in (with_rarer, with_commoner))
    assert higher.keys() == lower.keys()
    assert all(higher[row] >= lower[row] for row in higher)


def test_a_rare_word_is_worth_more_than_a_common_one() -> None:
    assert fits("rag", "llm rag") > fits("llm", "llm rag")


def test_the_rarest_word_of_a_phrase_counts() -> None:
    assert fits("rag llm", "rag llm") == fits("rag", "rag llm")


def test_a_weight_counts_and_the_highest_weight_of_a_repeated_rule_does() -> None:
    assert fits("rag ^2", "rag") > fits("rag", "rag") > fits("rag ^0.5", "rag")
    assert fits("rag ^0.5\nrag ^2", "rag") == fits("rag ^2", "rag")


def test_a_category_is_worth_less_than_a_rare_word_and_that_less_than_an_author() -> None:
    paper: dict[str, Any] = {"title": "rag", "categories": ("cs.LG",), "authors": ("Ada Byron",)}
    assert fits("cat: cs.*", **paper) < fits("rag", **paper) < fits("author: Ada Byron", **paper)


def test_either_part_of_an_or_counts_and_both_parts_of_an_and_do() -> None:
    assert fits("rag | llm", "llm rag") == fits("rag", "llm rag")
    assert fits("rag + llm", "llm rag") == fits("rag\nllm", "llm rag")


def test_the_strengths_of_rules_add_up_and_then_saturate() -> None:
    def total(fits: float) -> float:
        return 1.5 * fits / (1 - fits)

    both = total(fits("rag\nllm ^2", "llm rag"))
    assert both == pytest.approx(total(fits("rag", "llm rag")) + 2 * total(fits("llm", "llm rag")))


def test_relevance_asks_only_for_stems_of_what_was_found() -> None:
    asked: set[str] = set()

    def rarities(stems: Sequence[str]) -> Floats:
        asked.update(stems)
        return np.full(len(stems), 0.5)

    profile = Compiled()
    profile.put(1, "fine-tuning LLMs\ngraph ~5 nets\ndiffus*\ncat: cs.*\nnothing of it")
    papers = [a_paper("finetuning LLMs by graph nets, a diffusion")]
    decide(profile.clauses, a_batch(papers), rarities=rarities, strengths=Bm25f())
    assert asked == {"fine", "tune", "llm", "graph", "net", ""}


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_rarity_lies_above_zero_and_is_one_for_the_unheard_of(papers: int, found: int) -> None:
    statistics = WordStatistics(papers, {"known": found})
    assert 0 < statistics.rarity("known") <= 1
    assert statistics.rarity("unheard") == 1


# Order

SETTINGS = OrderSettings()


def ranked(papers: list[Paper], settings: OrderSettings = SETTINGS) -> list[Ranked]:
    """Return the papers that ask for llm, agent or rag in order."""
    return builders.ranked("llm\nagent\nrag ^2\ntrending", papers, STATISTICS, settings)


def rows(papers: list[Paper], settings: OrderSettings = SETTINGS) -> list[int]:
    """Return the papers' rows in order."""
    return [one.row for one in ranked(papers, settings)]


def papers_with(trend: st.SearchStrategy[float | None]) -> st.SearchStrategy[list[Paper]]:
    """Return lists of papers, each with its own row and id, many of them equal otherwise."""
    days = st.sampled_from([-1, 0, 1, 7, 400])
    values = st.tuples(
        st.sampled_from(["llm", "agent", "rag llm", "nothing"]), trend, days,
        st.one_of(st.none(), days),
    )  # fmt: skip
    return st.lists(values, max_size=12).map(
        lambda drawn: [
            a_paper(
                title,
                row=row,
                trend=trend,
                first_seen_at=NOON - seen * DAY,
                published_at=None if published is None else NOON - published * DAY,
            )
            for row, (title, trend, seen, published) in enumerate(drawn)
        ]
    )


@given(papers_with(SEEN), st.randoms(use_true_random=False))
def test_the_order_of_matches_does_not_change_the_ranking(
    papers: list[Paper], random: Random
) -> None:
    assert ranked(random.sample(papers, len(papers))) == ranked(papers)


@given(papers_with(SEEN), st.floats(0, 10), st.integers(1, 1_000))
def test_every_part_of_a_score_lies_between_nothing_and_one_and_the_best_is_first(
    papers: list[Paper], trend_weight: float, hours: int
) -> None:
    order = ranked(papers, OrderSettings(trend_weight, timedelta(hours=hours)))
    for one in order:
        assert all(0 <= part <= 1 for part in (one.fit.relevance, one.freshness, one.score))
    scores = [one.score for one in order]
    assert scores == sorted(scores, reverse=True)


@given(papers_with(st.none()), st.floats(0, 10))
def test_without_signals_the_weight_of_trend_changes_no_place(
    papers: list[Paper], trend_weight: float
) -> None:
    assert rows(papers, OrderSettings(trend_weight)) == rows(papers, OrderSettings(0.0))


def at(row: int, title: str = "llm", **values: Any) -> Paper:
    """Return a paper that is wanted."""
    return a_paper(title, row=row, **values)


def test_equal_scores_fall_to_the_newer_paper() -> None:
    dated = [at(1, published_at=NOON - 2 * DAY), at(2, published_at=NOON - DAY)]
    assert rows(dated) == [2, 1]


def test_a_paper_without_a_date_is_as_new_as_when_it_was_first_seen() -> None:
    papers = [at(1, published_at=NOON - DAY), at(2), at(3, published_at=NOON + DAY)]
    assert rows(papers) == [3, 2, 1]


def test_equal_scores_and_dates_fall_to_the_smaller_id() -> None:
    assert rows([at(3), at(1), at(2)]) == [1, 2, 3]


def test_the_better_fit_comes_first() -> None:
    assert rows([at(1, "llm"), at(2, "rag")]) == [2, 1]


def test_of_two_equal_papers_the_one_talked_about_comes_first() -> None:
    assert rows([at(1), at(2, trend=0.1)]) == [2, 1]


def test_trend_of_no_weight_moves_nothing_that_was_asked_by_words() -> None:
    settings = OrderSettings(trend_weight=0.0)
    assert rows([at(1), at(2, trend=0.5)], settings) == [1, 2]


def test_a_paper_of_one_half_life_ago_is_worth_half() -> None:
    new, old = ranked([at(1), at(2, first_seen_at=NOON - 7 * DAY)])
    assert (new.freshness, old.freshness) == (1.0, 0.5)
    assert old.score == pytest.approx(new.score / 2)


def test_a_paper_first_seen_in_the_future_is_brand_new() -> None:
    (one,) = ranked([at(1, first_seen_at=NOON + DAY)])
    assert one.freshness == 1.0


@pytest.mark.parametrize("half_life", [timedelta(0), -DAY])
def test_a_half_life_that_is_not_positive_is_refused(half_life: timedelta) -> None:
    with pytest.raises(ValueError, match="half-life"):
        ranked([], OrderSettings(half_life=half_life))


def test_the_score_is_the_product_its_parts_say() -> None:
    now: datetime = NOON
    (one,) = ranked([at(1, trend=0.5, first_seen_at=now - 7 * DAY)])
    assert one.score == pytest.approx(one.fit.relevance * (1 + 0.3 * 0.5) / 1.3 * 0.5)
