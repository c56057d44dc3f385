"""Two days in the life of three subscribers, played through the real program.

A throw-away database, the sample feeds beside this file, and transport "sink", as anybody can set
it; no socket but the loopback's is opened, and no setting of the environment is read.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from notifier import errors
from notifier.app import App, opened
from notifier.config import Settings
from notifier.jobs.take import take_body
from notifier.profiles.profile import Schedule
from notifier.sources.source import Kind
from notifier.web.inbox import open_mail, part_of
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

SIGNED_UP = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
ADA_RULES = """\
# what I follow
LLM agents
retrieval + benchmark
RAG ^2
fine-tuning
diffus*
title: mixture of experts
author: Jose Garcia
-survey"""
BO_RULES = """\
protein + structure
single-cell
CRISPR
"gene regulatory network"
cat: q-bio.NC + memory"""
SUBSCRIBERS = (
    ("ada@example.org", Schedule("Europe/Berlin", 7, 0), "machine learning", ADA_RULES),
    ("bo@example.org", Schedule("Asia/Tokyo", 17, 0, (4,), "weekly"), "biology", BO_RULES),
    ("cy@example.org", Schedule("America/New_York", 2, 0), "trending", "trending"),
)
# What happens when: a sample answer comes in, or (without one) everything due is done.
PLAN: tuple[tuple[datetime, str, Kind], ...] = (
    (datetime(2026, 11, 19, 5, 30, tzinfo=UTC), "arxiv-2026-11-19.atom", "arxiv"),
    (datetime(2026, 11, 20, 5, 30, tzinfo=UTC), "arxiv-2026-11-20.atom", "arxiv"),
    (datetime(2026, 11, 20, 5, 45, tzinfo=UTC), "huggingface-2026-11-20.json", "huggingface"),
)
MAIL_TIMES = (
    datetime(2026, 11, 19, 9, 0, tzinfo=UTC),
    datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
)


def run(
    *, once: bool, browser: bool, keep: Path | None, port: int, say: Callable[[str], None]
) -> None:
    """Play the tour; then show the inbox until Ctrl-C, unless `once`."""
    asyncio.run(_run(once=once, browser=browser, keep=keep, port=port, say=say))


async def _run(
    *, once: bool, browser: bool, keep: Path | None, port: int, say: Callable[[str], None]
) -> None:
    place = bound(f"127.0.0.1:{port}")
    address = f"http://127.0.0.1:{place.getsockname()[1]}"
    with tempfile.TemporaryDirectory(prefix="notifier-demo-") as folder:
        clock = _Clock(SIGNED_UP)
        with opened(_settings(Path(folder), address), clock=clock) as app:
            await _play(app, clock, say)
            if keep:
                _keep(app, keep, say)
            if once:
                place.close()
                return
            async with serving(make_site(app, demo=True), place):
                inbox = f"{address}/inbox"
                say(f"\nThe inbox is at {inbox} - Ctrl-C ends the demo and forgets it all.")
                if browser:
                    await asyncio.to_thread(webbrowser.open, inbox)
                await _until_interrupted()


@dataclass(slots=True)
class _Clock:
    """A clock that the tour sets."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def _settings(folder: Path, address: str) -> Settings:
    return Settings(
        _env_prefix="NOTIFIER_DEMO_READS_NO_ENVIRONMENT_",
        site={"public_url": address, "name": "Paper notifier demo", "contact": "demo@example.org"},
        mail={
            "from": "Paper notifier <papers@example.org>",
            "connections": 1,
            "transport": "sink",
        },
        database={"url": f"sqlite:///{folder}/demo.db"},
        digest={"sample": False},  # nothing was there before they signed up
    )


async def _play(app: App, clock: _Clock, say: Callable[[str], None]) -> None:
    for address, schedule, name, rules in SUBSCRIBERS:
        app.subscriptions.request(address, now=SIGNED_UP, schedule=schedule)
        app.subscriptions.confirm(address, now=SIGNED_UP, because="lives in the demo")
        app.subscriptions.add_profile(address, name, rules, now=SIGNED_UP)
        say(f'{address} follows "{name}": {schedule}')
    for now in sorted({*(moment for moment, _, _ in PLAN), *MAIL_TIMES}):
        clock.now = now
        for _, file, kind in (step for step in PLAN if step[0] == now):
            body = (Path(__file__).parent / file).read_bytes()
            report = take_body(app.database, app.intake.source_for_file(kind, kind), body, now=now)
            say(f"{now:%a %H:%M}Z  {file}: {report.seen} read, {report.new} new, "
                f"{report.merged} known from elsewhere, {report.updated} updated")  # fmt: skip
        if now in MAIL_TIMES:
            await _send(app, now, say)


async def _send(app: App, now: datetime, say: Callable[[str], None]) -> None:
    before = len(_mails(app))
    await asyncio.to_thread(app.compose)
    done = await app.deliver()
    if done.down or done.failed or done.later:
        raise errors.MailError(f"the demo could not keep a mail: {done}")
    for name, content in _mails(app)[before:]:
        mail = open_mail(name, content)
        say(f"{now:%a %H:%M}Z  mail to {mail.recipient}: {mail.subject}")


def _mails(app: App) -> list[tuple[str, bytes]]:
    """The mails by name, in the order in which they came."""
    return app.sink.mails()[::-1] if app.sink else []


def _keep(app: App, folder: Path, say: Callable[[str], None]) -> None:
    """Write each mail as .eml, .html and .txt."""
    folder.mkdir(parents=True, exist_ok=True)
    mails = _mails(app)
    for number, (name, content) in enumerate(mails, 1):
        stem = f"{number}-{open_mail(name, content).recipient.partition('@')[0]}"
        (folder / f"{stem}.eml").write_bytes(content)
        (folder / f"{stem}.html").write_text(part_of(content, "html"), "utf-8")
        (folder / f"{stem}.txt").write_text(part_of(content, "text"), "utf-8")
    say(f"wrote {len(mails)} mails to {folder}")


async def _until_interrupted() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
