"""What a service's answer means for a post and for its channel, and when to try again.

Pure. Jitter comes from the post's key, so that deciding twice decides the same.
Source: RFC 9110, 15 and 10.2.3; docs/channels.md, the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Protocol

from notifier.delivery import backoff
from notifier.delivery.backoff import Tried

# Who asks in vain here asks in vain tomorrow: the address, or what stands behind it, is gone.
REFUSED = (401, 403, 404, 410)
LATER = (408, 425, 429)


class Answer(Protocol):
    """See `delivery.poster.Answer`."""

    @property
    def ok(self) -> bool: ...
    @property
    def status(self) -> int: ...
    @property
    def retry_after(self) -> timedelta | None: ...
    @property
    def refused(self) -> str: ...
    @property
    def wrong(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Decision:
    """`state` for the post: sent, failed, or pending again at `not_before`.

    `counts`: the attempt is the post's, else it is given back. `pauses`: why the channel is paused,
    "" where it is not. `rests`: nothing goes to the channel before `not_before`.
    """

    state: str
    not_before: datetime | None = None
    counts: bool = True
    pauses: str = ""
    rests: bool = False


def decide(answer: Answer, tried: Tried, *, now: datetime) -> Decision:
    """Return what follows from an answer.

    No answer may mean that the service has the post: it is sent again, since twice is better than
    never.
    """
    if answer.ok:
        return Decision("sent")
    if reason := answer.refused or answer.wrong or _refusal(answer.status):
        return Decision("pending", now + backoff.SHORTEST, counts=False, pauses=reason)
    asked = answer.retry_after
    if answer.status == 0 or answer.status in LATER or answer.status >= 500:
        ours = backoff.wait(tried.attempts, tried.key)
        pause = ours if asked is None else backoff.after(asked, tried)
        until = backoff.useful(now, pause, tried)
        return Decision("pending", until, rests=asked is not None or answer.status == 429)
    return Decision("failed")


def _refusal(status: int) -> str:
    """Why an answer speaks of the channel, not of the post; "" where it does not."""
    if status in REFUSED:
        return f"{status} {HTTPStatus(status).phrase}"
    if 300 <= status < 400:
        return f"{status}: it sends us elsewhere, and nobody is followed"
    return ""
