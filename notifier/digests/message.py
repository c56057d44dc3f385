"""A mail as bytes: the same from the same values, to the boundary.

Pure. Our own framing, since the standard library's generator encodes a long List-Unsubscribe
and so breaks one-click, takes boundaries at random, and has split encoded words differently from
version to version. Every line is 7-bit clean and at most 76 characters in bodies, 998 in headers
(RFC 5322, 2.1.1; RFC 2045, 6.7); line ends are CRLF. What would break out of a header is refused.
"""

from __future__ import annotations

import quopri
import re
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from email import base64mime, quoprimime
from email.utils import format_datetime, parseaddr

LINE_BYTES = 998
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+", re.ASCII)
_BARE = re.compile(r"[!-;=?-~]+")
_NEEDS_QUOTES = re.compile(r"[^\w !#$%&'*+/=?^`{|}~-]", re.ASCII)
# "Subject: =?utf-8?q?" + these + "?=" is 73 characters, of 76 allowed (RFC 2047, 2).
_ENCODED_CHARACTERS = 52
_UNFOLDED_NAME = 60
_FOLD = "\r\n "


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
    unsubscribe_address: str = ""


def build(mail: Mail) -> bytes:
    """Return the mail ready for the wire (RFC 5322, multipart/alternative).

    Raises:
        ValueError: a header's value holds a control character, is too long for its line, or is
            no address where one must stand.
    """
    boundary = f"=_{_bare(mail.key)}"  # quoted-printable never holds "=_"
    head = "\r\n".join(f"{name}: {value}" for name, value in _headers(mail, boundary))
    if any(len(line) > LINE_BYTES for line in head.split("\r\n")):
        raise ValueError("a header is too long for its line")
    parts = [
        head,
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
        ("From", _mailbox(mail.sender)),
        ("To", f"<{_address(mail.recipient)}>"),
        ("Subject", _unstructured(mail.subject)),
        ("Date", format_datetime(mail.date.astimezone(UTC))),
        ("Message-ID", f"<{mail.key}@{domain}>"),
        ("Reply-To", _mailbox(mail.reply_to) if mail.reply_to else ""),
        ("List-Id", _named(mail.list_name, _bare(mail.list_id))),
        ("List-Unsubscribe", _FOLD.join(_ways_out(mail))),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Auto-Submitted", "auto-generated"),
        ("Precedence", "bulk"),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
    ]
    return [(name, value) for name, value in headers if value or name == "Subject"]


def _ways_out(mail: Mail) -> list[str]:
    """RFC 2369, 3.2: by page (RFC 8058), then by mail where an address for it is known."""
    ways = [f"<{_bare(mail.unsubscribe_url)}>"]
    if mail.unsubscribe_address:
        ways[0] += ","
        ways.append(f"<mailto:{_address(mail.unsubscribe_address)}?subject=unsubscribe>")
    return ways


def _checked(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("a header's value holds a control character")
    return value


def _bare(value: str) -> str:
    """What may stand between angle brackets: visible ASCII without angle brackets."""
    if not _BARE.fullmatch(value):
        raise ValueError("a header's value must be visible ASCII without < and >")
    return value


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError("a header's value is no mail address")
    return value


def _mailbox(written: str) -> str:
    name, address = parseaddr(_checked(written))
    return _named(name, _address(address))


def _named(name: str, bare: str) -> str:
    """`Name <bare>`: the name as it is, quoted, or encoded."""
    if not name:
        return f"<{bare}>"
    if not _is_plain(_checked(name)) or len(name) > _UNFOLDED_NAME:
        return f"{_encoded_words(name)}{_FOLD}<{bare}>"
    if _NEEDS_QUOTES.search(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{escaped}"'
    return f"{name} <{bare}>"


def _is_plain(value: str) -> bool:
    """Whether a reader gets `value` back when it stands unencoded, folded at single spaces."""
    longest = max(map(len, value.split(" ")))
    single = value == " ".join(value.split())
    return value.isascii() and "=?" not in value and longest <= 66 and single


def _unstructured(value: str) -> str:
    """Fold before column 76, encoded where needed (RFC 2047)."""
    if not _is_plain(_checked(value)):
        return _encoded_words(value)
    return _FOLD.join(textwrap.wrap(value, 66, break_on_hyphens=False))


def _encoded_words(value: str) -> str:
    """RFC 2047: short words of whole characters, in the shorter of the two encodings."""
    whole = value.encode()
    quoted, based = quoprimime.header_length(whole), base64mime.header_length(whole)
    codec, length = (
        (quoprimime, quoprimime.header_length)
        if quoted <= based
        else (base64mime, base64mime.header_length)
    )
    words = [""]
    for character in value:
        if length((words[-1] + character).encode()) > _ENCODED_CHARACTERS:
            words.append("")
        words[-1] += character
    return _FOLD.join(codec.header_encode(word.encode(), "utf-8") for word in words)


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
