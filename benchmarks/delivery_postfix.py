"""Mails that are ready, sent to a real Postfix: ours beside Postfix's own load generator.

Both take turns at one Postfix, which throws away what it has taken, over as many connections. A
turn of each sends as many mails, of the same size, to recipients that are all different.
`smtp-source` has one mail in memory and keeps its connections; ours claims each in SQLite and
records its end.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import delivery_store
import private_postfix
from delivery_store import Spent
from delivery_wire import signer
from delivery_work import NOW, Asked, Reader, keys, readers, settings
from figures import Figure
from measuring import calibration, took
from private_postfix import DISCARDING, Postfix

from notifier.jobs.edition import NOTHING_MISSING
from notifier.jobs.writing import Writer
from notifier.storage.database import Database

OF_GENERATOR = 0.8
TURNS = 5
GENERATOR = Path("/usr/sbin/smtp-source")


def measure(asked: Asked, folder: Path) -> dict[str, Any]:
    """Return mails a second of every turn; `folder` is for the database.

    Raises:
        FileNotFoundError: something that is not installed.
        ValueError: Postfix did not take every mail.
    """
    if what := private_postfix.missing():
        raise FileNotFoundError(2, "No such part", what)
    papers, before = asked.day(), calibration()
    waiting = readers(asked.mails, papers, asked.seed)
    writer, spent = Writer(settings(sign=signer(keys()))), Spent()
    ours, generated = list[float](), list[float]()
    with (
        private_postfix.running(DISCARDING) as postfix,
        delivery_store.filled(folder, papers) as data,
    ):
        while some := list(islice(waiting, -(-asked.mails // TURNS))):
            first = writer.digest(some[0].subscriber, some[0].picked, NOTHING_MISSING, now=NOW)
            generated.append(_generated(postfix, first.content, len(some), asked, folder))
            delivery_store.prepare(data, writer, some, spent)
            ours.append(_ours(postfix, data, some, asked, spent))
    return {
        "mails": asked.mails, "connections": asked.connections, "bytes": spent.size / spent.mails,
        "calibration": [before, calibration()], "ours": ours, "smtp-source": generated,
        "cpu_ms": spent.milliseconds("cpu")["sending"],
    }  # fmt: skip


def _ours(
    postfix: Postfix, data: Database, some: Sequence[Reader], asked: Asked, spent: Spent
) -> float:
    """Return mails a second of the mails of some readers, which are ready."""
    before = spent.sending.wall
    sent = asyncio.run(delivery_store.send(data, postfix.port, asked.connections, spent))
    postfix.drain()
    if sent != len(some):
        raise ValueError(f"Postfix took {sent} of {len(some)} mails")
    return sent / (spent.sending.wall - before)


def _generated(postfix: Postfix, mail: bytes, count: int, asked: Asked, folder: Path) -> float:
    """Return mails a second of one mail sent so often by `smtp-source`."""
    file = folder / "mail"
    file.write_bytes(mail.replace(b"\r\n", b"\n"))
    command = [
        str(GENERATOR), "-d", "-N", "-s", str(asked.connections), "-m", str(count),
        "-f", "back@bounces.papers.example.org", "-t", "reader@lab.example.org", "-F", str(file),
        f"127.0.0.1:{postfix.port}",
    ]  # fmt: skip
    seconds, _ = took(lambda: subprocess.run(command, check=True, capture_output=True))  # noqa: S603
    postfix.drain()
    return count / seconds


def figures(found: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield the lines of the table."""
    ours, generated = (statistics.median(found[of]) for of in ("ours", "smtp-source"))
    shares = [own / other for own, other in zip(found["ours"], found["smtp-source"], strict=True)]
    share = statistics.median(shares)
    yield Figure(
        f"{found['mails']:,} mails to Postfix, {found['connections']} connections: a second", ours,
        f"smtp-source {generated:.0f}; ours takes {found['cpu_ms']:.2f} ms of processors", digits=0,
    )  # fmt: skip
    yield Figure(
        "to Postfix: share of smtp-source", share,
        f"median of {len(shares)} turns, {min(shares):.2f} to {max(shares):.2f}",
        f"at least {OF_GENERATOR}", share >= OF_GENERATOR, digits=2,
    )  # fmt: skip
