"""notifier bounce: files, folders and pipes in; what each mail is, out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from notifier.storage import database as database_module

from .commands import Notifier, notifier
from .conftest import real_data
from .returned import a_complaint, a_mail, a_notification

__all__ = ["notifier"]

ADA = "ada@example.org"


@pytest.fixture
def ada(notifier: Notifier) -> Notifier:
    notifier("subscriber", "add", ADA, "--confirmed")
    return notifier


def suppressed(instance: Notifier) -> str | None:
    found: str | None = instance("subscriber", "show", ADA, "--format", "json").json["suppressed"]
    return found


def test_a_dry_run_says_what_each_mail_is_and_changes_nothing(
    ada: Notifier, tmp_path: Path
) -> None:
    (tmp_path / "one.eml").write_bytes(a_notification(diagnostic="550 5.1.1 no such user"))
    done = ada("bounce", "read", tmp_path / "one.eml", "--dry-run", "--format", "jsonl")
    assert done.rows == [
        {
            "file": str(tmp_path / "one.eml"),
            "kind": "hard",
            "recipient": ADA,
            "status": "5.1.1",
            "reason": "smtp; 550 5.1.1 no such user",
        }
    ]
    assert suppressed(ada) is None
    assert ada("bounce", "list", "--format", "jsonl").rows == []


def test_a_dry_run_needs_no_database(notifier: Notifier) -> None:
    before = sorted(notifier.folder.iterdir())
    assert notifier("bounce", "read", "-", "--dry-run", stdin=a_mail()).code == 0
    assert sorted(notifier.folder.iterdir()) == before


def test_a_pipe_is_read_and_read_again_without_effect(ada: Notifier) -> None:
    first = ada("bounce", "read", "-", "--format", "jsonl", stdin=a_notification())
    assert (first.code, first.rows[0]["done"]) == (0, "suppressed")
    assert suppressed(ada) == "dead address: 5.1.1 5.1.1"
    second = ada("bounce", "read", "-", "--format", "jsonl", stdin=a_notification())
    assert (second.code, second.rows[0]["done"]) == (0, "known")
    assert ada("subscriber", "confirm", ADA, "--because", "I am back").code == 0
    assert suppressed(ada) is None
    ada("bounce", "read", "-", stdin=a_notification())
    ada("bounce", "read", "-", stdin=b"Received: by another way\n" + a_notification())
    assert suppressed(ada) is None


def test_mbox_maildir_and_folder_are_read_mail_by_mail(ada: Notifier, tmp_path: Path) -> None:
    line = b"From MAILER-DAEMON Fri Nov 20 12:00:00 2026\n"
    mbox, maildir, folder = tmp_path / "mbox", tmp_path / "Maildir", tmp_path / "folder"
    mbox.write_bytes(line + a_mail("One") + b"\n" + line + a_complaint())
    for name in ("new", "cur", "tmp"):
        (maildir / name).mkdir(parents=True)
        (maildir / name / "1").write_bytes(a_mail(name))
    folder.mkdir()
    (folder / "a.eml").write_bytes(a_notification("4.2.2"))
    (folder / ".hidden").write_bytes(a_mail())
    done = ada("bounce", "read", mbox, maildir, folder, "--dry-run", "--format", "jsonl")
    assert [row["kind"] for row in done.rows] == [
        "not-a-bounce",
        "complaint",
        "not-a-bounce",
        "not-a-bounce",
        "soft",
    ]


@pytest.mark.sqlite("the URL is another")
def test_a_pipe_is_told_to_try_again_whatever_stands_in_the_way(ada: Notifier) -> None:
    ada.config.write_text("[mail]\nbounce_address = 'nobody'\n")
    done = ada("bounce", "read", "-", stdin=a_notification())
    assert (done.code, done.out) == (75, "")
    assert "bounce_address" in done.err
    ada.config.write_text("[database]\nurl = 'sqlite:////proc/none/notifier.db'\n")
    assert ada("bounce", "read", "-", stdin=a_notification()).code == 75


@pytest.mark.sqlite("its triggers make a bug")
def test_a_pipe_is_told_to_try_again_while_another_process_writes_or_at_a_bug(
    ada: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.01)
    place = ada("db", "info", "--format", "json").json["database"]
    other = sqlite3.connect(place, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    done = ada("bounce", "read", "-", stdin=a_notification())
    assert (done.code, "another process has been writing" in done.err) == (75, True)
    other.execute("ROLLBACK")
    other.execute("CREATE TRIGGER t BEFORE INSERT ON bounce BEGIN SELECT RAISE(ABORT, 'x'); END")
    done = ada("bounce", "read", "-", stdin=a_notification())
    assert (done.code, "error: IntegrityError" in done.err) == (75, True)
    other.execute("DROP TRIGGER t")
    other.close()
    assert ada("bounce", "read", "-", stdin=a_notification()).code == 0
    assert suppressed(ada)


def test_a_path_that_is_not_there_is_not_found(ada: Notifier, tmp_path: Path) -> None:
    done = ada("bounce", "read", tmp_path / "none")
    assert (done.code, "none: no such file" in done.err) == (4, True)


def test_the_list_is_newest_first_with_counts_by_kind(ada: Notifier) -> None:
    ada("--now", "2026-11-20", "bounce", "read", "-", stdin=a_notification("5.7.1"))
    ada("--now", "2026-11-21", "bounce", "read", "-", stdin=a_mail())
    done = ada("bounce", "list", "--format", "jsonl")
    assert [row["kind"] for row in done.rows] == ["not-a-bounce", "policy"]
    assert "1 not-a-bounce, 1 policy" in done.err
    assert ada("bounce", "list", "--counts", "--format", "json").json == {
        "not-a-bounce": 1,
        "policy": 1,
    }
    assert len(ada("bounce", "list", "--kind", "policy", "--format", "jsonl").rows) == 1
    assert ada("bounce", "list", "--kind", "polite").code == 2


def test_a_policy_bounce_asks_for_care_and_others_are_only_counted(ada: Notifier) -> None:
    ada("bounce", "read", "-", stdin=a_mail())
    found = ada("status", "--format", "json").json
    assert found["bounces_24h"] == {"not-a-bounce": 1}
    assert not found["needs_care"]
    ada("bounce", "read", "-", stdin=a_notification("5.7.1"))
    found = ada("status", "--format", "json").json
    assert found["needs_care"]
    assert found["bounces_24h"] == {"not-a-bounce": 1, "policy": 1}
    assert suppressed(ada) is None


def test_a_mail_that_nobody_understood_can_be_read(ada: Notifier) -> None:
    strange = b"From: MAILER-DAEMON@example.net\n\nSomething happened.\n"
    ada("bounce", "read", "-", stdin=strange)
    assert ada("bounce", "show", "1").out == strange.decode()
    assert ada("bounce", "show", "2").code == 4


def test_all_real_bounces_are_read_one_line_each(ada: Notifier) -> None:
    folder = real_data("bounces/flufl_bounce")
    done = ada("bounce", "read", *sorted(folder.glob("[a-z]*_*.txt")), "--format", "jsonl")
    assert done.code == 0
    assert len(done.rows) == 117
