"""Every benchmark runs, on a sample small enough for any machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "benchmarks/ingest.py", *arguments],
        cwd=ROOT, check=True, capture_output=True, text=True, timeout=100,
        env={"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"},
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def test_the_ingest_benchmark_prints_a_table_and_writes_its_figures(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    said = run("--papers", "40", "--repeats", "1", "--generated", "--json", str(file))
    assert said.startswith("40 papers\n")
    assert "feedparser alone" in said
    written = json.loads(file.read_text())
    assert (written["papers"], written["real"]) == (40, False)
    assert all(figure > 0 for figure in written["figures"].values())
    assert set(written["targets"]) <= set(written["figures"])
    assert {"processor", "python", "sqlite"} <= set(written["machine"])
