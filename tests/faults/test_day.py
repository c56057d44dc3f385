"""Killed again and again through a whole day, everybody gets every digest and every paper."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

KILLS, CONNECTIONS = 30, 3


@pytest.mark.timeout(300)
def test_a_day_of_kills_loses_nothing_and_doubles_only_what_was_in_the_air() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.day", "--kills", str(KILLS), "--readers", "130",
         "--connections", str(CONNECTIONS), "--step-minutes", "45"],
        capture_output=True, text=True, check=True, timeout=290,
    )  # fmt: skip
    assert not done.stderr
    day = json.loads(done.stdout)
    came = day["outcome"]
    assert day["kills"] == KILLS
    assert set(day["by_phase"]) == {"ingest", "match", "compose", "deliver"}
    assert came["broken"] == {}, "after every kill"
    assert (came["not_made"], came["lost"], came["unrecorded"]) == (0, 0, 0)
    assert came["in_doubt"] <= CONNECTIONS, "of any one kill"
    assert came["extra"] <= CONNECTIONS * day["by_phase"]["deliver"]
    assert (came["undoubted"], came["bytes_differ"]) == (0, 0)
    assert came["papers_due"] == 1300
    assert (came["papers_lost"], came["papers_twice"], came["papers_foreign"]) == (0, 0, 0)
