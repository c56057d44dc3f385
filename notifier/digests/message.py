"""A mail as bytes: the same from the same values, to the boundary.

Pure. Our own framing, since the standard library's generator encodes a long List-Unsubscribe
and so breaks one-click, and takes boundaries at random. Every line is 7-bit clean and at most
76 characters in bodies, 998 in headers (RFC 5322, 2.1.1; RFC 2045, 6.7); line ends are CRLF.
"""

from __future__ import annotations

import quopri
import re
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, formataddr, parseaddr

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says, and to whom. `key` is unguessable and unlike any other mail's."""

    key: str
    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    date: datetime
    list_id: str
    list_name: str
    unsubscribe_url: str
    reply_to: str = ""


def build(mail: Mail) -> bytes:
    """Return the mail ready for the wire (RFC 5322, multipart/alternative).

    Raises:
        ValueError: a header value holds a control character.
    """
    boundary = f"=_{mail.key}"
    parts = [
        "\r\n".join(f"{name}: {value}" for name, value in _headers(mail, boundary)),
        "",
        _part(boundary, "plain", mail.text),
        _part(boundary, "html", mail.html),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(parts).encode("ascii")


def _headers(mail: Mail, boundary: str) -> list[tuple[str, str]]:
    domain = parseaddr(mail.sender)[1].rpartition("@")[2]
    headers = [
        ("From", _address(mail.sender)),
        ("To", f"<{_checked(mail.recipient)}>"),
        ("Subject", _unstructured(mail.subject)),
        ("Date", format_datetime(mail.date.astimezone(UTC))),
        ("Message-ID", f"<{mail.key}@{_checked(domain)}>"),
        ("Reply-To", _address(mail.reply_to) if mail.reply_to else ""),
        ("List-Id", f"{_phrase(mail.list_name)} <{_checked(mail.list_id)}>"),
        ("List-Unsubscribe", f"<{_checked(mail.unsubscribe_url)}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Auto-Submitted", "auto-generated"),
        ("Precedence", "bulk"),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
    ]
    return [(name, value) for name, value in headers if value]


def _checked(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("a header value holds a control character")
    return value


def _address(written: str) -> str:
    name, address = parseaddr(_checked(written))
    return formataddr((name, address), "utf-8")


def _unstructured(value: str) -> str:
    """Encode where needed (RFC 2047) and fold before column 76."""
    if not _checked(value).isascii() or "=?" in value:
        return Header(value, "utf-8", maxlinelen=75, header_name="Subject").encode(linesep="\r\n")
    return "\r\n ".join(
        textwrap.wrap(value, 66, break_long_words=False, break_on_hyphens=False) or [""]
    )


def _phrase(value: str) -> str:
    """A display phrase: quoted, or encoded where it is not ASCII."""
    name = formataddr((_checked(value), "a@b"), "utf-8")
    return name.removesuffix("<a@b>").strip()


def _part(boundary: str, subtype: str, body: str) -> str:
    unified = body.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    encoded = quopri.encodestring(unified.encode("utf-8")).decode("ascii")
    return "\r\n".join(
        (
            f"--{boundary}",
            f"Content-Type: text/{subtype}; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            "",
            encoded.replace("\n", "\r\n"),
        )
    )
