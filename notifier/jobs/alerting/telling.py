"""When to tell somebody of what is wrong: when it begins, once a day while it lasts, when it ends.

Pure. What was seen a moment ago is told only if it is still so after a while: right after a start
or a leap of the clock everything is late, and then at once made up for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from notifier.jobs.alerting.troubles import Trouble
from notifier.storage.store_alerts import Alert

Step: TypeAlias = Literal["notice", "begins", "lasts", "over", "forget"]
"""notice: keep that it was seen. begins, lasts, over: tell. forget: it passed by itself."""

AGAIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Change:
    """A step with one alert; `why` is the newest reason."""

    step: Step
    alert: Alert
    why: str = ""


def changes(
    known: Sequence[Alert], found: Sequence[Trouble], *, now: datetime, settle: timedelta
) -> list[Change]:
    """Return the steps to take at `now` (aware UTC); taken, there are none until later.

    Args:
        settle: How long a trouble must last before it is told.
    """
    before = {(one.kind, one.name): one for one in known}
    there: dict[tuple[str, str], Trouble] = {(one.kind, one.name): one for one in found}
    steps = []
    for key, trouble in there.items():
        alert = before.get(key)
        if alert is None:
            alert = Alert(trouble.kind, trouble.name, trouble.since, trouble.why, noticed_at=now)
            steps.append(Change("notice", alert))
        if step := _next(alert, now, settle):
            steps.append(Change(step, alert, trouble.why))
    for key, alert in before.items():
        if key not in there:
            steps.append(Change("over" if alert.told_at else "forget", alert, alert.why))
    return steps


def _next(alert: Alert, now: datetime, settle: timedelta) -> Step | None:
    """What to tell of a trouble that lasts. Times after `now` are of a clock set back since."""
    if alert.told_at is None:
        return None if timedelta(0) <= now - alert.noticed_at < settle else "begins"
    return None if timedelta(0) <= now - alert.told_at < AGAIN else "lasts"
