"""Digests on their way in one table: made, signed, sent, each beside the plain way in the same run.

    python benchmarks/delivery.py [--readers 20000] [--papers 2000] [--seed 1] [--connections 4]
        [--sample 300] [--mails 5000] [--made 100000] [--corpus DIR]
        [--parts compose,wire,postfix,memory] [--json FILE]

`compose` makes every reader's mail (12 papers each) without a database; `wire` also fixes them in
SQLite and sends them to a server that keeps nothing; `postfix` sends some to a real Postfix, beside
its own load generator; `memory` makes very many and sends some. Each part is a process of its own.
What the plain way is: delivery_naive.py. `calibration` is a fixed loop: where it varies, somebody
else was at work.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import delivery_compose
import delivery_memory
import delivery_postfix
import delivery_wire
from corpus import CORPUS, kind_of
from delivery_work import PAPERS_EACH, Asked
from figures import Figure, Missing, table
from measuring import machine

Found = dict[str, Any]
Measure = Callable[[Asked, Path], Found]
Read = Callable[[Found], Iterator[Figure]]
PARTS: Mapping[str, Sequence[tuple[str, Measure, Read]]] = {
    "compose": [("compose", delivery_compose.measure, delivery_compose.figures)],
    "wire": [("wire", delivery_wire.measure, delivery_wire.figures)],
    "postfix": [("postfix", delivery_postfix.measure, delivery_postfix.figures)],
    "memory": [
        ("memory, made", delivery_memory.making, delivery_memory.figures),
        ("memory, sent", delivery_memory.sending, delivery_memory.figures),
    ],
}
PACKAGES = ("jinja2", "css-inline", "cryptography", "dkimpy", "aiosmtplib", "sqlalchemy")


def measure(asked: Asked, parts: Sequence[str]) -> tuple[Found, list[Figure], list[Missing]]:
    """Return what was found by part, the lines of the table, and what could not be measured."""
    found, figures, missing = Found(), list[Figure](), list[Missing]()
    for name, work, read in (step for part in parts for step in PARTS[part]):
        try:
            found[name] = _in_a_process_of_its_own(work, asked)
        except FileNotFoundError as error:
            missing.append(Missing(name, f"no {error.filename}"))
        else:
            figures += read(found[name])
    return found, figures, missing


def _in_a_process_of_its_own(work: Measure, asked: Asked) -> Found:
    fresh = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, fresh) as pool:
        return pool.submit(work, asked, Path(folder)).result()


def asked_for(arguments: Sequence[str]) -> tuple[Asked, list[str], Path | None]:
    """Return how much is measured, of which parts, and where the figures are written."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--readers", type=int, default=20_000, help="mails made and sent (20000)")
    parser.add_argument("--papers", type=int, default=2_000, help="they are chosen from (2000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--connections", type=int, default=4, help="to the mail server (4)")
    parser.add_argument("--sample", type=int, default=300, help="also made the plain way (300)")
    parser.add_argument("--mails", type=int, default=5_000, help="for Postfix (5000)")
    parser.add_argument("--made", type=int, default=100_000, help="for the memory (100000)")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="absent: generated papers")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    said = vars(parser.parse_args(arguments))
    parts, file = said.pop("parts").split(","), said.pop("json")
    if unknown := sorted(set(parts) - set(PARTS)):
        parser.error(f"unknown part {unknown[0]}")
    return Asked(**said), parts, file


def told(asked: Asked, found: Found, figures: list[Figure], missing: list[Missing]) -> str:
    """Return the table, with what it was measured on."""
    size = next(
        (f"; {one['bytes']:,.0f} bytes a mail" for one in found.values() if "bytes" in one), ""
    )
    loops = [loop for one in found.values() for loop in one.get("calibration", ())]
    head = (
        f"{PAPERS_EACH} of {asked.papers:,} {kind_of(asked.corpus)} papers for each of "
        f"{asked.readers:,} readers{size}"
    )
    foot = f"calibration {min(loops):.3f} to {max(loops):.3f} s" if loops else ""
    return "\n".join(filter(None, (head, table(figures, missing), foot)))


def main() -> None:
    """Measure, print the table, and write the JSON if asked to."""
    asked, parts, file = asked_for(sys.argv[1:])
    found, figures, missing = measure(asked, parts)
    sys.stdout.write(f"{told(asked, found, figures, missing)}\n")
    if file:
        written = {
            "asked": asdict(asked) | {"corpus": kind_of(asked.corpus)}, "found": found,
            "figures": [asdict(one) for one in figures],
            "missing": [asdict(one) for one in missing], "machine": machine(*PACKAGES),
        }  # fmt: skip
        file.write_text(json.dumps(written, indent=1))


if __name__ == "__main__":
    main()
