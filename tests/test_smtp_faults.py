"""What becomes of a mail when the server, or the way to it, fails: a table for each question."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest

from notifier.delivery.envelope import Envelope
from notifier.delivery.pipelined import Pipelined
from notifier.delivery.smtp import SmtpMailer
from notifier.errors import MailerDown, SendError

from .fakes import DROP, HANG, Drop, Hang, Late, Say, Script, ScriptedSmtp, Step, scripted
from .smtp_lab import MAIL, NEXT, PASSWORD, both_ways, facing, refusal, send

__all__ = ["both_ways"]
pytestmark = pytest.mark.anyio
twice = pytest.mark.usefixtures("both_ways")

STAGES = [("MAIL", "mail"), ("RCPT", "rcpt"), ("DATA", "data"), (".", "dot")]
LONG = MAIL + b"x" * 70 * 100_000  # more than the sockets of both sides hold
HASTE = 0.25  # enough for a server here, and not long to wait for one that is silent
SOON = {"send_seconds": HASTE, "timeout_seconds": HASTE, "connect_seconds": HASTE}
IN_A_LINE = "550-5.1.1 " + "x" * 100_000
IN_LINES = "550-5.1.1 x\r\n" * 8_000 + "550 5.1.1 x"

# Before a mail: no mail is to blame, whatever happens.

BEFORE: dict[str, tuple[Script, dict[str, str]]] = {
    "greeting": ({}, {}),
    "EHLO": ({}, {}),
    "STARTTLS": ({"EHLO": "250-fake\r\n250 STARTTLS"}, {"security": "starttls"}),
    "AUTH": ({"EHLO": "250-fake\r\n250 AUTH PLAIN"}, {"user": "ada", "password": PASSWORD}),
}
FAULTS: dict[str, Step] = {
    "closed": DROP,
    "silent": HANG,
    "half, then closed": Say("2", end="", then_close=True),
    "half, then silent": Say("2", end="", then_hang=True),
    "garbage": Say(b"\xff\xfe garbage"),
    "421": Say("421 4.3.2 closing", then_close=True),
    "4yz": "454-4.7.0 not\r\n454 4.7.0 now",
    "5yz": "554 5.3.2 go away",
    "100 KB in a line": IN_A_LINE,
    "100 KB in lines": IN_LINES,
}


@pytest.mark.parametrize("place", BEFORE)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_before_any_mail_is_mailer_down(place: str, fault: str) -> None:
    script, options = BEFORE[place]
    script = {**script, place: FAULTS[fault], "HELO": "554 no"}
    async with facing(script, **SOON, **options) as (server, opened):
        with pytest.raises(MailerDown, match=r"mail server 127\.0\.0\.1:") as caught:
            await send(opened)
    assert caught.value.login_refused is (place == "AUTH" and fault == "5yz")
    assert "MAIL" not in server.connections[0].verbs


@pytest.mark.parametrize("limit", ["send_seconds", "connect_seconds"])
async def test_a_server_that_does_not_greet_is_mailer_down_in_time(limit: str) -> None:
    async with facing({"greeting": HANG}, **{limit: 0.1}) as (_, opened), asyncio.timeout(2):
        with pytest.raises(MailerDown, match="cannot be reached"):
            await send(opened)


# Within a mail: what is lost, what is in doubt; and the next mail arrives, once, over another way.


async def the_next_arrives(server: ScriptedSmtp, opened: SmtpMailer, *, first: bytes = b"") -> None:
    """`first`: what the server may have of the mail before."""
    await send(opened, NEXT)
    assert [seen.texts for seen in server.connections] == [[first] if first else [], [NEXT]]


@twice
@pytest.mark.parametrize(("command", "stage"), STAGES)
@pytest.mark.parametrize("how", ["closed", "silent", "half, then closed", "half, then silent"])
async def test_a_break_is_in_doubt_behind_the_dot_and_only_there(
    command: str, stage: str, how: str
) -> None:
    words = {"DATA": "35", ".": "25"}.get(command, "2") if "half" in how else ""
    step = Say(words, end="", then_close="closed" in how, then_hang="silent" in how)
    options = SOON if "silent" in how else {}
    async with facing({command: step}, {}, **options) as (server, opened):
        error = await refusal(opened)
        assert (error.stage, error.code, error.in_doubt) == (stage, 0, stage == "dot")
        assert not error.permanent
        await the_next_arrives(server, opened, first=MAIL if stage == "dot" else b"")


@twice
@pytest.mark.parametrize(
    ("how", "after_bytes"),
    [(Drop, k) for k in (0, 1, 1_000, 65_536, 1_000_000)] + [(Hang, k) for k in (0, 1_000_000)],
)
async def test_a_break_within_the_text_leaves_no_doubt(
    how: type[Drop] | type[Hang], after_bytes: int
) -> None:
    options = {"send_seconds": 0.4} if how is Hang else {}
    async with facing({"text": how(after_bytes)}, {}, **options) as (server, opened):
        error = await refusal(opened, LONG)
        assert (error.stage, error.code, error.in_doubt) == ("data", 0, False)
        await the_next_arrives(server, opened)


@twice
@pytest.mark.parametrize(
    ("how", "after_bytes"),
    [(Drop, k) for k in (1, 10, len(MAIL) - 1, len(MAIL))] + [(Hang, k) for k in (1, len(MAIL))],
)
async def test_a_break_in_what_was_written_to_its_dot_is_in_doubt(
    how: type[Drop] | type[Hang], after_bytes: int
) -> None:
    options = {"timeout_seconds": HASTE} if how is Hang else {}
    async with facing({"text": how(after_bytes)}, {}, **options) as (server, opened):
        error = await refusal(opened)
        assert (error.stage, error.code, error.in_doubt) == ("dot", 0, True)
        await the_next_arrives(server, opened)


@twice
@pytest.mark.parametrize(
    ("words", "code", "reply"),
    [("552 5.3.4 too big", 552, "too big"), ("421 4.3.2 bye", 421, "bye"), ("250 ok", 0, "ok"),
     ("\xff\xfe", 0, "SMTPServerDisconnected")],
)  # fmt: skip
async def test_words_before_the_dot_are_no_answer_to_it(words: str, code: int, reply: str) -> None:
    async with facing({"text": Say(words)}, {}) as (server, opened):
        error = await refusal(opened, LONG)
        assert (error.stage, error.code, error.reply) == ("data", code, reply)
        assert not error.in_doubt
        await the_next_arrives(server, opened)


# Answers that refuse: both codes and the words, and the connection goes on.

REFUSALS: dict[str, tuple[Step, int, str, str]] = {
    "4yz": ("451 4.3.0 not now", 451, "4.3.0", "not now"),
    "5yz": ("550 5.7.1 not this", 550, "5.7.1", "not this"),
    "4yz alone": ("450 not now", 450, "", "not now"),
    "5yz alone": ("554 not this", 554, "", "not this"),
    "4yz in lines": ("450-4.2.0 not\r\n450 4.2.0 now", 450, "4.2.0", "not 4.2.0 now"),
    "5yz in lines": ("550-not\r\n550-\r\n550 this", 550, "", "not this"),
    "5yz with 4.y.z": ("550 4.7.1 what is it?", 550, "4.7.1", "what is it?"),
    "4yz with 5.y.z": ("450 5.1.1 what is it?", 450, "5.1.1", "what is it?"),
    "8 bit": (Say(b"550 5.1.1 caf\xe9 \x1b[31m"), 550, "5.1.1", "caf? [31m"),
    "no words": ("550", 550, "", ""),
}


@twice
@pytest.mark.parametrize(("command", "stage"), STAGES)
@pytest.mark.parametrize("kind", REFUSALS)
async def test_a_refusal_is_kept_as_it_was_said_and_the_next_mail_goes_over_the_same_connection(
    command: str, stage: str, kind: str
) -> None:
    step, code, enhanced, reply = REFUSALS[kind]
    polite = {"DATA": "354 go on"}.get(command, "250 ok")
    async with facing({command: [step, polite]}) as (server, opened):
        error = await refusal(opened)
        assert (error.stage, error.code, error.enhanced) == (stage, code, enhanced)
        assert (error.reply, error.in_doubt, error.permanent) == (reply, False, code >= 500)
        await send(opened, NEXT)
    assert len(server.connections) == 1
    assert [text for text in server.connections[0].texts if text != MAIL] == [NEXT]


@twice
@pytest.mark.parametrize(("command", "stage"), STAGES)
@pytest.mark.parametrize(
    "step",
    [Say(b"\xff\xfe garbage"), IN_A_LINE, IN_LINES, Say(IN_A_LINE, end="", then_hang=True),
     "354 what?", "250 what?", "099 what?", "600 what?"],
    ids=["garbage", "100 KB in a line", "100 KB in lines", "100 KB without an end", "354", "250",
         "099", "600"],
)  # fmt: skip
async def test_an_answer_that_is_none_refuses_nothing_and_ends_the_connection(
    command: str, stage: str, step: Step
) -> None:
    if step == {"DATA": "354 what?"}.get(command, "250 what?"):
        return
    async with facing({command: step}, {}) as (server, opened), asyncio.timeout(3):
        error = await refusal(opened)
        assert (error.stage, error.code, error.in_doubt) == (stage, 0, stage == "dot")
        await the_next_arrives(server, opened, first=MAIL if stage == "dot" else b"")


@twice
@pytest.mark.parametrize(("command", "stage"), STAGES)
@pytest.mark.parametrize("then", ["closed", "silent"])
async def test_421_is_a_refusal_for_now_and_ends_the_connection(
    command: str, stage: str, then: str
) -> None:
    step = Say("421 4.7.0 later", then_close=then == "closed", then_hang=then == "silent")
    async with facing({command: step}, {}) as (server, opened), asyncio.timeout(3):
        error = await refusal(opened)
        assert (error.stage, error.code, error.enhanced) == (stage, 421, "4.7.0")
        assert (error.permanent, error.in_doubt) == (False, False)
        await the_next_arrives(server, opened, first=MAIL if stage == "dot" else b"")


# Late answers: they belong to nobody.


@twice
@pytest.mark.parametrize(("command", "stage"), [*STAGES, ("RSET", "")])
@pytest.mark.parametrize("how", ["timeout", "cancelled"])
async def test_a_late_answer_never_meets_another_mail(command: str, stage: str, how: str) -> None:
    late = Late("354 late" if command == "DATA" else "250 2.0.0 late")
    first: Script = {command: late, "RCPT": ["550 no", "250 ok"]} if command == "RSET" else {
        command: late
    }  # fmt: skip
    options = {"send_seconds": HASTE, "timeout_seconds": HASTE} if how == "timeout" else {}
    async with facing(first, {".": "550 5.6.0 the next"}, **options) as (server, opened):
        if command == "RSET":
            await refusal(opened)
        sending = asyncio.create_task(send(opened))
        await asyncio.wait_for(server.holds.wait(), 5)
        if how == "cancelled":
            sending.cancel()
        (ended,) = await asyncio.gather(sending, return_exceptions=True)
        told = (ended.stage, ended.code) if isinstance(ended, SendError) else type(ended)
        wanted = {"cancelled": asyncio.CancelledError, "timeout": (stage, 0)}[how]
        assert told == wanted or command == "RSET"
        server.let_go.set()
        await asyncio.wait_for(server.connections[0].closed.wait(), 5)  # at once, by us
        following = await refusal(opened, NEXT)
        assert (following.code, following.reply) == (550, "the next")
    assert NEXT not in server.connections[0].texts
    assert "QUIT" not in server.connections[0].verbs
    assert server.connections[1].texts[-1:] == [NEXT]


@twice
async def test_one_patience_covers_all_commands_up_to_the_dot() -> None:
    script: Script = {"pace": "bytewise", "MAIL": Late("250 ok"), "RCPT": HANG}
    async with facing(script, send_seconds=0.4) as (server, opened):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        sending = asyncio.create_task(refusal(opened))
        await asyncio.wait_for(server.holds.wait(), 5)
        loop.call_at(begun + 0.2, server.let_go.set)
        error = await sending
        spent = loop.time() - begun
    assert (error.stage, error.in_doubt) == ("rcpt", False)
    assert 0.35 < spent < 0.55


@twice
async def test_the_answer_to_the_dot_has_a_patience_of_its_own() -> None:
    script: Script = {".": Late("250 2.0.0 kept")}
    async with facing(script, send_seconds=0.3) as (server, opened):
        asyncio.get_running_loop().call_later(0.5, server.let_go.set)
        assert await send(opened) == "250 2.0.0 kept"


@twice
async def test_a_slow_reader_is_waited_for_and_gets_it_whole() -> None:
    async with facing({"text": Late()}) as (server, opened):
        sending = asyncio.create_task(send(opened, LONG))
        await asyncio.wait_for(server.holds.wait(), 5)
        done, _ = await asyncio.wait([sending], timeout=0.2)
        assert not done
        server.let_go.set()
        await sending
    assert server.connections[0].texts == [LONG + b"\r\n"]


@twice
async def test_the_rest_of_a_text_that_was_given_up_is_not_sent() -> None:
    async with facing({"text": Late()}, send_seconds=HASTE) as (server, opened):
        await refusal(opened, LONG)
        server.let_go.set()
        await asyncio.wait_for(server.connections[0].closed.wait(), 5)
        assert 0 < len(server.connections[0].raw) < len(LONG)


@pytest.mark.parametrize("kilobytes", range(100, 900, 50))
async def test_a_text_is_on_its_way_to_its_last_byte_before_the_dot_is_written(
    kilobytes: int,
) -> None:
    envelope, text = Envelope("n@a.example", "a@b.example"), b"x" * kilobytes * 1000
    async with scripted({"text": HANG}) as server:
        client = Pipelined(hostname="127.0.0.1", port=server.port, start_tls=False)
        await client.open()
        assert isinstance(client.transport, asyncio.WriteTransport)
        pipe = client.transport.get_extra_info("socket")
        pipe.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        with suppress(TimeoutError):  # what the sockets hold of it lies between both sizes
            await asyncio.wait_for(client.hand_over(envelope, text), 0.05)
            assert client.transport.get_write_buffer_size() == 0
        client.close()
