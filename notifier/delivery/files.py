"""A folder that takes mails: each becomes one `.eml` file, whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from notifier.errors import MailerDown

_MESSAGE_ID = re.compile(rb"^Message-ID: <([A-Za-z0-9][A-Za-z0-9._-]{,99})@", re.M | re.I)


class FilesTransport:
    """Writes mails into `folder`, named by their Message-ID: the same mail is the same file.

    `then` is called with each file that was written.
    """

    def __init__(self, folder: Path, *, then: Callable[[Path], None] = lambda path: None) -> None:
        self._folder, self._then = folder, then

    @property
    def may_be_taken(self) -> bool:
        """See `Mailer.may_be_taken`: writing a file is done at once."""
        return True

    @asynccontextmanager
    async def open(self) -> AsyncIterator[FilesTransport]:
        """Yield itself; there is nothing to close."""
        yield self

    async def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        """See `Mailer.send`; refuses nothing that fits on the disk."""
        return await asyncio.to_thread(self._write, content)

    def _write(self, content: bytes) -> str:
        found = _MESSAGE_ID.search(content.partition(b"\r\n\r\n")[0])
        name = found.group(1).decode() if found else hashlib.sha256(content).hexdigest()[:32]
        path = self._folder / f"{name}.eml"
        part = path.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise MailerDown(f"{path} cannot be written: {error.strerror}") from error
        self._then(path)
        return f"written to {path.name}"
