"""Mails made from what was picked: ours beside the plain way, in turns, one core each.

Ours makes all mails with one `Writer`, which starts empty, as a morning's run does; the plain way
makes a sample of them. Every mail of the sample says the same as ours of that reader, else nothing
is measured.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import signing
from delivery_naive import Naive, differences
from delivery_work import NOW, Asked, Reader, keys, readers, settings
from figures import Figure
from measuring import Stopwatch, calibration, set_aside

from notifier.jobs.edition import NOTHING_MISSING
from notifier.jobs.fixing import BATCH
from notifier.jobs.writing import Writer

BLOCKS = 10
TIMES_NAIVE, A_SECOND, SIGNED_A_SECOND = 20, 1_500, 500
OURS = ("made", "signed")
NAIVE = ("view", "templates", "inlining", "MIME", "both signatures")


@dataclass(slots=True)
class Block:
    """What a block of mails took: `mails` of ours, `sample` of them also the plain way."""

    calibration: float
    mails: int = 0
    sample: int = 0
    size: int = 0
    watches: dict[str, Stopwatch] = field(default_factory=lambda: defaultdict(Stopwatch))

    def milliseconds(self, clock: Literal["cpu", "wall"]) -> dict[str, float]:
        """Return what each step took for a mail."""
        many = dict.fromkeys(OURS, self.mails) | dict.fromkeys(NAIVE, self.sample)
        return {step: 1e3 * getattr(self.watches[step], clock) / many[step] for step in many}


class _Contest:
    """Both ways, each with what it keeps between mails."""

    def __init__(self) -> None:
        own, made = settings(), keys()
        self._writer, self._naive = Writer(own), Naive(own, NOW)
        self._sign, self._sign_naive = signing.ours(*made), [signing.theirs(key) for key in made]

    def ours(self, asked: Sequence[Reader], block: Block) -> list[bytes]:
        """Return the mails of some readers, unsigned."""
        writer = self._writer
        with block.watches["made"].running():
            mails = [
                writer.digest(one.subscriber, one.picked, NOTHING_MISSING, now=NOW).content
                for one in asked
            ]
        with block.watches["signed"].running():
            signed = list(map(self._sign, mails))
        block.mails += len(mails)
        block.size += sum(map(len, signed))
        return mails

    def theirs(self, asked: Sequence[Reader], block: Block) -> list[bytes]:
        """Return the same, made the plain way."""
        naive, watches = self._naive, block.watches
        with watches["view"].running():
            views = [naive.view(one) for one in asked]
        with watches["templates"].running():
            rendered = [naive.rendered(view) for view in views]
        with watches["inlining"].running():
            pages = [naive.inlined(html) for html, _ in rendered]
        with watches["MIME"].running():
            parts = zip(asked, views, pages, rendered, strict=True)
            mails = [naive.mail(one, view, page, text) for one, view, page, (_, text) in parts]
        with watches["both signatures"].running():
            for mail in mails:
                for sign in self._sign_naive:
                    sign(mail)
        block.sample += len(mails)
        return mails


def measure(asked: Asked, _: Path) -> dict[str, Any]:
    """Return what so many mails took, a sample of them also the plain way.

    Raises:
        ValueError: the two ways do not say the same.
    """
    contest, blocks, few = _Contest(), list[Block](), -(-asked.sample // BLOCKS)
    waiting = readers(asked.readers, asked.day(), asked.seed)
    while some := list(islice(waiting, -(-asked.readers // BLOCKS))):
        block, kept = Block(calibration()), list[bytes]()
        for batch in _batches(some):
            kept += contest.ours(batch, block)[: few - len(kept)]
        with set_aside():
            plain = contest.theirs(some[:few], block)
        for one, other in zip(kept, plain, strict=True):
            if unlike := differences(one, other):
                raise ValueError(f"the two ways differ in {', '.join(unlike)}")
        blocks.append(block)
    return told(blocks)


def _batches(some: Sequence[Reader]) -> Iterator[Sequence[Reader]]:
    for start in range(0, len(some), BATCH):
        yield some[start : start + BATCH]


def told(blocks: Sequence[Block]) -> dict[str, Any]:
    """Return the figures of all blocks.

    Milliseconds of our steps are those of all mails, so that what is made once is counted; those
    of the plain way are medians of the blocks.
    """
    mails = sum(block.mails for block in blocks)
    figures: dict[str, Any] = {
        "mails": mails,
        "sample": sum(block.sample for block in blocks),
        "bytes": sum(block.size for block in blocks) / mails,
        "calibration": [block.calibration for block in blocks],
    }
    for clock in ("cpu", "wall"):
        spent = [block.milliseconds(clock) for block in blocks]
        whole = {
            step: sum(one[step] * block.mails for one, block in zip(spent, blocks, strict=True))
            for step in OURS
        }
        figures[f"{clock}_ms"] = {step: sum_ / mails for step, sum_ in whole.items()} | {
            step: statistics.median(one[step] for one in spent) for step in NAIVE
        }
        figures[f"{clock}_ratios"] = [naive(one) / one["made"] for one in spent]
    return figures


def naive(milliseconds: Mapping[str, float], *, view: bool = True) -> float:
    """Return what the plain way takes for an unsigned mail, also if its `view` were given."""
    return sum(milliseconds[step] for step in NAIVE[not view : -1])


def figures(found: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield the lines of the table."""
    spent, mails, sample = found["cpu_ms"], found["mails"], found["sample"]
    made, plain = spent["made"], naive(spent)
    signed, plain_signed = made + spent["signed"], plain + spent["both signatures"]
    yield Figure(
        f"{mails:,} mails made: a second of one core", 1e3 / made,
        f"naive {1e3 / plain:.1f} ({sample} of them)", f"at least {A_SECOND:,}",
        made * A_SECOND <= 1e3, digits=0,
    )  # fmt: skip
    yield Figure(
        "mails made: times naive", plain / made,
        f"median of {len(found['cpu_ratios'])} blocks {statistics.median(found['cpu_ratios']):.1f}",
        f"at least {TIMES_NAIVE}", plain >= TIMES_NAIVE * made, digits=1,
    )  # fmt: skip
    yield Figure(
        "mails made: times naive, were its view for nothing", naive(spent, view=False) / made,
        f"naive, ms: {_listed(spent, NAIVE[:-1])}", digits=1,
    )  # fmt: skip
    yield Figure(
        "made with both signatures: a second of one core", 1e3 / signed,
        f"naive, dkimpy {1e3 / plain_signed:.1f}", f"at least {SIGNED_A_SECOND:,}",
        signed * SIGNED_A_SECOND <= 1e3, digits=0,
    )  # fmt: skip
    yield Figure(
        "made with both signatures: times naive", plain_signed / signed,
        f"ours, ms: {_listed(spent, OURS)}; by the clock {_listed(found['wall_ms'], OURS)}",
        digits=1,
    )  # fmt: skip


def _listed(milliseconds: Mapping[str, float], steps: Sequence[str]) -> str:
    return ", ".join(f"{step} {milliseconds[step]:.2f}" for step in steps)
