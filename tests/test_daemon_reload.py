"""SIGHUP: the configuration is read again, all of it or nothing; systemd is told how we are."""

from __future__ import annotations

import asyncio
import signal
import socket
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from threading import current_thread, main_thread

import apscheduler.schedulers.base
import apscheduler.triggers.interval
import pytest
from starlette.types import ASGIApp

from notifier.app import App
from notifier.config import Settings
from notifier.daemon import reloading, systemd
from notifier.daemon.reloading import Current, Reload, with_fixed
from notifier.daemon.ticking import Ticker, tell_watchdog
from notifier.errors import ConfigError
from notifier.intake import system_clock
from notifier.vitals import Vitals
from notifier.web.site import make_site

from .builders import NOON
from .databases import database_url
from .test_daemon import code_after_sigterm, process, says
from .test_daemon_roles import free_port


def written(folder: Path, **site: str) -> Path:
    """A configuration of an instance that mails nobody."""
    path = folder / "notifier.toml"
    lines = "\n".join(f'{key} = "{value}"' for key, value in site.items())
    path.write_text(f"[site]\n{lines}\n[mail]\ntransport = 'sink'\n[daemon]\ntick_seconds = 1\n")
    return path


async def page(port: int, path: str = "/") -> str:
    def read() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(read)


class Systemd:
    """The socket that systemd listens on, and what was said there."""

    def __init__(self, place: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + place[1:] if place.startswith("@") else place)
        self._socket.setblocking(False)
        self.said: list[str] = []

    async def hears(self, line: str) -> list[str]:
        """Return what is said with this line, and wait for it."""
        async with asyncio.timeout(30):
            while True:
                heard = await asyncio.get_running_loop().sock_recv(self._socket, 4096)
                lines = heard.decode().split("\n")
                self.said += lines
                if line in lines:
                    return lines

    def close(self) -> None:
        self._socket.close()


@asynccontextmanager
async def listened(place: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Systemd]:
    made = Systemd(place)
    monkeypatch.setenv("NOTIFY_SOCKET", place)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.anyio
async def test_sighup_puts_what_is_written_now_in_force_or_says_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    listen = f"127.0.0.1:{port}"
    config = written(tmp_path, listen=listen, name="The first name")
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    async with (
        listened(f"{tmp_path}/notify", monkeypatch) as heard,
        process("run", "--config", config) as daemon,
    ):
        await heard.hears("READY=1")
        assert "The first name" in await page(port)
        await heard.hears("WATCHDOG=1")

        written(tmp_path, listen="127.0.0.1:9", name="The second name")
        daemon.send_signal(signal.SIGHUP)
        (usec,) = [x for x in await heard.hears("RELOADING=1") if x.startswith("MONOTONIC_USEC=")]
        assert usec.removeprefix("MONOTONIC_USEC=").isdecimal()
        assert "site.listen" in await says(daemon, "this needs a restart")
        await heard.hears("READY=1")
        assert "The second name" in await page(port)

        written(tmp_path, listen=listen, nam="The third name")
        daemon.send_signal(signal.SIGHUP)
        line = await says(daemon, "the old one is in force")
        assert 'unknown key "site.nam"' in line
        await heard.hears("READY=1")
        assert "The second name" in await page(port)

        assert await code_after_sigterm(daemon) == 0
        await heard.hears("STOPPING=1")
    assert all(line.partition("=")[1] for line in heard.said)


def test_what_was_opened_at_the_start_stays_and_is_named() -> None:
    old = Settings()
    new = Settings(
        site={"listen": "127.0.0.1:9", "name": "Other"},
        database={"url": "sqlite:///other.db"},
        mail={"bounce_address": "b@example.org"},
        bounce={"listen": "127.0.0.1:2424"},
    )
    kept, fixed = with_fixed(old, new)
    assert fixed == ("site.listen", "database.url", "bounce.listen")
    assert (kept.site.listen, kept.database, kept.bounce) == (
        old.site.listen, old.database, old.bounce
    )  # fmt: skip
    assert (kept.site.name, kept.mail) == ("Other", new.mail)
    assert with_fixed(old, old) == (old, ())


@pytest.mark.anyio
async def test_a_configuration_that_cannot_be_used_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> Settings:
        raise ConfigError("notifier.toml line 4: unknown key\nnotifier.toml line 9: another")

    def of(**changes: object) -> Settings:
        return Settings(database={"url": database_url(tmp_path, "x")}, **changes)  # type: ignore[arg-type]

    app = App(of())
    current, applied = Current(app, Vitals()), list[Settings]()
    assert not await current.reload(Reload(refuse, applied.append))
    missing = {"domain": "x.example", "selector": "s", "private_key_file": tmp_path / "none"}
    assert not await current.reload(Reload(lambda: of(dkim=missing), applied.append))
    assert (current.app, applied) == (app, [])
    wanted, threads = of(site={"name": "Other"}), list[object]()

    def make(app: App, vitals: Vitals) -> ASGIApp:
        threads.append(current_thread())
        return make_site(app, vitals)

    monkeypatch.setattr(reloading, "make_site", make)
    assert await current.reload(Reload(lambda: wanted, applied.append))
    assert current.app is not app
    assert (current.app.settings, current.app.database) == (wanted, app.database)
    assert applied == [wanted]
    assert main_thread() not in threads, "meanwhile readers are answered"
    app.close()


@pytest.mark.anyio
async def test_a_process_signs_with_a_key_that_another_made_from_its_next_look_on(
    tmp_path: Path,
) -> None:
    here, there = (App(Settings(database={"url": database_url(tmp_path, "x")})) for _ in range(2))
    current = Current(here, Vitals(("web",)))
    before = here.tokens.make("pause", 1)
    there.rotate_links()
    assert here.tokens.make("pause", 1) == before
    await current.refresh()
    assert here.tokens.make("pause", 1) == there.tokens.make("pause", 1) != before
    for app in (here, there):
        app.close()


# What systemd is told.


@pytest.mark.anyio
@pytest.mark.parametrize("place", ["@notifier-test-{}", "{}/notify"])
async def test_systemd_hears_us_on_a_path_and_on_an_abstract_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    async with listened(place.format(tmp_path)[:100], monkeypatch) as heard:
        systemd.tell("READY=1", "STATUS=runs")
        assert await heard.hears("READY=1") == ["READY=1", "STATUS=runs"]


@pytest.mark.parametrize("place", ["", "relative", "/nowhere/at/all", "@nobody-listens-here"])
def test_where_nobody_listens_nothing_is_said(place: str) -> None:
    systemd.tell("READY=1", environment={"NOTIFY_SOCKET": place})


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_asked_for_by_systemd(
    environment: dict[str, str], seconds: float | None
) -> None:
    assert systemd.watchdog_seconds(environment) == seconds


@pytest.mark.anyio
async def test_the_watchdog_hears_nothing_while_nobody_looks_for_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    vitals = Vitals(seconds=lambda: seconds[0])
    vitals.ticked(NOON)
    seconds[0] = 1000.0
    async with listened(f"{tmp_path}/notify", monkeypatch) as heard:
        pinging = asyncio.ensure_future(tell_watchdog(vitals, 0.02))
        hearing = asyncio.ensure_future(heard.hears("WATCHDOG=1"))
        assert not (await asyncio.wait({hearing}, timeout=0.3))[0]
        vitals.ticked(NOON)
        await hearing
        pinging.cancel()


# The clock.


@pytest.mark.anyio
@pytest.mark.parametrize("hours", [-1, -24, 24])
async def test_a_clock_that_jumps_stops_no_look_for_work(
    monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    jump = [timedelta(0)]

    class Shown(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Shown:
            return cls.fromtimestamp((datetime.now(tz) + jump[0]).timestamp(), tz)

    for module in (apscheduler.schedulers.base, apscheduler.triggers.interval):
        monkeypatch.setattr(module, "datetime", Shown)
    looks: asyncio.Queue[None] = asyncio.Queue()
    vitals = Vitals()
    ticker = Ticker(lambda: looks.put_nowait(None), vitals, system_clock)
    ticker.start(1)
    watching = asyncio.ensure_future(ticker.watch())
    async with asyncio.timeout(20):
        for _ in range(2):
            await looks.get()
        jump[0] = timedelta(hours=hours)
        for _ in range(3):
            await looks.get()
    assert vitals.tick_age_seconds() < 1
    ticker.stop()
    watching.cancel()
