"""From what was picked to the mail server's word, signed: ours beside the plain way.

Ours is the whole way of a digest: made, fixed in SQLite with its papers and its delivery, claimed,
sent over several connections, recorded. All of that counts, by the clock: one process makes and
sends, the server is another. The plain way makes, signs and sends one after the other over one
connection, and writes nothing down; half of its sample is sent before ours and half after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import aiosmtplib
import delivery_sink
import delivery_store
import signing
from delivery_naive import Naive
from delivery_store import SENDER, STEPS, Spent
from delivery_work import NOW, Asked, Reader, keys, readers, settings
from figures import Figure
from measuring import Stopwatch, calibration, set_aside

from notifier.delivery.dkim import Key, sign
from notifier.jobs.writing import Writer
from notifier.papers.paper import Paper

TIMES_NAIVE = 8
TURNS = 2


def measure(asked: Asked, folder: Path) -> dict[str, Any]:
    """Return what each mail took; `folder` is for the database.

    Raises:
        ValueError: the server did not get every mail.
    """
    return asyncio.run(_measure(asked, asked.day(), folder))


async def _measure(asked: Asked, papers: Sequence[Paper], folder: Path) -> dict[str, Any]:
    made, spent, watch, before = keys(), Spent(), Stopwatch(), calibration()
    plain, count = _Plain(made), asked.readers
    sampled = list(islice(readers(count, papers, asked.seed), -(-asked.sample // TURNS)))
    with delivery_sink.listening() as (port, pipe), delivery_store.filled(folder, papers) as data:
        await plain.send(sampled, port, watch)
        came = [delivery_sink.taken(pipe)]
        writer = Writer(settings(sign=signer(made)))
        delivery_store.prepare(data, writer, readers(count, papers, asked.seed), spent)
        sent = await delivery_store.send(data, port, asked.connections, spent)
        came.append(delivery_sink.taken(pipe))
        await plain.send(sampled, port, watch)
        came.append(delivery_sink.taken(pipe))
    mails = [one.mails for one in came]
    if mails != [len(sampled), count, len(sampled)] or sent != count:
        raise ValueError(f"{sent} of {count} mails were sent, the server took {mails}")
    return {
        "mails": count, "sample": TURNS * len(sampled), "connections": asked.connections,
        "bytes": spent.size / spent.mails, "calibration": [before, calibration()],
        "wall_ms": spent.milliseconds("wall"), "cpu_ms": spent.milliseconds("cpu"),
        "naive_ms": 1e3 * watch.wall / (TURNS * len(sampled)),
        "sink_cpu_ms": 1e3 * came[1].cpu / count,
    }  # fmt: skip


def signer(made: Sequence[Key]) -> Any:
    """Return what signs a digest's mail: see `ComposeSettings.sign`."""
    return lambda mail, at: sign(mail, made, domain=signing.DOMAIN, at=at)


class _Plain:
    """The plain way."""

    def __init__(self, made: Sequence[Key]) -> None:
        self._naive = Naive(settings(), NOW)
        self._signers = [signing.theirs(key) for key in made]

    async def send(self, some: Sequence[Reader], port: int, watch: Stopwatch) -> None:
        """Make, sign and send one mail after the other."""
        with set_aside(), watch.running():
            async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
                for one in some:
                    mail = self._naive.digest(one)
                    for signed in self._signers:
                        mail = signed(mail)
                    await client.sendmail(SENDER, [one.subscriber.address], mail)


def figures(found: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield the lines of the table."""
    ours, plain, sample = sum(found["wall_ms"].values()), found["naive_ms"], found["sample"]
    spent, cpu = found["wall_ms"], found["cpu_ms"]
    yield Figure(
        f"{found['mails']:,} mails made, signed, sent: a second", 1e3 / ours,
        f"naive {1e3 / plain:.1f} ({sample} of them)", digits=0,
    )  # fmt: skip
    yield Figure(
        "made, signed, sent: times naive", plain / ours, f"ms: naive {plain:.1f}, ours "
        + ", ".join(f"{step} {spent[step]:.2f}" for step in STEPS),
        f"at least {TIMES_NAIVE}", plain >= TIMES_NAIVE * ours, digits=1,
    )  # fmt: skip
    yield Figure(
        f"sent over {found['connections']} connections: a second", 1e3 / spent["sending"],
        f"ms of processors: ours {cpu['sending']:.2f}, the server {found['sink_cpu_ms']:.2f}",
        digits=0,
    )  # fmt: skip
