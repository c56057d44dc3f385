"""What checks look at and by whom they ask: all of it is given to them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TypeAlias

from notifier import errors
from notifier.config import Settings
from notifier.config_values import is_loopback
from notifier.doctor.dns import Resolver
from notifier.storage.database import Database

Address: TypeAlias = IPv4Address | IPv6Address
# Addresses of documentation stand for "the world": nothing is sent to find out how it is reached.
_ABROAD = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


@dataclass(frozen=True, slots=True)
class Setup:
    """An installation; times are aware UTC.

    `database` is None where it cannot be used yet. `outgoing`: the addresses by which this machine
    reaches the world. `clock` is the machine's own.
    """

    settings: Settings
    file: Path | None
    database: Database | None
    resolver: Resolver
    clock: Callable[[], datetime]
    outgoing: tuple[Address, ...] = ()
    patience_seconds: float = 15.0

    @property
    def opened(self) -> Database:
        """The database.

        Raises:
            DatabaseError: it cannot be used.
        """
        if self.database is None:
            raise errors.DatabaseError("the database cannot be used yet")
        return self.database

    @property
    def sender_domain(self) -> str:
        """The domain of the From address."""
        return domain_of(self.settings.mail.sender)

    @property
    def return_domain(self) -> str:
        """The domain of the return path."""
        return domain_of(self.settings.mail.bounce_address) or self.sender_domain

    @property
    def sends(self) -> bool:
        """Whether mails go to a mail server at all."""
        return self.settings.mail.transport == "smtp"

    @property
    def is_own_server(self) -> bool:
        """Whether mails leave for their destinations from this machine."""
        return self.sends and is_loopback(self.settings.smtp.host)


def domain_of(mailbox: str) -> str:
    """Return the domain of an address, in small letters."""
    return parseaddr(mailbox)[1].rpartition("@")[2].lower()


def is_example(domain: str) -> bool:
    """Whether a domain can be nobody's (RFC 2606, RFC 6761), or names no place in DNS."""
    top = domain.rpartition(".")[2]
    examples = ("example.org", "example.com", "example.net")
    return (
        "." not in domain
        or top in ("example", "test", "invalid", "localhost", "local")
        or any(domain == one or domain.endswith(f".{one}") for one in examples)
    )


def outgoing_addresses() -> tuple[Address, ...]:
    """Return the addresses by which this machine reaches the world; nothing is sent."""
    found = []
    for family, abroad in _ABROAD:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((abroad, 53))
                found.append(ip_address(probe.getsockname()[0]))
        except OSError:
            continue
    return tuple(found)
