"""The demo: the smoke test of every build."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage
from pathlib import Path

import pytest

from .commands import Notifier, notifier
from .test_message import read

__all__ = ["notifier"]


@pytest.fixture
def mails(notifier: Notifier) -> dict[str, EmailMessage]:
    folder = notifier.folder / "mails"
    result = notifier("demo", "--once", "--no-browser", "--keep", folder)
    assert result.code == 0, result.err
    return {
        path.stem: email.message_from_bytes(path.read_bytes(), policy=email.policy.strict)
        for path in sorted(folder.glob("*.eml"))
    }


def body(mail: EmailMessage, subtype: str) -> str:
    part = mail.get_body((subtype,))
    assert part is not None
    return str(part.get_content())


def test_each_of_the_three_subscribers_gets_their_digests(mails: dict[str, EmailMessage]) -> None:
    assert list(mails) == ["1-ada", "2-ada", "3-bo", "4-cy"]
    assert [mail["To"] for mail in mails.values()] == [
        "ada@example.org", "ada@example.org", "bo@example.org", "cy@example.org",
    ]  # fmt: skip


def test_the_folder_holds_html_and_text_beside_each_mail(notifier: Notifier) -> None:
    folder = notifier.folder / "mails"
    notifier("demo", "--once", "--no-browser", "--keep", folder)
    names = {path.suffix for path in folder.iterdir()}
    assert names == {".eml", ".html", ".txt"}
    assert len(list(folder.iterdir())) == 12


def test_every_mail_arrives_in_seven_bits_short_lines_and_without_defects(
    notifier: Notifier,
) -> None:
    folder = notifier.folder / "mails"
    notifier("demo", "--once", "--no-browser", "--keep", folder)
    for path in folder.glob("*.eml"):
        raw = path.read_bytes()
        assert raw.isascii()
        assert max(map(len, raw.splitlines())) <= 998, "RFC 5322, 2.1.1"
        read(raw)


def test_no_paper_reaches_ada_twice(mails: dict[str, EmailMessage]) -> None:
    ids = [
        set(re.findall(r"arxiv\.org/abs/([\d.]+)", body(mails[name], "plain")))
        for name in ("1-ada", "2-ada")
    ]
    assert ids[0]
    assert ids[1]
    assert not ids[0] & ids[1]


def test_what_a_rule_excludes_stays_out(mails: dict[str, EmailMessage]) -> None:
    for name in ("1-ada", "2-ada"):
        assert not re.search(r"\bsurvey", body(mails[name], "plain"), re.I)


def test_tex_and_signs_arrive_as_people_read_them(mails: dict[str, EmailMessage]) -> None:
    texts = "\n".join(body(mail, "plain") for mail in mails.values())
    assert not re.search(r"\\(emph|textbf|ell|mathbb|varepsilon|H|'|\")", texts)
    assert "$5 per 1M" in " ".join(texts.split()), "money is no mathematics"


def test_every_mail_can_be_left_by_one_click(mails: dict[str, EmailMessage]) -> None:
    for mail in mails.values():
        assert re.fullmatch(r"<http://127\.0\.0\.1:\d+/u/\S+>", mail["List-Unsubscribe"])
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_demo_reads_no_setting_of_the_environment(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFIER_SMTP__HOST", "mail.example.org")
    monkeypatch.setenv("NOTIFIER_DATABASE__URL", "sqlite:////nowhere/x.db")
    assert notifier("demo", "--once", "--no-browser").code == 0


def test_two_runs_of_the_demo_make_the_same_digests(notifier: Notifier) -> None:
    found = []
    for run in ("one", "two"):
        folder: Path = notifier.folder / run
        notifier("demo", "--once", "--no-browser", "--keep", folder)
        texts = [path.read_text() for path in sorted(folder.glob("*.txt"))]
        found.append([re.sub(r"http://127\.0\.0\.1:\S+", "", text) for text in texts])
    assert found[0] == found[1]
