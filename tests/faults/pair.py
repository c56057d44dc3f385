"""One of several daemons on one database, through a day that passes in seconds; a process.

    python -m tests.faults.pair URL SMTP_PORT FEED_URL NAME BEGIN_FILE

The day begins at the moment (of the clock that all processes share) that stands in BEGIN_FILE, once
that is there. Each is as on a machine of its own: only the lease tells that another has died.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from notifier import daemon
from notifier.app import App
from notifier.cli import logs
from notifier.config import Settings
from notifier.daemon import identity

BEGUN = datetime(2026, 11, 20, 0, 10, tzinfo=UTC)
DAY_SECONDS = 20.0
FASTER = 86_400 / DAY_SECONDS
END_HOURS = 24.2
LEASE_SECONDS = 3.0
# Of a claim, in the minutes of that day: no mail on the wire for some seconds is another's.
CLAIM_MINUTES = 40 * 60


def settings(url: str, smtp_port: int, feed: str, name: str) -> Settings:
    """Return those of a daemon; `name` is how it is known to the source that it asks."""
    made = Settings(
        database={"url": url},
        smtp={"host": "127.0.0.1", "port": smtp_port},
        mail={"from": "Papers <papers@example.org>"},
        site={"listen": "", "contact": name},
        daemon={"tick_seconds": 1},
        digest={"sample": False},
        delivery={"daily_hours": 240},
        http={"pause_seconds": 0},
        source=[{"name": "s", "kind": "feed", "urls": [feed], "every_minutes": 60}],
    )
    delivery = made.delivery.model_copy(update={"lease_minutes": CLAIM_MINUTES})
    return made.model_copy(update={"delivery": delivery})


def hours(begin: Path) -> float:
    """Return how many hours have passed; at the end of the day time stands still, so that a slow
    machine gets everything done."""
    try:
        since = float(begin.read_text("ascii"))
    except (OSError, ValueError):
        return 0.0
    return min((time.monotonic() - since) * FASTER / 3600, END_HOURS)


def main() -> None:
    """Run until SIGTERM."""
    url, port, feed, name, begin = sys.argv[1:]
    identity._BOOT = Path("/nowhere")
    logs.configure("json", "info")
    made = settings(url, int(port), feed, name)
    app = App(made, clock=lambda: BEGUN + timedelta(hours=hours(Path(begin))))
    sys.exit(daemon.run(app, rhythm=daemon.Rhythm(LEASE_SECONDS)))


if __name__ == "__main__":
    main()
