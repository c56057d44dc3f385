"""Texts, names, dates and links: what is markup goes, what an author wrote stays."""

from __future__ import annotations

import html
import re
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.papers.text import one_line
from notifier.sources import cleaning
from tests.builders import NOON

SIGNS = [
    "p<0.05",
    "p < 0.05",
    "a < b and c > d",
    "if a<b then c>d",
    "if a<b then x=1 and c>d",
    "for i<p and q>r",
    "$1<r<q-1$ and y(u)<y(v)",
    "1<i and j>2",
    "the <think> token, <s> and </s>, <answer> or <|endoftext|>",
    'a "<picture of a man>" prompt',
    "<identity, text, video> triplets",
    "n<m",
    "<",
    "<<>>",
    "R&D at AT&T",
]


@pytest.mark.parametrize("text", SIGNS)
def test_signs_that_are_no_markup_are_kept(text: str) -> None:
    assert cleaning.plain(text) == text


@pytest.mark.parametrize("text", SIGNS)
def test_signs_survive_when_they_are_escaped_once(text: str) -> None:
    assert cleaning.plain(html.escape(text, quote=False)) == text


@pytest.mark.parametrize("text", SIGNS)
def test_signs_survive_beside_real_markup(text: str) -> None:
    assert cleaning.plain(f"<p>{text}</p> <i>E. coli</i>") == f"{text} E. coli"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One</p><p>two</p>", "One two"),
        ("One<br/>two<BR>three", "One two three"),
        ("<ul><li>one</li><li>two</li></ul>", "one two"),
        ("<table><tr><td nowrap>a</td><td>b</td></tr></table>", "a b"),
        ("H<sub>2</sub>O in <i>E. coli</i>", "H2O in E. coli"),
        ("<a href=\"https://a.example/?x=1&amp;y=2\" title='t'>link</a>", "link"),
        ('<a href="https://a.example/"title="no space">link</a>', "link"),
        ('<a href="https://a.example/" download>link</a>', "link"),
        ('<img alt="p<0.05" src="x.png"/>text', "text"),
        ("<!-- if a > b --><p>text</p><!-- end -->", "text"),
        ("<center><nobr>text</nobr></center>", "text"),
        ("<jats:p>text <jats:italic>more</jats:italic></jats:p>", "text more"),
        ("&lt;i&gt;E. coli&lt;/i&gt; grows", "E. coli grows"),
        ("caf&eacute; &amp; bar &#8211; x", "café & bar – x"),
    ],
)
def test_markup_goes_and_its_text_stays(markup: str, text: str) -> None:
    assert cleaning.plain(markup) == text


@pytest.mark.parametrize(
    "markup",
    [
        "before <script>alert(1 < 2)</script>after",
        '<script async src="https://evil.example/x.js"></script>before after',
        "before <style>p { color: red }</style>after",
        "before &lt;script&gt;alert(1)&lt;/script&gt;after",
        "before <svg><script>alert(1)</script></svg>after",
        "before <SCRIPT type='x'>alert(1)</SCRIPT >after",
    ],
)
def test_a_script_goes_with_its_content(markup: str) -> None:
    assert cleaning.plain(markup) == "before after"


def test_a_formula_in_mathml_is_kept_once() -> None:
    formula = (
        '<math display="inline"><semantics><msub><mi>x</mi><mn>2</mn></msub>'
        '<annotation encoding="application/x-tex">x_2</annotation></semantics></math>'
    )
    assert cleaning.plain(f"where {formula} grows") == "where x2 grows"


def test_a_formula_in_prefixed_mathml_is_kept() -> None:
    assert cleaning.plain("Li<mml:math><mml:mi>x</mml:mi></mml:math>O") == "LixO"


@given(st.lists(st.sampled_from(["x", "<", ">", "&", ";", "=", " ", "0.05", "lt", "/", '"', "é"])))
def test_text_that_was_escaped_comes_back_as_it_was(parts: list[str]) -> None:
    text = "".join(parts)
    assert cleaning.plain(html.escape(html.unescape(text))) == one_line(html.unescape(text))


@given(st.text() | st.text(alphabet="<>/!-pbai =\"'&;\n\x00"))
def test_any_text_becomes_one_line_without_controls(text: str) -> None:
    result = cleaning.plain(text)
    assert result == one_line(result)


@pytest.mark.parametrize(
    "part", ["<!--", "<a x=", '<a x="', "<p ", "<td a ", "<b>", "<div>", "<table><b>", "&lt;", "<"]
)
def test_hostile_markup_is_cleaned_in_time(part: str) -> None:
    begun = time.monotonic()
    cleaning.plain(part * (200_000 // len(part)))
    assert time.monotonic() - begun < 3


def test_tex_is_read_and_its_source_is_kept() -> None:
    assert cleaning.shown_and_source(r"An $\alpha$ channel") == (
        "An α channel",
        r"An $\alpha$ channel",
    )


def test_text_without_tex_has_no_source_of_its_own() -> None:
    assert cleaning.shown_and_source("<p>A title\nin two lines</p>") == (
        "A title in two lines",
        None,
    )


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (r"Schr\"odinger &amp; $n^{2-\varepsilon}$", "Schrödinger & n²⁻ᵋ"),
        (r"costs $5 to $10, 50% or 50\%", "costs $5 to $10, 50% or 50%"),
        ("<p>p&lt;0.05 for $x &lt; y$ and H<sub>2</sub>O</p>", "p<0.05 for x < y and H2O"),
        (r"see \cite{a} at \href{https://a.org/b}{here}", "see [a] at here (https://a.org/b)"),
        (r"our \method{} and $\mymacro_i$", r"our \method{} and $\mymacro_i$"),
    ],
)
def test_a_text_with_markup_and_tex_is_shown_as_a_reader_sees_it(written: str, shown: str) -> None:
    assert cleaning.shown_and_source(written)[0] == shown


words = st.text("abcdéλж图", min_size=2, max_size=6)
signs = st.sampled_from(
    ["<p>", "</p>", "<i>", "</i>", "<br/>", "<sub>", "&amp;", "&lt;", "<", ">", "p<0.05", "$x^2$",
     r"50\%", "$5", "$", "\\", "{", "}", r"\emph{", "<unknown>", "&", "<!-- -->", "\n", "\u200b"]
)  # fmt: skip


@given(st.lists(words | signs, max_size=12))
def test_no_word_among_html_and_tex_is_lost(pieces: list[str]) -> None:
    shown, source = cleaning.shown_and_source(" ".join(pieces))
    found = iter(re.findall(r"[^\W\d_]+", shown))
    assert all(word in found for word in pieces if word.isalpha())
    assert source in (None, cleaning.plain(" ".join(pieces)))


# People


def test_a_comma_in_parentheses_separates_nobody() -> None:
    names = ["Ada Lovelace (Analytical Engines, London), Bo Chen (MIT)"]
    assert cleaning.people(names, always_split=True) == (
        "Ada Lovelace (Analytical Engines, London)",
        "Bo Chen (MIT)",
    )


@pytest.mark.parametrize("joiner", [" and ", " & ", "; "])
def test_a_joiner_in_parentheses_separates_nobody(joiner: str) -> None:
    names = [f"Ada Lovelace (Physics{joiner}Astronomy, London), Bo Chen"]
    assert cleaning.people(names, always_split=True) == (
        f"Ada Lovelace (Physics{joiner}Astronomy, London)",
        "Bo Chen",
    )


@pytest.mark.parametrize(
    ("written", "people"),
    [
        (["Ada Lovelace", "Bo Chen"], ("Ada Lovelace", "Bo Chen")),
        (["Ada Lovelace, Bo Chen, Cy Young"], ("Ada Lovelace", "Bo Chen", "Cy Young")),
        (["Ada Lovelace and Bo Chen"], ("Ada Lovelace", "Bo Chen")),
        (["Lovelace, Ada; Chen, Bo"], ("Lovelace, Ada", "Chen, Bo")),
        (["Lovelace, Ada"], ("Lovelace, Ada",)),
        (["Lovelace, A."], ("Lovelace, A.",)),
        (
            ["Lovelace, A., Chen, B.-C., Young, C. D."],
            ("Lovelace, A.", "Chen, B.-C.", "Young, C. D."),
        ),
        (["De Boer, A. B., Lu, C."], ("De Boer, A. B.", "Lu, C.")),
        (["de Souza A, Lewis G, et al."], ("de Souza A", "Lewis G")),
        (["范存祥,林志斌,俞雅丽"], ("范存祥", "林志斌", "俞雅丽")),
        (["<a href='x'>Ada Lovelace</a>, <a href='y'>Bo Chen</a>"], ("Ada Lovelace", "Bo Chen")),
        (["Ada Lovelace", "Ada Lovelace"], ("Ada Lovelace",)),
        (["  ", "", ",", "-"], ()),
        (["Anderson Sandoval"], ("Anderson Sandoval",)),
        ([r"Paul Erd\H{o}s"], ("Paul Erdős",)),
        ([r"E. Schr\"odinger, {\'E}. Cartan"], ("E. Schrödinger", "É. Cartan")),
        ([r"Cartan, {\'E}., Erd{\H o}s, P."], ("Cartan, É.", "Erdős, P.")),
        (
            [r"Ga\v{s}per Be\v{g}u\v{s}", r"S{\l}awek Mart{\'\i}nez"],
            ("Gašper Beǧuš", "Sławek Martínez"),
        ),
        ([r"Bj{\o}rn \AA{}s and \c{C}elik Yi\u{g}it"], ("Bjørn Ås", "Çelik Yiğit")),
        (["Schr&ouml;dinger, E.; O&#39;Neil, J."], ("Schrödinger, E.", "O'Neil, J.")),
    ],
)
def test_names_are_told_apart(written: list[str], people: tuple[str, ...]) -> None:
    assert cleaning.people(written) == people


def test_single_names_are_told_apart_where_the_source_joins_with_commas() -> None:
    assert cleaning.people(["Deepti,  Madonna, Bo Chen"], always_split=True) == (
        "Deepti",
        "Madonna",
        "Bo Chen",
    )


@given(st.text(alphabet="ab ,;()[]&{}\n<>"))
def test_no_name_is_empty_or_twice(written: str) -> None:
    found = cleaning.people([written], always_split=True)
    assert all(name.strip() for name in found)
    assert len(set(found)) == len(found)


# Dates


@pytest.mark.parametrize(
    "when",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(1, 1, 1),  # noqa: DTZ001  a feed's own
        datetime(1899, 12, 31, tzinfo=UTC),
        datetime(2028, 4, 1, tzinfo=UTC),
        datetime(2099, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))),
    ],
)
def test_a_date_that_no_paper_can_have_is_no_date(when: datetime) -> None:
    assert cleaning.believable(when, now=NOON) is None


def test_the_cover_date_of_next_year_is_believed() -> None:
    cover = datetime(2027, 3, 1, tzinfo=UTC)
    assert cleaning.believable(cover, now=NOON) == cover


def test_a_date_is_told_in_utc() -> None:
    berlin = datetime(2026, 11, 20, 1, tzinfo=timezone(timedelta(hours=1)))
    found = cleaning.believable(berlin, now=NOON)
    assert found is not None
    assert found.isoformat() == "2026-11-20T00:00:00+00:00"


def test_a_date_without_zone_is_utc() -> None:
    naive = datetime(2026, 11, 20, 1)  # noqa: DTZ001  that is the point
    assert cleaning.believable(naive, now=NOON) == naive.replace(tzinfo=UTC)


# Links


@pytest.mark.parametrize("url", ["https://a.example/x?y=1#z", " http://a.example ", "HTTPS://A.B/"])
def test_a_web_address_is_a_link(url: str) -> None:
    assert cleaning.link(url) == url.strip()


@pytest.mark.parametrize(
    "written",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://a.example/x",
        "/relative",
        "https://",
        "https://a.example/ b",
        'https://a.example/"onclick="x',
        "https://a.example/\r\nBcc: x",
        "https://a.example/\x00",
        "https://a.example/\ud800",
        "https://a.example/\u202efdp",
        "",
        None,
        7,
        ["https://a.example"],
    ],
)
def test_anything_else_is_no_link(written: object) -> None:
    assert cleaning.link(written) is None


def test_half_a_character_beside_markup_costs_itself_alone() -> None:
    assert cleaning.plain("ferns \ud800 <i>and</i> mosses") == "ferns and mosses"
