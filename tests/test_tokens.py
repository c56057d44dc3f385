"""Signed links: they verify, for one purpose, and tell nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import BadToken
from notifier.subscriptions.tokens import KEY_BYTES, Tokens

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
