"""What a digest says: marked words, cut texts, names, reasons, subject, links, length."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.digests import budget
from notifier.digests.cards import Card, CardMaker, CardSection, Summary
from notifier.digests.excerpt import Segment, cut, cut_at_sentence, mark, one_line, plain
from notifier.digests.view import SUBJECT_CHARACTERS, DigestView
from notifier.digests.words import short_authors
from notifier.digests.words import why as why_in
from notifier.digests.wrapping import columns, wrap
from notifier.languages import language
from notifier.papers.paper import Paper
from notifier.profiles.hits import Hit
from notifier.ranking.order import Fit, Ranked

from .builders import a_match, a_paper
from .mails import a_digest, a_summary

ENGLISH = language("en")
texts = st.text(max_size=80)
ranges = st.lists(st.tuples(st.integers(-2, 90), st.integers(-2, 90)), max_size=8)
UGLY = "a\nb\r\x00\x1b[31m\x85\u2028\u2029\u202e\u2066\tc"


def summed(paper: Paper, rules: str = "LLM", **options: Any) -> Summary:
    """What is said of a paper that these rules find."""
    found = a_match(rules, paper)
    assert found is not None
    return a_summary(found, rules, **options)


def cards(papers: Sequence[Paper], profile: str = "mine") -> tuple[Card, ...]:
    """The cards of papers under one profile."""
    maker = CardMaker(ENGLISH, 1)
    return tuple(
        maker.card(number, profile, (), Ranked(Fit.of(paper, 0.5), 1.0, 0.5), summed(paper))
        for number, paper in enumerate(papers, 1)
    )


def a_view(*titles: str, profile: str = "mine", more: int = 0) -> DigestView:
    papers = [a_paper(f"{title} LLM", row=number) for number, title in enumerate(titles, 1)]
    view = a_digest([], {profile: "LLM"})
    return replace(view, sections=(CardSection(profile, cards(papers, profile)),), more=more)


def why(hits: Sequence[Hit], rules: Sequence[str]) -> str:
    return why_in(hits, rules, ENGLISH)


def text_of(segments: Sequence[Segment]) -> str:
    return "".join(segment.text for segment in segments)


def hits_of(segments: Sequence[Segment]) -> list[str]:
    return [segment.text for segment in segments if segment.hit]


# Marking.


@given(texts, ranges)
def test_marking_loses_and_doubles_no_character(text: str, found: list[tuple[int, int]]) -> None:
    assert text_of(list(mark(text, found))) == text


@given(texts, ranges)
def test_exactly_the_characters_in_the_ranges_are_marked(
    text: str, found: list[tuple[int, int]]
) -> None:
    marked = [segment.hit for segment in mark(text, found) for _ in segment.text]
    assert marked == [any(a <= n < b for a, b in found) for n in range(len(text))]


@given(texts, ranges)
def test_segments_are_not_empty_and_two_alike_never_meet(
    text: str, found: list[tuple[int, int]]
) -> None:
    segments = list(mark(text, found))
    assert all(segment.text for segment in segments)
    assert all(one.hit != two.hit for one, two in pairwise(segments))


@given(st.text(max_size=100), ranges, st.integers(0, 60))
def test_marks_of_a_cut_text_are_those_of_the_whole_that_are_still_there(
    whole: str, found: list[tuple[int, int]], characters: int
) -> None:
    shown = cut_at_sentence(whole, characters)
    segments = list(mark(shown, found, of=whole))
    assert text_of(segments) == shown
    kept = len(shown) if whole.startswith(shown) else len(shown) - 1
    marked = [segment.hit for segment in segments for _ in segment.text]
    assert marked[:kept] == [any(a <= n < b for a, b in found) for n in range(kept)]
    assert not any(marked[kept:]), "the ellipsis is nobody's hit"


def test_overlapping_and_touching_ranges_are_one_mark_in_any_order() -> None:
    assert hits_of(list(mark("large language models", [(6, 14), (0, 10)]))) == ["large language"]
    assert hits_of(list(mark("abcdef", [(2, 4), (0, 2)]))) == ["abcd"]
    assert hits_of(list(mark("abcdef", [(4, 5), (0, 6), (1, 2)]))) == ["abcdef"]


def test_the_ellipsis_of_a_cut_text_is_not_marked() -> None:
    assert hits_of(list(mark("abc…", [(0, 6)], of="abcdef"))) == ["abc"]
    assert hits_of(list(mark("abc", [(0, 6)], of="abcdef"))) == ["abc"]


def test_a_card_marks_what_the_rules_found() -> None:
    card = summed(a_paper("LLM agents plan", "We use LLMs and agents."), "LLM\nLLM agents")
    assert hits_of(card.title) == ["LLM agents"]
    assert hits_of(card.abstract) == ["LLMs"]


# Cutting.


@given(st.text(max_size=300), st.integers(0, 320))
def test_a_cut_text_is_the_beginning_and_not_too_long(text: str, characters: int) -> None:
    for shown in (cut(text, characters), cut_at_sentence(text, characters)):
        assert len(shown) <= characters
        assert text.startswith(shown.removesuffix("…")) or text.startswith(shown)


@given(st.text(max_size=300))
def test_a_text_that_fits_is_left_alone(text: str) -> None:
    assert cut_at_sentence(text, len(text)) == cut(text, len(text)) == text


@pytest.mark.parametrize(
    ("text", "characters", "shown"),
    [
        ("One two. Three four. Five six.", 22, "One two. Three four."),
        ("One two. Three four. Five six.", 20, "One two. Three four."),
        ("One two. Three four. Five six.", 19, "One two. Three…"),
        ('He said "no." Then he went home.', 20, 'He said "no."'),
        ("Is it so? Nobody knows it yet.", 14, "Is it so?"),
        ("Scores rise. They reach 99.5 of 100.", 26, "Scores rise. They reach…"),
        ("Scores rise a lot. By 99.5 percent.", 26, "Scores rise a lot."),
        ("Scores rise a lot. By 99.5 percent.", 24, "Scores rise a lot."),  # not at "99."
        ("As shown by Smith et al. this is not so.", 30, "As shown by Smith et al. this…"),
        ("Some cases, e.g. this one, are hard.", 22, "Some cases, e.g. this…"),
        ("我们研究智能体。它们使用工具。成本很低。", 16, "我们研究智能体。它们使用工具。"),
        ("我们研究智能体如何使用检索来回答科学问题", 10, "我们研究智能体如何…"),
        ("A" + "x" * 60, 20, "A" + "x" * 18 + "…"),
        ("A " + "x" * 60, 20, "A " + "x" * 17 + "…"),
        ("Words, and more words", 7, "Words…"),
        ("Anything", 0, ""),
        ("Anything", 1, "…"),
    ],
)
def test_an_abstract_is_cut_at_a_sentence_or_else_at_a_word(
    text: str, characters: int, shown: str
) -> None:
    assert cut_at_sentence(text, characters) == shown


def test_no_abstract_is_shown_where_none_is_wanted() -> None:
    assert summed(a_paper("LLM", "Some LLM text."), abstract_characters=0).abstract == ()


# Characters that are no text.


@given(st.text())
def test_plain_text_keeps_its_length_and_its_offsets(text: str) -> None:
    assert len(plain(text)) == len(text)
    assert all(a == b or b == " " for a, b in zip(text, plain(text), strict=True))


@given(st.text() | st.just(UGLY))
def test_one_line_is_one_line(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert not [c for c in line if unicodedata.category(c) == "Cc"]
    assert line == " ".join(line.split())


def test_nothing_of_a_paper_reaches_a_card_with_a_control_character() -> None:
    paper = a_paper(
        f"LLM {UGLY}", f"{UGLY} LLM", authors=(UGLY,), categories=(UGLY,), organization=UGLY,
        journal=UGLY, signals={UGLY: 3.0},
    )  # fmt: skip
    card = summed(paper, "LLM\x1b[31m | LLM")
    shown = (
        *card.facts, card.authors, card.why, card.plain_title,
        text_of(card.title), text_of(card.abstract),
    )  # fmt: skip
    for text in shown:
        assert not [c for c in text if unicodedata.category(c) == "Cc" or c in "\u202e\u2066\u2028"]
    assert hits_of(card.title)[0] == "LLM"
    assert hits_of(card.abstract)[-1] == "LLM", "offsets stayed what they were"


# Authors.


@pytest.mark.parametrize(
    ("authors", "followed", "shown"),
    [
        ("A", "", "A"),
        ("A B C D E", "", "A, B, C, D, E"),
        ("A B C D E F", "", "A, B, C and 3 others"),
        ("A B C D E F G", "F", "A, B, C, F and 3 others"),
        ("A B C D E F", "D E", "A, B, C, D, E, F"),  # "and 1 others" is never written
        ("A B C D E F", "A", "A, B, C and 3 others"),
    ],
)
def test_authors_are_shortened_but_never_the_one_a_rule_follows(
    authors: str, followed: str, shown: str
) -> None:
    assert short_authors(authors.split(), set(followed.split()), ENGLISH) == shown


@given(st.lists(st.sampled_from("ABCDEFGHIJKLM"), unique=True), st.sets(st.sampled_from("ADGKM")))
def test_every_author_is_shown_or_counted(authors: list[str], followed: set[str]) -> None:
    shown = short_authors(authors, followed, ENGLISH)
    names, _, others = shown.partition(" and ")
    counted = int(others.split()[0]) if others else 0
    listed = names.split(", ") if names else []
    assert len(listed) + counted == len(authors)
    assert followed & set(authors) <= set(listed)
    assert counted != 1


def test_the_card_shows_the_author_that_a_rule_follows_as_the_paper_writes_the_name() -> None:
    authors = (*(f"Person {n}" for n in range(20)), "Yann LeCun")
    card = summed(a_paper("A title", authors=authors), "author: Y. LeCun")
    assert card.authors == "Person 0, Person 1, Person 2, Yann LeCun and 17 others"


# Why.


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ("RAG ^2", "RAG ^2: “RAGs” in the title, “RAG” in the abstract"),
        ("agents\nnothing\nplanning",
         "agents: “agents” in the title; planning: “planning” in the abstract"),
        ("# a comment\n\ntitle: agents", "title: agents: “agents” in the title"),
        ("author: Y. LeCun", "author: Y. LeCun: “Yann LeCun”"),
        ("cat: cs.*", "cat: cs.*: “cs.CL”"),
        ("org: Qualcomm", "org: Qualcomm: “Qualcomm”"),
        ("trending", "trending: much talked about among papers of its field and age"),
        ("RAG\nagents\nplanning\ncat: cs.CL\ntrending",
         "RAG: “RAGs” in the title, “RAG” in the abstract; agents: “agents” in the title; "
         "planning: “planning” in the abstract; and 2 more"),
        ("plan* | age*",
         "plan* | age*: “planning” in the abstract, “agents” in the title"),
    ],
)  # fmt: skip
def test_the_reason_says_in_words_what_brought_the_paper(rules: str, reason: str) -> None:
    paper = a_paper(
        "RAGs for agents", "RAG, planning and RAG.", authors=("Yann LeCun",), categories=("cs.CL",),
        organization="Qualcomm AI Research", trend=0.9,
    )  # fmt: skip
    found = a_match(rules, paper)
    assert found is not None
    assert why(found.hits, rules.split("\n")) == reason


def test_a_paper_that_trends_no_more_still_has_a_reason() -> None:
    assert why((), ["trending"]) == "it was much talked about when it came"


def test_a_reason_shows_three_words_of_a_field_and_each_once() -> None:
    paper = a_paper("Planning, planner, plans, planned, PLANNING")
    found = a_match("plan*", paper)
    assert found is not None
    assert why(found.hits, ["plan*"]) == "plan*: “Planning”, “planner”, “plans” in the title"


def test_a_reason_stays_short_whatever_the_rule_and_the_paper() -> None:
    rule = " | ".join(["plan*", *(f"word{n}" for n in range(30))])
    found = a_match("\n".join([rule] * 9), a_paper("plan" + "x" * 5000))
    assert found is not None
    assert len(why(found.hits, [rule] * 9)) < 500


# Facts, links.


def test_facts_are_organisation_categories_journal_announcement_and_counts() -> None:
    paper = a_paper(
        "LLM", organization="Qualcomm", categories=("cs.CL", "cs.AI", "cs.LG", "stat.ML"),
        journal="Nature", announce="replace",
        signals={"upvotes": 12.0, "comments": 1.0, "stars": 0.0},
    )  # fmt: skip
    assert summed(paper).facts == (
        "Qualcomm", "cs.CL, cs.AI, cs.LG", "Nature", "new version", "12 upvotes · 1 comment",
    )  # fmt: skip


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JAVASCRIPT:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)",
     "data:text/html,x", "file:///etc/passwd", "vbscript:x", "//evil.example.org", "/relative", "",
     "https://", "https://a b", "https://a\nhttps://b", 'https://a"onclick=', "https://a>b",
     "\x00https://a", "ftp://a", "mailto:a@b.org", "https:evil", "https://" + "x" * 3000],
)  # fmt: skip
def test_only_a_web_address_becomes_a_link(url: str) -> None:
    good = "https://example.org/a.pdf?x=1&y=2#z"
    card = summed(a_paper("LLM", urls={"page": url, "pdf": good}))
    assert card.links == (("PDF", good),)
    assert card.page == good


@pytest.mark.parametrize("url", ["http://a", "HTTPS://A.ORG/", "https://münchen.example/ü?q='"])
def test_a_web_address_becomes_a_link(url: str) -> None:
    assert summed(a_paper("LLM", urls={"page": url})).page == url


def test_no_fit_is_above_a_hundred() -> None:
    ranked = Ranked(Fit.of(a_paper("LLM"), 0.95), 1.0, 1.16, like=0.9)
    made = CardMaker(ENGLISH, 1).card(1, "mine", (), ranked, summed(a_paper("LLM")))
    assert made.percent == 100


def test_a_paper_without_links_has_no_page() -> None:
    assert summed(a_paper("LLM")).page == ""


# The subject and the line beside it.


@given(
    st.lists(st.text(max_size=200) | st.just(UGLY), min_size=1, max_size=4),
    st.text(min_size=1, max_size=60),
    st.integers(0, 10**6),
)
def test_the_subject_is_one_short_line_for_any_titles(
    titles: list[str], profile: str, more: int
) -> None:
    view = a_view(*titles, profile=profile, more=more)
    assert 0 < len(view.subject) <= SUBJECT_CHARACTERS
    assert view.subject == one_line(view.subject)
    assert view.preheader == one_line(view.preheader)
    assert len(view.preheader) <= 100


@pytest.mark.parametrize(
    ("titles", "more", "subject"),
    [
        (["Agents"], 0, "mine: Agents LLM"),
        (["Agents", "Plans"], 0, "mine: Agents LLM + 1 more"),
        (["Agents", "Plans"], 7, "mine: Agents LLM + 8 more"),
        (["Grüße <b>"], 0, "mine: Grüße <b> LLM"),
        (["word " * 40], 3, "mine: " + "word " * 14 + "word… + 3 more"),
    ],
)  # fmt: skip
def test_the_subject_names_profile_best_title_and_how_many_more(
    titles: list[str], more: int, subject: str
) -> None:
    assert a_view(*titles, more=more).subject == subject


def test_a_long_profile_name_leaves_room_for_the_title() -> None:
    view = a_view("Agents", profile="my " * 20)
    assert view.subject == "my my my my my my my my my my…: Agents LLM"


def test_the_line_beside_the_subject_shows_the_next_titles_or_else_the_authors() -> None:
    assert a_view("One", "Two", "Three", "Four").preheader == "Two LLM · Three LLM"
    paper = a_paper("LLM", authors=("Ada Lovelace",))
    view = a_view("x")
    alone = replace(view, sections=(CardSection("mine", cards([paper])),))
    assert alone.preheader == "Ada Lovelace"


# Room.


@given(st.lists(st.integers(0, 500), max_size=30), st.integers(-100, 6000))
def test_shares_of_the_room_fit_into_it_and_use_it(weights: list[int], room: int) -> None:
    most = budget.level(weights, room)
    used = sum(min(weight, most) for weight in weights)
    assert used <= max(room, 0) + 0.001
    if sum(weights) > max(room, 0):
        assert used == pytest.approx(max(room, 0)), "long texts get what short ones leave"
    else:
        assert used == sum(weights)


@given(st.text(max_size=400), ranges, st.integers(0, 3000))
def test_a_shortened_abstract_weighs_what_it_may(
    text: str, found: list[tuple[int, int]], most: int
) -> None:
    whole = list(mark(text, found))
    short = budget.shortened(whole, most)
    assert budget.weight(short) <= most
    assert text.startswith(text_of(short).removesuffix("…")) or text_of(short) == text
    if budget.weight(whole) <= most:
        assert list(short) == whole


def test_an_abstract_without_room_is_left_out_and_not_an_ellipsis() -> None:
    assert budget.shortened([Segment("Many words " * 20)], 50) == ()


# Wrapping.

words = st.text(st.sampled_from("ab 中é\u0301😀\u200d-/:."), max_size=120)


@given(words, st.integers(4, 30))
def test_wrapping_keeps_every_character_but_the_spaces(text: str, room: int) -> None:
    assert "".join("".join(wrap(text, room)).split()) == "".join(text.split())


@given(words, st.integers(4, 30))
def test_no_line_is_wider_than_the_room_unless_it_is_an_address(text: str, room: int) -> None:
    assert all(columns(line) <= room or "://" in line for line in wrap(text, room))


@given(words, st.integers(4, 30))
def test_lines_are_as_full_as_their_words_allow(text: str, room: int) -> None:
    lines = wrap(text, room)
    for one, two in pairwise(lines):
        if one and columns(one) < room - 1:
            assert columns(one) + 1 + columns(two.split(" ")[0]) > room


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("aa bb cc", ["aa bb", "cc"]),
        ("aaaaaaaaaa", ["aaaaaa", "aaaa"]),
        ("x 我们研究智能", ["x", "我们研", "究智能"]),
        ("e\u0301" * 6, ["e\u0301" * 6]),
        ("see https://example.org/long there", ["see", "https://example.org/long", "there"]),
        ("", [""]),
    ],
)
def test_text_is_wrapped_by_columns(text: str, lines: list[str]) -> None:
    assert wrap(text, 6) == lines
