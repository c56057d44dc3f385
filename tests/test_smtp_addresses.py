"""Addresses that are not ASCII, over SMTP (RFC 5890, RFC 6531)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery.envelope import Envelope, path
from notifier.errors import MailerDown, SendError

from .fakes import Script
from .postfix import running
from .sink import listening
from .smtp_lab import ADA, MAIL, NEXT, both_ways, facing, mailer, refusal, send

__all__ = ["both_ways"]
pytestmark = pytest.mark.anyio
UTF8: Script = {"EHLO": "250-fake\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING"}
GREETINGS = "grüße@example.org"

# In a command.


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("ada@example.org", "ada@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@Bücher.EXAMPLE", "ada@xn--bcher-kva.example"),
        ("ada@straße.example", "ada@xn--strae-oqa.example"),
        ("ada@日本語.example", "ada@xn--wgv71a119e.example"),
        ("grüße@bücher.example", "grüße@xn--bcher-kva.example"),
        ('"a b"@example.org', '"a b"@example.org'),
        ("ada@[192.0.2.1]", "ada@[192.0.2.1]"),
        ("notifier@localhost", "notifier@localhost"),
        ("", ""),
    ],
)
def test_a_domain_goes_as_its_a_label_and_a_local_part_as_it_is(address: str, written: str) -> None:
    assert path(address) == written


@pytest.mark.parametrize(
    "address",
    ["a b@example.org", "a>@example.org", "a@b>c", "a@exämple..org", "a@exämple.-x",
     "Ada <a@b>", "a\r\nRCPT TO:<b>@example.org", "a\0@example.org", "a\u0085b@example.org",
     "a\u2028b@example.org", "a\u00a0b@example.org", "a\udcffb@example.org", "a\x7f@example.org"],
)  # fmt: skip
def test_what_is_no_address_alone_goes_into_no_command(address: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        path(address)


@given(st.text())
def test_no_address_ever_breaks_out_of_its_command(address: str) -> None:
    try:
        commands = Envelope("n@example.org", path(address)).commands(MAIL, {"size"})
    except ValueError:
        return
    for command in commands:
        assert not set(command.line) & {*range(32), 127}
    rcpt = commands[1].line.decode()
    assert rcpt.startswith("RCPT TO:<")
    assert rcpt.endswith(">")
    if '"' not in rcpt:
        assert rcpt.count(">") == rcpt.count("<") == 1
        assert len(rcpt.split()) == 2


@pytest.mark.parametrize(
    ("recipient", "text", "offers", "mail"),
    [
        (ADA, b"x", (), "MAIL FROM:<n@example.org>"),
        (ADA, b"x", ("size", "smtputf8", "8bitmime"), "MAIL FROM:<n@example.org> SIZE=1"),
        (GREETINGS, b"x", ("smtputf8",), "MAIL FROM:<n@example.org> SMTPUTF8"),
        (GREETINGS, b"\xc3\xa4", (), "MAIL FROM:<n@example.org> BODY=8BITMIME SMTPUTF8"),
    ],
)  # fmt: skip
def test_mail_asks_for_what_the_mail_needs_of_what_there_is(
    recipient: str, text: bytes, offers: tuple[str, ...], mail: str
) -> None:
    commands = Envelope("n@example.org", recipient).commands(text, offers)
    assert [command.line.decode() for command in commands] == [
        mail,
        f"RCPT TO:<{recipient}>",
        "DATA",
    ]


# Over a connection.


@pytest.mark.usefixtures("both_ways")
async def test_an_international_domain_needs_nothing_of_the_server() -> None:
    async with facing({}) as (server, opened):
        await send(opened, recipient="ada@bücher.example")
    assert "RCPT TO:<ada@xn--bcher-kva.example>" in server.connections[0].commands
    assert b"SMTPUTF8" not in server.connections[0].raw


async def test_a_local_part_that_is_not_ascii_goes_where_the_server_takes_it() -> None:
    async with facing(UTF8) as (server, opened):
        await send(opened, recipient="grüße@bücher.example")
        await send(opened)
    raw = server.connections[0].raw
    assert "RCPT TO:<grüße@xn--bcher-kva.example>\r\n".encode() in raw
    assert raw.count(b"MAIL FROM:<n@example.org> SMTPUTF8\r\n") == 1
    assert raw.count(b"MAIL FROM:<n@example.org>\r\n") == 1


@pytest.mark.usefixtures("both_ways")
async def test_where_the_server_does_not_take_it_that_mail_is_refused_and_no_other() -> None:
    async with facing({}) as (server, opened):
        await send(opened)
        error = await refusal(opened, recipient=GREETINGS)
        await send(opened, NEXT)
    assert (error.stage, error.code, error.enhanced) == ("rcpt", 553, "5.6.7")
    assert (error.permanent, error.in_doubt) == (True, False)
    assert error.reply.startswith("the local part is not ASCII, and mail server 127.0.0.1:")
    assert "grüße" not in str(error)
    assert [seen.texts for seen in server.connections] == [[MAIL, NEXT]]


@pytest.mark.parametrize("recipient", ["a b@example.org", "a>@example.org", "a@exämple..org"])
async def test_an_address_that_smtp_cannot_carry_is_one_mails_refusal(recipient: str) -> None:
    async with facing({}) as (server, opened):
        await send(opened)
        error = await refusal(opened, recipient=recipient)
        await send(opened, NEXT)
    assert (error.stage, error.code, error.enhanced) == ("rcpt", 553, "5.1.3")
    assert [seen.texts for seen in server.connections] == [[MAIL, NEXT]]


@pytest.mark.parametrize("sender", ["grüße@example.org", "a b@example.org", "n@exämple..org"])
async def test_a_sender_that_smtp_cannot_carry_is_mailer_down(sender: str) -> None:
    async with facing(UTF8) as (_, opened):
        with pytest.raises(MailerDown, match=r"mail\.from"):
            await opened.send(sender=sender, recipient=ADA, content=MAIL)


@pytest.mark.parametrize(
    "said", ["ada@bücher.example", "ADA@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example"]
)
async def test_a_reply_shows_no_address_in_either_form(said: str) -> None:
    steps: Script = {
        "RCPT": [f"550 5.1.1 <{said}> unknown", "250 ok"],
        ".": f"250 kept for <{said}>",
    }
    async with facing(steps) as (_, opened):
        error = await refusal(opened, recipient="ada@bücher.example")
        words = await send(opened, recipient="ada@bücher.example")
    assert (error.reply, error.__cause__) == ("<<recipient>> unknown", None)
    assert words == "250 kept for <<recipient>>"


async def test_an_aiosmtpd_takes_utf_8_where_it_is_told_to() -> None:
    content = "To: <grüße@example.org>\r\n".encode() + MAIL
    async with listening(enable_SMTPUTF8=True) as sink, mailer(sink.port) as opened:
        await send(opened, content, GREETINGS)
    assert [(mail.recipient, mail.content) for mail in sink.received] == [(GREETINGS, content)]


STRICT = """\
smtpd_delay_reject = no
smtpd_sender_restrictions = reject_non_fqdn_sender
smtpd_recipient_restrictions = reject_non_fqdn_recipient
"""


async def test_a_postfix_takes_and_refuses_mails_over_one_connection_and_takes_utf_8() -> None:
    there, nowhere = "n@example.org", "n@nowhere"
    mails = [(there, ADA), (there, nowhere), (nowhere, ADA), (there, "grüße@bücher.example")]
    relay = running(9, main=STRICT)  # what it takes stays in its queue: nobody listens there
    postfix = await asyncio.to_thread(relay.__enter__)
    try:
        async with mailer(postfix.port, send_seconds=20, timeout_seconds=20) as opened:
            said = []
            for sender, recipient in mails * 2:
                try:
                    words = await opened.send(sender=sender, recipient=recipient, content=MAIL)
                    said.append(words[:9])
                except SendError as error:
                    said.append(f"{error.stage} {error.code} {error.enhanced}")
            assert opened._client is not None
            assert opened._client.supports_extension("pipelining")
            assert opened._client.mails == len(said)
    finally:
        await asyncio.to_thread(relay.__exit__, None, None, None)
    assert said == ["250 2.0.0", "rcpt 504 5.5.2", "mail 504 5.5.2", "250 2.0.0"] * 2
