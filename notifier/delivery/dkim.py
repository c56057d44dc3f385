"""DKIM: sign a mail with RSA and Ed25519 side by side, and say what belongs into DNS.

Pure: the moment is an argument and both algorithms are deterministic, so the same mail signed
again is the same to the byte. Canonicalisation is relaxed/simple (RFC 6376, 3.4): a relay may fold
headers anew; bodies are quoted-printable and end no line in white space, so relaxing them would buy
nothing. Headers are signed once more than they are there, so that none can be added (RFC 6376,
8.15); there is no `l=`, so that nothing can be added to the body (8.2).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PrivateKey = RSAPrivateKey | Ed25519PrivateKey
Header = tuple[bytes, bytes]  # the name in small letters, the value as it stands

# Over-signed even when the mail has none: what a reader's program would show or go by.
ALWAYS = (
    "from", "to", "cc", "subject", "date", "message-id", "reply-to",
    "mime-version", "content-type", "content-transfer-encoding",
)  # fmt: skip
# Over-signed where the mail has them; some relays add their own to a mail that has none.
WHERE_PRESENT = (
    "list-id", "list-unsubscribe", "list-unsubscribe-post", "auto-submitted", "feedback-id",
)  # fmt: skip
_FIELD = re.compile(rb"([!-9;-~]+):((?:[^\r\n]|\r\n[ \t])*)")
_WHITE = re.compile(rb"[ \t]+")
_LINE = 76
_CHUNK = 72
_STRING_BYTES = 255


@dataclass(frozen=True, slots=True)
class Key:
    """A private key and the selector under which its public half stands in DNS."""

    selector: str
    private: PrivateKey

    @property
    def kind(self) -> str:
        """`rsa` or `ed25519`, as the tag `k=` of the record has it."""
        return "rsa" if isinstance(self.private, RSAPrivateKey) else "ed25519"


def sign(mail: bytes, keys: Sequence[Key], *, domain: str, at: datetime) -> bytes:
    """Return the mail with one DKIM-Signature for each key before all other headers.

    Args:
        mail: 7-bit, line ends CRLF.
        keys: In the order in which their signatures stand; none: the mail is returned as it is.
        domain: For `d=`; DMARC wants that of the sender, or one above.
        at: For `t=`, aware.
    Raises:
        ValueError: the mail would be changed on its way (8-bit, bare CR or LF) or has a header
            that is none; the time has no zone.
    Source: RFC 6376, 3.5 to 3.7; RFC 8301 (rsa-sha256); RFC 8463 (ed25519-sha256).
    """
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    if not keys:
        return mail
    headers, body = split(mail)
    names = list(_signed_names({name.decode() for name, _ in headers}, headers))
    signed = canonical(select(headers, names))
    body_hash = b64encode(sha256(simple_body(body)).digest()).decode()
    made = []
    for key in keys:
        tags = [
            "v=1", f"a={key.kind}-sha256", "c=relaxed/simple", f"d={domain}", f"s={key.selector}",
            f"t={int(at.timestamp())}",
        ]  # fmt: skip
        field = _folded(tags, names, body_hash)
        own = relaxed((b"dkim-signature", field.encode("ascii")))
        made.append(f"DKIM-Signature:{field}{_chunked(_signature(key.private, signed + own))}\r\n")
    return "".join(made).encode("ascii") + mail


def record(private: PrivateKey) -> str:
    """Return the text of the key's TXT record (RFC 6376, 3.6.1; RFC 8463, 4.2)."""
    public = private.public_key()
    if isinstance(private, RSAPrivateKey):
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={b64encode(der).decode()}"
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k=ed25519; p={b64encode(raw).decode()}"


def record_name(selector: str, domain: str) -> str:
    """Return where the record stands (RFC 6376, 3.6.2.1)."""
    return f"{selector}._domainkey.{domain}"


def strings(text: str) -> list[str]:
    """Return a TXT record's text in strings of at most 255 bytes (RFC 1035, 3.3)."""
    return [text[start : start + _STRING_BYTES] for start in range(0, len(text), _STRING_BYTES)]


def zone_line(key: Key, domain: str) -> str:
    """Return the key's record as a line of a zone file (RFC 1035, 5.1)."""
    quoted = " ".join(f'"{string}"' for string in strings(record(key.private)))
    return f"{record_name(key.selector, domain)}. IN TXT ( {quoted} )"


# Canonical forms, for signing and for verifying.


def split(mail: bytes) -> tuple[list[Header], bytes]:
    """Return the headers in their order, and the body.

    Raises:
        ValueError: 8-bit, bare CR or LF, or a line among the headers that is none.
    """
    if not mail.isascii():
        raise ValueError("a mail to be signed must be 7-bit")
    if not mail.count(b"\r\n") == mail.count(b"\n") == mail.count(b"\r"):
        raise ValueError("a mail to be signed must end its lines in CRLF")
    head, _, body = mail.partition(b"\r\n\r\n")
    headers = []
    for field in re.split(rb"\r\n(?![ \t])", head.removesuffix(b"\r\n")):
        found = _FIELD.fullmatch(field)
        if not found:
            raise ValueError("a line among the headers is no header")
        headers.append((found[1].lower(), found[2]))
    return headers, body


def simple_body(body: bytes) -> bytes:
    """Return the body with one line end at its end (RFC 6376, 3.4.3)."""
    while body.endswith(b"\r\n"):
        body = body[:-2]
    return body + b"\r\n"


def relaxed(header: Header) -> bytes:
    """Return a header unfolded, with single spaces, without its line end (RFC 6376, 3.4.2)."""
    name, value = header
    return name + b":" + _WHITE.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")


def canonical(headers: Iterable[Header]) -> bytes:
    """Return headers as they are signed, each with its line end."""
    return b"".join(relaxed(header) + b"\r\n" for header in headers)


def select(headers: Sequence[Header], names: Iterable[str]) -> Iterator[Header]:
    """Yield the headers named: of several the last first, of more than there are none.

    Source: RFC 6376, 5.4.2.
    """
    left: dict[bytes, list[Header]] = {}
    for header in headers:
        left.setdefault(header[0], []).append(header)
    for name in names:
        if of_name := left.get(name.encode()):
            yield of_name.pop()


def _signed_names(present: set[str], headers: Sequence[Header]) -> Iterator[str]:
    """What `h=` lists: each header as often as it is there, and once more."""
    counts = [name.decode() for name, _ in headers]
    for name in (*ALWAYS, *(one for one in WHERE_PRESENT if one in present)):
        yield from [name] * (counts.count(name) + 1)


def _folded(tags: Sequence[str], names: Sequence[str], body_hash: str) -> str:
    """The field's value to the `=` of an empty `b=`, in lines of at most 76 where words allow."""
    last = len(names) - 1
    listed = (f"{name}{';' if n == last else ':'}" for n, name in enumerate(names))
    words = [*(f" {tag};" for tag in tags), f" h={next(listed)}", *listed, f" bh={body_hash};"]
    lines, used = [""], len("DKIM-Signature:")
    for word in words:
        if used + len(word) > _LINE:
            word = f" {word.lstrip()}"
            lines.append("")
            used = 0
        lines[-1] += word
        used += len(word)
    return "\r\n".join([*lines, " b="])


def _chunked(signature: bytes) -> str:
    """Base64 in lines; white space within it counts for nothing (RFC 6376, 3.5)."""
    text = b64encode(signature).decode()
    return "\r\n ".join(text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK))


def _signature(private: PrivateKey, signed: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 (RFC 8017, 8.2), or Ed25519 over the hash (RFC 8463, 3)."""
    if isinstance(private, RSAPrivateKey):
        return private.sign(signed, PKCS1v15(), SHA256())
    return private.sign(sha256(signed).digest())
