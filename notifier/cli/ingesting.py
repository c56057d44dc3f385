"""The work behind `notifier ingest`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from notifier import errors
from notifier.cli.output import Format, print_rows, say
from notifier.jobs.ingest import Ingested, take_body
from notifier.sources.source import KINDS

if TYPE_CHECKING:
    from notifier.app import App


def read_file(app: App, path: Path, kind: str, name: str) -> Ingested:
    """Take in a saved answer, as the source `name` (else: the kind) would have brought it.

    A file that is no answer of that kind gives a report with `failure`, and changes nothing.
    """
    if kind not in KINDS:
        raise errors.UsageError(f'--kind is one of {", ".join(KINDS)}, not "{kind}"')
    source = app.source_for_file(kind, name or kind)
    try:
        body = _read(path, app.http_settings.max_bytes)
        return take_body(app.database, source, body, now=app.clock())
    except errors.SourceError as error:
        return Ingested(source.name, failure=f"{path}: {error}")


def _read(path: Path, limit: int) -> bytes:
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise errors.UsageError(f"{path} is no regular file")
        size = path.stat().st_size
        if size > limit:
            raise errors.SourceError(
                f"{size / 1e6:.0f} MB is larger than http.max_megabytes ({limit // 1_000_000})"
            )
        return path.read_bytes()
    except OSError as error:
        raise errors.NotFound(f"{path}: {error.strerror}") from error


def fetch(app: App, names: tuple[str, ...]) -> list[Ingested]:
    """Fetch sources, telling how far we are."""
    reports: list[Ingested] = []
    for source in app.sources(names):
        say(f"fetching {source.name} ({len(source.addresses(now=app.clock()))} requests) ...")
        reports += asyncio.run(app.ingest([source]))
    return reports


def print_table(reports: list[Ingested]) -> None:
    """Print what came, and every problem on stderr."""
    columns = ("source", "seen", "new", "updated", "merged", "rejected")
    print_rows([report.as_json() for report in reports], columns, Format.table)
    for report in reports:
        for problem in report.as_json()["problems"]:
            say(f"{report.source}: {problem['entry']}: {problem['reason']}")
