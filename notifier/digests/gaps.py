"""Text with gaps: what many mails share is encoded once, each mail fills in what it alone says.

Pure. A gap is written into a text as a token of two noncharacters (U+FDD0, U+FDD1), which `plain`
takes out of everything that comes from outside. What is encoded is quoted-printable (RFC 2045,
6.7): each piece begins a line of its own, behind a soft line break where the text has none, so that
pieces can be put together in any order and no line grows beyond 76 characters.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile("\ufdd0([^\ufdd0\ufdd1]*)\ufdd1")
_SOFT_BREAK = b"=\r\n"
_LINE_CHARACTERS = 76
_KEPT_ENCODINGS = 4096


def gap(name: str) -> str:
    """Return the token of a gap."""
    return f"\ufdd0{name}\ufdd1"


def quoted(text: str) -> bytes:
    """Return a text as a piece of a quoted-printable body; its line ends become CRLF.

    It ends its line: with CRLF where the text ends with a line end, else with a soft line break.
    """
    if not text:
        return b""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    encoded = binascii.b2a_qp(unified.encode("utf-8"), istext=True).replace(b"\n", b"\r\n")
    return encoded if unified.endswith("\n") else _open_ended(encoded)


def _open_ended(encoded: bytes) -> bytes:
    """End the last line softly, which takes a character more."""
    if len(encoded) - encoded.rfind(b"\n") - 1 < _LINE_CHARACTERS:
        return encoded + _SOFT_BREAK
    last = 3 if encoded[-3:-2] == b"=" else 1
    return encoded[:-last] + _SOFT_BREAK + encoded[-last:] + _SOFT_BREAK


# What is said again and again: numbers, labels, an address that stands in several places of a mail.
quoted_again = lru_cache(_KEPT_ENCODINGS)(quoted)


def tidy(body: bytes) -> bytes:
    """Return the same body without soft line breaks before line ends."""
    return body.replace(_SOFT_BREAK + b"\r\n", b"\r\n")


def unquoted(body: bytes) -> str:
    """Return the text that a quoted-printable body says, with LF line ends."""
    return binascii.a2b_qp(body).decode("utf-8").replace("\r\n", "\n")


@dataclass(frozen=True, slots=True)
class Gapped:
    """Encoded pieces with a gap behind each but the last: `names` is one shorter than `pieces`."""

    pieces: tuple[bytes, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Gapped:
        """Return a text, encoded, with its gaps."""
        parts = _TOKEN.split(text)
        return cls(tuple(map(quoted, parts[::2])), tuple(parts[1::2]))

    def filled(self, said: Mapping[str, bytes]) -> bytes:
        """Return all pieces in order, with what is said by name in the gaps."""
        out = list(self.pieces)
        for place, name in enumerate(self.names):
            out[place] += said[name]
        return b"".join(out)

    def partly(self, known: Mapping[str, bytes]) -> Gapped:
        """Return the same with those gaps filled that `known` says something of."""
        pieces, names = [self.pieces[0]], list[str]()
        for name, piece in zip(self.names, self.pieces[1:], strict=True):
            if name in known:
                pieces[-1] += known[name] + piece
            else:
                names.append(name)
                pieces.append(piece)
        return Gapped(tuple(pieces), tuple(names))
