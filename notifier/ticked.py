"""What one pass of everything that is due did."""

from __future__ import annotations

from dataclasses import dataclass, field

from notifier.jobs.composed import Composed
from notifier.jobs.delivering.values import Delivered
from notifier.jobs.letters import Sent
from notifier.jobs.poll import Polled
from notifier.jobs.posting import Posted
from notifier.jobs.take import Ingested


@dataclass(slots=True)
class Ticked:
    """What one pass did; `left_to`: the process that plans, where it is not this one."""

    ingested: list[Ingested] = field(default_factory=list)
    composed: Composed = field(default_factory=Composed)
    delivered: Delivered = field(default_factory=Delivered)
    letters: Sent = field(default_factory=Sent)
    posted: Posted = field(default_factory=Posted)
    polled: Polled | None = None
    mailbox_failure: str = ""
    broken_templates: tuple[str, ...] = ()
    left_to: str = ""

    @property
    def needs_care(self) -> bool:
        """Whether anything failed that somebody should look at."""
        taken = any(report.failure for report in self.ingested) or self.broken_templates
        back = self.mailbox_failure or (self.polled and self.polled.failed)
        sent = self.delivered
        letters = self.letters.later or self.letters.failed or self.letters.down
        unsent = sent.failed or sent.later or sent.held or sent.paused or sent.down or letters
        posts = self.posted.later or self.posted.failed or self.posted.paused or self.posted.lacks
        return bool(taken or back or self.composed.failed or unsent or posts)
