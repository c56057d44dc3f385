"""Signed links: who may do one thing, and only that.

A token is `row.signature`; the signature covers the purpose, so that a link for leaving can do
nothing else. It holds no address, does not expire, and is compared in constant time. A token about
a subscriber and a paper is `row-paper.signature`, and covers both.
"""

from __future__ import annotations

from hashlib import sha256

from itsdangerous import BadSignature, HMACAlgorithm, Signer

from notifier.errors import BadToken

PURPOSE = "links"
KEY_BYTES = 32
# A mail holds three links for each paper: 128 bits are as safe there, and a kilobyte smaller.
_SHORT_BYTES = 16


class _ShortHmac(HMACAlgorithm):
    """HMAC-SHA256, its first 128 bits (RFC 2104, 5)."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return super().get_signature(key, value)[:_SHORT_BYTES]


class Tokens:
    """Makes and reads the tokens of one instance."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, purpose: str, row: int) -> str:
        """Return the token that lets its holder do `purpose` for the subscriber of a row."""
        return self._signer(purpose).sign(str(row)).decode("ascii")

    def read(self, purpose: str, token: str) -> int:
        """Return the row.

        Raises:
            BadToken: forged, cut short, or made for another purpose.
        """
        (row,) = _read(self._signer(purpose), token, 1)
        return row

    def make_pair(self, purpose: str, row: int, paper: int) -> str:
        """Return the token for `purpose` that says a subscriber's row and a paper's."""
        return self._short_signer(purpose).sign(f"{row}-{paper}").decode("ascii")

    def read_pair(self, purpose: str, token: str) -> tuple[int, int]:
        """Return the rows of subscriber and paper.

        Raises:
            BadToken: forged, cut short, or made for another purpose.
        """
        row, paper = _read(self._short_signer(purpose), token, 2)
        return row, paper

    def _signer(self, purpose: str) -> Signer:
        return Signer(self._key, salt=f"notifier.{purpose}", digest_method=sha256)

    def _short_signer(self, purpose: str) -> Signer:
        salt, short = f"notifier.{purpose}.pair", _ShortHmac(sha256)
        return Signer(self._key, salt=salt, digest_method=sha256, algorithm=short)


def _read(signer: Signer, token: str, count: int) -> list[int]:
    try:
        rows = [int(row) for row in signer.unsign(token.encode("utf-8", "replace")).split(b"-")]
    except (BadSignature, ValueError) as error:
        raise BadToken("this link is not complete - open it from the mail again") from error
    if len(rows) != count:
        raise BadToken("this link is not complete - open it from the mail again")
    return rows
