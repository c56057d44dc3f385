"""The table of all figures of the order of papers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ranking
import ranking_learning
import ranking_relevance
import ranking_trend
import review_rules

HAS_DATA = all(part.DATA.is_dir() for part in (ranking_relevance, ranking_learning, ranking_trend))


def absent(*_: Any) -> Iterator[ranking.Figure]:
    raise FileNotFoundError(2, "No such file", "/nowhere")


def not_installed(*_: Any) -> dict[str, Any]:
    raise ImportError("No module named 'sklearn'")


def test_without_captures_each_part_says_so_and_the_time_is_still_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for part in ("relevance", "learning", "suggesting", "trend"):
        monkeypatch.setattr(ranking, part, absent)
    figures, missing = ranking.measure(people=2, splits=1, papers=50)
    assert [one.what for one in missing] == ["relevance", "votes", "half a library", "trend"]
    assert [one.target for one in figures] == ["under 1", "under 1"]
    assert "votes: skipped, no captures at /nowhere" in ranking.table(figures, missing)


def test_a_target_that_is_missed_is_told() -> None:
    missed = ranking.Figure("recall", 0.2, "centroid 0.25", "0.25", False)
    said = ranking.table([missed, ranking.Figure("time", 0.5, "", "under 1", True)], [])
    assert "NOT MET" in said
    assert said.endswith("1 of 2 targets met")


@pytest.mark.skipif(not HAS_DATA, reason="no captures in ../shared/data")
def test_every_figure_stands_beside_a_baseline_and_a_target(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"
    monkeypatch.setattr(ranking_relevance, "tags", dict)  # the other parts are enough, and faster
    monkeypatch.setattr(ranking_learning, "rivals", not_installed)
    monkeypatch.setattr(review_rules, "DRAWN", 2)
    monkeypatch.setattr(ranking_trend, "QUIET_ONE_IN", (10,))
    monkeypatch.setattr(ranking, "one_core", lambda: None)
    arguments = ["--people", "6", "--splits", "1", "--papers", "100", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", ["ranking.py", *arguments])
    ranking.main()
    said, written = capsys.readouterr().out, json.loads(file.read_text())
    assert written["missing"] == []
    assert len(written["figures"]) == 6 + 2 + 1 + 2 + 2 + 2
    assert all(one["beside"] and one["target"] for one in written["figures"])
    assert "SVM: not installed" in said
    assert all(one["what"] in said for one in written["figures"])
