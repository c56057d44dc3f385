"""Papers that were passed over and rise later come once, and say what rose."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.profiles.profile import Schedule
from notifier.storage import store_digests, store_subscribers

from .test_jobs import DAILY, MONDAY, Instance
from .test_promises import dump

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LATE = "arxiv:2611.00001"
BEST = "arxiv:2611.00002"


def a_day(upvotes: float, others: float = 10) -> list[dict[str, Any]]:
    """Two papers on RAG, the first the weaker match, among others nobody asked for."""
    asked_by_nobody = [
        {"id": f"2611.0001{n}", "title": f"Paper {n}", "upvotes": others + n} for n in range(8)
    ]
    return [
        {"id": "2611.00001", "title": "A study", "summary": "Of RAG.", "upvotes": upvotes},
        {"id": "2611.00002", "title": "RAG and RAG again", "upvotes": 3},
        *asked_by_nobody,
    ]


class Lab(Instance):
    """An instance in which readers get one paper a day."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        super().__init__(folder, digest={"max_papers": 1}, **settings)

    def show(self, upvotes: float, *, at: timedelta, others: float = 10) -> None:
        """Daily Papers shows all papers so long after Monday morning."""
        self.now = MONDAY + at
        self.take(*a_day(upvotes, others), kind="huggingface")

    def mailed(self, *, at: timedelta) -> list[str]:
        """Which papers the digest made then holds."""
        self.now = MONDAY + at
        before = len(self.digests())
        self.app.compose()
        self.sent()
        return [paper for one in self.digests()[before:] for paper in self.papers(one.key)]

    def text(self) -> str:
        """The text of the last digest."""
        with self.app.database.reading() as conn:
            content = store_digests.content(conn, self.digests()[-1].key)
        assert content
        part = email.message_from_bytes(content, policy=email.policy.strict).get_body(("plain",))
        assert part is not None
        return part.get_content()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    made.app.close()


def test_a_paper_passed_over_that_rises_comes_once_and_says_what_rose(lab: Lab) -> None:
    lab.reader("ada", "RAG")
    lab.show(4, at=timedelta(0))
    assert lab.mailed(at=3 * HOUR) == [BEST]
    lab.show(42, at=DAY)
    assert lab.mailed(at=DAY + 3 * HOUR) == [LATE]
    assert "Rising: +38 upvotes in 27 h" in lab.text()
    assert "Why: RAG: “RAG” in the abstract" in lab.text()
    with lab.app.database.reading() as conn:
        (kept,) = store_digests.papers_of(conn, lab.digests()[-1].key)
    assert kept[2] == LATE
    lab.show(90, at=2 * DAY)
    assert lab.mailed(at=2 * DAY + 3 * HOUR) == []


def test_what_is_kept_of_a_digest_says_that_a_paper_was_rising(lab: Lab) -> None:
    lab.reader("ada", "RAG")
    lab.show(4, at=timedelta(0))
    lab.mailed(at=3 * HOUR)
    lab.show(42, at=DAY)
    lab.mailed(at=DAY + 3 * HOUR)
    (row,) = [line for line in dump(lab.app.database) if "upvotes in 27 h" in str(line)]
    assert "digest_paper" in str(row)


def test_a_rise_leaves_most_of_the_room_to_the_news(lab: Lab) -> None:
    address = lab.reader("ada", "RAG")
    lab.show(4, at=timedelta(0))
    lab.mailed(at=3 * HOUR)
    subscriber = lab.app.subscriptions.get(address)
    with lab.app.database.writing() as conn:
        store_subscribers.change(conn, subscriber.row, max_papers=4)
    lab.show(42, at=DAY)
    lab.take(*({"id": f"2611.0002{n}", "title": f"RAG {n}"} for n in range(5)))
    mailed = lab.mailed(at=DAY + 3 * HOUR)
    assert len(mailed) == 4
    assert LATE in mailed
    assert lab.digests()[-1].more == 2
    assert "4 papers for you" in lab.text()


def test_a_paper_that_was_kept_for_nobody_is_found_again_when_it_rises(tmp_path: Path) -> None:
    lab = Lab(tmp_path, matching={"keep": 1})
    lab.reader("ada", "RAG")
    lab.app.match()
    lab.show(4, at=timedelta(0))
    assert lab.mailed(at=3 * HOUR) == [BEST]
    lab.show(42, at=DAY)
    assert lab.mailed(at=DAY + 3 * HOUR) == [LATE]
    lab.app.close()


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (4, 4, "nothing rose"),
        (40, 45, "it was talked about all the time"),
        (0, 2, "it does not trend among the others"),
    ],
)
def test_a_paper_that_does_not_rise_stays_away(
    lab: Lab, before: float, after: float, why: str
) -> None:
    lab.reader("ada", "RAG")
    lab.show(before, at=timedelta(0))
    (first,) = lab.mailed(at=3 * HOUR)
    lab.show(after, at=DAY)
    assert lab.mailed(at=DAY + 3 * HOUR) == [], (first, why)


def test_a_paper_of_before_the_first_digest_was_not_passed_over(lab: Lab) -> None:
    lab.show(4, at=timedelta(0))
    lab.now = MONDAY + 10 * DAY  # a first digest looks back a week
    lab.reader("ada", "RAG")
    assert lab.mailed(at=10 * DAY + 3 * HOUR) == []
    lab.show(42, at=11 * DAY, others=11)
    assert lab.mailed(at=11 * DAY + 3 * HOUR) == []


def test_what_rises_after_a_fortnight_comes_no_more(lab: Lab) -> None:
    lab.reader("ada", "RAG")
    lab.show(4, at=timedelta(0))
    lab.mailed(at=3 * HOUR)
    for day in (5, 10):
        assert lab.mailed(at=day * DAY + 3 * HOUR) == []
    lab.show(42, at=14 * DAY + HOUR, others=11)
    assert lab.mailed(at=14 * DAY + 3 * HOUR) == []


def test_a_paper_too_old_to_be_sent_does_not_rise_either(lab: Lab) -> None:
    lab.reader("ada", "RAG", replace(DAILY, cadence="weekly"))
    lab.show(4, at=DAY)
    assert lab.mailed(at=7 * DAY + 3 * HOUR) == [BEST]
    lab.show(42, at=20 * DAY, others=11)
    assert lab.mailed(at=21 * DAY + 3 * HOUR) == []


def test_rules_for_what_is_trending_bring_more_than_a_part_of_a_digest(lab: Lab) -> None:
    address = lab.reader("ada", "RAG")
    lab.show(4, at=timedelta(0))
    late = [{"id": f"2611.0003{n}", "title": f"RAG {n}", "upvotes": 1} for n in range(3)]
    lab.take(*late, kind="huggingface")
    lab.mailed(at=3 * HOUR)
    lab.app.subscriptions.add_profile(address, "talk", "trending", now=lab.now)
    with lab.app.database.writing() as conn:
        store_subscribers.change(conn, lab.app.subscriptions.get(address).row, max_papers=4)
    lab.show(4, at=DAY)
    lab.take(*(paper | {"upvotes": 50} for paper in late), kind="huggingface")
    lab.take(*({"id": f"2611.0002{n}", "title": f"RAG {n}"} for n in range(5)))
    mailed = lab.mailed(at=DAY + 3 * HOUR)
    assert sum(paper.startswith("arxiv:2611.0003") for paper in mailed) > 1


def test_what_rose_in_a_week_comes_in_a_weekly_digest(lab: Lab) -> None:
    lab.reader("ada", "RAG", replace(DAILY, cadence="weekly"))
    lab.show(4, at=timedelta(0))
    assert lab.mailed(at=3 * HOUR) == [BEST]
    lab.show(42, at=2 * DAY)
    lab.show(43, at=5 * DAY)  # in the last day it hardly rose
    assert lab.mailed(at=7 * DAY + 3 * HOUR) == [LATE]
    assert "Rising: +39 upvotes in 7 days" in lab.text()


def test_making_digests_again_sends_no_rise_twice(lab: Lab) -> None:
    lab.reader("ada", "RAG")
    lab.reader("bo", "RAG", Schedule("Asia/Tokyo", 7, 0))
    lab.show(4, at=timedelta(0))
    lab.mailed(at=3 * HOUR)
    lab.mailed(at=18 * HOUR)
    lab.show(42, at=DAY)
    lab.mailed(at=DAY + 3 * HOUR)
    before = dump(lab.app.database)
    assert lab.app.compose().made == 0
    assert dump(lab.app.database) == before
    assert lab.mailed(at=DAY + 18 * HOUR) == [LATE]  # and Bo's comes at Bo's hour


def test_rules_that_never_want_it_hold_for_what_rises(lab: Lab) -> None:
    lab.reader("ada", "RAG\n-study")
    lab.show(4, at=timedelta(0))
    lab.mailed(at=3 * HOUR)
    lab.show(42, at=DAY)
    assert lab.mailed(at=DAY + 3 * HOUR) == []
