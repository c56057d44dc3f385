"""Which papers a digest holds: each once, in fair turns, where it ranks best."""

from __future__ import annotations

from collections.abc import Mapping, Set

from hypothesis import given
from hypothesis import strategies as st

from notifier.digests.choose import Choice, choose
from notifier.ranking.order import Fit, Ranked

from .builders import a_paper

# A profile's matches as paper row -> score.
Scores = Mapping[int, float]
profile_scores = st.dictionaries(
    st.integers(1, 12), st.sampled_from([0.1, 0.3, 0.5, 0.5, 0.9]), max_size=8
)
wishes = st.dictionaries(st.sampled_from("abcd"), profile_scores, max_size=4)
limits = st.integers(1, 14)


def chosen(max_papers: int = 12, late: Set[int] = frozenset(), /, **profiles: Scores) -> Choice:
    """Choose from profiles given as row -> score, each ranked best first."""
    ranked = [
        (name, [_ranked(row, score) for row, score in sorted(scores.items(), key=_best_first)])
        for name, scores in profiles.items()
    ]
    return choose(ranked, max_papers=max_papers, late=late)


def _best_first(pair: tuple[int, float]) -> tuple[float, int]:
    return -pair[1], pair[0]


def _ranked(row: int, score: float) -> Ranked:
    return Ranked(Fit.of(a_paper(row=row), score), 1.0, score)


def rows(choice: Choice) -> dict[str, list[int]]:
    return {
        section.profile: [item.ranked.row for item in section.items] for section in choice.sections
    }


def also(choice: Choice) -> dict[int, tuple[str, ...]]:
    return {item.ranked.row: item.also for item in choice.items}


# Examples.


def test_profiles_take_turns_with_their_best_papers() -> None:
    choice = chosen(4, many={1: 0.9, 2: 0.8, 3: 0.7, 4: 0.6}, few={5: 0.2}, some={6: 0.3, 7: 0.1})
    assert rows(choice) == {"many": [1, 2], "few": [5], "some": [6]}
    assert choice.more == 3


def test_a_profile_without_more_papers_leaves_its_turns_to_the_others() -> None:
    assert rows(chosen(4, few={1: 0.1}, many={2: 0.9, 3: 0.8, 4: 0.7, 5: 0.6})) == {
        "few": [1],
        "many": [2, 3, 4],
    }


def test_a_paper_stands_where_it_ranks_best_and_names_the_other_profiles() -> None:
    choice = chosen(a={1: 0.2, 2: 0.9}, b={1: 0.7}, c={1: 0.3, 3: 0.1})
    assert rows(choice) == {"a": [2], "b": [1], "c": [3]}
    assert also(choice) == {2: (), 1: ("a", "c"), 3: ()}


def test_of_equal_scores_the_first_profile_is_the_home() -> None:
    assert rows(chosen(b={1: 0.5}, a={1: 0.5})) == {"b": [1]}
    assert rows(chosen(a={1: 0.5}, b={1: 0.5})) == {"a": [1]}


def test_the_first_profiles_have_the_turn_where_places_are_few() -> None:
    assert rows(chosen(2, c={1: 0.1}, a={2: 0.9}, b={3: 0.5})) == {"c": [1], "a": [2]}


def test_a_profile_whose_papers_stand_elsewhere_has_no_section() -> None:
    choice = chosen(a={1: 0.9}, b={1: 0.1})
    assert rows(choice) == {"a": [1]}
    assert also(choice) == {1: ("b",)}


def test_of_papers_passed_over_before_the_best_have_a_quarter_of_the_room() -> None:
    news = dict.fromkeys(range(1, 10), 0.9)
    late = {20: 0.1, 21: 0.3, 22: 0.2}
    choice = chosen(8, set(late), a=news | late)
    assert rows(choice) == {"a": [1, 2, 3, 4, 5, 6, 21, 22]}
    assert choice.more == 3  # those passed over were counted on their day


def test_papers_passed_over_before_fill_the_room_that_news_leave() -> None:
    choice = chosen(4, {20, 21, 22, 23}, a={1: 0.9, 20: 0.1, 21: 0.2}, b={22: 0.95, 23: 0.3})
    assert rows(choice) == {"a": [1, 21], "b": [22, 23]}
    assert choice.more == 0


def test_no_match_is_an_empty_choice() -> None:
    assert chosen(a={}, b={}) == Choice(())
    assert choose([], max_papers=5) == Choice(())


# Properties.


@given(wishes, limits)
def test_each_paper_stands_once_and_no_more_than_the_limit(
    profiles: dict[str, Scores], limit: int
) -> None:
    found = [row for some in rows(chosen(limit, **profiles)).values() for row in some]
    assert len(found) == len(set(found)) <= limit


@given(wishes, limits)
def test_no_place_stays_empty_while_papers_wait_and_more_counts_them(
    profiles: dict[str, Scores], limit: int
) -> None:
    wanted = {row for scores in profiles.values() for row in scores}
    choice = chosen(limit, **profiles)
    assert len(choice.items) == min(limit, len(wanted))
    assert choice.more == len(wanted) - len(choice.items)


@given(wishes, limits)
def test_every_paper_stands_where_its_score_is_highest(
    profiles: dict[str, Scores], limit: int
) -> None:
    for name, found in rows(chosen(limit, **profiles)).items():
        for row in found:
            best = max(scores.get(row, 0) for scores in profiles.values())
            homes = [other for other, scores in profiles.items() if scores.get(row) == best]
            assert name == homes[0]


@given(wishes, limits)
def test_a_paper_names_exactly_the_other_profiles_that_want_it(
    profiles: dict[str, Scores], limit: int
) -> None:
    choice = chosen(limit, **profiles)
    for name, found in rows(choice).items():
        for row in found:
            others = [o for o, scores in profiles.items() if row in scores and o != name]
            assert also(choice)[row] == tuple(others)


@given(wishes, limits)
def test_a_section_is_the_best_of_its_profile_in_order(
    profiles: dict[str, Scores], limit: int
) -> None:
    everything = rows(chosen(100, **profiles))
    for name, found in rows(chosen(limit, **profiles)).items():
        assert found == everything[name][: len(found)]


@given(wishes, limits)
def test_no_profile_gets_two_places_more_than_one_that_still_has_papers(
    profiles: dict[str, Scores], limit: int
) -> None:
    everything = rows(chosen(100, **profiles))
    got = {name: len(rows(chosen(limit, **profiles)).get(name, ())) for name in everything}
    waiting = [name for name in everything if got[name] < len(everything[name])]
    assert all(got[other] <= got[name] + 1 for name in waiting for other in everything)


@given(wishes, limits)
def test_sections_stand_in_the_order_of_the_profiles(
    profiles: dict[str, Scores], limit: int
) -> None:
    names = list(rows(chosen(limit, **profiles)))
    assert names == [name for name in profiles if name in names]


@given(wishes, limits, st.sets(st.integers(1, 12)))
def test_papers_passed_over_before_take_no_more_than_their_part_from_the_news(
    profiles: dict[str, Scores], limit: int, late: set[int]
) -> None:
    wanted = {row for scores in profiles.values() for row in scores}
    found = {item.ranked.row for item in chosen(limit, late, **profiles).items}
    news = len(wanted - late)
    assert len(found & late) == min(len(wanted & late), max(limit // 4, 1, limit - news))
    assert len(found - late) == min(news, limit - len(found & late))
