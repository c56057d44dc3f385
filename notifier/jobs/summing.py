"""Write the summaries of weeks for those who want them: with their digest, in one transaction.

A summary is a digest without papers: the ledger sends it once, and to nobody who left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection

from notifier.digests import message
from notifier.digests.excerpt import one_line
from notifier.digests.gaps import quoted
from notifier.digests.weekly import Span, Week, last_week
from notifier.digests.words import facts
from notifier.errors import NOT_NOW
from notifier.jobs.edition import ComposeSettings
from notifier.jobs.weeks import Weeks
from notifier.jobs.writing import digest_key
from notifier.languages import language
from notifier.profiles.profile import Subscriber
from notifier.storage import store_weeks
from notifier.storage.store_digests import NewDigest

log = structlog.get_logger()

STREAM = "summary"


class Summing:
    """Writes summaries, and keeps what many of them say alike: for one run."""

    def __init__(self, settings: ComposeSettings) -> None:
        self._settings = settings
        self._weeks = Weeks(settings.links.paper)

    def due(
        self, conn: Connection, subscribers: Sequence[Subscriber], *, now: datetime
    ) -> dict[int, NewDigest]:
        """Return by subscriber the summaries of their last weeks that are not made yet.

        One that cannot be written is left out: it must not stop anybody's digest.
        """
        wanting = {one.row: last_week(one.schedule, now) for one in subscribers if one.summary}
        if not wanting:
            return {}
        made = store_weeks.summed_up(
            conn, list(wanting), {_period(one) for one in wanting.values()}
        )
        found: dict[int, NewDigest] = {}
        for one in subscribers:
            span = wanting.get(one.row)
            if span is None or (one.row, _period(span)) in made:
                continue
            if one.confirmed_at is None or one.confirmed_at >= span.ends:
                continue
            try:
                found[one.row] = self.write(conn, one, now=now)
            except NOT_NOW:
                raise
            except Exception as error:
                log.exception("summary could not be made", subscriber=one.row, exc_info=error)
        return found

    def write(self, conn: Connection, subscriber: Subscriber, *, now: datetime) -> NewDigest:
        """Return a subscriber's summary of their last week, ready to be fixed."""
        week = self._weeks.of(conn, subscriber, now=now)
        settings, said = self._settings, language(subscriber.language)
        period = _period(week.span)
        key = digest_key(settings.secret, subscriber.row, period)
        subject = said.ngettext(
            "Your week from %(day)s: %(n)s paper matched",
            "Your week from %(day)s: %(n)s papers matched",
            week.matched, day=said.day(week.span.monday),
        )  # fmt: skip
        return NewDigest(
            key=key,
            subscriber=subscriber.row,
            period=period,
            subject=subject,
            papers=(),
            more=0,
            seen_from=subscriber.seen,
            seen_to=subscriber.seen,
            composed_at=now,
            expires_at=now + settings.weekly_life,
            next_due_at=now,
            content=self._mail(subscriber, week, subject, key, now),
            sums_up=week.span.name,
        )

    def _mail(
        self, subscriber: Subscriber, week: Week, subject: str, key: str, now: datetime
    ) -> bytes:
        settings, links = self._settings, self._settings.links
        said = language(subscriber.language)
        unsubscribe = links.unsubscribe(subscriber.row)
        values = _said(settings, subscriber, week) | {
            "subject": subject,
            "headline": said.gettext("Your week from %(day)s", day=said.day(week.span.monday)),
            "address": subscriber.address,
            "page": links.week(subscriber.row, now),
            "digest": links.digest(key),
            "change": links.change(subscriber.row, now),
            "unsubscribe": unsubscribe,
        }
        html, text = (
            settings.templates.render(f"mail/summary.{part}.j2", subscriber.language, **values)
            for part in ("html", "txt")
        )
        mail = message.Mail(
            key=key,
            sender=settings.sender,
            recipient=subscriber.address,
            subject=subject,
            text=quoted(text),
            html=b"" if subscriber.text_only else quoted(html),
            date=now,
            list_id=settings.list_id,
            list_name=settings.service.name,
            unsubscribe_url=unsubscribe,
            unsubscribe_address=settings.unsubscribe_address(subscriber.row),
            reply_to=settings.reply_to,
            stream=STREAM,
        )
        return settings.sign(message.build(mail), now)


def _period(span: Span) -> str:
    """What the ledger calls the summary of a week."""
    return f"summary {span.name}"


def _said(settings: ComposeSettings, subscriber: Subscriber, week: Week) -> dict[str, object]:
    said, service = language(subscriber.language), settings.service
    footer = said.gettext(
        "%(service)s, run by %(contact)s.", service=service.name, contact=service.contact
    )
    return {
        "week": week,
        "talked": list(_talked(week, lambda one: " · ".join(facts(one, said)))),
        "footer": footer if service.contact else service.name,
        "postal": service.postal_address,
    }


def _talked(week: Week, told: Callable[..., str]) -> Iterator[dict[str, object]]:
    for one in week.talked:
        yield {
            "title": one_line(one.paper.title),
            "page": one.page,
            "facts": one_line(told(one.paper)),
            "was_sent": one.was_sent,
        }
