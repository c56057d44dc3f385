"""`notifier mail test`: how far a mail gets, step by step."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from notifier.delivery.rehearsal import Step, rehearse
from notifier.delivery.smtp import SmtpSettings

from .commands import Notifier, notifier
from .fakes import DROP, Script, scripted
from .identities import an_identity
from .sink import listening
from .smtp_lab import ADA, MAIL, PASSWORD, Clock

__all__ = ["notifier"]

pytestmark = pytest.mark.anyio


async def steps(port: int, content: bytes = MAIL, **options: Any) -> list[Step]:
    settings = SmtpSettings(host="127.0.0.1", port=port, **options)
    asked = {"sender": "n@example.org", "recipient": ADA, "content": content}
    return [step async for step in rehearse(settings, clock=Clock(), **asked)]  # type: ignore[arg-type]


def names(found: list[Step]) -> list[tuple[str, bool]]:
    return [(step.name, step.is_ok) for step in found]


async def test_each_step_is_told_with_what_the_server_says(tmp_path: Path) -> None:
    tls = an_identity(tmp_path)
    async with listening(tls_context=tls.server, require_starttls=True) as sink:
        found = await steps(sink.port, security="starttls", ca_file=tls.ca_file)
    assert names(found) == [("connect", True), ("tls", True), ("mail", True), ("dot", True)]
    assert found[1].said.startswith("TLSv1.3, certificate until ")
    assert found[-1].said == "250 2.0.0 kept"
    assert [mail.content for mail in sink.received] == [MAIL]


async def test_without_a_mail_nothing_is_sent() -> None:
    async with scripted({}) as server:
        found = await steps(server.port, b"")
    assert names(found) == [("connect", True), ("tls", True)]
    assert found[1].said == "none: smtp.security asks for none"
    assert not {"MAIL", "RCPT", "DATA"} & set(server.connections[0].verbs)


@pytest.mark.parametrize(
    ("script", "options", "failed", "said"),
    [
        ({"EHLO": "250-fake\r\n250 AUTH PLAIN", "AUTH": f"535 5.7.8 not {PASSWORD}"},
         {"user": "ada", "password": PASSWORD}, "login", "535 5.7.8 not ***"),
        ({"MAIL": "550 5.7.1 not you"}, {}, "mail", "550 5.7.1 not you"),
        ({"RCPT": "550 5.1.1 no such user"}, {}, "rcpt", "550 5.1.1 no such user"),
        ({"DATA": "451 4.3.0 later"}, {}, "data", "451 4.3.0 later"),
        ({".": "554 5.7.1 spam"}, {}, "dot", "554 5.7.1 spam"),
        ({".": DROP}, {}, "dot", "no answer: SMTPServerDisconnected"),
        ({}, {"security": "starttls"}, "connect", "no TLS as smtp.security asks"),
    ],
    ids=["login", "sender", "recipient", "data", "text", "closed", "no TLS"],
)  # fmt: skip
async def test_the_step_that_fails_is_the_last_and_says_why(
    script: Script, options: dict[str, Any], failed: str, said: str
) -> None:
    async with scripted(script) as server:
        found = await steps(server.port, **options)
    assert names(found)[-1] == (failed, False)
    assert all(step.is_ok for step in found[:-1])
    assert said in found[-1].said
    assert PASSWORD not in repr(found)


async def test_a_server_that_is_not_there_is_told() -> None:
    (step,) = await steps(1)
    assert (step.name, step.is_ok) == ("connect", False)
    assert "cannot be reached" in step.said


async def test_the_command_sends_a_mail_or_only_looks(notifier: Notifier) -> None:
    async with listening() as sink:
        text = notifier.config.read_text()
        notifier.config.write_text(
            f"{text}[mail]\nfrom = 'papers@example.org'\n"
            f"[smtp]\nhost = '127.0.0.1'\nport = {sink.port}\n"
        )
        run = notifier
        looked = await asyncio.to_thread(run, "mail", "test", "Ada@Example.org", "--dry-run")
        assert (looked.code, sink.received) == (0, [])
        sent = await asyncio.to_thread(run, "mail", "test", "Ada@Example.org", "--format", "jsonl")
        assert sent.code == 0
        assert [row["step"] for row in sent.rows] == ["connect", "tls", "mail", "dot"]
        (mail,) = sink.received
        assert mail.recipient == ADA
        assert b"Subject: A test of" in mail.content
        notifier.config.write_text(f"{text}[smtp]\nhost = '127.0.0.1'\nport = 1\n")
        down = await asyncio.to_thread(run, "mail", "test", ADA)
        assert (down.code, "FAIL" in down.out) == (1, True)


def test_where_mails_go_to_nobody_the_command_says_so(notifier: Notifier) -> None:
    notifier.config.write_text(f"{notifier.config.read_text()}[mail]\ntransport = 'sink'\n")
    result = notifier("mail", "test", ADA)
    assert result.code == 2
    assert "to nobody" in result.err
