"""Signed links: who may do one thing, and only that.

A token is `rows.signature`: rows of the database with dashes between them, and the day it was made
where it serves for a time only. The signature covers the purpose, so that a link for leaving can do
nothing else. It holds no address and is compared in constant time.

Keys can be replaced: the newest signs, all verify.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_encode

from notifier.errors import BadToken, ExpiredToken

PURPOSE = "links"
KEY_BYTES = 32
_FIRST_DAY = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_NOT_OURS = "this link is not complete - open it from the mail again"


class Tokens:
    """Makes and reads the tokens of one instance."""

    def __init__(self, *keys: bytes, reload: Callable[[], Sequence[bytes]] | None = None) -> None:
        """Use `keys`, oldest first.

        Args:
            reload: Asked for the keys when a token verifies by none: another process may have
                made a new one.
        """
        self._reload = reload
        self.use(keys)

    def use(self, keys: Sequence[bytes]) -> None:
        """Go on with these keys, oldest first."""
        self._keys = tuple(keys)
        self._newest: dict[str, bytes] = {}

    def make(self, purpose: str, row: int, *more: int) -> str:
        """Return the token that lets its holder do `purpose` for the subscriber of a row.

        Args:
            more: Rows of what it is done with, where that is fixed, too.
        """
        if purpose not in self._newest:
            self._newest[purpose] = self._signer(purpose).derive_key()
        value = "-".join(map(str, (row, *more))).encode("ascii")
        signature = hmac.digest(self._newest[purpose], value, "sha256")  # as Signer.sign
        return (value + b"." + base64_encode(signature)).decode("ascii")

    def make_dated(self, purpose: str, row: int, at: datetime) -> str:
        """Return a token that says on which day (UTC) it was made."""
        return self.make(purpose, row, (at - _FIRST_DAY).days)

    def make_timed(self, purpose: str, row: int, *more: int, at: datetime) -> str:
        """Return a token that says in which minute it was made."""
        return self.make(purpose, row, *more, (at - _FIRST_DAY) // _MINUTE)

    def read_timed(
        self, purpose: str, token: str, *, now: datetime, life: timedelta
    ) -> tuple[tuple[int, ...], datetime]:
        """Return the rows of a token and when it was made, to the minute.

        Raises:
            BadToken: forged, cut short, or made for another purpose.
            ExpiredToken: it is older than `life`.
        """
        *rows, minute = self._verified(purpose, token)
        if not rows:
            raise BadToken(_NOT_OURS)
        made_at = _FIRST_DAY + minute * _MINUTE
        if now - made_at > life:
            raise ExpiredToken(rows[0], life)
        return tuple(rows), made_at

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
        rows = self._verified(purpose, token)
        if len(rows) != count:
            raise BadToken(_NOT_OURS)
        return rows

    def read_dated(self, purpose: str, token: str, *, now: datetime, life: timedelta | None) -> int:
        """Return the row of a token; those made before tokens had a day hold for ever.

        Args:
            life: For so long a token holds, counted from the end of its day; None: for ever.
        Raises:
            BadToken: forged, cut short, or made for another purpose.
            ExpiredToken: it is older.
        """
        rows = self._verified(purpose, token)
        if len(rows) > 2:
            raise BadToken(_NOT_OURS)
        if life and len(rows) == 2 and (now - _FIRST_DAY).days - rows[1] > life.days:
            raise ExpiredToken(rows[0], life)
        return rows[0]

    def is_made_for(self, purpose: str, token: str) -> bool:
        """Whether a token was made by us for a purpose, however old it is."""
        try:
            self._verified(purpose, token)
        except BadToken:
            return False
        return True

    def _verified(self, purpose: str, token: str) -> tuple[int, ...]:
        raw = token.encode("utf-8", "replace")
        try:
            signed = self._unsigned(purpose, raw)
            return tuple(map(int, signed.decode("ascii").split("-")))
        except (BadSignature, ValueError) as error:
            raise BadToken(_NOT_OURS) from error

    def _unsigned(self, purpose: str, raw: bytes) -> bytes:
        try:
            return self._signer(purpose).unsign(raw)
        except BadSignature:
            keys = tuple(self._reload()) if self._reload else self._keys
            if keys == self._keys:
                raise
            self.use(keys)
            return self._signer(purpose).unsign(raw)

    def _signer(self, purpose: str) -> Signer:
        return Signer(list(self._keys), salt=f"notifier.{purpose}", digest_method=sha256)
