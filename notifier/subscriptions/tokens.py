"""Signed links: who may do one thing, and only that.

A token is `row.signature`, or `row-paper.signature`; the signature covers the purpose, so that a
link for leaving can do nothing else. It holds no address, does not expire, and is compared in
constant time.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_encode

from notifier.errors import BadToken

PURPOSE = "links"
KEY_BYTES = 32


class Tokens:
    """Makes and reads the tokens of one instance."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._keys: dict[str, bytes] = {}

    def make(self, purpose: str, row: int, *more: int) -> str:
        """Return the token that lets its holder do `purpose` for the subscriber of a row.

        Args:
            more: Rows of what it is done with, where that is fixed, too.
        """
        if purpose not in self._keys:
            self._keys[purpose] = self._signer(purpose).derive_key()
        value = "-".join(map(str, (row, *more))).encode("ascii")
        signature = hmac.digest(self._keys[purpose], value, "sha256")  # as Signer.sign, in one call
        return (value + b"." + base64_encode(signature)).decode("ascii")

    def read(self, purpose: str, token: str) -> int:
        """Return the row.

        Raises:
            BadToken: forged, cut short, or made for another purpose.
        """
        (row,) = self.read_rows(purpose, token, 1)
        return row

    def read_rows(self, purpose: str, token: str, count: int) -> tuple[int, ...]:
        """Return all rows that a token was made of, as many as there must be.

        Raises:
            BadToken: forged, cut short, or made for another purpose.
        """
        try:
            signed = self._signer(purpose).unsign(token.encode("utf-8", "replace"))
            rows = tuple(map(int, signed.decode("ascii").split("-")))
        except (BadSignature, ValueError) as error:
            raise BadToken("this link is not complete - open it from the mail again") from error
        if len(rows) != count:
            raise BadToken("this link is not complete - open it from the mail again")
        return rows

    def _signer(self, purpose: str) -> Signer:
        return Signer(self._key, salt=f"notifier.{purpose}", digest_method=sha256)
