"""What arrives over SMTP, and the words of a server, whether or not it offers PIPELINING."""

from __future__ import annotations

import pytest

from notifier.errors import MailerDown

from .fakes import Say, scripted
from .sink import listening
from .smtp_lab import ADA, MAIL, both_ways, facing, mailer, refusal, send

__all__ = ["both_ways"]
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("both_ways")]


# A server that behaves.


async def test_a_mail_arrives_with_its_envelope_and_to_the_byte() -> None:
    async with listening() as sink, mailer(sink.port) as opened:
        assert await send(opened) == "250 2.0.0 kept"
    (mail,) = sink.received
    assert (mail.sender, mail.recipient, mail.content) == ("n@example.org", ADA, MAIL)


@pytest.mark.parametrize(
    "body",
    [b".\r\n", b"..\r\n", b"a\r\n.\r\nb\r\n", b".hidden\r\n..twice\r\n", b"\r\n.\r\n\r\n.x\r\n"],
)
async def test_a_line_that_starts_with_a_dot_arrives_unchanged(body: bytes) -> None:
    content = b"Subject: dots\r\n\r\n" + body
    async with listening() as sink, mailer(sink.port) as opened:
        await send(opened, content)
    assert [mail.content for mail in sink.received] == [content]


async def test_a_bare_line_end_cannot_smuggle_a_second_mail() -> None:
    inner = b"Subject: x\r\n\r\na\n.\nMAIL FROM:<evil@example.org>\r.\rb\r\n"
    async with facing({}) as (server, opened):
        await send(opened, inner)
    (text,) = server.connections[0].texts
    assert text == b"Subject: x\r\n\r\na\r\n..\r\nMAIL FROM:<evil@example.org>\r\n..\r\nb\r\n"
    assert server.connections[0].verbs.count("MAIL") == 1


async def test_several_mails_share_a_connection_that_is_ended_politely() -> None:
    async with facing({}) as (server, opened):
        for _ in range(3):
            await send(opened)
    (seen,) = server.connections
    assert seen.verbs.count("EHLO") == 1
    assert len(seen.texts) == 3
    assert seen.verbs[-1] == "QUIT"


async def test_every_mail_tells_its_size_where_the_server_asks_for_it() -> None:
    async with facing({}) as (server, opened):
        await send(opened)
        await send(opened)
    sizes = [line for line in server.connections[0].commands if line.startswith("MAIL")]
    assert sizes == [f"MAIL FROM:<n@example.org> SIZE={len(MAIL)}"] * 2


async def test_a_server_without_extensions_is_greeted_by_helo_and_gets_the_mail() -> None:
    async with facing({"EHLO": "502 5.5.1 what?"}) as (server, opened):
        await send(opened)
    assert server.connections[0].commands[2] == "MAIL FROM:<n@example.org>"


# A server that is not there.


async def test_no_server_at_all_is_mailer_down() -> None:
    async with scripted() as server:
        pass
    async with mailer(server.port) as opened:
        with pytest.raises(MailerDown, match="cannot be reached"):
            await send(opened)


# The words of a server.


async def test_a_refusal_shows_no_address() -> None:
    async with facing({"RCPT": "550 5.1.1 <Ada@Example.org>: no such user"}) as (_, opened):
        error = await refusal(opened)
    assert "ada" not in str(error).lower()
    assert error.reply == "<<recipient>>: no such user"


async def test_a_reply_in_no_encoding_can_be_kept_and_is_short() -> None:
    async with facing({"RCPT": Say(b"550 5.1.1 caf\xe9 \x1b[31m" + b"z" * 4000)}) as (_, opened):
        error = await refusal(opened)
    assert error.reply.encode().startswith(b"caf")
    assert error.reply.isprintable()
    assert len(error.reply) <= 500


async def test_the_words_of_an_acceptance_can_be_kept_too() -> None:
    async with facing({".": Say(b"250-2.0.0 caf\xe9\r\n250 queued")}) as (_, opened):
        assert await send(opened) == "250 2.0.0 caf? queued"
