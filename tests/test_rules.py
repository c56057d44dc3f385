"""The rule language: what each line means, what is wrong with it, and its canonical form."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifier.profiles.lexer import lex
from notifier.profiles.parser import (
    DEPTH,
    LINE_CHARACTERS,
    PHRASE_WORDS,
    PROFILE_CHARACTERS,
    PROFILE_RULES,
    parse,
)
from notifier.profiles.rules import (
    And,
    Meta,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    Rules,
    TextField,
    Trending,
    Weighted,
    Word,
    format_rules,
    leaves,
    wants_trend,
)
from tests import grammar


def phrase(text: str, where: TextField = "text") -> Phrase:
    """Return the phrase of plain words; `word*` is a prefix."""
    words = (Word(word.removesuffix("*"), prefix=word.endswith("*")) for word in text.split())
    return Phrase(tuple(words), where)


def exact(text: str) -> Phrase:
    """Return the phrase of quoted words."""
    return Phrase(tuple(Word(word, exact=True) for word in text.split()))


def errors(text: str) -> list[str]:
    """Return what is wrong with a profile, as shown to its owner."""
    return [str(problem) for problem in parse(text).problems]


def warnings(text: str) -> list[str]:
    """Return what a profile's owner should look at."""
    return [str(warning) for warning in parse(text).warnings]


A, B, C, X = phrase("a"), phrase("b"), phrase("c"), phrase("x")

LANGUAGE: list[tuple[str, Node]] = [
    # phrases
    ("LLM agents", phrase("LLM agents")),
    ("fine-tuning", phrase("fine-tuning")),
    ("  C++   programs\t", phrase("C++ programs")),
    ("C# code", phrase("C# code")),
    ("k-NN, really", phrase("k-NN, really")),
    ("diffus*", phrase("diffus*")),
    ("fine-tun* models", phrase("fine-tun* models")),
    ("GPT-4*", phrase("GPT-4*")),
    ('"attention is all you need"', exact("attention is all you need")),
    ("“attention is all you need”", exact("attention is all you need")),
    ("„tiefes Lernen“", exact("tiefes Lernen")),
    ('deep "Learning" nets', Phrase((Word("deep"), Word("Learning", exact=True), Word("nets")))),
    ('"#1 method (new)"', exact("#1 method (new)")),
    # both, either, not, parentheses
    ("retrieval + benchmark", And((phrase("retrieval"), phrase("benchmark")))),
    ("retrieval AND benchmark", And((phrase("retrieval"), phrase("benchmark")))),
    ("retrieval +benchmark", And((phrase("retrieval"), phrase("benchmark")))),
    ('RAG | "retrieval augmented"', Or((phrase("RAG"), exact("retrieval augmented")))),
    ("a OR b|c", Or((A, B, C))),
    ("a + b | c", Or((And((A, B)), C))),
    ("a + (b | c)", And((A, Or((B, C))))),
    ("(a + b) + c", And((A, B, C))),
    ("((a))", A),
    ("LLM + -medical", And((phrase("LLM"), Not(phrase("medical"))))),
    ("LLM AND NOT medical", And((phrase("LLM"), Not(phrase("medical"))))),
    ("LLM -medical", And((phrase("LLM"), Not(phrase("medical"))))),
    ("LLM NOT (a | b)", And((phrase("LLM"), Not(Or((A, B)))))),
    ("-a + b", And((Not(A), B))),
    ("-survey", Not(phrase("survey"))),
    ("−survey", Not(phrase("survey"))),
    ("–survey", Not(phrase("survey"))),
    ("NOT title: survey", Not(phrase("survey", "title"))),
    ("-(a + b)", Not(And((A, B)))),
    # weights
    ("RAG ^2", Weighted(phrase("RAG"), 2.0)),
    ("RAG^0.5", Weighted(phrase("RAG"), 0.5)),
    ("RAG ^1", phrase("RAG")),
    ("a ^2 | b", Or((Weighted(A, 2.0), B))),
    ("(a | b) ^10", Weighted(Or((A, B)), 10.0)),
    ("R^x", phrase("R^x")),
    # proximity
    ("graph ~5 transformer", Near(phrase("graph"), phrase("transformer"), 5)),
    ("graph~5 transformer", Near(phrase("graph"), phrase("transformer"), 5)),
    ('a b ~50 "c"', Near(phrase("a b"), exact("c"), 50)),
    ("title: a ~1 b", Near(phrase("a", "title"), phrase("b", "title"), 1)),
    # fields
    ("title: mixture of experts", phrase("mixture of experts", "title")),
    ("Title:experts", phrase("experts", "title")),
    ("title : experts", phrase("experts", "title")),
    ('title :"a"', Phrase((Word("a", exact=True),), "title")),
    ("title :(a | b)", Or((phrase("a", "title"), phrase("b", "title")))),
    ("title :x", phrase("title :x")),
    ("abstract: (a + b)", And((phrase("a", "abstract"), phrase("b", "abstract")))),
    ("title: a + b", And((phrase("a", "title"), B))),
    ("author: Yann LeCun", Meta("author", "Yann LeCun")),
    ("author: LeCun,  Y.", Meta("author", "LeCun, Y.")),
    ("author: (LeCun | Hinton)", Or((Meta("author", "LeCun"), Meta("author", "Hinton")))),
    ("cat: cs.CL", Meta("cat", "cs.CL")),
    ("cat:cs.* ^2", Weighted(Meta("cat", "cs.*"), 2.0)),
    ("cat: (cs.CL + (cs.LG | stat.ML))",
     And((Meta("cat", "cs.CL"), Or((Meta("cat", "cs.LG"), Meta("cat", "stat.ML")))))),
    ("source: biorxiv", Meta("source", "biorxiv")),
    ("org: Qualcomm AI Research", Meta("org", "Qualcomm AI Research")),
    ('org: "AND (sons)"', Meta("org", "AND (sons)")),
    # trending
    ("trending", Trending()),
    ("Trending", Trending()),
    ("trending + cat: cs.CV", And((Trending(), Meta("cat", "cs.CV")))),
    ("trending topics", phrase("trending topics")),
    ('"trending"', exact("trending")),
    ("title: trending", phrase("trending", "title")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "node"), LANGUAGE, ids=[text for text, _ in LANGUAGE])
def test_a_line_means(text: str, node: Node) -> None:
    (line,) = parse(text).lines
    assert line.problem is None
    assert line.node == node


DEEP = "(" * (DEPTH + 1) + "a" + ")" * (DEPTH + 1)
ERRORS: list[tuple[str, int, str]] = [
    # fields
    ("titel: x", 1, 'unknown field "titel:" - did you mean "title:"?'),
    ("a + category: x", 5, 'unknown field "category:" - did you mean "cat:"?'),
    ("A :|x", 1, 'unknown field "A:" - did you mean "abstract:"?'),
    ("ABS: x", 1, 'unknown field "ABS:" - did you mean "abstract:"?'),
    ("organisation: x", 1, 'unknown field "organisation:" - did you mean "org:"?'),
    ("http://x.org", 1, 'unknown field "http:" - use title, abstract, author, cat, source, org, '
                        "or put the words in quotes"),
    ("title:", 1, 'nothing after "title:" - write what to look for'),
    ("x + author: | y", 5, 'nothing after "author:" - write what to look for'),
    ("title: -x", 8, 'the "-" stands before the field - write -title:'),
    ("title: cat: x", 8, '"cat:" inside "title:" - use one field'),
    ("author: (x | title: y)", 14, '"title:" inside "author:" - use one field'),
    ("author: Le*", 9, '"*" stands only at the end of a word or category, as in cat: cs.*'),
    ("cat: *.CL", 6, '"*" stands only at the end of a word or category, as in cat: cs.*'),
    # words
    ("RAG +", 6, "a word is missing at the end - add it"),
    ("RAG +   # comment", 9, "a word is missing at the end - add it"),
    ("| x", 1, 'a word is missing before "|" - add it'),
    ("x || y", 4, 'a word is missing before "|" - add it'),
    ("()", 2, 'a word is missing before ")" - add it'),
    ("x ~5 title: y", 6, 'a word is missing before "title:" - add it'),
    ("...", 1, 'no letter or digit in "..." - write a word to look for'),
    ('x + ""', 5, 'no letter or digit in "" - write a word to look for'),
    ("author: ?", 9, 'no letter or digit in "?" - write a word to look for'),
    ('say "hello', 5, 'this quote is not closed - add a " after the last word'),
    ("di*", 1, '"di*" is too short - give at least three letters before the *'),
    ("*", 1, '"*" is too short - give at least three letters before the *'),
    ("dif*us", 4, '"*" stands only at the end of a word, as in diffus*'),
    # signs
    ("x - y", 3, '"-" stands right before the word it excludes, as in LLM + -medical'),
    ("x –", 3, '"-" stands right before the word it excludes, as in LLM + -medical'),
    ("x ++ y", 3, '"++" joins nothing - write one + between two terms'),
    ("--x", 1, "excluded twice - remove one of the two signs"),
    ("y -(-x)", 3, "excluded twice - remove one of the two signs"),
    ("-x | y", 1, "this would match every paper that lacks a word - name one to look for with +"),
    ("-(-x + -y)", 1,
     "this would match every paper that lacks a word - name one to look for with +"),
    # parentheses
    ("x + (y", 5, 'this "(" is not closed - add a ")"'),
    ("x + y)", 6, 'this ")" closes nothing - remove it'),
    ("x (y)", 3, '"(" does not fit here - join terms with + or |'),
    ("(x title: y)", 4, '"title:" does not fit here - join terms with + or |'),
    (DEEP, DEPTH + 1, "more than 20 parentheses deep - simplify"),
    ("cat: " + DEEP, DEPTH + 6, "more than 20 parentheses deep - simplify"),
    # numbers
    ("x ^", 3, '"^" wants a number right behind it, as in RAG ^2'),
    ("x ^2y", 3, '"^" wants a number right behind it, as in RAG ^2'),
    ("x ^0", 3, "a weight lies between 0.1 and 10"),
    ("x ^" + "9" * 400, 3, "a weight lies between 0.1 and 10"),
    ("-x ^2", 4, "what is excluded has no weight - remove it"),
    ("y + (-x) ^2", 10, "what is excluded has no weight - remove it"),
    ("x ^2 ^3", 6, "one weight is enough here - remove the other"),
    ("(x ^2) ^3", 8, "one weight is enough here - remove the other"),
    ("x ~2.5 y", 3, '"~" wants a number right behind it, as in graph ~5 transformer'),
    ("x ~51 y", 3, "a distance lies between 1 and 50"),
    ("x ~5 y ~5 z", 8, '"~" joins two phrases - use + for more'),
    ("x ~5 trending", 6, '"trending" stands in no place - use +'),
    ("trending ~5 x", 1, '"trending" stands in no place - use +'),
    # limits
    ("a " * (PHRASE_WORDS + 1), 1, "a phrase of more than 20 words - join parts with +"),
    ("x" * (LINE_CHARACTERS + 1), 1,
     "a rule holds at most 1,000 characters - cut it into several lines"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "column", "message"), ERRORS, ids=[text[:20] or "-" for text, _, _ in ERRORS]
)
def test_an_error_says_where_it_is_and_how_to_cure_it(text: str, column: int, message: str) -> None:
    assert errors(f"good\n\n{text}\nalso good") == [f"line 3, column {column}: {message}"]


def test_the_error_of_the_design_reads_as_there() -> None:
    text = "# what I follow\nLLM agents\ntitel: mixture"
    assert errors(text) == ['line 3, column 1: unknown field "titel:" - did you mean "title:"?']


@pytest.mark.parametrize("text", [text for text, _, _ in ERRORS], ids=lambda text: text[:20])
def test_a_rule_in_error_disables_only_itself_and_keeps_its_text(text: str) -> None:
    rules = parse(f"good\n{text}\nalso good")
    assert [number for number, _ in rules.wanted()] == [1, 3]
    assert rules.lines[1].typed == text
    assert format_rules(rules).splitlines() == ["good", text, "also good"]


def test_comments_and_blank_lines_are_kept_as_typed() -> None:
    text = "# what I follow\n\n   \n#RAG is switched off\n  # indented\nRAG\n"
    assert format_rules(parse(text)) == text
    assert [number for number, _ in parse(text).wanted()] == [6]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("RAG   #   my topic ", "RAG # my topic"),
        ("RAG #my topic", "RAG # my topic"),
        ("C# code # not F#", "C# code # not F#"),
        ('"x # y" # z', '"x # y" # z'),
        ("RAG #", "RAG"),
        ("(a | b)# c", "a | b # c"),
    ],
)
def test_a_trailing_comment_is_kept(text: str, canonical: str) -> None:
    assert format_rules(parse(text)) == f"{canonical}\n"


def test_a_number_sign_that_begins_a_word_begins_a_comment_even_in_parentheses() -> None:
    assert errors("(#x)") == ["line 1, column 2: a word is missing at the end - add it"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\x0b"])
def test_line_numbers_are_those_of_splitlines(end: str) -> None:
    assert errors(f"a{end}{end}b){end}") == [
        'line 3, column 2: this ")" closes nothing - remove it'
    ]


def test_a_text_without_lines_is_a_profile_without_rules() -> None:
    assert parse("") == Rules()
    assert format_rules(Rules()) == ""


# Warnings


def test_a_repeated_rule_is_named_with_the_line_it_repeats() -> None:
    text = "RAG\nLLM + agents\n\nRAG # again\nLLM AND agents\nRAG"
    assert warnings(text) == [
        "line 4, column 1: the same as line 1 - remove one",
        "line 5, column 1: the same as line 2 - remove one",
        "line 6, column 1: the same as line 1 - remove one",
    ]
    assert [number for number, _ in parse(text).wanted()] == [1, 2, 4, 5, 6]


def test_rules_that_differ_in_weight_field_or_quotes_are_not_the_same() -> None:
    assert warnings('RAG\nRAG ^2\ntitle: RAG\n"RAG"\nrag\n-RAG') == []


ONLY_NEVER = "only never-rules: nothing can match - add a line with what you want"


def test_a_profile_of_never_rules_is_told_that_nothing_can_match() -> None:
    assert warnings("# c\n-survey\n-review") == [f"line 2, column 1: {ONLY_NEVER}"]


@pytest.mark.parametrize("text", ["", "# only a comment", "-survey\nRAG", "titel: x"])
def test_no_warning_where_something_is_wanted_or_there_is_no_rule(text: str) -> None:
    assert warnings(text) == []


def test_a_warning_is_no_error() -> None:
    rules = parse("-survey")
    assert not any(warning.is_error for warning in rules.warnings)
    assert rules.problems == ()


# Limits


def test_a_rule_of_just_the_longest_length_is_read() -> None:
    assert errors("x" * LINE_CHARACTERS) == []


def test_a_line_is_too_long_too_when_only_its_canonical_form_is() -> None:
    text = "title: (" + "|".join("a" * 200) + ")"
    assert len(text) < LINE_CHARACTERS
    assert len(errors(text)) == 1


def test_a_comment_may_be_of_any_length() -> None:
    assert errors("# " + "x" * 2 * LINE_CHARACTERS) == []


def test_rules_beyond_the_allowed_number_are_in_error_and_the_others_work() -> None:
    rules = parse("# c\n" + "RAG\n" * (PROFILE_RULES + 2))
    assert len(list(rules.wanted())) == PROFILE_RULES
    assert [str(problem) for problem in rules.problems] == [
        f"line {line}, column 1: a profile holds at most 500 rules - "
        "put this one into another profile"
        for line in (PROFILE_RULES + 2, PROFILE_RULES + 3)
    ]


def test_lines_beyond_the_allowed_length_of_a_profile_are_in_error() -> None:
    line = "x" * (LINE_CHARACTERS - 1)
    fitting = PROFILE_CHARACTERS // LINE_CHARACTERS
    rules = parse(f"{line}\n" * (fitting + 1))
    assert len(list(rules.wanted())) == fitting
    assert [str(problem) for problem in rules.problems] == [
        f"line {fitting + 1}, column 1: a profile holds at most 50,000 characters - "
        "put this one into another profile"
    ]


def test_the_deepest_and_the_longest_phrase_allowed_are_read() -> None:
    assert errors("(" * DEPTH + "a" + ")" * DEPTH) == []
    assert errors("a " * PHRASE_WORDS) == []


# Canonical form


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("a AND b", "a + b"),
        ("a  OR  b|c", "a | b | c"),
        ("( a )", "a"),
        ("a NOT b", "a + -b"),
        ("−a", "-a"),
        ("(a + b) | c", "a + b | c"),
        ("a + (b | c)", "a + (b | c)"),
        ("-(a | b)", "-(a | b)"),
        ("-(a ^2)", "-(a ^2)"),
        ("-((a + b))", "-(a + b)"),
        ("a + -(b ^2 | c)", "a + -(b ^2 | c)"),
        ("(a | b)^2.50", "(a | b) ^2.5"),
        ("a^1.23456789", "a ^1.23456789"),
        ("“a b” 'c", '"a b" \'c'),
        ('"a" "b" c', '"a b" c'),
        ("a ~ 3 b", "a ~3 b"),
        ("TITLE:a", "title: a"),
        ("title: (a | b)", "title: a | title: b"),
        ("cat:(cs.CL|cs.LG) + x", "(cat: cs.CL | cat: cs.LG) + x"),
        ("org: Tom AND Jerry", "org: Tom + Jerry"),
        ('org: "Tom AND Jerry"', 'org: "Tom AND Jerry"'),
        ('author: "O’Brien"', "author: O’Brien"),
        ('author: "-Brien"', 'author: "-Brien"'),
        ("TRENDING", "trending"),
    ],
)
def test_the_canonical_form_of(text: str, canonical: str) -> None:
    assert errors(text) == []
    assert format_rules(parse(text)) == f"{canonical}\n"


PIECES = [
    "a", "RAG", "trending", "diffus*", "fine-tuning", "C++", "C#", "ε", "深", "e\u0301", "\u0663",
    '"x y"', '"', "“", "”", "„", "(", ")", "|", " | ", "+", " + ", "++", "-", " -", " - ", "−", "–",
    " AND ", " OR ", " NOT ", "^", "^2", " ^0.35", "^1", "^1.23456789", "~", " ~5 ", "~50", "*",
    "title:", "title: ", "abstract: ", "Author:", "cat: cs.*", "org: ", "source:", " : ", ":",
    "LeCun, Y.", "’s", "&", ".", "...", ",", "#", " # c", " ", "\t", "\n", "\r\n", "\u2028", "\x1f",
    "\x85", "\ud800", "\0", "x" * 400, "a|" * 300, " " * 600, "(" * 7, " )" * 7, "titel: ",
]  # fmt: skip
LINES = [
    *(text for text, _ in LANGUAGE), *(text for text, _, _ in ERRORS),
    "# comment", "", "RAG # c", "RAG" + " " * 900, "a|" * 200 + "a", "RAG\n" * 200, "(a)\n" * 200,
    ("x" * 400 + "|x\n") * 20, ("x" * 900 + " " * 90 + "\n") * 20,
]  # fmt: skip
ANY_TEXT = st.one_of(
    st.text(),
    grammar.profiles(),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.lists(st.sampled_from(LINES), max_size=12).map("\n".join),
)


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return rules made of smaller ones; not all of them make sense."""
    one, more = inner, st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        more.map(" + ".join), more.map(" | ".join), one.map("({})".format), one.map("-({})".format),
        one.map("({}) ^2".format), one.map("title: ({})".format), one.map("x + ({})".format),
    )  # fmt: skip


TERMS = st.sampled_from(
    ["a", "b c", "RAG", "trending", "a ~3 b", '"q r"', "pre*", "cat: cs.*", "author: (x | y)"]
)
NESTED = st.recursive(TERMS, nested, max_leaves=12)


@given(grammar.rules())
def test_every_rule_that_the_grammar_builds_is_read(text: str) -> None:
    assert errors(text) == []


@given(st.one_of(ANY_TEXT, NESTED))
@example("a\n\n")
@example("(#x)")
@example("((A :|0))")
@example("cat: ((a | b) | c)")
@example("cat: " + "(" * 900)
@example("title: (" + "a|" * 400 + "a)")
@example(("a" + " " * 900 + "\n") * 80 + ("x" * 900 + "\n") * 80)
@example("a\n" * 600)
@example("(" * 19 + "x + cat: (a | b)" + " + y | z)" * 19)
def test_the_canonical_form_of_any_text_says_the_same(text: str) -> None:
    rules = parse(text)
    canonical = format_rules(rules)
    again = parse(canonical)
    assert again == rules
    assert format_rules(again) == canonical
    assert len(rules.problems) == len(again.problems)


@given(st.one_of(ANY_TEXT, NESTED))
def test_every_line_of_any_text_is_kept(text: str) -> None:
    rules = parse(text)
    assert [line.typed for line in rules.lines] == text.splitlines()
    for problem in (*rules.problems, *rules.warnings):
        assert 1 <= problem.line <= len(rules.lines)
        assert 1 <= problem.column <= len(rules.lines[problem.line - 1].typed) + 1


@given(st.one_of(ANY_TEXT, NESTED))
def test_what_is_wanted_has_something_to_find(text: str) -> None:
    assert all(list(leaves(node)) for _, node in parse(text).wanted())


# Work


def calls(work: Callable[[], object]) -> int:
    """Return how many functions `work` calls: a measure of time that is the same every time."""
    count = 0

    def profiler(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profiler)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


HOSTILE = [
    "(", ")", '"', "“a", '"" ', "-", "- ", "^", "^2 ", "~", "~5 ", "|", "| a ", "+", "+ a ", "*",
    "a* ", "#", ":", "title:", "a:", "cat: (", "(a | ", "-(a + ", "(-", "a ~5 ", 'a"b"', "a-", "\0",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_ten_thousand_hostile_characters_take_twice_the_work_of_five_thousand(piece: str) -> None:
    line = piece * (900 // len(piece)) + "\n"
    small, large = line * (5_000 // len(line)), line * (2 * (5_000 // len(line)))
    parse(large)  # caches are warm
    assert calls(lambda: parse(large)) <= 2.1 * calls(lambda: parse(small))


@pytest.mark.parametrize("piece", HOSTILE)
def test_work_grows_with_a_line_and_not_with_its_square(piece: str) -> None:
    count = 2 * (225 // len(piece))  # even: as many quotes are closed as opened
    small, large = piece * count, piece * (2 * count)
    parse(large)
    assert calls(lambda: parse(large)) <= 2.5 * calls(lambda: parse(small)) + 100


@pytest.mark.parametrize("piece", HOSTILE)
def test_ten_thousand_hostile_characters_in_one_line_are_refused_unread(piece: str) -> None:
    text = piece * (10_000 // len(piece))
    assert calls(lambda: parse(text)) < 100
    assert len(parse(text).problems) <= 1


def test_tokens_carry_their_column() -> None:
    columns = [(token.kind, token.column) for token in lex('a  + -"b" ~5 (title: c) ^2 # d')]
    assert columns == [
        ("word", 1), ("and", 4), ("not", 6), ("quoted", 7), ("near", 11), ("(", 14),
        ("field", 15), ("word", 22), (")", 23), ("weight", 25), ("end", 28),
    ]  # fmt: skip


# Questions about rules


def test_leaves_under_a_not_bring_nothing() -> None:
    ((_, node),) = parse("(a | title: b) ^2 + -(c | trending)").wanted()
    assert list(leaves(node)) == [A, phrase("b", "title")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("trending", True), ("x | trending + y", True), ("x + -trending", False), ("x", False)],
)
def test_a_rule_wants_trend_when_it_asks_for_it(text: str, expected: bool) -> None:
    ((_, node),) = parse(text).wanted()
    assert wants_trend(node) is expected
