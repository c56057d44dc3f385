"""Mails in files: one alone, an mbox (RFC 4155), a Maildir, a folder of mails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

# "From " at the start of a file, or behind an empty line, with a year or a time at its end; a
# sentence of a bounce that begins so is none.
_FROM = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\r\n\r\n))From [^\n]*\d\d:\d\d[^\n]*\n")


def mails(body: bytes) -> list[bytes]:
    """Return the mails in a file's bytes: one, or those of an mbox; never none."""
    starts = [(found.start(), found.end()) for found in _FROM.finditer(body)]
    if not starts or starts[0][0] != 0:
        return [body]
    ends = [start for start, _ in starts[1:]] + [len(body)]
    return [body[start:end] for (_, start), end in zip(starts, ends, strict=True)]


def files(path: Path) -> Iterator[Path]:
    """Yield the files that hold mails: the path itself, or those of a Maildir or a folder.

    Of a Maildir what is delivered (new and cur, not tmp); of a folder what is not hidden.
    """
    if not path.is_dir():
        yield path
        return
    is_maildir = (path / "new").is_dir() and (path / "cur").is_dir()
    for folder in (path / "new", path / "cur") if is_maildir else (path,):
        yield from (
            one
            for one in sorted(folder.iterdir())
            if one.is_file() and not one.name.startswith(".")
        )
