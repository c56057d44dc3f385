"""Signed links: they verify, for one purpose, and tell nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.app import opened
from notifier.config import Settings
from notifier.errors import BadToken, ExpiredToken
from notifier.subscriptions.tokens import KEY_BYTES, Tokens

from .builders import NOON
from .databases import database_url

KEY = bytes(range(KEY_BYTES))
TOKENS = Tokens(KEY)
rows = st.integers(1, 2**63 - 1)
purposes = st.sampled_from(["leave", "confirm", "manage", ""])


@given(rows, purposes)
def test_a_token_names_its_row_again(row: int, purpose: str) -> None:
    assert TOKENS.read(purpose, TOKENS.make(purpose, row)) == row


@given(rows, purposes, purposes)
def test_a_token_serves_its_own_purpose_and_no_other(row: int, made: str, used: str) -> None:
    token = TOKENS.make(made, row)
    if made == used:
        assert TOKENS.read(used, token) == row
    else:
        with pytest.raises(BadToken):
            TOKENS.read(used, token)


@given(rows, st.data())
def test_a_token_cut_short_is_refused(row: int, data: st.DataObject) -> None:
    token = TOKENS.make("leave", row)
    end = data.draw(st.integers(0, len(token) - 1))
    with pytest.raises(BadToken):
        TOKENS.read("leave", token[:end])


@given(rows, rows)
def test_the_signature_of_one_row_does_not_serve_another(mine: int, other: int) -> None:
    signature = TOKENS.make("leave", mine).partition(".")[2]
    if mine != other:
        with pytest.raises(BadToken):
            TOKENS.read("leave", f"{other}.{signature}")


@given(rows, st.data(), st.characters())
def test_a_changed_token_never_names_another_row(
    row: int, data: st.DataObject, character: str
) -> None:
    token = TOKENS.make("leave", row)
    place = data.draw(st.integers(0, len(token) - 1))
    changed = token[:place] + character + token[place + 1 :]
    try:
        assert TOKENS.read("leave", changed) == row
    except BadToken:
        assert changed != token


@given(rows, st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES))
def test_a_token_of_another_instance_is_refused(row: int, key: bytes) -> None:
    if key != KEY:
        with pytest.raises(BadToken):
            TOKENS.read("leave", Tokens(key).make("leave", row))


@given(st.text(st.characters(codec=None), max_size=80))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    with pytest.raises(BadToken, match="open it from the mail again"):
        TOKENS.read("leave", text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "1", "1.", ".x", "1.x.y", "grün", "\ud800", "\0", "1.\udcff", "١.x", "1" * 10_000,
     "1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "-1.x", " ", "%ff", "𝟏.x"],
)  # fmt: skip
def test_what_is_no_token_is_refused_with_one_clear_line(text: str) -> None:
    with pytest.raises(BadToken) as caught:
        TOKENS.read("leave", text)
    assert str(caught.value) == "this link is not complete - open it from the mail again"


@given(rows)
def test_a_token_is_short_and_needs_no_escaping_in_a_link(row: int) -> None:
    token = TOKENS.make("leave", row)
    allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    assert set(token) <= set(allowed)
    assert len(token) <= 63
    assert "@" not in token


def test_a_token_is_the_row_and_a_signature_and_nothing_else() -> None:
    row, signature = TOKENS.make("leave", 42).split(".")
    assert row == "42"
    assert len(signature) == 43, "the 256 bits of HMAC-SHA256"


def test_a_token_stays_the_same_so_that_a_mail_can_be_made_again() -> None:
    assert TOKENS.make("leave", 7) == Tokens(KEY).make("leave", 7)


@given(rows, rows)
def test_a_token_about_a_paper_names_both_rows_again(row: int, paper: int) -> None:
    token = TOKENS.make("vote", row, paper)
    assert TOKENS.read_rows("vote", token, 2) == (row, paper)
    assert len(token) <= 84


@given(rows, rows, rows)
def test_a_token_about_one_paper_does_not_serve_another(row: int, paper: int, other: int) -> None:
    signature = TOKENS.make("vote", row, paper).partition(".")[2]
    for forged in (f"{row}-{other}.{signature}", f"{other}-{paper}.{signature}"):
        if forged != TOKENS.make("vote", row, paper):
            with pytest.raises(BadToken):
                TOKENS.read_rows("vote", forged, 2)


@given(rows, rows)
def test_tokens_about_papers_and_about_subscribers_are_not_taken_for_one_another(
    row: int, paper: int
) -> None:
    for purpose in ("vote", "unsubscribe"):
        with pytest.raises(BadToken):
            TOKENS.read(purpose, TOKENS.make("vote", row, paper))
        with pytest.raises(BadToken):
            TOKENS.read_rows(purpose, TOKENS.make("vote", row), 2)
    with pytest.raises(BadToken):
        TOKENS.read_rows("pause", TOKENS.make("vote", row, paper), 2)


@given(rows, st.data())
def test_a_pair_cut_short_is_refused(row: int, data: st.DataObject) -> None:
    token = TOKENS.make("vote", row, 7)
    end = data.draw(st.integers(0, len(token) - 1))
    with pytest.raises(BadToken):
        TOKENS.read_rows("vote", token[:end], 2)


@given(st.text(st.characters(codec=None), max_size=80))
def test_no_text_is_a_pair_by_chance(text: str) -> None:
    with pytest.raises(BadToken, match="open it from the mail again"):
        TOKENS.read_rows("vote", text, 2)


# Keys are replaced.

OTHER = bytes(reversed(range(KEY_BYTES)))


@given(rows, purposes)
def test_the_newest_key_signs_and_all_verify(row: int, purpose: str) -> None:
    both = Tokens(KEY, OTHER)
    assert both.make(purpose, row) == Tokens(OTHER).make(purpose, row)
    assert both.read(purpose, TOKENS.make(purpose, row)) == row
    assert both.read(purpose, both.make(purpose, row)) == row
    with pytest.raises(BadToken):
        TOKENS.read(purpose, both.make(purpose, row))


def test_a_key_that_another_process_made_is_learnt_when_it_is_met() -> None:
    keys = [KEY]
    running = Tokens(KEY, reload=lambda: keys)
    with pytest.raises(BadToken):
        running.read("leave", Tokens(OTHER).make("leave", 7))
    keys.append(OTHER)
    assert running.read("leave", Tokens(OTHER).make("leave", 7)) == 7
    assert running.make("leave", 7) == Tokens(OTHER).make("leave", 7)
    with pytest.raises(BadToken):
        running.read("leave", "7.nonsense")


def test_a_rotated_instance_takes_its_old_links_and_makes_new_ones(tmp_path: Path) -> None:
    settings = Settings(database={"url": database_url(tmp_path)})
    with opened(settings) as daemon, opened(settings) as command:
        old = daemon.links.unsubscribe(7)
        assert [command.rotate_links() for _ in range(10)] == list(range(2, 12))
        new = command.links.unsubscribe(7)
        assert new != old
        for link in (old, new):
            assert daemon.tokens.read("unsubscribe", link.rpartition("/")[2]) == 7
        assert daemon.links.unsubscribe(7) == new, "learnt"
    with opened(settings) as again:
        assert again.links.unsubscribe(7) == new


# Tokens that serve for a time.

MONTH = timedelta(days=30)
moments = st.integers(0, 30_000 * 86_400).map(lambda s: datetime.fromtimestamp(s, UTC))


@given(rows, moments, st.integers(0, 400))
def test_a_dated_token_holds_for_its_days_and_no_longer(
    row: int, made: datetime, days: int
) -> None:
    token, now = TOKENS.make_dated("change", row, made), made + timedelta(days=days)
    if days <= 30:
        assert TOKENS.read_dated("change", token, now=now, life=MONTH) == row
    else:
        with pytest.raises(ExpiredToken) as caught:
            TOKENS.read_dated("change", token, now=now, life=MONTH)
        assert caught.value.row == row


@given(rows, moments)
def test_a_token_without_a_day_holds_for_ever(row: int, now: datetime) -> None:
    token = TOKENS.make("change", row)
    assert TOKENS.read_dated("change", token, now=now, life=MONTH) == row


@given(rows, moments, st.integers(1, 30))
def test_a_day_cannot_be_changed(row: int, made: datetime, later: int) -> None:
    token = TOKENS.make_dated("change", row, made)
    head, _, signature = token.partition(".")
    day = int(head.rpartition("-")[2])
    with pytest.raises(BadToken):
        TOKENS.read_dated("change", f"{row}-{day + later}.{signature}", now=made, life=MONTH)
    with pytest.raises(BadToken):
        TOKENS.read_dated("change", f"{row}.{signature}", now=made, life=MONTH)


def test_a_token_about_three_things_has_no_day() -> None:
    with pytest.raises(BadToken):
        TOKENS.read_dated("change", TOKENS.make("change", 1, 2, 3), now=NOON, life=MONTH)
