"""A Postfix of one's own, in a temporary folder: takes mails on a loopback port.

Debian's package is enough, nothing of the system's own Postfix is touched. It must be started by
root.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# Throws everything away, as `main` of `running`.
DISCARDING = "default_transport = discard\n"
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
discard unix - - n - - discard
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
alias_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
"""


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def missing() -> str:
    """Return what a Postfix cannot be started without, "" where nothing is missing."""
    if not shutil.which("postfix"):
        return "Postfix (apt-get install postfix)"
    return "" if os.geteuid() == 0 else "root, as whom Postfix starts"


@dataclass(frozen=True, slots=True)
class Postfix:
    """One that runs: where it takes mails, and its configuration; `queue` and `log` are beside."""

    port: int
    folder: Path

    def command(self, name: str, argument: str, *, check: bool = True) -> None:
        """Run one of its commands on this configuration."""
        command = [name, "-c", self.folder, argument]
        subprocess.run(command, check=check, capture_output=True, timeout=60)  # noqa: S603

    @property
    def waiting(self) -> int:
        """How many mails it has taken and not handed on."""
        queue = self.folder.parent / "queue"
        walks = (os.walk(queue / name) for name in ("incoming", "active", "deferred"))
        return sum(len(files) for walk in walks for *_, files in walk)

    def cpu_seconds(self) -> float:
        """Return what its processes have taken of processors until now (Linux)."""
        master = (self.folder.parent / "queue" / "pid" / "master.pid").read_text().strip()
        ticks = 0
        for file in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it has ended
                told = file.read_text().rpartition(") ")[2].split()
                if file.parent.name == master:  # with those that have ended
                    ticks += sum(map(int, told[11:15]))
                elif told[1] == master:
                    ticks += sum(map(int, told[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def drain(self, seconds: float = 60) -> None:
        """Return when it has handed on all mails.

        Raises:
            TimeoutError: some wait after so many seconds.
        """
        end = time.monotonic() + seconds
        while self.waiting:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.waiting} mails wait in Postfix")
            time.sleep(0.05)


@contextmanager
def running(main: str = "") -> Iterator[Postfix]:
    """Yield a new Postfix; `main`: further lines of its main.cf."""
    root, port = Path(tempfile.mkdtemp(prefix="postfix-")), free_port()
    root.chmod(0o755)  # its own users must get in, which pytest's folders do not let them
    for name in ("conf", "queue", "data"):
        (root / name).mkdir()
    shutil.chown(root / "data", "postfix")
    (root / "conf" / "main.cf").write_text(_MAIN.format(root=root) + main)
    (root / "conf" / "master.cf").write_text(_MASTER.format(port=port))
    made = Postfix(port, root / "conf")
    try:
        made.command("postfix", "start")
        yield made
    finally:
        made.command("postfix", "stop", check=False)
        shutil.rmtree(root, ignore_errors=True)
