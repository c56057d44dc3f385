"""Addresses that say whom a mail was for: the envelope's sender, and where one leaves by mail.

Pure. VERP: each mail has a return path of its own, `b+TOKEN@domain`, so that whatever comes back
names its delivery without being understood. A token is base32 of a row and of 8 bytes of HMAC:
letters of one case and digits, since servers change the case of local parts, and at most 64
characters with its prefix (RFC 5321, 4.5.3.1.1).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

BOUNCE, UNSUBSCRIBE = "b", "unsub"
_ROW_BYTES = _SIGNATURE_BYTES = 8
TOKEN_CHARACTERS = 26


def make(secret: bytes, purpose: str, row: int, about: str = "") -> str:
    """Return the token of a row for a purpose.

    Args:
        about: What the row holds, where its number may be given to another row later.
    """
    written = row.to_bytes(_ROW_BYTES, "big")
    signed = hmac.new(secret, f"verp:{purpose}:{row}:{about}".encode(), hashlib.sha256).digest()
    return base64.b32encode(written + signed[:_SIGNATURE_BYTES]).decode("ascii").rstrip("=").lower()


def row_of(token: str) -> int | None:
    """Return the row that a token speaks of, true or forged; None when it is no token."""
    if len(token) != TOKEN_CHARACTERS or not token.isascii():
        return None
    try:
        raw = base64.b32decode(token.upper() + "=" * 6)
    except binascii.Error:
        return None
    return int.from_bytes(raw[:_ROW_BYTES], "big")


def is_true(token: str, secret: bytes, purpose: str, row: int, about: str = "") -> bool:
    """Whether we made the token, for this row, purpose and content."""
    made = make(secret, purpose, row, about).encode("ascii")
    return hmac.compare_digest(made, token.lower().encode("utf-8", "replace"))


def address(purpose: str, token: str, bounce_address: str) -> str:
    """Return the address with a token, in the domain of `bounce_address`."""
    return f"{purpose}+{token}@{bounce_address.rpartition('@')[2]}"
