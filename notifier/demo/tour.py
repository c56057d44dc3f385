"""Two days in the life of three subscribers, played through the real program.

A throw-away database, the sample feeds beside this file, SMTP to a sink in this process; no
socket but the loopback's is opened, and no setting of the environment is read.
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
from notifier.app import App
from notifier.config import Settings
from notifier.delivery.sink import Sink, listening
from notifier.jobs.take import take_body
from notifier.profiles.profile import Schedule
from notifier.sources.source import Kind
from notifier.web.inbox import make_inbox, open_mail
from notifier.web.serving import bound, serving

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
        async with listening() as sink:
            clock = _Clock(SIGNED_UP)
            app = App(_settings(Path(folder), sink, address), clock=clock)
            try:
                await _play(app, clock, sink, say)
                if keep:
                    _keep(sink, keep, say)
                if once:
                    place.close()
                    return
                async with serving(make_inbox(sink, app), place):
                    say(f"\nThe inbox is at {address} - Ctrl-C ends the demo and forgets it all.")
                    if browser:
                        await asyncio.to_thread(webbrowser.open, address)
                    await _until_interrupted()
            finally:
                app.close()


@dataclass(slots=True)
class _Clock:
    """A clock that the tour sets."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def _settings(folder: Path, sink: Sink, address: str) -> Settings:
    return Settings(
        _env_prefix="NOTIFIER_DEMO_READS_NO_ENVIRONMENT_",
        site={"public_url": address, "name": "Paper notifier demo", "contact": "demo@example.org"},
        mail={"from": "Paper notifier <papers@example.org>", "connections": 1},
        smtp={"host": "127.0.0.1", "port": sink.port, "security": "none"},
        database={"url": f"sqlite:///{folder}/demo.db"},
        digest={"sample": False},  # nothing was there before they signed up
    )


async def _play(app: App, clock: _Clock, sink: Sink, say: Callable[[str], None]) -> None:
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
            await _send(app, sink, now, say)


async def _send(app: App, sink: Sink, now: datetime, say: Callable[[str], None]) -> None:
    before = len(sink.received)
    await asyncio.to_thread(app.compose)
    done = await app.deliver()
    if done.down or done.failed or done.later:
        raise errors.MailError(f"the demo's own mail server refused a mail: {done}")
    for number, mail in enumerate(sink.received[before:], before + 1):
        opened = open_mail(number, mail.recipient, mail.content)
        say(f"{now:%a %H:%M}Z  mail to {mail.recipient}: {opened.subject}")


def _keep(sink: Sink, folder: Path, say: Callable[[str], None]) -> None:
    """Write each mail as .eml, .html and .txt."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, mail in enumerate(sink.received, 1):
        opened = open_mail(number, mail.recipient, mail.content)
        name = f"{number}-{mail.recipient.partition('@')[0]}"
        (folder / f"{name}.eml").write_bytes(mail.content)
        (folder / f"{name}.html").write_text(opened.html, "utf-8")
        (folder / f"{name}.txt").write_text(opened.text, "utf-8")
    say(f"wrote {len(sink.received)} mails to {folder}")


async def _until_interrupted() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
