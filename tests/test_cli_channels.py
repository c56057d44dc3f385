"""notifier channel: what is typed, what is shown, and that no address leaks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from notifier.delivery.poster import INSTALL
from notifier.storage.database import Database

from .builders import atom
from .commands import Notifier, Result, notifier
from .databases import database_url, refuse

__all__ = ["notifier"]

ADA = "ada@example.org"
SECRET = "TIiajkdnlazkcOXrIdevi7FQ"
SLACK = f"slack://T1JJ3T3L2/A1BRTD4JD/{SECRET}"


class Desk:
    """Ada follows RAG; webhooks on this machine, and Slack, are allowed."""

    def __init__(self, run: Notifier, server: HTTPServer) -> None:
        self.run, self.server, self.now = run, server, "2026-11-20T05:00:00Z"
        self.url = f"json://{server.host}:{server.port}/{SECRET}"
        self.allow('["slack", "webhook", "ntfy"]')
        self("subscriber", "add", ADA, "--zone", "UTC", "--days", "daily", "--confirmed")
        self("profile", "add", ADA, "agents", "RAG")

    def allow(self, services: str, hosts: str = '["localhost", "127.0.0.0/8", "::1"]') -> None:
        self.run.config.write_text(
            f"[mail]\ntransport = 'sink'\n[digest]\nsample = false\n[channels]\n"
            f"allowed = {services}\nhosts = {hosts}\n"
        )

    def __call__(self, *arguments: object, stdin: bytes = b"") -> Result:
        """Run a command; whatever it says, it is not the address's secret."""
        done = self.run("--now", self.now, *arguments, stdin=stdin)
        assert SECRET not in done.out + done.err
        return done


@pytest.fixture
def desk(notifier: Notifier, httpserver: HTTPServer) -> Desk:
    return Desk(notifier, httpserver)


def test_a_channel_is_added_from_a_file_listed_cut_and_removed(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "slack.url"
    file.write_text(SLACK + "\n")
    added = desk("channel", "add", ADA, "agents", "--url-file", file)
    assert added.code == 0
    assert "channel 1: slack://T1…/… gets papers of agents" in added.err
    (row,) = desk("channel", "list", "--format", "jsonl").rows
    assert (row["id"], row["channel"], row["profiles"]) == (1, "slack://T1…/…", ["agents"])
    assert row["state"] == "open"
    removed = desk("channel", "remove", 1)
    assert f"channel 1 of {ADA} (slack://T1…/…) is removed" in removed.err
    assert desk("channel", "list", "--format", "json").json == []
    assert desk("channel", "remove", 1).code == 4


def test_the_same_address_for_two_profiles_is_one_channel(desk: Desk) -> None:
    desk("profile", "add", ADA, "privacy", "privacy")
    desk("channel", "add", ADA, "agents", desk.url)
    desk("channel", "add", ADA, "agents", desk.url)
    desk("channel", "add", ADA, "privacy", "--url-file", "-", stdin=desk.url.encode())
    (row,) = desk("channel", "list", ADA, "--format", "jsonl").rows
    assert row["profiles"] == ["agents", "privacy"]
    desk("profile", "remove", ADA, "privacy")
    (row,) = desk("channel", "list", ADA, "--format", "jsonl").rows
    assert row["profiles"] == ["agents"]


WRONG = [
    ((ADA, "agents", f"discord://123456/{SECRET}"), 2, "discord is not allowed here"),
    ((ADA, "agents", f"https://hooks.slack.com/{SECRET}"), 2, "https:// is no channel"),
    ((ADA, "agents", f"jsons://example.com/{SECRET}"), 2, "example.com may not be asked"),
    ((ADA, "agents", f"json://10.0.0.1:80/{SECRET}"), 2, "10.0.0.1 may not be asked"),
    ((ADA, "agents", f"slack://{SECRET}"), 2, "Apprise cannot read it"),
    ((ADA, "agents", f"ntfy://localhost/{SECRET}/b"), 2, "it must name one place"),
    ((ADA, "bees", SLACK), 4, 'has no profile "bees"'),
    (("bo@example.org", "agents", SLACK), 4, "bo@example.org"),
    ((ADA, "agents"), 2, "give the channel's address once"),
    ((ADA, "agents", "--url-file", "/nowhere"), 2, "/nowhere cannot be read"),
]


def test_what_cannot_be_a_channel_is_one_clear_line_each(desk: Desk) -> None:
    for arguments, code, said in WRONG:
        done = desk("channel", "add", *arguments)
        assert (done.code, len(done.err.splitlines())) == (code, 1), done.err
        assert said in done.err
    assert desk("channel", "list", "--format", "json").json == []


def test_a_test_sends_one_line_and_shows_the_answer(desk: Desk) -> None:
    desk.server.expect_request(f"/{SECRET}").respond_with_data(f"thanks for /{SECRET}")
    desk("channel", "add", ADA, "agents", desk.url)
    done = desk("channel", "test", 1)
    assert (done.code, done.out) == (0, "200 thanks for /***\n")
    (request, _) = desk.server.log[0]
    assert request.get_json()["message"] == "This is a test. New papers will come here."
    desk.server.clear()
    desk.server.expect_request(f"/{SECRET}").respond_with_data("who are you?", 401)
    refused = desk("channel", "test", 1)
    assert (refused.code, refused.out) == (1, "401 who are you?\n")


def test_a_refused_channel_is_shown_by_list_and_status_until_it_is_resumed(
    desk: Desk, tmp_path: Path
) -> None:
    desk.server.expect_request(f"/{SECRET}").respond_with_response(Response(f"no /{SECRET}", 404))
    desk("channel", "add", ADA, "agents", desk.url)
    feed = tmp_path / "feed.xml"
    feed.write_bytes(atom([{"id": "2611.00001", "title": "On RAG"}]))
    desk("ingest", "--file", feed, "--kind", "arxiv")
    desk.now = "2026-11-20T08:00:00Z"
    tick = desk("tick", "--format", "json")
    assert tick.code == 3
    assert tick.json["channels_paused"] == [1]
    status = desk("status", "--format", "json")
    assert status.code == 3
    assert status.json["posts"] == {"pending": 1}
    (channel,) = status.json["channels"]
    assert (channel["state"], channel["why"]) == ("paused", "404 Not Found (no /***)")
    listed = desk("channel", "list")
    assert "404 Not Found (no /***)" in listed.out
    assert "notifier channel resume" in listed.err
    (row,) = desk("channel", "list", "--format", "jsonl").rows
    assert row["last_answer"] == "404 no /***"
    desk.server.clear()
    desk.server.expect_request(f"/{SECRET}").respond_with_data("ok")
    desk("channel", "resume", 1)
    assert desk("tick", "--format", "json").json["posted"] == 1
    assert desk("status", "--format", "json").json["channels"] == []


def test_a_channel_that_somebody_paused_needs_no_care(desk: Desk) -> None:
    desk("channel", "add", ADA, "agents", desk.url)
    assert desk("channel", "pause", 1).code == 0
    assert "by the operator" in desk("channel", "list").out
    assert desk("status").code == 0


def test_where_apprise_is_missing_every_command_says_what_to_install(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    for arguments, code in (
        (("config", "check"), 3),
        (("channel", "add", ADA, "agents", desk.url), 2),
        (("channel", "list"), 0),
    ):
        done = desk(*arguments)
        assert done.code == code
        assert INSTALL in done.err
    status = desk("status", "--format", "json")
    assert status.code == 3
    assert INSTALL in status.json["channels_lack"]
    desk.allow("[]")
    assert desk("config", "check").code == 0


def test_an_error_of_the_database_tells_no_address(desk: Desk, tmp_path: Path) -> None:
    desk("channel", "list")
    database = Database(database_url(tmp_path, "notifier"))
    with database.writing() as conn:
        refuse(conn, "channel", "the disk is full")
    database.close()
    with pytest.raises(Exception, match="the disk is full") as failed:
        desk("channel", "add", ADA, "agents", desk.url)
    assert SECRET not in str(failed.value)
