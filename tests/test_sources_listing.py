"""Saved Daily Papers listings: JSON and copied text give the same papers, and nothing invented."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import SourceError
from notifier.papers.paper import Batch, Entry
from notifier.sources.listing import ListingSource, organization
from tests.builders import NOON

LISTING = ListingSource("saved")
ABSTRACT = "Ferns grow where other plants give up, and nobody has asked them why. " * 6


def read(page: object) -> Batch:
    if isinstance(page, str):
        page = page.encode()
    body = page if isinstance(page, bytes) else json.dumps(page).encode()
    return LISTING.read(body, now=NOON)


def entries(page: object) -> list[Entry]:
    batch = read(page)
    assert batch.problems == ()
    return list(batch.entries)


def only(page: object) -> Entry:
    (entry,) = entries(page)
    return entry


def a_listed(title: str = "On the patience of ferns", **fields: Any) -> dict[str, Any]:
    return {"title": title, "abstract": ABSTRACT} | fields


def copied(foot: str, title: str = "On the patience of ferns") -> str:
    """Return one paper as it is copied from the page, with its foot."""
    return f"{title}\n{ABSTRACT}\n{foot}\n"


def day(entry: Entry) -> str:
    return f"{entry.published_at:%Y-%m-%d}" if entry.published_at else ""


def test_nothing_is_ever_asked() -> None:
    assert LISTING.requests(now=NOON, since=NOON) == []
    assert (LISTING.kind, LISTING.window, LISTING.replay) == ("listing", None, None)


# JSON files


def test_a_paper_of_a_file_is_read_whole() -> None:
    paper = a_listed(authors_count=7, date="Oct 31, 2023 2", comments=2)
    entry = only({"page": "Jan 9", "file": "a.txt", "papers": [paper]})
    assert (entry.title, entry.abstract) == ("On the patience of ferns", ABSTRACT.strip())
    assert entry.published_at == datetime(2023, 10, 31, tzinfo=UTC)
    assert entry.signals == {"comments": 2}
    assert entry.authors == ()
    assert entry.organization is None
    assert entry.announce == "new"


def test_a_list_alone_is_a_file_too() -> None:
    assert [e.title for e in entries([a_listed("On moss"), a_listed("On bog")])] == [
        "On moss",
        "On bog",
    ]


@pytest.mark.parametrize(
    ("fields", "comments"),
    [
        ({}, {}),
        ({"comments": 0}, {"comments": 0}),
        ({"comments": 3, "date": "Oct 31, 2023 2"}, {"comments": 3}),
        ({"date": "Oct 31, 2023 2"}, {"comments": 2}),
        ({"date": "Oct 31, 2023 0"}, {"comments": 0}),
        ({"date": "Oct 31, 2023"}, {}),
        *(({"comments": wrong}, {}) for wrong in (None, True, -1, "2", 2.5, [2], 10**400)),
    ],
)
def test_comments_are_a_signal_where_they_are_said(
    fields: dict[str, Any], comments: dict[str, float]
) -> None:
    assert only([a_listed(**fields)]).signals == comments


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("Oct 31, 2023", "2023-10-31"),
        ("Oct 31, 2023 2", "2023-10-31"),
        ("Oct 31, 20232", "2023-10-31"),
        ("October 3, 2023", "2023-10-03"),
        ("Sept. 3rd, 2023", "2023-09-03"),
        ("31 Oct 2023", "2023-10-31"),
        ("2023-10-31", "2023-10-31"),
        ("2023-10-31T20:00:00Z", "2023-10-31"),
        ("Jan 9", "2026-01-09"),
        ("Nov 20", "2026-11-20"),  # today
        ("Nov 21", "2025-11-21"),  # not before tomorrow, so last year's
        ("Dec 31 4", "2025-12-31"),
        ("Feb 29", "2024-02-29"),
        ("", ""),
    ],
)
def test_a_date_without_a_year_is_the_newest_that_has_been(written: str, read_as: str) -> None:
    assert day(only([a_listed(date=written)])) == read_as


@pytest.mark.parametrize("written", ["Feb 30, 2024", "Jan 92", "soon", "Oct 31, 2099", "Foo 3"])
def test_a_date_that_cannot_be_is_left_out_and_named(written: str) -> None:
    batch = read([a_listed(date=written)])
    assert [entry.published_at for entry in batch.entries] == [None]
    assert [p.reason for p in batch.problems] == [f'date "{written}" left out: not believable']


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("qualcomm Qualcomm", "Qualcomm"),
        ("zhihuanglab Zhi Huang Lab", "Zhi Huang Lab"),
        ("nvidia NVIDIA", "NVIDIA"),
        ("deepseek-ai DeepSeek", "DeepSeek"),
        ("Qwen Qwen", "Qwen"),
        ("HKUST Hong Kong University of Science and Technology",
         "Hong Kong University of Science and Technology"),
        ("mit Massachusetts Institute of Technology", "Massachusetts Institute of Technology"),
        ("google Google DeepMind", "Google DeepMind"),
        ("Qualcomm", "Qualcomm"),
        ("Zhi Huang Lab", "Zhi Huang Lab"),
        ("Max-Planck Institute", "Max-Planck Institute"),
        ("University of Oxford", "University of Oxford"),
        ("", None),
    ],
)  # fmt: skip
def test_an_organisation_loses_its_handle_and_nothing_else(written: str, name: str | None) -> None:
    assert organization(written) == name
    assert only([a_listed(organization=written)]).organization == name


@pytest.mark.parametrize(
    ("item", "label", "reason"),
    [
        (None, "#2", "no object"),
        (7, "#2", "no object"),
        ([], "#2", "no object"),
        ("On moss", "#2", "no object"),
        ({}, "#2", "no title"),
        ({"title": " ", "abstract": ABSTRACT}, "#2", "no title"),
        ({"title": ["On moss"]}, "#2", "no title"),
        ({"title": ABSTRACT}, ABSTRACT[:120].strip(), "title and abstract stand on one line"),
    ],
)
def test_a_broken_item_is_rejected_alone(item: object, label: str, reason: str) -> None:
    batch = read([a_listed("On moss"), item, a_listed("On bog")])
    assert [entry.title for entry in batch.entries] == ["On moss", "On bog"]
    ((found, why),) = [(p.entry, p.reason) for p in batch.problems]
    assert found.strip() == label
    assert reason in why


# Identity


@pytest.mark.parametrize(
    ("title", "again"),
    [
        ("On the patience of ferns", "ON THE PATIENCE OF FERNS"),
        ("On the patience of ferns", " On the  Patience\tof ferns. "),
        ("Moss", "MOSS."),
        ("Über Moos", "Uber  Moos"),
    ],
)
def test_the_same_title_is_the_same_paper(title: str, again: str) -> None:
    assert only([a_listed(title)]).aliases == only([a_listed(again)]).aliases


@pytest.mark.parametrize("other", ["On the patience of fern", "On ferns", "Ω", "?!"])
def test_another_title_is_another_paper(other: str) -> None:
    assert only([a_listed()]).aliases != only([a_listed(other)]).aliases


def test_a_text_and_a_file_give_one_paper() -> None:
    assert only(copied("• 7 authors · Jan 9")).aliases == only([a_listed()]).aliases


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "2611.00001"},
        {"arxiv_id": "arXiv:2611.00001v2"},
        {"url": "https://huggingface.co/papers/2611.00001"},
        {"link": "http://arxiv.org/pdf/2611.00001v1"},
        {"title": "[2611.00001v3] On the patience of ferns"},
        {"doi": "10.1000/abc", "url": "https://arxiv.org/abs/2611.00001"},
    ],
)
def test_an_id_beside_the_title_is_used(fields: dict[str, str]) -> None:
    entry = only([a_listed() | fields])
    assert [str(alias) for alias in entry.aliases[:1]] == ["arxiv:2611.00001"]
    assert entry.aliases[1:] == only([a_listed()]).aliases
    assert entry.urls["abs"] == "https://arxiv.org/abs/2611.00001"


@pytest.mark.parametrize("words", ["We extend ", ""])
def test_an_id_inside_an_abstract_is_another_papers(words: str) -> None:
    (alias,) = only([a_listed(abstract=f"{words}https://arxiv.org/abs/2611.00001")]).aliases
    assert alias.scheme == "guid"


# Text copied from the page

SEVEN = ("", "2023-10-31", {"comments": 2})
FEET = [
    ("• 7 authors\n· Oct 31, 2023 2", SEVEN),
    ("• 7 authors\n· Oct 31, 2023\n2", SEVEN),
    ("•\n7 authors\n·\nOct 31, 2023\n2", SEVEN),
    ("• 7 authors · Oct 31, 2023 2", SEVEN),
    ("•7 authors·Oct 31, 2023·2 comments", SEVEN),
    ("7 authors\nOct 31, 2023\n2", SEVEN),
    ("\n\n•\n\n7 authors\n\n·\n\nOct 31, 2023\n\n2\n\n", SEVEN),
    ("• 7\u00a0authors ·\u00a0Oct 31,\u202f2023 2", SEVEN),
    ("· 7 authors\n· Published on Oct 31, 2023\n· 2", SEVEN),
    ("• 1 author\n· Jan 9", ("", "2026-01-09", {})),
    ("• 1 author", ("", "", {})),
    ("• 12 authors\n·", ("", "", {})),
    ("· Jan 9", ("", "2026-01-09", {})),
    ("• qualcomm Qualcomm\n· Jan 9 0", ("Qualcomm", "2026-01-09", {"comments": 0})),
    ("•\nqualcomm Qualcomm\n·\nJan 9\n3", ("Qualcomm", "2026-01-09", {"comments": 3})),
    ("•\nqualcomm\nQualcomm\n·\nJan 9", ("Qualcomm", "2026-01-09", {})),
    ("•\nZhi Huang Lab\n·\nJan 9", ("Zhi Huang Lab", "2026-01-09", {})),
    ("qualcomm Qualcomm\n· Jan 9", ("Qualcomm", "2026-01-09", {})),
    ("qualcomm\nQualcomm\n·\nJan 9", ("Qualcomm", "2026-01-09", {})),
    ("zhihuanglab Zhi Huang Lab · Jan 9", ("Zhi Huang Lab", "2026-01-09", {})),
]


@pytest.mark.parametrize(("foot", "says"), FEET)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r", "\u2028"])
def test_a_foot_is_read_in_whatever_lines_it_stands(
    foot: str, says: tuple[str, str, dict[str, float]], ends: str
) -> None:
    page = copied(foot, "On moss") + copied(foot)
    found = entries(page.replace("\n", ends))
    assert [entry.title for entry in found] == ["On moss", "On the patience of ferns"]
    for entry in found:
        assert entry.abstract == ABSTRACT.strip()
        assert (entry.organization or "", day(entry), entry.signals) == says


@given(st.lists(st.sampled_from(FEET), min_size=1, max_size=6), st.randoms())
def test_papers_with_any_feet_stand_in_any_order(
    feet: list[tuple[str, tuple[str, str, dict[str, float]]]], random: Any
) -> None:
    page = "".join(copied(foot, f"Title number {n}") for n, (foot, _) in enumerate(feet))
    blanks = "".join(line + "\n" * random.randint(1, 3) for line in page.split("\n"))
    for text in (page, blanks):
        found = entries(text)
        assert [entry.title for entry in found] == [f"Title number {n}" for n in range(len(feet))]
        assert [(e.organization or "", day(e), e.signals) for e in found] == [s for _, s in feet]
        assert {entry.abstract for entry in found} == {ABSTRACT.strip()}


def test_an_abstract_of_several_lines_is_one_abstract() -> None:
    page = "On moss\nMoss is\nsoft, and green.\n\nWe sat on it\n• 2 authors\n· Jan 9\n"
    assert only(page).abstract == "Moss is soft, and green. We sat on it"


def test_the_last_words_of_an_abstract_are_no_organisation() -> None:
    page = "On moss\nMoss is soft.\nIt is\nvery green\n· Jan 9\n"
    entry = only(page)
    assert (entry.abstract, entry.organization) == ("Moss is soft. It is very green", None)


def test_a_dot_inside_an_abstract_is_no_foot() -> None:
    entry = only("On moss\nIt takes O(n·log n) steps • or 7 authors · in a day.\n• 2 authors\n")
    assert entry.abstract == "It takes O(n·log n) steps • or 7 authors · in a day."


def test_a_title_without_abstract_is_a_paper() -> None:
    assert [e.abstract for e in entries("On moss\n• 2 authors\nOn bog\n• 1 author\n")] == ["", ""]


def test_papers_without_feet_are_told_apart_by_their_lines() -> None:
    for gap in ("\n", "\n\n"):
        page = gap.join(["On moss", ABSTRACT, "CapsFusion", ABSTRACT, "Is it bog?", ABSTRACT])
        assert [entry.title for entry in entries(page)] == ["On moss", "CapsFusion", "Is it bog?"]


def test_a_paper_without_foot_does_not_melt_into_the_next() -> None:
    page = f"On moss\n{ABSTRACT}\n" + copied("• 7 authors · Jan 9")
    found = entries(page)
    assert [entry.title for entry in found] == ["On moss", "On the patience of ferns"]
    assert [day(entry) for entry in found] == ["", "2026-01-09"]


def test_headings_of_an_abstract_are_no_titles() -> None:
    page = f"On moss\n{ABSTRACT}\nMaterials and methods\n{ABSTRACT}\nResults\n{ABSTRACT}\n· Jan 9"
    assert only(page).title == "On moss"


def test_what_else_stands_on_the_page_is_no_title() -> None:
    page = (
        "Daily Papers\nby AK and the research community\nJan 9\nSubmitted by\nada\n42\n"
        + copied("• 7 authors · Jan 9 2")
        + "Upvote 12\n"
        + copied("• 3 authors\n· Jan 8", "On moss")
        + "Previous\nNext\n"
    )
    assert [e.title for e in entries(page)] == ["On the patience of ferns", "On moss"]


def test_text_after_the_last_paper_is_named() -> None:
    batch = read(copied("• 7 authors · Jan 9") + "On moss\nMoss is")
    assert len(batch.entries) == 1
    assert [(p.entry, p.reason) for p in batch.problems] == [
        ("-", 'text after the last paper left out: "On moss Moss is"')
    ]


@pytest.mark.parametrize(
    "page",
    [
        copied("• 7 authors · Jan 9") + "https://arxiv.org/abs/2611.00001\n" + copied("· Jan 8"),
        copied("• 7 authors · Jan 9\n2611.00001") + copied("· Jan 8", "On moss"),
        f"On ferns\narXiv:2611.00001\n{ABSTRACT}\n• 7 authors · Jan 9\n",
        f"[2611.00001] On ferns\n{ABSTRACT}\n• 7 authors\n",
        f"[On ferns](https://huggingface.co/papers/2611.00001)\n{ABSTRACT}\n• 7 authors\n",
    ],
)
def test_an_id_on_a_line_of_its_own_is_the_papers(page: str) -> None:
    found = entries(page)
    assert [str(e.aliases[0]) for e in found if "00001" in str(e.aliases[0])] == [
        "arxiv:2611.00001"
    ]
    assert str(found[0].aliases[0]) == "arxiv:2611.00001"
    assert "2611" not in found[0].title + found[0].abstract


def test_ids_stand_before_their_papers_where_the_first_does() -> None:
    page = (
        "2611.00001\n"
        + copied("• 7 authors · Jan 9")
        + "2611.00002\n"
        + copied("· Jan 8", "On moss")
    )
    assert [str(entry.aliases[0]) for entry in entries(page)] == [
        "arxiv:2611.00001",
        "arxiv:2611.00002",
    ]


def test_an_id_after_a_foot_is_no_organisation() -> None:
    entry = only(copied("qualcomm Qualcomm\n· Jan 9\n·\n2611.00001"))
    assert (entry.organization, str(entry.aliases[0])) == ("Qualcomm", "arxiv:2611.00001")


def test_title_and_abstract_on_one_line_are_a_problem_of_that_paper() -> None:
    joined = f"On moss {ABSTRACT} • 7 authors · Oct 31, 2023 2\n"
    batch = read(joined + copied("• 2 authors · Jan 9"))
    assert [entry.title for entry in batch.entries] == ["On the patience of ferns"]
    (problem,) = batch.problems
    assert problem.entry.startswith("On moss Ferns grow")
    assert "put a line break between them" in problem.reason


@pytest.mark.parametrize("between", ["\t", "\n", "\r\n"])
def test_one_line_per_paper_is_read_where_tabs_divide_it(between: str) -> None:
    line = between.join(["On moss", ABSTRACT.strip(), "• 7 authors", "· Oct 31, 2023", "2"])
    entry = only(f"{line}\n{line}\n".split("\n\n")[0].removesuffix(f"{line}\n"))
    assert (entry.title, day(entry), entry.signals) == ("On moss", "2023-10-31", {"comments": 2})


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "windows-1252", "utf-32"]
)
def test_a_page_is_read_in_the_encodings_of_windows(encoding: str) -> None:
    page = copied("• Universität Köln\n· Jan 9", "Über Farne und Moose")
    entry = only(page.encode(encoding))
    assert (entry.title, entry.organization) == ("Über Farne und Moose", "Universität Köln")


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n", "empty"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"Hello\nworld", "no papers"),
        (b"Jan 9", "no papers"),
        (b"{}", "no list of papers"),
        (b'{"papers": [', "no JSON"),
    ],
)
def test_what_is_no_listing_is_refused_in_one_clear_line(page: bytes, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(page)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
fields = st.sampled_from(["title", "abstract", "authors_count", "organization", "date", "comments"])


@given(st.dictionaries(fields, anything))
def test_no_shape_of_an_item_costs_its_neighbour(item: dict[str, Any]) -> None:
    batch = read([item, a_listed("On moss")])
    assert batch.entries[-1].title == "On moss"
    assert not any("bug" in problem.reason for problem in batch.problems)


pieces = st.sampled_from(
    ["•", "·", "7 authors", "Jan 9", "Oct 31, 2023 2", "2", "On moss", "\n", "\t", ABSTRACT,
     "qualcomm Qualcomm", "2611.00001", "[a](b)", "Upvote", "Submitted by", " "]
)  # fmt: skip


@given(st.lists(pieces | st.text(max_size=8), max_size=30).map("".join) | st.binary(max_size=99))
def test_any_text_gives_a_batch_or_a_clear_error(page: str | bytes) -> None:
    try:
        batch = read(page.encode("utf-8", "replace") if isinstance(page, str) else page)
    except SourceError as error:
        said = str(error)
    else:
        said = "".join(problem.reason for problem in batch.problems)
        assert all(entry.title and not entry.authors for entry in batch.entries)
    assert "\n" not in said
    assert "bug" not in said


@pytest.mark.parametrize(
    "piece", ["•", "· ", "7 authors\n", "http://a", "On moss\n", "Jan 9 ", ".)"]
)
def test_a_long_file_is_read_in_time(piece: str) -> None:
    batch = read(f"On moss\n{piece * (500_000 // len(piece))}\n{ABSTRACT}\n· Jan 9\n")
    assert batch.entries or batch.problems
