"""A Postfix of the test's own: takes mails on a loopback port and hands them on."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .conftest import need

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
_MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log
maillog_file_prefixes = {root}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.example.org
mydestination =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{to}
alias_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
"""


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Postfix:
    """Where it takes mails, and its configuration."""

    port: int
    folder: Path

    def command(self, name: str, argument: str, *, check: bool = True) -> None:
        """Run one of its commands on this configuration."""
        command = [name, "-c", self.folder, argument]
        subprocess.run(command, check=check, capture_output=True, timeout=60)


@contextmanager
def relaying(to: int) -> Iterator[int]:
    """Yield the port of a Postfix that hands all mails to a port of this machine."""
    with running(to) as made:
        yield made.port


@contextmanager
def running(to: int, *, main: str = "") -> Iterator[Postfix]:
    """Yield a Postfix that hands mails to a port; `main`: further lines of its main.cf."""
    need(shutil.which("postfix"), "Postfix (apt-get install postfix)")
    need(os.geteuid() == 0, "root, as whom Postfix starts")
    root, port = Path(tempfile.mkdtemp(prefix="postfix-")), free_port()
    root.chmod(0o755)  # its own users must get in, which pytest's folders do not let them
    for name in ("conf", "queue", "data"):
        (root / name).mkdir()
    shutil.chown(root / "data", "postfix")
    (root / "conf" / "main.cf").write_text(_MAIN.format(root=root, to=to) + main)
    (root / "conf" / "master.cf").write_text(_MASTER.format(port=port))
    made = Postfix(port, root / "conf")
    try:
        made.command("postfix", "start")
        yield made
    finally:
        made.command("postfix", "stop", check=False)
        shutil.rmtree(root, ignore_errors=True)
