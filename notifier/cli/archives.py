"""notifier archive: write, read, show."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifier import errors
from notifier.cli.copying import check_nobody_runs, running, telling
from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.state import clock, settings, state

if TYPE_CHECKING:
    from notifier.storage.archive_file import Archive, Manifest
    from notifier.storage.database import Database

app = typer.Typer(
    no_args_is_help=True,
    help="Everything as one file, for another machine or another database.",
    epilog="Example: notifier archive write notifier.zip",
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The archive.")]


@app.command(
    epilog="Examples: notifier archive write notifier.zip · "
    "notifier archive write notifier.zip --with-secrets --replace"
)
def write(
    file: File,
    with_secrets: Annotated[
        bool,
        typer.Option(
            "--with-secrets",
            help="Also the keys of links and of DKIM, and settings as they are: links in old mails "
            "go on working.",
        ),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a file of that name.")
    ] = False,
) -> None:
    """Write the whole instance into one file, also while a daemon runs on it.

    It holds all addresses, and what opens feeds and channels: guard it as the database itself. What
    a daemon does after this moment is not in it; to move, stop the daemon before.
    """
    from notifier.storage.whole_files import appearing

    with closing(_database()) as database, appearing(file, replace=replace) as made:
        _check_is_apart(file, database)
        manifest = _written(made, database, with_secrets=with_secrets)
    size = file.stat().st_size / 1e6
    say(f"wrote {file}: {len(manifest.tables)} tables, {manifest.rows:,} rows, {size:,.1f} MB")
    if not with_secrets:
        say("without keys: links in mails that were sent do not open anything on the new machine")
    if manifest.was_running:
        say(
            "a daemon runs: what it does from now on is not in the archive - to move, stop it first"
        )


def _check_is_apart(file: Path, database: Database) -> None:
    """Make sure that an archive takes the place of nothing that the instance needs.

    Raises:
        UsageError: it would.
    """
    from notifier.config import find_file

    base = database.place if database.is_sqlite else ""
    own = [find_file(state.config), *(Path(f"{base}{end}") for end in ("", "-wal", "-shm") if base)]
    if file.resolve() in {one.resolve() for one in own if one is not None}:
        raise errors.UsageError(f"{file} is the instance itself - name another file")


def _database() -> Database:
    from notifier.storage.database import Database

    database = Database(settings().database.url, makes_folder=False)
    if database.is_new:
        raise errors.NotFound(f"there is no file {database.place}")
    return database


def _written(made: Path, database: Database, *, with_secrets: bool) -> Manifest:
    from notifier.cli import carried_files
    from notifier.config import find_file
    from notifier.storage import archiving
    from notifier.storage.archive_file import SETTINGS

    own = find_file(state.config)
    files = carried_files.collected(settings(), own, with_secrets=with_secrets)
    if own is not None and SETTINGS not in files:
        say(
            "the settings are not in it, as a secret in them cannot be hidden: take them along by "
            "hand, or add --with-secrets"
        )
    with made.open("r+b") as file, telling(archiving.count(database), "writing") as tell:
        manifest = archiving.write(
            database, file, files, with_secrets=with_secrets,
            was_running=running(database) is not None, now=clock()(), tell=tell,
        )  # fmt: skip
        file.flush()
        os.fsync(file.fileno())
    return manifest


@app.command(
    epilog="Examples: notifier archive read notifier.zip --dry-run · "
    "notifier archive read notifier.zip --files /etc/notifier"
)
def read(
    file: File,
    files: Annotated[
        Path | None,
        typer.Option("--files", help="Also write its settings and keys into this folder."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, and write nothing.")
    ] = False,
    format_: FormatOption = Format.table,
) -> None:
    """Take an archive into the database of the settings, which must hold nothing yet.

    All of it or nothing; from SQLite into PostgreSQL and back, from older versions too.
    """
    from notifier.storage import archiving
    from notifier.storage.archive_file import Archive
    from notifier.storage.database import Database

    url = settings().database.url
    with closing(Archive(file)) as archive, closing(Database(url, makes_folder=not dry_run)) as new:
        archiving.check_schema(archive)
        archiving.check_target(new)
        if not new.is_new:
            check_nobody_runs(new)
        targets = _targets(archive, files) if files else {}
        with telling(archive.manifest.rows * (1 if dry_run else 3), "reading") as tell:
            archive.check(tell)
            if not dry_run:
                with _kept(targets):
                    archiving.read(archive, new, tell)
        _report(archive, new.place, format_, dry_run=dry_run)


def _targets(archive: Archive, folder: Path) -> dict[Path, bytes]:
    """Where the settings and keys of an archive go.

    Raises:
        UsageError: one of them is there already.
        DatabaseError: two have one name.
    """
    pieces = [piece for piece in archive.manifest.pieces if not piece.table]
    targets = {folder / Path(piece.name).name: archive.content(piece) for piece in pieces}
    if len(targets) < len(pieces):
        raise errors.DatabaseError(f"{archive.path} holds two files of one name, and is not ours")
    for target in targets:
        if target.exists():
            raise errors.UsageError(f"{target} is there already - name another folder with --files")
    return targets


@contextmanager
def _kept(targets: dict[Path, bytes]) -> Iterator[None]:
    """Keep settings and keys, unless what follows fails: before it, as a folder may be full.

    Raises:
        UsageError: they cannot be written there.
    """
    with ExitStack() as undoing:
        for target, content in targets.items():
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.touch(mode=0o600, exist_ok=False)
                undoing.callback(target.unlink, missing_ok=True)
                target.write_bytes(content)
            except OSError as error:
                raise errors.UsageError(
                    f"{target} cannot be written: {error.strerror} - name another folder with "
                    "--files; nothing was taken"
                ) from None
        yield
        undoing.pop_all()
    for target in targets:
        say(f"wrote {target}")


def _report(archive: Archive, place: str, format_: Format, *, dry_run: bool) -> None:
    manifest = archive.manifest
    print_rows(_rows(manifest), ("table", "rows", "left_out"), format_)
    if dry_run:
        say(f"{manifest.rows:,} rows, all sound; nothing was written to {place}")
        return
    say(f"took {manifest.rows:,} rows into {place}")
    if manifest.was_running:
        say(
            "a daemon ran when it was written: what that has sent since may be sent again from here"
        )
    if not manifest.has_secrets:
        say("it has no keys: links in mails that were sent open nothing here, those in new ones do")
    say("next: notifier db check, notifier doctor, notifier run")


def _rows(manifest: Manifest) -> list[dict[str, object]]:
    there = [(piece.table, piece.rows, None) for piece in manifest.tables]
    away = [(name, None, reason) for name, reason in manifest.left_out.items()]
    return [dict(zip(("table", "rows", "left_out"), one, strict=True)) for one in (*there, *away)]


@app.command(
    epilog="Examples: notifier archive show notifier.zip · "
    "notifier archive show notifier.zip --settings > notifier.toml"
)
def show(
    file: File,
    settings: Annotated[
        bool, typer.Option("--settings", help="Print its settings instead.")
    ] = False,
    format_: FormatOption = Format.table,
) -> None:
    """Print what is in an archive, and whether all of it is sound."""
    from notifier.storage.archive_file import SETTINGS, Archive

    with closing(Archive(file)) as archive:
        manifest = archive.manifest
        if settings:
            found = [piece for piece in manifest.pieces if piece.name == SETTINGS]
            if not found:
                raise errors.NotFound(f"{file} holds no settings")
            typer.echo(archive.content(found[0]), nl=False)
            return
        with telling(manifest.rows, "checking") as tell:
            archive.check(tell)
    say(
        f"{manifest.format}: written {manifest.written_at} by notifier {manifest.version}, schema "
        f"{manifest.schema}, {'with' if manifest.has_secrets else 'without'} keys; all sound"
    )
    print_rows(_rows(manifest), ("table", "rows", "left_out"), format_)
