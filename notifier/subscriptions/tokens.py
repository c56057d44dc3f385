"""Signed links: who may do one thing, and only that.

A token is `row.signature`; the signature covers the purpose, so that a link for leaving can do
nothing else. It holds no address, does not expire, and is compared in constant time.
"""

from __future__ import annotations

from hashlib import sha256

from itsdangerous import BadSignature, Signer

from notifier.errors import BadToken

PURPOSE = "links"
KEY_BYTES = 32


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
        try:
            return int(self._signer(purpose).unsign(token.encode("utf-8", "replace")))
        except (BadSignature, ValueError) as error:
            raise BadToken("this link is not complete - open it from the mail again") from error

    def _signer(self, purpose: str) -> Signer:
        return Signer(self._key, salt=f"notifier.{purpose}", digest_method=sha256)
