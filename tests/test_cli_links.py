"""notifier link: a fresh link for one who lost theirs, and new keys."""

from __future__ import annotations

import pytest

from .commands import Notifier, notifier

__all__ = ["notifier"]

ADA = "ada@example.org"


@pytest.fixture
def ada(notifier: Notifier) -> Notifier:
    notifier("subscriber", "add", ADA, "--confirmed")
    return notifier


def test_a_fresh_link_leads_to_the_page_for_changes(ada: Notifier) -> None:
    shown = ada("link", "show", ADA)
    assert shown.code == 0
    assert "/m/1-" in shown.out
    assert shown.out.count("\n") == 1


def test_nobody_unknown_has_a_link(ada: Notifier) -> None:
    assert ada("link", "show", "bo@example.org").code == 4


def test_a_new_key_makes_other_links(ada: Notifier) -> None:
    before = ada("link", "show", ADA).out
    done = ada("link", "rotate")
    assert (done.code, done.out) == (0, "")
    assert "2 keys are known" in done.err
    assert ada("link", "show", ADA).out != before
