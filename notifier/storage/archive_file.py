"""An archive as a file: a zip of tables, one row on a line as JSON, and a manifest.

The manifest says of each piece how many rows and bytes it has, and which checksum.

Nothing in it depends on a kind of database, and no more than a line is in memory at a time. A file
that is to be read may come from anybody: names are compared and never become paths, no piece is
read beyond the size that the manifest names, and nothing is believed before its checksum was.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from notifier import errors

FORMAT = "notifier archive 1"
MANIFEST = "manifest.json"
SETTINGS = "notifier.toml"
_NAME = re.compile(r"tables/[a-z][a-z0-9_]{0,62}\.jsonl|notifier\.toml|keys/[\w-][\w.-]{0,99}")
_SUM = re.compile(r"[0-9a-f]{16}")
_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,62}")
_MANIFEST_BYTES = 4_000_000
_LINE_BYTES = 64_000_000  # a mail may have 100 kB, one that came back some more
_FILE_BYTES = 1_000_000  # of what is no table
# Rows as text become a thirtieth at most; Deflate could make a thousand times as much.
_MOST_TIMES, _ALWAYS_BYTES = 250, 20_000_000
_BYTES = "base64"
_ENCRYPTED = 1

Row = tuple[Any, ...]
Tell = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece by its name, with what is known of it. `rows` and `sum` are of tables alone."""

    name: str
    size_bytes: int
    sha256: str
    rows: int = 0
    sum: str = ""
    columns: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        """The name of the table; "" of what is none."""
        return self.name[len("tables/") : -len(".jsonl")] if self.name[:7] == "tables/" else ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds; tables come in the order in which they can be written.

    `numbers`: the highest that a row of a table ever had. `left_out`: tables that are not in it,
    and why. `was_running`: a daemon worked on the database meanwhile, and went on.
    """

    version: str
    schema: str
    written_at: str
    was_running: bool
    has_secrets: bool
    pieces: tuple[Piece, ...]
    numbers: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    format: str = FORMAT

    @property
    def tables(self) -> list[Piece]:
        """The pieces that are tables."""
        return [piece for piece in self.pieces if piece.table]

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(piece.rows for piece in self.pieces)


class Writer:
    """Writes pieces one after the other, and the manifest at the end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = ZipFile(file, "w", ZIP_DEFLATED, compresslevel=6)
        self.pieces: list[Piece] = []

    def table(
        self, name: str, columns: Sequence[str], rows: Iterable[Row], total: Callable[[], int]
    ) -> None:
        """Write a table; `total` is asked for the sum over its rows once they are written."""
        digest, size, count = hashlib.sha256(), 0, 0
        path = f"tables/{name}.jsonl"
        with self._zip.open(path, "w", force_zip64=True) as piece:
            for row in rows:
                line = _line(columns, row)
                piece.write(line)
                digest.update(line)
                size, count = size + len(line), count + 1
        found = Piece(path, size, digest.hexdigest(), count, f"{total():016x}", tuple(columns))
        self.pieces.append(found)

    def file(self, name: str, content: bytes) -> None:
        """Write a piece that is no table."""
        self._zip.writestr(name, content)
        self.pieces.append(Piece(name, len(content), hashlib.sha256(content).hexdigest()))

    def drop(self) -> None:
        """Write no more."""
        self._zip.close()

    def end(self, manifest: Manifest) -> None:
        """Write the manifest; the file is whole then."""
        self._zip.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))
        self._zip.close()


def _line(columns: Sequence[str], row: Row) -> bytes:
    values = (
        {_BYTES: base64.b64encode(value).decode()} if isinstance(value, bytes) else value
        for value in row
    )
    return json.dumps(dict(zip(columns, values, strict=True)), ensure_ascii=False).encode() + b"\n"


@contextmanager
def writing(file: IO[bytes]) -> Iterator[Writer]:
    """Yield a writer; where something is raised, what it began is let go without a word."""
    writer = Writer(file)
    try:
        yield writer
    except BaseException:
        with suppress(OSError, ValueError):  # a full disk has no room for the end, either
            writer.drop()
        raise


class Archive:
    """An archive that is read; `manifest` was compared with what is there, not yet the content."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            NotFound: there is none.
            UsageError: it is no archive of ours, or one of another format.
            DatabaseError: it is damaged, or would become far more than it is.
        """
        if not path.is_file():
            raise errors.NotFound(f"there is no file {path}")
        self.path = path
        try:
            self._zip = ZipFile(path)
        except (BadZipFile, OSError, ValueError, NotImplementedError):
            raise errors.UsageError(
                f"{path} is no archive, or its end is missing - notifier archive write makes one"
            ) from None
        with self._guarded(MANIFEST):
            self.manifest = self._manifest()
        self._compare()

    def close(self) -> None:
        """Give the file back."""
        self._zip.close()

    @contextmanager
    def _guarded(self, name: str) -> Iterator[None]:
        try:
            yield
        except (BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError):
            raise self._damaged(name, "it cannot be unpacked") from None

    def _damaged(self, name: str, why: str) -> errors.DatabaseError:
        return errors.DatabaseError(
            f"{self.path}: {name} is damaged, {why} - nothing was written; fetch the archive "
            "again, or write it anew"
        )

    def _manifest(self) -> Manifest:
        names = self._zip.namelist()
        if MANIFEST not in names:
            raise errors.UsageError(f"{self.path} is no archive of notifier: no {MANIFEST} in it")
        if self._zip.getinfo(MANIFEST).file_size > _MANIFEST_BYTES:
            raise self._damaged(MANIFEST, "it is far too large")
        with self._zip.open(MANIFEST) as piece:
            content = piece.read(_MANIFEST_BYTES)
        try:
            told = json.loads(content)
            if told["format"] != FORMAT:
                raise errors.UsageError(
                    f'{self.path} is of the format "{told["format"]}", which is not known here - '
                    "upgrade notifier"
                )
            return _manifest(told)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise self._damaged(MANIFEST, "it does not say what it should") from None

    def _compare(self) -> None:
        """What is there is what the manifest names, of the sizes that it names."""
        there = self._zip.infolist()
        named = {piece.name: piece for piece in self.manifest.pieces}
        if strange := [one.filename for one in there if one.filename not in {MANIFEST, *named}]:
            raise errors.DatabaseError(
                f"{self.path} holds {strange[0]!r}, which its manifest does not name - "
                "nothing was written"
            )
        if len({one.filename for one in there}) < len(there) or len(there) != len(named) + 1:
            raise self._damaged(MANIFEST, "pieces are missing or there twice")
        for one in there:
            if one.flag_bits & _ENCRYPTED or one.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
                raise self._damaged(one.filename, "it is packed in a way that is not ours")
            if one.filename != MANIFEST and one.file_size != named[one.filename].size_bytes:
                raise self._damaged(one.filename, "its size is not that of the manifest")
        whole, packed = sum(one.file_size for one in there), self.path.stat().st_size
        if whole > _MOST_TIMES * packed + _ALWAYS_BYTES:
            raise errors.DatabaseError(
                f"{self.path} would become {whole / 1e9:,.1f} GB, {whole // packed:,} times its "
                "size: no archive of ours does - nothing was written"
            )

    def check(self, tell: Tell) -> None:
        """Read everything once and compare it with its checksums.

        Raises:
            DatabaseError: a piece is damaged.
        """
        for piece in self.manifest.pieces:
            digest, count = hashlib.sha256(), 0
            for line in self._lines(piece):
                digest.update(line)
                count += 1
                if count % 1000 == 0:
                    tell(piece.table, 1000)
            tell(piece.table or piece.name, count % 1000 if piece.table else 0)
            if digest.hexdigest() != piece.sha256:
                raise self._damaged(piece.name, "its checksum is another")
            if piece.table and count != piece.rows:
                raise self._damaged(piece.name, f"it has {count:,} rows, not {piece.rows:,}")

    def _lines(self, piece: Piece) -> Iterator[bytes]:
        """The lines of a piece, not one byte more than it should have."""
        left = piece.size_bytes
        with self._guarded(piece.name), self._zip.open(piece.name) as packed:
            while left > 0 and (line := packed.readline(min(left, _LINE_BYTES) + 1)):
                left -= len(line)
                if left < 0 or len(line) > _LINE_BYTES:
                    raise self._damaged(piece.name, "it is longer than it should be")
                yield line
            if packed.read(1):
                raise self._damaged(piece.name, "it is longer than it should be")

    def rows(self, piece: Piece) -> Iterator[Row]:
        """Yield the rows of a table, as they were given to the writer.

        Raises:
            DatabaseError: a line is no row of it.
        """
        for number, line in enumerate(self._lines(piece), 1):
            try:
                told = json.loads(line)
                row = tuple(map(_value, map(told.__getitem__, piece.columns)))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                raise self._damaged(piece.name, f"line {number:,} is no row of it") from None
            yield row

    def content(self, piece: Piece) -> bytes:
        """Return a piece that is no table."""
        return b"".join(self._lines(piece))


def _value(told: Any) -> Any:
    if isinstance(told, dict):
        return base64.b64decode(told[_BYTES], validate=True)
    if isinstance(told, list):
        raise TypeError("a list is no value")
    return told


def _manifest(told: dict[str, Any]) -> Manifest:
    """Read a manifest.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    pieces = tuple(_piece(one) for one in told["pieces"])
    numbers, left_out = told["numbers"], told["left_out"]
    texts = (told["version"], told["schema"], told["written_at"], *left_out, *left_out.values())
    if not all(isinstance(one, str) for one in texts) or not all(map(_is_count, numbers.values())):
        raise ValueError("texts and numbers")
    return Manifest(
        told["version"], told["schema"], told["written_at"], bool(told["was_running"]),
        bool(told["has_secrets"]), pieces, dict(numbers), dict(left_out),
    )  # fmt: skip


def _piece(told: dict[str, Any]) -> Piece:
    piece = Piece(**told | {"columns": tuple(told["columns"])})
    counts = (piece.size_bytes, piece.rows)
    if not (_NAME.fullmatch(piece.name) and ".." not in piece.name and all(map(_is_count, counts))):
        raise ValueError("a name or number")
    if bool(_SUM.fullmatch(piece.sum)) != bool(piece.table):
        raise ValueError("a sum")
    if not all(map(_COLUMN.fullmatch, piece.columns)) or bool(piece.columns) != bool(piece.table):
        raise ValueError("columns")
    if not piece.table and piece.size_bytes > _FILE_BYTES:
        raise ValueError("a file that is too large")
    return piece


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
