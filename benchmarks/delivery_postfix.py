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
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import delivery_store
import private_postfix
from delivery_store import Spent
from delivery_wire import signer
from delivery_work import NOW, Asked, keys, readers, settings
from figures import Figure
from measuring import calibration
from private_postfix import DISCARDING, Postfix

from notifier.jobs.edition import NOTHING_MISSING
from notifier.jobs.writing import Writer

OF_GENERATOR = 0.8
TURNS = 5
GENERATOR = Path("/usr/sbin/smtp-source")


@dataclass(slots=True)
class Turns:
    """What one sender's turns came to: mails a second of each; Postfix's processor seconds."""

    a_second: list[float] = field(default_factory=list)
    mails: int = 0
    cpu: float = 0.0

    @contextmanager
    def counted(self, postfix: Postfix, mails: int) -> Iterator[None]:
        """Count what is sent meanwhile as a turn."""
        cpu, begun = postfix.cpu_seconds(), time.perf_counter()
        yield
        self.a_second.append(mails / (time.perf_counter() - begun))
        postfix.drain()
        self.mails += mails
        self.cpu += postfix.cpu_seconds() - cpu

    def told(self) -> dict[str, Any]:
        """Return the figures."""
        return {"a_second": self.a_second, "postfix_cpu_ms": 1e3 * self.cpu / self.mails}


def measure(asked: Asked, folder: Path) -> dict[str, Any]:
    """Return what the turns of both came to; `folder` is for the database.

    Raises:
        FileNotFoundError: something that is not installed.
        ValueError: Postfix did not take every mail.
    """
    if what := private_postfix.missing():
        raise FileNotFoundError(2, "No such part", what)
    waiting, before = readers(asked.mails, papers := asked.day(), asked.seed), calibration()
    writer, spent = Writer(settings(sign=signer(keys()))), Spent()
    ours, generated = Turns(), Turns()
    with (
        private_postfix.running(DISCARDING) as postfix,
        delivery_store.filled(folder, papers) as data,
    ):
        while some := list(islice(waiting, -(-asked.mails // TURNS))):
            first = writer.digest(some[0].subscriber, some[0].picked, NOTHING_MISSING, now=NOW)
            (folder / "mail").write_bytes(first.content.replace(b"\r\n", b"\n"))
            command = _generating(folder / "mail", len(some), asked.connections, postfix.port)
            with generated.counted(postfix, len(some)):
                subprocess.run(command, check=True, capture_output=True)  # noqa: S603
            delivery_store.prepare(data, writer, some, spent)
            sending = delivery_store.send(data, postfix.port, asked.connections, spent)
            with ours.counted(postfix, len(some)):
                sent = asyncio.run(sending)
            if sent != len(some):
                raise ValueError(f"Postfix took {sent} of {len(some)} mails")
    return {
        "mails": asked.mails, "connections": asked.connections, "bytes": spent.size / spent.mails,
        "calibration": [before, calibration()], "cpu_ms": spent.milliseconds("cpu")["sending"],
        "ours": ours.told(), "smtp-source": generated.told(),
    }  # fmt: skip


def _generating(mail: Path, count: int, connections: int, port: int) -> Sequence[str]:
    """Return the command that sends a mail so often."""
    return (
        str(GENERATOR), "-d", "-N", "-s", str(connections), "-m", str(count),
        "-f", "back@bounces.papers.example.org", "-t", "reader@lab.example.org", "-F", str(mail),
        f"127.0.0.1:{port}",
    )  # fmt: skip


def figures(found: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield the lines of the table."""
    ours, generator = found["ours"], found["smtp-source"]
    both = ours["a_second"], generator["a_second"]
    shares = [own / other for own, other in zip(*both, strict=True)]
    share = statistics.median(shares)
    yield Figure(
        f"{found['mails']:,} mails to Postfix, {found['connections']} connections: a second",
        statistics.median(both[0]), f"smtp-source {statistics.median(both[1]):.0f}", digits=0,
    )  # fmt: skip
    yield Figure(
        "to Postfix: share of smtp-source", share,
        f"turns {min(shares):.2f} to {max(shares):.2f}; ms of processors: ours "
        f"{found['cpu_ms']:.2f}, Postfix {ours['postfix_cpu_ms']:.2f}, for smtp-source "
        f"{generator['postfix_cpu_ms']:.2f}",
        f"at least {OF_GENERATOR}", share >= OF_GENERATOR, digits=2,
    )  # fmt: skip
