"""Files of reference managers: what is good is read, and what is not is named by its line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import UsageError
from notifier.papers.identity import Alias
from notifier.sources.bibliographies.reading import read
from notifier.sources.bibliographies.work import KINDS, Bibliography

BIBTEX = r"""
@article{a1, title={The {DNA} of "Uber things},
  author={M{\"u}ller, J{\"o}rg and Doe, Jane and others}, abstract={We, study},
  doi={10.1234/x.1}, keywords={one; two, three}, year=2020}
@misc{a2, title="No end, author={X}
@article{a3, title={Good one}, eprint={2508.12345}, archivePrefix={arXiv}}
@article{a3, title={Again}}
@comment{jabref-meta: x}
@string{foo="bar"}
@book{a4, year=1999}
"""
RIS = """TY  - JOUR
TI  - A <i>title</i>
AU  - Doe, Jane
AU  - Roe, R.
AB  - An abstract
DO  - 10.1234/X
KW  - a
ER  -

junk
TY  - PREP
T1  - Second
UR  - https://arxiv.org/abs/2508.12345v2
N2  - abs two
TY  - JOUR
TI  - No end
"""
CSL = [
    {"id": "x", "type": "article", "title": "One", "DOI": "10.1234/one",
     "note": "arXiv: 2508.12345",
     "author": [{"given": "J.", "family": "Doe"}, {"literal": "The Group"}, 3], "keyword": "a, b"},
    {"title": ["no", "text"], "DOI": 7},
    "nothing",
]  # fmt: skip


def titles(found: Bibliography) -> list[str]:
    return [one.title for one in found.works]


def test_bibtex_is_read_and_a_broken_entry_costs_itself_alone() -> None:
    found = read(BIBTEX.encode())
    first, second, third = found.works
    assert (found.kind, first.line, first.title) == ("bibtex", 2, 'The DNA of "Uber things')
    assert first.authors == ("Müller, Jörg", "Doe, Jane")
    assert first.keywords == ("one", "two", "three")
    assert first.aliases == (Alias("doi", "10.1234/x.1"),)
    assert (second.title, second.aliases) == ("Good one", (Alias("arxiv", "2508.12345"),))
    assert third.title == "Again"
    assert [one.line for one in found.unread] == [5, 10]
    assert "@article" in found.unread[0].why
    assert found.unread[1].why == "a4: no title and no id"


def test_ris_is_read_though_a_record_has_no_end() -> None:
    for content in (RIS.encode(), RIS.replace("\n", "\r\n").encode("utf-16")):
        found = read(content)
        assert found.kind == "ris"
        assert titles(found) == ["A title", "Second", "No end"]
        assert [one.line for one in found.works] == [1, 11, 15]
    assert found.works[0].authors == ("Doe, Jane", "Roe, R.")
    assert found.works[1].aliases == (Alias("arxiv", "2508.12345"),)
    assert found.works[1].abstract == "abs two"


@pytest.mark.parametrize("written", [CSL, {"items": CSL}])
def test_csl_json_is_read_item_by_item(written: object) -> None:
    found = read(json.dumps(written).encode())
    (one,) = found.works
    assert (found.kind, one.authors) == ("csl", ("J. Doe", "The Group"))
    assert one.aliases == (Alias("doi", "10.1234/one"), Alias("arxiv", "2508.12345"))
    assert [unread.line for unread in found.unread] == [2, 3]


def test_a_list_of_ids_is_read_each_once() -> None:
    text = (
        "2508.12345, 10.1234/zz\n# of old\nhttps://arxiv.org/abs/2401.00001v2 words\n2508.12345v3"
    )
    found = read(b"\xef\xbb\xbf" + text.encode())
    assert found.kind == "ids"
    assert [str(*one.aliases) for one in found.works] == [
        "arxiv:2508.12345", "doi:10.1234/zz", "arxiv:2401.00001",
    ]  # fmt: skip
    assert [(one.line, one.why) for one in found.unread] == [
        (3, '"words" is no arXiv id, DOI or PubMed id')
    ]


def test_an_old_file_is_read_by_its_own_letters() -> None:
    found = read("@misc{a, title={Über Erdős}}".replace("ő", "o").encode("cp1252"))
    assert titles(found) == ["Über Erdos"]


@pytest.mark.parametrize("content", [b"", b"hello world", b"\x00\xff\x00", b"<html></html>", b"["])
def test_what_is_none_of_them_is_refused_with_the_cure(content: bytes) -> None:
    with pytest.raises(UsageError, match=r"name (its form with --as|another form)"):
        read(content)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_file_makes_any_reader_fail_otherwise(content: bytes) -> None:
    for start in (b"", b"@article{a, ", b"TY  - JOUR\n", b"[{"):
        for kind in (None, *KINDS):
            try:
                found = read(start + content, kind)
            except UsageError:
                continue
            assert all(one.title or one.aliases for one in found.works)
            assert all(one.line >= 1 for one in (*found.works, *found.unread))


def test_thousands_of_entries_are_read_in_one_go() -> None:
    entry = "@article{{k{0}, title={{On things, part {0}}}, doi={{10.1234/{0}}}}}\n"
    found = read("".join(entry.format(number) for number in range(5_000)).encode())
    assert len(found.works) == 5_000
