"""All profiles at once give what each gives alone: the same papers, scores, order and rules."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.papers.paper import Paper
from notifier.profiles.hits import is_trending, match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.matching.compiled import Compiled
from notifier.profiles.matching.joining import decide
from notifier.profiles.matching.postings import Runs
from notifier.profiles.parser import parse
from notifier.ranking import kernel
from notifier.ranking.best import Best, Selection, best, lines
from notifier.ranking.marked import marked
from notifier.ranking.relevance import Bm25f, WordStatistics, relevance
from notifier.storage import shelf_files
from notifier.storage.packing import lines_of

from . import grammar, reference
from .builders import a_batch, a_paper

STATISTICS = WordStatistics(
    1_000, {"llm": 400, "agent": 200, "graph": 50, "rag": 10, "model": 700, "fine": 90}
)
Results = list[tuple[int, int, tuple[int, ...]]]  # paper, total, lines: best first

# Few words, so that rules hit.
WORDS = (
    "LLM", "LLMs", "agent", "agents", "fine-tuning", "fine", "tuning", "finetuning", "multi-modal",
    "graph", "RAG", "rag", "RAGs", "diffusion", "diffuse", "pre", "training", "pre-trained",
    "state-of-the-art", "model", "models", "C++", "GPT-4o", "k-NN", "深度学习", "Müller", "Mueller",
)  # fmt: skip
ENDS = st.sampled_from(["", "", "", ",", ".", "'s", ")"])
TEXTS = st.lists(st.builds("{}{}".format, st.sampled_from(WORDS), ENDS), max_size=25).map(" ".join)
PAPERS = st.builds(
    lambda title, abstract, authors, categories, sources, organization, trend: a_paper(
        title, abstract, authors=authors, categories=categories, sources=sources,
        organization=organization, trend=trend,
    ),
    TEXTS, TEXTS,
    st.sampled_from([("Yann LeCun",), ("Ada Byron", "LeCun, Y."), ("LeCun",), ()]),
    st.sampled_from([("cs.CL",), ("cs", "math.CO"), ()]),
    st.sampled_from([("arxiv",), ("biorxiv-neuroscience", "arxiv"), ()]),
    st.sampled_from([None, "Qualcomm AI", "fine tuning lab"]),
    st.sampled_from([None, 0.2, 0.7, 0.9]),
)  # fmt: skip


def _phrases() -> st.SearchStrategy[str]:
    words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
    return st.one_of(words, words, words.map('"{}"'.format))


def _leaves() -> st.SearchStrategy[str]:
    word = st.sampled_from(WORDS)
    return st.one_of(
        _phrases(), _phrases(), _phrases(),
        st.sampled_from(["diffus*", "fine-tun*", "mod*", "GPT-4*", "rag*", "Müll*"]),
        st.builds("{} ~{} {}".format, word, st.integers(1, 6), _phrases()),
        st.builds("{}: {}".format, st.sampled_from(["title", "abstract"]), _phrases()),
        st.sampled_from([
            "author: Ada Byron", "author: LeCun", "author: Yann LeCun", "cat: cs.*", "cat: cs.CL",
            "source: arxiv", "source: biorxiv", "org: Qualcomm", "org: finetuning", "trending",
        ]),
    )  # fmt: skip


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    part = st.one_of(
        inner.map("({})".format), inner.map("({})".format), inner.map("-({})".format),
        st.builds("({}) ^{}".format, inner, st.sampled_from(["2", "0.5", "3.3"])),
    )  # fmt: skip
    several = st.lists(part, min_size=2, max_size=3)
    return st.builds(str.join, st.sampled_from([" + ", " | "]), several)


_RULES = st.recursive(_leaves(), _joined, max_leaves=6)
RULES = st.one_of(
    _RULES, _RULES, _RULES.map("-({})".format),
    st.builds("({}) ^{}".format, _RULES, st.sampled_from(["2", "0.1", "10", "1.25"])),
)  # fmt: skip
PROFILES = st.one_of(
    st.lists(RULES, min_size=1, max_size=8).map("\n".join),
    st.lists(_phrases(), min_size=24, max_size=40).map("\n".join),  # more rules than bits
    grammar.profiles(),
)


def compiled(texts: Sequence[str]) -> Compiled:
    profiles = Compiled()
    for row, text in enumerate(texts):
        profiles.put(row, text)
    return profiles


def results(
    profiles: Compiled, papers: Sequence[Paper], boosts: Sequence[float], keep: int, **options: bool
) -> dict[int, Results]:
    """What each profile wants of papers, in one batch."""
    batch = a_batch(papers)
    runs = decide(profiles.clauses, batch, rarities=STATISTICS.rarities, strengths=Bm25f())
    ranks = np.arange(len(papers), dtype=np.int32)
    selection = Selection(keep, np.array(boosts, np.float64), ranks, **options)
    out: dict[int, Results] = {row: [] for row in profiles.rows()}
    for block in best(profiles, runs, selection):
        rules = list(lines(profiles, runs, block, selection))
        assert rules == marks(profiles, runs, block, selection)
        columns = block.profiles.tolist(), block.papers.tolist(), block.totals.tolist()
        for row, paper, total, hit in zip(*columns, rules, strict=True):
            out[row].append((paper, total, hit))
    return out


def marks(
    profiles: Compiled, runs: Runs, block: Best, selection: Selection
) -> list[tuple[int, ...]]:
    """The lines of each result as they are kept: as bits, found for all results at once."""
    out: list[tuple[int, ...]] = [()] * len(block.profiles)
    for some in marked(profiles, runs, block, selection):
        assert len(set(block.profiles[some.places].tolist()) & seen_in(out, block)) == 0
        for place, bits in zip(some.places.tolist(), some.bits, strict=True):
            out[place] = lines_of(bits.tobytes())
            asks = {e.line for e in profiles.entries(int(block.profiles[place])) if e.trend}
            assert bool(bits[0] & 1) == bool(asks & set(out[place]))
    return out


def seen_in(told: list[tuple[int, ...]], block: Best) -> set[int]:
    """The profiles of which some results are told."""
    return {int(block.profiles[place]) for place, hit in enumerate(told) if hit}


def expected(
    text: str, papers: Sequence[Paper], boosts: Sequence[float], keep: int, **options: bool
) -> Results:
    asked = [reference.Asked(paper, STATISTICS, is_trending(paper)) for paper in papers]
    return reference.best(text, asked, boosts, keep, **options)


@pytest.fixture(params=["numba", "numpy"])
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Match with Numba, which CI has, and without."""
    if request.param == "numpy":
        monkeypatch.setattr(kernel, "compiled", lambda: None)
    else:
        monkeypatch.setattr("notifier.ranking.best.MANY_PROFILES", 0)
        assert kernel.compiled() is not None


BATCHES = st.lists(st.tuples(PAPERS, st.sampled_from([1.0, 0.9, 0.5])), min_size=1, max_size=8)


@pytest.mark.usefixtures("loop")
@settings(deadline=None, max_examples=150)
@given(st.lists(PROFILES, min_size=1, max_size=5), BATCHES, st.sampled_from([1, 3, 100]),
       st.booleans())  # fmt: skip
def test_all_profiles_at_once_give_what_each_gives_alone(
    texts: list[str], batch: list[tuple[Paper, float]], keep: int, only_trend: bool
) -> None:
    papers, boosts = [paper for paper, _ in batch], [boost for _, boost in batch]
    found = results(compiled(texts), papers, boosts, keep, only_trend=only_trend)
    for row, text in enumerate(texts):
        assert found.get(row, []) == expected(text, papers, boosts, keep, only_trend=only_trend)


def _many(seed: int) -> tuple[Compiled, list[Paper], Selection]:
    """Profiles and papers in which much is found, and much alike."""
    chance = random.Random(seed)
    rules = [f"{word}{weight}" for word in WORDS for weight in ("", " ^2", " ^0.5")]
    texts = [chance.sample(rules, chance.randint(1, 6)) for _ in range(80)]
    for text in texts[::4]:
        text.append(f"-{chance.choice(WORDS)}")
    papers = [
        a_paper(" ".join(chance.choices(WORDS, k=chance.randint(1, 8))), row=row)
        for row in range(1, 401)
    ]
    boosts = np.array(chance.choices([1.0, 0.9, 0.5], k=len(papers)))
    ranks = np.array(chance.sample(range(len(papers)), len(papers)), np.int32)
    return compiled(["\n".join(text) for text in texts]), papers, Selection(15, boosts, ranks)


@pytest.mark.parametrize("keep", [1, 15, 40, 250, 1_000])
def test_of_many_papers_the_same_are_chosen_with_numba_and_without(
    keep: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.ranking.best.MANY_PROFILES", 0)
    for seed in range(3):
        profiles, papers, selection = _many(seed)
        selection = replace(selection, keep=keep)
        runs = decide(
            profiles.clauses, a_batch(papers), rarities=STATISTICS.rarities, strengths=Bm25f()
        )
        with_numba = _columns(best(profiles, runs, selection))
        with monkeypatch.context() as without:
            without.setattr(kernel, "compiled", lambda: None)
            assert with_numba == _columns(best(profiles, runs, selection))


def _columns(blocks: Iterable[Best]) -> dict[int, list[tuple[int, int, int]]]:
    """Of each profile (paper, total, rules), best first."""
    out: dict[int, list[tuple[int, int, int]]] = {}
    for found in blocks:
        columns = found.profiles, found.papers, found.totals, found.rules
        for row, *one in zip(*(column.tolist() for column in columns), strict=True):
            out.setdefault(row, []).append((one[0], one[1], one[2]))
    return out


@settings(deadline=None, max_examples=60)
@given(st.lists(PROFILES, min_size=1, max_size=4), BATCHES, st.integers(0, 8))
def test_papers_in_two_batches_give_what_they_give_in_one(
    texts: list[str], batch: list[tuple[Paper, float]], cut: int
) -> None:
    papers, boosts = [paper for paper, _ in batch], [boost for _, boost in batch]
    profiles = compiled(texts)
    whole = results(profiles, papers, boosts, 100)
    first = results(profiles, papers[:cut], boosts[:cut], 100)
    second = results(profiles, papers[cut:], boosts[cut:], 100)
    for row in profiles.rows():
        behind = [(paper + len(papers[:cut]), total, hit) for paper, total, hit in second[row]]
        assert sorted(first[row] + behind) == sorted(whole[row])


@settings(deadline=None, max_examples=60)
@given(st.lists(PROFILES, min_size=1, max_size=4), st.lists(PROFILES, max_size=4), BATCHES)
def test_profiles_changed_in_place_are_as_if_they_had_always_been_so(
    before: list[str], after: list[str], batch: list[tuple[Paper, float]]
) -> None:
    papers, boosts = [paper for paper, _ in batch], [boost for _, boost in batch]
    profiles = compiled(before)
    results(profiles, papers, boosts, 3)  # asked before: nothing of that may stay
    for row, text in enumerate(after):
        profiles.put(row, text)
    for row in range(len(after), len(before)):
        profiles.remove(row)
    assert results(profiles, papers, boosts, 3) == results(compiled(after), papers, boosts, 3)


@settings(deadline=None, max_examples=100)
@given(PROFILES, PAPERS)
def test_a_paper_that_is_shown_has_hits_of_exactly_the_rules_that_matched(
    text: str, paper: Paper
) -> None:
    found = expected(text, [paper], [1.0], 1)
    matched = match(parse(text), IndexedPaper(paper))
    assert (matched is not None) == bool(found)
    if matched:
        rules = parse(text).lines
        hit = {rules[h.rule - 1].node for h in matched.hits}
        assert {rules[line - 1].node for line in found[0][2]} <= hit


def test_what_changes_leave_behind_is_cleared_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.profiles.matching.compiled._LITTLE", 10)
    profiles = compiled(["LLM\n-survey", "graph"])
    for number in range(50):
        profiles.put(1, f"graph\nword{number}")
    assert len(profiles.arrays().clauses) < 30
    papers = [a_paper("LLM"), a_paper("a graph", row=2)]
    assert results(profiles, papers, [1.0, 1.0], 3) == results(
        compiled(["LLM\n-survey", "graph"]), papers, [1.0, 1.0], 3
    )


def test_a_removed_profile_finds_nothing_and_its_place_is_used_again() -> None:
    profiles = compiled(["LLM", "graph"])
    profiles.remove(0)
    profiles.remove(7)
    profiles.put(9, "LLM")
    assert profiles.rows() == {1, 9}
    assert len(profiles.arrays().rows) == 2
    assert results(profiles, [a_paper("LLM")], [1.0], 3).keys() == {1, 9}


def test_lines_of_long_profiles_are_told_beside_those_of_short_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("notifier.ranking.marked._SOME", 3)
    long = "\n".join([*["# mine"] * 70, "LLM", "trending", *["#"] * 300, "agent"])
    many = "\n".join(f"LLM + -word{number}" for number in range(40))
    papers = [a_paper("LLM agent", trend=0.9), a_paper("LLM", row=2), a_paper("agent", row=3)]
    found = results(compiled([long, "LLM", many, "agent\nLLM", long]), papers, [1.0] * 3, 9)
    assert {paper: hit for paper, _, hit in found[0]} == {
        0: (71, 72, 373),
        1: (71,),
        2: (373,),
    }
    assert found[0] == found[4]
    assert {hit for _, _, hit in found[2]} == {tuple(range(1, 41))}


def test_no_papers_and_no_profiles_give_nothing() -> None:
    assert results(compiled([]), [a_paper("LLM")], [1.0], 3) == {}
    assert results(compiled(["LLM"]), [], [], 3) == {0: []}
    assert results(compiled(["titel: x\n# a comment"]), [a_paper("x")], [1.0], 3) == {0: []}


@pytest.mark.usefixtures("loop")
def test_totals_of_the_heaviest_profile_do_not_overflow_into_the_marks_of_rules() -> None:
    words = [f"w{number}" for number in range(500)]
    title = " ".join(words)
    ((paper, total, hit),) = results(
        compiled(["\n".join(f"{word} ^10" for word in words)]), [a_paper(title, title)], [1.0], 1
    )[0]
    assert paper == 0
    assert hit == tuple(range(1, 501))
    assert 0.99 < float(relevance(np.array([total]))[0]) < 1


def test_words_are_found_in_a_file_as_they_were_before_they_were_written(tmp_path: Path) -> None:
    papers = [
        a_paper("Fine-tuning of LLMs", "naïve", authors=("Yann LeCun",), categories=("cs.CL",)),
        a_paper("", "深度学习", row=2, organization="Qualcomm", sources=("arxiv",)),
    ]
    words = a_batch(papers).words
    path = tmp_path / "one.shelf"
    shelf_files.write(path, words, {"rows": np.array([1, 2])}, {"a": "note"})
    found = shelf_files.read(path)
    assert found
    again, more, note = found
    assert (again.papers, note, more["rows"].tolist()) == (2, {"a": "note"}, [1, 2])
    assert list(again.folded) == list(words.folded)
    assert [again.folded[place] for place in range(len(again.folded))] == list(words.folded)
    assert again.folded[-1] == words.folded[-1]
    with pytest.raises(IndexError):
        again.folded[len(again.folded)]
    assert list(again.authors.values) == ["Yann LeCun"]
    for name in (
        "keys",
        "key_words",
        "compounds",
        "compounds_of",
        "row",
        "bounds",
        "places",
        "compound_words",
    ):
        assert np.array_equal(getattr(again, name), getattr(words, name))


@pytest.mark.parametrize("spoil", [lambda b: b[:200], lambda b: b"", lambda b: b"x" * 100])
def test_a_file_that_is_cut_off_or_no_shelf_is_not_read(tmp_path: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "one.shelf"
    shelf_files.write(path, a_batch([a_paper("LLM")]).words, {}, None)
    path.write_bytes(spoil(path.read_bytes()))
    assert shelf_files.read(path) is None


def test_a_file_of_other_code_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.shelf"
    shelf_files.write(path, a_batch([a_paper("LLM")]).words, {}, None)
    monkeypatch.setattr(shelf_files, "fingerprint", lambda: "other")
    assert shelf_files.read(path) is None
