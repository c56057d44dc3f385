"""The benchmark of learning runs on a handful of papers, with or without its rivals."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ranking_learning
import ranking_suggesting

TOPICS = ("graph", "protein", "galaxy")
MANY = 12


def write(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    items = [
        {
            "item": 100 + number,
            "title": f"On the {TOPICS[number % 3]}",
            "abstract": f"We study {TOPICS[number % 3]} number w{number}.",
            "tags": [TOPICS[number % 3]],
        }
        for number in range(3 * MANY)
    ]
    libraries = [[100 + n for n in range(topic, 3 * MANY, 3)][:6] for topic in range(3)]
    write(tmp_path / "items.jsonl.gz", items)
    write(
        tmp_path / "users.jsonl.gz",
        ({"user": number, "items": [*library, 7]} for number, library in enumerate(libraries)),
    )
    return tmp_path


@pytest.fixture(autouse=True)
def no_rivals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on machines with and without scikit-learn."""

    def absent(corpus: object) -> None:
        raise ImportError("No module named 'sklearn'")

    monkeypatch.setattr(ranking_learning, "rivals", absent)


def test_the_figures_of_a_made_up_corpus_are_as_easy_as_it_is(folder: Path) -> None:
    report = ranking_learning.measure(folder, splits=2)
    ours = report.recalls["ours"]
    assert (report.people, ours.tuned_on, ours.held_back, ours.everybody) == (3, 1, 1, 1)
    assert report.rejection
    assert report.rejection.fall > 0
    assert "ours" in ranking_learning.table(report)


def test_a_missing_rival_is_skipped_with_its_reason(folder: Path) -> None:
    report = ranking_learning.measure(folder, people=2, splits=1)
    assert report.skipped == ["linear SVM: No module named 'sklearn' (uv pip install scikit-learn)"]
    assert "skipped: linear SVM" in ranking_learning.table(report)


def test_hidden_papers_are_counted_among_the_best_twenty_but_the_votes() -> None:
    scores = np.arange(30, dtype=np.float64)
    assert ranking_learning.found(scores, [29], {9, 8}) == 0.5
    assert scores[29] == 29


def test_the_profile_of_half_a_library_finds_the_other_half(folder: Path) -> None:
    report = ranking_suggesting.measure(folder)
    assert set(report.recalls) == {"ours", "words of the titles"}
    assert report.people == len(TOPICS)
    assert all(0 <= one.everybody <= 1 for one in report.recalls.values())
    assert report.recalls["ours"].everybody > 0
    assert "words of the titles" in ranking_suggesting.table(report)
