"""What a process holds while it makes very many mails, and another while it sends some."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import delivery_sink
import delivery_store
from delivery_store import Spent
from delivery_wire import signer
from delivery_work import NOW, Asked, keys, readers, settings
from figures import Figure
from measuring import megabytes, peak_megabytes

from notifier.jobs.edition import NOTHING_MISSING
from notifier.jobs.writing import Writer
from notifier.papers.paper import Paper

MEGABYTES = 300
# Over the second half, of what is held then: what is kept between mails is full by that time.
GROWTH = 0.05
PARTS = 10
SECONDS = 0.2


def making(asked: Asked, _: Path) -> dict[str, Any]:
    """Return the megabytes held at first and after each tenth of so many mails, and the peak."""
    count, papers = asked.made, asked.day()
    writer, held = Writer(settings(sign=signer(keys()))), [megabytes()]
    for number, one in enumerate(readers(count, papers, asked.seed), 1):
        writer.digest(one.subscriber, one.picked, NOTHING_MISSING, now=NOW)
        if number * PARTS // count > (number - 1) * PARTS // count:
            held.append(megabytes())
    return {"what": "made", "mails": count, "held": held, "peak": peak_megabytes()}


def sending(asked: Asked, folder: Path) -> dict[str, Any]:
    """Return the megabytes held while so many mails are sent, time and again, and the peak.

    The mails are made in the same process before.
    """
    return asyncio.run(_sending(asked, asked.day(), folder))


async def _sending(asked: Asked, papers: Sequence[Paper], folder: Path) -> dict[str, Any]:
    held, spent = list[float](), Spent()
    with delivery_sink.listening() as (port, _), delivery_store.filled(folder, papers) as data:
        writer = Writer(settings(sign=signer(keys())))
        some = readers(asked.mails, papers, asked.seed)
        delivery_store.prepare(data, writer, some, spent)
        watch = asyncio.ensure_future(_watch(held))
        await delivery_store.send(data, port, asked.connections, spent)
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
    held.append(megabytes())
    return {"what": "sent", "mails": asked.mails, "held": held, "peak": peak_megabytes()}


async def _watch(held: list[float]) -> None:
    while True:
        held.append(megabytes())
        await asyncio.sleep(SECONDS)


def figures(found: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield the lines of the table."""
    what, held = f"{found['mails']:,} mails {found['what']}", found["held"]
    half = held[len(held) // 2]
    yield Figure(
        f"{what}: peak of memory, MB", found["peak"],
        f"held at first {held[0]:.0f}, at half time {half:.0f}, then {held[-1]:.0f}",
        f"under {MEGABYTES}", found["peak"] < MEGABYTES, digits=0,
    )  # fmt: skip
    growth = held[-1] / half - 1
    yield Figure(
        f"{what}: growth in the second half", growth, f"{held[-1] - half:+.1f} MB",
        f"at most {GROWTH}", growth <= GROWTH,
    )  # fmt: skip
