"""Whether the mail server is asked at all: a circuit breaker over all destinations.

Pure. It opens after five failures in a row to connect, or to be heard (MAIL), for 1, 2, 4 … 30
minutes; then one mail tries it. So it does after five answers in a row that were taken for
their destinations' when they came from three destinations: then it is the mail server that slows
or refuses us. A refused login opens it at once and keeps it open until somebody says "go on", the
configuration changes, or a try succeeds; tries come after 30 minutes, 1, 2, then every 4 hours, for
an account is locked by asking often.
Source: delivery.md, 4.3; RFC 4954, 6 (535).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

Cause = Literal["", "login", "connection", "server", "destinations"]
"""connection: not reached, no TLS. server: it refuses our sender, or defers whatever we send.
destinations: what was said to many of them."""

WAITS = tuple(timedelta(minutes=m) for m in (1, 2, 4, 8, 16, 30))
LOGIN_WAITS = tuple(timedelta(minutes=m) for m in (30, 60, 120, 240))
IN_A_ROW = 5
DESTINATIONS = 3
WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure, and the destination whose mail it was."""

    cause: Cause
    destination: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Breaker:
    """Open when it has a `cause`; then nothing is sent before `retry_at`, and then one mail.

    `failures` are those in a row, the last ones; `step` counts the tries that failed since it is
    open. `reason` is what was said last, without an address.
    """

    cause: Cause = ""
    reason: str = ""
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    step: int = 0
    failures: tuple[Failure, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether nothing is sent but a trial."""
        return bool(self.cause)

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to remember."""
        return not self.cause and not self.failures

    def tries(self, now: datetime) -> bool:
        """Whether it is time for one mail to try."""
        return self.is_open and (self.retry_at is None or self.retry_at <= now)


# The server has judged a mail on its own, so it is there and hears us.
CLOSED = Breaker()


def failed(
    breaker: Breaker, failure: Failure, reason: str, *, now: datetime, trial: bool = False
) -> Breaker:
    """Return the breaker after a failure; `trial`: of the mail that tried whether it may close."""
    if failure.cause == "destinations" and breaker.cause != "destinations":
        if trial:  # a recipient was judged: the server is there, and has let us in
            breaker = CLOSED
        breaker = replace(breaker, failures=_of(breaker.failures, "destinations"))
    failures = (*breaker.failures, failure)[-IN_A_ROW:]
    is_login, was_login = failure.cause == "login", breaker.cause == "login"
    of_before = breaker.is_open and not trial and (was_login or not is_login)
    if of_before or not (breaker.is_open or _opens(failures, now)):
        return replace(breaker, failures=failures, reason=breaker.reason or reason)
    step = breaker.step + 1 if breaker.is_open and is_login == was_login else 0
    waits = LOGIN_WAITS if is_login else WAITS
    return Breaker(
        cause=failure.cause,
        reason=reason,
        opened_at=breaker.opened_at or now,
        retry_at=now + waits[min(step, len(waits) - 1)],
        step=step,
        failures=failures,
    )


def _of(failures: tuple[Failure, ...], cause: Cause) -> tuple[Failure, ...]:
    return tuple(one for one in failures if one.cause == cause)


def _opens(failures: tuple[Failure, ...], now: datetime) -> bool:
    last = failures[-1]
    if last.cause == "login":
        return True
    if len(failures) < IN_A_ROW:
        return False
    if all(one.cause in ("connection", "server") for one in failures):
        return True
    recent = [one for one in failures if now - one.at < WITHIN]
    return len(recent) >= IN_A_ROW and len({one.destination for one in recent}) >= DESTINATIONS


def reserved(breaker: Breaker, *, until: datetime) -> Breaker:
    """Return the breaker while one mail tries: nobody else does before `until`."""
    return replace(breaker, retry_at=until)


def told(breaker: Breaker) -> str:
    """Return in one line why the mail server is not asked, since when, and when it is tried."""
    since = f"{breaker.opened_at:%Y-%m-%d %H:%MZ}" if breaker.opened_at else "now"
    again = f"{breaker.retry_at:%H:%MZ}" if breaker.retry_at else "the next mail"
    return f"not asked since {since}, tried again at {again}: {breaker.reason}"
