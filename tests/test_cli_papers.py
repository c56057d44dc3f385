"""notifier paper …: any name finds its paper, and somebody decides what is one paper."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifier.papers import identity
from notifier.papers.identity import Alias
from notifier.papers.paper import Entry
from notifier.storage import schema, store_papers
from notifier.storage.database import Database

from .builders import NOON, an_entry
from .commands import Notifier, notifier
from .databases import database_url

__all__ = ["notifier"]

TITLE = "Attention is all you need, again"
ARXIV, DOI = Alias("arxiv", "2611.00001"), Alias("doi", "10.1000/x.y")
PREPRINT = Alias("doi", "10.64898/2026.05.19.726321")
OPEN = identity.link("https://openreview.net/forum?id=aBc&utm_source=feed")
assert OPEN is not None


def store(notifier: Notifier, *entries: Entry, source: str = "arxiv", later: int = 0) -> None:
    """Take entries in, `later` so many days after noon of 2026-11-20."""
    database = Database(database_url(notifier.folder, "notifier"))
    try:
        schema.upgrade(database)
        with database.writing() as conn:
            now = NOON + timedelta(days=later)
            store_papers.take_in(conn, entries, source=source, now=now)
    finally:
        database.close()


def two_papers(notifier: Notifier) -> None:
    store(notifier, an_entry(title=TITLE, aliases=(ARXIV,), authors=("Jane Doe",)))
    journal = an_entry(title=TITLE.upper(), aliases=(DOI,), authors=("Doe, J.",))
    store(notifier, journal, source="journal", later=1)


NAMES = [
    (ARXIV, name)
    for name in (
        "2611.00001", "2611.00001v3", "arXiv:2611.00001 [cs.CL]", "arxiv:2611.00001",
        "https://arxiv.org/abs/2611.00001v2#section", "arxiv.org/pdf/2611.00001.pdf",
        "https://arxiv.org/html/2611.00001v1", "https://www.alphaxiv.org/overview/2611.00001",
        "https://huggingface.co/papers/2611.00001", "10.48550/arXiv.2611.00001",
        "https://doi.org/10.48550/ARXIV.2611.00001", "oai:arXiv.org:2611.00001v1",
        "URL:https://arxiv.org/abs/2611.00001v1",
    )
] + [
    (Alias("arxiv", "math/0611800"), "math.CA/0611800v2"),
    (Alias("arxiv", "hep-th/9901001"), "https://arxiv.org/abs/hep-th/9901001v1"),
    (DOI, "https://doi.org/10.1000/X.Y"),
    (DOI, "doi:10.1000%2Fx.y."),
    (DOI, "https://j.example/plosone/article?id=10.1000/x.y"),
    (PREPRINT, "https://www.biorxiv.org/content/10.64898/2026.05.19.726321v2.full.pdf"),
    (PREPRINT, "https://www.biorxiv.org/content/10.64898/2026.05.19.726321v1?rss=1"),
    (Alias("pmid", "34739692"), "https://pubmed.ncbi.nlm.nih.gov/34739692/"),
    (Alias("pmid", "34739692"), "PMID: 34739692"),
    (Alias("pmcid", "PMC8566499"), "PMC8566499.2"),
    (OPEN, "https://openreview.net/forum?id=aBc"),
    (OPEN, "http://OpenReview.net/forum?utm_medium=x&id=aBc#note"),
    (OPEN, "openreview.net/forum?id=aBc"),
    (OPEN, "url:https://openreview.net/forum?id=aBc"),
    (Alias("guid", "arxiv|tag:blog.example,2026:1"), "guid:arxiv|tag:blog.example,2026:1"),
    (Alias("guid", "arxiv|tag:blog.example,2026:1"), "tag:blog.example,2026:1"),
    (Alias("guid", "arxiv|https://b.example/?p=1"), "https://b.example/?p=1"),
]  # fmt: skip


@pytest.mark.parametrize(("alias", "typed"), NAMES, ids=[typed for _, typed in NAMES])
def test_any_written_form_of_a_name_shows_its_paper(
    notifier: Notifier, alias: Alias, typed: str
) -> None:
    store(notifier, an_entry(title=TITLE, aliases=(alias,)))
    assert notifier("paper", "show", typed, "--format", "json").json["id"] == str(alias)


def test_every_id_that_a_list_prints_shows_its_paper(notifier: Notifier) -> None:
    aliases = {alias for alias, _ in NAMES}
    store(
        notifier,
        *(an_entry(title=str(alias), aliases=(alias,)) for alias in sorted(aliases, key=str)),
    )
    listed = [row["id"] for row in notifier("paper", "list", "--format", "jsonl").rows]
    assert len(listed) == len(aliases)
    for name in listed:
        assert notifier("paper", "show", name, "--format", "json").json["title"] == name


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("https://arxiv.org/abs/2508.13426v2", "arxiv:2508.13426"),
        ("https://doi.org/10.1000/NONE", "doi:10.1000/none"),
        ("https://a.example/x?utm_source=y", "url:https://a.example/x"),
        ("guid:feed|1", "guid:feed|1"),
        ("attention", '"attention"'),
    ],
)
@pytest.mark.parametrize(
    "command", [("show",), ("merge", "2611.00001"), ("dismiss", "2611.00001")], ids=lambda c: c[0]
)
def test_an_unknown_name_is_told_as_what_it_was_understood(
    notifier: Notifier, command: tuple[str, ...], typed: str, understood: str
) -> None:
    store(notifier, an_entry(1))
    result = notifier("paper", *command, typed)
    assert (result.code, result.out) == (4, "")
    assert result.err == f"error: no stored paper is called {understood}\n"


def test_a_paper_shows_who_showed_it_when_and_as_what(notifier: Notifier) -> None:
    store(notifier, an_entry(1, version=1))
    store(notifier, an_entry(1, announce="update"), source="huggingface", later=1)
    store(notifier, an_entry(1, announce="replace", version=3, withdrawn=True), later=2)
    shown = notifier("paper", "show", "2611.00001", "--format", "json").json
    assert shown["versions"] == [1, 3]
    assert shown["withdrawn_since"] == "2026-11-22T12:00:00Z"
    assert shown["sightings"] == [
        {"source": source, "announce": announce, "version": version, "seen_at": seen_at}
        for source, announce, version, seen_at in (
            ("arxiv", "new", 1, "2026-11-20T12:00:00Z"),
            ("huggingface", "update", None, "2026-11-21T12:00:00Z"),
            ("arxiv", "replace", 3, "2026-11-22T12:00:00Z"),
        )
    ]
    table = notifier("paper", "show", "2611.00001").out
    assert "withdrawn_since      2026-11-22 12:00Z\n" in table
    assert "arxiv new v1 2026-11-20 12:00Z, huggingface update 2026-11-21 12:00Z" in table
    assert "perhaps_the_same_as  -\n" in table


def test_two_papers_of_one_title_are_shown_as_perhaps_the_same(notifier: Notifier) -> None:
    two_papers(notifier)
    for name, other in (("2611.00001", "doi:10.1000/x.y"), ("10.1000/x.y", "arxiv:2611.00001")):
        shown = notifier("paper", "show", name, "--format", "json").json
        reason = "same title and first author"
        assert shown["perhaps_the_same_as"] == [{"id": other, "reason": reason}]
        assert f"{other} ({reason})" in notifier("paper", "show", name).out


def test_a_paper_is_printed_as_bibtex_and_as_ris(notifier: Notifier) -> None:
    store(notifier, an_entry(title="Grüße & more", authors=("Jane Doe",), aliases=(ARXIV, DOI)))
    for name in ("2611.00001", "10.1000/x.y"):
        assert notifier("paper", "show", name, "--bibtex").out == (
            "@misc{doe2026grusse,\n  title = {Grüße \\& more},\n  author = {Doe, Jane},\n"
            "  year = {2026},\n  eprint = {2611.00001},\n  archivePrefix = {arXiv},\n"
            "  doi = {10.1000/x.y},\n  url = {https://arxiv.org/abs/2611.00001},\n}\n"
        )
    out = notifier("paper", "show", "2611.00001", "--ris").out
    assert out.startswith("TY  - UNPB\r\nAU  - Doe, Jane\r\nTI  - Grüße & more\r\n")
    assert out.endswith("\r\nER  - \r\n")
    (item,) = notifier("paper", "show", "2611.00001", "--csl").json
    assert (item["id"], item["number"]) == ("doe2026grusse", "arXiv:2611.00001")


@pytest.mark.parametrize(
    "options",
    [("--bibtex", "--ris"), ("--csl", "--format", "json"), ("--ris", "--csl")],
)
def test_a_paper_is_printed_in_one_form_at_a_time(
    notifier: Notifier, options: tuple[str, ...]
) -> None:
    result = notifier("paper", "show", "2611.00001", *options)
    assert (result.code, result.out) == (2, "")
    assert "exclude each other" in result.err


def test_candidates_are_listed_in_every_format(notifier: Notifier) -> None:
    two_papers(notifier)
    result = notifier("paper", "candidates", "--format", "jsonl")
    assert "notifier paper merge ID ID" in result.err
    assert result.rows == notifier("paper", "candidates", "--format", "json").json
    assert result.rows == [
        {
            "id": "arxiv:2611.00001",
            "other_id": "doi:10.1000/x.y",
            "title": TITLE,
            "other_title": TITLE.upper(),
            "reason": "same title and first author",
            "found_at": "2026-11-21T12:00:00Z",
        }
    ]
    head, line = notifier("paper", "candidates").out.splitlines()
    assert head.split() == ["id", "other_id", "reason", "title"]
    assert line.startswith("arxiv:2611.00001  doi:10.1000/x.y  same title and first author")


def test_without_candidates_it_says_so(notifier: Notifier) -> None:
    result = notifier("paper", "candidates", "--format", "json")
    assert (result.code, result.json) == (0, [])
    assert result.err == "no pair waits for a decision\n"


@pytest.mark.parametrize("names", [("2611.00001", "10.1000/x.y"), ("10.1000/x.y", "2611.00001")])
def test_merging_makes_one_paper_under_the_older_id(
    notifier: Notifier, names: tuple[str, str]
) -> None:
    two_papers(notifier)
    result = notifier("paper", "merge", *names)
    assert result.err == f"merged doi:10.1000/x.y into arxiv:2611.00001: {TITLE}\n"
    (paper,) = notifier("paper", "list", "--format", "jsonl").rows
    assert paper["aliases"] == ["arxiv:2611.00001", "doi:10.1000/x.y"]
    assert paper["sources"] == ["arxiv", "journal"]
    assert notifier("paper", "candidates", "--format", "json").json == []


def test_a_dry_run_of_merging_changes_nothing(notifier: Notifier) -> None:
    two_papers(notifier)
    before = notifier("paper", "candidates", "--format", "json").out
    result = notifier("paper", "merge", "2611.00001", "10.1000/x.y", "--dry-run")
    assert result.err == f"would merge doi:10.1000/x.y into arxiv:2611.00001: {TITLE}\n"
    assert notifier("paper", "candidates", "--format", "json").out == before


def test_merging_two_names_of_one_paper_says_so(notifier: Notifier) -> None:
    store(notifier, an_entry(aliases=(ARXIV, DOI)))
    result = notifier("paper", "merge", "2611.00001", "10.1000/x.y")
    assert result.code == 0
    assert result.err == "arxiv:2611.00001: both names are one paper's already\n"


def test_a_dismissed_pair_is_listed_no_more(notifier: Notifier) -> None:
    two_papers(notifier)
    told = notifier("paper", "dismiss", "10.1000/x.y", "2611.00001")
    assert told.err == "doi:10.1000/x.y and arxiv:2611.00001 are two papers\n"
    again = notifier("paper", "dismiss", "2611.00001", "10.1000/x.y")
    assert again.err == "arxiv:2611.00001 and doi:10.1000/x.y are two papers (was known)\n"
    assert notifier("paper", "candidates", "--format", "json").json == []
    assert len(notifier("paper", "list", "--format", "jsonl").rows) == 2


def test_telling_a_paper_from_itself_is_wrong_usage(notifier: Notifier) -> None:
    store(notifier, an_entry(aliases=(ARXIV, DOI)))
    result = notifier("paper", "dismiss", "2611.00001", "10.1000/x.y")
    assert result.code == 2
    assert "arxiv:2611.00001: both names are one paper's" in result.err


@pytest.mark.parametrize("command", ["list", "show", "candidates", "merge", "dismiss"])
def test_every_command_has_help_with_an_example(notifier: Notifier, command: str) -> None:
    result = notifier("paper", command, "--help")
    assert result.code == 0
    assert f"Example: notifier paper {command}" in " ".join(result.out.split())
