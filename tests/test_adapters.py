"""A configured source gets the adapter of its kind, with what its table says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import pytest

from notifier.adapters import make_source
from notifier.config_sources import SourceSettings
from notifier.sources.source import Kind, Source

from .builders import NOON

THANKSGIVING = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)  # the noon after it


def made(kind: Any, **values: Any) -> Source:
    needed = {
        "arxiv": {"categories": ("cs.CL",)},
        "pubmed": {"query": "ferns"},
        "feed": {"urls": ("https://a.example/rss",)},
        "listing": {"enabled": False},
    }
    settings = SourceSettings(name="a", kind=kind, **(needed.get(kind, {}) | values))
    return make_source(settings, contact="ops@lab.example")


@pytest.mark.parametrize("kind", get_args(Kind))
def test_each_kind_has_an_adapter_of_its_own_name(kind: Kind) -> None:
    source = made(kind)
    assert (source.name, source.kind) == ("a", kind)


@pytest.mark.parametrize(
    ("kind", "days"), [("huggingface", 3), ("biorxiv", 7), ("medrxiv", 7), ("pubmed", 7)]
)
def test_a_window_is_what_its_documentation_says_and_can_be_set(kind: Any, days: int) -> None:
    def asked(source: Source) -> list[str]:
        assert source.window is not None
        return [one.url for one in source.requests(now=NOON, since=NOON - source.window)]

    assert asked(made(kind)) == asked(made(kind, days=days)) != asked(made(kind, days=days + 1))


def test_arxiv_is_replayed_for_a_week_or_as_long_as_is_set() -> None:
    assert made("arxiv").replay == timedelta(days=7)
    assert made("arxiv", days=3).replay == timedelta(days=3)


def test_holidays_can_be_set_for_years_that_nobody_knows_yet() -> None:
    def last(source: Source) -> datetime:
        batch = source.rhythm.last(THANKSGIVING)
        assert batch
        return batch.opens

    usual = last(made("arxiv", holidays=()))
    assert last(made("arxiv")) == usual - timedelta(days=1)
    assert last(made("arxiv", holidays=(date(2026, 11, 26),))) == usual - timedelta(days=1)


@pytest.mark.parametrize("kind", ["feed", "pubmed"])
def test_the_longest_silence_of_a_feed_can_be_set(kind: Any) -> None:
    batch = made(kind, quiet_days=90).rhythm.last(NOON)
    assert batch
    assert batch.due == NOON - timedelta(days=90)


def test_pubmed_is_told_whom_to_write_to_and_the_key() -> None:
    (request,) = made("pubmed", api_key="sesame").requests(now=NOON, since=NOON - timedelta(days=1))
    assert "ops" in request.url
    assert "lab.example" in request.url
    assert "api_key=sesame" in request.url


def test_subjects_of_a_preprint_server_may_have_spaces() -> None:
    assert made("biorxiv", categories=("cell biology",)).kind == "biorxiv"
    with pytest.raises(ValueError, match='"cell biology" is no arXiv category'):
        made("arxiv", categories=("cell biology",))
