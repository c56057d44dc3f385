"""Every benchmark runs, on a sample small enough for any machine."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import matching
import pytest
import rivals
import scale_workers
import search
import workload
from rival_sqlite import SqliteFts5

from notifier.papers.paper import Paper
from notifier.profiles.hits import match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.parser import parse
from notifier.ranking import kernel

from .databases import skip_without_postgres

ROOT = Path(__file__).resolve().parents[1]


def run(benchmark: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, f"benchmarks/{benchmark}.py", *arguments],
        cwd=ROOT, check=True, capture_output=True, text=True, timeout=100,
        env={"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"},
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def test_the_ingest_benchmark_prints_a_table_and_writes_its_figures(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    said = run("ingest", "--papers", "40", "--repeats", "1", "--generated", "--json", str(file))
    assert said.startswith("40 papers\n")
    assert "feedparser alone" in said
    written = json.loads(file.read_text())
    assert (written["papers"], written["real"]) == (40, False)
    assert all(figure > 0 for figure in written["figures"].values())
    assert set(written["targets"]) <= set(written["figures"])
    assert {"processor", "python", "sqlite"} <= set(written["machine"])


def test_the_matching_benchmark_prints_a_table_and_writes_its_figures(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    said = run(
        "matching", "--profiles", "120", "--papers", "60", "--repeats", "1", "--rivals",
        "--seconds", "0.1", "--corpus", str(tmp_path / "none"), "--json", str(file),
    )  # fmt: skip
    assert said.startswith("120 profiles x 60 generated papers, best 15\n")
    written = json.loads(file.read_text())
    figures = written["figures"]
    for figure in ("tokenise", "decide", "best", "total", "batch", "changed", "changed_and_ready",
                   "calibration", "loops", "compile", "peak_megabytes", "postings", "matches",
                   "results", "clauses"):  # fmt: skip
        assert figures[figure] > 0, figure
    assert "bytes_per_profile" in figures  # of so few, what a process grows by is chance
    assert figures["equal"] == figures["checked"] == 100
    assert figures["results"] <= 120 * 15
    assert written["asked"]["kind"] == "generated"
    names = {rival["name"]: rival for rival in written["rivals"]}
    assert {"sparse_dot_topn", "SQLite FTS5", "PostgreSQL GIN"} < set(names)
    assert names["SQLite FTS5"]["profiles"] > 0
    assert all("skipped" in rival or rival["ratio"] > 0 for rival in names.values())
    assert names["sparse_dot_topn"].get("equal", True)


def test_the_matching_benchmark_grows_its_profiles_for_a_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(matching, "TABLE_PROFILES", (20, 60))
    monkeypatch.setattr(matching, "TABLE_PAPERS", (5, 30))
    monkeypatch.setattr(matching, "one_core", lambda: None)
    monkeypatch.setattr(kernel, "compiled", lambda: None)  # put back, whatever happens
    asked = matching.Asked(
        profiles=60, papers=30, seed=1, keep=3, corpus=tmp_path / "none", rivals=False, seconds=0,
        table=True, numba=False, repeats=1,
    )  # fmt: skip
    measured = matching.measure(asked)
    cells = [(cell["profiles"], cell["papers"]) for cell in measured["table"]]
    assert cells == [(20, 5), (20, 30), (60, 5), (60, 30)]
    assert all(cell["total"] > 0 for cell in measured["table"])
    assert measured["table"][-1]["results"] == measured["figures"]["results"]
    lines = list(matching.told(asked, measured))
    assert [line.split()[0] for line in lines[-3:]] == ["seconds", "20", "60"]


def test_the_benchmark_of_profile_test_finds_papers_and_writes_its_figures(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    said = run(
        "backtest", "--papers", "90", "--repeats", "1", "--corpus", str(tmp_path / "none"),
        "--json", str(file),
    )  # fmt: skip
    assert said.startswith("90 generated papers; target 0.1 s\n")
    written = json.loads(file.read_text())
    assert written["figures"]["first"] > 0
    for profile in written["figures"]["profiles"]:
        assert min(profile["again"], profile["fresh"]) > 0
        assert profile["papers"] > 0, profile["profile"]


def test_the_benchmark_of_paper_search_finds_what_full_text_search_finds_of_plain_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    papers = generated(90)
    asked = search.questions(papers, "generated")[1:3]
    monkeypatch.setattr(search, "questions", lambda *_: asked)
    figures = search.measure(papers, "generated", str(tmp_path), repeats=1)
    assert [row["question"] for row in figures["questions"]] == ["one very common word", "a + b"]
    for row in figures["questions"]:
        times = [row[name] for name in ("again", "fresh", "command", "fts5", "ratio")]
        assert min(times) > 0
        assert row["papers"] == row["fts5_papers"] > 0
    lines = search.table(figures, 90, "generated").splitlines()
    assert lines[0] == "90 generated papers, best 20; target 50 ms again"
    assert len(lines) == 3 + len(asked)


def test_the_signing_benchmark_verifies_what_it_measures_and_writes_its_figures(
    tmp_path: Path,
) -> None:
    file = tmp_path / "figures.json"
    said = run("signing", "--seconds", "0", "--repeats", "1", "--json", str(file))
    assert said.startswith("a mail of 50,")
    figures = json.loads(file.read_text())["figures"]
    assert set(figures["a_second"]) == set(figures["ratio"])
    assert min(figures["a_second"].values()) > 0
    assert figures["ratio"]["dkimpy, RSA-2048"] == 1


def test_the_pipelining_benchmark_measures_both_ways_at_once_and_judges_the_target(
    tmp_path: Path,
) -> None:
    file = tmp_path / "figures.json"
    said = run("pipelining", "--mails", "3", "--rtt", "0", "20", "--json", str(file))
    assert said.splitlines()[-1].endswith(("target 1.3: met", "target 1.3: not met"))
    near, far = json.loads(file.read_text())["figures"]
    assert (near["rtt_ms"], far["rtt_ms"]) == (0, 20)
    assert min(near["seconds"].values()) > 0
    assert far["seconds"]["pipelined"] >= 0.04
    assert min(far["seconds"]["one by one"], far["seconds"]["aiosmtplib"]) >= 0.08


def test_the_claiming_benchmark_passes_stuck_mails_by_and_writes_its_figures(
    tmp_path: Path,
) -> None:
    file = tmp_path / "figures.json"
    said = run("claiming", "--waiting", "30", "--stuck", "50", "--claims", "20",
               "--dir", str(tmp_path), "--json", str(file))  # fmt: skip
    assert said.startswith("one small write and its commit: ")
    figures = json.loads(file.read_text())["figures"]
    assert [figures[name]["mails"] for name in ("plain", "limits", "stuck")] == [20, 20, 1000]
    assert min(figures[name]["claims"] for name in ("plain", "limits", "stuck")) > 0


def test_the_benchmark_of_workers_kills_one_and_finds_every_mail_sent(tmp_path: Path) -> None:
    skip_without_postgres()
    file = tmp_path / "figures.json"
    said = run(
        "scale_workers", "--digests", "40", "--workers", "1", "--connections", "2",
        "--milliseconds", "20", "--lease", "2", "--json", str(file),
    )  # fmt: skip
    assert said.startswith("40 digests; 2 connections a worker; the mail server takes 20 ms")
    found = json.loads(file.read_text())["found"]
    (row,) = found["throughput"]
    assert (row["workers"], row["lost"], row["twice"]) == (1, 0, 0)
    assert row["a_second"] > 0
    assert (found["kill"]["lost"], found["kill"]["twice"] <= 2) == (0, True)


def test_a_worker_that_was_killed_with_no_claim_in_hand_meets_no_target() -> None:
    asked, _ = scale_workers.asked_for([])
    for held, lines in ((0, 2), (9, 3)):
        found = {"kill": {"held": held, "after_lease": 0.0, "lost": 0, "twice": 0}}
        assert len(list(scale_workers.figures(found, asked))) == lines
        shown = [one.why for one in scale_workers.missing(found)]
        assert shown == ["it held no claim when it was killed, so nothing was shown"] * (not held)


def generated(count: int) -> list[Paper]:
    return workload.papers(count, 1, None)


def test_the_benchmark_of_the_pages_meets_no_error_while_digests_are_made(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    said = run(
        "pages", "--clients", "5", "--seconds", "0.5", "--subscribers", "40", "--papers", "30",
        "--only", "within", "--corpus", str(tmp_path / "none"), "--json", str(file),
    )  # fmt: skip
    assert said.startswith("5 clients; target: no error")
    (row,) = json.loads(file.read_text())["figures"]
    assert set(row["statuses"]) == {"200"}
    assert row["statuses"]["200"] == row["answers"] > 5
    assert (row["broken"], row["made_before_the_end"]) == (0, True)
    assert 0 < row["median"] <= row["p99"] <= row["most"]


def test_the_benchmark_of_kept_profiles_tells_each_start(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    run(
        "profiles_cache", "--profiles", "60", "--changes", "3", "--papers", "40",
        "--corpus", str(tmp_path / "none"), "--json", str(file),
    )  # fmt: skip
    figures = json.loads(file.read_text())["figures"]
    assert figures["profiles"] == 60
    assert all(figures[name] > 0 for name in ("cold", "warm", "changed_ms", "one_by_one_cpu"))


def test_a_day_of_papers_is_the_same_for_a_seed_and_no_paper_comes_twice() -> None:
    papers = generated(50)
    assert papers == generated(50)
    assert papers != workload.papers(50, 2, None)
    assert len({paper.id for paper in papers}) == len({paper.title for paper in papers}) == 50
    assert [paper.arrival for paper in papers] == list(range(1, 51))


def test_papers_beyond_what_the_corpus_holds_are_mixed_from_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    few = list(islice(workload.generated_papers(1), 9))
    monkeypatch.setattr(workload, "real_papers", lambda _: iter(few))
    papers = workload.papers(30, 1, tmp_path)
    assert papers == workload.papers(30, 1, tmp_path)
    assert len({paper.abstract for paper in papers}) == 30
    sentences = {sentence for paper in few for sentence in paper["summary"].split(". ")}
    assert {s.rstrip(".") for s in papers[-1].abstract.split(". ")} <= {
        sentence.rstrip(".") for sentence in sentences
    }


def test_the_first_profiles_are_the_same_whatever_the_count_and_all_their_rules_parse() -> None:
    papers = generated(80)
    many = list(workload.profiles(workload.BLOCK + 200, papers, 1))
    assert many[:100] == list(workload.profiles(100, papers, 1))
    assert len(set(many)) == len(many)
    for text in islice(many, 0, None, 5):
        rules = parse(text)
        assert rules.problems == rules.warnings == ()
        assert 5 <= len(rules.lines) <= 10


def test_sqlite_gives_the_matches_of_the_reference() -> None:
    papers = generated(80)
    texts = workload.profiles(120, papers, 1)
    profiles = list(rivals.comparable(map(parse, texts)))
    expected = rivals.reference(profiles, papers)
    assert len(profiles) > 40
    assert any(expected)
    rival = SqliteFts5()
    rival.prepare(papers)
    assert rivals.agreement(rival, profiles, expected).differing == ()
    assert rival.match(profiles, None).matches_checked == sum(map(len, expected))


COMPOUNDS = (
    "fine-tuning of LLMs", "finetuning LLM-based agents", "self-supervised pre-training-free VMs",
    "multi-modal fine-tuning", "multimodal, fine tuning", "RAG for Müller's qubits", "C++ and rag",
    "zero shot multi modal real-time agents", "a self supervised-learning tuner",
)  # fmt: skip


@pytest.fixture(scope="module")
def compounds() -> tuple[list[Paper], SqliteFts5]:
    papers = [replace(generated(1)[0], title=text, abstract="") for text in COMPOUNDS]
    rival = SqliteFts5()
    rival.prepare(papers)
    return papers, rival


@pytest.mark.parametrize("rule", [
    "finetuning", "fine tuning", "fine-tuning", "fine-tuning LLM", "pretraining free",
    "training-free", "trainingfree VM", "supervised pretraining", "multimodal finetuning",
    "LLM", "llms", "RAG", "rag", '"RAG"', '"LLMs"', '"fine tuning"', "muller qubit", "C++",
    "fine*", "finetun* LLM", "multi* fine", "title: qubi*", "LLM + -agents", "tuning ~3 LLM",
    "LLM | (rag + -qubit)", "zeroshot", "zero-shot multimodal", "zeroshot multimodal realtime",
    "selfsupervised learning", "self supervisedlearning", "modal realtime", '"zero shot"',
])  # fmt: skip
def test_sqlite_reads_compounds_acronyms_and_prefixes_as_the_reference(
    compounds: tuple[list[Paper], SqliteFts5], rule: str
) -> None:
    papers, rival = compounds
    rules = parse(rule)
    wanted = {n for n, paper in enumerate(papers) if match(rules, IndexedPaper(paper))}
    assert rival.found(rules) == wanted
    assert wanted
