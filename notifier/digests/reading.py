"""A mail's parts, read by the standard library."""

from __future__ import annotations

import email
import email.policy


def body(content: bytes, subtype: str) -> bytes:
    """Return the HTML ("html") or text ("plain") of a mail, to the byte; b"" if it has none."""
    part = email.message_from_bytes(content, policy=email.policy.default).get_body((subtype,))
    payload = part.get_payload(decode=True) if part else b""
    return payload if isinstance(payload, bytes) else b""
