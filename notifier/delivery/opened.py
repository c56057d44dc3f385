"""A stranger's mail, opened with care: headers as text, parts, the words of its first part.

Pure. Nothing here believes that a mail is well-formed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes, message_from_string
from email.header import decode_header
from email.message import Message
from email.utils import parseaddr

# A report stands at its mail's start, and no line of mail is longer than 998 (RFC 5322, 2.1.1).
# What is beyond would only keep regular expressions busy, ours and others'.
READ_BYTES = 300_000
LINE_BYTES = HEADER_CHARACTERS = 2000
NOTICE_CHARACTERS = 3000
_DEEPEST = 8
_SYSTEMS = re.compile(
    r"mailer-?daemon|postmaster|mdaemon|mail[._ -]?delivery[._ -]?(?:sub)?(?:system|service)"
    r"|delivery subsystem|system administrator|mail administrator|jetmail|smtp_?mail|antivirus",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[^\s<>(),;:\"\\]+@[^\s<>(),;:\"\\@]+")
_SENT_ID = re.compile(r"^Message-ID:\s*<([^<>\s]{1,250})>", re.IGNORECASE | re.MULTILINE)
# Where a notice ends and the mail that came back begins.
_RETURNED = re.compile(
    r"^(?:>? ?(?:Received|Return-Path|DKIM-Signature|X-Mailman-Version): |-{3,}+.*(?:copy|original"
    r"|header|returned|below).*|.{0,40}(?:original message|headers) follow)",
    re.IGNORECASE | re.MULTILINE,
)


_LONG = re.compile(rb"([^\n]{%d})[^\n]+" % LINE_BYTES)
_BLANK = re.compile(rb"\n(?:[ \t\r]{0,80}\n){4,}+")


def parse(raw: bytes) -> Message:
    """Return the start of a mail, read; its headers are plain text, whatever bytes they hold."""
    short = _BLANK.sub(b"\n\n\n", _LONG.sub(rb"\1", raw[:READ_BYTES]))
    message = message_from_bytes(short)
    for part in message.walk():
        for name in {name for name, value in part.items() if not isinstance(value, str)}:
            values = part.get_all(name, [])
            del part[name]
            for value in values:
                part[name] = str(value)
    return message


def headers(message: Message, name: str) -> list[str]:
    """Return all values of a header, on one line each."""
    return [" ".join(value[:HEADER_CHARACTERS].split()) for value in message.get_all(name, [])]


def header(message: Message, name: str) -> str:
    """Return a header's first value on one line, or ""."""
    return next(iter(headers(message, name)), "")


def subject(message: Message) -> str:
    """Return the subject as it is read (RFC 2047), or as it stands where that fails."""
    written = header(message, "Subject")
    try:
        return "".join(
            part.decode(charset or "ascii", "replace") if isinstance(part, bytes) else part
            for part, charset in decode_header(written)
        )
    except (ValueError, LookupError):
        return written


def address_in(written: str) -> str:
    """Return the first address of a text in lower case, or ""."""
    found = _ADDRESS.search(parseaddr(written)[1]) or _ADDRESS.search(written)
    return found[0].strip(".'").lower() if found else ""


def is_from_a_system(message: Message) -> bool:
    """Whether a mail server speaks: by its name, or by an empty sender (RFC 3464, 2)."""
    sender = header(message, "From")
    empty = header(message, "Return-Path") == "<>" or not address_in(sender)
    return empty or bool(_SYSTEMS.search(sender))


def parts_of(message: Message, content_type: str, depth: int = 0) -> list[Message]:
    """Return the parts of a kind, outside of mails that are enclosed."""
    if message.get_content_type() == content_type:
        return [message]
    if depth > _DEEPEST or not message.is_multipart():
        return []
    if depth and message.get_content_maintype() == "message":
        return []
    return [part for one in _children(message) for part in parts_of(one, content_type, depth + 1)]


def blocks(part: Message) -> list[Message]:
    """Return the groups of fields of a report (RFC 3464, 2.1; RFC 5965, 3)."""
    return list(_children(part)) or [
        message_from_string(group.strip()) for group in re.split(r"\n\s*\n", text(part))
    ]


def _children(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (one for one in payload if isinstance(one, Message))


def text(part: Message) -> str:
    """Return a part's text, of HTML what stands between the tags."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        read = payload.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):
        read = payload.decode("latin-1")
    read = read.replace("\r\n", "\n")
    return re.sub(r"<[^<>]{0,500}>", " ", read) if part.get_content_subtype() == "html" else read


def notice(message: Message) -> str:
    """Return what the sender says, without the mail that came back."""
    parts = parts_of(message, "text/plain") or parts_of(message, "text/html")
    if not parts and message.is_multipart():
        return ""
    words = text(parts[0] if parts else message)
    ends = _RETURNED.search(words)
    return words[: ends.start() if ends else None][:NOTICE_CHARACTERS].strip()


def returned_message_id(message: Message) -> str:
    """Return the Message-ID of the mail that came back, or ""."""
    for kind in ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers"):
        for part in parts_of(message, kind):
            found = _SENT_ID.search(f"{_as_text(part)}")
            if found:
                return found[1]
    words = (text(part) for part in parts_of(message, "text/plain") or [message])
    found = next(filter(None, map(_SENT_ID.search, words)), None)
    return found[1] if found else ""


def _as_text(part: Message) -> str:
    inner = next(_children(part), None)
    if inner is None:
        return text(part)
    return f"Message-ID: {header(inner, 'Message-ID')}\n{text(inner)}"
