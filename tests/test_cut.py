"""A process that must end takes back what the mail server does not have, and waits for the rest."""

from __future__ import annotations

import asyncio
import zlib
from pathlib import Path

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from notifier.delivery.breaker import Breaker
from notifier.delivery.cut import Cut
from notifier.delivery.smtp import SmtpSettings, SmtpTransport
from notifier.jobs.deliver import deliver
from notifier.jobs.delivering import memory
from notifier.jobs.delivering.values import Delivered, DeliverSettings
from notifier.storage import database as module
from notifier.storage import tables as t
from notifier.storage.database import Database

from .builders import NOON
from .fakes import HANG, Hang, Late, ScriptedSmtp, Step, scripted
from .faults.instance import until
from .pages import Place
from .sending import LEASE, mail, post
from .test_letters import states, write

pytestmark = pytest.mark.anyio


async def sent(
    database: Database, port: int, *, stop: asyncio.Event | None = None, cut: Cut | None = None
) -> Delivered:
    """Send what waits, by the program's own patience."""
    return await asyncio.wait_for(
        deliver(
            database, SmtpTransport(SmtpSettings(port=port)),
            DeliverSettings(sender="p@example.org", owner="me", lease=LEASE),
            clock=lambda: NOON, stop=stop, cut=cut,
        ),
        20,
    )  # fmt: skip


def deliveries(database: Database) -> list[tuple[object, ...]]:
    with database.reading() as conn:
        query = "SELECT state, attempts, lease_owner FROM delivery ORDER BY id"
        return [tuple(row) for row in conn.exec_driver_sql(query)]


async def asked_to_end(server: ScriptedSmtp, stop: asyncio.Event, cut: Cut) -> None:
    """Ask for the end when the server has fallen silent."""
    await asyncio.wait_for(server.holds.wait(), 10)
    stop.set()
    cut.ask()


@pytest.mark.parametrize(
    ("silent_at", "step"),
    [("greeting", HANG), ("EHLO", HANG), ("MAIL", HANG), ("RCPT", HANG), ("DATA", HANG),
     ("text", Hang(after_bytes=1))],
)  # fmt: skip
async def test_a_mail_that_the_server_has_not_whole_is_given_back_and_sent_once_later(
    database: Database, silent_at: str, step: Step
) -> None:
    post(database, ["ada@example.org", "bo@example.org"])
    if silent_at == "text":  # more of it than the buffers on the way take
        with database.writing() as conn:
            long = zlib.compress(mail(1) * 300)
            conn.execute(update(t.message).values(content=long))
    stop, cut = asyncio.Event(), Cut()
    async with scripted({silent_at: step}, {}) as server:
        done, _ = await asyncio.gather(
            sent(database, server.port, stop=stop, cut=cut), asked_to_end(server, stop, cut)
        )
        assert done.sent == 0
        assert deliveries(database) == [("pending", 0, None)] * 2
        assert (await sent(database, server.port)).sent == 2
        texts = [text for one in server.connections for text in one.texts]
    assert len(texts) == 2


async def test_a_mail_is_given_back_also_on_a_connection_that_took_one_before(
    database: Database,
) -> None:
    post(database, ["ada@example.org", "bo@example.org"])
    stop, cut = asyncio.Event(), Cut()
    async with scripted({"MAIL": ["250 2.1.0 ok", HANG]}) as server:
        await asyncio.gather(
            sent(database, server.port, stop=stop, cut=cut), asked_to_end(server, stop, cut)
        )
    assert deliveries(database) == [("sent", 1, None), ("pending", 0, None)]


async def test_a_mail_behind_its_final_dot_is_waited_for_and_recorded(database: Database) -> None:
    post(database, ["ada@example.org", "bo@example.org"])
    stop, cut = asyncio.Event(), Cut()
    async with scripted({".": Late("250 2.0.0 kept")}) as server:
        sending = asyncio.ensure_future(sent(database, server.port, stop=stop, cut=cut))
        await asked_to_end(server, stop, cut)
        assert not (await asyncio.wait({sending}, timeout=0.3))[0]
        server.let_go.set()
        assert (await sending).sent == 1
    assert deliveries(database) == [("sent", 1, None), ("pending", 0, None)]


async def test_a_trial_that_is_cut_off_lets_the_next_run_try(database: Database) -> None:
    post(database, ["ada@example.org"])
    with database.writing() as conn:
        memory.keep_breaker(conn, Breaker("connection", "no answer", NOON, NOON))
    stop, cut = asyncio.Event(), Cut()
    async with scripted({"greeting": HANG}, {}) as server:
        await asyncio.gather(
            sent(database, server.port, stop=stop, cut=cut), asked_to_end(server, stop, cut)
        )
        assert (await sent(database, server.port)).sent == 1


async def test_a_mail_is_given_back_also_while_another_writes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(database, ["ada@example.org"])
    stop, cut = asyncio.Event(), Cut()
    async with scripted({"MAIL": HANG}) as server:
        sending = asyncio.ensure_future(sent(database, server.port, stop=stop, cut=cut))
        await asyncio.wait_for(server.holds.wait(), 10)
        monkeypatch.setattr(module, "BUSY_TIMEOUT_SECONDS", 0.05)
        with capture_logs() as logs, database.writing():
            await asked_to_end(server, stop, cut)
            await until(lambda: bool(logs) or sending.done())
        await sending
    assert deliveries(database) == [("pending", 0, None)]


async def test_a_letter_that_the_server_has_not_whole_is_given_back(tmp_path: Path) -> None:
    stop, cut = asyncio.Event(), Cut()
    async with scripted({"MAIL": HANG}, {}) as server:
        place = Place(tmp_path, smtp_port=server.port)
        write(place)
        done, _ = await asyncio.gather(
            place.app.send_letters(stop=stop, cut=cut), asked_to_end(server, stop, cut)
        )
        assert (done.sent, states(place)) == (0, ["waiting"])
        assert (await place.app.send_letters()).sent == 1
        place.app.close()


async def test_who_cancels_the_sending_itself_is_not_taken_for_a_cut(database: Database) -> None:
    post(database, ["ada@example.org"])
    async with scripted({"MAIL": HANG}) as server:
        sending = asyncio.ensure_future(sent(database, server.port))
        await asyncio.wait_for(server.holds.wait(), 10)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert [state for state, *_ in deliveries(database)] == ["claimed"]
