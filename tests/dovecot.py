"""A Dovecot of the test's own: an IMAP server on loopback ports, any user, one password."""

from __future__ import annotations

import base64
import os
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imapclient import IMAPClient

from .conftest import need
from .identities import an_identity
from .postfix import free_port

USER, PASSWORD = "bounces@papers.example.org", 'pässword \\" of tests'
_CONFIG = """\
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{root}/tls/server.pem
ssl_key = <{root}/tls/server.pem
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain login
mail_location = maildir:{root}/mail/%u
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
}}
passdb {{
  driver = static
  args = password={{PLAIN.b64}}{password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={root}/mail/%u
}}
first_valid_uid = 1
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
{more}
"""


@dataclass(frozen=True, slots=True)
class Dovecot:
    """Its ports without and with TLS from the first byte, and the authority of its certificate.

    Each user has a mailbox of their own.
    """

    port: int
    tls_port: int
    ca_file: Path
    user: str = "bounces@papers.example.org"

    @contextmanager
    def client(self) -> Iterator[IMAPClient]:
        """Yield a client of the test's own."""
        with IMAPClient("127.0.0.1", self.port, ssl=False) as made:
            made.plain_login(self.user, PASSWORD)
            yield made

    def put(self, *mails: bytes, folder: str = "INBOX", flags: tuple[bytes, ...] = ()) -> None:
        """Deliver mails."""
        with self.client() as client:
            for mail in mails:
                client.append(folder, mail.replace(b"\n", b"\r\n"), flags)

    def has(self, name: str) -> bool:
        """Whether there is such a folder."""
        with self.client() as client:
            return bool(client.folder_exists(name))

    def folder(self, name: str = "INBOX") -> list[tuple[bytes, set[bytes]]]:
        """Return what lies in a folder, if it is there: subjects and flags."""
        if not self.has(name):
            return []
        with self.client() as client:
            client.select_folder(name, readonly=True)
            found = client.fetch(client.search(), ["ENVELOPE", "FLAGS"])
        return [
            (one[b"ENVELOPE"].subject, set(one[b"FLAGS"]) - {b"\\Recent"})
            for _, one in sorted(found.items())
        ]

    def subjects(self, name: str = "INBOX") -> list[bytes]:
        """Return the subjects of a folder's mails."""
        return [subject for subject, _ in self.folder(name)]


@contextmanager
def serving(*, separator: str = "/", prefix: str = "", more: str = "") -> Iterator[Dovecot]:
    """Yield a Dovecot; `more`: further lines of its configuration."""
    need(shutil.which("dovecot"), "Dovecot (apt-get install dovecot-imapd)")
    need(os.geteuid() == 0, "root, as whom Dovecot starts")
    root = Path(tempfile.mkdtemp(prefix="dovecot-"))
    root.chmod(0o755)
    for name in ("run", "state", "mail"):
        (root / name).mkdir()
    shutil.chown(root / "mail", "mail", "mail")
    made = Dovecot(free_port(), free_port(), an_identity(root / "tls").ca_file)
    values: dict[str, Any] = {"separator": separator, "prefix": prefix, "more": more}
    values["password"] = base64.b64encode(PASSWORD.encode()).decode()
    ports = {"port": made.port, "tls_port": made.tls_port}
    (root / "dovecot.conf").write_text(_CONFIG.format(root=root, **ports, **values))
    said = root / "said"
    try:
        with said.open("wb") as file:  # it returns when its ports are open
            command = ["dovecot", "-c", root / "dovecot.conf"]
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": file}
            done = subprocess.run(command, **streams, timeout=60, check=False)
        assert done.returncode == 0, said.read_text()
        yield made
    finally:
        _stop(root / "run" / "master.pid")
        shutil.rmtree(root, ignore_errors=True)


def _stop(pid_file: Path) -> None:
    """End the server; `dovecot stop` takes seconds."""
    if pid_file.exists():
        pid = int(pid_file.read_text())
        with os.fdopen(os.pidfd_open(pid)) as handle:
            os.kill(pid, signal.SIGTERM)
            select.select([handle], [], [], 30)
