"""How mails are sent, and what a run of it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr

from notifier.delivery import verp
from notifier.delivery.destinations import Destinations
from notifier.delivery.limits import Limit
from notifier.delivery.postfix import Postfix
from notifier.storage.store_deliveries import Claimed

SERVER = ""  # the mail server's place among the destinations of limits


@dataclass(frozen=True, slots=True)
class Pace:
    """Which destinations there are, and how fast mails may go to each.

    `limits` and `connections` (mails on the wire at a time) are by destination; `SERVER` is the
    mail server, for all of them together.
    """

    destinations: Destinations = field(default_factory=Destinations)
    limits: Mapping[str, tuple[Limit, ...]] = field(default_factory=dict)
    connections: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeliverSettings:
    """`owner` names this process in claims; `connections` mails are on the wire at a time.

    `holds_doubtful`: a mail that the server may have taken waits for somebody's word; else it is
    sent again. With `postfix` it is the one whose word is asked for.

    With `bounce_address` every mail has a return path of its own in its domain, signed with
    `secret`; without, what comes back goes to `sender`. `server` is a keyed hash of how the mail
    server is reached: another one is another server, about which nothing is known.
    """

    sender: str
    owner: str
    lease: timedelta
    connections: int = 1
    holds_doubtful: bool = False
    bounce_address: str = ""
    secret: bytes = field(default=b"", repr=False)
    pace: Pace = field(default_factory=Pace)
    postfix: Postfix | None = None
    server: str = ""

    def return_path(self, claimed: Claimed) -> str:
        """Return the envelope's sender for a delivery."""
        if not self.bounce_address:
            return parseaddr(self.sender)[1]
        token = verp.make(self.secret, verp.BOUNCE, claimed.row, claimed.digest)
        return verp.address(verp.BOUNCE, token, self.bounce_address)


@dataclass(slots=True)
class Delivered:
    """What a run did.

    `found`: in doubt before, and known to be sent now. `paused` are destinations that wait for
    somebody's word, with mails waiting. `down` says why the mail server took nothing more, or is
    not asked.
    """

    sent: int = 0
    later: int = 0
    failed: int = 0
    expired: int = 0
    dropped: int = 0
    held: int = 0
    found: int = 0
    paused: tuple[str, ...] = ()
    down: str | None = None
