"""notifier source, ingest --since and status: what a person sees of the sources."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from notifier.cli.sources import _table

from .builders import atom
from .commands import Notifier, notifier

__all__ = ["notifier"]

RSS = """<rss version="2.0"><channel><title>Fern Letters</title><link>https://f.example/</link>
<item><title>On ferns</title><link>https://f.example/1</link><guid>f1</guid></item>
<item><title>More ferns</title><link>https://f.example/2</link><guid>f2</guid></item>
<item><link>https://f.example/3</link><guid>f3</guid></item></channel></rss>"""
PAPERS = [{"id": f"2611.0000{n}", "title": f"Paper number {n} on ferns"} for n in range(5)]


def configured(notifier: Notifier, **sources: str) -> None:
    text = "[http]\npause_seconds = 0\n"
    for name, url in sources.items():
        text += f"[[source]]\nname = '{name}'\nkind = 'arxiv'\nurls = ['{url}']\n"
    notifier.config.write_text(text)


def test_an_address_is_tried_out_and_nothing_is_kept(
    notifier: Notifier, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/feed").respond_with_data(atom(PAPERS))
    found = notifier("source", "test", httpserver.url_for("/feed"), "--format", "json")
    assert found.code == 0
    assert (found.json["kind"], found.json["papers"]) == ("arxiv", 5)
    assert [paper["title"] for paper in found.json["shown"]] == [p["title"] for p in PAPERS[:3]]
    assert found.json["problems"] == []
    assert notifier("paper", "list", "--format", "json").json == []
    status = notifier("status", "--format", "json").json
    assert (status["papers_new_24h"], status["sources"]) == (0, [])


def test_every_problem_of_an_address_is_shown_beside_its_papers(
    notifier: Notifier, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/rss").respond_with_data(RSS)
    found = notifier("source", "test", httpserver.url_for("/rss"))
    assert found.code == 3
    assert "feed" in found.out
    assert "On ferns" in found.out
    assert "problem: f3: no title" in found.err


def test_a_web_page_is_no_feed_and_names_the_one_it_has(
    notifier: Notifier, httpserver: HTTPServer
) -> None:
    page = '<html><head><link rel="alternate" type="application/rss+xml" href="/rss"></head></html>'
    httpserver.expect_request("/").respond_with_data(page)
    found = notifier("source", "test", httpserver.url_for("/"))
    assert found.code == 1
    assert httpserver.url_for("/rss") in found.err
    assert found.out == ""


@pytest.mark.parametrize("target", ["nature", "ftp://a.example/feed", "feed.xml"])
def test_what_is_no_address_and_no_source_is_wrong_usage(notifier: Notifier, target: str) -> None:
    configured(notifier, ferns="http://127.0.0.1:9/feed")
    found = notifier("source", "test", target)
    assert found.code == 2
    assert target in found.err
    assert "ferns" in found.err


def test_a_key_in_an_address_is_not_printed(notifier: Notifier, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/feed").respond_with_data(atom(PAPERS))
    url = httpserver.url_for("/feed").replace("http://", "HTTP://me:hunter2@") + "?api_key=hunter2"
    for form in ("table", "json"):
        found = notifier("source", "test", url, "--format", form)
        assert found.code == 0
        assert "hunter2" not in found.out + found.err


@pytest.mark.parametrize(
    ("kind", "url", "line"),
    [
        ("arxiv", "https://rss.arxiv.org/atom/cs.CL+stat.ML", "categories = ['cs.CL', 'stat.ML']"),
        ("feed", "https://a.example/rss", 'urls = ["https://a.example/rss"]'),
        ("huggingface", "https://huggingface.co/api/daily_papers?date=2026-11-20", ""),
        ("biorxiv", "https://api.biorxiv.org/details/biorxiv/2026-11-19/2026-11-20/0", ""),
        ("pubmed", "https://eutils.ncbi.nlm.nih.gov/e/esearch.fcgi?db=pubmed&term=a+ferns",
         'query = "a ferns"'),
    ],
)  # fmt: skip
def test_what_to_write_down_loses_nothing_tomorrow(kind: str, url: str, line: str) -> None:
    assert [*_table(kind, url), ""][2] == line


@pytest.mark.parametrize(
    "options", [("arxiv", "--file", "x"), ("--kind", "arxiv"), ("--name", "a")]
)
def test_options_that_do_not_belong_together_are_wrong_usage(
    notifier: Notifier, options: tuple[str, ...]
) -> None:
    assert notifier("ingest", *options).code == 2


def test_a_configured_source_is_tried_out_by_its_name(
    notifier: Notifier, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/feed").respond_with_data(atom(PAPERS))
    configured(notifier, ferns=httpserver.url_for("/feed"))
    found = notifier("source", "test", "ferns", "--format", "json")
    assert (found.code, found.json["papers"]) == (0, 5)
    (source,) = notifier("source", "list", "--format", "json").json
    assert source["state"] == "new"


def test_a_paused_source_is_not_asked_until_it_goes_on(
    notifier: Notifier, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/feed").respond_with_data(atom(PAPERS))
    configured(notifier, ferns=httpserver.url_for("/feed"))
    assert notifier("source", "pause", "ferns").code == 0
    assert "already" in notifier("source", "pause", "ferns").err
    assert notifier("ingest", "--format", "jsonl").rows == []
    assert httpserver.log == []
    (source,) = notifier("source", "list", "--format", "json").json
    assert source["state"] == "paused"
    assert notifier("source", "resume", "ferns").code == 0
    assert [row["new"] for row in notifier("ingest", "--format", "jsonl").rows] == [5]
    assert notifier("source", "pause", "nowhere").code == 4


def test_status_says_that_a_source_fails_and_why_and_that_it_is_well_again(
    notifier: Notifier, httpserver: HTTPServer
) -> None:
    httpserver.expect_ordered_request("/feed").respond_with_data("gone", status=404)
    httpserver.expect_ordered_request("/feed").respond_with_data(atom(PAPERS))
    configured(notifier, ferns=httpserver.url_for("/feed"))
    notifier("ingest")
    found = notifier("status", "--format", "json")
    (source,) = found.json["sources"]
    assert (found.code, source["state"]) == (3, "failing")
    assert "HTTP 404" in source["why"]
    notifier("ingest")
    found = notifier("status", "--format", "json")
    (source,) = found.json["sources"]
    assert (found.code, source["state"], source["why"]) == (0, "fresh", "the newest batch is here")


def test_status_for_people_shows_state_and_reason(notifier: Notifier) -> None:
    configured(notifier, ferns="http://127.0.0.1:9/feed")
    assert "not asked yet" in notifier("status").out


# Back-filling


def test_a_back_fill_keeps_old_papers_and_mails_them_to_nobody(
    notifier: Notifier, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/feed").respond_with_data(atom(PAPERS, day="2026-05-04"))
    configured(notifier, ferns=httpserver.url_for("/feed"))
    notifier("subscriber", "add", "ada@example.org", "--confirmed", "--now", "2026-11-19")
    notifier("profile", "add", "ada@example.org", "p", "ferns")
    found = notifier("ingest", "--since", "2026-05-01", "--now", "2026-11-20T05:00")
    assert found.code == 0
    assert "keeps no history" in found.err
    papers = notifier("paper", "list", "--format", "json").json
    assert {paper["first_seen_at"][:10] for paper in papers} == {"2026-05-04"}
    notifier("tick", "--now", "2026-11-20T09:00")
    assert notifier("digest", "list", "--format", "json").json == []


@pytest.mark.parametrize("since", ["2099-01-01", "yesterday"])
def test_a_back_fill_from_no_past_day_is_wrong_usage(notifier: Notifier, since: str) -> None:
    found = notifier("ingest", "--since", since)
    assert found.code == 2
    assert since in found.err


# Files


def test_the_kind_of_a_saved_answer_is_found_out(notifier: Notifier, tmp_path: Path) -> None:
    saved = tmp_path / "saved.xml"
    saved.write_bytes(atom(PAPERS))
    found = notifier("ingest", "--file", saved, "--format", "json")
    assert (found.code, found.json["source"], found.json["new"]) == (0, "arxiv", 5)


def test_old_papers_of_a_file_are_history_where_that_is_wanted(
    notifier: Notifier, tmp_path: Path
) -> None:
    saved = tmp_path / "page.txt"
    saved.write_text(
        "Ferns that grow in the dark of caves\n\nThey grow.\n\n• 7 authors\n·\nOct 31, 2023\n2\n\n"
        "Mosses that grow on the roofs of barns\n\nThey grow.\n\n• 3 authors\n·\nNov 19, 2026\n"
    )
    read = ("ingest", "--file", saved, "--kind", "listing", "--now", "2026-11-20")
    found = notifier(*read, "--since", "2023-01-01")
    assert found.code == 0
    papers = notifier("paper", "list", "--format", "json").json
    assert {p["title"][:5]: p["first_seen_at"][:10] for p in papers} == {
        "Ferns": "2023-10-31",
        "Mosse": "2026-11-20",
    }
    assert [p["signals"] for p in papers if p["signals"]] == [{"comments": 2.0}]


def test_a_packed_file_is_unpacked_up_to_the_limit(notifier: Notifier, tmp_path: Path) -> None:
    saved = tmp_path / "saved.xml.gz"
    saved.write_bytes(gzip.compress(atom(PAPERS)))
    assert notifier("ingest", "--file", saved, "--format", "json").json["new"] == 5
    saved.write_bytes(gzip.compress(b" " * 2_000_000))
    notifier.config.write_text("[http]\nmax_megabytes = 1\n")
    found = notifier("ingest", "--file", saved)
    assert found.code == 1
    assert "larger than http.max_megabytes (1)" in found.err
    saved.write_bytes(gzip.compress(atom(PAPERS))[:20] + b"broken")
    assert "the file is packed and broken" in notifier("ingest", "--file", saved).err


def test_a_saved_file_of_no_known_kind_is_told_in_one_line(
    notifier: Notifier, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.gz"
    saved.write_bytes(gzip.compress(b"ferns"))
    found = notifier("ingest", "--file", saved)
    assert found.code == 1
    assert str(saved) in found.err
    assert len(found.err.strip().splitlines()) == 1
