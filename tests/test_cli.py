"""Commands as a user types them: what they print, what they leave, how they exit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from notifier.storage.database import Database

from .builders import atom, daily_papers
from .commands import Notifier, notifier
from .databases import Current, database_url

__all__ = ["notifier"]

PAPER = {"id": "2611.00001", "title": "RAGs that forget", "abstract": "An LLM agent."}
REPORT_KEYS = ["source", "seen", "new", "updated", "merged", "rejected", "problems"]


def ingest(notifier: Notifier, body: bytes, kind: str = "arxiv") -> dict[str, object]:
    """Take a saved answer in and return the report."""
    path = notifier.folder / "answer"
    path.write_bytes(body)
    result = notifier("ingest", "--file", path, "--kind", kind, "--format", "json")
    report: dict[str, object] = result.json
    assert list(report) == REPORT_KEYS
    return report


def test_ingesting_a_file_twice_brings_nothing_new(notifier: Notifier) -> None:
    assert ingest(notifier, atom([PAPER]))["new"] == 1
    again = ingest(notifier, atom([PAPER]))
    assert (again["seen"], again["new"], again["updated"], again["merged"]) == (1, 0, 0, 0)


def test_a_paper_of_arxiv_and_hugging_face_is_listed_once_with_both(notifier: Notifier) -> None:
    ingest(notifier, atom([PAPER | {"categories": ("cs.CL", "cs.AI")}]))
    item = {
        "id": "2611.00001",
        "title": "RAGs that forget",
        "upvotes": 12,
        "githubStars": 3,
        "organization": {"fullname": "Qualcomm"},
        "githubRepo": "https://github.com/x/y",
    }
    report = ingest(notifier, daily_papers([item]), "huggingface")
    assert (report["new"], report["merged"]) == (0, 1)
    (paper,) = notifier("paper", "list", "--format", "jsonl").rows
    assert paper["id"] == "arxiv:2611.00001"
    assert paper["version"] == 1
    assert paper["sources"] == ["arxiv", "huggingface"]
    assert paper["signals"] == {"upvotes": 12.0, "comments": 0.0, "stars": 3.0}
    assert paper["organization"] == "Qualcomm"
    assert paper["urls"]["code"] == "https://github.com/x/y"
    assert {"aliases", "abstract", "authors", "categories", "published_at", "first_seen_at"} <= set(
        paper
    )


@pytest.mark.parametrize(
    "name",
    [
        "2611.00001",
        "arXiv:2611.00001v3",
        "https://arxiv.org/pdf/2611.00001v1.pdf",
        "10.48550/arXiv.2611.00001",
    ],
)
def test_a_paper_is_shown_by_any_of_its_names(notifier: Notifier, name: str) -> None:
    ingest(notifier, atom([PAPER]))
    assert notifier("paper", "show", name, "--format", "json").json["title"] == PAPER["title"]


def test_an_unknown_paper_is_not_found(notifier: Notifier) -> None:
    result = notifier("paper", "show", "2611.99999")
    assert (result.code, result.out) == (4, "")
    assert result.err == "error: no stored paper is called arxiv:2611.99999\n"


def test_profile_test_reads_rules_from_stdin_and_prints_the_best_first(notifier: Notifier) -> None:
    papers = [
        PAPER,
        {"id": "2611.00002", "title": "Storage of rag rugs", "abstract": "No match."},
        {"id": "2611.00003", "title": "On agents", "abstract": "Mentions RAG once."},
    ]
    ingest(notifier, atom(papers))
    result = notifier("profile", "test", "-", "--format", "jsonl", stdin=b"RAG ^2\nLLM agent\n")
    assert [row["paper"] for row in result.rows] == ["arxiv:2611.00001", "arxiv:2611.00003"]
    best = result.rows[0]
    assert {"paper", "title", "score", "relevance", "trend", "hits"} <= set(best)
    assert {("RAG ^2", "title"), ("LLM agent", "abstract")} == {
        (hit["rule"], hit["field"]) for hit in best["hits"]
    }
    assert best["hits"][0]["words"] == ["RAGs"]
    assert best["trend"] is None
    assert 0 < result.rows[1]["score"] < best["score"] <= 1


def test_rules_in_error_are_told_and_the_others_still_work(notifier: Notifier) -> None:
    ingest(notifier, atom([PAPER]))
    result = notifier("profile", "test", "-", "--format", "jsonl", stdin=b"RAG\n\ntitel: agents\n")
    assert [row["paper"] for row in result.rows] == ["arxiv:2611.00001"]
    assert result.code == 3
    assert 'error: line 3, column 1: unknown field "titel:" - did you mean "title:"?' in result.err


def test_a_profile_of_nothing_but_errors_is_wrong_usage(notifier: Notifier) -> None:
    assert notifier("profile", "test", "-", stdin=b"titel: agents\n").code == 2


def test_an_empty_instance_prints_an_empty_list(notifier: Notifier) -> None:
    assert notifier("paper", "list", "--format", "json").json == []
    assert notifier("subscriber", "list", "--format", "jsonl").out == ""
    assert notifier("digest", "list", "--format", "json").json == []


def test_a_subscriber_lives_from_request_to_removal(notifier: Notifier) -> None:
    added = notifier("subscriber", "add", "Ada@Example.org", "--zone", "Europe/Berlin")
    assert "pending" in added.err
    assert notifier("subscriber", "confirm", "ada@example.org", "--because", "asked").code == 0
    show = notifier("subscriber", "show", "ada@example.org", "--format", "json").json
    assert (show["state"], show["consent"]) == ("active", "asked")
    assert show["schedule"] == "weekdays 07:00 Europe/Berlin"
    assert (
        notifier("profile", "add", "ada@example.org", "agents", "LLM agents", "-survey").code == 0
    )
    (profile,) = notifier("profile", "list", "ada@example.org", "--format", "jsonl").rows
    assert (profile["rules"], profile["errors"]) == (2, 0)
    assert notifier("profile", "show", "ada@example.org", "agents").out == "LLM agents\n-survey\n"
    assert "paused until" in notifier("subscriber", "pause", "ada@example.org", "--weeks", "2").err
    assert "active" in notifier("subscriber", "resume", "ada@example.org").err
    told = json.loads(notifier("subscriber", "export", "ada@example.org").out)
    assert told["subscriber"]["address"] == "ada@example.org"
    only = notifier("subscriber", "change", "ada@example.org", "--text-only").err
    assert only.splitlines()[0].endswith("text only")
    assert "would remove" in notifier("subscriber", "remove", "ada@example.org", "--dry-run").err
    assert notifier("subscriber", "remove", "ada@example.org").code == 0
    assert notifier("subscriber", "show", "ada@example.org").code == 4


def test_adding_the_same_subscriber_twice_changes_nothing(notifier: Notifier) -> None:
    notifier("subscriber", "add", "ada@example.org", "--zone", "Europe/Berlin", "--confirmed")
    before = notifier("subscriber", "list", "--format", "json").out
    assert notifier("subscriber", "add", "ADA@example.org", "--zone", "Asia/Tokyo").code == 0
    assert notifier("subscriber", "list", "--format", "json").out == before


def test_change_sets_when_digests_come_and_leaves_the_rest(notifier: Notifier) -> None:
    at = ("--now", "2026-11-19T12:00Z", "subscriber")
    notifier(*at, "add", "ada@example.org", "--zone", "Europe/Berlin", "--weekly", "--confirmed")

    def changed(*options: str) -> tuple[str, str]:
        assert notifier(*at, "change", "ada@example.org", *options).code == 0
        show = notifier("subscriber", "show", "ada@example.org", "--format", "json").json
        return show["schedule"], show["next_due_at"]

    weekly = ("weekly, weekdays 07:00 Europe/Berlin", "2026-11-23T06:00:00Z")
    assert changed("--max-papers", "5") == weekly
    assert changed("--daily") == ("weekdays 07:00 Europe/Berlin", "2026-11-20T06:00:00Z")
    moved = changed("--time", "18:30", "--days", "mon,thu")
    assert moved == ("Mon, Thu 18:30 Europe/Berlin", "2026-11-19T17:30:00Z")
    moved = changed("--zone", "Asia/Tokyo", "--weekly")
    assert moved == ("weekly, Mon, Thu 18:30 Asia/Tokyo", "2026-11-23T09:30:00Z")
    said = notifier(*at, "change", "ada@example.org", "--days", "weekend").err
    assert "weekly, Sat, Sun 18:30 Asia/Tokyo, at most 5 papers" in said
    assert "the next digest is due at 2026-11-21 09:30Z" in said


def test_a_profile_with_a_rule_in_error_is_kept_and_asks_for_care(notifier: Notifier) -> None:
    notifier("subscriber", "add", "ada@example.org", "--confirmed")
    result = notifier("profile", "add", "ada@example.org", "mixed", "RAG", "titel: agents")
    assert result.code == 3
    assert notifier("profile", "show", "ada@example.org", "mixed").out == "RAG\ntitel: agents\n"


WRONG = [
    (("subscriber", "add", "no-address"), 2, '"no-address" is no mail address'),
    (("subscriber", "add", "a@b@c.org"), 2, "is no mail address"),
    (("subscriber", "add", "ada@example.org\nBcc: x@y.org"), 2, "is no mail address"),
    (
        ("subscriber", "add", "a@example.org", "--zone", "Mars/Base"),
        2,
        '"Mars/Base" is no IANA time zone - write one like Europe/Berlin or Asia/Tokyo',
    ),
    (
        ("subscriber", "change", "x@example.org", "--time", "07:30"),
        4,
        "no subscriber x@example.org",
    ),
    (("subscriber", "add", "a@example.org", "--time", "7"), 2, '"7" is no time - write HH:MM'),
    (("subscriber", "add", "a@example.org", "--days", "never"), 2, '"never" is no day'),
    (
        ("subscriber", "add", "a@example.org", "--zone", "../../etc/passwd"),
        2,
        "is no IANA time zone",
    ),
    (("subscriber", "add", "a@example.org", "--time", "25:00"), 2, "a time is HH:MM"),
    (("subscriber", "add", "a@example.org", "--time", "soon"), 2, '"soon" is no time'),
    (("subscriber", "add", "a@example.org", "--days", "mon,dom"), 2, '"dom" is no day'),
    (("subscriber", "show", "ada@example.org"), 4, "no subscriber ada@example.org"),
    (("profile", "add", "ada@example.org", "x", "LLM"), 4, "no subscriber ada@example.org"),
    (("--now", "0001-01-01", "status"), 2, '"0001-01-01" lies outside the years 1970 to 2200'),
    (("--now", "9999-12-31T23:59:59-10:00", "tick"), 2, "lies outside the years"),
    (("ingest", "--file", "/tmp", "--kind", "arxiv"), 4, "/tmp: Is a directory"),
    (("--now", "yesterday", "status"), 2, '"yesterday" is no time'),
    (("ingest", "--file", "missing.xml", "--kind", "arxiv"), 4, "missing.xml: No such file"),
    (("ingest", "--file", "x", "--kind", "arxvi"), 2, 'not "arxvi"'),
    (("ingest", "nowhere"), 4, 'no source "nowhere"'),
    (("digest", "show", "abc"), 4, 'no digest "abc"'),
    (("frobnicate",), 2, "No such command"),
    (("paper", "list", "--format", "xml"), 2, "xml"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), WRONG, ids=lambda v: str(v)[:40])
def test_a_wrong_command_says_what_is_wrong_and_exits_with_its_code(
    notifier: Notifier, arguments: tuple[str, ...], code: int, message: str
) -> None:
    result = notifier(*arguments)
    assert result.code == code
    assert message in " ".join(result.err.split())
    assert result.out == ""


BROKEN: list[tuple[str, bytes, str]] = [
    ("empty", b"", "empty"),
    ("html", b"<!DOCTYPE html><html><body>Login</body></html>", "HTML page"),
    ("text", b"this is no feed at all", "no feed"),
    ("cut off before an entry", b"<?xml version='1.0'?><feed xmlns=", "feed"),
]


@pytest.mark.parametrize("kind", ["arxiv", "huggingface", "feed"])
@pytest.mark.parametrize(("name", "body", "message"), BROKEN, ids=[b[0] for b in BROKEN])
def test_an_answer_that_is_none_gives_one_clear_line_and_changes_nothing(
    notifier: Notifier, kind: str, name: str, body: bytes, message: str
) -> None:
    path = notifier.folder / "answer"
    path.write_bytes(body)
    result = notifier("ingest", "--file", path, "--kind", kind, "--format", "json")
    assert result.code == 1
    report = result.json
    assert (report["seen"], report["new"]) == (0, 0)
    assert len(report["problems"]) == 1
    if kind != "huggingface":
        assert message in report["problems"][0]["reason"]
    assert notifier("paper", "list", "--format", "json").json == []


def test_a_file_beyond_the_size_limit_is_refused_unread(notifier: Notifier) -> None:
    path = notifier.folder / "huge.xml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    result = notifier("ingest", "--file", path, "--kind", "feed", "--format", "json")
    assert result.code == 1
    assert "100 MB is larger than http.max_megabytes (50)" in result.json["problems"][0]["reason"]


def test_good_entries_beside_a_bad_one_are_kept_and_exit_asks_for_care(notifier: Notifier) -> None:
    path = notifier.folder / "answer"
    path.write_bytes(atom([PAPER, {"id": "no-id", "title": "Lost"}, PAPER | {"id": "2611.00009"}]))
    result = notifier("ingest", "--file", path, "--kind", "arxiv", "--format", "json")
    assert result.code == 3
    assert (result.json["new"], result.json["rejected"]) == (2, 1)
    assert "id" in result.json["problems"][0]["reason"]


def test_a_database_of_a_newer_version_is_left_alone(notifier: Notifier) -> None:
    notifier("status")
    database = Database(database_url(notifier.folder, "notifier"))
    with database.writing() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    result = notifier("paper", "list")
    assert result.code == 1
    assert "the database is of a newer version (schema 9999" in result.err
    assert "upgrade notifier" in result.err


@pytest.mark.sqlite("a file")
def test_a_file_that_is_no_database_is_named(notifier: Notifier) -> None:
    (notifier.folder / "notifier.db").write_bytes(b"not a database, but long enough" * 100)
    result = notifier("paper", "list")
    assert result.code == 1
    assert "notifier.db: file is not a database" in result.err


def test_a_profile_beyond_its_limit_is_told_in_few_lines(notifier: Notifier) -> None:
    rules = "\n".join(f"word{number}" for number in range(3000)).encode()
    result = notifier("profile", "test", "-", "--format", "json", stdin=rules)
    assert (result.code, result.json) == (3, [])
    assert "line 501, column 1: a profile holds at most 500 rules" in result.err
    assert "and 2480 more" in result.err
    assert len(result.err.splitlines()) < 30


def test_rules_that_are_no_text_are_refused(notifier: Notifier) -> None:
    result = notifier("profile", "test", "-", stdin=b"\xff\xfe\x00RAG")
    assert result.code == 2
    assert "no UTF-8 text" in result.err


def test_init_twice_leaves_the_first_file_as_it_is(notifier: Notifier) -> None:
    folder = notifier.folder / "fresh"
    assert notifier("init", "--dir", folder).code == 0
    text = (folder / "notifier.toml").read_text()
    (folder / "notifier.toml").write_text(text + "# mine\n")
    again = notifier("init", "--dir", folder)
    assert again.code == 0
    assert "stays as it is" in again.err
    assert (folder / "notifier.toml").read_text().endswith("# mine\n")
    assert (folder / "notifier.db").exists() == (Current.kind == "sqlite")


def test_global_options_may_stand_behind_the_command(notifier: Notifier, tmp_path: Path) -> None:
    result = notifier("subscriber", "add", "a@example.org", "--quiet")
    assert (result.code, result.err) == (0, "")


def test_a_tick_with_a_mail_server_that_is_down_asks_for_care_and_loses_nothing(
    notifier: Notifier,
) -> None:
    with notifier.config.open("a") as file:
        file.write("[smtp]\nhost = '127.0.0.1'\nport = 9\n")
    early, late = "2026-11-19T12:00Z", "2026-11-20T12:00Z"
    notifier("--now", early, "subscriber", "add", "ada@example.org", "--confirmed")
    notifier("--now", early, "profile", "add", "ada@example.org", "p", "RAG")
    path = notifier.folder / "answer"
    path.write_bytes(atom([PAPER]))
    notifier("--now", early, "ingest", "--file", path, "--kind", "arxiv")
    result = notifier("--now", late, "tick", "--format", "json")
    assert result.code == 3
    assert result.json["digests"] == 1
    assert "cannot be reached" in result.json["mail_server"]
    (digest,) = notifier("digest", "list", "--format", "jsonl").rows
    assert (digest["state"], digest["attempts"]) == ("pending", 0)
    shown = notifier("digest", "show", digest["key"], "--format", "jsonl")
    assert [row["paper"] for row in shown.rows] == ["arxiv:2611.00001"]
    assert "Subject: p: RAGs that forget" in notifier("digest", "show", digest["key"], "--eml").out
