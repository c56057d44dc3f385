"""A whole database into an archive, and an archive into a database that holds nothing yet.

Every table that there is goes along, but for those named here. Written in one transaction that sees
one state; read in one that keeps all of it or nothing. An archive of an older version is taken into
tables of that version, which are then brought up to date as any database is.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import IO

from sqlalchemy import Connection, MetaData, Table, delete, inspect, select, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from notifier import __version__, errors
from notifier.storage import carried, copying, schema
from notifier.storage import tables as t
from notifier.storage.archive_file import Archive, Manifest, Piece, Row, Tell, Writer, writing
from notifier.storage.columns import Row as TableRow
from notifier.storage.database import Database

# Tables that say something of this machine alone.
LEFT_OUT = {
    t.process.name: "processes run on the old machine",
    t.lease.name: "a process of the old machine held it",
}
SECRETS = {t.secret.name: "keys go along only with --with-secrets"}
# What stands in a database that nobody has used yet.
_OF_A_FRESH_ONE = (t.destination.name, t.secret.name, *LEFT_OUT)


def write(
    database: Database,
    file: IO[bytes],
    files: Mapping[str, bytes],
    *,
    with_secrets: bool,
    was_running: bool,
    now: datetime,
    tell: Tell,
) -> Manifest:
    """Write everything into a file, and return what is in it.

    Args:
        files: What goes along beside the tables, by name.
        tell: Called with a table's name and how many more of its rows are written.
    Raises:
        UsageError: the database is empty, or has an older schema.
    """
    if schema.revision(database) is None:
        raise errors.UsageError(f"{database.place} is empty - which database is meant?")
    if schema.pending(database):
        raise errors.UsageError(
            f"{database.place} has an older schema - first: notifier db upgrade"
        )
    left_out = LEFT_OUT | ({} if with_secrets else SECRETS)
    with writing(file) as writer:
        with database.reading() as conn:
            for table in copying.tables():
                if table.name not in left_out:
                    _write_table(conn, table, writer, tell)
            numbers = {one.name: carried.numbered_from(conn, one) for one in copying.numbered()}
        for name, content in files.items():
            writer.file(name, content)
        manifest = Manifest(
            __version__, schema.head(), now.isoformat(), was_running, with_secrets,
            tuple(writer.pieces), numbers, left_out,
        )  # fmt: skip
        writer.end(manifest)
    return manifest


def _write_table(conn: Connection, table: Table, writer: Writer, tell: Tell) -> None:
    total = 0

    def rows() -> Generator[Row]:
        nonlocal total
        with carried.rows(conn, table, piece=copying.PIECE) as pieces:
            for piece in pieces:
                total += carried.total(piece)
                yield from piece
                tell(table.name, len(piece))

    with closing(rows()) as found:
        writer.table(table.name, table.columns.keys(), found, lambda: total % carried.MODULUS)


def count(database: Database) -> int:
    """Return how many rows there are to be written."""
    with database.reading() as conn:
        return sum(copying.count(conn, table) for table in copying.tables())


def check_target(database: Database) -> None:
    """Make sure that a database holds nothing yet.

    Raises:
        UsageError: it does.
        DatabaseError: it is of another program, or of a newer version.
    """
    if database.is_new or schema.revision(database) is None:
        return
    schema.pending(database)  # refuses what is newer
    with database.reading() as conn:
        _check_empty(conn, database.place)


def _check_empty(conn: Connection, place: str) -> None:
    known = set(inspect(conn).get_table_names())
    for table in copying.tables():
        if table.name not in _OF_A_FRESH_ONE and table.name in known and _has_rows(conn, table):
            raise errors.UsageError(
                f'{place} is not empty, there are rows in "{table.name}" - an archive is read into '
                "a new database: name one in [database] url, or move this away"
            )


def _has_rows(conn: Connection, table: Table) -> bool:
    return conn.execute(select(text("1")).select_from(table).limit(1)).first() is not None


def check_schema(archive: Archive) -> None:
    """Make sure that this program knows the archive's schema, and that it holds what that has.

    Of an older version that is seen as it is read.

    Raises:
        DatabaseError: the archive is of a newer version, or lacks tables or columns.
    """
    manifest = archive.manifest
    if manifest.schema not in schema.known():
        raise errors.DatabaseError(
            f"{archive.path} was written by notifier {manifest.version}, which is newer (schema "
            f"{manifest.schema}; this program knows {schema.head()}) - upgrade notifier, then read"
        )
    if manifest.schema == schema.head():
        _check_shape(archive, {one.name: set(one.columns.keys()) for one in copying.tables()})


def _check_shape(archive: Archive, wanted: Mapping[str, Collection[str]]) -> None:
    """Make sure that an archive has the tables and columns of its schema, but for what it names."""
    manifest = archive.manifest
    for piece in manifest.tables:
        if set(piece.columns) != set(wanted.get(piece.table, ())):
            raise errors.DatabaseError(
                f'{archive.path}: "{piece.table}" has other columns than in schema '
                f"{manifest.schema} - nothing was written"
            )
    there = {piece.table for piece in manifest.tables}
    if missing := sorted(set(wanted) - there - set(manifest.left_out)):
        raise errors.DatabaseError(
            f'{archive.path}: the table "{missing[0]}" is not in it, and not named as left out - '
            "nothing was written"
        )


def read(archive: Archive, database: Database, tell: Tell) -> None:
    """Take everything into a database that holds nothing yet: all of it, or nothing.

    Args:
        archive: Checked.
        tell: Called with a table's name and how many more of its rows are done: written, or read
            back.
    Raises:
        UsageError: the database is not empty.
        DatabaseError: a row cannot be taken, or reads back as another.
    """
    check_target(database)
    is_older = archive.manifest.schema != schema.head()
    if is_older:
        _make_anew(database, archive.manifest.schema)
    else:
        schema.upgrade(database)
    try:
        with database.writing() as conn:
            _check_empty(conn, database.place)  # nobody else was faster
            _take(conn, archive, tell)
            if not is_older:
                _compare(conn, archive, tell)
            _number(conn, archive.manifest)
        if is_older:
            schema.upgrade(database)
            with database.writing() as conn:
                _number(conn, archive.manifest)
    except BaseException:
        if is_older:
            _make_anew(database, "head")
        raise
    with database.writing() as conn:
        conn.execute(text("ANALYZE"))  # statements are planned by it, from the first on


def _make_anew(database: Database, revision: str) -> None:
    """Give a database that holds nothing the schema of a version."""
    with database.writing() as conn:
        _check_empty(conn, database.place)
        TableRow.metadata.drop_all(conn)
        conn.execute(text(f"DROP TABLE IF EXISTS {schema.VERSION}"))
    schema.upgrade(database, revision)


def _take(conn: Connection, archive: Archive, tell: Tell) -> None:
    there = inspect(conn)
    known = set(there.get_table_names()) - {schema.VERSION}
    _check_shape(archive, {n: {one["name"] for one in there.get_columns(n)} for n in known})
    for name in _OF_A_FRESH_ONE:
        if name in known and name not in archive.manifest.left_out:
            conn.execute(delete(_table(name)))
    for piece in archive.manifest.tables:
        _take_table(conn, archive, piece, tell)


def _take_table(conn: Connection, archive: Archive, piece: Piece, tell: Tell) -> None:
    table, rows = _table(piece.table), archive.rows(piece)
    while part := list(islice(rows, copying.PIECE)):
        try:
            carried.write(conn, table, part, piece.columns)
        except (DataError, IntegrityError, OverflowError, UnicodeError) as error:
            why = copying.said(error) if isinstance(error, DBAPIError) else type(error).__name__
            raise errors.DatabaseError(
                f"{archive.path}: a row of {piece.table} is not taken: {why} - nothing was written"
            ) from None
        tell(piece.table, len(part))


def _number(conn: Connection, manifest: Manifest) -> None:
    """New rows are numbered behind all that ever were, also in tables of an older version."""
    known = set(inspect(conn).get_table_names())
    for table in copying.numbered():
        if table.name in known:
            carried.number_behind(conn, table, manifest.numbers.get(table.name, 0))


def _table(name: str) -> Table:
    """The table as it is declared; one that is no more by its name alone."""
    found = TableRow.metadata.tables.get(name)
    return Table(name, MetaData()) if found is None else found


def _compare(conn: Connection, archive: Archive, tell: Tell) -> None:
    """What was written reads back as what was in the old database."""
    for piece in archive.manifest.tables:
        found = copying.summed(conn, _table(piece.table), tell)
        if found != (piece.rows, int(piece.sum, 16)):
            raise errors.DatabaseError(
                f"{piece.table} reads back as {found[0]:,} rows with another sum: somebody changed "
                "the archive, or we did not carry it right - nothing was written; write it anew, "
                "and report it if that is refused, too"
            )
