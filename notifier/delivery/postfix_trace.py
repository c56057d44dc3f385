"""What lines of Postfix's log say of our mails: which it has put into its queue.

Pure. `cleanup` logs a Message-ID while the mail is still coming in; what it says is that this queue
id is ours. That the mail is taken, only `qmgr` says, with "(queue active)", or its being in the
queue. A short queue id is used again later, so the last mail of an id is whose it is.
Source: Postfix's cleanup_message.c, qmgr_message.c, mail_queue.h and postqueue(1), 3.7.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from datetime import datetime, tzinfo

_CLEANUP = re.compile(rb"/cleanup\[\d+\]: ([0-9A-Za-z]{6,24}): message-id=<([^@<>\s]{1,200})@")
_QMGR = re.compile(rb"/qmgr\[\d+\]: ([0-9A-Za-z]{6,24}): from=<[^>]*>, .*\(queue active\)")
_TRADITIONAL = re.compile(rb"([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) ")
_ISO = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d) ")
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
           b"Dec")  # fmt: skip
# A mail in one of these was received whole; "maildrop" is what sendmail(1) brought.
_QUEUES = ("incoming", "active", "deferred", "hold")


class Trace:
    """Reads lines in their order; `taken` is by key, with the evidence in words."""

    def __init__(self, keys: Collection[str]) -> None:
        """
        Args:
            keys: Of digests: what stands before the "@" of their mails' Message-IDs.
        """
        self._keys = {key.encode("ascii"): key for key in keys}
        self._ours: dict[bytes, str] = {}
        self.taken: dict[str, str] = {}

    def read(self, line: bytes) -> None:
        """Take in one line of the log."""
        if b"message-id=<" in line and (found := _CLEANUP.search(line)):
            queue_id, key = found[1], self._keys.get(found[2])
            if key is None:
                self._ours.pop(queue_id, None)
            else:
                self._ours[queue_id] = key
        elif self._ours and b"(queue active)" in line and (found := _QMGR.search(line)):
            self._take(found[1], "log")

    def _take(self, queue_id: bytes, place: str) -> None:
        if key := self._ours.get(queue_id):
            words = f"Postfix had taken it: {queue_id.decode()} in its {place}"
            self.taken.setdefault(key, words)

    def read_queue(self, queued: Iterable[tuple[str, str]]) -> None:
        """Take in what is in the queue now, as `queue_entries` returns it."""
        for queue, queue_id in queued:
            if queue in _QUEUES:
                self._take(queue_id.encode(), "queue")


def queue_entries(listed: bytes) -> list[tuple[str, str]]:
    """Return (queue, queue id) of each line that `postqueue -j` prints.

    Raises:
        ValueError: they are no such lines.
    """
    try:
        entries = [json.loads(line) for line in listed.splitlines() if line.strip()]
        return [(str(one["queue_name"]), str(one["queue_id"])) for one in entries]
    except (KeyError, TypeError) as error:
        raise ValueError(f"no {error} in it") from error


def time_of(line: bytes, *, now: datetime, zone: tzinfo | None) -> datetime | None:
    """Return when a line was written, as `2026-11-25T07:00:00+00:00 ` or `Nov 25 07:00:00 `.

    Args:
        now: Aware; the second form has no year, and no line is of the future.
        zone: Of the second form; None: this machine's.
    """
    if found := _ISO.match(line):
        return datetime.fromisoformat(found[0].decode().strip())
    found = _TRADITIONAL.match(line)
    if found is None or found[1] not in _MONTHS:
        return None
    month, (day, hour, minute, second) = _MONTHS.index(found[1]) + 1, map(int, found.groups()[1:])
    for year in (now.year, now.year - 1, now.year - 2, now.year - 3, now.year - 4):
        try:
            naive = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  # just below
        except ValueError:  # the 29th of February
            continue
        written = naive.replace(tzinfo=zone) if zone else naive.astimezone()
        # A day of grace: zones, and a clock that is a little ahead.
        if (written - now).days < 1:
            return written
    return None
