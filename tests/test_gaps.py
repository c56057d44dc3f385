"""Text with gaps: whatever stands in pieces and gaps reads back as it was, in short lines."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from notifier.digests.gaps import Gapped, gap, quoted, tidy, unquoted

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufdd0\ufdd1\r"))
NAMES = ("one", "two", "three")


def with_gaps(pieces: list[str]) -> str:
    return "".join(piece + gap(NAMES[n % 3]) for n, piece in enumerate(pieces))


@given(st.lists(texts), st.tuples(texts, texts, texts))
@example(["x" * 76, "x" * 75 + " ", "ü" * 13], ("=" * 26, " ", ".\n"))
def test_what_is_filled_reads_back_as_it_was_written(
    pieces: list[str], values: tuple[str, str, str]
) -> None:
    said = dict(zip(NAMES, values, strict=True))
    expected = "".join(piece + values[n % 3] for n, piece in enumerate(pieces))
    gapped = Gapped.of(with_gaps(pieces))
    body = gapped.filled({name: quoted(value) for name, value in said.items()})
    for made in (body, tidy(body)):
        assert unquoted(made) == expected
        assert all(len(line) <= 76 for line in made.split(b"\r\n"))
        assert made.count(b"\r\n") == made.count(b"\n") == made.count(b"\r")


@given(st.lists(texts), st.tuples(texts, texts, texts), st.sets(st.sampled_from(NAMES)))
def test_gaps_filled_in_two_goes_are_filled_alike(
    pieces: list[str], values: tuple[str, str, str], first: set[str]
) -> None:
    said = {name: quoted(value) for name, value in zip(NAMES, values, strict=True)}
    gapped = Gapped.of(with_gaps(pieces))
    partly = gapped.partly({name: said[name] for name in first})
    assert partly.filled(said) == gapped.filled(said)
    assert first.isdisjoint(partly.names)


@given(texts)
def test_a_piece_ends_its_line(text: str) -> None:
    assert not text or quoted(text).endswith(b"\r\n")
