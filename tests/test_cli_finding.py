"""notifier paper search: rules find stored papers, in the order of digests, and cures are told."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from notifier.app import App
from notifier.config import Settings
from notifier.jobs import searching
from notifier.jobs.take import take_body
from notifier.profiles.lint import cures
from notifier.profiles.matching import concordance as concordances
from notifier.profiles.matching import phrases
from notifier.profiles.parser import parse

from .builders import NOON, a_paper, atom, daily_papers, relevances
from .commands import Notifier, notifier
from .databases import database_url

__all__ = ["notifier"]

DAYS = {
    "2026-10-01": [("2610.00001", "Graphs of old"), ("2610.00002", "On graphs")],
    "2026-11-18": [("2611.00001", "RAG agents"), ("2611.00002", "Fine tuning graphs")],
    "2026-11-20": [("2611.00003", "RAG survey"), ("2611.00004", "RAG again: graphs")],
}


def an_app(notifier: Notifier, now: datetime = NOON) -> App:
    settings = Settings(database={"url": database_url(notifier.folder, "notifier")})
    return App(settings, clock=lambda: now)


def take(app: App, body: bytes, now: datetime, kind: str = "arxiv") -> None:
    take_body(app.database, app.intake.source_for_file(kind, kind), body, now=now)  # type: ignore[arg-type]


@pytest.fixture
def stocked(notifier: Notifier) -> Notifier:
    """A database with papers of three days: two are of October."""
    app = an_app(notifier)
    for day, papers in DAYS.items():
        body = atom([{"id": id_, "title": title} for id_, title in papers], day=day)
        take(app, body, datetime.fromisoformat(f"{day}T06:00:00+00:00"))
    app.close()
    return notifier


def ids(result: object) -> list[str]:
    return [row["id"].removeprefix("arxiv:") for row in result.rows]  # type: ignore[attr-defined]


def search(notifier: Notifier, *arguments: object, stdin: bytes = b""):  # type: ignore[no-untyped-def]
    return notifier(
        "--now", NOON.isoformat(), "paper", "search", *arguments, "--format", "jsonl", stdin=stdin
    )


def test_papers_are_found_by_rules_with_date_score_title_and_the_words_that_hit(
    stocked: Notifier,
) -> None:
    result = search(stocked, "RAG + graph", "--limit", 5)
    (row,) = result.rows
    assert {key: row[key] for key in ("id", "first_seen_at", "title", "words", "trend")} == {
        "id": "arxiv:2611.00004", "first_seen_at": "2026-11-20T06:00:00Z",
        "title": "RAG again: graphs", "words": ["RAG", "graphs"], "trend": None,
    }  # fmt: skip
    assert 0 < row["score"] < row["relevance"] < 1
    assert [(hit["field"], hit["ranges"]) for hit in row["hits"]] == [
        ("title", [[0, 3]]), ("title", [[11, 17]]),
    ]  # fmt: skip
    assert (result.code, result.err.splitlines()[-1]) == (0, "1 of 6 papers match")
    head, line = stocked("paper", "search", "RAG + graph").out.splitlines()
    assert head.split() == ["id", "first_seen", "score", "title", "words"]
    assert line.split()[:2] == ["arxiv:2611.00004", "2026-11-20"]
    assert line.endswith("RAG, graphs")


def test_a_search_finds_what_profile_test_finds_in_the_same_order(stocked: Notifier) -> None:
    rules = b"RAG ^2\ngraph\n-survey\n"
    found = search(stocked, "-", "--limit", 100, stdin=rules)
    tested = stocked(
        "--now", NOON.isoformat(), "profile", "test", "-", "--format", "jsonl", stdin=rules
    )
    assert [(row["id"], row["score"]) for row in found.rows] == [
        (row["paper"], row["score"]) for row in tested.rows
    ]
    assert len(found.rows) == 5


def test_rules_come_from_a_file_and_from_standard_input(stocked: Notifier) -> None:
    file = stocked.folder / "rules.txt"
    file.write_text("RAG\n-survey\n")
    by_file, by_stdin = search(stocked, f"@{file}"), search(stocked, "-", stdin=b"RAG\n-survey\n")
    assert ids(by_file) == ids(by_stdin) == ["2611.00004", "2611.00001"]


@pytest.mark.parametrize(
    ("since", "expected"),
    [("12h", 2), ("3d", 4), ("8w", 6), ("2026-11-19", 2), ("2026-11-18T06:00Z", 4)],
)
def test_since_takes_a_time_back_or_a_moment(stocked: Notifier, since: str, expected: int) -> None:
    found = search(stocked, "RAG | graph | agents", "--since", since)
    assert len(found.rows) == expected


@pytest.mark.parametrize(
    ("since", "told"),
    [
        ("7q", '"7q" is no time - write it like 7d, 24h, 2w or 2026-11-21'),
        ("9999w", "lies outside the years 1970 to 2200"),
    ],
)
def test_a_since_that_is_none_is_wrong_usage(stocked: Notifier, since: str, told: str) -> None:
    result = search(stocked, "RAG", "--since", since)
    assert (result.code, result.out) == (2, "")
    assert told in result.err
    assert len(result.err.splitlines()) == 1


def test_the_limit_shows_the_best_and_counts_all_and_equal_papers_keep_their_order(
    stocked: Notifier,
) -> None:
    every = search(stocked, "cat: cs.LG", "--limit", 100)
    assert len(every.rows) == 6  # of one day all are equally good
    for limit in range(1, 6):
        best = search(stocked, "cat: cs.LG", "--limit", limit)
        assert ids(best) == ids(every)[:limit]
        assert f"6 of 6 papers match, the best {limit} shown" in best.err


def test_a_rule_in_error_is_told_and_the_others_still_search(stocked: Notifier) -> None:
    result = search(stocked, "-", stdin=b"RAG\ntitel: x\n")
    assert (result.code, len(result.rows)) == (3, 3)
    assert 'error: line 2, column 1: unknown field "titel:" - did you mean "title:"?' in result.err


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ("titel: x\n~5 y", ["error: line 1, column 1: unknown field", "error: line 2, column"]),
        ("-survey", ["error: these rules only leave papers out - add one that finds some"]),
        ("# nothing\n\n", ["error: there is no rule - write one, like: LLM agents"]),
        ("@none.txt", ["error: none.txt: No such file or directory"]),
    ],
)
def test_rules_that_can_find_nothing_are_wrong_usage(
    stocked: Notifier, rules: str, told: list[str]
) -> None:
    result = search(stocked, rules)
    assert (result.code, result.out) == (2, "")
    lines = result.err.splitlines()
    assert len(lines) == len(told)
    assert all(line.startswith(start) for line, start in zip(lines, told, strict=True))


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ("grahps", ['did you mean "graphs" instead of "grahps"?']),
        ("retrieval of trees", ["try a beginning (retrie*), fewer words, or | between them"]),
        ("author: Nobody", ["ask for less: leave a part out, or put | between parts"]),
    ],
)
def test_where_nothing_is_found_a_cure_is_told(
    stocked: Notifier, rules: str, told: list[str]
) -> None:
    result = search(stocked, rules)
    assert (result.code, result.out) == (0, "")
    papers = [line for line in result.err.splitlines() if "for the first time" not in line]
    assert papers == ["0 of 6 papers match", *told]


def test_where_no_papers_are_of_that_time_an_earlier_one_is_advised(stocked: Notifier) -> None:
    result = search(stocked, "RAG", "--since", "1h")
    assert result.code == 0
    assert "first seen since 2026-11-20 11:00Z: try an earlier --since" in result.err


def test_an_empty_database_tells_how_to_fill_it(notifier: Notifier) -> None:
    result = notifier("paper", "search", "RAG", "--format", "json")
    assert (result.code, result.json) == (0, [])
    assert "no papers are stored yet - fetch some: notifier ingest" in result.err


def test_trends_lift_papers_and_readings_that_come_later_are_seen_by_the_same_process(
    stocked: Notifier,
) -> None:
    app = an_app(stocked)

    def best() -> list[tuple[str, float | None]]:
        found, _ = app.library.search("RAG", since=NOON - timedelta(days=1), limit=9)
        return [(one.paper.id[-1], one.paper.trend) for one in found.best]

    before = best()
    assert {trend for _, trend in before} == {None}
    for number, upvotes in (("3", 1), ("4", 90)):
        item = {"id": f"2611.0000{number}", "title": "RAG", "upvotes": upvotes}
        take(app, daily_papers([item]), NOON, "huggingface")
    after = dict(best())
    assert after["4"] > after["3"]  # type: ignore[operator]
    assert best()[0][0] == "4"
    app.close()


# Every way to look up words gives the same.


@pytest.mark.parametrize("few", [0, 10**9])
def test_few_words_are_found_by_looking_them_up_as_by_looking_through_all(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    papers = [
        a_paper("Fine-tuning of LLMs", "Graph-based fine tuning. Of graphs and LLM agents.", row=1),
        a_paper("RAG", "A graph of agents; multi-modal", row=2, authors=("Yann LeCun", "Bo Li")),
        a_paper("Trees", "", row=3, authors=("Bo Li",), categories=("cs.CL", "cs.LG")),
    ]
    rules = (
        "finetuning\nLLM + graph\ntitle: RAG\ngraph ~5 agents\nmulti*\nauthor: Bo Li\n"
        "author: LeCun\ncat: cs.*\ncat: cs.CL ^2\n-trees + fine"
    )
    usual = relevances(rules, papers)
    monkeypatch.setattr(concordances, "_FEW", few)
    monkeypatch.setattr(phrases, "_FEW_KEYS", few)
    assert relevances(rules, papers) == usual
    assert set(usual) == {1, 2, 3}


def test_a_word_is_likened_to_words_that_begin_alike_only(stocked: Notifier) -> None:
    app = an_app(stocked)
    with app.database.reading() as conn:
        shelves = app.shelves.up_to_date(conn)
    every = searching.word_counts(shelves)
    some = searching.word_counts(shelves, "g")
    assert some == {word: count for word, count in every.items() if word.startswith("g")}
    assert some["graphs"] == 4
    app.close()


def test_cures_name_every_word_that_is_meant_once() -> None:
    meant = {"grahps": "graphs", "netwrok": "network"}
    rules = parse("grahps + netwrok\ngrahps\n-survye")
    assert list(cures(rules, meant.get)) == [
        'did you mean "graphs" instead of "grahps"?',
        'did you mean "network" instead of "netwrok"?',
    ]
