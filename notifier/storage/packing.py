"""Matches of profiles as bytes: all that a profile wants of some papers is one block.

Pure. A block is a header and a record for each paper, little-endian throughout:

    header   version (1 byte), bytes of a paper, of a total (1 each), of its lines (2),
             the smallest paper (4)
    record   paper, counted from the smallest; total: see `ranking.relevance`;
             lines: bit n for line n of the profile, bit 0 for "a rule that asks for what trends"

Numbers take as many bytes as the greatest of those packed together needs: six for most records.
What is unpacked is what was packed, in the same order. A block of another version, or of a length
that cannot be, is left out, since one row that is damaged must stop nobody.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VERSION = 1
_HEADER = struct.Struct("<BBBHI")
_HIGHEST_BASE = 0xFFFF_FFFF

Numbers = NDArray[np.int64]
Bits = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Records:
    """Matches by column; `bits` has a row of bytes for each."""

    papers: Numbers
    totals: Numbers
    bits: Bits

    def __len__(self) -> int:
        return len(self.papers)


def pack(records: Records, starts: Numbers) -> list[bytes]:
    """Return a block for the records from each start on; starts begin with 0 and grow."""
    if not len(records):
        return []
    base = min(int(records.papers.min()), _HIGHEST_BASE)
    papers, totals = _in_bytes(records.papers - base), _in_bytes(records.totals)
    widths = np.maximum.reduceat(_width(records.bits), starts)
    ends = np.append(starts[1:], len(records))
    out = [b""] * len(starts)
    for width in np.unique(widths).tolist():
        chosen = np.flatnonzero(widths == width)
        header = _HEADER.pack(VERSION, papers.shape[1], totals.shape[1], width, base)
        here = np.repeat(widths == width, ends - starts)
        columns = (papers[here], totals[here], _wide(records.bits, width)[here])
        memory = np.concatenate(columns, axis=1)
        bounds = np.append(0, np.cumsum(ends[chosen] - starts[chosen])) * memory.shape[1]
        flat, at = memory.tobytes(), bounds.tolist()
        for place, block in enumerate(chosen.tolist()):
            out[block] = header + flat[at[place] : at[place + 1]]
    return out


def unpack(blocks: Sequence[bytes]) -> tuple[Records, Numbers]:
    """Return the records of all blocks, block after block, and of which block each is."""
    alike: dict[bytes, list[int]] = {}
    for number, block in enumerate(blocks):
        alike.setdefault(block[: _HEADER.size], []).append(number)
    found, owners = [], []
    for header, numbers in alike.items():
        sizes = _sizes(header)
        if sizes is None:
            continue
        *widths, base = sizes
        sound = [one for one in numbers if not (len(blocks[one]) - _HEADER.size) % sum(widths)]
        memory = b"".join([blocks[one][_HEADER.size :] for one in sound])
        table = np.frombuffer(memory, np.uint8).reshape(-1, sum(widths))
        found.append(_records(table, widths, base))
        counts = [(len(blocks[one]) - _HEADER.size) // sum(widths) for one in sound]
        owners.append(np.repeat(np.array(sound, np.int64), counts))
    records, owner = joined(found), np.concatenate([np.empty(0, np.int64), *owners])
    order = np.argsort(owner, kind="stable")
    return taken(records, order), owner[order]


def joined(some: Iterable[Records]) -> Records:
    """Return records one after the other."""
    parts = list(some)
    width = max((part.bits.shape[1] for part in parts), default=1)
    none = np.empty(0, np.int64)
    return Records(
        np.concatenate([none, *(part.papers for part in parts)]),
        np.concatenate([none, *(part.totals for part in parts)]),
        np.concatenate([np.empty((0, width), np.uint8), *(_wide(p.bits, width) for p in parts)]),
    )


def taken(records: Records, places: NDArray[np.int64] | NDArray[np.bool_]) -> Records:
    """Return the records at these places."""
    return Records(records.papers[places], records.totals[places], records.bits[places])


def lines_of(bits: bytes) -> tuple[int, ...]:
    """Return the lines that a record's bits stand for."""
    number = int.from_bytes(bits, "little") & ~1
    return tuple(line for line in range(number.bit_length()) if number >> line & 1)


def _sizes(header: bytes) -> tuple[int, int, int, int] | None:
    """Bytes of a paper, a total and lines, and the smallest paper; None for nothing we know."""
    if len(header) < _HEADER.size:
        return None
    version, paper, total, lines, base = _HEADER.unpack(header)
    is_known = version == VERSION and 1 <= paper <= 8 and 1 <= total <= 8 and lines
    return (paper, total, lines, base) if is_known else None


def _records(table: Bits, widths: Sequence[int], base: int) -> Records:
    paper, total, _ = widths
    papers, totals = _numbers(table[:, :paper]), _numbers(table[:, paper : paper + total])
    return Records(papers + base, totals, table[:, paper + total :])


def _in_bytes(numbers: Numbers) -> Bits:
    """Numbers from 0 on as rows of as few bytes as the greatest needs."""
    needed = max((int(numbers.max()).bit_length() + 7) // 8, 1)
    return numbers.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :needed]


def _numbers(table: Bits) -> Numbers:
    out = np.zeros((len(table), 8), np.uint8)
    out[:, : table.shape[1]] = table
    return out.view("<u8").reshape(-1).astype(np.int64)


def _width(bits: Bits) -> Numbers:
    """How many bytes of each row are needed, at least one."""
    places = np.arange(1, bits.shape[1] + 1)
    needed: Numbers = np.maximum((places * (bits != 0)).max(axis=1), 1)
    return needed


def _wide(bits: Bits, width: int) -> Bits:
    """Rows of exactly so many bytes: what is cut off is 0."""
    if bits.shape[1] >= width:
        return bits[:, :width]
    return np.pad(bits, ((0, 0), (0, width - bits.shape[1])))
