"""Mails into a folder: each whole or not at all, the same mail the same file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from notifier.delivery.files import FilesTransport
from notifier.errors import MailerDown

pytestmark = pytest.mark.anyio

MAIL = b"From: n@example.org\r\nMessage-ID: <abc-123@example.org>\r\n\r\nhello\r\n.\r\n\xff"


async def put(folder: Path, content: bytes = MAIL) -> str:
    async with FilesTransport(folder).open() as mailer:
        return await mailer.send(sender="n@x.org", recipient="ada@x.org", content=content)


def inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_a_mail_becomes_a_file_with_the_same_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    assert await put(folder) == "written to abc-123.eml"
    assert (folder / "abc-123.eml").read_bytes() == MAIL


async def test_the_same_mail_twice_is_one_file(tmp_path: Path) -> None:
    await put(tmp_path)
    await put(tmp_path)
    assert inside(tmp_path) == [tmp_path / "abc-123.eml"]


async def test_different_mails_at_the_same_time_are_different_files(tmp_path: Path) -> None:
    mails = [MAIL.replace(b"abc", b"key%d" % n) for n in range(50)]
    async with asyncio.TaskGroup() as group:
        for mail in mails:
            group.create_task(put(tmp_path, mail))
    assert {file.read_bytes() for file in inside(tmp_path)} == set(mails)


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: no id\r\n\r\nbody",
        b"Subject: no id\r\n\r\nMessage-ID: <from-the-body@x>\r\n",
        b"Message-ID: <../../evil@x>\r\n\r\nbody",
        b"Message-ID: <a/b@x>\r\n\r\nbody",
        b"Message-ID: </etc/passwd@x>\r\n\r\nbody",
        b"Message-ID: <" + b"x" * 300 + b"@x>\r\n\r\nbody",
        b"",
    ],
    ids=["none", "in the body", "above", "below", "absolute", "too long", "nothing at all"],
)
async def test_a_mail_without_a_usable_id_is_named_by_its_content_in_the_folder(
    tmp_path: Path, content: bytes
) -> None:
    folder = tmp_path / "outbox"
    await put(folder, content)
    (file,) = inside(folder)
    assert file.read_bytes() == content
    assert len(file.stem) == 32
    assert file.suffix == ".eml"
    assert inside(tmp_path) == [folder]


async def test_a_folder_that_cannot_be_written_is_mailer_down_and_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MailerDown, match=r"file.*cannot be written"):
        await put(tmp_path / "file")


async def test_a_mail_that_cannot_be_finished_leaves_no_eml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(MailerDown, match="No space left"):
        await put(tmp_path)
    assert inside(tmp_path) == []
