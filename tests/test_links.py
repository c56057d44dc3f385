"""Addresses of a mail: each with its own token, each a valid address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import BadToken
from notifier.subscriptions.links import Links
from notifier.subscriptions.tokens import KEY_BYTES, Tokens

from .builders import NOON

TOKENS = Tokens(bytes(KEY_BYTES))
LINKS = Links("https://papers.example.org/", TOKENS)
DATED: dict[str, dict[str, Any]] = {"change": {"now": NOON, "life": timedelta(1)}}
SUBSCRIBERS: dict[str, Callable[[int], str]] = {
    "unsubscribe": LINKS.unsubscribe,
    "pause": LINKS.pause,
    "change": lambda row: LINKS.change(row, NOON),
}


@pytest.mark.parametrize("purpose", SUBSCRIBERS)
def test_each_link_of_a_subscriber_serves_its_own_purpose_and_no_other(purpose: str) -> None:
    token = SUBSCRIBERS[purpose](42).rpartition("/")[2]
    read = TOKENS.read_dated if purpose == "change" else TOKENS.read
    assert read(purpose, token, **DATED.get(purpose, {})) == 42
    for other in {*SUBSCRIBERS, "vote"} - {purpose}:
        with pytest.raises(BadToken):
            TOKENS.read(other, token)


def test_addresses_are_short_and_readable() -> None:
    assert LINKS.digest("ab" * 16) == f"https://papers.example.org/d/{'ab' * 16}"
    assert LINKS.all_of("ab" * 16) == f"https://papers.example.org/d/{'ab' * 16}/all"
    assert LINKS.paper("arxiv:2508.13426") == "https://papers.example.org/p/arxiv:2508.13426"
    assert LINKS.bibtex("arxiv:2508.13426").endswith("/p/arxiv:2508.13426.bib")
    assert LINKS.ris("doi:10.1000/x").endswith("/p/doi:10.1000/x.ris")
    vote = LINKS.vote(123_456, 1_234_567) + LINKS.choice("down")
    assert vote.startswith("https://papers.example.org/v/123456-1234567.")
    assert vote.endswith("?said=down")
    assert len(vote) < 110


def test_within_a_site_an_address_is_a_path() -> None:
    assert Links("", TOKENS).paper("arxiv:1") == "/p/arxiv:1"
    assert Links("/papers/", TOKENS).digest("k") == "/papers/d/k"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_id_comes_back_from_its_address(id_: str) -> None:
    parts = urlsplit(LINKS.paper(id_))
    assert parts.geturl().isascii()
    assert (parts.query, parts.fragment) == ("", "")
    assert unquote(parts.path) == f"/p/{id_}"
