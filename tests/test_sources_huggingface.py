"""Hugging Face Daily Papers: fields come and go, and no shape of an answer breaks the reading."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import SourceError
from notifier.papers.paper import Batch, Entry
from notifier.sources.huggingface import HuggingFaceSource
from notifier.sources.source import Request
from tests.builders import NOON, daily_papers

DAILY = HuggingFaceSource("daily")


def read(answer: object) -> Batch:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return DAILY.read(body, now=NOON)


def only(answer: object) -> Entry:
    batch = read(answer)
    assert not batch.problems
    assert len(batch.entries) == 1
    return batch.entries[0]


def a_daily(number: int = 1, title: str = "On ferns", **paper: Any) -> dict[str, Any]:
    """Return an item as the service writes it; `paper` changes what stands under that name."""
    return {
        "paper": {"id": f"2611.{number:05d}", "title": title} | paper,
        "title": title,
    }


def whole() -> dict[str, Any]:
    item = a_daily(
        summary="They grow\nwhere x < 3.",
        publishedAt="2026-11-18T00:00:00.000Z",
        authors=[
            {"_id": "1", "name": "Ada Lovelace", "hidden": False, "user": {"fullname": "ada"}},
            {"_id": "2", "name": "Bo Chen", "hidden": False},
            {"_id": "3", "name": "Hidden Person", "hidden": True},
        ],
        upvotes=42,
        githubStars=7,
        githubRepo="https://github.com/a/b",
        projectPage="https://ferns.example",
        organization={"_id": "4", "name": "caltech", "fullname": "California Institute"},
    )
    return item | {
        "publishedAt": "2026-11-19T20:00:00.000Z",
        "numComments": 3,
        "submittedBy": {"_id": "5", "fullname": "Cy Young", "name": "cy", "type": "user"},
    }


# What is asked for


def queries(since: datetime | None = None, now: datetime = NOON, **source: Any) -> list[str]:
    """Return what is asked beside the limit, in order."""
    requests = HuggingFaceSource("daily", **source).requests(now=now, since=since)
    assert all("limit=100" in request.url for request in requests)
    return [request.url.split("?")[1].replace("&limit=100", "") for request in requests]


def test_the_last_days_are_asked_again_newest_last_then_what_is_trending() -> None:
    assert [r.url for r in DAILY.requests(now=NOON)] == [
        *(
            f"https://huggingface.co/api/daily_papers?date=2026-11-{day}&limit=100"
            for day in (18, 19, 20)
        ),
        "https://huggingface.co/api/daily_papers?sort=trending&limit=100",
    ]
    assert DAILY.window == timedelta(days=2)


def test_lists_have_further_pages_and_what_is_trending_has_one() -> None:
    assert [request.pages for request in DAILY.requests(now=NOON)] == [True, True, True, False]


def test_the_number_of_days_can_be_chosen() -> None:
    assert queries(days=1) == ["date=2026-11-20", "sort=trending"]
    assert HuggingFaceSource("daily", days=5).window == timedelta(days=4)


@pytest.mark.parametrize(
    ("since", "asked"),
    [
        ("2026-11-20", "date=2026-11-20"),
        ("2027-01-01", "date=2026-11-20"),  # a clock that was wrong
        ("2026-11-19", "date=2026-11-19 date=2026-11-20"),
        (
            "2026-11-05",
            "date=2026-11-05 date=2026-11-06 date=2026-11-07 date=2026-11-08 week=2026-W46 "
            "date=2026-11-16 date=2026-11-17 date=2026-11-18 date=2026-11-19 date=2026-11-20",
        ),
        (
            "2026-08-30",
            "date=2026-08-30 date=2026-08-31 month=2026-09 month=2026-10 date=2026-11-01 "
            "week=2026-W45 week=2026-W46 "
            "date=2026-11-16 date=2026-11-17 date=2026-11-18 date=2026-11-19 date=2026-11-20",
        ),
    ],
)
def test_a_long_gap_is_asked_by_months_then_weeks_then_days(since: str, asked: str) -> None:
    when = datetime.fromisoformat(since).replace(tzinfo=UTC)
    assert queries(when) == [*asked.split(), "sort=trending"]


def days_of(query: str) -> set[date]:
    """Return the days that a list holds, as the service counts them."""
    name, _, value = query.partition("=")
    if name == "month":
        first = date.fromisoformat(f"{value}-01")
        return {
            first + timedelta(n) for n in range(31) if (first + timedelta(n)).month == first.month
        }
    first = date.fromisoformat(f"{value}-1" if name == "week" else value)
    return {first + timedelta(n) for n in range(7 if name == "week" else 1)}


moments = st.dates(date(2023, 5, 1), date(2030, 1, 1)).map(
    lambda day: datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
)


@given(moments, st.integers(0, 1200))
def test_every_day_since_is_asked_once_and_none_outside(now: datetime, back: int) -> None:
    since = max(now - timedelta(back), datetime(2023, 5, 1, tzinfo=UTC))
    lists = [days_of(query) for query in queries(since, now)[:-1]]
    asked = [day for days in lists for day in sorted(days)]
    count = (now.date() - since.date()).days + 1
    assert asked == [since.date() + timedelta(n) for n in range(count)]  # oldest first
    assert len(lists) <= 40 + count / 28


@given(moments, st.integers(0, 400))
def test_a_refused_month_or_week_is_asked_by_its_days(now: datetime, back: int) -> None:
    for request in DAILY.requests(now=now, since=now - timedelta(back)):
        query = request.url.split("?")[1].split("&")[0]
        if query.startswith(("month", "week")):
            instead = [set(days_of(r.url.split("?")[1].split("&")[0])) for r in request.instead]
            assert set.union(*instead) == days_of(query)
        else:
            assert request.instead == ()


def test_nothing_is_asked_before_daily_papers_began() -> None:
    assert queries(datetime(1999, 1, 1, tzinfo=UTC))[0] == "month=2023-05"


def test_a_day_is_a_day_in_utc() -> None:
    late = datetime(2026, 11, 20, 20, tzinfo=timezone(timedelta(hours=-5)))
    assert queries(late, late, days=1) == ["date=2026-11-21", "sort=trending"]


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        (
            "https://a.example/api?submitter=ada",
            "https://a.example/api?submitter=ada&date=2026-11-20&limit=100 "
            "https://a.example/api?submitter=ada&sort=trending&limit=100",
        ),
        (
            "https://a.example/api?limit=9",
            "https://a.example/api?limit=9&date=2026-11-20 "
            "https://a.example/api?limit=9&sort=trending",
        ),
        ("https://a.example/api?sort=trending", "https://a.example/api?sort=trending&limit=100"),
        ("https://a.example/api?week=2026-W40", "https://a.example/api?week=2026-W40&limit=100"),
    ],
)
def test_an_address_with_a_question_keeps_it(address: str, asked: str) -> None:
    source = HuggingFaceSource("daily", (address,), days=1)
    assert [request.url for request in source.requests(now=NOON)] == asked.split()


# What is news


def announced(asked: str, **paper: Any) -> str:
    """Return how an item is announced in the answer to a query."""
    request = Request(f"https://huggingface.co/api/daily_papers?{asked}")
    body = json.dumps([a_daily(**paper)]).encode()
    return DAILY.read(body, now=NOON, asked=request).entries[0].announce


@pytest.mark.parametrize("asked", ["date=2026-11-20&limit=100", "month=2026-01", ""])
def test_what_a_list_shows_is_new_however_old_the_paper_is(asked: str) -> None:
    assert announced(asked, publishedAt="2019-01-01T00:00:00.000Z") == "new"


@pytest.mark.parametrize(
    ("paper", "how"),
    [
        ({"publishedAt": "2026-11-19T00:00:00.000Z"}, "new"),
        ({"publishedAt": "2026-11-07T00:00:00.000Z"}, "new"),
        ({"publishedAt": "2026-11-05T00:00:00.000Z"}, "update"),
        ({"publishedAt": "2025-01-01T00:00:00.000Z"}, "update"),
        ({"publishedAt": "2025-01-01", "submittedOnDailyAt": "2026-11-18T00:00:00.000Z"}, "new"),
        ({"publishedAt": "2025-01-01", "submittedOnDailyAt": "2026-10-18"}, "update"),
        ({"publishedAt": "2025-01-01", "submittedOnDailyAt": "soon"}, "update"),
        ({}, "new"),
    ],
)
def test_of_what_is_trending_only_the_last_fortnight_is_new(
    paper: dict[str, Any], how: str
) -> None:
    assert announced("sort=trending&limit=100", **paper) == how
    assert announced("limit=100&sort=trending", **paper) == how


# What an item holds


def test_an_item_is_read_whole() -> None:
    entry = only([whole()])
    assert [str(alias) for alias in entry.aliases] == ["arxiv:2611.00001"]
    assert (entry.title, entry.abstract) == ("On ferns", "They grow where x < 3.")
    assert entry.authors == ("Ada Lovelace", "Bo Chen")
    assert entry.signals == {"upvotes": 42, "comments": 3, "stars": 7}
    assert entry.organization == "California Institute"
    assert entry.submitted_by == "Cy Young"
    assert entry.published_at == datetime(2026, 11, 18, tzinfo=UTC)
    assert entry.urls["code"] == "https://github.com/a/b"
    assert entry.urls["project"] == "https://ferns.example"
    assert entry.urls["discussion"] == "https://huggingface.co/papers/2611.00001"
    assert entry.urls["abs"] == "https://arxiv.org/abs/2611.00001"


def test_id_and_title_are_enough() -> None:
    entry = only([{"paper": {"id": "2611.00001", "title": "On ferns"}}])
    assert (entry.title, entry.abstract, entry.authors) == ("On ferns", "", ())
    assert entry.signals == {}
    assert entry.organization is entry.submitted_by is entry.published_at is None


def test_id_and_title_may_stand_at_the_item_itself() -> None:
    entry = only([{"id": "2611.00001v2", "title": "On ferns", "upvotes": 2}])
    assert str(entry.aliases[0]) == "arxiv:2611.00001"
    assert entry.signals == {"upvotes": 2}


def test_a_field_may_stand_in_either_place() -> None:
    item = a_daily(numComments=5, submittedOnDailyBy={"name": "cy"})
    item |= {"upvotes": 9, "githubStars": 1, "summary": "They grow.", "organization": "MIT"}
    entry = only([item])
    assert entry.signals == {"upvotes": 9, "comments": 5, "stars": 1}
    assert (entry.abstract, entry.organization, entry.submitted_by) == ("They grow.", "MIT", "cy")


def test_zero_votes_are_a_signal_and_missing_ones_are_none() -> None:
    entry = only([a_daily(upvotes=0, githubStars=None)])
    assert entry.signals == {"upvotes": 0}


@pytest.mark.parametrize(
    ("fields", "withdrawn"),
    [
        ({}, False),
        ({"withdrawnAt": None}, False),
        ({"withdrawnAt": ""}, False),
        ({"withdrawnAt": "2026-11-19T08:00:00.000Z"}, True),
        ({"withdrawnAt": 1795075200}, True),
    ],
)
def test_a_withdrawal_is_seen_in_either_place(fields: dict[str, Any], withdrawn: bool) -> None:
    assert only([a_daily(**fields)]).withdrawn is withdrawn
    assert only([a_daily() | fields]).withdrawn is withdrawn


def test_what_a_language_model_wrote_is_left_out() -> None:
    entry = only([a_daily(ai_summary="Ferns, in short.", ai_keywords=["ferns"])])
    assert (entry.abstract, entry.categories) == ("", ())


@pytest.mark.parametrize("count", [None, True, "12", -1, 1e300, [], {}, "NaN", 10**400])
def test_what_is_no_count_is_no_signal(count: object) -> None:
    assert only([a_daily(upvotes=count)]).signals == {}


@pytest.mark.parametrize("count", ["NaN", "Infinity", "-Infinity"])
def test_a_count_that_is_no_number_is_no_signal(count: str) -> None:
    body = json.dumps([a_daily(upvotes=0)]).replace('"upvotes": 0', f'"upvotes": {count}')
    assert only(body.encode()).signals == {}


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "github.com/a/b", "https://a b", 7, None, ["https://a.example"]]
)
def test_what_is_no_web_address_is_no_link(url: object) -> None:
    assert "code" not in only([a_daily(githubRepo=url)]).urls


def test_a_title_in_two_lines_becomes_one_line() -> None:
    assert only([a_daily(title="On\nferns \u2028 and\x00 \ud800mosses")]).title == (
        "On ferns and mosses"
    )


def test_an_item_of_the_builder_is_read() -> None:
    body = daily_papers([{"id": "2611.00001", "title": "On ferns", "upvotes": 3}])
    assert only(body).signals == {"upvotes": 3, "comments": 0}


@pytest.mark.parametrize(
    "date", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "2099-01-01", "soon"]
)
def test_an_absurd_date_leaves_the_paper_and_names_the_problem(date: str) -> None:
    batch = read([a_daily(publishedAt=date)])
    assert [entry.published_at for entry in batch.entries] == [None]
    assert [(p.entry, p.reason) for p in batch.problems] == [
        ("2611.00001", f'date "{date}" left out: not believable')
    ]


# What the items are wrapped in


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda items: {"papers": items},
        lambda items: {"total": 2, "page": {"number": 1}, "results": items},
        lambda items: {"items": items, "next": None},
        lambda items: {"data": items},
        lambda items: {"dailyPapers": items, "dateString": "2026-11-20"},
        lambda items: b"\n".join(json.dumps(item).encode() for item in items),
        lambda items: b"\r\n\r\n".join(json.dumps(item).encode() for item in items) + b"\n",
        lambda items: b"\n".join(json.dumps(item, indent=2).encode() for item in items),
        lambda items: b"".join(b"\x1e" + json.dumps(item).encode() + b"\n" for item in items),
    ],
)
def test_a_list_is_found_in_whatever_holds_it(wrapped: Callable[[list[Any]], object]) -> None:
    batch = read(wrapped([a_daily(1), a_daily(2)]))
    assert [str(e.aliases[0]) for e in batch.entries] == ["arxiv:2611.00001", "arxiv:2611.00002"]


@pytest.mark.parametrize(
    "paper", [{"id": "2611.00001", "title": "On ferns", "upvotes": 4}, a_daily(upvotes=4)]
)
def test_one_paper_alone_is_read(paper: dict[str, Any]) -> None:
    assert only(paper).signals == {"upvotes": 4}


def test_a_broken_line_of_json_lines_costs_itself() -> None:
    good = [json.dumps(a_daily(number)) for number in (1, 2)]
    batch = read(f"{good[0]}\n{{'id':\n{good[1]}\n".encode())
    assert len(batch.entries) == 2
    assert [(p.entry, p.reason) for p in batch.problems] == [("#2", "no object")]


def test_a_cut_off_list_inside_an_object_keeps_its_whole_items() -> None:
    body = json.dumps({"total": 3, "papers": [a_daily(1), a_daily(2)]}).encode()[:-20]
    batch = read(body)
    assert len(batch.entries) == 1
    assert "after item 1" in batch.problems[0].reason


# Items that are broken


@pytest.mark.parametrize(
    ("item", "label", "reason"),
    [
        (None, "#2", "no object"),
        (7, "#2", "no object"),
        ("2611.00002", "#2", "no object"),
        ([], "#2", "no object"),
        ({}, "#2", "no paper id"),
        ({"paper": None}, "#2", "no paper id"),
        ({"paper": {"title": "On moss"}}, "On moss", "no paper id"),
        ({"paper": {"id": "2611.00002"}}, "2611.00002", "no title"),
        ({"paper": {"id": "2611.00002", "title": " \n"}}, "2611.00002", "no title"),
        ({"paper": {"id": "2611.00002", "title": ["T"]}}, "2611.00002", "no title"),
        ({"paper": {"id": 2611.00002, "title": "On moss"}}, "On moss", "no paper id"),
        ({"paper": {"id": ["2611.00002"], "title": "On moss"}}, "On moss", "no paper id"),
        ({"paper": {"id": "moss", "title": "On moss"}}, "moss", 'unknown id "moss"'),
    ],
)
def test_a_broken_item_is_rejected_alone(item: object, label: str, reason: str) -> None:
    batch = read([a_daily(1), item, a_daily(3)])
    assert [str(entry.aliases[0]) for entry in batch.entries] == [
        "arxiv:2611.00001",
        "arxiv:2611.00003",
    ]
    assert [(problem.entry, problem.reason) for problem in batch.problems] == [(label, reason)]


def test_a_title_of_the_wrong_type_falls_back_to_the_items() -> None:
    assert only([a_daily(1) | {"paper": {"id": "2611.00001", "title": 7}}]).title == "On ferns"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = (
    *("id", "title", "summary", "authors", "upvotes", "numComments", "githubStars", "publishedAt"),
    *("organization", "submittedBy", "submittedOnDailyBy", "githubRepo", "projectPage"),
    *("submittedOnDailyAt", "withdrawnAt", "mediaUrls", "ai_keywords", "isAuthorParticipating"),
)
fields = st.sampled_from(FIELDS)


@given(st.dictionaries(fields, anything), st.dictionaries(fields, anything))
def test_no_shape_of_an_item_costs_its_neighbour(
    paper: dict[str, Any], item: dict[str, Any]
) -> None:
    body = json.dumps([{"paper": paper, **item}, a_daily(2)]).encode()
    batch = DAILY.read(body, now=NOON, asked=Request("https://a.example/?sort=trending"))
    assert str(batch.entries[-1].aliases[0]) == "arxiv:2611.00002"
    assert not any("bug" in problem.reason for problem in batch.problems)


@given(anything | st.lists(anything, max_size=3))
def test_any_json_gives_a_batch_or_a_clear_error(answer: object) -> None:
    try:
        batch = read(answer)
    except SourceError as error:
        said = str(error)
    else:
        said = "".join(problem.reason for problem in batch.problems)
    assert "\n" not in said
    assert "bug" not in said


@given(st.binary(max_size=200))
def test_any_bytes_give_a_batch_or_a_clear_error(body: bytes) -> None:
    try:
        read(body)
    except SourceError as error:
        said = str(error)
    else:
        said = ""
    assert "\n" not in said


# Answers that are broken


def test_a_day_without_papers_is_no_problem() -> None:
    assert read([]) == Batch()


def test_a_cut_off_answer_keeps_its_whole_items_and_says_so() -> None:
    body = json.dumps([a_daily(number, summary="They grow, [{}]") for number in (1, 2, 3)]).encode()
    second, third = body.index(b"2611.00002"), body.index(b"2611.00003")
    for size in range(second, len(body)):
        batch = read(body[:size])
        kept = 1 if size < third - len('{"paper": {"id": "') - 2 else 2
        assert len(batch.entries) in (kept, kept + (size == len(body) - 1))
        assert batch.problems[0].entry == "-"
        assert "cut off" in batch.problems[0].reason


def test_a_broken_item_in_the_middle_keeps_those_before() -> None:
    good = json.dumps(a_daily(1))
    batch = read(f"[{good}, {{'paper': 1}}, {good}]".encode())
    assert len(batch.entries) == 1
    assert "after item 1" in batch.problems[0].reason


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"<!DOCTYPE html><html>Sign in</html>", "HTML page"),
        (b"\n<html>", "HTML page"),
        (b"Too Many Requests", "no JSON"),
        (b"[", "no JSON"),
        (b'[{"paper": {"id"', "no JSON"),
        (b'{"papers": [', "no JSON"),
        (b"404 not found", "no JSON"),
        (b'{"papers": {}}', "no list of papers"),
        (b"[" * 100_000, "no JSON"),
        (b"\x00\xff\xfe", "no JSON"),
        (b"{}", "no list of papers"),
        (b"null", "no list of papers"),
        (b'"text"', "no list of papers"),
        (b'{"error": {"nested": 1}}', "no list of papers"),
        (b'{"error": "Invalid date"}', "the service answered: Invalid date"),
    ],
)
def test_what_is_no_list_of_papers_is_refused_in_one_clear_line(body: bytes, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(body)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert " - " in str(caught.value) or "answered" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_name_survives_in_every_encoding_of_json(encoding: str) -> None:
    text = json.dumps([a_daily(title="Müller – 模型")], ensure_ascii=False)
    assert only(text.encode(encoding)).title == "Müller – 模型"


def test_one_broken_byte_spoils_no_other_paper() -> None:
    text = json.dumps([a_daily(1, title="Müller"), a_daily(2, title="Bro@ken")], ensure_ascii=False)
    batch = read(text.encode().replace(b"@", b"\xff"))
    assert [entry.title for entry in batch.entries] == ["Müller", "Bro\ufffdken"]


def test_a_long_cut_off_answer_is_read_in_time() -> None:
    batch = read(b"[" + b"1, " * 200_000)
    assert not batch.entries
    assert len(batch.problems) == 200_001


def test_what_is_trending_says_nothing_of_how_current_the_lists_are() -> None:
    requests = HuggingFaceSource("daily").requests(now=NOON)
    assert [r.announces for r in requests if "trending" in r.url] == [False]
    assert all(r.announces for r in requests if "date=" in r.url)
