"""One broken paper, profile, template or subscriber is left out and told; the rest goes on.

What is broken is written into the database by hand, or into the operator's folder, and mended so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import tick
from structlog.testing import capture_logs

from notifier.jobs.picking import Desk
from notifier.jobs.planning import TRY_AGAIN
from notifier.storage import store_ahead, store_profiles
from tests.sink import Sink, listening

from .instance import SIX, Instance, address, papers

DAY = timedelta(days=1)
BROKEN = (
    "authors = '['", "authors = 'null'", "authors = '[1, 2]'", """authors = '["\\ud800"]'""",
    """urls = '{"abs": "https://a.example/\\ud800"}'""", "title = x'41'", "journal = x'41'",
    "organization = x'41'",
)  # fmt: skip


@asynccontextmanager
async def place(folder: Path, **settings: Any) -> AsyncIterator[tuple[Instance, Sink]]:
    """Three readers, papers 1 to 3, all due at six."""
    async with listening() as sink:
        instance = Instance(folder, readers=3, port=sink.port, **settings)
        instance.take(1, 2, 3)
        yield instance, sink
        assert instance.broken == []
        instance.app.close()


def write(instance: Instance, statement: str) -> None:
    """Change the database as no program of ours would."""
    with closing(sqlite3.connect(instance.app.database.place)) as conn, conn:
        assert conn.execute(statement).rowcount == 1


def left_out(instance: Instance) -> list[tuple[str, str]]:
    """What status names."""
    status = instance.status
    assert ("left out" in status["cares"]) == bool(status["left_out"])
    return [(one["kind"], one["name"]) for one in status["left_out"]]


@pytest.mark.anyio
@pytest.mark.parametrize("is_matched", [False, True], ids=["before matching", "after it"])
async def test_broken_papers_are_left_out_of_digests_and_told_once(
    tmp_path: Path, is_matched: bool
) -> None:
    rows = range(4, 4 + len(BROKEN))
    async with place(tmp_path) as (instance, sink):
        instance.take(*rows)
        if is_matched:
            instance.app.match()
        for row, values in zip(rows, BROKEN, strict=True):
            write(instance, f"UPDATE paper SET {values} WHERE id = {row}")
        instance.now = SIX
        with capture_logs() as logs:
            done = await instance.app.tick()
        assert (done.composed.made, done.composed.failed) == (3, 0)
        assert [papers(sink, address(number)) for number in range(3)] == [[[1, 2, 3]]] * 3
        named = [("paper", f"arxiv:2611.{row:05d}") for row in rows]
        assert sorted(left_out(instance)) == named
        told = [one for one in logs if one["event"].startswith("left out")]
        assert sorted(one["name"] for one in told) == list(rows)


@pytest.mark.anyio
async def test_a_broken_byte_spoils_a_word_and_no_digest(tmp_path: Path) -> None:
    async with place(tmp_path) as (instance, sink):
        write(instance, "UPDATE paper SET abstract = CAST(x'776f7264ff' AS TEXT) WHERE id = 2")
        write(instance, "UPDATE profile SET rules = CAST(x'6c617474696365ff' AS TEXT) WHERE id = 2")
        instance.now = SIX
        await instance.app.tick()
        assert papers(sink, address(0)) == papers(sink, address(2)) == [[1, 2, 3]]
        assert left_out(instance) == []


@pytest.mark.anyio
async def test_a_mended_paper_comes_with_its_next_version_and_is_told_no_more(
    tmp_path: Path,
) -> None:
    async with place(tmp_path) as (instance, sink):
        write(instance, "UPDATE paper SET authors = '[' WHERE id = 2")
        instance.now = SIX
        await instance.app.tick()
        write(instance, "UPDATE paper SET authors = '[]', change = 100 WHERE id = 2")
        instance.take(4)
        await instance.pass_to(SIX + DAY, DAY / 4)
        assert papers(sink, address(0)) == [[1, 3], [4]]
        instance.now += DAY / 24
        assert left_out(instance) == []


@pytest.mark.anyio
async def test_a_poisoned_profile_stops_nobody_and_goes_on_when_it_is_mended(
    tmp_path: Path,
) -> None:
    async with place(tmp_path) as (instance, sink):
        people = instance.app.subscriptions
        people.add_profile(address(1), "other", "lattice", now=instance.now)
        write(instance, "UPDATE profile SET rules = x'41', change = 100 WHERE id = 2")
        instance.now = SIX
        await instance.app.tick()
        assert [papers(sink, address(number)) for number in range(3)] == [[[1, 2, 3]]] * 3
        assert left_out(instance) == [("profile", "2")]
        people.add_profile(address(1), "topic", "lattice", now=instance.now, replace=True)
        await instance.pass_to(SIX + 2 * DAY, DAY / 2)
        assert left_out(instance) == []


@pytest.mark.anyio
async def test_a_subscriber_whose_digest_cannot_be_made_stops_nobody_and_is_tried_again(
    tmp_path: Path,
) -> None:
    async with place(tmp_path) as (instance, sink):
        write(instance, "UPDATE subscriber SET hour = 99 WHERE id = 2")
        instance.now = SIX
        assert (await instance.app.tick()).composed.failed == 1
        assert [papers(sink, address(number)) for number in range(3)] == [
            [[1, 2, 3]],
            [],
            [[1, 2, 3]],
        ]
        assert left_out(instance) == [("subscriber", "2")]
        write(instance, "UPDATE subscriber SET hour = 6 WHERE id = 2")
        instance.now += TRY_AGAIN
        await instance.app.tick()
        assert papers(sink, address(1)) == [[1, 2, 3]]


@pytest.mark.anyio
@pytest.mark.parametrize("is_set_back", [False, True], ids=["", "after a clock was set back"])
@pytest.mark.parametrize("values", ["days = '['", "days = 'null'", "created_at = 'x'"])
async def test_a_subscriber_who_cannot_be_read_stops_nobody_and_is_tried_again(
    tmp_path: Path, values: str, is_set_back: bool
) -> None:
    async with place(tmp_path) as (instance, sink):
        with closing(sqlite3.connect(instance.app.database.place)) as conn:
            before = conn.execute("SELECT days, created_at FROM subscriber WHERE id = 1").fetchone()
        write(instance, f"UPDATE subscriber SET {values} WHERE id = 1")
        if is_set_back:
            with instance.app.database.writing() as conn:
                store_ahead.note_clock(conn, SIX + 90 * DAY)
            write(instance, "UPDATE subscriber SET next_due_at = '2027-03-01 06:00' WHERE id = 1")
        instance.now = SIX
        for failed in (1, 0):
            with capture_logs() as logs:
                assert instance.app.compose().failed == failed
            told = [one["subscriber"] for one in logs if one["log_level"] == "error"]
            assert told == [1] * failed
        await instance.app.deliver()
        assert [papers(sink, address(number)) for number in range(3)] == [[]] + [[[1, 2, 3]]] * 2
        assert left_out(instance) == [("subscriber", "1")]
        with closing(sqlite3.connect(instance.app.database.place)) as conn, conn:
            conn.execute("UPDATE subscriber SET days = ?, created_at = ? WHERE id = 1", before)
        instance.now += TRY_AGAIN
        await instance.app.tick()
        assert papers(sink, address(0)) == [[1, 2, 3]]


@pytest.mark.anyio
async def test_what_cannot_be_read_about_one_subscriber_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Desk.__init__

    def broken(self: Desk, conn: Any, subscribers: Any, *others: Any, **named: Any) -> None:
        if any(one.row == 2 for one in subscribers):
            raise ValueError("broken")
        plain(self, conn, subscribers, *others, **named)

    async with place(tmp_path) as (instance, sink):
        monkeypatch.setattr(Desk, "__init__", broken)
        instance.now = SIX
        assert (await instance.app.tick()).composed.failed == 1
        assert [papers(sink, address(n)) for n in range(3)] == [[[1, 2, 3]], [], [[1, 2, 3]]]
        assert left_out(instance) == [("subscriber", "2")]


@pytest.mark.anyio
async def test_a_template_that_raises_is_told_and_the_built_in_one_used_until_it_is_mended(
    tmp_path: Path,
) -> None:
    own = tmp_path / "own" / "mail" / "card.txt.j2"
    own.parent.mkdir(parents=True)
    own.write_text("{{ 1 // 0 }}")
    async with place(tmp_path, site={"templates_dir": own.parent.parent}) as (instance, sink):
        instance.now = SIX
        await instance.app.tick()
        assert [papers(sink, address(number)) for number in range(3)] == [[[1, 2, 3]]] * 3
        assert left_out(instance) == [("template", "mail/card.txt.j2")]
        own.write_text("mine: {{ card.plain_title }}")
        instance.take(4)
        await instance.pass_to(SIX + DAY + DAY / 24, DAY)
        assert b"mine: A lattice, part 004" in sink.received[-1].content
        instance.now += DAY / 24
        assert left_out(instance) == []


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["deleted", "off"])
async def test_a_poisoned_profile_that_is_gone_is_told_no_more_and_meanwhile_takes_no_lock(
    tmp_path: Path, how: str
) -> None:
    async with place(tmp_path) as (instance, _):
        instance.app.subscriptions.add_profile(address(1), "other", "lattice", now=instance.now)
        write(instance, "UPDATE profile SET rules = x'41', change = 100 WHERE id = 2")
        instance.app.match()
        assert left_out(instance) == [("profile", "2")]
        for _ in range(2):  # the second finds nothing new
            with tick.listening(instance.app.database.engine) as heard:
                instance.app.match()
        assert {said for said, _ in heard.statements if said.startswith("BEGIN")} == {"BEGIN"}
        instance.now += DAY
        instance.app.match()
        instance.now += DAY - DAY / 24
        assert left_out(instance) == [("profile", "2")], "it is not mended"
        with instance.app.database.writing() as conn:
            if how == "deleted":
                assert store_profiles.remove(conn, 2, "topic")
            else:
                store_profiles.set_enabled(conn, 2, "topic", False)
        for _ in range(3):
            instance.app.match()
            instance.now += DAY
        assert left_out(instance) == []
