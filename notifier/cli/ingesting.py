"""The work behind `notifier ingest`."""

from __future__ import annotations

import asyncio
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from notifier import errors
from notifier.cli.output import Format, print_rows, say
from notifier.cli.state import state
from notifier.jobs.ingest import Progress, Tell
from notifier.jobs.take import Ingested, take_body
from notifier.sources.sniff import kind_of
from notifier.sources.source import KINDS

if TYPE_CHECKING:
    from notifier.app import App


def read_file(app: App, path: Path, kind: str, name: str, *, history: bool = False) -> Ingested:
    """Take in a saved answer, as the source `name` (else: the kind) would have brought it.

    A file that is no answer of that kind gives a report with `failure`, and changes nothing.

    Args:
        history: Old papers in it are kept and mailed to nobody, as in a back-fill.
    """
    if kind and kind not in KINDS:
        raise errors.UsageError(f'--kind is one of {", ".join(KINDS)}, not "{kind}"')
    try:
        body = _read(path, app.intake.http_settings.max_bytes)
        found = kind if kind in KINDS else kind_of(path.name, body)
        source = app.intake.source_for_file(found, name or found)
        now = app.clock()
        news_since = now - app.lookback if history else None
        return take_body(app.database, source, body, now=now, news_since=news_since)
    except errors.SourceError as error:
        return Ingested(name or kind or "-", failure=f"{path}: {error}")


def _read(path: Path, limit: int) -> bytes:
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise errors.UsageError(f"{path} is no regular file")
        size = path.stat().st_size
        if size > limit:
            raise errors.SourceError(
                f"{size / 1e6:.0f} MB is larger than http.max_megabytes ({limit // 1_000_000})"
            )
        return _unpacked(path.read_bytes(), limit)
    except OSError as error:
        raise errors.NotFound(f"{path}: {error.strerror}") from error


def _unpacked(body: bytes, limit: int) -> bytes:
    """Return what a gzip file holds (RFC 1952), up to a limit; any other file as it is."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    unpacking = zlib.decompressobj(wbits=31)
    try:
        whole = unpacking.decompress(body, limit + 1)
    except zlib.error as error:
        raise errors.SourceError(f"the file is packed and broken: {error}") from error
    if len(whole) > limit:
        raise errors.SourceError(
            f"unpacked it is larger than http.max_megabytes ({limit // 1_000_000})"
        )
    if not unpacking.eof:
        raise errors.SourceError("the file is packed and broken: its end is missing")
    return whole


def fetch(app: App, names: tuple[str, ...], *, since: datetime | None) -> list[Ingested]:
    """Fetch sources, telling how far we are.

    Args:
        since: Back-fill from then on; sources that keep no history give what they show now.

    Raises:
        UsageError: `since` lies in the future.
    """
    if since and since > app.clock():
        raise errors.UsageError(f"--since {since:%Y-%m-%d} lies in the future")
    reports: list[Ingested] = []
    for source in app.intake.sources(names):
        if since and source.window is None and source.replay is None:
            say(f"{source.name} keeps no history: reading what it shows now")
        with _telling(source.name) as tell:
            reports += asyncio.run(app.intake.ingest([source], since=since, tell=tell))
    return reports


@contextmanager
def _telling(name: str) -> Iterator[Tell]:
    """Show a bar while answers come in, to a person at a terminal; else say one line."""
    if state.quiet or not sys.stderr.isatty():
        say(f"fetching {name} ...")
        yield lambda progress: None
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("fetching {task.description}"),
        bars.BarColumn(),
        bars.TextColumn("{task.fields[said]}"),
        bars.TimeElapsedColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(name, total=None, said="")

        def tell(progress: Progress) -> None:
            known = progress.total is not None and progress.entries <= progress.total
            done, total = (
                (progress.entries, progress.total)
                if known
                else (progress.answers, progress.answers + progress.waiting)
            )
            said = f"{progress.entries:,} papers, {progress.answers} answers"
            shown.update(task, completed=done, total=total, said=said)

        yield tell


def print_table(reports: list[Ingested]) -> None:
    """Print what came, and every problem on stderr."""
    columns = ("source", "seen", "new", "updated", "merged", "rejected")
    print_rows([report.as_json() for report in reports], columns, Format.table)
    for report in reports:
        for problem in report.as_json()["problems"]:
            say(f"{report.source}: {problem['entry']}: {problem['reason']}")
