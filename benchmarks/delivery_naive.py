"""Digests made the plain way: one template for the whole mail, styles inlined mail by mail.

What somebody would write first: Jinja2 for all of it, css-inline over the result, the standard
library's `EmailMessage`, one subscriber after the other. It is helped where it can be: templates
are compiled once, one inliner does all mails, nothing is translated, and of the rules only those
are asked that are known to hit. `differences` holds its mails against ours.
"""

from __future__ import annotations

import email
import email.policy
import re
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from html import unescape
from pathlib import Path

import css_inline
from delivery_work import Reader
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from notifier.digests import arranging, cadence
from notifier.digests.cards import CardMaker, Summary, SummaryMaker
from notifier.digests.render import template_folder
from notifier.digests.styles import FILE
from notifier.digests.view import Bar, DigestView, MailLinks
from notifier.jobs.edition import ComposeSettings
from notifier.jobs.writing import digest_key
from notifier.languages import language
from notifier.papers.paper import Paper
from notifier.profiles.hits import Match, hits_of
from notifier.profiles.indexed import IndexedPaper, ScannedText
from notifier.profiles.parser import parse

_WORDS = language("en")
_ACTIONS = {"Save": "saved", "More like this": "up", "Not for me": "down"}
_UNSEEN = re.compile(r"<head>.*?</head>|<!--.*?-->|<[^>]*>", re.DOTALL)
_LINK = re.compile(r'href="([^"]*)"')


class Naive:
    """Makes mails of readers with one profile, daily ones, in English."""

    def __init__(self, settings: ComposeSettings, now: datetime) -> None:
        self._settings, self._now = settings, now
        self._styles = (template_folder() / FILE).read_text()
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined,
            autoescape=select_autoescape(("html.j2",)), trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        environment.filters |= {"day": _WORDS.day, "number": _WORDS.number}
        self._html = environment.get_template("delivery_naive.html.j2")
        self._text = environment.get_template("delivery_naive.txt.j2")
        self._inliner = css_inline.CSSInliner(
            keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False
        )

    def digest(self, reader: Reader) -> bytes:
        """Return a reader's mail."""
        view = self.view(reader)
        html, text = self.rendered(view)
        return self.mail(reader, view, self.inlined(html), text)

    def view(self, reader: Reader) -> DigestView:
        """Return what the mail says, of the same values as ours, with nothing kept."""
        subscriber, picked, settings = reader.subscriber, reader.picked, self._settings
        zone = cadence.zone_of(subscriber.schedule)
        today, links, key = self._now.astimezone(zone).date(), settings.links, self.key(reader)
        maker = CardMaker(
            _WORDS, 1, lambda paper: links.vote(subscriber.row, paper.row),
            tuple((name, links.choice(said)) for name, said in _ACTIONS.items()),
        )  # fmt: skip
        sections = arranging.by_profile(picked.choice, self._summaries(reader), maker)
        return DigestView(
            language=_WORDS, kind="daily", sections=sections, lines=(), more=picked.choice.more,
            scanned=len(picked.news), day=today, address=subscriber.address,
            profiles=tuple(profile.name for profile in picked.profiles),
            schedule=subscriber.schedule,
            since=subscriber.created_at.astimezone(zone).date(),
            next_day=cadence.next_due(subscriber.schedule, self._now).astimezone(zone).date(),
            links=MailLinks(
                links.unsubscribe(subscriber.row), links.change(subscriber.row, self._now),
                links.pause(subscriber.row), links.digest(key), links.all_of(key),
            ),
            service=settings.service, week=tuple(self._week(reader, today)),
        )  # fmt: skip

    def key(self, reader: Reader) -> str:
        """Return the name of a reader's digest: ours has the same."""
        period = cadence.period(reader.subscriber.schedule, self._now)
        return digest_key(self._settings.secret, reader.subscriber.row, period)

    def _summaries(self, reader: Reader) -> dict[tuple[str, int], Summary]:
        settings, picked = self._settings, reader.picked
        (profile,) = picked.profiles
        rules = parse(profile.rules)
        typed = [line.typed for line in rules.lines]

        def bibtex(paper: Paper) -> tuple[tuple[str, str], ...]:
            return (("BibTeX", settings.links.bibtex(paper.id)),)

        maker = SummaryMaker(_WORDS, settings.abstract_characters, bibtex)
        return {
            (name, row): maker.summary(
                Match(paper, hits_of(rules, lines, IndexedPaper(paper, ScannedText))), typed
            )
            for (name, row), lines in picked.lines.items()
            for paper in (picked.papers[row],)
        }

    def _week(self, reader: Reader, today: date) -> list[Bar]:
        volume = reader.picked.volume
        days = [today - timedelta(days=back) for back in range(6, -1, -1)]
        most = max(volume.values())
        return [
            Bar(_WORDS.weekday(day), str(volume[day]), round(100 * volume[day] / most))
            for day in days
        ]

    def rendered(self, view: DigestView) -> tuple[str, str]:
        """Return the HTML, its styles in the head, and the text."""
        return self._html.render(view=view, styles=self._styles), self._text.render(view=view)

    def inlined(self, html: str) -> str:
        """Return a page with its styles on its elements."""
        return self._inliner.inline(html)

    def mail(self, reader: Reader, view: DigestView, html: str, text: str) -> bytes:
        """Return the mail as it goes over the wire."""
        settings, mail = self._settings, EmailMessage(policy=email.policy.SMTP)
        mail["From"], mail["To"] = settings.sender, view.address
        mail["Subject"], mail["Date"] = view.subject, format_datetime(self._now)
        mail["Message-ID"] = f"<{self.key(reader)}@papers.example.org>"
        mail["List-Id"] = f"{settings.service.name} <{settings.list_id}>"
        leave = settings.unsubscribe_address(reader.subscriber.row)
        mail["List-Unsubscribe"] = f"<{view.links.unsubscribe}>, <mailto:{leave}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail["Feedback-ID"] = f"{view.kind}:{settings.list_id}:notifier:papersexampleorg"
        mail["Auto-Submitted"], mail["Precedence"] = "auto-generated", "bulk"
        mail.set_content(text)
        mail.add_alternative(html, subtype="html")
        return mail.as_bytes(policy=email.policy.SMTP)


def differences(one: bytes, other: bytes) -> list[str]:
    """Return in what two mails differ: headers, subject, words of text and page, links."""
    said, told = _told(one), _told(other)
    return [name for name in said if said[name] != told[name]]


def _told(content: bytes) -> dict[str, object]:
    mail = email.message_from_bytes(content, policy=email.policy.default)
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    page = html.get_content() if html else ""
    return {
        "headers": {name.lower() for name in mail},
        "subject": mail["Subject"].split(),
        "text": text.get_content().split() if text else [],
        "page": unescape(_UNSEEN.sub(" ", page)).split(),
        "links": [unescape(link) for link in _LINK.findall(page)],
    }
