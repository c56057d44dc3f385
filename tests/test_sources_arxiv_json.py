"""arXiv's papers as JSON: the metadata snapshot's lines, and announcements saved by others."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import SourceError
from notifier.papers.paper import Batch, Entry
from notifier.sources.arxiv import ArxivSource
from notifier.sources.source import Request

from .builders import NOON

ARXIV = ArxivSource("arxiv", ("cs.LG",))
SNAPSHOT = {
    "id": "hep-th/9901001",
    "submitter": "Ada Lovelace",
    "authors": 'Ada Lovelace, Bo Chen and Dora M\\"uller (ETH, Zurich)',
    "title": "On $n^2$ ferns\n  that grow",
    "comments": "12 pages",
    "journal-ref": "J. Ferns 12 (1999)",
    "doi": "10.1000/Ferns.1",
    "categories": "hep-th gr-qc",
    "abstract": "  They grow\nin the dark.\n",
    "versions": [
        {"version": "v1", "created": "Mon, 4 Jan 1999 10:00:00 GMT"},
        {"version": "v2", "created": "Tue, 5 Jan 1999 10:00:00 GMT"},
    ],
    "update_date": "2009-10-31",
}
SAVED = {
    "arxiv_id": "2611.00001",
    "title": "On ferns",
    "abstract": "They grow.",
    "authors": ["Ada Lovelace", "Bo Chen"],
    "primary_category": "cs.LG",
    "categories": ["stat.ML", "cs.LG"],
    "announce_type": "cross",
}


def read(*items: Any, asked: Request | None = None) -> Batch:
    body = json.dumps({"papers": list(items)}).encode()
    return ARXIV.read(body, now=NOON, asked=asked or Request(""))


def single(item: Any) -> Entry:
    (entry,) = read(item).entries
    return entry


def test_a_line_of_the_snapshot_is_read_whole() -> None:
    entry = single(SNAPSHOT)
    assert [str(alias) for alias in entry.aliases] == [
        "arxiv:hep-th/9901001",
        "doi:10.1000/ferns.1",
    ]
    assert (entry.title, entry.abstract) == ("On n² ferns that grow", "They grow in the dark.")
    assert entry.authors[:2] == ("Ada Lovelace", "Bo Chen")
    assert entry.authors[2].startswith("Dora Müller")
    assert (entry.categories, entry.journal) == (("hep-th", "gr-qc"), "J. Ferns 12 (1999)")
    assert (entry.version, entry.announce) == (2, "replace")
    assert entry.published_at == datetime(1999, 1, 4, 10, tzinfo=UTC)


def test_a_saved_announcement_keeps_its_type_and_its_primary_category_first() -> None:
    entry = single(SAVED)
    assert (entry.announce, entry.categories) == ("cross", ("cs.LG", "stat.ML"))
    assert entry.authors == ("Ada Lovelace", "Bo Chen")


@pytest.mark.parametrize("announce", ["new", "replace", "replace-cross"])
def test_every_announce_type_is_kept(announce: str) -> None:
    assert single(SAVED | {"announce_type": announce}).announce == announce


def test_json_lines_are_read_and_a_broken_line_costs_itself() -> None:
    lines = [json.dumps(SAVED), '{"id": "2611.00002", "title"', json.dumps(SNAPSHOT)]
    batch = ARXIV.read("\n".join(lines).encode(), now=NOON)
    assert len(batch.entries) == 2
    assert len(batch.problems) == 1


@pytest.mark.parametrize(
    ("broken", "reason"),
    [({"title": "No id"}, "no arXiv id"), ({"id": "2611.00002"}, "no title"), (7, "no object"),
     (None, "no object"), ({"id": "10.1000/x", "title": "A"}, "no arXiv id")],
)  # fmt: skip
def test_a_broken_item_costs_itself_alone(broken: Any, reason: str) -> None:
    batch = read(SAVED, broken, SNAPSHOT)
    assert len(batch.entries) == 2
    assert [problem.reason for problem in batch.problems] == [reason]


def test_a_withdrawal_is_seen_in_the_comment() -> None:
    said = {"comment": "This paper has been withdrawn by the authors"}
    assert single(SAVED | said).withdrawn
    assert not single(SAVED).withdrawn


def test_only_papers_of_what_was_asked_for_are_kept() -> None:
    asked = Request("http://a.example", ("cs.LG",))
    assert [str(e.aliases[0]) for e in read(SAVED, SNAPSHOT, asked=asked).entries] == [
        "arxiv:2611.00001"
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*SNAPSHOT, *SAVED]), inner, max_size=6)
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4))
def test_any_json_gives_entries_and_problems_or_one_clear_line(items: list[Any]) -> None:
    try:
        batch = read(*items)
    except SourceError:
        return
    assert not [p for p in batch.problems if "bug" in p.reason]
