"""The day of a million runs small, and the plan in docs/scale.md is what its costs say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import delivery_sink
import pytest
import scale
import scale_plan
from costs import Costs
from scale_database import Size, measured
from scale_needs import Need, demand
from scale_steps import instance
from simulate_day import Asked
from sqlalchemy import delete, func, select

from notifier.storage import tables as t
from notifier.storage.database import Database
from tests.databases import skip_without_postgres

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "scale.md"


@contextmanager
def a_folder() -> Iterator[Path]:
    """A folder that the user of a PostgreSQL server may enter, as pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="scale-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def run(benchmark: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, f"benchmarks/{benchmark}.py", *arguments],
        cwd=ROOT, check=True, capture_output=True, text=True, timeout=100,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"},
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_small_day_is_matched_written_and_sent_and_its_bytes_are_counted(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "postgres":
        skip_without_postgres()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    size = Size(subscribers=200, papers=80, seed=1)
    with (
        a_folder() as folder,
        measured(kind, folder, size) as url,
        delivery_sink.listening() as (port, _),
        instance(url, keep=15, port=port) as app,
    ):
        found = scale.measure(app, size, 30)
    assert found["matched_papers"] == 80
    assert found["planned"] == 200
    assert 0 < found["written"] <= 30
    assert found["sent"] == found["written"]
    assert found["bytes_mailed"]["message"] > 0
    assert found["bytes_matched"]
    assert all(found[f"{step}_s"] > 0 for step in ("cold", "match", "write", "send", "warm"))
    said = scale.told(found, size, kind)
    assert said.startswith("200 subscribers, 80 ")
    assert "0 of 0 targets met" in said  # they are for a million


def test_a_filled_database_is_kept_and_every_run_has_its_own_copy(tmp_path: Path) -> None:
    size = Size(subscribers=20, papers=20, seed=1)
    with measured("sqlite", tmp_path, size) as url, Database(url).writing() as conn:
        conn.execute(delete(t.profile))
    [kept] = tmp_path.glob("*.db")
    written = kept.stat().st_mtime_ns
    with measured("sqlite", tmp_path, size) as url, Database(url).reading() as conn:
        assert conn.scalar(select(func.count()).select_from(t.profile)) == 20
    assert kept.stat().st_mtime_ns == written


def test_the_simulated_day_prints_a_chart_and_writes_its_figures(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    said = run("simulate_day", "--subscribers", "2000", "--json", str(file))
    assert said.startswith("UTC")
    written = json.loads(file.read_text())
    day = written["figures"]["as asked"]
    assert day["inside"]["handed over"] == day["mails"] > 1_500
    assert day["age"]["p50"] < 60
    assert written["costs"] == Costs.read().told()


def test_the_tables_of_the_document_are_what_the_plan_prints() -> None:
    document = DOCUMENT.read_text()
    made = scale_plan.written(document, Costs.read())
    assert made == document, "python benchmarks/scale_plan.py --write docs/scale.md"
    assert all(f"<!-- scale_plan: {name} -->" in document for name in scale_plan.TABLES)


def test_a_document_that_asks_for_an_unknown_table_is_an_error() -> None:
    with pytest.raises(KeyError):
        scale_plan.written("<!-- scale_plan: nonsense -->\n\n<!-- end -->", Costs.read())


def test_ten_times_the_readers_need_ten_times_the_work_and_the_same_a_reader() -> None:
    one, ten = (Need(Costs.read(), many) for many in (1_000_000, 10_000_000))
    assert ten.core_seconds() == pytest.approx(10 * one.core_seconds())
    assert ten.database_bytes() - ten.table_bytes()["paper"] == pytest.approx(
        10 * (one.database_bytes() - one.table_bytes()["paper"])
    )
    assert 1 <= one.workers() <= ten.workers()


def test_readers_of_one_zone_want_more_in_an_hour_than_those_of_the_world() -> None:
    world, one = demand(), demand("Europe/Berlin")
    assert world.hour < one.hour
    assert 0.8 < world.mailed < 1
    assert world.minute < world.minute_at_once < 1


def test_costs_without_a_source_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "costs.json"
    file.write_text(json.dumps({"costs": {"plan_ms": {"value": 1, "what": "planning"}}}))
    with pytest.raises(ValueError, match="plan_ms"):
        Costs.read(file)


def test_the_simulation_takes_its_costs_from_what_was_measured() -> None:
    costs = Costs.read()
    works = Asked().works(costs)
    assert works.send_ms == costs["send_ms"]
    assert works.write_ms == costs["write_ms"] + costs["sign_ms"]
    assert works.ledgers == costs["ledgers_beside"]
