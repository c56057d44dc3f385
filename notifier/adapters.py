"""The adapter of each configured source."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import timedelta

from notifier.config_sources import SourceSettings
from notifier.sources import biorxiv, huggingface, pubmed
from notifier.sources.arxiv import HOLIDAYS, REPLAY, ArxivSource, announcements
from notifier.sources.authors import FEEDS, AuthorsSource, nobody, unnoted
from notifier.sources.biorxiv import BiorxivSource
from notifier.sources.feed import FeedSource
from notifier.sources.huggingface import HuggingFaceSource
from notifier.sources.listing import ListingSource
from notifier.sources.pubmed import PubmedSource
from notifier.sources.rhythm import Silence
from notifier.sources.source import Source


def make_source(
    settings: SourceSettings,
    *,
    contact: str = "",
    followed: Callable[[], Sequence[str]] = nobody,
    note: Callable[[str, bool], None] = unnoted,
) -> Source:
    """Return the adapter of a configured source; `contact` is told to services that ask for it.

    Args:
        followed: The ids of the authors whom readers follow, those asked longest ago first.
        note: Told of each that was asked, and whether the service knows the id.
    """
    name, urls = settings.name, settings.urls
    silence = Silence(timedelta(days=settings.quiet_days))
    days = settings.days
    if settings.kind == "arxiv":
        holidays = HOLIDAYS if settings.holidays is None else settings.holidays
        replay = timedelta(days=days or REPLAY.days)
        calendar = announcements(holidays)
        if urls:  # a query's answer holds many days
            calendar = dataclasses.replace(calendar, share=0.0)
        return ArxivSource(name, settings.categories, urls, calendar, replay=replay)
    if settings.kind == "huggingface":
        return HuggingFaceSource(name, urls, days or huggingface.DAYS_READ_AGAIN)
    if settings.kind == "biorxiv" or settings.kind == "medrxiv":
        # Nobody can say when a few subjects, or somebody's feed, should show something new.
        rhythm = silence if settings.categories or urls else biorxiv.WORKING_DAYS
        read_again = days or biorxiv.DAYS_READ_AGAIN
        return BiorxivSource(
            name, settings.kind, settings.categories, urls, days=read_again, rhythm=rhythm
        )
    if settings.kind == "pubmed":
        key = settings.api_key.get_secret_value()
        read_again = days or pubmed.DAYS_READ_AGAIN
        return PubmedSource(
            name, settings.query, urls, key, contact, days=read_again, rhythm=silence
        )
    if settings.kind == "arxiv-authors":
        return AuthorsSource(name, followed, note, urls[0] if urls else FEEDS)
    if settings.kind == "listing":
        return ListingSource(name)
    return FeedSource(name, urls, silence)
