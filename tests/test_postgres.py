"""PostgreSQL itself: its errors in one line, one writer, one migration, copies, everyday use."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from notifier.app import App
from notifier.config import Settings
from notifier.errors import Busy, DatabaseError
from notifier.jobs.take import take_body
from notifier.profiles.profile import Schedule
from notifier.storage import backups, dumps, postgres, schema, store_profiles, store_subscribers
from notifier.storage import database as database_module
from notifier.storage import tables as t
from notifier.storage.database import Database

from .builders import NOON, atom
from .commands import DATABASE, Notifier, notifier
from .databases import Cluster, another_writes, cluster, skip_without_postgres
from .returned import a_notification
from .sink import listening
from .test_daemon import process
from .test_promises import dump

__all__ = ["notifier"]

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def server() -> Iterator[Cluster]:
    """A running PostgreSQL; databases made inside a test go with it."""
    skip_without_postgres()
    with cluster().cleared():
        yield cluster()


@pytest.fixture
def url(server: Cluster, tmp_path: Path) -> str:
    """A database at the present schema."""
    return server.database(tmp_path / "one", is_empty=False)


@pytest.fixture
def opened(url: str) -> Iterator[Database]:
    made = Database(url)
    yield made
    made.close()


# What a user is told.


def hidden(server: Cluster) -> dict[str, tuple[str, str]]:
    """URLs that do not work, each with what is said of it."""
    login = server.url("postgres", password=server.password)
    return {
        "a port that nobody listens at": (
            login.replace(str(server.port), "9"), "Connection refused - is it running"
        ),
        "a host that is none": (
            login.replace("127.0.0.1", "no.such.invalid"), "check the host in database.url"
        ),
        "another password": (
            server.url("postgres", password="hunter2"), "check user and password in database.url"
        ),
        "no password": (
            f"postgresql://postgres@127.0.0.1:{server.port}/postgres", "database.password_file"
        ),
        "no such database": (
            server.url("papers", password=server.password), "make it: createuser, createdb"
        ),
        "no such user": (server.url("postgres", user="ada"), "make it: createuser, createdb"),
        "an option that is none": (f"{login}?colour=red", "check what stands behind the ?"),
        "no TLS": (f"{login}?sslmode=require", "take sslmode out of database.url"),
        "no database named": (login.removesuffix("/postgres"), "names no database"),
        "another driver": (login.replace("sql:", "sql+psycopg2:"), '"postgresql+psycopg2" is not'),
    }  # fmt: skip


def test_what_cannot_be_used_is_told_in_one_line_with_a_cure_and_no_password(
    server: Cluster, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    for what, (url, said) in hidden(server).items():
        monkeypatch.setenv(DATABASE, url)
        result = notifier("status")
        assert result.code in (1, 2), what
        assert said in result.err, what
        assert len(result.err.splitlines()) == 1, what
        assert not any(word in result.err for word in (server.password, "hunter2")), what


def test_without_the_driver_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from notifier.storage.database import Database\n"
        "from notifier.errors import ConfigError\n"
        "try: Database('postgresql://me@localhost/papers')\n"
        "except ConfigError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert "pip install 'paper-notifier[postgres]'" in done.stdout


def test_who_does_not_own_the_database_is_told_what_to_do(
    server: Cluster, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.execute("DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN PASSWORD 'hunter2'")
    server.database(notifier.folder / "foreign", is_empty=True)
    name = server.database(notifier.folder / "foreign", is_empty=True).split("@/")[1].split("?")[0]
    monkeypatch.setenv(DATABASE, server.url(name, user="guest", password="hunter2"))
    result = notifier("status")
    assert "permission denied for schema public - make our user the owner" in result.err
    assert len(result.err.splitlines()) == 1


def test_too_many_connections_are_busy_and_not_an_error(server: Cluster, url: str) -> None:
    server.execute("DROP ROLE IF EXISTS alone", "CREATE ROLE alone LOGIN CONNECTION LIMIT 1")
    one = Database(url.replace("//postgres@", "//alone@"))
    other = Database(url.replace("//postgres@", "//alone@"))
    with one.reading(), pytest.raises(Busy, match="too many connections for role"), other.reading():
        pass
    one.close()


def test_who_finds_no_connection_free_is_told_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.05)
    made = Database(url)
    with ExitStack() as others:
        for _ in range(20):
            others.enter_context(made.reading())
        with pytest.raises(Busy, match="all connections of this process are in use"):
            others.enter_context(made.reading())
    with made.reading():
        pass
    made.close()


@pytest.mark.sqlite("asked for by the file of settings alone")
def test_the_password_comes_from_its_file(server: Cluster, notifier: Notifier) -> None:
    word = notifier.folder / "word"
    word.write_text(f"{server.password}\n")
    name = server.database(notifier.folder / "own", is_empty=True).split("@/")[1].split("?")[0]
    notifier.config.write_text(
        f"[database]\nurl = 'postgresql://postgres@127.0.0.1:{server.port}/{name}'\n"
        "password_file = 'word'\n"
    )
    made = notifier("db", "upgrade", "--no-backup")
    assert (made.code, "applied: 0001" in made.err) == (0, True)
    shown = notifier("config", "show", "-v")
    assert server.password not in shown.out + shown.err
    notifier.config.write_text("[database]\npassword_file = 'word'\n")
    assert "database.password_file is for a user of PostgreSQL" in notifier("status").err


def suppression(address: str) -> dict[str, object]:
    return {"address": address, "reason": "r", "evidence": "", "since": NOON, "source": "smtp"}


def test_errors_of_the_database_tell_no_values(opened: Database) -> None:
    with opened.writing() as conn:
        conn.execute(insert(t.suppression), suppression("ada@example.org"))
    with pytest.raises(IntegrityError) as caught, opened.writing() as conn:
        conn.execute(insert(t.suppression), suppression("ada@example.org"))
    shown = f"{caught.value} {caught.value.orig} {caught.value.orig!r}"
    assert "pk_suppression" in shown
    assert "ada@example.org" not in shown


def test_a_nul_in_a_text_is_left_out(opened: Database) -> None:
    with opened.writing() as conn:
        conn.execute(insert(t.suppression), suppression("a@example.org") | {"evidence": "5\0 50"})
        assert store_subscribers.suppression(conn, "a@\0example.org") == ("r", "5 50")


@pytest.mark.parametrize("text", ["\0", "a\0\0b", "\\\0", "\\u0000", "\\\\\0\\u0000", "\0u0000"])
def test_a_nul_in_a_text_in_json_is_left_out_and_nothing_else(text: str) -> None:
    written = postgres._to_json({"a": [text, "b"]})
    assert json.loads(written) == {"a": [text.replace("\0", ""), "b"]}


def test_what_is_longer_than_an_index_takes_costs_nobody_anything(url: str) -> None:
    app = App(Settings(database={"url": url}))
    dice = Random(1)  # what can be packed would fit
    word = "".join(dice.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(30_000))
    signs = "".join(chr(dice.randrange(0x4E00, 0x9FA5)) for _ in range(1900))
    entries = [
        {"id": word, "title": f"{word} {signs}", "link": "https://example.org/", "summary": word},
        {"id": signs, "title": signs, "link": f"https://example.org/{signs}"},
        {"id": "fine", "title": "A fine paper", "doi": f"10.1000/{signs}"},
    ]
    items = "".join(
        f"<entry><id>{one['id']}</id><title>{one['title']}</title>"
        f"<link href='{one.get('link', 'https://example.org/x')}'/>"
        f"<summary>{one.get('summary', '')} {one.get('doi', '')}</summary></entry>"
        for one in entries
    )
    body = f"<feed xmlns='http://www.w3.org/2005/Atom'>{items}</feed>".encode()
    source = app.intake.source_for_file("feed", "a")
    taken = take_body(app.database, source, body, now=NOON)
    again = take_body(app.database, source, body, now=NOON)
    assert (taken.new, again.new, again.updated, taken.rejected) == (3, 0, 0, 0)
    read = app.take_mail(a_notification(recipient=f"{word}@example.org"))
    assert read[0].report.kind == "hard"
    app.close()


# Who reads and writes.


def test_a_session_is_in_utc_and_ends_by_itself_when_it_hangs(opened: Database) -> None:
    names = ("timezone", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout",
             "application_name", "transaction_isolation", "transaction_read_only",
             "plan_cache_mode")  # fmt: skip
    query = f"SELECT {', '.join(f'current_setting($${name}$$)' for name in names)}"
    with opened.reading() as conn:
        found = tuple(conn.exec_driver_sql(query).one())
    assert found == (
        "UTC",
        "10min",
        "15s",
        "15min",
        "notifier",
        "repeatable read",
        "on",
        "force_custom_plan",
    )
    with opened.writing() as conn:
        found = tuple(conn.exec_driver_sql(query).one())
    assert found == (
        "UTC",
        "10min",
        "15s",
        "1min",
        "notifier",
        "read committed",
        "off",
        "force_custom_plan",
    )


def test_what_the_url_says_of_a_session_wins(url: str) -> None:
    made = Database(f"{url}&application_name=mine&options=-c%20statement_timeout%3D5s")
    with made.reading() as conn:
        found = conn.exec_driver_sql(
            "SELECT current_setting('application_name'), current_setting('statement_timeout'),"
            " current_setting('timezone')"
        ).one()
    made.close()
    assert tuple(found) == ("mine", "5s", "UTC")


def test_what_is_read_is_of_one_state_and_nothing_can_be_written(
    opened: Database, url: str
) -> None:
    other = Database(url)
    count = select(func.count()).select_from(t.suppression)
    with opened.reading() as conn:
        assert conn.scalar(count) == 0
        with other.writing() as writing:
            writing.execute(insert(t.suppression), suppression("ada@example.org"))
        assert conn.scalar(count) == 0
    with pytest.raises(DatabaseError, match="read-only transaction"), opened.reading() as conn:
        conn.execute(insert(t.suppression), suppression("bo@example.org"))
    other.close()


def test_four_processes_that_read_and_then_write_lose_nothing(url: str) -> None:
    def work(_: int) -> None:
        mine = Database(url)  # as each process has its own
        for _ in range(25):
            with mine.writing() as conn:
                value = conn.scalar(select(t.counter.c.value).where(t.counter.c.name == "n"))
                conn.execute(
                    update(t.counter).where(t.counter.c.name == "n").values(value=value + 1)
                )
        mine.close()

    made = Database(url)
    with made.writing() as conn:
        conn.execute(insert(t.counter), {"name": "n", "value": 0})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with made.reading() as conn:
        assert conn.scalar(select(t.counter.c.value).where(t.counter.c.name == "n")) == 100
    made.close()


def test_who_waits_too_long_for_their_turn_is_told_so(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.05)
    made = Database(url)
    with another_writes(url):
        with pytest.raises(Busy, match="another process has been writing"), made.writing():
            pass
        with made.reading() as conn:
            assert schema.head() == conn.exec_driver_sql("SELECT * FROM alembic_version").scalar()
    with made.writing():
        pass
    made.close()


def test_who_falls_silent_while_writing_loses_the_turn_and_what_was_written(
    opened: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_TURN", postgres._TURN.replace("60s", "100ms"))
    other, row = Database(url), suppression("ada@example.org")

    def fall_silent() -> None:
        with opened.writing() as conn:
            conn.execute(insert(t.suppression), row)
            with other.writing() as theirs:  # waits until it is their turn
                assert theirs.scalar(select(func.count()).select_from(t.suppression)) == 0
            conn.execute(update(t.suppression).values(reason="late"))

    with pytest.raises(DatabaseError, match="idle-in-transaction timeout"):
        fall_silent()
    with other.reading() as conn:
        assert conn.scalar(select(func.count()).select_from(t.suppression)) == 0
    other.close()


def asks(opened: Database) -> None:
    with opened.reading() as conn:
        assert conn.exec_driver_sql("SELECT 1").scalar() == 1


def test_a_server_that_was_restarted_is_found_again(opened: Database, server: Cluster) -> None:
    asks(opened)
    server.stop()
    try:
        with pytest.raises(DatabaseError):  # of a connection that was in use a moment ago
            asks(opened)
        with pytest.raises(DatabaseError, match="is it running"):
            asks(opened)
    finally:
        server.start()
    asks(opened)


def test_who_rested_while_the_server_was_restarted_does_not_notice(
    opened: Database, server: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_RESTED_SECONDS", 0.0)
    asks(opened)
    server.stop()
    server.start()
    asks(opened)


def test_a_connection_that_is_cut_in_the_middle_writes_nothing(
    opened: Database, server: Cluster
) -> None:
    def write() -> None:
        with opened.writing() as conn:
            conn.execute(insert(t.suppression), suppression("ada@example.org"))
            mine = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            server.execute(f"SELECT pg_terminate_backend({mine})")
            conn.execute(insert(t.suppression), suppression("bo@example.org"))

    with pytest.raises(DatabaseError) as caught:
        write()
    assert len(str(caught.value).splitlines()) == 1
    with opened.writing() as conn:
        assert conn.scalar(select(func.count()).select_from(t.suppression)) == 0


# Its schema.


def test_two_that_start_at_once_on_a_new_database_migrate_once(
    server: Cluster, tmp_path: Path
) -> None:
    empty = server.database(tmp_path / "new", is_empty=True)
    at_once = threading.Barrier(4)

    def start(_: int) -> list[str]:
        mine = Database(empty)
        assert schema.pending(mine)
        at_once.wait()
        done = schema.upgrade(mine)
        mine.close()
        return done

    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(start, range(4)))
    assert sorted(map(len, applied))[:3] == [0, 0, 0]
    assert max(applied)[-1] == schema.head()


def test_nobody_writes_while_the_schema_is_changed(
    opened: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.05)
    other = Database(url)
    with opened.migrating(), pytest.raises(Busy), other.writing():
        pass
    with other.writing():
        pass
    other.close()


# Copies.


def test_a_copy_is_restored_to_the_same_by_pg_restore(
    server: Cluster, url: str, tmp_path: Path
) -> None:
    made = Database(url)
    with made.writing() as conn:
        store_subscribers.add(
            conn, "ada@example.org", Schedule("Europe/Berlin"), max_papers=9, seen=0, now=NOON
        )
        store_profiles.add(conn, 1, "p", "LLM agents", now=NOON)
    target = tmp_path / "copy.dump"
    size = backups.backup(made, target)
    assert size == target.stat().st_size > 10_000
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    empty = server.database(tmp_path / "restored", is_empty=True)
    subprocess.run(["pg_restore", "--no-owner", f"--dbname={empty}", target], check=True)
    copy = Database(empty)
    assert schema.pending(copy) == []
    assert dump(copy) == dump(made)
    with copy.writing() as conn:  # numbers go on behind those that were restored
        assert store_profiles.add(conn, 1, "q", "RAG", now=NOON)
    copy.close()
    made.close()


SCRIPT = """#!/bin/sh
[ "$1" = --version ] && {{ echo "pg_dump (PostgreSQL) {version}"; exit; }}
echo "$@" >> {folder}/asked
exec /usr/bin/{name} "$@"
"""


def programs(folder: Path, version: str) -> None:
    """Put programs into a folder that say what they are asked, of any version."""
    folder.mkdir()
    for name in ("pg_dump", "pg_restore"):
        path = folder / name
        path.write_text(SCRIPT.format(version=version, folder=folder, name=name))
        path.chmod(0o755)


def test_the_password_stands_on_no_command_line(
    server: Cluster, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(tmp_path / "bin", "99.1")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=":")
    name = url.split("@/")[1].split("?")[0]
    made = Database(server.url(name, password=server.password))
    backups.backup(made, tmp_path / "copy.dump")
    made.close()
    asked = (tmp_path / "bin" / "asked").read_text()
    assert "--format=custom" in asked
    assert server.password not in asked


def test_a_pg_dump_that_is_too_old_is_passed_over_or_named(
    opened: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(tmp_path / "bin", "9.6")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=":")
    backups.backup(opened, tmp_path / "copy.dump")
    assert not (tmp_path / "bin" / "asked").exists()
    monkeypatch.setattr(dumps, "_DEBIAN", tmp_path)
    with pytest.raises(DatabaseError, match=r"pg_dump is of version 9, .* postgresql-client-\d+"):
        backups.backup(opened, tmp_path / "other.dump")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DatabaseError, match="pg_dump is not installed here"):
        backups.backup(opened, tmp_path / "other.dump")
    assert sorted(path.name for path in tmp_path.glob("*.dump*")) == ["copy.dump"]


# As a user has it.


@pytest.mark.anyio
async def test_an_instance_on_postgresql_does_all_that_one_on_a_file_does(
    server: Cluster, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE, server.database(notifier.folder / "mine", is_empty=True))
    monkeypatch.chdir(notifier.folder)
    said = notifier("init", "--dir", notifier.folder).err
    assert f"database ready: postgresql://{server.folder}:{server.port}/mine_" in said
    papers = notifier.folder / "papers.xml"
    papers.write_bytes(atom([{"id": "2611.00001", "title": "RAGs that forget"}]))
    at = ("--now", "2026-11-16T05:00Z")
    assert notifier(*at, "subscriber", "add", "ada@example.org", "--confirmed").code == 0
    assert notifier(*at, "profile", "add", "ada@example.org", "mine", "RAG").code == 0
    assert notifier(*at, "ingest", "--file", papers, "--kind", "arxiv").code == 0
    async with listening() as sink:
        monkeypatch.setenv("NOTIFIER_SMTP__HOST", "127.0.0.1")
        monkeypatch.setenv("NOTIFIER_SMTP__PORT", str(sink.port))
        ticked = (
            "tick",
            "--config",
            notifier.config,
            "--now",
            "2026-11-17T08:00Z",
            "--format",
            "json",
        )
        for sent in (1, 0):
            async with process(*ticked) as tick:
                out, err = await asyncio.wait_for(tick.communicate(), 60)
            assert (json.loads(out)["digests"], json.loads(out)["sent"]) == (sent, sent), err
    assert [mail.recipient for mail in sink.received] == ["ada@example.org"]
    assert notifier("db", "check").code == 0
    info = notifier("db", "info", "--format", "json").json
    assert (info["schema"], info["pending"]) == (schema.head(), [])
    assert notifier("db", "backup", "copy.dump").code == 0
    assert not list(notifier.folder.glob("*.db*")), "no file of SQLite is made"


def test_an_upgrade_writes_a_copy_into_this_folder_first(
    server: Cluster, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = server.database(notifier.folder / "papers", is_empty=True)
    old = Database(empty)
    schema.upgrade(old, "0012")
    old.close()
    monkeypatch.setenv(DATABASE, empty)
    monkeypatch.chdir(notifier.folder)
    done = notifier("db", "upgrade")
    assert (done.code, "copied to papers_" in done.err) == (0, True), done.err
    assert [path.suffixes for path in notifier.folder.glob("papers_*")] == [[".dump", ".0012"]]
