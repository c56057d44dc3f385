"""Ask a Postfix on this machine which mails it has taken: its log, and its queue.

Reads only. The log's older pieces are read too where it was rotated: `mail.log.1`, `mail.log.2.gz`.
"""

from __future__ import annotations

import gzip
import subprocess
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

from notifier.delivery.postfix_trace import Trace, queue_entries, time_of
from notifier.errors import MailTraceError

QUEUE_SECONDS = 60.0
_OLDEST = 9


@dataclass(frozen=True, slots=True)
class Known:
    """`taken`: by digest's key, how it is known that Postfix took its mail. `since`: when the log
    begins (UTC); None where nothing in it tells a time. `log` is where it was read."""

    taken: Mapping[str, str]
    since: datetime | None
    log: Path


@dataclass(frozen=True, slots=True)
class Postfix:
    """`log` is the file Postfix writes to, `queue_command` prints its queue as `postqueue -j`."""

    log: Path
    queue_command: tuple[str, ...]

    def look_up(self, keys: Collection[str], *, since: datetime, now: datetime) -> Known:
        """Return which digests' mails Postfix has taken since a time.

        Raises:
            MailTraceError: log or queue cannot be read; the text says which, why and what to do.
        """
        try:
            pieces, begins_at = self._pieces(since, now)
            trace = Trace(keys)
            for piece in pieces:
                with _opened(piece) as file:
                    for line in file:
                        trace.read(line)
        except (OSError, EOFError, zlib.error) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise MailTraceError(
                f"delivery.postfix_log {self.log} cannot be read: {why} - the user of the notifier "
                "must be allowed to (Debian: the group adm)"
            ) from error
        trace.read_queue(self._queue())
        return Known(trace.taken, begins_at, self.log)

    def _pieces(self, since: datetime, now: datetime) -> tuple[list[Path], datetime | None]:
        """The files that cover the time since then, the oldest first, and when they begin."""
        found, begins_at = [self.log], _begins(self.log, now)
        for piece in _rotated(self.log):
            if begins_at is not None and begins_at <= since:
                break
            found.insert(0, piece)
            begins_at = _begins(piece, now) or begins_at
        return found, begins_at.astimezone(UTC) if begins_at else None

    def _queue(self) -> list[tuple[str, str]]:
        command = " ".join(self.queue_command)
        try:
            done = subprocess.run(  # noqa: S603  # the operator's own command, no shell
                self.queue_command, capture_output=True, timeout=QUEUE_SECONDS, check=False
            )
            if done.returncode:
                said = done.stderr.decode("utf-8", "replace").strip()[:200]
                raise MailTraceError(f'"{command}" failed: {said or done.returncode}')
            return queue_entries(done.stdout)
        except (OSError, subprocess.TimeoutExpired, ValueError) as error:
            raise MailTraceError(
                f'"{command}" does not print Postfix\'s queue: {error} - set '
                "delivery.postfix_queue_command"
            ) from error


def _rotated(log: Path) -> Iterator[Path]:
    """The log's older pieces, the youngest first."""
    for number in range(1, _OLDEST + 1):
        for ending in (f".{number}", f".{number}.gz"):
            piece = log.with_name(log.name + ending)
            if piece.exists():
                yield piece


def _opened(piece: Path) -> IO[bytes]:
    if piece.suffix == ".gz":
        return cast(IO[bytes], gzip.open(piece))  # the caller closes it
    return piece.open("rb")


def _begins(piece: Path, now: datetime) -> datetime | None:
    """When the first line was written that tells a time."""
    with _opened(piece) as file:
        times = (time_of(line, now=now, zone=None) for line in file)
        return next((time for time in times if time), None)
