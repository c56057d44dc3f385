"""A database that cannot be written for a while: it is waited for, said once, and nothing is lost.

A mail that was taken while nothing could be written down is not sent again by the process that
knows of it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from structlog.testing import capture_logs

from notifier import errors
from notifier.storage import database
from notifier.web.serving import bound, serving
from notifier.web.site import make_site
from tests.api import bearer
from tests.pages import path
from tests.sink import Sink, listening

from .instance import SIX, Instance, address, until
from .storms import Disk, Lock, a_disk

READERS = 8


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock is waited for half a second, not fifteen."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0.5)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with a_disk(tmp_path / "disk") as made:
        yield made


@dataclass
class Struck(Sink):
    """Takes mails; before the third is answered something happens, and no other is meanwhile."""

    strike: Callable[[], None] = lambda: None
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def handle_DATA(self, *arguments: object) -> str:
        answer = await super().handle_DATA(*arguments)  # type: ignore[arg-type]
        async with self.turn:
            if len(self.received) >= 3 and not self.struck.is_set():
                await asyncio.to_thread(self.strike)
                self.struck.set()
        return answer


@asynccontextmanager
async def pages(instance: Instance) -> AsyncIterator[httpx.AsyncClient]:
    place = bound("127.0.0.1:0")
    base = f"http://127.0.0.1:{place.getsockname()[1]}"
    async with (
        serving(make_site(instance.app), place),
        httpx.AsyncClient(base_url=base, headers={"Origin": base}) as made,
    ):
        yield made


async def answers(instance: Instance, key: str) -> dict[str, int]:
    """How pages are answered: one that only shows, a form, and the API."""
    link = path(instance.app.links.pause(1))
    async with pages(instance) as http:
        form = await http.post(link, data={"for": "2"})
        api = await http.post(
            "/api/v1/subscribers", json={"address": "bo@example.org"}, headers=bearer(key)
        )
        shown = await http.get(link)
    if form.status_code == 503:
        assert "Nothing has been changed; reload this page in a minute" in form.text
        assert api.json()["type"] == "urn:notifier:problem:busy"
        assert "/" not in api.json()["detail"], "where the file is concerns nobody outside"
    return {"shown": shown.status_code, "form": form.status_code, "api": api.status_code}


def sent_once(sink: Sink, readers: int = READERS) -> bool:
    """Whether everybody got their digest, and once."""
    came = Counter(one.recipient for one in sink.received)
    return came == {address(number): 1 for number in range(readers)}


async def survives(instance: Instance, sink: Sink, key: str, said: str) -> None:
    """While a database cannot be written nothing is lost, nobody is blamed, and all is told."""
    for _ in range(2):
        with pytest.raises(errors.NOT_NOW, match=said):
            await instance.app.tick()
    assert await answers(instance, key) == {"shown": 200, "form": 503, "api": 503}
    assert sink.received == []


async def goes_on(instance: Instance, sink: Sink, key: str) -> None:
    """When it is over all goes on by itself."""
    assert not (await instance.app.tick()).needs_care
    assert sent_once(sink)
    assert await answers(instance, key) == {"shown": 200, "form": 200, "api": 201}
    assert instance.broken == []


@asynccontextmanager
async def due(folder: Path, sink: Sink) -> AsyncIterator[Instance]:
    """An instance where digests are due now."""
    async with listening(sink):
        made = Instance(folder, readers=READERS, port=sink.port)
        made.now = SIX
        made.take(1, 2)
        yield made
        made.app.close()


def a_key(instance: Instance) -> str:
    return instance.app.served.api_keys.add("test", ("admin",), now=instance.now, expires_at=None)[
        1
    ]


@pytest.mark.anyio
async def test_while_another_process_writes_pages_say_so_and_afterwards_all_is_sent_once(
    tmp_path: Path,
) -> None:
    sink = Sink()
    async with due(tmp_path, sink) as instance:
        key, lock = a_key(instance), Lock(tmp_path / "test.db")
        lock.take()
        await survives(instance, sink, key, "another process has been writing")
        lock.free()
        await goes_on(instance, sink, key)


def test_who_fills_a_small_disk_leaves_no_byte_on_the_one_below_it(tmp_path: Path) -> None:
    with a_disk(tmp_path / "small") as small:
        small.fill(small.folder / "test.db")
    assert list((tmp_path / "small").iterdir()) == []
    assert not small._taking.is_alive()


@pytest.mark.anyio
async def test_on_a_full_disk_pages_say_so_and_with_room_all_is_sent_once(disk: Disk) -> None:
    sink = Sink()
    async with due(disk.folder, sink) as instance:
        key = a_key(instance)
        disk.fill(disk.folder / "test.db")
        await survives(instance, sink, key, "disk is full - make room on the disk")
        disk.empty()
        await goes_on(instance, sink, key)


@pytest.mark.anyio
async def test_on_a_disk_that_may_not_be_written_nothing_is_lost(disk: Disk) -> None:
    sink = Sink()
    async with due(disk.folder, sink) as instance:
        key = a_key(instance)
        instance.app.database.engine.dispose()  # as after a start on such a disk
        with disk.read_only(), pytest.raises(errors.Unavailable, match=r"database .* - "):
            await instance.app.tick()
        await goes_on(instance, sink, key)


def strikes(tmp_path: Path, disk: Disk | None) -> tuple[Callable[[], None], Callable[[], None]]:
    """What begins and ends it: a lock, or on a disk of its own the lack of room."""
    if disk:
        return (lambda: disk.fill(disk.folder / "test.db")), disk.empty
    lock = Lock(tmp_path / "test.db")
    return lock.take, lock.free


@pytest.mark.anyio
@pytest.mark.parametrize("what", ["lock", "full disk"])
async def test_a_mail_taken_while_nothing_can_be_written_down_is_not_sent_again(
    tmp_path: Path, what: str, request: pytest.FixtureRequest
) -> None:
    disk = request.getfixturevalue("disk") if what == "full disk" else None
    begin, end = strikes(tmp_path, disk)
    sink = Struck(strike=begin)
    async with due(disk.folder if disk else tmp_path, sink) as instance:
        with capture_logs() as logs:
            sending = asyncio.ensure_future(instance.app.tick())
            await sink.struck.wait()
            await until(lambda: said(logs, "an answer cannot be written down yet") > 0)
            before = len(sink.received)
            assert before <= 4, "whoever cannot write down what became of a mail takes no other"
            end()
            with suppress(*errors.NOT_NOW):  # another connection could not claim meanwhile
                await sending
        assert said(logs, "the answer is written down") > 0
        await instance.app.tick()
        assert sent_once(sink)
        assert instance.broken == []
        assert instance.status["deliveries"] == {"sent": READERS}


def said(logs: list[MutableMapping[str, Any]], event: str) -> int:
    """How often something was logged."""
    return sum(one["event"] == event for one in logs)


@pytest.mark.anyio
async def test_who_is_asked_to_stop_while_nothing_can_be_written_down_leaves_the_mail_in_doubt(
    tmp_path: Path,
) -> None:
    lock = Lock(tmp_path / "test.db")
    sink = Struck(strike=lock.take)
    async with due(tmp_path, sink) as instance:
        stop = asyncio.Event()
        sending = asyncio.ensure_future(instance.app.tick(stop=stop))
        await sink.struck.wait()
        stop.set()
        with pytest.raises(errors.Busy):
            await sending
        lock.free()
        taken = len(sink.received)
        instance.now += timedelta(minutes=20)  # the claim has run out: it is taken for lost
        await instance.app.tick()
        came = Counter(one.recipient for one in sink.received)
        assert came.keys() == {address(number) for number in range(READERS)}
        doubled = [one for one, count in came.items() if count > 1]
        assert 0 < len(doubled) <= 2, "one mail a connection"
        assert taken < READERS
        for one in doubled:
            assert len({mail.content for mail in sink.received if mail.recipient == one}) == 1
