"""When mails that came back softly are enough to stop.

Pure. An edition counts once, however often it came back. Three of them, the first and the last 14
days apart, stop mail for 30 days; then one more is tried. An edition that was taken and kept for
seven days wipes out what came back before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

EDITIONS = 3
SPAN = timedelta(days=14)
KEPT = timedelta(days=7)
REST = timedelta(days=30)


def is_enough(came_back: Iterable[tuple[int, datetime]], accepted: Collection[datetime]) -> bool:
    """Whether the last run of soft bounces stops mail.

    Args:
        came_back: (delivery, when its first bounce came), aware UTC, in any order.
        accepted: When deliveries were sent of which nothing came back.
    """
    run: list[datetime] = []
    for at in sorted(dict(came_back).values()):
        if run and any(run[-1] <= sent and sent + KEPT <= at for sent in accepted):
            run = []
        run.append(at)
    # By dates: of two weekly editions the second may come back a minute earlier in its week.
    return len(run) >= EDITIONS and (run[-1].date() - run[0].date()) >= SPAN
