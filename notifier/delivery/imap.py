"""A mailbox that is read by IMAP (RFC 3501): which mails wait, the start of each, and putting away.

Blocking; for a thread. Nothing is deleted but what MOVE (RFC 6851) or a copy has brought elsewhere.
Errors are one line, without an address.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from notifier.errors import MailboxError

if TYPE_CHECKING:
    from imapclient import IMAPClient

# So much of a mail is read; what `bounces` looks at is less. Larger ones are cut.
READ_BYTES = 1_000_000
TIMEOUT_SECONDS = 60.0
_ADDRESS = re.compile(r"\S+@\S+")
_TIMING = re.compile(r" ?\([0-9. +]+ secs\)\.?")  # Dovecot's
_WORDS = 150


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """Where the mailbox is; `security` is required as it stands, nothing falls back."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    done_folder: str = "Processed"
    ca_file: Path | None = None
    timeout_seconds: float = TIMEOUT_SECONDS


class Mailbox:
    """A folder that was opened. Mails are named by their UIDs."""

    def __init__(
        self, client: IMAPClient, done_folder: str, *, moves: bool, expunges: bool
    ) -> None:
        self._client, self._done = client, done_folder
        self._moves, self._expunges = moves, expunges

    def waiting(self) -> list[int]:
        """Return the mails that lie in the folder, the oldest first.

        Where nothing can be moved: those that nobody has opened.
        """
        with _clear("the folder cannot be searched"):
            unseen = [] if self._moves or self._expunges else ["UNSEEN"]
            return sorted(self._client.search([*unseen, "UNDELETED"]))

    def read(self, uid: int) -> bytes | None:
        """Return a mail, its start at least; None when it is gone. It stays as it is."""
        with _clear("a mail cannot be read"):
            part = f"BODY.PEEK[]<0.{READ_BYTES}>"
            found = self._client.fetch([uid], [part]).get(uid, {})
        bodies = (value for key, value in found.items() if key.startswith(b"BODY["))
        return next((body for body in bodies if isinstance(body, bytes)), None)

    def put_away(self, uids: Collection[int]) -> None:
        """Move mails to the other folder; mark them as seen where the server cannot move.

        Without UIDPLUS (RFC 4315) only all mails could be expunged that anybody has marked.
        """
        if not uids:
            return
        with _clear("mails cannot be put away"):
            if self._moves:
                self._move(uids)
            elif self._expunges:
                self._client.copy(uids, self._done)
                self._client.add_flags(uids, [b"\\Deleted"], silent=True)
                self._client.uid_expunge(uids)
            else:
                self._client.add_flags(uids, [b"\\Seen"], silent=True)

    def _move(self, uids: Collection[int]) -> None:
        """Move mails, but for those that another moves meanwhile (RFC 5530, EXPUNGEISSUED)."""
        from imapclient.exceptions import IMAPClientError

        waiting = set(uids)
        while waiting:
            try:
                self._client.move(sorted(waiting), self._done)
                return
            except IMAPClientError as error:
                if "[EXPUNGEISSUED]" not in str(error):
                    raise
            left = waiting & set(self._client.search())
            if left == waiting:  # none is gone, whatever the server says
                raise MailboxError("mails cannot be put away: the server says that they are gone")
            waiting = left


@contextmanager
def opened(settings: ImapSettings, *, readonly: bool = False) -> Iterator[Mailbox]:
    """Yield the mailbox; `readonly` changes nothing there, and makes no folder.

    Raises:
        MailboxError: also from the mailbox's methods.
    """
    client = _connected(settings)
    try:
        _log_in(client, settings)
        with _clear("the mailbox cannot be opened"):
            moves, expunges = map(client.has_capability, ("MOVE", "UIDPLUS"))
        _open_folder(client, settings.folder, readonly)
        if not readonly and (moves or expunges):
            _make_folder(client, settings.done_folder)
        yield Mailbox(client, settings.done_folder, moves=moves, expunges=expunges)
    finally:
        _leave(client)


def _connected(settings: ImapSettings) -> IMAPClient:
    from imapclient import IMAPClient

    place = f"{settings.host}, port {settings.port}"
    with _clear(f"{place} cannot be reached"):
        context = ssl.create_default_context(cafile=settings.ca_file)
        client = IMAPClient(
            settings.host,
            settings.port,
            ssl=settings.security == "tls",
            ssl_context=context,
            timeout=settings.timeout_seconds,
        )
    if settings.security == "starttls":
        try:
            with _clear(f"{place} gives no TLS by STARTTLS"):
                client.starttls(context)
        except MailboxError:
            _leave(client)
            raise
    return client


def _log_in(client: IMAPClient, settings: ImapSettings) -> None:
    """By AUTHENTICATE PLAIN (RFC 4616), which knows all characters, or by LOGIN."""
    from imapclient.exceptions import IMAPClientAbortError, LoginError

    plain = client.has_capability("AUTH=PLAIN")
    with _clear("the login could not be tried"):
        try:
            (client.plain_login if plain else client.login)(settings.user, settings.password)
        except LoginError as error:
            # RFC 5530, 3: UNAVAILABLE is no word on the password.
            if isinstance(error.__context__, IMAPClientAbortError):
                raise error.__context__ from None
            if "[UNAVAILABLE]" in str(error):
                raise
            raise MailboxError(f"the login was refused: {_words(error)}", refused=True) from None


def _open_folder(client: IMAPClient, name: str, readonly: bool) -> None:
    with _clear(f'there is no folder "{name}" to read (bounce.imap_folder)'):
        client.select_folder(name, readonly=readonly)


def _make_folder(client: IMAPClient, name: str) -> None:
    """Make a folder unless it is there, or another process makes it at this moment."""
    from imapclient.exceptions import IMAPClientError

    hint = f'some servers want it named "INBOX.{name}"'
    with _clear(f'the folder "{name}" cannot be made (bounce.imap_done_folder; {hint})'):
        if client.folder_exists(name):
            return
        try:
            client.create_folder(name)
        except IMAPClientError:
            if not client.folder_exists(name):
                raise


def _leave(client: IMAPClient) -> None:
    try:
        client.logout()
    except Exception:  # of any kind: the connection is gone already
        try:
            client.shutdown()
        except Exception:
            return


@contextmanager
def _clear(what: str) -> Iterator[None]:
    """Errors inside become one line: what failed, and why."""
    from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

    try:
        yield
    except ssl.SSLCertVerificationError as error:
        why = f"its certificate is not trusted: {error.verify_message}"
        raise MailboxError(f"{what}: {why} (bounce.imap_ca_file)") from error
    except IMAPClientAbortError as error:
        raise MailboxError(f"the connection broke off: {_words(error)}") from error
    except (OSError, IMAPClientError) as error:
        raise MailboxError(f"{what}: {_words(error)}") from error


def _words(error: Exception) -> str:
    """What the system or the server says, on one line and without an address."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    plain = " ".join(said.split()) or type(error).__name__
    return _ADDRESS.sub("(address)", _TIMING.sub("", plain))[:_WORDS]
