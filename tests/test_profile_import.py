"""Foreign queries and lists as rules: what they become, what is named, and that nothing breaks."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifier.profiles.parser import DEPTH, LINE_CHARACTERS, PROFILE_RULES, parse
from notifier.profiles.rules import format_rules
from notifier.profiles.translating import foreign, portable, query_pubmed, query_scholar, word_list
from notifier.profiles.translating.foreign import Kind
from notifier.profiles.translating.portable import PortableProfile
from notifier.profiles.translating.translation import Translation

from .builders import a_match, a_paper
from .test_rules import calls

Translate = Callable[[str], Translation]
# A query, its rules, and what is named: `column: begin of the message`, `~` before a mere note.
Case = tuple[str, list[str], list[str]]

YEARS = "years are not looked for"
DATES = "dates are not looked for"
NOTHING = "it has nothing to join"

SCHOLAR: list[Case] = [
    ("a b", ["a + b"], []),
    ('"large language model" agents', ['"large language model" + agents'], []),
    ("RAG OR retrieval survey", ["(RAG | retrieval) + survey"], []),
    ("a|b | c", ["a | b | c"], []),
    ("a AND b", ["a + b"], []),
    ('llm -medical -"systematic review"', ['llm + -medical + -"systematic review"'], []),
    ("llm −medical –law", ["llm + -medical + -law"], []),
    ("llm NOT medical", ["llm + -medical"], []),
    ("llm -(a b)", ["llm + -(a + b)"], []),
    ("x -(-a -b)", ["x + (a | b)"], []),
    ("(a OR b) (c OR d)", ["(a | b) + (c | d)"], []),
    ("fine-tuning C++ trending", ['fine-tuning + C++ + "trending"'], []),
    ("a:b #3 x^2", ['"a:b" + "#3" + "x^2"'], []),
    ("diffus* models", ["diffus* + models"], []),
    ("+must ~like", ["must + like"], []),
    # fields
    ("intitle:transformer x", ["title: transformer + x"], []),
    ('intitle:"neural nets"', ['title: "neural nets"'], []),
    ("intitle:(a OR b) c", ["(title: a | title: b) + c"], []),
    ("allintitle: mixture experts -vision", ["title: mixture + title: experts + -title: vision"],
     []),
    ("a allintext: b", ["a + b"], []),
    ("x -allintitle: a", ["x + -title: a"], ['4: "allintitle:": read as intitle: behind OR or -']),
    ("author:intitle:x", ["title: x"], ['1: "author:": nothing stands behind it']),
    ('author:"Y LeCun" nets', ["author: Y LeCun + nets"], []),
    ("author:(lecun OR hinton)", ["author: lecun | author: hinton"], []),
    ("-author:lecun nets", ["-author: lecun + nets"], []),
    ("intext:nets", ["nets"], ['~1: "intext:": title and abstract are the text here']),
    # near
    ("graph AROUND(5) transformer", ["graph ~5 transformer"], []),
    ('"a b" AROUND (3) c AROUND(2) d', ['"a b" ~3 c + c ~2 d'], []),
    ("a AROUND(99) b AROUND(0) c", ["a ~50 b + b ~1 c"], []),
    ("a AROUND(2) (b c)", ["a + b + c"], ['3: "AROUND(2)": nearness joins two words']),
    ("a AROUND(2)", ["a"], [f'3: "AROUND(2)": {NOTHING}']),
    # what has no counterpart
    ("x source:Nature", ["x"], ['3: "source:Nature": journals are not looked for']),
    ('x source:"J Phys"', ["x"], ["3: “source:\"J Phys\"”: journals are not looked for"]),
    ("x site:arxiv.org y", ["x + y"], ['3: "site:arxiv.org": web sites']),
    ("x filetype:pdf", ["x"], ['3: "filetype:pdf": kinds of files']),
    ("related:abc x", ["x"], ['1: "related:abc": only Google knows that']),
    ("x 2019..2024", ["x"], [f'3: "2019..2024": {YEARS}']),
    ("x 2019-2024 after:2020", ["x"], [f'3: "2019-2024": {YEARS}', f'13: "after:2020": {YEARS}']),
    ("x site:(a OR (b)) y", ["x + y"], ['3: "site:(a OR (b))": web sites']),
    ("di* x", ["x"], ['1: "di*": a "*" wants 3 or more plain letters before it']),
    ("x c*d *e", ["x"], ['3: "c*d": a "*" stands only at the end',
                         '7: "*e": a "*" stands only at the end']),
    ("... x", ["x"], ['1: "...": there is no letter or digit in it']),
    ("author:le* x", ["x"], ['8: "le*": "author:" takes no "*"']),
    ("author: x", ["author: x"], []),
    ("allintitle:", [], ['1: "allintitle:": nothing stands behind it']),
    ("x author:", ["x"], ['3: "author:": nothing stands behind it']),
    # words of every paper, and signs with nothing to join
    ("models of attention", ["models + attention"], ['~8: "of": left out']),
    ("of the", ["of + the"], []),
    ("x or y", ["x + y"], ['~3: "or": a word like any other', '~3: "or": left out']),
    ("a OR", ["a"], [f'3: "OR": {NOTHING}']),
    ("OR a", ["a"], [f'1: "OR": {NOTHING}']),
    ("a AND", ["a"], [f'3: "AND": {NOTHING}']),
    ("a NOT", ["a"], [f'3: "NOT": {NOTHING}']),
    (")a (b", ["a + b"], ['1: ")": it closes nothing', '4: "(": it is not closed']),
    ('x "a b', ['x + "a b"'], ["3: “\"a b”: the quote is not closed"]),
    # what only excludes
    ("-survey", ["-survey"], ['~1: "-survey": it only excludes']),
    ("-a -b", ["-a", "-b"], ['~1: "-a -b": it only excludes']),
    ("-a OR b", ["b"], ['1: "-a": as an alternative it would bring every paper without it']),
    ("source:x -b", [], ['1: "source:x"', '1: "source:x -b": nothing to look for is left']),
    # several queries
    ("# mine\n\na b\nc site:x", ["# mine", "", "a + b", "c"], ['3: "site:x"']),
]  # fmt: skip

HEADING = "looked for as words of the paper; headings below it are not included"
PUBMED: list[Case] = [
    ("a AND b", ["a + b"], []),
    ("a OR b AND c", ["(a | b) + c"], []),
    ("a AND b OR c NOT d", ["(a + b | c) + -d"], []),
    ("a OR (b AND c)", ["a | b + c"], []),
    ("a NOT b", ["a + -b"], []),
    ("a AND NOT b", ["a + -b"], []),
    ("a NOT (b OR c)", ["a + -(b | c)"], []),
    ("breast cancer", ["breast + cancer"], []),
    ('"breast cancer" screening', ['"breast cancer" + screening'], []),
    ("(a OR b)(c OR d)", ["(a | b) + (c | d)"], []),
    # fields
    ("x[ti] AND y[Title]", ["title: x + title: y"], []),
    ("breast cancer[tiab]", ["breast cancer"], []),
    ("a b[tw] c[Title/Abstract]", ["a b + c"], []),
    ("x[ab]", ["abstract: x"], []),
    ("lecun y[au]", ["author: lecun, Y"], []),
    ("Smith JA Jr[Author]", ["author: Smith, J A"], []),
    ("van der berg j*[au]", ["author: van der berg, J"], []),
    ('"LeCun, Yann"[fau]', ["author: LeCun, Yann"], []),
    ("Yann LeCun[au]", ["author: Yann LeCun"], []),
    ("smith j[1au]", ["author: smith, J"], ['~1: "smith j[1au]": any author']),
    ("Charité[ad]", ["org: Charité"], ['~1: "Charité[ad]": known only where a source']),
    ("nets[ot]", ["nets"], ['~1: "nets[ot]": the authors\' keywords']),
    # headings
    ('"Neoplasms"[Mesh]', ["Neoplasms"], [f'~1: “"Neoplasms"[Mesh]”: {HEADING}']),
    ("Diabetes Mellitus, Type 2[mh:noexp]", ["Type 2 Diabetes Mellitus"],
     [f'~1: "Diabetes Mellitus, Type 2[mh:noexp]": {HEADING}']),
    ("Asthma/therapy[mesh]", ["Asthma"], ['1: "Asthma/therapy[mesh]": subheadings']),
    ("x NOT (animals[mh] NOT humans[mh])", ["x"],
     ['8: "animals[mh]": indexers add it', '24: "humans[mh]": indexers add it']),
    # truncation and nearness
    ("vaccin*[tiab]", ["vaccin*"], []),
    ('"breast feed*"[tiab]', ['"breast" feed*'], []),
    ("colo*r x", ["x"], ['1: "colo*r": a "*" stands only at the end']),
    ('"hip pain"[tiab:~3]', ["hip ~4 pain"], ["~1: “\"hip pain\"[tiab:~3]”: 3 words between are a "
                                              "distance of 4"]),
    ('"hip pain"[ti:~0]', ["title: hip ~1 pain"],
     ["~1: “\"hip pain\"[ti:~0]”: 0 words between are a distance of 1"]),
    ('"a b c"[ti:~2]', ["title: a ~4 b + title: a ~4 c + title: b ~4 c"],
     ["~1: “\"a b c\"[ti:~2]”: 2 words between are a distance of 4"]),
    ('"a b c d e"[ti:~2]', ["title: a + title: b + title: c + title: d + title: e"],
     ["1: “\"a b c d e\"[ti:~2]”: nearness joins 2 to 4 words"]),
    ('"a b"[tiab:~99]', ["a ~50 b"], ["1: “\"a b\"[tiab:~99]”: nearness reaches 50 words"]),
    ('"-"[ti:~2] OR x', ["x"], ["1: “\"-\"[ti:~2]”: there is no letter"]),
    ('"a b"[ad:~2]', ["org: a + org: b"], ["1: “\"a b\"[ad:~2]”: nearness joins"]),
    # what has no counterpart
    ("x AND review[pt]", ["x"], ['7: "review[pt]": publication types are not looked for']),
    ("2020:2024[dp] AND x", ["x"], [f'1: "2020:2024[dp]": {DATES}']),
    ('("2020"[Date - Publication] : "3000"[Date - Publication]) AND x', ["x"],
     [f'2: “"2020"[Date - Publication] : "3000"[Date - Publication]”: {DATES}']),
    ("x AND english[la]", ["x"], ['7: "english[la]": languages']),
    ("Nature[ta] OR Science[jour] OR x", ["x"],
     ['1: "Nature[ta]": journals', '15: "Science[jour]": journals']),
    ("x AND free full text[sb]", ["x"], ['7: "free full text[sb]": PubMed\'s filters']),
    ("x[foo] y", ["y"], ['1: "x[foo]": the field [foo] has no counterpart']),
    ("x[ti:foo]", ["title: x"], ['1: "x[ti:foo]": ":foo" is not known here']),
    ("#1 OR x", ["x"], ['1: "#1": only PubMed knows that']),
    ("(a OR b)[ti]", ["a | b"], ['9: "[ti]": a field goes with one term']),
    ("[ti] x", ["x"], ['1: "[ti]": no word stands before it']),
    ("a AND", ["a"], [f'3: "AND": {NOTHING}']),
    ("OR a", ["a"], [f'1: "OR": {NOTHING}']),
    ("a AND OR b", ["a | b"], [f'3: "AND": {NOTHING}']),
    ("a) AND (b", ["a + b"], ['2: ")": it closes nothing', '8: "(": it is not closed']),
    # what only excludes
    ("NOT a", ["-a"], ['~1: "NOT a": it only excludes']),
    ("a OR NOT b", ["a"], ['10: "b": as an alternative']),
    ("review[pt] NOT a", [], ['1: "review[pt]"', '1: "review[pt] NOT a": nothing to look for']),
    # queries over several lines
    ("(a OR\n b)\nAND c\nd\n\n# e\nf", ["(a | b) + c", "d", "", "# e", "f"], []),
    ("a AND\nb[ti]\nc", ["a + title: b", "c"], []),
    ("(a\n\nb", ["a", "", "b"], ['1: "(": it is not closed']),
]  # fmt: skip

WORDS: list[Case] = [
    ("LLM agents\nRAG", ["LLM agents", "RAG"], []),
    ("a, b c; d", ["a", "b c", "d"], []),
    ('"a, b" c, "d"', ['"a b" c', '"d"'], []),
    ("1,2-dichloroethane, x", ["1,2-dichloroethane", "x"], []),
    ("- a\n* b\n• c\n1. d\n2) e", ["a", "b", "c", "d", "e"], []),
    ("# mine\n\n  \na # why\n#b", ["# mine", "", "", "# why", "a", "#b"], []),
    ('"#1 fan" # c', ["# c", '"#1 fan"'], []),
    ("C++, C#, fine-tuning, diffus*", ["C++", "C#", "fine-tuning", "diffus*"], []),
    ("Research AND Development", ['Research "AND" Development'],
     ['~1: "Research AND Development": "AND" is in quotes']),
    ("a, -survey", ["a", '"-survey"'], ['~4: "-survey": "-survey" is in quotes']),
    ("title: nets", ['"title:" nets'], ['~1: "title: nets": "title:" is in quotes']),
    ("nets (GNN)", ['nets "(GNN)"'], ['~1: "nets (GNN)": "(GNN)" is in quotes']),
    ("x | y ~5 z ^2", ['x y "~5" z "^2"'],
     ['~1: "x | y ~5 z ^2": "~5"', '~1: "x | y ~5 z ^2": "^2"']),
    ("trending", ['"trending"'], ['~1: "trending": "trending" is in quotes']),
    ("trending topics", ["trending topics"], []),
    ("di*, ok", ["ok"], ['1: "di*": a "*" wants 3']),
    ("a\n---\nb", ["a", "b"], ['1: "---": there is no letter']),
    (" ".join(["x"] * 25), ["x " * 20 + "+ x x x x x"], []),
]  # fmt: skip


def named(translation: Translation) -> list[str]:
    """Return what was said, as in the tables."""
    return [
        f"{'' if remark.is_error else '~'}{remark.column}: {remark.message}"
        for remark in translation.remarks
    ]


def check(translate: Translate, case: Case) -> None:
    text, rules, said = case
    translation = translate(text)
    assert translation.rules.splitlines() == rules
    assert len(named(translation)) == len(said), named(translation)
    for real, begin in zip(named(translation), said, strict=True):
        assert real.startswith(begin)


@pytest.mark.parametrize("case", SCHOLAR, ids=lambda case: case[0])
def test_a_scholar_query_becomes_these_rules_and_names_what_is_lost(case: Case) -> None:
    check(query_scholar.translate, case)


@pytest.mark.parametrize("case", PUBMED, ids=lambda case: case[0])
def test_a_pubmed_query_becomes_these_rules_and_names_what_is_lost(case: Case) -> None:
    check(query_pubmed.translate, case)


@pytest.mark.parametrize("case", WORDS, ids=lambda case: case[0][:40])
def test_a_list_of_words_becomes_these_rules_and_names_what_is_lost(case: Case) -> None:
    check(word_list.translate, case)


# Meaning, on papers


def finds(rules: str, title: str, abstract: str = "", authors: tuple[str, ...] = ()) -> bool:
    """Return whether rules want a paper."""
    return a_match(rules, a_paper(title, abstract, authors=authors)) is not None


def test_words_between_are_counted_as_pubmed_counts_them() -> None:
    three = query_pubmed.translate('"hip pain"[ti:~3]').rules
    assert finds(three, "Pain one two three hip")
    assert not finds(three, "Pain one two three four hip")
    triple = query_pubmed.translate('"hip knee pain"[ti:~2]').rules
    assert finds(triple, "Pain one hip two knee")
    assert not finds(triple, "Pain one two three hip knee")


def test_pubmeds_small_initials_find_the_author() -> None:
    rules = query_pubmed.translate("smith ja[au]").rules
    assert finds(rules, "x", authors=("John A. Smith",))
    assert not finds(rules, "x", authors=("Mary Smith",))


def test_a_never_rule_comes_only_from_a_query_that_lost_nothing() -> None:
    translation = query_scholar.translate("llm\nsource:Nature -survey")
    assert finds(translation.rules, "A survey of LLMs")


# Limits


def long_query(*, groups: int) -> str:
    """Groups of 200 alternatives, all of which have to occur."""
    names = ("alpha", "beta", "gamma")
    return " AND ".join(
        "(" + " OR ".join(f"{names[group]}{number}" for number in range(200)) + ")"
        for group in range(groups)
    )


@pytest.mark.parametrize("translate", [query_scholar.translate, query_pubmed.translate])
def test_a_query_too_long_for_one_rule_is_cut_into_rules_that_say_the_same(
    translate: Translate,
) -> None:
    translation = translate(long_query(groups=2))
    assert translation.remarks == ()
    assert max(map(len, translation.rules.splitlines())) <= LINE_CHARACTERS
    assert len(translation.rules.splitlines()) > 1
    for number in (0, 57, 199):
        assert finds(translation.rules, f"alpha{number}", f"beta{199 - number}")
    assert not finds(translation.rules, "alpha3 alpha4")


@pytest.mark.parametrize("translate", [query_scholar.translate, query_pubmed.translate])
def test_what_no_number_of_rules_can_hold_is_named(translate: Translate) -> None:
    translation = translate("(" + " AND ".join(f"word{number}" for number in range(400)) + ")")
    assert translation.rules == ""
    (remark,) = translation.remarks
    assert "…”: a rule" in remark.message.replace('…"', "…”")
    assert "a rule holds at most 1,000 characters" in remark.message


@pytest.mark.parametrize("kind", [Kind.words, Kind.scholar, Kind.pubmed])
def test_rules_beyond_what_a_profile_holds_are_counted_and_the_others_kept(kind: Kind) -> None:
    text = "\n".join(f"word{number}" for number in range(PROFILE_RULES + 3))
    translation = foreign.translate(kind, text)
    assert len(translation.rules.splitlines()) == PROFILE_RULES
    (remark,) = translation.remarks
    assert (remark.line, remark.is_error) == (PROFILE_RULES + 1, True)
    assert remark.message.startswith("3 more rules: a profile holds at most 500 rules")


@pytest.mark.parametrize("translate", [query_scholar.translate, query_pubmed.translate])
def test_parentheses_deeper_than_a_rule_can_be_are_named_and_what_stands_beside_is_kept(
    translate: Translate,
) -> None:
    deep = "(" * (DEPTH + 1) + "a" + ")" * (DEPTH + 1)
    translation = translate(f"{deep} AND b")
    assert translation.rules == "b\n"
    assert named(translation)[0].startswith(f"{DEPTH + 1}: ")
    assert "more than 20 parentheses deep" in translation.remarks[0].message


def test_a_pubmed_query_that_alternates_too_often_is_named() -> None:
    query = "x " + " ".join(f"AND a{number} OR b{number}" for number in range(200))
    translation = query_pubmed.translate(query)
    assert translation.rules == ""
    assert "it nests more than 20 deep" in translation.remarks[0].message


HOSTILE = ["(", ")", "a OR ", "a AND b OR ", '"a" ', "-", "a[ti] ", "[", "a,", "#", '" #" ', "a*",
           "AROUND(", "AROUND(1) ", "author:", "(a ", "allintitle:a ",
           "\n", "a\n", " "]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("kind", [Kind.words, Kind.scholar, Kind.pubmed])
def test_twice_the_hostile_characters_take_twice_the_work(kind: Kind, piece: str) -> None:
    small = piece * (3_000 // len(piece))
    foreign.translate(kind, small + small)  # caches are warm
    work = calls(lambda: foreign.translate(kind, small))
    assert calls(lambda: foreign.translate(kind, small + small)) <= 2.5 * work + 1_000


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_quarter_million_hostile_characters_are_done_in_seconds(piece: str) -> None:
    begun = time.monotonic()
    foreign.guess("x.txt", piece * (250_000 // len(piece)))
    assert time.monotonic() - begun < 5


# Any text

PIECES = [
    "a", "RAG", "of", "or", "trending", "diffus*", "di*", "c*d", "fine-tuning", "C++", "C#", "ε",
    "深", "e\u0301", '"x y"', '"', "“", "”", "„", "(", ")", "((", "))", "|", " | ", "+", " + ", "-",
    " -", "−", "–", " AND ", " OR ", " NOT ", "^2", "~5", "*", "title:", "intitle:", "allintitle: ",
    "author:", "author:(", "source:", "site:", "2019..2024", " AROUND(3) ", "AROUND(", "[ti]",
    "[au]", "[mesh]", "[dp]", "[ad]", "[tiab:~3]", '"a b"[ti:~2]', "[", "]", "[]", ":", " : ", "/",
    "#", "#1", ",", ";", "'s", "&", ".", "...", " ", "\t", "\n", "\r\n", "\n\n", "\u2028", "\x1f",
    "\x85", "\ud800", "\0", "x" * 400, "a|" * 300, " AND a OR b" * 30, "smith ja", "cat: cs.CL",
    "1,2",
]  # fmt: skip
QUERIES = [text for text, _, _ in (*SCHOLAR, *PUBMED, *WORDS)]
ANY_TEXT = st.one_of(
    st.text(),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join),
    st.lists(st.sampled_from(QUERIES), max_size=6).map("\n".join),
    st.lists(st.sampled_from(QUERIES), max_size=6).map(") OR (".join),
)


@pytest.mark.parametrize("kind", [Kind.words, Kind.scholar, Kind.pubmed])
@given(text=ANY_TEXT)
@example(text="a OR -b")
@example(text="-(a OR -b)")
@example(text="trending " * 21)
@example(text="(" * 3000)
@example(text="x\n" * 600)
def test_any_text_becomes_rules_without_an_error_in_canonical_form(kind: Kind, text: str) -> None:
    translation = foreign.translate(kind, text)
    rules = parse(translation.rules)
    assert rules.problems == ()
    assert format_rules(rules) == translation.rules
    lines = text.splitlines()
    for remark in translation.remarks:
        assert 1 <= remark.line <= max(len(lines), 1)
        assert 1 <= remark.column <= len(lines[remark.line - 1]) + 1


@pytest.mark.parametrize("kind", [Kind.words, Kind.scholar, Kind.pubmed])
@given(text=ANY_TEXT)
def test_a_text_with_letters_gives_rules_or_says_why_not(kind: Kind, text: str) -> None:
    translation = foreign.translate(kind, text)
    shown = [line for line in text.splitlines() if "#" not in line]
    if any(char.isalnum() for line in shown for char in line) and translation.is_empty:
        assert translation.remarks


@given(text=ANY_TEXT)
def test_a_kind_is_guessed_or_not_for_any_text(text: str) -> None:
    assert foreign.guess("x.txt", text) in (*Kind, None)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[[profile]]\nname = 'x'", Kind.toml),
        ("cancer[tiab] AND x", Kind.pubmed),
        ('"Neoplasms"[MeSH Terms]', Kind.pubmed),
        ('"hip pain"[tiab:~3]', Kind.pubmed),
        ("allintitle: deep nets", Kind.scholar),
        ("a AROUND(3) b", Kind.scholar),
        ("LLM agents\nfine-tuning, C++", Kind.words),
        ("- LLM agents\n1. RAG # or (not) AND", Kind.words),
        ("# a AND b\nLLM", Kind.words),
        ("a OR b", None),
        ("a + b", None),
        ("x -survey", None),
        ("nets (GNN)", None),
        ("title: x", None),
        ("x[1]", None),
    ],
)
def test_the_kind_of_a_text_is_guessed_only_where_it_is_plain(text: str, kind: Kind | None) -> None:
    assert foreign.guess("x.txt", text) is kind


# The portable form

PROFILES = st.builds(
    PortableProfile,
    name=st.text(),
    rules=st.one_of(st.text(), st.text('"\\\r\n\t\0 a')),
    enabled=st.sampled_from([True, False, None]),
    address=st.sampled_from(["", "ada@example.org"]),
)


@given(st.lists(PROFILES, min_size=1))
@example([PortableProfile("x", 'a """" b')])
@example([PortableProfile("x", '\n"""')])
def test_profiles_come_back_from_toml_to_the_character(profiles: list[PortableProfile]) -> None:
    assert portable.read(portable.write(profiles)) == (profiles, [])


def test_toml_is_written_so_that_people_can_read_it() -> None:
    text = portable.write([PortableProfile("agents", 'LLM "agents"\n-survey\n', True)])
    assert text == (
        '[[profile]]\nname = "agents"\nenabled = true\nrules = """\nLLM "agents"\n-survey\n"""\n'
    )


GOOD = '[[profile]]\nname = "good"\nrules = "RAG"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[profile]]\nrules = 'x'", 'profile 1 is left out: "name" has to be a text'),
        ("[[profile]]\nname = 'x'\nrules = 3", 'profile 1 is left out: "rules" has to be a text'),
        ("[[profile]]\nname = 'x'\nrules = 'y'\nenabled = 1",
         'profile 1 is left out: "enabled" is true or false, "address" a text'),
        ("[[profile]]\nname = 'x'\nrules = 'y'\ndays = 3",
         'profile 1: "days" is not known here and left out'),
        ("version = 1", '"version" is not known here and left out'),
    ],
)  # fmt: skip
def test_a_bad_entry_of_a_toml_file_is_named_and_the_others_are_kept(
    text: str, problem: str
) -> None:
    found, problems = portable.read(f"{text}\n{GOOD}")
    assert found[-1] == PortableProfile("good", "RAG")
    assert problems == [problem]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no profile in it"), ("x = 1", "no profile in it"),
        ("profile = 3", "no profile in it"), ("[[profile", "no TOML"),
        ("x = " + "[" * 5000, "no TOML"),
    ],
)  # fmt: skip
def test_a_text_without_profiles_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(portable.NotPortable, match=why):
        portable.read(text)
