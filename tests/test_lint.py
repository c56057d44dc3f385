"""What is worth saying about rules: they find nothing, or far too much; and the table of hits."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.app import App
from notifier.config import Settings
from notifier.jobs.take import take_body
from notifier.profiles.amending import instead
from notifier.profiles.lint import RuleHits, alike, lint, silent_words
from notifier.profiles.parser import parse

from .builders import atom
from .commands import Notifier, notifier
from .databases import database_url

__all__ = ["notifier"]  # the fixture

MEANT = 'no hit in 30 days - did you mean "finetuning" instead of "finetunign"?'
ADD = "add a second word with +"
NARROW = "narrow it with +"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def said(
    rules: str, hits: dict[int, int], *, matches: int = 100, scanned: int = 1_000
) -> list[str]:
    """The warnings for rules that found so many papers, by line."""
    found = [RuleHits(line, papers, papers) for line, papers in hits.items()]
    spelled = {"finetunign": "finetuning"}
    return [
        str(problem)
        for problem in lint(
            parse(rules), found, matches=matches, scanned=scanned, days=30, spelled=spelled
        )
    ]


@pytest.mark.parametrize(
    ("rules", "hits", "expected"),
    [
        ("graph", {1: 0}, ["line 1, column 1: no hit in 30 days"]),
        ("x\nfinetunign", {1: 3, 2: 0},
         [f"line 2, column 1: {MEANT}"]),
        ("LLM + finetunign ^2", {1: 0},
         [f"line 1, column 1: {MEANT}"]),
        ("benchmark", {1: 51},
         [f"line 1, column 1: one very common word, in 5% of all papers - {ADD}"]),
        ("benchmark", {1: 50}, []),
        ("large model", {1: 900}, []),
        ("bench*", {1: 900}, []),
        ("cat: cs.CL", {1: 900}, []),
        ("large model\nRAG", {1: 51, 2: 9},
         [f'line 1, column 1: too broad: 51% of all matches come from "large model" - {NARROW}']),
        ("large model\nRAG", {1: 50, 2: 9}, []),
        ("large model", {1: 100}, []),  # alone it can only be everything
    ],
)  # fmt: skip
def test_a_rule_is_warned_of(rules: str, hits: dict[int, int], expected: list[str]) -> None:
    assert said(rules, hits) == expected


@pytest.mark.parametrize(
    ("rule", "cure"),
    [
        ("LLM + finetunign ^2", "LLM + finetuning ^2"),
        ("title: a finetunign | b", "title: a finetuning | b"),
        ('"finetunign" ~3 b -finetunign', '"finetuning" ~3 b + -finetuning'),
    ],
)
def test_a_word_that_was_meant_is_a_rule_to_take_instead(rule: str, cure: str) -> None:
    hits, spelled = [RuleHits(1, 0, 0)], {"finetunign": "finetuning"}
    (told,) = lint(parse(rule), hits, matches=9, scanned=9, days=30, spelled=spelled)
    assert told.cures == (cure,)
    assert instead(rule, 1, cure) == cure


def test_few_papers_and_few_matches_say_nothing_of_shares() -> None:
    assert said("benchmark\nRAG", {1: 19, 2: 1}, matches=19, scanned=199) == []
    assert said("benchmark", {1: 0}, scanned=0) == []


def test_a_hit_that_a_never_rule_takes_away_is_no_share() -> None:
    found = [RuleHits(1, papers=90, kept=1), RuleHits(2, papers=9, kept=9)]
    rules = parse("a b\nc d\n-survey")
    assert not list(lint(rules, found, matches=100, scanned=1_000, days=30, spelled={}))


def test_only_words_of_rules_that_found_nothing_are_looked_up() -> None:
    rules = parse('LLM agents\ngraph ~3 "netwrok"\ndiffus*\ncat: cs.CL\n-survye')
    found = [RuleHits(1, 4, 4), *(RuleHits(line, 0, 0) for line in (2, 3, 4))]
    assert silent_words(rules, found) == ["graph", "netwrok"]


KNOWN = {"transformer": 40, "transformers": 90, "transform": 3, "retrieval": 8, "rare": 1}


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("tranformer", "transformer"),
        ("tranformers", "transformers"),
        ("Retreival", "retrieval"),
        ("transformer", None),  # in use
        ("rarre", None),  # one paper's word may be a slip itself
        ("xyz", None),
        ("fine-tunign", None),  # two words
        ("", None),
    ],
)
def test_a_word_that_nobody_uses_is_likened_to_one_that_looks_alike(
    word: str, meant: str | None
) -> None:
    assert alike(word, KNOWN) == meant


@given(st.text(max_size=12), st.dictionaries(st.text(min_size=1, max_size=12), st.integers(0, 99)))
def test_what_is_meant_is_always_a_word_in_use_and_never_the_word_itself(
    word: str, known: dict[str, int]
) -> None:
    meant = alike(word, known)
    assert meant is None or (meant in known and meant != word)


# The command.


@pytest.fixture
def stocked(notifier: Notifier) -> Notifier:
    """A database with papers of three days: one is of October."""
    settings = Settings(database={"url": database_url(notifier.folder, "notifier")})
    app = App(settings, clock=lambda: NOW)
    days = {
        "2026-10-01": [("2610.00001", "Graphs of old")],
        "2026-11-18": [("2611.00001", "RAG agents"), ("2611.00002", "Fine tuning graphs")],
        "2026-11-20": [("2611.00003", "RAG survey"), ("2611.00004", "RAG again: graphs")],
    }
    for day, papers in days.items():
        body = atom([{"id": id_, "title": title} for id_, title in papers], day=day)
        source = app.intake.source_for_file("arxiv", "arxiv")
        take_body(app.database, source, body, now=datetime.fromisoformat(f"{day}T06:00:00+00:00"))
    app.close()
    return notifier


RULES = b"RAG ^2\nfinetuning\ngrahps\n-survey\n"


def test_each_rules_hits_are_counted_by_day_with_the_last_and_an_example(stocked: Notifier) -> None:
    result = stocked(
        "--now", NOW.isoformat(), "profile", "test", "-", "--by-rule", "--format", "jsonl",
        "--since", "2026-11-10T12:00Z", stdin=RULES,
    )  # fmt: skip
    assert result.code == 0
    assert result.rows == [
        {"line": 1, "rule": "RAG ^2", "papers": 3, "per_day": 0.3, "share": 0.667,
         "last": "2026-11-20", "example": "RAG survey"},
        {"line": 2, "rule": "finetuning", "papers": 1, "per_day": 0.1, "share": 0.333,
         "last": "2026-11-18", "example": "Fine tuning graphs"},
        {"line": 3, "rule": "grahps", "papers": 0, "per_day": 0.0, "share": 0.0,
         "last": None, "example": ""},
    ]  # fmt: skip
    assert 'no hit in 10 days - did you mean "graphs" instead of "grahps"?' in result.err
    assert "3 of 4 papers match, 0.3 a day" in result.err


def test_without_since_every_stored_paper_is_asked(stocked: Notifier) -> None:
    result = stocked("profile", "test", "-", "--format", "jsonl", stdin=b"graph\n")
    assert {row["paper"] for row in result.rows} == {
        "arxiv:2610.00001", "arxiv:2611.00002", "arxiv:2611.00004",
    }  # fmt: skip
    assert "3 of 5 papers match" in result.err


def test_the_limit_shows_the_best_and_counts_all(stocked: Notifier) -> None:
    arguments = ("--now", NOW.isoformat(), "profile", "test", "-", "--format", "jsonl")
    every = stocked(*arguments, stdin=RULES).rows
    best = stocked(*arguments, "--limit", 1, stdin=RULES)
    assert best.rows == every[:1]
    assert len(every) == 3
    assert "3 of 5 papers match" in best.err
    assert "the best 1 of them shown" in best.err


def test_hits_say_where_they_stand(stocked: Notifier) -> None:
    rows = stocked("profile", "test", "finetuning", "--format", "jsonl").rows
    assert [(hit["words"], hit["ranges"]) for hit in rows[0]["hits"]] == [
        (["Fine tuning"], [[0, 11]])
    ]


@pytest.mark.sqlite("files beside it")
def test_papers_are_read_once_and_then_from_files(stocked: Notifier) -> None:
    first = stocked("profile", "test", "RAG", "--format", "jsonl")
    again = stocked("profile", "test", "RAG", "--format", "jsonl")
    assert "reading papers for the first time: 5" in first.err
    assert "reading papers" not in again.err
    assert [row["paper"] for row in again.rows] == [row["paper"] for row in first.rows]
    assert Path(f"{stocked.folder}/notifier.db-words").is_dir()


def test_an_empty_database_is_said_and_warns_of_nothing(notifier: Notifier) -> None:
    result = notifier("profile", "test", "RAG", "--by-rule", "--format", "jsonl")
    assert result.rows == [
        {"line": 1, "rule": "RAG", "papers": 0, "per_day": 0.0, "share": 0.0, "last": None,
         "example": ""}
    ]  # fmt: skip
    assert "0 of 0 papers match" in result.err
    assert "warning" not in result.err
