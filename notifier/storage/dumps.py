"""A copy of a PostgreSQL database while it is in use, by its own `pg_dump`.

pg_dump reads one state of the database and hinders nobody. The password goes to it by the
environment, which other users of the machine cannot read as they can a command line.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from notifier import errors
from notifier.storage.database import Database

_DEBIAN = Path("/usr/lib/postgresql")  # one folder for each major version
_VERSION = re.compile(r"\) (\d+)")
_DATA = re.compile(r" TABLE DATA \S+ (\S+) ")


@dataclass(frozen=True, slots=True)
class Tools:
    """pg_dump and pg_restore of one version, in one folder."""

    dump: Path
    restore: Path


def write(database: Database, made: Path) -> None:
    """Write the database into a file, in pg_dump's custom format, and read back what is in it.

    Raises:
        DatabaseError: pg_dump is missing, too old, or failed.
    """
    tools = _tools(database)
    url = database.url
    password = {"PGPASSWORD": str(url.password)} if url.password else {}
    source = url._replace(drivername="postgresql", password=None)
    _run(
        tools.dump, "--format=custom", "--no-owner", "--no-privileges", "--no-password",
        "--lock-wait-timeout=60s", f"--file={made}", f"--dbname={source.render_as_string()}",
        environment=password,
    )  # fmt: skip
    held = set(_DATA.findall(_run(tools.restore, "--list", str(made))))
    if lost := _tables(database) - held:
        raise errors.DatabaseError(f"the copy is not sound: it has no {sorted(lost)[0]}")


def _tables(database: Database) -> set[str]:
    from sqlalchemy import inspect

    with database.reading() as conn:
        return set(inspect(conn).get_table_names())


def _tools(database: Database) -> Tools:
    """The programs to use: pg_dump refuses a server that is newer than itself."""
    with database.reading() as conn:
        server = int(conn.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
    newest = 0
    for tools in _installed():
        found = _VERSION.search(_run(tools.dump, "--version"))
        newest = max(newest, int(found[1]) if found else 0)
        if newest >= server:
            return tools
    has = f"pg_dump is of version {newest}" if newest else "pg_dump is not installed here"
    raise errors.DatabaseError(
        f"{has}, the server of version {server} - install postgresql-client-{server}"
    )


def _installed() -> Iterator[Tools]:
    """Those in PATH, then those of Debian, the newest first."""
    folders = [Path(first).parent] if (first := which("pg_dump")) else []
    folders += sorted(_DEBIAN.glob("*/bin"), key=_major, reverse=True)
    for folder in folders:
        tools = Tools(folder / "pg_dump", folder / "pg_restore")
        if tools.dump.is_file() and tools.restore.is_file():
            yield tools


def _major(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdecimal() else 0


def _run(program: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(  # noqa: S603  # arguments are ours, and no shell reads them
        [str(program), *arguments],
        env=os.environ | (environment or {}) | {"LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise errors.DatabaseError(f"{program.name} failed: {said}")
    return done.stdout
