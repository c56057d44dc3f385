"""Verify our own signatures against the text of a DNS record.

Pure. For what `dkim` writes and nothing else: relaxed/simple, no `l=`. It tells that a private key
and a record belong together; for any other's signatures take a full verifier.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from notifier.delivery.dkim import (
    Header,
    canonical,
    record_name,
    relaxed,
    select,
    simple_body,
    split,
)


def verified(mail: bytes, records: Callable[[str], str | None]) -> dict[str, bool]:
    """Return for each signature of a mail, by its record's name, whether it holds.

    Args:
        records: The TXT record at a name, None where there is none.
    Source: RFC 6376, 6.1.
    """
    headers, body = split(mail)
    out = {}
    for header in headers:
        if header[0] == b"dkim-signature":
            tags = _tags(header[1].decode("ascii"))
            name = record_name(tags.get("s", ""), tags.get("d", ""))
            out[name] = _holds(header, tags, headers, body, records(name) or "")
    return out


def _holds(
    header: Header, tags: dict[str, str], headers: list[Header], body: bytes, record: str
) -> bool:
    published = _tags(record)
    try:
        signature = b64decode(tags["b"], validate=True)
        body_hash = b64decode(tags["bh"], validate=True)
        public, kind = b64decode(published["p"], validate=True), published["k"]
        names = tags["h"].lower().split(":")
        form = (tags["a"], tags["c"])
    except (KeyError, ValueError):
        return False
    if form != (f"{kind}-sha256", "relaxed/simple") or "from" not in names or "l" in tags:
        return False
    if sha256(simple_body(body)).digest() != body_hash:
        return False
    own = header[1][: header[1].rindex(b" b=") + 3]
    signed = canonical(select(headers, names)) + relaxed((header[0], own))
    return _is_signed(kind, public, signature, signed)


def _is_signed(kind: str, public: bytes, signature: bytes, signed: bytes) -> bool:
    try:
        if kind == "ed25519":
            Ed25519PublicKey.from_public_bytes(public).verify(signature, sha256(signed).digest())
            return True
        key = load_der_public_key(public)
        if not isinstance(key, RSAPublicKey):
            return False
        key.verify(signature, signed, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _tags(written: str) -> dict[str, str]:
    """`a=1; b=2` by name, without white space (RFC 6376, 3.2)."""
    pairs = (part.partition("=") for part in written.split(";") if "=" in part)
    return {name.strip(): "".join(value.split()) for name, _, value in pairs}
