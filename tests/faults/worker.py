"""A worker whose claims hold for seconds, not as long as a mail may take; a process.

    python -m tests.faults.worker URL SMTP_PORT CONNECTIONS LEASE_SECONDS

It looks for work every second. Else it is `notifier run --only worker`.
"""

from __future__ import annotations

import sys

from notifier import daemon
from notifier.app import App
from notifier.cli import logs
from notifier.config import Settings


def main() -> None:
    """Run until SIGTERM."""
    url, port, connections, lease_seconds = sys.argv[1:]
    made = Settings(
        database={"url": url},
        smtp={"host": "127.0.0.1", "port": int(port)},
        mail={"from": "Papers <papers@example.org>", "connections": int(connections)},
        daemon={"tick_seconds": 1},
    )
    lease = {"lease_minutes": float(lease_seconds) / 60}
    delivery = made.delivery.model_copy(update=lease)
    logs.configure("json", "info")
    app = App(made.model_copy(update={"delivery": delivery}))
    sys.exit(daemon.run(app, ["worker"]))


if __name__ == "__main__":
    main()
