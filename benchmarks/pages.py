"""The pages under load: 200 clients at once, while digests are made in the same process or beside.

    python benchmarks/pages.py [--clients 200] [--seconds 20] [--subscribers 10000] [--papers 1000]
        [--seed 1] [--corpus DIR] [--only alone|beside|within] [--json FILE]

A throw-away SQLite database has subscribers whose digests are all due. The pages are served by a
process as `notifier run` serves them; the clients, in this process, ask one page after the other,
without a pause, each on a connection of its own: the page for subscribing, their preferences, and
one time in ten they store these. Each round runs on a copy of the database.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import structlog
import workload
from corpus import CORPUS, kind_of
from measuring import calibration, machine, took
from sqlalchemy import insert

from notifier.app import App
from notifier.config import Settings
from notifier.papers.identity import Alias
from notifier.papers.paper import Entry, Paper
from notifier.storage import store_papers
from notifier.storage import tables as t
from notifier.web.serving import bound, serving
from notifier.web.site import make_site

Round = Literal["alone", "beside", "within"]
ROUNDS: tuple[Round, ...] = ("alone", "beside", "within")
TARGET_SECONDS = 0.5
RULES = ("model", "retrieval + benchmark", "graph*", "language model", "learning", "diffusion")
STORE_EVERY = 10
NOW = workload.DAY


def opened(folder: str) -> App:
    """Return an instance as a process that has just started has it, which logs warnings only."""
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(wrapper_class=quiet)
    settings = Settings(
        database={"url": f"sqlite:///{folder}/papers.db"},
        mail={"from": "Papers <papers@example.org>"},
        site={"public_url": "https://papers.example.org"},
    )
    return App(settings, clock=lambda: NOW + timedelta(hours=8))


def fill(app: App, papers: Sequence[Paper], subscribers: int) -> None:
    """Take papers in, and subscribers whose digest is due."""
    entries = [
        Entry(
            aliases=(Alias("arxiv", f"2611.{number:05d}"),),
            title=paper.title, abstract=paper.abstract,
            authors=paper.authors, categories=paper.categories,
        )
        for number, paper in enumerate(papers)
    ]  # fmt: skip
    with app.database.writing() as conn:
        store_papers.take_in(conn, entries, source="arxiv", now=NOW)
        people = [
            {
                "id": row, "address": f"reader{row}@example.org", "state": "active", "zone": "UTC",
                "hour": 7, "minute": 0, "days": list(range(7)), "cadence": "daily",
                "max_papers": 12, "seen": 0, "consent": "", "created_at": NOW,
                "confirmed_at": NOW - timedelta(days=9), "next_due_at": NOW + timedelta(hours=7),
            }
            for row in range(1, subscribers + 1)
        ]  # fmt: skip
        profiles = [
            {
                "subscriber_id": row, "name": "mine", "enabled": True, "created_at": NOW,
                "updated_at": NOW, "change": 1, "rules": "\n".join((RULES[row % 6], f"-{row}x")),
            }
            for row in range(1, subscribers + 1)
        ]  # fmt: skip
        conn.execute(insert(t.subscriber), people)
        conn.execute(insert(t.profile), profiles)
    app.match()


def serve(folder: str, within: bool, told: Connection) -> None:
    """Serve the pages until told to end; `within`: digests are made meanwhile."""
    app = opened(folder)

    async def run() -> None:
        place = bound("127.0.0.1:0")
        async with serving(make_site(app), place):
            await asyncio.sleep(1)  # until it listens
            told.send(place.getsockname()[1])
            made = asyncio.create_task(asyncio.to_thread(app.compose)) if within else None
            await asyncio.to_thread(told.recv)
            told.send(made.result().made if made and made.done() else None)
            if made:
                await made

    asyncio.run(run())
    app.close()


def compose(folder: str) -> int:
    """Make all digests, in a process beside the pages."""
    app = opened(folder)
    made = app.compose().made
    app.close()
    return made


@dataclass(slots=True)
class Load:
    """What clients saw: answers by status, seconds of each, and connections that broke."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    broken: int = 0

    def percentile(self, share: float) -> float:
        """Return the seconds within which this share of the answers came."""
        ordered = sorted(self.seconds)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def requests(paths: Sequence[str], chance: random.Random) -> Iterator[bytes]:
    """Yield what one client asks, without an end."""
    form = urlencode(
        {"days": "mon", "time": "07:30", "zone": "UTC", "cadence": "daily", "max_papers": "10",
         "language": "en"}
    )  # fmt: skip
    head = "Host: papers.example.org\r\nAccept-Language: en\r\n"
    sent = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n"
    while True:
        own = chance.choice(paths)
        if chance.randrange(STORE_EVERY):
            yield f"GET {chance.choice(('/', own))} HTTP/1.1\r\n{head}\r\n".encode()
        else:
            yield f"POST {own} HTTP/1.1\r\n{head}{sent}\r\n{form}".encode()


async def client(port: int, asked: Iterator[bytes], until: float, load: Load) -> None:
    """Ask one page after the other, on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.perf_counter() < until:
            begun = time.perf_counter()
            writer.write(next(asked))
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            await reader.readexactly(length)
            load.seconds.append(time.perf_counter() - begun)
            load.statuses[int(head[9:12])] += 1
    except (ConnectionError, asyncio.IncompleteReadError, ValueError):
        load.broken += 1
    finally:
        writer.close()


async def clients(
    port: int, paths: Sequence[str], *, count: int, seconds: float, seed: int
) -> Load:
    """Return what so many clients saw, after one had opened each page."""
    warm = requests(paths[:1], random.Random(seed))  # noqa: S311
    await client(port, warm, time.perf_counter() + 1, Load())
    load, until = Load(), time.perf_counter() + seconds
    await asyncio.gather(
        *(
            client(port, requests(paths, random.Random(seed + number)), until, load)  # noqa: S311
            for number in range(count)
        )
    )
    return load


def measure(
    round_: Round, folder: str, paths: Sequence[str], *, count: int, seconds: float, seed: int
) -> dict[str, Any]:
    """Return the figures of one round."""
    fresh = multiprocessing.get_context("spawn")
    ours, theirs = fresh.Pipe()
    server = fresh.Process(target=serve, args=(folder, round_ == "within", theirs))
    server.start()
    port = ours.recv()
    making: list[tuple[float, int]] = []
    beside = None
    if round_ == "beside":
        pool = fresh.Pool(1)
        beside = threading.Thread(
            target=lambda: making.append(took(partial(pool.apply, compose, (folder,))))
        )
        beside.start()
    load = asyncio.run(clients(port, paths, count=count, seconds=seconds, seed=seed))
    ours.send("end")
    made = ours.recv()
    is_over = made is not None if round_ == "within" else bool(making)
    server.join()
    if beside:
        beside.join()
        pool.terminate()
    return {
        "round": round_, "answers": len(load.seconds), "a_second": len(load.seconds) / seconds,
        "median": statistics.median(load.seconds), "p99": load.percentile(0.99),
        "most": max(load.seconds), "statuses": dict(load.statuses), "broken": load.broken,
        "made_before_the_end": is_over, "calibration": calibration(),
    }  # fmt: skip


def table(rows: Sequence[dict[str, Any]], clients: int) -> str:
    """Return the figures as text."""
    lines = [
        f"{clients} clients; target: no error, 99 of 100 answers within {TARGET_SECONDS:.1f} s",
        f"  {'digests are made':18}{'a second':>10}{'median ms':>11}{'p99 ms':>9}{'most ms':>9}"
        f"{'errors':>8}{'calibration':>13}",
    ]
    for row in rows:
        wrong = row["broken"] + sum(
            many for status, many in row["statuses"].items() if status >= 400
        )
        lines.append(
            f"  {row['round']:18}{row['a_second']:>10.0f}{1e3 * row['median']:>11.0f}"
            f"{1e3 * row['p99']:>9.0f}{1e3 * row['most']:>9.0f}{wrong:>8}"
            f"{row['calibration']:>13.3f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure the pages."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--papers", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="absent: generated papers")
    parser.add_argument("--only", choices=ROUNDS)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    papers = workload.papers(asked.papers, asked.seed, asked.corpus)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder) / "first"
        first.mkdir()
        app = opened(str(first))
        fill(app, papers, asked.subscribers)
        links = [app.links.change(row, app.clock()) for row in range(1, asked.subscribers + 1)]
        app.close()
        for round_ in [asked.only] if asked.only else ROUNDS:
            place = shutil.copytree(first, Path(folder) / round_)
            rows.append(
                measure(
                    round_, str(place), [urlsplit(link).path for link in links],
                    count=asked.clients, seconds=asked.seconds, seed=asked.seed,
                )
            )  # fmt: skip
    sys.stdout.write(f"{table(rows, asked.clients)}\n")
    if asked.json:
        told = {"kind": kind_of(asked.corpus), "figures": rows, "target": TARGET_SECONDS}
        asked.json.write_text(json.dumps(told | {"machine": machine("starlette")}, indent=1))


if __name__ == "__main__":
    main()
