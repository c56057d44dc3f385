"""People in and out: what `subscriber export` wrote, and lists of listmonk and Mailman."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table

from notifier.app import App
from notifier.config import load
from notifier.papers.event import Event
from notifier.storage import own_rows, store_events, store_papers, store_subscribers
from notifier.storage.columns import Row
from notifier.subscriptions.moving import exported, lines
from notifier.subscriptions.moving.told import Rejected

from .builders import NOON, an_entry
from .commands import Notifier, Result, notifier
from .pages import ADA, MORNING, RULES, Place, path
from .test_pages_browser import chromium, served
from .test_promises import dump

__all__ = ["notifier"]

BO, CY, DEE = "bo@example.org", "cy@example.org", "dee@example.org"
TODAY = ("--now", "2026-11-20T12:00:00Z")
BECAUSE = ("--because", "moved with the lab")


@contextmanager
def opened(notifier: Notifier) -> Iterator[App]:
    with closing(App(load(notifier.config), clock=lambda: NOON)) as app:
        yield app


def take(notifier: Notifier, *numbers: int, days: int = 0) -> None:
    with opened(notifier) as app, app.database.writing() as conn:
        found = [an_entry(n, f"RAG {n}") for n in numbers]
        now = NOON + timedelta(days=days)
        store_papers.take_in(conn, found, source="arxiv", now=now)


@pytest.fixture(autouse=True)
def here(notifier: Notifier) -> None:
    notifier.on("here")


_made: list[str] = []


@pytest.fixture
def file(notifier: Notifier, tmp_path: Path) -> Path:
    """An export of Ada, who has everything, Bo, who waits, and Cy, who left; made once."""
    if not _made:
        notifier.on("old")
        _made.append(everybody(notifier))
        notifier.on("here")
    made = tmp_path / "everybody.jsonl"
    made.write_text(_made[0])
    return made


def everybody(notifier: Notifier) -> str:
    take(notifier, 1, 2, 3)
    notifier(*TODAY, "subscriber", "add", ADA, "--confirmed", "--zone", "Asia/Tokyo", "--time",
             "18:30", "--weekly", "--max-papers", 5, "--language", "de", "--text-only",
             "--because", "asked at lunch")  # fmt: skip
    notifier(*TODAY, "subscriber", "change", ADA, "--no-learning", "--summary", "--news-sent",
             "all", "--news-saved", "version,code")  # fmt: skip
    notifier(*TODAY, "profile", "add", ADA, "ml", "RAG ^2\nGrüße")
    notifier(*TODAY, "profile", "add", ADA, "off", "graph")
    for paper, said in ((1, "saved"), (2, "down"), (3, "up")):
        notifier(*TODAY, "subscriber", "vote", ADA, f"2611.0000{paper}", said)
    notifier(*TODAY, "subscriber", "pause", ADA, "--weeks", 3)
    notifier(*TODAY, "subscriber", "add", BO)
    notifier(*TODAY, "subscriber", "change", BO, "--news-sent", "none", "--news-saved", "none")
    notifier(*TODAY, "subscriber", "add", CY, "--confirmed")
    with opened(notifier) as app:
        service, ada = app.subscriptions, app.subscriptions.get(ADA)
        app.served.feeds.rotate(service.profile(ADA, "ml").row)
        app.served.saved.rotate(ada.row)
        app.served.profiles.switch(ada, service.profile(ADA, "off").row, enabled=False)
        service.leave(service.get(CY).row, now=NOON)
    return notifier("subscriber", "export", "--all").out


def imported(notifier: Notifier, file: Path, *more: object) -> Result:
    """Import into an instance that has read its sources."""
    with opened(notifier) as app:
        is_ready = app.served.importing.has_papers()
    if not is_ready:
        take(notifier, 99)
    return notifier(*TODAY, "subscriber", "import", file, *more, "--format", "json")


def comparable(lines: str) -> list[dict[str, Any]]:
    """What is kept of everybody, but for times and what tells where they came from."""
    told = [json.loads(line) for line in lines.splitlines()]
    for one in told:
        del one["exported_at"], one["digests"]
        for name in ("consent", "created_at", "confirmed_at", "next_due_at", "left_at"):
            del one["subscriber"][name]
        for profile in one["profiles"]:
            del profile["changed_at"]
    return sorted(told, key=lambda one: str(one["subscriber"]["address"]))


@pytest.mark.both
def test_what_export_wrote_is_taken_in_and_a_second_time_changes_nothing(
    file: Path, notifier: Notifier
) -> None:
    there = comparable(file.read_text())
    take(notifier, 1, 2, 3)
    first = imported(notifier, file, *BECAUSE)
    assert first.code == 0, first.err
    assert first.json == {"added": 3, "confirmed": 1, "profiles": 2, "votes": 3}
    assert comparable(notifier("subscriber", "export", "--all").out) == there
    told = notifier("subscriber", "show", ADA, "--format", "json").json
    assert told["consent"] == "moved with the lab (there: asked at lunch, 2026-11-20)"
    with opened(notifier) as app:
        before = dump(app.database)
        again = imported(notifier, file, *BECAUSE)
        assert (again.code, again.json) == (0, {"unchanged": 3})
        assert dump(app.database) == before


def test_one_record_on_many_lines_is_taken_in_from_stdin(notifier: Notifier) -> None:
    notifier("subscriber", "add", ADA, "--confirmed")
    told = notifier("subscriber", "export", ADA).out
    notifier.on("new")
    early = notifier("subscriber", "import", "-", *BECAUSE, stdin=told.encode())
    assert (early.code, "read the sources first (notifier ingest)" in early.err) == (2, True)
    assert notifier("subscriber", "import", "-", "--dry-run", stdin=told.encode()).code == 0
    take(notifier, 1)
    assert notifier("subscriber", "import", "-", *BECAUSE, stdin=told.encode()).code == 0
    assert notifier("subscriber", "show", ADA, "--format", "json").json["state"] == "active"


def test_nobody_becomes_mailed_without_the_operators_word(file: Path, notifier: Notifier) -> None:
    result = imported(notifier, file)
    assert result.code == 0
    assert result.json["not confirmed"] == 1
    assert "before somebody confirms them: again with --because" in result.err
    states = {one["address"]: one["state"] for one in
              notifier("subscriber", "list", "--format", "json").json}  # fmt: skip
    assert states == {ADA: "pending", BO: "pending", CY: "left"}
    later = imported(notifier, file, *BECAUSE)
    assert (later.json["completed"], later.json["confirmed"]) == (1, 1)


def test_a_dry_run_counts_the_same_and_keeps_nothing(file: Path, notifier: Notifier) -> None:
    would = imported(notifier, file, *BECAUSE, "--dry-run")
    assert "nothing was changed" in would.err
    with opened(notifier) as app:
        assert app.subscriptions.every() == []
    assert imported(notifier, file, *BECAUSE).json == would.json


def test_who_came_gets_what_is_announced_from_then_on(file: Path, notifier: Notifier) -> None:
    take(notifier, 1, 2, 3, 4)
    record = json.loads(file.read_text().splitlines()[0])
    record["subscriber"] |= {"paused_until": None, "schedule": {
        "zone": "UTC", "time": "06:00", "days": ["sat", "sun"], "cadence": "daily"}}  # fmt: skip
    file.write_text(json.dumps(record))
    assert imported(notifier, file, *BECAUSE).code == 0
    for days, mails in ((1, 0), (2, 1)):
        now = NOON + timedelta(days=days)
        if days == 2:
            take(notifier, 5, days=1)
        with closing(App(load(notifier.config), clock=lambda now=now: now)) as app:
            app.compose()
            found = notifier("digest", "list", "--format", "json").json
            assert len(found) == mails
    (held,) = [notifier("digest", "show", one["key"], "--text").out for one in found]
    assert "RAG 5" in held
    assert "RAG 4" not in held


def test_what_is_here_stays_unless_it_is_to_be_replaced(file: Path, notifier: Notifier) -> None:
    notifier(*TODAY, "subscriber", "add", ADA, "--confirmed", "--because", "here")
    notifier(*TODAY, "profile", "add", ADA, "ml", "another rule")
    kept = imported(notifier, file, *BECAUSE)
    assert kept.code == 3
    assert f"{ADA} is here with other settings (schedule, " in kept.err
    assert "which stay - --replace takes those of the file" in kept.err
    assert f'{ADA} has another profile "ml", which stays' in kept.err
    rules = notifier("profile", "show", ADA, "ml").out
    assert "another rule" in rules
    assert notifier("subscriber", "show", ADA, "--format", "json").json["consent"] == "here"
    replaced = imported(notifier, file, *BECAUSE, "--replace")
    assert replaced.code == 0
    assert "Grüße" in notifier("profile", "show", ADA, "ml").out
    shown = notifier("subscriber", "show", ADA, "--format", "json").json
    assert (shown["max_papers"], shown["language"]) == (5, "de")
    assert imported(notifier, file, "--replace").json["unchanged"] == 3


def test_settings_that_differ_are_named_and_replaced_by_those_of_the_file(
    file: Path, notifier: Notifier
) -> None:
    notifier(*TODAY, "subscriber", "add", BO)
    kept = imported(notifier, file, *BECAUSE)
    assert f"{BO} is here with other settings (news_of_sent, news_of_saved), which stay" in kept.err
    assert imported(notifier, file, "--replace").json["completed"] == 1
    shown = notifier("subscriber", "show", BO, "--format", "json").json
    assert (shown["news_of_sent"], shown["news_of_saved"]) == ([], [])
    assert imported(notifier, file, "--replace").json["unchanged"] == 3


@pytest.mark.both
def test_who_follows_a_shared_profile_here_goes_on_so_and_holds_up_nobody(
    file: Path, notifier: Notifier
) -> None:
    for address in (ADA, DEE):
        notifier(*TODAY, "subscriber", "add", address, "--confirmed")
    notifier(*TODAY, "profile", "add", DEE, "ml", "by Dee")
    link = notifier(*TODAY, "profile", "share", DEE, "ml").out.split()[-1]
    assert notifier(*TODAY, "profile", "join", ADA, link).code == 0
    result = imported(notifier, file, "--replace")
    assert result.code == 3
    assert f'the profile "ml" of {ADA} follows a shared one here, and goes on so' in result.err
    assert notifier("profile", "show", ADA, "ml").out == "by Dee\n"
    assert result.json["added"] == 2, "those behind it are taken"
    ada = json.loads(file.read_text().splitlines()[0])
    ada["profiles"] = [ada["profiles"][0] | {"rules": "by Dee", "enabled": False}]
    file.write_text(json.dumps(ada))
    assert imported(notifier, file, "--replace").code == 0
    assert not notifier("profile", "list", ADA, "--format", "json").json[0]["enabled"]


@pytest.mark.both
def test_what_happened_before_somebody_came_is_no_news_to_them(
    file: Path, notifier: Notifier
) -> None:
    take(notifier, 1)
    ada = json.loads(file.read_text().splitlines()[0])
    ada["subscriber"] |= {"news_of_saved": ["withdrawn", "published"], "paused_until": None}
    saved = {"paper": "arxiv:2611.00001", "said": "saved", "at": "2026-11-10T00:00:00Z"}
    ada["votes"] = [ada["votes"][0] | saved]
    file.write_text(json.dumps(ada))
    with opened(notifier) as app:
        with app.database.writing() as conn:
            (paper,) = store_papers.load(conn, {store_papers.named(conn, "arxiv:2611.00001") or 0})
            day = timedelta(days=1)
            store_events.note(conn, paper.row, [Event("withdrawn")], now=NOON - day)
        assert imported(notifier, file, *BECAUSE).json["votes"] == 1
        with app.database.writing() as conn:
            store_events.note(conn, paper.row, [Event("published")], now=NOON + 3 * day)
            recent = store_events.recent(conn, now=NOON + 4 * day)
            found = store_events.untold(conn, [app.subscriptions.get(ADA)], recent)
    assert [one.kind for events in found.values() for one in events] == ["published"]


def test_who_left_or_must_not_be_mailed_stays_so(file: Path, notifier: Notifier) -> None:
    notifier(*TODAY, "subscriber", "add", ADA, "--confirmed")
    with opened(notifier) as app:
        app.subscriptions.leave(app.subscriptions.get(ADA).row, now=NOON)
    result = imported(notifier, file, *BECAUSE)
    assert result.code == 3
    assert f"{ADA} has left here, and stays so" in result.err
    assert notifier("subscriber", "show", ADA, "--format", "json").json["state"] == "left"
    notifier.on("another")
    with opened(notifier) as app, app.database.writing() as conn:
        store_subscribers.suppress(conn, ADA, "bounce", "550 no such user", NOON)
    result = imported(notifier, file, *BECAUSE)
    assert f"{ADA} must not be mailed (bounce), and is not" in result.err
    shown = notifier("subscriber", "show", ADA, "--format", "json").json
    assert (shown["state"], shown["suppressed"]) == ("pending", "bounce: 550 no such user")
    told = notifier("subscriber", "export", ADA).json
    notifier.on("third")
    file.write_text(json.dumps(told | {"subscriber": told["subscriber"] | {"state": "active"}}))
    assert imported(notifier, file, *BECAUSE).code == 3
    shown = notifier("subscriber", "show", ADA, "--format", "json").json
    assert shown["suppressed"] == "bounce: 550 no such user"


def test_papers_are_found_by_any_of_their_names_and_unknown_ones_are_counted(
    file: Path, notifier: Notifier
) -> None:
    take(notifier, 1)
    text = file.read_text().replace('"paper": "arxiv:2611.00001"', '"paper": "doi:10.1/gone"')
    file.write_text(text)
    result = imported(notifier, file, *BECAUSE)
    assert result.json["votes"] == 1
    assert result.json["votes on papers unknown here"] == 2
    notifier(*TODAY, "subscriber", "vote", ADA, "2611.00001", "down")
    later = ("--now", "2026-11-21T12:00:00Z", "subscriber", "vote", ADA, "2611.00001", "up")
    notifier(*later)
    assert imported(notifier, file, *BECAUSE).json["unchanged"] == 3
    assert [one["said"] for one in notifier("subscriber", "export", ADA).json["votes"]] == ["up"]


@pytest.mark.parametrize("between", ["", "\n\n", "\n# by hand\n"])
def test_records_of_many_lines_one_behind_the_other_are_all_taken(
    notifier: Notifier, tmp_path: Path, between: str
) -> None:
    for address in (ADA, BO):
        notifier("subscriber", "add", address)
    both = between.join(notifier("subscriber", "export", address).out for address in (ADA, BO))
    notifier.on("new")
    (tmp_path / "both").write_text(f"{between}{both}")
    assert imported(notifier, tmp_path / "both").json["added"] == 2
    (tmp_path / "both").write_text(f"{both}{{")
    result = imported(notifier, tmp_path / "both")
    assert (result.code, result.json) == (3, {"unchanged": 2, "refused": 1})
    assert "record 3: it is no JSON" in result.err


BAD_RECORDS = [
    "[7]", "null", '{"format": "notifier export 9"}', '{"format": "notifier export 1"}', "{",
    '{"format": "notifier export 1", "subscriber": {"address": "nobody", "state": "active"}}',
    '{"format": "notifier export 1", "subscriber": {"address": "bo@example.org",'
    ' "state": "\\ud800", "schedule": {"zone": "UTC",'
    ' "time": "07:00", "days": ["mon"], "cadence": "daily"}}}',
    '{"format": "notifier export 1", "subscriber": {"address": "bo@example.org",'
    ' "state": "active", "paused_until": "9999-12-31T23:59:59-12:00", "schedule": {"zone": "UTC",'
    ' "time": "07:00", "days": ["mon"], "cadence": "daily"}}}',
    '{"format": "notifier export 1", "subscriber": {"address": "bo@example.org", "state": "left",'
    ' "schedule": {"zone": "UTC", "time": "' + "7" * 5000 + ':00", "days": [], "cadence": 1}}}',
]  # fmt: skip


def test_bad_records_and_parts_are_told_and_the_rest_is_taken(
    file: Path, notifier: Notifier
) -> None:
    ada = json.loads(file.read_text().splitlines()[0])
    ada["profiles"] += ["x", {"name": "", "rules": "a"}, {"name": "empty", "rules": "#"}, {}]
    ada["votes"] += [{"paper": "arxiv:2611.00001", "said": "maybe", "at": "now"}, 7]
    ada["votes"] += [ada["votes"][0] | {"at": "0001-01-01T00:00:00+14:00"}]
    ada["votes"] += [ada["votes"][0] | {"aliases": 5}]
    ada["profiles"] += [ada["profiles"][0]]
    ada["subscriber"]["language"] = "xx"
    ada["subscriber"]["max_papers"] = 10**9
    ada["channels"] = [{}]
    ada["other"] = {"news": [{}, {}], "member": [{}]}
    file.write_text("\n".join([json.dumps(ada), *BAD_RECORDS, ""]))
    result = imported(notifier, file, *BECAUSE)
    assert result.code == 3
    assert result.json == {
        "added": 1, "confirmed": 1, "refused": 9, "profiles": 2,
        "votes on papers unknown here": 4, "channels": 1, "shared profiles": 1, "other rows": 2,
    }  # fmt: skip
    for said in ("line 2, number 1: it is no record", "line 6: it is no JSON",
                 'line 7: "nobody" is no mail',
                 "line 1: a profile is left out, number 3", "line 1: a vote is left out, number 4",
                 '"xx" is no language', '"max_papers" lies between 1 and', "comes twice",
                 "each one's own here"):  # fmt: skip
        assert said in result.err, result.err
    file.write_text("\n".join(BAD_RECORDS))
    assert imported(notifier, file, *BECAUSE, "--as", "notifier").code == 1


def test_rows_of_a_subscriber_in_a_table_that_nobody_told_of_are_shown_as_they_are(
    notifier: Notifier,
) -> None:
    notifier("subscriber", "add", ADA)
    meta = MetaData()
    Table("subscriber", meta, Column("id", Integer, primary_key=True))
    later = Table(
        "later", meta, Column("id", Integer, primary_key=True),
        Column("subscriber_id", Integer, ForeignKey("subscriber.id")), Column("what", String),
    )  # fmt: skip
    with opened(notifier) as app, app.database.writing() as conn:
        later.create(conn)
        row = app.subscriptions.get(ADA).row
        conn.execute(later.insert(), [{"id": 1, "subscriber_id": row, "what": "x"},
                                      {"id": 2, "subscriber_id": None, "what": "y"}])  # fmt: skip
        found = own_rows.beside(conn, row, (), [later])
        assert found == {"later": [{"id": 1, "subscriber_id": row, "what": "x"}]}
        assert "subscriber" not in own_rows.beside(
            conn, row, {"profile"}, Row.metadata.sorted_tables
        )


# Lists of other programs.

LISTMONK = """\
uuid,email,name,attributes,status,created_at,updated_at
5f1,Ada@Example.org,"Lovelace, Ada","{""city"": ""London""}",enabled,2020-05-25 17:10:42 +0000 UTC,2020-05-25 17:10:42 +0000 UTC
5f2,bo@example.org,Bo,{},disabled,2020-05-25 17:10:42 +0000 UTC,2020-05-25 17:10:42 +0000 UTC
5f3,cy@example.org,Cy,{},blocklisted,2020-05-25 17:10:42 +0000 UTC,2020-05-25 17:10:42 +0000 UTC
5f4,ada@example.org,Ada again,{},enabled,2020-05-25 17:10:42 +0000 UTC,2020-05-25 17:10:42 +0000 UTC
5f5,nobody,No one,{},enabled,2020-05-25 17:10:42 +0000 UTC,2020-05-25 17:10:42 +0000 UTC
5f6,"dee@example.org,Dee,{},enabled,2020-05-25 17:10:42 +0000 UTC,2020-05-25 17:10:42 +0000 UTC
5f7,short@example.org
"""  # noqa: E501


def states(notifier: Notifier) -> dict[str, str]:
    rows = notifier("subscriber", "list", "--format", "json").json
    return {one["address"]: one["state"] for one in rows}


@pytest.mark.both
def test_a_list_of_listmonk_is_taken_in_as_far_as_it_may_be(
    notifier: Notifier, tmp_path: Path
) -> None:
    file = tmp_path / "subscribers.csv"
    file.write_bytes(b"\xef\xbb\xbf" + LISTMONK.replace("\n", "\r\n").encode())
    refused = notifier("subscriber", "import", file)
    assert refused.code == 2
    assert "have each confirm: notifier subscriber invite" in refused.err
    assert states(notifier) == {}
    because = ("--because", "opted in on our list")
    more = ("--rules", "LLM agents", "--profile", "lab", "--zone", "Europe/Berlin", "--weekly")
    result = imported(notifier, file, *because, *more)
    assert result.code == 3
    assert "read as listmonk" in result.err
    assert result.json == {
        "added": 1, "confirmed": 1, "blocked": 1, "skipped": 1, "duplicates": 1, "refused": 3,
    }  # fmt: skip
    assert "line 6: there is no mail address in it" in result.err
    assert "line 7: a quote in it does not end" in result.err
    assert "line 8: it has 2 columns, the first line 7" in result.err
    assert states(notifier) == {ADA: "active"}
    shown = notifier("subscriber", "show", ADA, "--format", "json").json
    assert shown["consent"] == "opted in on our list"
    assert (shown["schedule"], shown["profiles"]) == (
        "weekly, weekdays 07:00 Europe/Berlin", ["lab"],
    )  # fmt: skip
    assert shown["next_due_at"]
    with opened(notifier) as app:
        before = dump(app.database)
        again = imported(notifier, file, *because, *more)
        assert again.json["unchanged"] == 2
        assert "added" not in again.json
        assert dump(app.database) == before
    added = notifier("subscriber", "add", CY)
    assert added.code == 0
    assert "blocklisted in another program" in notifier("subscriber", "show", CY).out


def test_who_has_not_confirmed_there_is_left_out_or_kept_and_never_mailed(
    notifier: Notifier, tmp_path: Path
) -> None:
    file = tmp_path / "subscribers.csv"
    file.write_text(
        "uuid;email;status;subscription_status\n1;ada@example.org;enabled;confirmed\n"
        "2;bo@example.org;enabled;unconfirmed\n3;cy@example.org;enabled;unsubscribed\n"
        "4;dee@example.org;odd;\n"
    )
    result = imported(notifier, file, *BECAUSE)
    assert result.json == {
        "added": 1, "confirmed": 1, "skipped": 2, "unconfirmed": 1, "refused": 1,
    }  # fmt: skip
    assert 'line 5: the status "odd" is not known' in result.err
    assert states(notifier) == {ADA: "active"}
    imported(notifier, file, *BECAUSE, "--unconfirmed", "keep")
    assert states(notifier) == {ADA: "active", BO: "pending"}
    imported(notifier, file, *BECAUSE, "--unconfirmed", "keep")
    assert states(notifier) == {ADA: "active", BO: "pending"}


@pytest.mark.parametrize(
    "content",
    [
        b"ada@example.org\nbo@example.org\n",
        b'Ada Lovelace <ada@example.org>\n"Bo, B." <bo@example.org>\n',
        b"# list_members -f\n\nada@example.org (Ada)\nJos\xe9 <bo@example.org>\n",
        b"\xef\xbb\xbfada@example.org,Ada\r\nbo@example.org,Bo\r\n",
        b"email,display_name,delivery_status\nada@example.org,Ada,enabled\nbo@example.org,,\n"
        b"cy@example.org,Cy,by_bounces\n",
        b"Name\tAddress\nAda\tada@example.org\nBo\tbo@example.org\n",
    ],
)
def test_a_list_of_mailman_is_taken_in_whatever_form_it_has(
    notifier: Notifier, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "members"
    file.write_bytes(content)
    result = imported(notifier, file, *BECAUSE)
    assert result.code == 0, result.err
    assert "read as mailman" in result.err
    assert states(notifier) == {ADA: "active", BO: "active"}


def test_a_list_revives_nobody_and_changes_nobody_who_is_here(
    notifier: Notifier, tmp_path: Path
) -> None:
    for who in (ADA, BO, CY):
        notifier(*TODAY, "subscriber", "add", who, "--confirmed", "--because", "here")
    notifier(*TODAY, "subscriber", "add", DEE)
    with opened(notifier) as app, app.database.writing() as conn:
        found = store_subscribers.find(conn, BO)
        assert found
        store_subscribers.leave(conn, found.row, now=NOON)
        store_subscribers.suppress(conn, CY, "complaint", "by mail", NOON)
        store_subscribers.suppress(conn, "new@example.org", "bounce", "550", NOON)
    file = tmp_path / "list"
    everybody = (ADA, BO, CY, DEE, "new@example.org")
    file.write_text("email,status\n" + "".join(f"{who},enabled\n" for who in everybody))
    result = imported(notifier, file, *BECAUSE, "--as", "listmonk")
    assert result.code == 3
    assert result.json == {"completed": 1, "unchanged": 1, "confirmed": 1, "skipped": 3}
    assert states(notifier) == {ADA: "active", BO: "left", CY: "active", DEE: "active"}
    assert "complaint" in notifier("subscriber", "show", CY).out
    assert notifier("subscriber", "show", ADA, "--format", "json").json["consent"] == "here"
    file.write_text(f"email,status\n{ADA},blocklisted\n")
    kept = imported(notifier, file, *BECAUSE, "--as", "listmonk")
    assert "confirmed here, which stays" in kept.err
    assert states(notifier)[ADA] == "active"


HEADS = st.sampled_from(
    [b"email,status\n", b"uuid;email;status\n", b"a@b.org\n", b'"email","status"\n', b"\n"]
)
LINES = st.binary(max_size=60) | st.from_regex(rb'["a@.,;<>()\t #\xe9]{0,30}', fullmatch=True)


@given(head=HEADS, rest=st.lists(LINES, max_size=8))
def test_no_line_stops_the_reading_and_each_is_an_entry_or_told(
    head: bytes, rest: list[bytes]
) -> None:
    raw = [head, *(line.replace(b"\n", b"") + b"\n" for line in rest), b"ada@example.org,enabled\n"]
    found = list(lines.entries(raw))
    numbers = [one.line for one in found]
    assert numbers == sorted(set(numbers))
    assert all("@" in one.address for one in found if isinstance(one, lines.Entry))
    assert found[-1].line == len(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from(["active", "UTC", "07:00", "mon", "daily", ADA, "2026-11-20", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["name", "rules", "paper", "said", "at", "zone", "time", "days", "cadence",
                         "reason", "evidence", "aliases"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip
PARTS = ("schedule", "state", "language", "consent", "confirmed_at", "paused_until", "max_papers",
         "saved_feed_secret", "address")  # fmt: skip


@given(
    who=st.dictionaries(st.sampled_from(PARTS), JSON, max_size=6),
    parts=st.dictionaries(
        st.sampled_from(["profiles", "votes", "suppressed", "channels", "other"]), JSON
    ),
)
def test_whatever_a_record_says_it_is_taken_or_rejected(
    who: dict[str, Any], parts: dict[str, Any]
) -> None:
    good = {"address": ADA, "state": "active", "schedule": {
        "zone": "UTC", "time": "07:00", "days": ["mon"], "cadence": "daily"}}  # fmt: skip
    record = {"format": "notifier export 1", "subscriber": good | who} | parts
    with contextlib.suppress(Rejected):
        moved = exported.read(record, lambda what: None)
        assert "@" in moved.address


def test_what_is_no_list_is_refused_in_one_line(notifier: Notifier, tmp_path: Path) -> None:
    file = tmp_path / "file"
    for content, code, said in (
        (b"", 2, "is empty"),
        (b"some text\n", 2, "it is not plain what this is - say --as notifier or listmonk"),
        ("email\nada@example.org\n".encode("utf-16"), 2, "save it as UTF-8"),
        (b"email,status\n", 2, "nobody is in it"),
    ):
        file.write_bytes(content)
        result = notifier("subscriber", "import", file, *BECAUSE)
        assert (result.code, said in result.err) == (code, True), result.err
    assert notifier("subscriber", "import", tmp_path / "none", *BECAUSE).code == 4
    assert notifier("subscriber", "import", file, "--as", "excel").code == 2
    assert notifier("subscriber", "export").code == 2
    assert notifier("subscriber", "export", ADA, "--all").code == 2


@pytest.mark.anyio
async def test_what_somebody_takes_along_in_their_browser_another_instance_takes_in(
    notifier: Notifier, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    place.send()
    place.change(language="de")
    own = path(place.app.links.change(1, MORNING))
    async with chromium() as browser, served(place) as base:
        page = await browser.new_page()
        await page.goto(f"{base}{own}/saved")
        await page.get_by_role("button", name="Adresse erstellen").click()
        atom = await page.get_by_role("link", name="Atom").get_attribute("href")
        await page.goto(f"{base}{own}/data")
        async with page.expect_download() as coming:
            await page.get_by_role("link", name="Mitnehmen").click()
        await (await coming.value).save_as(tmp_path / "mine.json")
    place.app.close()
    notifier.on("another")
    result = imported(notifier, tmp_path / "mine.json", *BECAUSE)
    assert (result.code, result.json) == (0, {"added": 1, "confirmed": 1, "profiles": 1})
    assert notifier("subscriber", "saved-feed", ADA).out.splitlines()[0] == atom
    assert notifier("profile", "show", ADA, "<b>ml</b>").out.rstrip("\n") == RULES
