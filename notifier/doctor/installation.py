"""What is here: the configuration and its files, templates, the database and its disk."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from notifier import errors
from notifier.config import Settings
from notifier.config_values import file_of
from notifier.delivery.dkim_keys import exposed
from notifier.digests.render import Templates
from notifier.doctor.finding import Finding, failed, ok, skipped, warning
from notifier.doctor.setup import Setup, is_example
from notifier.storage import backups, schema, sizes
from notifier.storage.database import Database

# Locks and shared memory, which WAL is made of, do not work over a network.
_NETWORKED = ("nfs", "cifs", "smb", "9p", "ceph", "gluster", "lustre", "afs", "fuse.sshfs", "davfs")
_LITTLE_BYTES = 200_000_000


async def ask_configuration(setup: Setup) -> list[Finding]:
    """Whether the settings, which could be read, are those of a real instance."""
    found = [*_from_file(setup), *_examples(setup), *_modes(setup)]
    return found or [ok("configuration", f"{setup.file}, and all its settings can be used")]


def _from_file(setup: Setup) -> Iterator[Finding]:
    if setup.file is None:
        said = "there is no notifier.toml: the defaults are in use"
        yield warning("configuration", said, 'Run "notifier init", or name one by --config.')


def _examples(setup: Setup) -> Iterator[Finding]:
    """Settings that nobody but an example has."""
    site, mail = setup.settings.site, setup.settings.mail
    host = site.public_url.partition("//")[2].partition("/")[0].rpartition(":")[0]
    host = host or site.public_url.partition("//")[2].partition("/")[0]
    if not setup.sends:
        said = f'mail.transport is "{mail.transport}": nobody is mailed'
        yield warning("configuration", said, 'Set mail.transport = "smtp" when you are ready.')
    elif is_example(setup.sender_domain):
        said = f"mail.from is in {setup.sender_domain or 'no domain'}, which is nobody's"
        yield failed("configuration", said, "Set mail.from to an address of yours.")
    if setup.sends and is_example(host):
        said = f"site.public_url is {site.public_url}: links in mails lead nowhere"
        yield failed("configuration", said, "Set site.public_url to where readers reach the pages.")
    elif setup.sends and site.public_url.startswith("http://"):
        said = f"site.public_url is {site.public_url}, without TLS: no one-click unsubscribe"
        yield warning("configuration", said, "Put the pages behind https (RFC 8058 asks for it).")
    if not site.contact:
        said = "site.contact is empty: neither sources nor readers can write to you"
        yield warning("configuration", said, "Set site.contact to an address that you read.")
    if not setup.settings.source:
        yield warning("configuration", "there is no source", "Add a [[source]] to notifier.toml.")


def _modes(setup: Setup) -> Iterator[Finding]:
    """Files with secrets that others can read."""
    if setup.file is None:
        return
    settings, folder = setup.settings, setup.file.absolute().parent
    named = [settings.smtp.password_file, settings.bounce.imap_password_file]
    named += [settings.health.ping_url_file, *(one.api_key_file for one in settings.source)]
    inline = any(_holds(setup.file, secret) for secret in _secrets(settings))
    paths = [file_of(path, folder) for path in named if path] + [setup.file] * inline
    for path in paths:
        if path.is_file() and (said := exposed(path)):
            yield warning("configuration", said, f"Run: chmod 600 {path}")


def _secrets(settings: Settings) -> Iterator[str]:
    """Yield what is to be known to nobody else, wherever it was read; "" where it is not set."""
    yield urlsplit(settings.database.url).password or ""
    held = [settings.smtp.password, settings.bounce.imap_password, settings.health.ping_url]
    for one in [*held, *(source.api_key for source in settings.source)]:
        yield one.get_secret_value()


def _holds(file: Path, secret: str) -> bool:
    """Whether a secret stands in a file, as it is or with the escapes of TOML."""
    text = file.read_text("utf-8", "replace") if file.is_file() else ""
    return bool(secret) and (secret in text or json.dumps(secret)[1:-1] in text)


async def ask_templates(setup: Setup) -> list[Finding]:
    """Whether an operator's own templates can be read."""
    folder = setup.settings.site.templates_dir
    if folder is None:
        return [ok("templates", "the built-in ones")]
    problems = await asyncio.to_thread(Templates(folder).check)
    remedy = f"Mend it in {folder}; until then the built-in one is used."
    return [warning("templates", one, remedy) for one in problems] or [ok("templates", str(folder))]


def open_database(url: str) -> tuple[Database | None, list[Finding]]:
    """Open a database as it is, without making it or bringing it up to date.

    Returns:
        The database where commands can work on it, and what was found.
    """
    try:
        database = Database(url, makes_folder=False)
    except errors.NotifierError as error:
        return None, [failed("database", str(error), "Correct database.url in notifier.toml.")]
    place = Path(database.place)
    if database.is_sqlite and not place.exists():
        said = f"{place} is not there yet"
        return None, [warning("database", said, 'The first command makes it: "notifier status".')]
    try:
        return _looked_at(database)
    except errors.NotifierError as error:
        database.close()
        remedy = f"Restore a backup, or name another file: {database.place}."
        return None, [failed("database", str(error), remedy)]


def _looked_at(database: Database) -> tuple[Database | None, list[Finding]]:
    damage = backups.quick_problems(database)
    if damage:
        remedy = 'Stop the daemon and restore a backup; "notifier db check" tells all of it.'
        return None, [failed("database", f"it is damaged: {damage[0]}", remedy)]
    steps = schema.pending(database)
    if steps:
        said = f"its schema is {schema.revision(database)}, and the program's is {schema.head()}"
        return None, [warning("database", said, 'Run "notifier db upgrade".')]
    held = sizes.size(database)
    said = f"{database.place}, schema {schema.head()}, {held.total / 1e6:,.1f} MB, sound"
    return database, [ok("database", said)]


async def ask_disk(setup: Setup) -> list[Finding]:
    """Whether the database's disk is a local one, can be written to, and has room."""
    return await asyncio.to_thread(_disk, setup)


def _disk(setup: Setup) -> list[Finding]:
    scheme, _, path = setup.settings.database.url.partition(":///")
    if not scheme.startswith("sqlite"):
        return [skipped("disk", "the database is a server's")]
    folder = next(one for one in Path(path).absolute().parents if one.exists())
    found = [*_written(folder, Path(path)), *_local(folder), *_room(folder, Path(path))]
    if found:
        return found
    free = shutil.disk_usage(folder).free
    return [ok("disk", f"{folder}: local, can be written to, {free / 1e9:,.1f} GB free")]


def _written(folder: Path, file: Path) -> Iterator[Finding]:
    for place in (folder, file):
        if place.exists() and not os.access(place, os.W_OK):
            said = f"{place} cannot be written to by this user (SQLite also writes beside its file)"
            yield failed("disk", said, f"Run as the user of the daemon, or chown {folder} to it.")


def _local(folder: Path) -> Iterator[Finding]:
    kind = file_system(folder, mounts())
    if any(kind.startswith(one) for one in _NETWORKED):
        said = f"{folder} is on a network file system ({kind}), where SQLite's WAL is not safe"
        yield failed("disk", said, "Move the database to a local disk and set database.url.")


def mounts() -> str:
    """Return the table of mounted file systems; "" where the system shows none."""
    try:
        return Path("/proc/self/mounts").read_text("utf-8", "replace")
    except OSError:
        return ""


def file_system(folder: Path, table: str) -> str:
    """Return the kind of file system that a folder lies on, "" where that is not known. Pure."""
    best, kind = "", ""
    for line in table.splitlines():
        point, what = ([*line.split(), "", "", ""])[1:3]
        point = point.replace("\\040", " ")
        is_above = folder == Path(point) or Path(point) in folder.parents
        if point.startswith("/") and is_above and len(point) >= len(best):
            best, kind = point, what
    return kind


def _room(folder: Path, file: Path) -> Iterator[Finding]:
    free, held = shutil.disk_usage(folder).free, file.stat().st_size if file.exists() else 0
    if free < max(_LITTLE_BYTES, held):
        said = f"{folder} has {free / 1e6:,.0f} MB free, and the database has {held / 1e6:,.0f} MB"
        remedy = 'Make room: a backup or "prune --vacuum" needs the database\'s size once more.'
        yield warning("disk", said, remedy)
