"""Connections: how long one is used, what ends it, and what is said over it."""

from __future__ import annotations

import asyncio
import time

import pytest
from pipelining import delayed

from notifier.delivery.smtp import SmtpMailer, SmtpSettings
from notifier.errors import MailerDown

from .fakes import DROP, HANG, PIPELINING, PLAIN, Late, Say, Script, ScriptedSmtp, Step
from .sink import listening
from .smtp_lab import MAIL, NEXT, Clock, both_ways, facing, mailer, refusal, send

__all__ = ["both_ways"]
pytestmark = pytest.mark.anyio
twice = pytest.mark.usefixtures("both_ways")
PIPED: Script = {"EHLO": PIPELINING}


def texts(server: ScriptedSmtp) -> list[int]:
    """How many mails came over each connection."""
    return [len(seen.texts) for seen in server.connections]


async def send_all(opened: SmtpMailer, count: int) -> None:
    for _ in range(count):
        await send(opened)


# How long one is used.


async def test_a_connection_is_left_after_so_many_mails() -> None:
    async with facing({}, mails_per_connection=3) as (server, opened):
        await send_all(opened, 7)
    assert texts(server) == [3, 3, 1]
    assert [seen.verbs[-1] for seen in server.connections] == ["QUIT"] * 3


async def test_refused_mails_count_too() -> None:
    script: Script = {"RCPT": ["550 no", "250 ok"]}
    async with facing(script, {}, mails_per_connection=2) as (server, opened):
        await refusal(opened)
        await send_all(opened, 2)
    assert texts(server) == [1, 1]


@pytest.mark.parametrize(
    ("pauses", "connections"),
    [((29.9,) * 9, [10]), ((30.0,), [1, 1]), ((29.9,) * 10, [11]), ((25.0,) * 12, [12, 1])],
    ids=["in use", "idle", "just young enough", "too old"],
)
async def test_a_connection_that_is_old_or_idle_is_left(
    pauses: tuple[float, ...], connections: list[int]
) -> None:
    clock = Clock()
    async with facing({}, clock=clock) as (server, opened):
        await send(opened)
        for pause in pauses:
            clock.now += pause
            await send(opened)
    assert texts(server) == connections


async def test_a_connection_is_not_idle_while_mails_are_refused() -> None:
    clock = Clock()
    async with facing({"RCPT": "550 no"}, clock=clock) as (server, opened):
        for _ in range(3):
            await refusal(opened)
            clock.now += 20
    assert len(server.connections) == 1


async def test_both_limits_can_be_set() -> None:
    clock = Clock()
    async with facing({}, clock=clock, connection_seconds=9, idle_seconds=5) as (server, opened):
        for pause in (4, 4, 4, 5):  # 8 seconds old, 12, and 5 without a mail
            await send(opened)
            clock.now += pause
        await send(opened)
    assert texts(server) == [3, 1, 1]


async def test_a_connection_is_left_before_common_servers_close_it() -> None:
    defaults = SmtpSettings()
    limits = (defaults.mails_per_connection, defaults.connection_seconds, defaults.idle_seconds)
    assert limits == (100, 300, 30)


# What is said between two mails.


@twice
async def test_nothing_is_said_between_two_mails_that_were_taken() -> None:
    async with facing({}) as (server, opened):
        await send_all(opened, 3)
    mail = ["MAIL", "RCPT", "DATA", "."]
    assert server.connections[0].verbs == ["EHLO", *mail * 3, "QUIT"]


@twice
@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
async def test_a_refused_mail_is_forgotten_before_the_next_and_only_then(command: str) -> None:
    polite = {"DATA": "354 ok"}.get(command, "250 ok")
    async with facing({command: ["450 no", polite]}) as (server, opened):
        await refusal(opened)
        await send_all(opened, 2)
    verbs = server.connections[0].verbs
    assert verbs.count("RSET") == 1
    assert verbs[verbs.index("RSET") :] == ["RSET", *["MAIL", "RCPT", "DATA", "."] * 2, "QUIT"]


# What ends it while nobody looks: no mail is to blame, and the next goes over a new one at once.

ENDED: dict[str, Step] = {
    "closed": DROP,
    "silent": HANG,
    "421": "421 4.7.0 too many mails",
    "421, then closed": Say("421 4.7.0 too many mails", then_close=True),
    "half, then closed": Say("25", end="", then_close=True),
    "garbage": Say(b"\xff\xfe"),
    "something else": "354 what?",
}


@twice
@pytest.mark.parametrize("how", ENDED)
async def test_a_connection_that_has_ended_is_no_mails_fault(how: str) -> None:
    script: Script = {"MAIL": ["250 ok", ENDED[how]]}
    async with facing(script, {}, prompt_seconds=0.1) as (server, opened):
        await send(opened)
        assert await send(opened, NEXT) == "250 2.0.0 kept"
    assert [seen.texts for seen in server.connections] == [[MAIL], [NEXT]]


@twice
@pytest.mark.parametrize("how", [*ENDED, "refused"])
async def test_a_refused_mail_that_cannot_be_forgotten_is_no_other_mails_fault(how: str) -> None:
    step: Step = ENDED.get(how, "502 5.5.1 what?")
    script: Script = {"RCPT": ["550 no", "250 ok"], "RSET": step}
    async with facing(script, {}, prompt_seconds=0.1) as (server, opened):
        await refusal(opened)
        assert await send(opened, NEXT) == "250 2.0.0 kept"
    assert [seen.texts for seen in server.connections] == [[], [NEXT]]


@twice
async def test_a_server_that_closes_after_some_mails_gets_the_next_over_a_new_connection() -> None:
    script: Script = {".": ["250 ok", Say("250 2.0.0 kept, and bye", then_close=True)]}
    async with facing(script) as (server, opened):
        await send_all(opened, 5)
    assert texts(server) == [2, 2, 1]


@twice
@pytest.mark.parametrize("words", ["421 4.4.2 idle too long\r\n", "250 2.0.0 kept\r\n", "25"])
async def test_words_between_two_mails_are_nobodys_answer(words: str) -> None:
    async with facing({}) as (server, opened):
        await send(opened)
        await server.say(words)
        assert await send(opened, NEXT) == "250 2.0.0 kept"
    assert [seen.texts for seen in server.connections] == [[MAIL], [NEXT]]
    assert server.connections[0].verbs[-1] == "."


@twice
@pytest.mark.parametrize("more", ["421 4.4.2 bye", "250 2.0.0 kept", "25"])
async def test_words_behind_an_answer_are_nobodys_answer(more: str) -> None:
    async with facing({".": f"250 2.0.0 kept\r\n{more}"}, {}) as (server, opened):
        assert await send(opened) == "250 2.0.0 kept"
        assert (await send(opened, NEXT)) == "250 2.0.0 kept"
    assert [seen.texts for seen in server.connections] == [[MAIL], [NEXT]]


@twice
async def test_a_mail_is_tried_over_one_new_connection_and_no_more() -> None:
    scripts: tuple[Script, ...] = ({"MAIL": ["250 ok", DROP]}, {"MAIL": "421 4.7.0 later"})
    async with facing(*scripts) as (server, opened):
        await send(opened)
        error = await refusal(opened)
    assert (error.stage, error.code, error.in_doubt) == ("mail", 421, False)
    assert len(server.connections) == 2


@twice
async def test_a_server_that_cannot_be_reached_again_is_down() -> None:
    scripts: tuple[Script, ...] = ({"MAIL": ["250 ok", DROP]}, {"greeting": "421 4.3.2 closing"})
    async with facing(*scripts) as (_, opened):
        await send(opened)
        with pytest.raises(MailerDown):
            await send(opened)


@twice
@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
async def test_what_concerns_the_mail_is_not_tried_again_at_once(command: str) -> None:
    step: Step = "450 4.7.1 greylisted" if command == "MAIL" else DROP
    async with facing({command: ["250 ok", step]}) as (server, opened):
        await send(opened)
        error = await refusal(opened)
    assert (error.stage, error.in_doubt) == (command.lower(), False)
    assert len(server.connections) == 1


@twice
async def test_a_fresh_connection_may_take_its_time() -> None:
    async with facing({"MAIL": Late("250 ok")}, prompt_seconds=0.1) as (server, opened):
        asyncio.get_running_loop().call_later(0.3, server.let_go.set)
        await send(opened)
    assert texts(server) == [1]


async def test_a_mute_server_at_the_end_holds_nobody_up() -> None:
    async with (
        asyncio.timeout(2),
        facing({"QUIT": Late("221 bye")}, quit_seconds=0.1) as (_, opened),
    ):
        await send(opened)


async def test_no_connection_is_made_before_the_first_mail() -> None:
    async with facing({}) as (server, _):
        await asyncio.sleep(0.05)
    assert server.connections == []


async def test_quitting_twice_is_harmless() -> None:
    async with facing({}) as (_, opened):
        await send(opened)
        await opened.quit()
        await opened.quit()


# Commands in one write (RFC 2920).


def writes(server: ScriptedSmtp) -> list[list[bytes]]:
    """What came in one read, as the first words of its lines, behind the greeting."""
    reads = [read for read in server.connections[0].reads if not read.startswith(b"EHLO")]
    return [[line[:4] for line in read.splitlines()] for read in reads if read]


async def test_the_commands_of_a_mail_come_in_one_write_where_that_is_offered() -> None:
    async with facing(PIPED) as (server, opened):
        await send(opened)
        assert writes(server)[0] == [b"MAIL", b"RCPT", b"DATA"]


async def test_the_commands_come_one_by_one_where_that_is_not_offered() -> None:
    async with facing({"EHLO": PLAIN}) as (server, opened):
        await send(opened)
        assert writes(server)[:3] == [[b"MAIL"], [b"RCPT"], [b"DATA"]]


async def test_forgetting_a_refused_mail_costs_no_write_of_its_own() -> None:
    async with facing({**PIPED, "RCPT": ["550 no", "250 ok"]}) as (server, opened):
        await refusal(opened)
        await send(opened)
        assert writes(server)[1] == [b"RSET", b"MAIL", b"RCPT", b"DATA"]


@pytest.mark.parametrize("pace", ["together", "bytewise"])
async def test_answers_may_come_in_one_packet_or_byte_by_byte(pace: str) -> None:
    rcpt: list[Step] = ["250 ok", "550-5.1.1 no\r\n550 5.1.1 such user", "250 ok"]
    async with facing({**PIPED, "pace": pace, "RCPT": rcpt}) as (server, opened):
        await send(opened)
        error = await refusal(opened)
        assert (error.stage, error.code, error.reply) == ("rcpt", 550, "no 5.1.1 such user")
        await send(opened, NEXT)
    assert [seen.texts for seen in server.connections] == [[MAIL, NEXT]]


REFUSED_AHEAD: list[tuple[Script, str]] = [
    ({"MAIL": ["450 4.1.8 no", "250 ok"]}, "mail"),
    ({"MAIL": ["450 4.1.8 no", "250 ok"], "DATA": "354 go on"}, "mail"),
    ({"RCPT": ["450 4.1.8 no", "250 ok"]}, "rcpt"),
    ({"RCPT": ["450 4.1.8 no", "250 ok"], "DATA": "354 go on"}, "rcpt"),
]


@pytest.mark.parametrize("pace", ["", "together", "bytewise"])
@pytest.mark.parametrize(("script", "stage"), REFUSED_AHEAD)
async def test_data_that_was_said_behind_a_refusal_sends_nothing(
    script: Script, stage: str, pace: str
) -> None:
    async with facing({**PIPED, **script, "pace": pace}) as (server, opened):
        error = await refusal(opened)
        assert (error.stage, error.code, error.enhanced) == (stage, 450, "4.1.8")
        await send(opened, NEXT)
    (seen,) = server.connections
    assert seen.texts == ([b"", NEXT] if "DATA" in script else [NEXT])  # a lone dot, or nothing


async def test_the_answer_to_a_lone_dot_meets_no_other_mail() -> None:
    script: Script = {
        "RCPT": ["450 no", "250 ok"],
        "DATA": "354 go on",
        ".": ["554 5.5.1 no valid recipients", "250 2.0.0 kept"],
    }
    async with facing({**PIPED, **script}) as (server, opened):
        await refusal(opened)
        assert await send(opened, NEXT) == "250 2.0.0 kept"
    assert [seen.texts for seen in server.connections] == [[b"", NEXT]]


async def test_no_dot_is_sent_where_it_would_send_an_empty_mail() -> None:
    script: Script = {"MAIL": "450 no", "RCPT": "250 ok", "DATA": "354 go on"}
    async with facing({**PIPED, **script}, {}) as (server, opened):
        error = await refusal(opened)
        assert (error.stage, error.code) == ("mail", 450)
        await send(opened, NEXT)
    assert [seen.texts for seen in server.connections] == [[], [NEXT]]
    assert "." not in server.connections[0].verbs


@pytest.mark.parametrize(
    "behind",
    [DROP, HANG, "421 4.3.2 bye", Say(b"\xff\xfe"), Say("50", end="", then_close=True)],
    ids=["closed", "silent", "421", "garbage", "half"],
)
async def test_a_refusal_stays_one_whatever_follows_it(behind: Step) -> None:
    script: Script = {"RCPT": "550 5.1.1 no such user", "DATA": behind}
    async with facing({**PIPED, **script}, {}, prompt_seconds=0.1) as (server, opened):
        error = await refusal(opened)
        assert (error.stage, error.code, error.enhanced) == ("rcpt", 550, "5.1.1")
        await send(opened, NEXT)
    assert [seen.texts for seen in server.connections] == [[], [NEXT]]


@pytest.mark.parametrize("step", [DROP, HANG])
async def test_a_lone_dot_without_an_answer_ends_the_connection(step: Step) -> None:
    script: Script = {"RCPT": "550 5.1.1 no", "DATA": "354 go on", ".": step}
    async with facing({**PIPED, **script}, {}, prompt_seconds=0.1) as (server, opened):
        error = await refusal(opened)
        assert (error.stage, error.code, error.in_doubt) == ("rcpt", 550, False)
        await send(opened, NEXT)
    assert server.connections[1].texts == [NEXT]


@pytest.mark.parametrize("offer", [PLAIN, PIPELINING], ids=["one by one", "pipelined"])
async def test_a_server_200_milliseconds_away_gets_its_mails(offer: str) -> None:
    trips = 2 if offer == PIPELINING else 4
    async with (
        facing({"EHLO": offer, "RCPT": ["250 ok", "250 ok", "550 no"]}) as (server, _),
        delayed(server.port, 0.2) as far,
        mailer(far) as opened,
    ):
        await send(opened)
        begun = time.monotonic()
        await send(opened, NEXT)
        spent = time.monotonic() - begun
        assert (await refusal(opened)).code == 550
    assert [seen.texts for seen in server.connections] == [[MAIL, NEXT]]
    assert trips * 0.2 <= spent < (trips + 1) * 0.2


async def test_an_aiosmtpd_that_offers_nothing_of_it_gets_its_mails() -> None:
    async with listening() as sink, mailer(sink.port) as opened:
        await send(opened)
        await send(opened, NEXT)
    assert [mail.content for mail in sink.received] == [MAIL, NEXT]
