"""A worker as `notifier run --only worker`, but for how long its claims hold: settings ask for ten
minutes and more, and a benchmark does not wait for that.

    python benchmarks/scale_worker.py CONFIG LEASE_SECONDS
"""

from __future__ import annotations

import sys
from pathlib import Path

from notifier import daemon
from notifier.app import opened
from notifier.cli import logs
from notifier.config import load


def main() -> None:
    """Run until SIGTERM."""
    config, lease_seconds = sys.argv[1:]
    made = load(Path(config))
    lease = {"lease_minutes": float(lease_seconds) / 60}
    delivery = made.delivery.model_copy(update=lease)
    logs.configure("json", "info")
    with opened(made.model_copy(update={"delivery": delivery})) as app:
        sys.exit(daemon.run(app, ["worker"]))


if __name__ == "__main__":
    main()
