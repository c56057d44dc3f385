"""A Postfix of the test's own: takes mails on a loopback port and hands them to another."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .conftest import need

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
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


@contextmanager
def relaying(to: int) -> Iterator[int]:
    """Yield the port of a Postfix that hands all mails to a port of this machine."""
    need(shutil.which("postfix"), "Postfix (apt-get install postfix)")
    need(os.geteuid() == 0, "root, as whom Postfix starts")
    root, port = Path(tempfile.mkdtemp(prefix="postfix-")), free_port()
    root.chmod(0o755)  # its own users must get in, which pytest's folders do not let them
    for name in ("conf", "queue", "data"):
        (root / name).mkdir()
    shutil.chown(root / "data", "postfix")
    (root / "conf" / "main.cf").write_text(_MAIN.format(root=root, to=to))
    (root / "conf" / "master.cf").write_text(_MASTER.format(port=port))
    command = ("postfix", "-c", root / "conf")
    try:
        subprocess.run([*command, "start"], check=True, capture_output=True, timeout=60)
        yield port
    finally:
        subprocess.run([*command, "stop"], check=False, capture_output=True, timeout=60)
        shutil.rmtree(root, ignore_errors=True)
