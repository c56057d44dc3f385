"""`archive`: everything as one file, that a new database takes in whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete, insert, inspect, select

from notifier.app import App
from notifier.cli.carried_files import without_secrets
from notifier.config import load
from notifier.daemon.identity import this_process
from notifier.errors import DatabaseError, UsageError
from notifier.intake import system_clock
from notifier.storage import archiving, copying, schema, store_papers, store_processes, store_saved
from notifier.storage import tables as t
from notifier.storage.archive_file import Archive, Manifest, Writer
from notifier.storage.database import Database
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

from .builders import NOON, an_entry
from .commands import DATABASE, Notifier, notifier
from .databases import database_url, skip_without_postgres, url_of
from .pages import ADA, MORNING, Place
from .sink import listening
from .test_copying import Stopped, everything, fill, next_number, server, silent

__all__ = ["notifier", "server"]

EVERY_TABLE = {table.name for table in copying.tables()}


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Database]:
    """A database with awkward rows in every table."""
    with closing(Database(database_url(tmp_path, "old", kind="sqlite"))) as made:
        with made.writing() as conn:
            fill(conn, Random(7))
        yield made


@pytest.fixture(params=["sqlite", "postgres"])
def new(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database that nobody has used yet, of either kind."""
    with closing(Database(database_url(tmp_path, "new", kind=request.param))) as made:
        yield made


def written(database: Database, path: Path, *, with_secrets: bool = True) -> Manifest:
    with path.open("w+b") as file:
        return archiving.write(
            database, file, {}, with_secrets=with_secrets, was_running=False, now=NOON, tell=silent
        )


def taken(path: Path, database: Database) -> None:
    with closing(Archive(path)) as archive:
        archive.check(silent)
        archiving.read(archive, database, silent)


def sums(manifest: Manifest) -> dict[str, tuple[int, str]]:
    return {piece.table: (piece.rows, piece.sum) for piece in manifest.tables}


def carried_rows(database: Database) -> dict[str, list[str]]:
    return {n: rows for n, rows in everything(database).items() if n not in archiving.LEFT_OUT}


# There and back.


def test_every_row_goes_to_either_kind_of_database_and_comes_back_the_same(
    old: Database, new: Database, tmp_path: Path
) -> None:
    first = written(old, tmp_path / "first.zip")
    taken(tmp_path / "first.zip", new)
    assert carried_rows(new) == carried_rows(old)
    second = written(new, tmp_path / "second.zip")
    assert sums(second) == sums(first)
    with closing(Database(database_url(tmp_path, "back", kind="sqlite"))) as back:
        taken(tmp_path / "second.zip", back)
        assert carried_rows(back) == carried_rows(old)
        with back.engine.connect() as conn:
            assert conn.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    for table in copying.numbered():
        if new.is_sqlite and not table.dialect_options["sqlite"]["autoincrement"]:
            continue
        with old.reading() as conn:
            highest = max(conn.scalars(select(table.c.id)))
        assert next_number(new, table) == highest + 1, table.name


def test_each_table_that_there_is_goes_along_or_is_named_with_its_reason(
    old: Database, tmp_path: Path
) -> None:
    with old.reading() as conn:
        there = set(inspect(conn).get_table_names()) - {schema.VERSION}
    for with_secrets in (True, False):
        manifest = written(old, tmp_path / f"{with_secrets}.zip", with_secrets=with_secrets)
        assert {piece.table for piece in manifest.tables} | set(manifest.left_out) == there
        assert all(manifest.left_out.values())
        assert ("secret" in manifest.left_out) is not with_secrets


def test_one_state_is_written_whatever_happens_meanwhile(old: Database, tmp_path: Path) -> None:
    with closing(Database(url_of(old))) as other, (tmp_path / "a.zip").open("w+b") as file:

        def take_one_away(table: str, rows: int) -> None:
            with other.writing() as conn:
                conn.execute(delete(t.digest))

        before = carried_rows(old)
        archiving.write(
            old, file, {}, with_secrets=True, was_running=True, now=NOON, tell=take_one_away
        )
    assert everything(old)["digest"] == []
    with closing(Database(database_url(tmp_path, "new", kind="sqlite"))) as new:
        taken(tmp_path / "a.zip", new)
        assert carried_rows(new) == before


def test_an_archive_of_an_older_version_is_brought_up_to_date(
    new: Database, tmp_path: Path
) -> None:
    with closing(Database(database_url(tmp_path, "older", is_empty=True, kind="sqlite"))) as older:
        schema.upgrade(older, "0023")
        path = tmp_path / "older.zip"
        with older.writing() as conn, path.open("w+b") as file:
            conn.exec_driver_sql(
                "INSERT INTO subscriber (id, address, state, zone, hour, minute, days, cadence,"
                " max_papers, seen, consent, created_at) VALUES (41, 'ada@example.org', 'active',"
                " 'UTC', 7, 0, '[0]', 'daily', 12, 4, 'yes', '2026-11-20 12:00:00.000000')"
            )
            conn.exec_driver_sql(
                "INSERT INTO paper (id, key, title, abstract, authors, categories, urls, announce,"
                " first_seen_at, updated_at) VALUES (3, 'arxiv:2611.00003', 'A title', '', '[]',"
                " '[]', '{}', 'new', '2026-11-20 12:00:00.000000', '2026-11-20 12:00:00.000000')"
            )
            conn.exec_driver_sql(
                "INSERT INTO digest VALUES (5, 'k', 41, '2026-11-20', 's', 1, 0, 0, 1,"
                " '2026-11-20 12:00:00.000000')"
            )
            conn.exec_driver_sql(
                "INSERT INTO digest_paper (id, digest_id, subscriber_id, paper_id, profile, place,"
                " score) VALUES (9, 5, 41, 3, 'p', 1, 0.5)"
            )
            writer = Writer(file)
            first = ["paper", "subscriber", "digest", "digest_paper"]
            others = {*inspect(conn).get_table_names()} - {*first, schema.VERSION}
            for name in [*first, *sorted(others)]:
                found = conn.exec_driver_sql(f"SELECT * FROM {name}")
                writer.table(name, list(found.keys()), map(tuple, found), lambda: 0)
            writer.end(Manifest(
                "0.1", "0023", NOON.isoformat(), False, True, tuple(writer.pieces),
                {"subscriber": 77, "digest_paper": 9},
            ))  # fmt: skip
    taken(path, new)
    assert schema.pending(new) == []
    with new.reading() as conn:
        ada = conn.execute(select(t.subscriber)).one()
        (held,) = conn.execute(select(t.digest_paper))
    assert (ada.id, ada.address, ada.text_only) == (41, ADA, False)
    assert (held.subscriber_id, held.paper_id, held.score) == (41, 3, 0.5)
    assert next_number(new, t.subscriber) == 78


# All or nothing.


def test_a_reading_that_is_stopped_leaves_nothing_and_is_repeated(
    old: Database, new: Database, tmp_path: Path
) -> None:
    path = tmp_path / "a.zip"
    written(old, path)
    for stop_at in ("digest", "profile_match"):
        told: list[str] = []

        def tell(table: str, rows: int, at: str = stop_at, told: list[str] = told) -> None:
            told.append(table)
            if told.count(at) == (1 if at == "digest" else 2):
                raise Stopped

        with closing(Archive(path)) as archive, pytest.raises(Stopped):
            archiving.read(archive, new, tell)
        assert {name for name, rows in everything(new).items() if rows} <= {"destination"}
    taken(path, new)
    assert carried_rows(new) == carried_rows(old)


def repacked(source: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """Copy a zip, each piece as it is changed; None leaves it out."""
    with zipfile.ZipFile(source) as read, zipfile.ZipFile(target, "w") as write:
        for name in read.namelist():
            if (content := change(name, read.read(name))) is not None:
                write.writestr(name, content, zipfile.ZIP_DEFLATED)


def in_manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[str, bytes], bytes]:
    def changed(name: str, content: bytes) -> bytes:
        if name != "manifest.json":
            return content
        told = json.loads(content)
        change(told)
        return json.dumps(told).encode()

    return changed


def paper(told: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in told["pieces"] if one["name"] == "tables/paper.jsonl")


def without_columns(told: dict[str, Any]) -> None:
    paper(told)["columns"] = ["id", "key"]


def without_table(table: str) -> Callable[[str, bytes], bytes | None]:
    """Leave a table out, and out of the manifest."""
    name = f"tables/{table}.jsonl"

    def leave(told: dict[str, Any]) -> None:
        told["pieces"] = [one for one in told["pieces"] if one["name"] != name]

    change = in_manifest(leave)
    return lambda n, c: None if n == name else change(n, c)


def with_value(old: bytes, new: bytes) -> Callable[[str, bytes], bytes]:
    """Change a row of `paper`, and the manifest so that it fits."""
    made: list[bytes] = []

    def fit(told: dict[str, Any]) -> None:
        paper(told).update(size_bytes=len(made[0]), sha256=hashlib.sha256(made[0]).hexdigest())

    def change(name: str, content: bytes) -> bytes:
        if name != "tables/paper.jsonl":
            return in_manifest(fit)(name, content)
        changed, count = re.subn(old, new, content, count=1)
        assert count == 1
        made.append(changed)
        return changed

    return change


DAMAGES: dict[str, tuple[Callable[[str, bytes], bytes | None], int, str]] = {
    "another byte": (
        lambda n, c: c.replace(b'"id"', b'"iD"', 1) if n == "tables/paper.jsonl" else c,
        1, "tables/paper.jsonl is damaged, its checksum is another",
    ),
    "a piece is gone": (
        lambda n, c: None if n == "tables/vote.jsonl" else c, 1, "pieces are missing",
    ),
    "longer than told": (
        lambda n, c: c + b"\n" if n == "tables/paper.jsonl" else c, 1, "its size is not that",
    ),
    "no manifest": (
        lambda n, c: None if n == "manifest.json" else c, 2, "is no archive of notifier",
    ),
    "no JSON": (lambda n, c: b"{" if n == "manifest.json" else c, 1, "manifest.json is damaged"),
    "a newer format": (
        in_manifest(lambda m: m.update(format="notifier archive 9")), 2, "upgrade notifier",
    ),
    "a newer schema": (in_manifest(lambda m: m.update(schema="9999")), 1, "upgrade notifier"),
    "a path": (
        in_manifest(lambda m: paper(m).update(name="../../etc/passwd")), 1, "is damaged",
    ),
    "an unknown path": (
        lambda n, c: c, 1, "holds '../evil', which its manifest does not name",
    ),
    "other columns": (in_manifest(without_columns), 1, '"paper" has other columns'),
    "fewer rows": (in_manifest(lambda m: paper(m).update(rows=3)), 1, "it has 7 rows, not 3"),
    "no number": (in_manifest(lambda m: paper(m).update(rows="7")), 1, "manifest.json is damaged"),
    "another sum": (
        in_manifest(lambda m: paper(m).update(sum="0" * 16)), 1, "paper reads back as 7 rows with",
    ),
    "no sum": (in_manifest(lambda m: paper(m).update(sum="zz")), 1, "manifest.json is damaged"),
    "a table that is not named": (
        without_table("vote"), 1, 'the table "vote" is not in it, and not named as left out',
    ),
    "a number beyond all": (
        with_value(rb'"id": \d+', b'"id": %d' % 2**70), 1, "a row of paper is not taken",
    ),
    "half a character": (
        with_value(rb'"title": "', rb'"title": "\\ud800'), 1, "a row of paper is not taken",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_hostile_archive_is_refused_in_one_line_and_nothing_is_written(
    old: Database, notifier: Notifier, tmp_path: Path, damage: str
) -> None:
    written(old, tmp_path / "good.zip")
    change, code, said = DAMAGES[damage]
    bad = tmp_path / "bad.zip"
    repacked(tmp_path / "good.zip", bad, change)
    if damage == "an unknown path":
        with zipfile.ZipFile(bad, "a") as more:
            more.writestr("../evil", b"x")
    notifier.on("fresh")
    result = notifier("archive", "read", bad)
    assert (result.code, result.err.count("error: ")) == (code, 1), result.err
    assert said in result.err
    with closing(Database(database_url(tmp_path, "fresh"))) as fresh:
        assert {name for name, rows in everything(fresh).items() if rows} <= {"destination"}
    assert not (tmp_path.parent / "evil").exists()


def all_rows(archive: Archive) -> list[Any]:
    return [row for piece in archive.manifest.tables for row in archive.rows(piece)]


def test_what_is_cut_short_or_would_become_far_too_much_is_refused(
    old: Database, notifier: Notifier, tmp_path: Path
) -> None:
    whole, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    written(old, whole)
    content = whole.read_bytes()
    notifier.on("fresh")
    for cut in (content[: len(content) // 2], b"", b"PK\x03\x04", content[100:]):
        bad.write_bytes(cut)
        result = notifier("archive", "read", bad)
        assert result.code in (1, 2)
        assert ("is no archive" in result.err) or ("damaged" in result.err), result.err
    with closing(Archive(whole)) as archive:
        good, noticed = all_rows(archive), 0
    for place in range(40, len(content) - 2000, len(content) // 20):  # whatever byte it is
        bad.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            with closing(Archive(bad)) as archive:
                archive.check(silent)
                assert all_rows(archive) == good, f"byte {place} was changed, and nobody noticed"
        except (DatabaseError, UsageError):
            noticed += 1
    assert noticed > 10
    zeros = b" " * 60_000_000

    def bomb(name: str, content: bytes) -> bytes:
        if name == "tables/paper.jsonl":
            return zeros
        return in_manifest(lambda m: paper(m).update(size_bytes=len(zeros)))(name, content)

    repacked(whole, bad, bomb)
    result = notifier("archive", "read", bad)
    assert (result.code, "no archive of ours does" in result.err) == (1, True), result.err
    with closing(Database(database_url(tmp_path, "fresh"))) as fresh:
        assert everything(fresh)["paper"] == []


def test_what_is_there_is_never_overwritten(
    old: Database, notifier: Notifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE, url_of(old))
    path = tmp_path / "a.zip"
    assert notifier("archive", "write", path).code == 0
    assert path.stat().st_mode & 0o077 == 0
    again = notifier("archive", "write", path)
    assert (again.code, "is there already" in again.err) == (2, True)
    assert notifier("archive", "write", path, "--replace").code == 0
    full = notifier("archive", "read", path)
    assert full.code == 2
    assert 'is not empty, there are rows in "' in full.err
    assert notifier("archive", "read", tmp_path / "none.zip").code == 4
    notifier.on("busy")
    with closing(Database(database_url(tmp_path, "busy"))) as busy, busy.writing() as conn:
        store_processes.beat(conn, this_process("scheduler", NOON), now=system_clock())
        conn.execute(t.process.update().values(host="elsewhere", machine="another"))
    assert notifier("archive", "read", path).code == 5
    assert list(tmp_path.glob(".a.zip*")) == []


def test_a_dry_run_checks_everything_and_makes_no_file(
    old: Database, notifier: Notifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.zip"
    written(old, path)
    monkeypatch.setenv(DATABASE, f"sqlite:///{tmp_path}/no/such.db")
    result = notifier("archive", "read", path, "--dry-run", "--format", "json")
    assert result.code == 0, result.err
    assert {"table": "paper", "rows": 7, "left_out": None} in result.json
    assert "nothing was written" in result.err
    assert not (tmp_path / "no").exists()
    assert notifier("archive", "write", tmp_path / "b.zip").code == 4


# Secrets.

SETTINGS = """\
# mine
[site]
public_url = "https://papers.example.org"
[smtp]
password = "sesame, open"
[dkim]
private_key_file = "mail.pem"
selector = "notifier"
[[source]]
name = "lab"
kind = "feed"
urls = ["https://me:word@lab.example.org/feed"]
"""


def test_keys_and_passwords_go_along_only_when_they_are_asked_for(
    notifier: Notifier, tmp_path: Path
) -> None:
    notifier("dkim", "new", "--dir", tmp_path / "made")
    key = tmp_path / "made" / "dkim-notifier.pem"
    (tmp_path / "mail.pem").write_bytes(key.read_bytes())
    (tmp_path / "mail.pem").chmod(0o600)
    notifier.config.write_text(SETTINGS)
    notifier("subscriber", "add", ADA, "--confirmed")
    link = notifier("link", "show", ADA).out.strip()
    shy, open_ = tmp_path / "shy.zip", tmp_path / "open.zip"
    assert notifier("archive", "write", shy).code == 0
    assert notifier("archive", "write", open_, "--with-secrets").code == 0
    with zipfile.ZipFile(shy) as read:
        everything_in_it = b"".join(map(read.read, read.namelist()))
    for secret in (b"sesame", b":word@", b"PRIVATE KEY", b"secret.jsonl"):
        assert secret not in everything_in_it
    shown = notifier("archive", "show", shy, "--settings").out
    assert "# mine" in shown
    assert 'password = "********"' in shown
    assert "https://me:********@lab.example.org/feed" in shown
    for path, works in ((shy, False), (open_, True)):
        notifier.on(path.stem)
        (folder := tmp_path / path.stem).mkdir()
        assert notifier("archive", "read", path, "--files", folder).code == 0
        with closing(App(load(notifier.config))) as there:
            token = link.rpartition("/")[2]
            assert there.tokens.is_made_for("change", token) is works
        kept = {one.name: one.read_bytes() for one in folder.iterdir()}
        assert ("mail.pem" in kept) is works
        assert (b"sesame" in kept["notifier.toml"]) is works
        assert all(one.stat().st_mode & 0o077 == 0 for one in folder.iterdir())


def test_settings_stay_behind_where_a_secret_could_not_be_hidden(tmp_path: Path) -> None:
    file = tmp_path / "notifier.toml"
    file.write_text('[smtp]\npassword = "se\\u0073ame"\n')
    assert without_secrets(file.read_text(), load(file)) is None
    file.write_text('[smtp]\npassword = "a"\nuser = "ada"\n')
    assert without_secrets(file.read_text(), load(file)) is None


# A whole instance.


def exports(notifier: Notifier, url: str, patch: pytest.MonkeyPatch) -> list[Any]:
    patch.setenv(DATABASE, url)
    told = notifier("--now", "2026-11-25", "subscriber", "export", "--all")
    assert told.code == 0, told.err
    return told.rows


@pytest.mark.anyio
@pytest.mark.sqlite("from where it goes to the other")
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_an_instance_goes_on_elsewhere_and_nothing_is_sent_twice(
    notifier: Notifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    skip_without_postgres()
    async with listening() as sink:
        place = Place(tmp_path, smtp_port=sink.port)
        place.reader("bo@example.org", "RAG")
        place.now = MORNING
        place.take(*(an_entry(n, f"RAG {n}") for n in range(1, 4)))
        place.app.served.saved.rotate(1)
        place.app.subscriptions.pause("bo@example.org", until=MORNING + timedelta(days=9))
        await place.app.tick()
        assert [one.recipient for one in sink.received] == [ADA]
        old = url_of(place.app.database)
        new = database_url(tmp_path, "elsewhere", kind=kind)
        with place.app.database.writing() as conn:
            conn.execute(insert(t.vote), {"subscriber_id": 1, "paper_id": 2, "kind": "saved", "at": MORNING})  # noqa: E501  # fmt: skip
        path = tmp_path / "moved.zip"
        before = exports(notifier, old, monkeypatch)
        assert notifier("archive", "write", path, "--with-secrets").code == 0
        monkeypatch.setenv(DATABASE, new)
        took = notifier("archive", "read", path)
        assert took.code == 0, took.err
        assert exports(notifier, new, monkeypatch) == before
        assert len(before) == 2
        assert before[0]["digests"][0]["papers"]
        assert notifier("db", "check").code == 0

        there = place.app.settings.model_copy(
            update={"database": place.app.settings.database.model_copy(update={"url": new})}
        )
        now = MORNING
        with closing(App(there, clock=lambda: now)) as moved:
            await moved.tick()
            assert len(sink.received) == 1, "nothing again"
            now = MORNING + timedelta(days=1)
            await moved.tick()
            assert len(sink.received) == 1
            place.app, place.now = moved, now
            place.take(an_entry(9, "RAG 9"))
            now = MORNING + timedelta(days=3)
            await moved.tick()
            assert [one.recipient for one in sink.received] == [ADA, ADA]
            text = sink.received[1].content.decode()
            assert "RAG 9" in text
            assert "RAG 2" not in text
            async with serving(make_site(moved), door := bound("127.0.0.1:0")):
                assert door  # its feed is where it was
                with moved.database.reading() as conn:
                    secret = before[0]["subscriber"]["saved_feed_secret"]
                    assert store_saved.reader(conn, secret)


# The file.


@pytest.mark.parametrize("name", ["notifier.toml", "notifier.db", "notifier.db-wal", "link"])
def test_an_archive_takes_the_place_of_nothing_that_the_instance_needs(
    notifier: Notifier, tmp_path: Path, name: str
) -> None:
    assert notifier("subscriber", "add", ADA).code == 0
    (tmp_path / "link").symlink_to(tmp_path / "notifier.db")
    with closing(Database(database_url(tmp_path, "notifier"))) as used:
        before = everything(used)
        (tmp_path / name).touch()
        refused = notifier("archive", "write", tmp_path / name, "--replace")
        assert (refused.code, "is the instance itself" in refused.err) == (2, True)
        assert everything(used) == before
    assert notifier.config.read_bytes()[:2] != b"PK"


def test_what_is_no_file_is_not_replaced_and_of_a_link_what_it_leads_to_is(
    notifier: Notifier, tmp_path: Path
) -> None:
    notifier("subscriber", "add", ADA)
    os.mkfifo(tmp_path / "pipe")
    for there in (tmp_path / "pipe", tmp_path):
        refused = notifier("archive", "write", there, "--replace")
        assert (refused.code, "is no file that could be replaced" in refused.err) == (2, True)
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "a.zip").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a.zip")
    assert notifier("archive", "write", tmp_path / "link", "--replace").code == 0
    assert (tmp_path / "link").is_symlink()
    assert zipfile.is_zipfile(tmp_path / "a.zip")


def test_what_a_killed_writer_left_goes_with_a_later_one_and_what_is_written_now_stays(
    notifier: Notifier, tmp_path: Path
) -> None:
    notifier("subscriber", "add", ADA)
    left, now = tmp_path / ".a.zip.x1.part", tmp_path / ".a.zip.x2.part"
    for one in (left, now):
        one.touch()
    os.utime(left, (0, 0))
    assert notifier("archive", "write", tmp_path / "a.zip").code == 0
    assert sorted(tmp_path.glob(".a.zip.*")) == [now]
    assert (tmp_path / "a.zip").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_is_one_line_and_leaves_nothing(notifier: Notifier, tmp_path: Path) -> None:
    with closing(App(load(notifier.config))) as app, app.database.writing() as conn:
        some = [an_entry(n, abstract=Random(n).randbytes(1000).hex()) for n in range(150)]
        store_papers.take_in(conn, some, source="arxiv", now=NOON)
    program = Path(sys.executable).with_name("notifier")
    writes = (program, "--config", notifier.config, "archive", "write", "a.zip")
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 100; exec "$@"', "-", *writes], cwd=tmp_path, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("error: ")) == (1, 1), done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*a.zip*"))


def test_settings_and_keys_that_cannot_be_kept_leave_nothing_taken(
    notifier: Notifier, tmp_path: Path
) -> None:
    notifier("subscriber", "add", ADA)
    notifier("archive", "write", tmp_path / "a.zip", "--with-secrets")
    (tmp_path / "file").touch()
    notifier.on("fresh")
    for folder in (tmp_path / "file", tmp_path / "file" / "in"):
        refused = notifier("archive", "read", tmp_path / "a.zip", "--files", folder)
        assert (refused.code, "nothing was taken" in refused.err) == (2, True), refused.err
    assert notifier("subscriber", "list", "--format", "json").json == []
    good = tmp_path / "good"
    assert notifier("archive", "read", tmp_path / "a.zip", "--files", good).code == 0
    again = notifier("archive", "read", tmp_path / "a.zip", "--files", tmp_path / "other")
    assert again.code == 2
    assert not list((tmp_path / "other").glob("*")), "what was not taken keeps no settings"


def test_an_empty_or_older_database_is_not_written(tmp_path: Path) -> None:
    with closing(Database(database_url(tmp_path, "none", is_empty=True, kind="sqlite"))) as none:
        with pytest.raises(UsageError, match="is empty - which database is meant"):
            written(none, tmp_path / "a.zip")
        schema.upgrade(none, "0023")
        with pytest.raises(UsageError, match="has an older schema - first: notifier db upgrade"):
            written(none, tmp_path / "a.zip")
