"""Rules from papers that somebody keeps: what is proposed, and how it is taken."""

from __future__ import annotations

import html
import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe

from notifier.profiles.suggesting import (
    MOST_RULES,
    Candidate,
    Document,
    Suggestion,
    candidates,
    suggest,
)
from notifier.storage import store_votes
from notifier.storage.store_votes import StoredVote

from .builders import an_entry, atom
from .commands import Notifier, notifier
from .pages import ADA, Place, path, place
from .test_pages_browser import DESK, PHONE, chromium, served
from .test_pages_language import in_english

__all__ = ["notifier", "place"]

KEPT = [
    Document("Spiking neural networks on chips", "Spiking neurons save power."),
    Document("Training spiking neural networks", "We train them by surrogate gradients."),
    Document("Surrogate gradients for spiking neurons", "A study of spiking neural networks."),
    Document("Event cameras see more", "They see with event cameras, as ADC do.", ("Ann Lee",)),
]
BIB = "\n".join(f"@misc{{k{n}, title={{{one.title}}}}}" for n, one in enumerate(KEPT))


def rules(library: list[Document], found: int = 0, papers: int = 1000) -> list[str]:
    asked = candidates(library)
    return [
        one.rule for one in suggest(len(library), {c.rule: found for c in asked}, asked, papers)
    ]


def test_phrases_of_several_papers_are_proposed_and_words_that_say_nothing_are_not() -> None:
    proposed = rules(KEPT)
    assert {"spiking", "event cameras", "surrogate gradients"} <= set(proposed)
    assert not {"we", "study", "see more", "a study", "on chips"} & set(proposed)
    assert "ADC" in {one.rule for one in candidates(KEPT)}  # or it would find "adc" as well


def test_the_score_is_that_of_the_paper_by_hand() -> None:
    one = Candidate(("spike",), {0, 1}, {0})
    one.forms["spiking"] += 3
    (found,) = suggest(4, {"spiking": 9}, [one], 99)
    assert found.log_odds == pytest.approx(2.6454, abs=1e-4)
    assert found.score == pytest.approx(4.4453, abs=1e-3)
    assert (found.line, found.papers) == ("spiking ^2", {0, 1})


def test_what_brings_too_many_and_what_is_no_rarer_elsewhere_is_not_proposed() -> None:
    assert rules(KEPT, found=101, papers=1000) == []
    assert rules([Document("Alpha beta")], found=900, papers=9001) != []
    assert rules([], papers=0) == []
    assert rules([Document("On the of")]) == []


def test_the_order_of_papers_changes_nothing() -> None:
    shuffled = KEPT[:]
    random.Random(1).shuffle(shuffled)
    assert rules(shuffled) == rules(KEPT)
    assert len(rules(KEPT)) <= MOST_RULES


def test_authors_of_several_papers_are_proposed_by_name() -> None:
    library = [replace(KEPT[n % 4], authors=("José Núñez", f"N. {n}")) for n in range(4)]
    assert "author: José Núñez" in rules(library)


@pytest.mark.parametrize(
    ("weight", "line"), [(2.0, "x ^2"), (1.0, "x"), (0.3, "x ^0.3"), (1.2, "x ^1.2")]
)
def test_a_rule_is_written_with_its_weight(weight: float, line: str) -> None:
    assert Suggestion("x", weight, frozenset(), 1.0, 1.0).line == line


# Commands.


@pytest.fixture
def lab(notifier: Notifier) -> Notifier:
    """Ada, and papers of which two are in the file."""
    entries: list[dict[str, Any]] = [
        {"id": f"2611.{n:05d}", "title": one.title, "abstract": one.abstract}
        for n, one in enumerate(KEPT[:2])
    ]
    entries += [{"id": f"2611.1{n:04d}", "title": f"On graphs {n}"} for n in range(20)]
    (notifier.folder / "feed").write_bytes(atom(entries))
    notifier("ingest", "--file", notifier.folder / "feed", "--kind", "arxiv")
    notifier("subscriber", "add", ADA, "--confirmed")
    (notifier.folder / "library.bib").write_text(BIB + "\n@broken{", encoding="utf-8")
    return notifier


def test_the_command_proposes_and_takes_and_the_second_time_changes_nothing(lab: Notifier) -> None:
    file = lab.folder / "library.bib"
    shown = lab("profile", "suggest", file, "--format", "json")
    assert shown.code == 0
    first = shown.json[0]
    assert (first["n"], first["rule"], first["yours"]) == (1, "spiking ^2", 3)
    assert first["per_day"] > 0
    assert first["example"] in {one.title for one in KEPT}
    assert "line 5:" in shown.err
    words = ("profile", "suggest", file, "--for", ADA, "--profile", "reading")
    dry = lab(*words, "--accept", "1-2", "--dry-run")
    assert dry.out.splitlines() == [one["rule"] for one in shown.json[:2]]
    assert lab("profile", "list", ADA).code != 0 or "reading" not in lab("profile", "list", ADA).out
    assert "2 rules taken" in lab(*words, "--accept", "1,2").err
    assert "there already" in lab(*words, "--accept", "2").err
    assert "1 rules taken" in lab(*words, "--accept", "2-3").err
    told = lab(*words, "--format", "json").json
    assert [one["there"] for one in told[:4]] == [True, True, True, False]
    assert lab("profile", "show", ADA, "reading").out.count("spiking ^2") == 1


def test_saved_and_liked_papers_are_a_library_too(lab: Notifier) -> None:
    for said, paper in (("saved", "2611.00000"), ("up", "2611.00001"), ("down", "2611.10001")):
        lab("subscriber", "vote", ADA, paper, said)
    shown = lab("profile", "suggest", "--saved", "--for", ADA, "--format", "json").json
    proposed = [one["rule"] for one in shown]
    assert any("spiking" in one for one in proposed)
    assert not any("graph" in one for one in proposed)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give a FILE, or --saved"),
        (("x.bib", "--saved", "--for", ADA), "give a FILE, or --saved"),
        (("--saved",), "whose? - say --for ADDRESS"),
        (("nowhere.bib",), "cannot be read"),
        (("library.bib", "--as", "word"), '"word" is no form'),
        (("library.bib", "--as", "csl"), "this is no csl"),
        (("library.bib", "--for", ADA, "--accept", "99"), 'no proposal "99"'),
        (("library.bib", "--for", ADA, "--accept", "one"), '"one" is no number'),
        (("library.bib", "--for", ADA, "--accept", "3-1"), "no proposal"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    lab: Notifier, words: tuple[str, ...], said: str
) -> None:
    words = tuple(str(lab.folder / word) if ".bib" in word else word for word in words)
    result = lab("profile", "suggest", *words)
    assert (result.code, said in result.err) == (2, True), result.err


# Pages.


def suggest_path(place: Place) -> str:
    return path(place.app.links.change(1, place.now)) + "/suggest"


def stored(place: Place) -> None:
    place.take(*(an_entry(n, one.title, abstract=one.abstract) for n, one in enumerate(KEPT[:2])))
    place.take(*(an_entry(100 + n, f"On graphs {n}") for n in range(20)))


@pytest.mark.anyio
async def test_a_file_is_looked_at_by_post_and_rules_are_taken_one_by_one(place: Place) -> None:
    stored(place)
    url = suggest_path(place)
    async with place.client() as http:
        assert "liked" not in (await http.get(url)).text
        page = (await http.post(url, files={"file": ("l.bib", BIB.encode())})).text
        offers = [html.unescape(x) for x in re.findall(r'name="offer" value="([^"]*)"', page)]
        first, second = (one.split("\t")[0] for one in offers[:2])
        sent = {"offer": offers, "profile": "", "take": first}
        page = (await http.post(url, data=sent)).text
        assert "1 rule was taken" in page
        taken = place.app.subscriptions.profiles(ADA)[-1]
        assert taken.rules == first
        sent = {"offer": offers, "profile": str(taken.row), "rule": [first, second]}
        await http.post(url, data=sent)
        assert place.app.subscriptions.profiles(ADA)[-1].rules == f"{first}\n{second}"
        forged = {"offer": ["-\tx", "a\nb\t1\t2\t3", "\t"], "take": "a\nb"}
        assert (await http.post(url, data=forged)).status_code == 422
        for file in (b"", b"nothing of the kind"):
            answer = await http.post(url, files={"file": ("l.txt", file)})
            assert answer.status_code == 422
        answer = await http.post(url, files={"file": ("l.txt", b"x" * 5_100_000)})
        assert answer.status_code == 413
    assert len(place.app.subscriptions.profiles(ADA)) == 2


@pytest.mark.anyio
async def test_what_was_saved_is_proposed_from_and_nobody_else_s(place: Place) -> None:
    stored(place)
    with place.app.database.writing() as conn:
        for paper in (1, 2):
            store_votes.put(conn, StoredVote(1, paper, "saved", place.now))
    async with place.client() as http:
        page = (await http.post(suggest_path(place), data={"do": "saved"})).text
        assert "2 papers were looked at" in page
        assert "spiking" in page
        forged = suggest_path(place).replace("/m/1-", "/m/2-")
        assert (await http.post(forged, data={"do": "saved"})).status_code in (403, 404)


@pytest.mark.anyio
@pytest.mark.parametrize(("code", "dark"), [("en", False), ("de", True)])
async def test_the_page_is_usable_by_everybody_without_a_script(
    place: Place, tmp_path: Path, code: str, dark: bool
) -> None:
    stored(place)
    place.change(language=code)
    file = tmp_path / "zotero.json"
    file.write_text(json.dumps([{"title": one.title, "abstract": one.abstract} for one in KEPT]))
    async with chromium() as browser, served(place) as base:
        page = await browser.new_page(
            viewport=PHONE if dark else DESK,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
            java_script_enabled=True,
        )
        await page.goto(base + suggest_path(place))
        await page.set_input_files("#file", file)
        await page.click("form[enctype] button")
        await page.click("button[name=take] >> nth=0")
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert (
            await page.evaluate("document.documentElement.scrollWidth")
            <= page.viewport_size["width"]
        )  # type: ignore[index]
        if code != "en":
            text = await page.inner_text("main")
            assert not [one for one in in_english(text) if "spiking" not in one.lower()]
    assert place.app.subscriptions.profiles(ADA)[-1].rules.endswith("^2")
