"""Why a paper has its place, or why it does not come: true for every paper, and it adds up."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.jobs.explain import Explained
from notifier.profiles.hits import answers
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.parser import parse
from notifier.profiles.rules import format_node
from notifier.ranking.explained import parts, trend_parts
from notifier.ranking.order import Fit, OrderSettings, Ranked, rank
from notifier.ranking.trending import Reading, Series, Talked, momenta, trends
from notifier.storage import store_matches, store_papers, store_subscribers

from .builders import NOON, a_paper
from .commands import Notifier, notifier
from .test_jobs import MONDAY, RAG, Instance
from .test_promises import dump
from .test_rising import BEST, DAY, HOUR, LATE, Lab

__all__ = ["notifier"]

unit = st.floats(0.001, 1)
told = st.tuples(st.sampled_from(["upvotes", "stars"]), st.integers(0, 99))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    made.app.close()


def explained(lab: Instance, paper: str, address: str = "ada@example.org") -> Explained:
    with lab.app.database.reading() as conn:
        rows = store_papers.rows_since(conn)
        (found,) = (one for one in store_papers.load(conn, rows) if one.id == paper)
    return lab.app.explain(found, lab.app.subscriptions.get(address))


def outcome(lab: Instance, paper: str, address: str = "ada@example.org") -> str:
    return explained(lab, paper, address).fate.outcome


# Parts add up.


@given(
    unit, st.none() | unit, st.floats(0, 60), st.none() | st.floats(-1, 1), st.floats(0, 5),
    st.floats(0, 0.5), st.dictionaries(st.integers(1, 40), st.integers(1, 10**6), min_size=1),
)  # fmt: skip
def test_the_parts_of_a_score_add_up_to_it(
    fits: float,
    trend: float | None,
    age: float,
    like: float | None,
    weight: float,
    share: float,
    totals: dict[int, int],
) -> None:
    settings = OrderSettings(trend_weight=weight, learning_share=share)
    paper = a_paper(trend=trend, first_seen_at=NOON - timedelta(days=age))
    likes = None if like is None else {1: like}
    (ranked,) = rank([Fit.of(paper, fits)], now=NOON, settings=settings, likes=likes)
    found = parts(ranked, totals, settings)
    assert sum(part.value for part in found) == pytest.approx(ranked.score, abs=1e-12)
    assert [part.line for part in found if part.kind == "rule"] == sorted(totals)
    assert all(part.value >= 0 for part in found if part.kind in ("rule", "trend"))
    assert all(part.value <= 0 for part in found if part.kind == "age")


def test_a_rule_that_counts_double_has_twice_the_part() -> None:
    ranked = Ranked(Fit.of(a_paper(), 0.6), 1.0, 0.5)
    one, two, *_ = parts(ranked, {1: 100, 2: 200}, OrderSettings())
    assert two.value == pytest.approx(2 * one.value)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["cs", "math", ""]),
            st.lists(told, min_size=1),
        ),
        min_size=1, max_size=12,
    )
)  # fmt: skip
def test_the_parts_of_a_trend_add_up_to_it_and_gains_to_its_momentum(
    papers: list[tuple[str, list[tuple[str, int]]]],
) -> None:
    talked = [
        Talked(
            row, field, NOON - DAY,
            [Reading(name, n, NOON - (20 - at) * HOUR) for at, (name, n) in enumerate(told)],
        )
        for row, (field, told) in enumerate(papers, 1)
    ]  # fmt: skip
    series = Series.of(talked)
    known, momentum = trends(talked, now=NOON), momenta(series, now=NOON)
    for row, one in enumerate(talked, 1):
        found = trend_parts(series, row, now=NOON)
        assert found is not None
        assert found.trend == known[row]
        added = found.own * found.in_field + (1 - found.own) * found.everywhere
        assert added == pytest.approx(found.trend)
        assert found.momentum == pytest.approx(momentum[row - 1], abs=1e-5)
        assert found.gains.keys() == {reading.name for reading in one.readings}
        assert found.field == one.field


def test_a_paper_without_signals_has_no_parts_of_a_trend() -> None:
    assert trend_parts(Series.of([]), 1, now=NOON) is None


# What rules find, and what they miss.


def missing(rule: str, text: str) -> list[str]:
    (answer,) = answers(parse(rule), IndexedPaper(a_paper(text)))
    return [format_node(node) for node in answer.missing]


@pytest.mark.parametrize(
    ("rule", "text", "lacks"),
    [
        ("graphs", "Trees", ["graphs"]),
        ("graphs + trees", "Graphs", ["trees"]),
        ("graphs + trees + stars", "Trees", ["graphs", "stars"]),
        ("graphs + (trees | stars)", "Graphs", ["trees | stars"]),
        ("(graphs + trees)^2 + stars", "Graphs and stars", ["trees"]),
        ("graphs + -trees", "Graphs and trees", ["-trees"]),
        ("graphs | trees", "Trees", []),
    ],
)
def test_what_a_rule_misses_is_named(rule: str, text: str, lacks: list[str]) -> None:
    assert missing(rule, text) == lacks


def test_never_rules_answer_too() -> None:
    found = answers(parse("graphs\n# none\n-survey"), IndexedPaper(a_paper("A survey of graphs")))
    assert [(one.line, one.is_never, one.hits is not None) for one in found] == [
        (1, False, True),
        (3, True, True),
    ]


# Outcomes.


def test_a_paper_that_was_sent_says_when_where_and_that_it_rose(lab: Lab) -> None:
    lab.reader("ada", "RAG")
    lab.show(4, at=timedelta(0))
    lab.mailed(at=3 * HOUR)
    found = explained(lab, BEST)
    assert found.fate.outcome == "sent"
    assert found.fate.reason == (
        'sent Mon 16 Nov 2026 08:00 in the digest of 2026-11-16, place 1, under "p"'
    )
    lab.show(42, at=DAY)
    lab.mailed(at=DAY + 3 * HOUR)
    assert explained(lab, LATE).fate.reason.endswith("as rising: +38 upvotes in 27 h")


def test_a_paper_over_the_limit_says_so_before_and_after_the_digest(lab: Lab) -> None:
    lab.reader("ada", "RAG")
    lab.show(4, at=timedelta(0))
    lab.app.match()
    found = explained(lab, LATE)
    assert found.fate.outcome == "over the limit"
    assert "takes 1 papers: place 2 of 2" in found.fate.reason
    assert outcome(lab, BEST) == "next"
    lab.mailed(at=3 * HOUR)
    found = explained(lab, LATE)
    assert found.fate.outcome == "over the limit"
    assert "took 1 of 2 that matched; it still comes if it rises before Mon 30" in found.fate.reason
    lab.show(42, at=DAY)
    lab.app.match()
    assert outcome(lab, LATE) == "next"


def test_a_digest_that_waits_to_be_sent_is_no_digest_sent(lab: Lab) -> None:
    lab.reader("ada", "RAG")
    lab.take(RAG)
    lab.now = MONDAY + 3 * HOUR
    lab.app.compose()
    assert outcome(lab, LATE) == "waiting"


def test_whoever_is_not_mailed_gets_nothing_for_that_reason(lab: Lab) -> None:
    lab.take(RAG)
    lab.app.subscriptions.request("cy@example.org", now=lab.now)
    lab.app.subscriptions.add_profile("cy@example.org", "p", "RAG", now=lab.now)
    assert explained(lab, LATE, "cy@example.org").fate.reason.endswith("has not confirmed yet")
    address = lab.reader("ada", "RAG")
    lab.app.subscriptions.leave(lab.app.subscriptions.get(address).row, now=lab.now)
    assert explained(lab, LATE).fate.reason.endswith("has unsubscribed")
    lab.reader("bo", "RAG")
    with lab.app.database.writing() as conn:
        store_subscribers.suppress(conn, "bo@example.org", "bounced", "550", lab.now)
    assert explained(lab, LATE, "bo@example.org").fate.reason.endswith("mailed: bounced")


def test_profiles_that_do_not_want_it_are_told_apart(lab: Lab) -> None:
    address = lab.reader("ada", "RAG\n-forget")
    lab.take(RAG, {"id": "2611.00009", "title": "Trees"})
    found = explained(lab, LATE)
    assert found.fate.outcome == "never"
    assert "line 2 of it is a never-rule" in found.fate.reason
    assert outcome(lab, "arxiv:2611.00009") == "not matched"
    lab.app.subscriptions.add_profile(address, "off", "trees", now=lab.now, enabled=False)
    found = explained(lab, "arxiv:2611.00009")
    assert found.fate.reason == 'only "off" wants it, which is switched off'
    lab.app.subscriptions.request("cy@example.org", now=lab.now)
    lab.app.subscriptions.confirm("cy@example.org", now=lab.now, because="asked")
    assert outcome(lab, LATE, "cy@example.org") == "no profile"


def test_what_is_new_and_not_matched_yet_is_not_guessed(lab: Lab) -> None:
    lab.reader("ada", "RAG")
    lab.app.match()
    lab.take(RAG)
    assert outcome(lab, LATE) == "unmatched"
    lab.app.match()
    assert outcome(lab, LATE) == "next"
    lab.app.subscriptions.add_profile("ada@example.org", "q", "RAG", now=lab.now)
    assert outcome(lab, LATE) == "unmatched"


def test_a_paused_reader_gets_it_after_the_pause(lab: Lab) -> None:
    address = lab.reader("ada", "RAG")
    lab.take(RAG)
    lab.app.match()
    lab.app.subscriptions.pause(address, until=MONDAY + 3 * DAY)
    found = explained(lab, LATE)
    assert found.fate.outcome == "next"
    assert "after the pause until Thu 19 Nov 2026 05:00" in found.fate.reason


def test_a_replacement_of_something_never_announced_is_history(lab: Lab) -> None:
    lab.reader("ada", "RAG")
    lab.take(RAG | {"type": "replace", "version": 2})
    lab.app.match()
    assert outcome(lab, LATE) == "history"


def test_a_new_version_that_was_over_the_limit_says_so(lab: Lab) -> None:
    address = lab.reader("ada", "RAG")
    lab.app.subscriptions.change(address, now=lab.now, replacements=True)
    lab.take(RAG | {"type": "replace", "version": 2, "title": "A study"})
    lab.take({"id": "2611.00002", "title": "RAG and RAG"})
    assert lab.mailed(at=3 * HOUR) == [BEST]
    assert outcome(lab, LATE) == "over the limit"


def test_a_paper_of_before_the_first_digest_was_before(lab: Lab) -> None:
    lab.take(RAG)
    lab.now = MONDAY + 10 * DAY
    lab.reader("ada", "RAG")
    lab.app.match()
    assert outcome(lab, LATE) == "before"


def test_a_paper_too_old_when_the_pause_ended_says_so(lab: Lab) -> None:
    address = lab.reader("ada", "RAG")
    lab.take(RAG)
    lab.app.subscriptions.pause(address, until=MONDAY + 20 * DAY)
    lab.now = MONDAY + 15 * DAY
    lab.app.match()
    assert outcome(lab, LATE) == "too old"
    lab.mailed(at=21 * DAY + 3 * HOUR)
    assert "more than 14 days before the digest" in explained(lab, LATE).fate.reason


def test_rules_written_after_the_digest_are_named_as_the_reason(lab: Lab) -> None:
    address = lab.reader("ada", "trees")
    lab.take(RAG)
    lab.mailed(at=3 * HOUR)
    lab.now += HOUR
    lab.app.subscriptions.add_profile(address, "p", "RAG", now=lab.now, replace=True)
    lab.app.match()
    found = explained(lab, LATE)
    assert found.fate.outcome == "changed"
    assert 'the rules of "p" were changed Mon 16 Nov 2026 09:00' in found.fate.reason


def test_a_paper_that_changed_after_the_digest_says_so(lab: Lab) -> None:
    lab.reader("ada", "forget + graphs")
    lab.take(RAG)
    lab.mailed(at=3 * HOUR)
    lab.now += HOUR
    lab.take(RAG | {"abstract": "On graphs.", "type": "replace", "version": 2})
    lab.app.match()
    reason = explained(lab, LATE).fate.reason
    assert reason.startswith("the paper was changed Mon 16 Nov 2026 09:00, after the digest of")


def test_the_digest_that_passed_it_over_is_named_and_no_later_one(lab: Lab) -> None:
    lab.reader("ada", "RAG")
    lab.show(4, at=timedelta(0))
    lab.mailed(at=3 * HOUR)
    lab.now = MONDAY + DAY
    lab.take({"id": "2611.00031", "title": "RAG"})
    lab.mailed(at=DAY + 3 * HOUR)
    assert "the digest of 2026-11-16 took 1 of 2" in explained(lab, LATE).fate.reason


def test_a_paper_that_only_begins_to_trend_was_not_over_the_limit_before(lab: Lab) -> None:
    address = lab.reader("ada", "RAG")
    lab.app.subscriptions.add_profile(address, "talk", "trending", now=lab.now)
    lab.show(4, at=timedelta(0))
    lab.mailed(at=3 * HOUR)
    assert lab.digests()[-1].more
    with lab.app.database.reading() as conn:
        rows = store_papers.rows_since(conn)
        paper = store_papers.load(conn, rows)[2].id  # asked for by no word
    assert outcome(lab, paper) == "not matched"
    lab.now = MONDAY + 9 * DAY
    others = [f"2611.0001{n}" for n in range(1, 8)]
    lab.take(*({"id": one, "title": "y", "upvotes": 0} for one in others), kind="huggingface")
    lab.app.match()
    found = explained(lab, paper)
    assert found.fate.outcome == "too old"
    assert "rules for what is trending take papers of the last 7 days" in found.fate.reason


def test_a_score_is_that_by_which_the_next_digest_orders(lab: Lab) -> None:
    lab.reader("ada", "RAG")
    lab.app.match()
    lab.take(RAG)
    lab.app.match()
    lab.take(*({"id": f"2611.001{n:02}", "title": "RAG"} for n in range(40)))  # RAG is common now
    with lab.app.database.reading() as conn:
        kept = store_matches.relevance(conn, 1, 1)
    (opinion,) = explained(lab, LATE).opinions
    assert opinion.ranked is not None
    assert opinion.ranked.fit.relevance == kept
    assert sum(part.value for part in opinion.parts) == pytest.approx(opinion.ranked.score)


def test_a_source_that_was_late_is_named_beside_the_next_digest(lab: Lab) -> None:
    lab.reader("ada", "RAG")
    lab.mailed(at=3 * HOUR)
    lab.now = MONDAY + 5 * HOUR
    lab.take(RAG)
    lab.app.match()
    found = explained(lab, LATE)
    assert found.fate.outcome == "next"
    assert "its source was late" not in found.fate.reason  # published after the digest was made
    with lab.app.database.writing() as conn:
        conn.exec_driver_sql("UPDATE paper SET published_at = '2026-11-16 01:00:00.000000'")
    assert (
        "its source was late: it arrived Mon 16 Nov 2026 10:00" in explained(lab, LATE).fate.reason
    )


# True for every paper.


WORDS = ("RAG", "graph", "agent", "survey", "protein", "storm")
RULES = (
    "RAG\n-survey", "graph + agent", "storm ^2\nprotein", "trending", "survey\ntrending + RAG",
    "title: agent", "cat: cs.LG",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_what_is_said_to_come_comes_and_nothing_else(tmp_path: Path, seed: int) -> None:
    """Days of chance: each paper is explained before digests are made, and again after."""
    draw = random.Random(seed)
    lab = Lab(tmp_path)
    rules = ["RAG | graph | agent", *draw.sample(RULES, 3)]
    readers = [lab.reader(f"reader{n}", one) for n, one in enumerate(rules)]
    with lab.app.database.writing() as conn:
        for row in (2, 3):
            store_subscribers.change(conn, row, max_papers=draw.randint(2, 5))
    shown: list[dict[str, object]] = []
    for day in range(4):
        lab.now = MONDAY + day * DAY
        for _ in range(5):
            title = " ".join(draw.sample(WORDS, 2))
            shown.append(
                {"id": f"2611.{len(shown):05d}", "title": title, "upvotes": draw.randint(0, 9)}
            )
        for paper in shown:
            if draw.random() < 0.3:
                paper["upvotes"] = draw.randint(0, 90)
        lab.take(*shown, kind="huggingface")
        lab.now += 3 * HOUR
        lab.app.match()
        before = dump(lab.app.database)
        promised = all_of(lab, readers)
        assert dump(lab.app.database) == before  # explaining changes nothing
        lab.app.compose()
        lab.sent()
        for key, said in all_of(lab, readers).items():
            assert (said == "sent") == (promised[key] in ("sent", "next")), (
                key,
                promised[key],
                said,
            )
    assert {"sent", "over the limit", "not matched"} <= set(promised.values())
    lab.app.close()


def all_of(lab: Lab, readers: list[str]) -> dict[tuple[str, str], str]:
    with lab.app.database.reading() as conn:
        papers = store_papers.load(conn, store_papers.rows_since(conn))
    return {
        (paper.id, address): lab.app.explain(paper, lab.app.subscriptions.get(address)).fate.outcome
        for paper in papers
        for address in readers
    }


# The command.


@pytest.fixture
def played(notifier: Notifier) -> Notifier:
    """An instance on which a digest was made, and commands that look at it."""
    lab = Instance(notifier.folder)
    lab.reader("ada", "RAG ^2\nforget + graphs\n-survey")
    lab.take(RAG)
    lab.take({"id": "2611.00001", "title": "RAGs that forget", "upvotes": 7}, kind="huggingface")
    lab.now = MONDAY + 3 * HOUR
    lab.app.compose()
    lab.sent()
    lab.app.close()
    notifier.on("test")
    return notifier


def test_the_command_tells_the_parts_in_words(played: Notifier) -> None:
    done = played("--now", "2026-11-16T12:00Z", "explain", "2611.00001", "--for", "ada@example.org")
    assert done.code == 0
    assert "arxiv:2611.00001  RAGs that forget" in done.out
    assert "Sent Mon 16 Nov 2026 08:00 in the digest of 2026-11-16" in done.out
    assert "line 1, RAG ^2: “RAGs” in the title, “RAG” in the abstract" in done.out
    assert "line 2, forget + graphs: no graphs" in done.out
    assert "line 3, -survey: does not hit" in done.out
    assert "age: first seen 7 hours ago" in done.out
    assert "+7.00 by upvotes" in done.out


def test_the_command_gives_programs_parts_that_add_up(played: Notifier) -> None:
    done = played(
        "--now", "2026-11-16T12:00Z", "explain", "https://arxiv.org/abs/2611.00001v1",
        "--for", "ada@example.org", "--format", "json",
    )  # fmt: skip
    found = done.json
    (profile,) = found["profiles"]
    assert found["outcome"] == "sent"
    assert found["digest"]["place"] == 1
    assert sum(part["value"] for part in profile["parts"]) == pytest.approx(profile["score"])
    added = sum(part["value"] for part in found["trend"]["parts"])
    assert added == pytest.approx(found["trend"]["value"])
    assert profile["rules"][0]["words"][0]["words"] == ["RAGs"]


def test_the_command_knows_what_is_not_there(played: Notifier) -> None:
    assert played("explain", "2611.99999", "--for", "ada@example.org").code == 4
    assert played("explain", "2611.00001", "--for", "eve@example.org").code == 4
    assert played("explain", "2611.00001").code == 2
