"""The outbox: every attempt is kept, and a mail in doubt is sent again or waits for a word."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from notifier.storage import schema, store_deliveries, store_digests, store_outbox
from notifier.storage import tables as t
from notifier.storage.database import Database

from .commands import Notifier, notifier
from .databases import database_url
from .fakes import DROP, PLAIN, Say, scripted
from .sink import listening
from .test_jobs import MONDAY, RAG, Instance
from .test_promises import dump

__all__ = ["notifier"]

pytestmark = [pytest.mark.anyio, pytest.mark.both]
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
HOLD = {"delivery": {"in_doubt": "hold"}}


def ready(lab: Instance) -> str:
    """Make Ada's digest and return its key."""
    lab.reader("ada")
    lab.take(RAG)
    lab.now = MONDAY + 3 * HOUR
    lab.app.compose()
    return lab.digests()[0].key


def tried(lab: Instance) -> list[tuple[int, str, str | None, int | None]]:
    """Number, outcome, stage and code of each attempt."""
    with lab.app.database.reading() as conn:
        found = store_outbox.attempts(conn, lab.digests()[0].key)
    return [(one.number, one.outcome, one.stage, one.code) for one in found]


def state(lab: Instance) -> str:
    return lab.digests()[0].state


async def test_every_attempt_is_kept_with_its_stage_code_and_words(tmp_path: Path) -> None:
    greylisted = {"RCPT": Say("450 4.7.1 come back later")}
    async with scripted(greylisted, {}) as server:
        lab = Instance(tmp_path, server.port)
        key = ready(lab)
        await lab.app.deliver()
        lab.now += 10 * MINUTE
        await lab.app.deliver()
    assert tried(lab) == [(1, "pending", "rcpt", 450), (2, "sent", "dot", 250)]
    with lab.app.database.reading() as conn:
        first, _ = store_outbox.attempts(conn, key)
    assert (first.enhanced, first.reply, first.at) == (
        "4.7.1",
        "come back later",
        MONDAY + 3 * HOUR,
    )
    lab.app.close()


async def test_a_server_that_is_down_is_kept_and_counts_as_no_attempt(tmp_path: Path) -> None:
    lab = Instance(tmp_path, 9)
    ready(lab)
    await lab.app.deliver()
    await lab.app.deliver()
    assert tried(lab) == [(1, "released", "connect", None)] * 2
    assert lab.digests()[0].attempts == 0
    lab.app.close()


async def test_a_mail_without_an_answer_is_sent_again_unless_it_is_to_be_held(
    tmp_path: Path,
) -> None:
    for name, settings, states in (
        ("resend", {}, ("pending", "sent")), ("hold", HOLD, ("held", "held")),
    ):  # fmt: skip
        (tmp_path / name).mkdir()
        async with scripted({".": DROP}, {}) as server:
            lab = Instance(tmp_path / name, server.port, **settings)
            ready(lab)
            await lab.app.deliver()
            before = state(lab)
            lab.now += HOUR
            await lab.app.deliver()
        assert (before, state(lab)) == states
        lab.app.close()


@pytest.fixture
def holding(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path, **HOLD)
    yield made
    made.app.close()


def claim(lab: Instance, owner: str = "dead") -> None:
    with lab.app.database.writing() as conn:
        until = lab.now + 15 * MINUTE
        assert store_deliveries.claim(
            conn, owner=owner, now=lab.now, lease_until=until, limit=9, takes_over=False
        )


async def test_what_a_dead_process_had_on_the_wire_is_held_and_not_taken_over(
    holding: Instance,
) -> None:
    ready(holding)
    claim(holding)
    holding.now += 20 * MINUTE
    done = await holding.app.deliver()
    assert (done.held, done.sent) == (1, 0)
    assert state(holding) == "held"
    assert tried(holding) == [(1, "held", "dot", None)]
    assert (await holding.app.deliver()).held == 0


async def test_a_mail_on_the_wire_of_a_living_process_is_not_held(holding: Instance) -> None:
    ready(holding)
    claim(holding)
    holding.now += 10 * MINUTE
    assert (await holding.app.deliver()).held == 0
    assert state(holding) == "claimed"


async def test_a_held_mail_stays_held_when_it_would_have_expired(holding: Instance) -> None:
    ready(holding)
    claim(holding)
    holding.now += 30 * HOUR
    await holding.app.deliver()
    assert state(holding) == "held"


async def test_making_digests_gives_back_no_paper_of_a_mail_in_doubt(holding: Instance) -> None:
    key = ready(holding)
    claim(holding)
    holding.now += 30 * HOUR
    holding.app.compose()
    await holding.app.deliver()
    assert [one.state for one in holding.digests() if one.key == key] == ["held"]
    assert holding.papers(key) == ["arxiv:2611.00001"]


async def test_somebody_who_left_gets_no_held_mail_either(tmp_path: Path) -> None:
    async with listening() as sink:
        lab = Instance(tmp_path, sink.port, **HOLD)
        key = ready(lab)
        claim(lab)
        lab.now += 20 * MINUTE
        await lab.app.deliver()
        lab.app.subscriptions.leave(1, now=lab.now)
        with lab.app.database.writing() as conn:
            assert store_outbox.retry(conn, key, now=lab.now, expires_at=lab.now + HOUR)
        await lab.app.deliver()
    assert sink.received == []
    assert state(lab) == "dropped"
    lab.app.close()


async def test_a_retried_mail_is_the_same_bytes(tmp_path: Path) -> None:
    async with listening() as sink:
        lab = Instance(tmp_path, sink.port, **HOLD)
        key = ready(lab)
        claim(lab)
        lab.now += 30 * HOUR
        await lab.app.deliver()
        with lab.app.database.writing() as conn:
            assert store_outbox.retry(conn, key, now=lab.now, expires_at=lab.now + HOUR)
            assert not store_outbox.retry(conn, "0" * 32, now=lab.now, expires_at=lab.now)
        await lab.app.deliver()
        with lab.app.database.writing() as conn:
            assert not store_outbox.retry(conn, key, now=lab.now, expires_at=lab.now)
            assert not store_outbox.drop(conn, key, now=lab.now)
    with lab.app.database.reading() as conn:
        assert [mail.content for mail in sink.received] == [store_digests.content(conn, key)]
    assert [outcome for _, outcome, *_ in tried(lab)] == ["held", "retried", "sent"]
    lab.app.close()


# The commands.


@pytest.fixture
def waiting(notifier: Notifier) -> Notifier:
    """An instance with one mail that waits, and one attempt behind it."""
    lab = Instance(notifier.folder)
    ready(lab)
    with lab.app.database.writing() as conn:
        (claimed,) = store_deliveries.claim(
            conn, owner="w", now=lab.now, lease_until=lab.now + HOUR, limit=1
        )
        outcome = store_deliveries.Outcome(
            "pending", "rcpt", 450, "4.7.1", "later", lab.now + 5 * MINUTE
        )
        store_deliveries.finish(conn, claimed.row, outcome, owner="w", now=lab.now)
    lab.app.close()
    notifier.on("test")
    return notifier


def test_list_and_show_tell_what_waits_and_what_was_tried(waiting: Notifier) -> None:
    (row,) = waiting("outbox", "list", "--format", "jsonl").rows
    assert (row["address"], row["state"], row["code"]) == ("ada@example.org", "pending", 450)
    shown = waiting("outbox", "show", row["key"], "--format", "json").json
    assert [one["reply"] for one in shown["tried"]] == ["later"]
    assert "450" in waiting("outbox", "show", row["key"]).out
    empty = waiting("outbox", "list", "--state", "held", "--format", "json")
    assert (empty.json, "no mail is held" in empty.err) == ([], True)


def test_retry_and_drop_say_what_would_be_and_then_do_it_once(waiting: Notifier) -> None:
    key = waiting("outbox", "list", "--format", "jsonl").rows[0]["key"]
    database = Database(database_url(waiting.folder))
    before = dump(database)
    assert "would be: is sent" in waiting("outbox", "retry", key, "--dry-run").err
    assert "would be: is given up" in waiting("outbox", "drop", key, "--dry-run").err
    assert dump(database) == before
    at = ("--now", "2026-11-16T09:00Z")
    assert "is sent with the next tick" in waiting(*at, "outbox", "retry", key).err
    (row,) = waiting("outbox", "list", "--format", "jsonl").rows
    assert row["not_before"] == "2026-11-16T09:00:00Z"
    assert "is given up" in waiting(*at, "outbox", "drop", key).err
    assert "is dropped: nothing to do" in waiting(*at, "outbox", "drop", key).err
    outcomes = [
        one["outcome"] for one in waiting("outbox", "show", key, "--format", "json").json["tried"]
    ]
    assert outcomes == ["pending", "retried", "dropped"]
    database.close()


def test_a_refused_mail_that_was_deleted_is_not_sent_again(waiting: Notifier) -> None:
    key = waiting("outbox", "list", "--format", "jsonl").rows[0]["key"]
    database = Database(database_url(waiting.folder))
    with database.writing() as conn:
        conn.execute(update(t.delivery).values(state="failed"))
        conn.execute(delete(t.message))
    before = dump(database)
    said = "its mail was deleted after 90 days, it cannot be sent again"
    assert said in waiting("outbox", "retry", key, "--dry-run").err
    assert said in waiting("outbox", "retry", key).err
    assert dump(database) == before
    database.close()


def test_a_mail_that_is_not_there_is_told_in_one_line(waiting: Notifier) -> None:
    for command in ("show", "retry", "drop"):
        assert waiting("outbox", command, "ffffffff").code == 4
    assert waiting("outbox", "show", "").code == 4


def test_the_seventh_step_keeps_deliveries_and_has_no_attempts_yet(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0006")
    assert schema.upgrade(made, "0007") == ["0007"]
    with made.reading() as conn:
        assert store_outbox.attempts(conn, "x") == []
    made.close()


@pytest.mark.parametrize(
    ("greeting", "came_to"),
    [
        ("250-fake\r\n250-8BITMIME\r\n250 SMTPUTF8", [("sent", "dot", 250)]),
        (PLAIN, [("failed", "rcpt", 553)]),
    ],
)
async def test_an_address_in_another_script_is_mailed_or_has_its_reason(
    tmp_path: Path, greeting: str, came_to: list[tuple[str, str, int]]
) -> None:
    async with scripted({"EHLO": greeting}) as server:
        lab = Instance(tmp_path, server.port)
        assert lab.reader("jürgen") == "jürgen@example.org"
        lab.take(RAG)
        lab.now = MONDAY + 3 * HOUR
        lab.app.compose()
        await lab.app.deliver()
    assert [one[1:] for one in tried(lab)] == came_to
    lab.app.close()


async def test_a_mail_that_was_taken_is_recorded_although_no_other_can_be_claimed(
    tmp_path: Path,
) -> None:
    async with scripted({}) as server:
        lab = Instance(tmp_path, server.port)
        lab.reader("bo")
        ready(lab)
        asked = [0]

        def clock() -> datetime:
            asked[0] += server.has_text.is_set()
            if asked[0] == 2:  # after the record's own: of the next claim
                raise OSError("no clock")
            return lab.now

        lab.app.clock = clock
        with pytest.raises(OSError, match="no clock"):
            await lab.app.deliver()
        assert sorted(one.state for one in lab.digests()) == ["pending", "sent"]
        lab.app.clock = lambda: lab.now
        await lab.app.deliver()
    assert [len(seen.texts) for seen in server.connections] == [1, 1]
    lab.app.close()
