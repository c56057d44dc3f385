"""A mail's envelope, as SMTP carries it: two addresses and the commands that name them.

Pure. A domain that is not ASCII goes as its A-label (RFC 5890), which every server takes. A local
part that is not ASCII has no other form: it needs a server that offers SMTPUTF8 (RFC 6531).
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import NamedTuple

import idna
from aiosmtplib.email import quote_address


class Command(NamedTuple):
    """A line without its end, the stage it stands for, and the first digit of the answer wanted."""

    stage: str
    line: bytes
    wanted: int


RESET = Command("connect", b"RSET", 2)
DATA = Command("data", b"DATA", 3)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a mail comes from and goes to: paths, as `path` makes them."""

    sender: str
    recipient: str

    @property
    def needs_utf8(self) -> bool:
        """Whether only a server that offers SMTPUTF8 can carry it."""
        return not (self.sender + self.recipient).isascii()

    def commands(self, text: bytes, offers: Container[str]) -> list[Command]:
        """Return MAIL, RCPT and DATA for `text`.

        Args:
            text: The mail as it will be on the wire, dots not yet doubled: what SIZE counts
                (RFC 1870, 3).
            offers: The server's extensions, lower case.
        """
        mail = [f"MAIL FROM:<{self.sender}>"]
        if "size" in offers:
            mail.append(f"SIZE={len(text)}")
        if self.needs_utf8:  # who offers SMTPUTF8 takes 8-bit bodies, too (RFC 6531, 3.1)
            mail += ["SMTPUTF8"] if text.isascii() else ["BODY=8BITMIME", "SMTPUTF8"]
        rcpt = f"RCPT TO:<{self.recipient}>"
        return [
            Command("mail", " ".join(mail).encode(), 2),
            Command("rcpt", rcpt.encode(), 2),
            DATA,
        ]


def path(address: str) -> str:
    """Return an address as it stands between < and > in a command.

    Raises:
        ValueError: it cannot stand there. Of `a>@b`, aiosmtplib would make another one, `a`.
    """
    local, at, domain = address.rpartition("@")
    if not domain.isascii():
        domain = idna.encode(domain, uts46=True).decode("ascii")
    written = f"{local}{at}{domain}"
    if quote_address(written) != f"<{written}>" or not written.isprintable():
        raise ValueError("not an address alone")
    return written
