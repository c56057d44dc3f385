"""A mail as bytes: the same from the same values, to the boundary.

Pure. Our own framing, since the standard library's generator encodes a long List-Unsubscribe
and so breaks one-click, takes boundaries at random, and has split encoded words differently from
version to version. Every line is 7-bit clean and at most 76 characters in bodies, 998 in headers
(RFC 5322, 2.1.1; RFC 2045, 6.7); line ends are CRLF. What would break out of a header is refused.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from email import base64mime, quoprimime
from email.utils import format_datetime, parseaddr
from functools import lru_cache

LINE_BYTES = 998
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+", re.ASCII)
_NEVER_IN_LOCAL = re.compile(r"[\s<>()\[\]:;@\\,\"\x00-\x20\x7f-\x9f\u2028\u2029]")
_BARE = re.compile(r"[!-;=?-~]+")
_NEEDS_QUOTES = re.compile(r"[^\w !#$%&'*+/=?^`{|}~-]", re.ASCII)
# "Subject: =?utf-8?q?" + these + "?=" is 73 characters, of 76 allowed (RFC 2047, 2).
_ENCODED_CHARACTERS = 52
_BASE64_BYTES = _ENCODED_CHARACTERS // 4 * 3
_UNFOLDED_NAME = 60
_LEAST_SENDER_ID, _SENDER_ID = 5, 15
_FOLD = "\r\n "
_PLAIN = "text/plain; charset=utf-8"
_QUOTED = b"Content-Transfer-Encoding: quoted-printable"


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says, and to whom. `key` is unguessable and unlike any other mail's.

    `stream` names the kind of mail for providers that count complaints; never a person.
    What is sent to one person alone, once, is no list's (`is_list`), and has no way out of one.
    `text` and `html` are quoted-printable already: see `gaps.quoted`. A mail without `html` is text
    only.
    """

    key: str
    sender: str
    recipient: str
    subject: str
    text: bytes
    html: bytes
    date: datetime
    list_id: str = ""
    list_name: str = ""
    unsubscribe_url: str = ""
    reply_to: str = ""
    unsubscribe_address: str = ""
    stream: str = "digest"
    is_list: bool = True


def build(mail: Mail) -> bytes:
    """Return the mail ready for the wire (RFC 5322): multipart/alternative, or text/plain.

    Raises:
        ValueError: a header's value holds a control character, is too long for its line, or is
            no address where one must stand.
    """
    boundary = f"=_{_bare(mail.key)}"  # quoted-printable never holds "=_"
    kind = f'multipart/alternative; boundary="{boundary}"' if mail.html else _PLAIN
    head = "\r\n".join(f"{name}: {value}" for name, value in _headers(mail, kind))
    if any(len(line) > LINE_BYTES for line in head.split("\r\n")):
        raise ValueError("a header is too long for its line")
    if not mail.html:
        return b"\r\n".join((head.encode("ascii"), _QUOTED, b"", _body(mail.text)))
    parts = (
        head.encode("ascii"),
        b"",
        _part(boundary, "plain", mail.text),
        _part(boundary, "html", mail.html),
        f"--{boundary}--\r\n".encode("ascii"),
    )
    return b"\r\n".join(parts)


def _headers(mail: Mail, kind: str) -> list[tuple[str, str]]:
    headers = [
        ("From", _mailbox(mail.sender)),
        ("To", _to(mail.recipient)),
        ("Subject", _unstructured(mail.subject)),
        ("Date", _date(mail.date)),
        ("Message-ID", f"<{mail.key}@{_domain(mail.sender)}>"),
        ("Reply-To", _mailbox(mail.reply_to) if mail.reply_to else ""),
        *(_list_headers(mail) if mail.is_list else ()),
        ("Auto-Submitted", "auto-generated"),
        ("Precedence", "bulk" if mail.is_list else ""),
        ("MIME-Version", "1.0"),
        ("Content-Type", kind),
    ]
    return [(name, value) for name, value in headers if value or name == "Subject"]


def _list_headers(mail: Mail) -> list[tuple[str, str]]:
    return [
        ("List-Id", _named(mail.list_name, _bare(mail.list_id))),
        ("List-Unsubscribe", _FOLD.join(_ways_out(mail))),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Feedback-ID", feedback_id(mail)),
    ]


@lru_cache(256)
def _date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC))


@lru_cache(256)
def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2]


def feedback_id(mail: Mail) -> str:
    """Return by what Gmail groups complaints: the stream, the list, and a name for the sender.

    The last is 5 to 15 letters and digits and stays the same; nothing in it is about the reader.
    Source: https://support.google.com/a/answer/6254652 (Feedback Loop).
    """
    domain = _domain(mail.sender)
    sender = re.sub(r"[^a-z0-9]", "", domain.lower())[:_SENDER_ID].ljust(_LEAST_SENDER_ID, "0")
    return f"{_bare(mail.stream)}:{_bare(mail.list_id)}:notifier:{sender}"


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


def _to(recipient: str) -> str:
    """Return the recipient's address; one that is not ASCII as the name of an empty group.

    So the mail itself stays 7-bit, and needs SMTPUTF8 for its envelope only (RFC 6857, 3.1.8).
    """
    local, _, domain = recipient.rpartition("@")
    if local.isascii():
        return f"<{_address(recipient)}>"
    _address(f"x@{domain}")
    if _NEVER_IN_LOCAL.search(local):
        raise ValueError("a header's value is no mail address")
    return f"{_encoded_words(recipient)} :;"


@lru_cache(256)
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
    is_quoted = quoprimime.header_length(whole) <= base64mime.header_length(whole)
    takes, most = (
        (_quoted_length, _ENCODED_CHARACTERS) if is_quoted else (_byte_length, _BASE64_BYTES)
    )
    encode = quoprimime.header_encode if is_quoted else base64mime.header_encode
    words, used = [""], 0
    for character in value:
        takes_now = takes(character)
        if used + takes_now > most:
            words.append("")
            used = 0
        words[-1] += character
        used += takes_now
    return _FOLD.join(encode(word.encode(), "utf-8") for word in words)


@lru_cache(1024)
def _quoted_length(character: str) -> int:
    return quoprimime.header_length(character.encode())


def _byte_length(character: str) -> int:
    return len(character.encode())


def _part(boundary: str, subtype: str, body: bytes) -> bytes:
    """One part up to the line end before the next boundary, which is not its own."""
    head = f"--{boundary}\r\nContent-Type: text/{subtype}; charset=utf-8\r\n"
    return head.encode("ascii") + _QUOTED + b"\r\n\r\n" + _body(body)


def _body(quoted: bytes) -> bytes:
    """A body that ends with one line end."""
    return quoted.removesuffix(b"=\r\n").removesuffix(b"\r\n") + b"\r\n"
