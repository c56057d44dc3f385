"""Draft digests: what one subscriber gets, written down, or why there is none now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from notifier.errors import NOT_NOW
from notifier.jobs.edition import ComposeSettings, Outlook
from notifier.jobs.happenings import Known
from notifier.jobs.left_out import LeftOut
from notifier.jobs.picking import Desk, Picked
from notifier.jobs.sparing import culprits
from notifier.jobs.writing import Writer
from notifier.profiles.profile import Subscriber
from notifier.storage.store_channels import Wishes
from notifier.storage.store_digests import NewDigest

# The digest, or what went wrong, or when to look again at one who gets none now: what came
# meanwhile is looked at then. None: a profile was changed a moment ago and is not matched yet.
Draft: TypeAlias = NewDigest | datetime | Exception | None


@dataclass(frozen=True, slots=True)
class Press:
    """What the digests of some subscribers are made of, as of `now` (UTC).

    `suppressed`: who must not be mailed, until when. `news`: of papers that they know.
    """

    desk: Desk
    writer: Writer
    settings: ComposeSettings
    outlook: Outlook
    now: datetime
    left_out: LeftOut
    wishes: Mapping[int, Sequence[Wishes]]
    suppressed: Mapping[int, datetime]
    news: Mapping[int, Sequence[Known]] = field(default_factory=dict)

    def draft(self, one: Subscriber) -> Draft:
        """Return what a subscriber gets; without what it cannot be written with.

        Raises:
            Busy, Unavailable: the database cannot be read now.
        """
        try:
            return self._draft(one)
        except NOT_NOW:
            raise
        except Exception as error:
            try:
                return self._draft(one) if self._leave_out(one, error) else error
            except NOT_NOW:
                raise
            except Exception as second:
                return second

    def _draft(self, one: Subscriber) -> Draft:
        if again := self._put_off(one):
            return self.settings.planned(one, again)
        if not self.desk.is_matched(one):
            return None
        picked = self.desk.pick(one)
        self.left_out.add("paper", self.desk.left_out)
        if self.writer.gives_sample(picked) and not (picked.news or picked.choice.sections):
            return self.settings.planned(one, self.now)  # no source was read yet
        wishes = self.wishes.get(one.row, ())
        news = self.news.get(one.row, ())
        return self.writer.digest(one, picked, self.outlook, now=self.now, wishes=wishes, news=news)

    def _put_off(self, one: Subscriber) -> datetime | None:
        """Until when one gets nothing who pauses, has no rules, or must not be mailed."""
        ends = [one.paused_until, self.suppressed.get(one.row)]
        later = [until for until in ends if until and until > self.now]
        if not self.desk.has_rules(one) or one.row in self.suppressed:
            later.append(self.now)
        return max(later, default=None)

    def _leave_out(self, one: Subscriber, error: Exception) -> bool:
        """Find out what a digest cannot be written with, and pick it no more; False: nothing."""
        whoever = replace(one, tell_nothing=True)  # a mail also where no paper is left

        def write(picked: Picked) -> object:
            return self.writer.digest(whoever, picked, self.outlook, now=self.now)

        found = culprits(self.desk.pick(one), write)
        self.left_out.add("paper", found.papers, error)
        self.left_out.add("profile", found.profiles, error)
        self.desk.leave_out(found.papers, found.profiles)
        return bool(found)
