"""JSON Feed: read as any other feed is, and what is broken costs itself only."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import SourceError
from notifier.papers.paper import Batch, Entry
from notifier.sources.feed import FeedSource
from tests.builders import NOON

BLOG = FeedSource("blog", ("https://blog.example/feed.json",))
VERSION = "https://jsonfeed.org/version/1.1"


def item(number: int = 1, **values: Any) -> dict[str, Any]:
    """An item; a value of None leaves the field out."""
    url = f"https://blog.example/{number}"
    given = {
        "id": url,
        "url": url,
        "title": f"Title {number}",
        "content_text": "They grow.",
    } | values
    return {name: value for name, value in given.items() if value is not None}


def feed(*items: Any, **values: Any) -> bytes:
    return json.dumps({"version": VERSION, "title": "Blog"} | values | {"items": items}).encode()


def read(body: bytes) -> Batch:
    return BLOG.read(body, now=NOON)


def outcome(body: bytes) -> Batch | SourceError:
    try:
        return read(body)
    except SourceError as error:
        return error


def only(**values: Any) -> Entry:
    batch = read(feed(item(**values)))
    assert not batch.problems
    return batch.entries[0]


def test_an_item_is_read_whole() -> None:
    entry = only(
        id="tag:blog,1",
        title="Ferns <i>again</i> &amp; p<0.05",
        content_text=None,
        content_html="<p>They <b>grow</b> where p&lt;0.05.</p>",
        authors=[{"name": "Ada Lovelace"}, {"name": "Bo Chen", "url": "https://bo.example"}],
        tags=["Botany", "Genetics"],
        date_published="2026-11-20T08:00:00+01:00",
        date_modified="2026-11-20T09:00:00Z",
    )
    assert entry.title == "Ferns again & p<0.05"
    assert entry.abstract == "They grow where p<0.05."
    assert entry.authors == ("Ada Lovelace", "Bo Chen")
    assert entry.categories == ("Botany", "Genetics")
    assert entry.published_at == datetime(2026, 11, 20, 7, tzinfo=UTC)
    assert [str(alias) for alias in entry.aliases] == [
        "guid:blog|tag:blog,1",
        "url:https://blog.example/1",
    ]
    assert entry.urls["page"] == "https://blog.example/1"


@pytest.mark.parametrize(
    ("values", "abstract"),
    [
        ({"summary": "Short."}, "Short."),
        ({"content_text": "where <b> is a tag"}, "where <b> is a tag"),
        ({"content_text": None}, ""),
    ],
)
def test_a_summary_comes_first_and_plain_text_holds_no_markup(
    values: dict[str, Any], abstract: str
) -> None:
    assert only(**values).abstract == abstract


def test_the_single_author_of_version_1_is_read() -> None:
    assert only(author={"name": "Ada Lovelace"}).authors == ("Ada Lovelace",)


def test_the_later_date_serves_where_there_is_no_first_one() -> None:
    entry = only(date_modified="2026-11-20T09:00:00")
    assert entry.published_at == datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "alias"),
    [
        ({"id": 7, "url": None}, "guid:blog|7"),
        (
            {"id": None, "url": None, "external_url": "https://x.example/1"},
            "url:https://x.example/1",
        ),
        ({"url": "https://arxiv.org/abs/2611.00001v2"}, "arxiv:2611.00001"),
        ({"id": "https://doi.org/10.1000/ABC"}, "doi:10.1000/abc"),
    ],
)
def test_any_id_or_address_names_an_item(values: dict[str, Any], alias: str) -> None:
    assert str(only(**values).aliases[0]) == alias


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (item(2, title=None), "no title"),
        (item(2, id=None, url=None), "no id and no link"),
        ("text", "no title"),
        (None, "no title"),
    ],
)
def test_a_broken_item_costs_itself_only(broken: Any, reason: str) -> None:
    batch = read(feed(item(1), broken, item(3)))
    assert [entry.title for entry in batch.entries] == ["Title 1", "Title 3"]
    assert [problem.reason for problem in batch.problems] == [reason]


@pytest.mark.parametrize("date", ["soon", "2099-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_an_absurd_date_leaves_the_item_and_names_the_problem(date: str) -> None:
    batch = read(feed(item(date_published=date)))
    assert batch.entries[0].published_at is None
    assert [problem.reason for problem in batch.problems] == [
        f'date "{date}" left out: not believable'
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_every_encoding_of_unicode_is_read(encoding: str) -> None:
    body = json.dumps(json.loads(feed(item(title="Müller"))), ensure_ascii=False)
    assert read(body.encode(encoding)).entries[0].title == "Müller"


@pytest.mark.parametrize(
    "version", ["https://jsonfeed.org/version/1", "http://jsonfeed.org/version/1.1"]
)
def test_a_feed_without_items_is_no_problem(version: str) -> None:
    assert read(feed(version=version)) == Batch()


def test_a_feed_that_is_cut_off_keeps_its_whole_items_and_says_so() -> None:
    body = feed(item(1), item(2), item(3))
    batch = read(body[: body.index(b"Title 3")])
    assert [entry.title for entry in batch.entries] == ["Title 1", "Title 2"]
    assert batch.problems[0].entry == "-"
    assert "broken" in batch.problems[0].reason


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{}", "no JSON Feed"),
        (b'{"items": []}', "no JSON Feed"),
        (b'{"version": 1, "items": [{"title": "T", "id": "1"}]}', "no JSON Feed"),
        (b'{"error": "Not found"}', "no JSON Feed"),
        (b'{"version"', "JSON is broken"),
        (feed(item())[:80], "JSON is broken"),
        (b'{"a":' * 100_000, "JSON is broken"),
    ],
)
def test_what_is_no_json_feed_is_refused_in_one_clear_line(body: bytes, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(body)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = ["id", "url", "title", "summary", "content_html", "content_text", "authors", "author",
          "tags", "date_published", "external_url"]  # fmt: skip


@given(st.dictionaries(st.sampled_from(FIELDS), anything))
def test_fields_of_any_kind_break_nothing(values: dict[str, Any]) -> None:
    batch = read(feed(values, item(2)))
    assert "Title 2" in [entry.title for entry in batch.entries]
    assert not [problem for problem in batch.problems if "bug" in problem.reason]


@given(st.binary(max_size=100), st.integers(0, 200))
def test_a_damaged_feed_gives_whole_items_or_a_clear_error(damage: bytes, place: int) -> None:
    body = feed(item(1), item(2))
    result = outcome(body[:place] + damage + body[place + len(damage) :])
    if isinstance(result, Batch):
        assert all(entry.title and entry.aliases for entry in result.entries)
    else:
        assert "\n" not in str(result)
