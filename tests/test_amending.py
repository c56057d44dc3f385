"""A profile's text is changed at one place: the rest stays to the letter, and twice is once."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.profiles.amending import (
    NotAmendable,
    blocked,
    changed_lines,
    instead,
    is_plain,
    only_in_title,
    term_of,
)
from notifier.profiles.parser import LINE_CHARACTERS, PROFILE_CHARACTERS, PROFILE_RULES, parse
from notifier.profiles.rules import Near, Not, Phrase, leaves

from .grammar import phrases, profiles

TYPED = "# what I follow\r\n  RAG ^2   # why\r\n\r\ntitel: x\r\nLLM + agents | tools"


def test_a_blocked_term_is_a_last_line_and_nothing_else_moves() -> None:
    assert blocked(TYPED, "tools") == TYPED + "\r\n-tools"
    assert blocked("RAG\ngraphs\n", "LLM agents") == "RAG\ngraphs\n-LLM agents\n"
    assert blocked("RAG", '"in depth"') == 'RAG\n-"in depth"'
    assert blocked("RAG", "title: survey") == "RAG\n-title: survey"
    assert blocked("RAG", "a ~3 b") == "RAG\n-a ~3 b"


def test_a_term_that_is_kept_out_already_is_not_kept_out_twice() -> None:
    for text in ("RAG\n-survey", "RAG\n NOT  survey # no\n", "RAG\n-(survey)"):
        assert blocked(text, "survey") == text


def test_a_rule_is_narrowed_to_titles_where_it_stands() -> None:
    assert only_in_title(TYPED, 2) == TYPED.replace("  RAG", "  title: RAG")
    assert only_in_title('"in depth" study', 1) == 'title: "in depth" study'
    assert only_in_title("(RAG) ^2", 1) == "title: (RAG) ^2"


@pytest.mark.parametrize(
    "rule",
    ["a + b", "a | b", "a ~3 b", "abstract: a", "author: A", "trending", "-a", "# a", "", "a |",
     "RAG -survey"],
)  # fmt: skip
def test_only_a_rule_of_plain_words_is_narrowed(rule: str) -> None:
    text = f"{rule}\nRAG"
    assert not is_plain(parse(text).lines[0].node)
    with pytest.raises(NotAmendable):
        only_in_title(text, 1)


def test_another_rule_stands_in_a_line_with_its_weight_and_comment() -> None:
    assert instead(TYPED, 2, "RAG + cat: cs.CL") == TYPED.replace(
        "  RAG ^2   # why", "(RAG + cat: cs.CL) ^2 # why"
    )
    assert instead(TYPED, 5, "tools") == TYPED.replace("LLM + agents | tools", "tools")
    assert instead("graph ^2", 1, "graphs ^3") == "graphs ^3"
    assert instead("RAG\n", 1, "RAG") == "RAG\n"


@pytest.mark.parametrize(
    ("line", "rule"),
    [(0, "a"), (1, "a"), (3, "a"), (4, "a"), (9, "a"), (5, ""), (5, "# a"), (5, "a |"),
     (5, "a # b"), (5, "a\nb"), (5, "a " * LINE_CHARACTERS)],
)  # fmt: skip
def test_what_is_no_rule_stands_nowhere_and_a_line_without_one_gets_none(
    line: int, rule: str
) -> None:
    with pytest.raises(NotAmendable):
        instead(TYPED, line, rule)


@pytest.mark.parametrize("line", [-1, 0, 2, 99])
def test_a_line_that_there_is_not_is_not_narrowed(line: int) -> None:
    with pytest.raises(NotAmendable):
        only_in_title("RAG", line)


@pytest.mark.parametrize(
    "term",
    ["", "a + b", "a | b", "author: A", "-a", "a\nb", "a # b", "a)", "(a) + (b)", "trending",
     "a) | (b", "^2", "a\u2028b", "cat: cs.LG"],
)  # fmt: skip
def test_only_a_word_or_phrase_can_be_blocked(term: str) -> None:
    with pytest.raises(NotAmendable):
        blocked("RAG", term)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("RAG", "RAG"),
        ("LLM agents", "agent"),
        ("RAG ^2\ntitle: RAG", "RAG"),
        ("RAG + graphs\nRAG ~3 x", "RAG"),
        ("RAG | RAGs", "RAG"),
        ("diffus*", "diffus*"),
        ("fine-tuning", "finetuning"),
        ("-survey", "x"),
        ("", "x"),
        ("# only a comment", "x"),
    ],
)
def test_a_profile_is_never_left_with_nothing_that_could_match(text: str, term: str) -> None:
    with pytest.raises(NotAmendable, match="nothing could match"):
        blocked(text, term)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("RAG\ngraphs", "RAG"),
        ("RAG | graphs", "RAG"),
        ("agents", "LLM agents"),
        ("RAG", "title: RAG"),
        ("author: Yann LeCun", "Yann LeCun"),
        ("trending", "RAG"),
    ],
)
def test_what_can_still_match_may_be_narrowed(text: str, term: str) -> None:
    assert parse(blocked(text, term)).lines[-1].is_never


def test_where_there_is_no_room_nothing_is_changed() -> None:
    full = "\n".join(f"word{n}" for n in range(PROFILE_RULES))
    with pytest.raises(NotAmendable, match="no room"):
        blocked(full, "x")
    long = "RAG\n" + ("# " + "x" * (LINE_CHARACTERS - 3) + "\n") * (PROFILE_CHARACTERS // 1000)
    long = long[: PROFILE_CHARACTERS - 6] + "\na"
    with pytest.raises(NotAmendable, match="no room"):
        only_in_title(long, 1)
    with pytest.raises(NotAmendable, match="no room"):
        only_in_title("x" * (LINE_CHARACTERS - 3), 1)


def lines_but(text: str, number: int) -> list[str]:
    lines = text.splitlines(keepends=True)
    return lines[: number - 1] + lines[number:]


@given(profiles(), st.integers(1, 4))
def test_narrowing_any_profile_leaves_the_rest_and_twice_is_once(text: str, line: int) -> None:
    rules = parse(text)
    number = min(line, len(rules.lines))
    if not rules.lines or not is_plain(rules.lines[number - 1].node):
        with contextlib.suppress(NotAmendable):
            assert only_in_title(text, number) == text
        return
    made = only_in_title(text, number)
    after = parse(made)
    assert lines_but(made, number) == lines_but(text, number)
    assert after.lines[number - 1].problem is None
    assert after.problems == rules.problems
    (leaf,) = leaves(after.lines[number - 1].node)  # type: ignore[arg-type]  # it has a rule
    assert isinstance(leaf, Phrase)
    assert leaf.where == "title"
    assert after.lines[number - 1].comment == rules.lines[number - 1].comment
    assert only_in_title(made, number) == made
    assert len(list(changed_lines(text, made))) == 1


@given(profiles(), phrases())
def test_blocking_in_any_profile_leaves_the_rest_and_twice_is_once(text: str, term: str) -> None:
    rules = parse(text)
    try:
        made = blocked(text, term)
    except NotAmendable:
        return
    after = parse(made)
    assert made.startswith(text)
    assert after.lines[: len(rules.lines)] == rules.lines
    assert [one.typed for one in after.lines][: len(rules.lines)] == [
        one.typed for one in rules.lines
    ]
    assert after.problems == rules.problems
    assert made == text or not after.is_empty
    assert blocked(made, term) == made


@given(profiles())
def test_every_phrase_of_a_profile_can_be_named_as_a_term(text: str) -> None:
    for _, node in parse(text).wanted():
        for leaf in leaves(node):
            if isinstance(leaf, Phrase | Near):
                made = blocked("something else altogether", term_of(leaf))
                assert parse(made).lines[-1].node == Not(leaf)
