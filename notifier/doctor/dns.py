"""How DNS is asked: by dnspython, of the system's name servers or of those that are named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver
import idna

from notifier import errors

Kind = Literal["A", "AAAA", "MX", "TXT", "PTR"]


class Resolver(Protocol):
    """Somebody who knows DNS."""

    async def ask(self, name: str, kind: Kind) -> list[str]:
        """Return the records of a kind, as text; none where there are none.

        MX records are "10 host." with their preference, TXT records are joined from their strings.

        Raises:
            DnsError: nobody answers, so that one cannot tell.
        """


class DnsResolver:
    """Asks name servers."""

    def __init__(
        self, servers: Sequence[str] = (), *, port: int = 53, seconds: float = 8.0
    ) -> None:
        """Ask these addresses; none: those of the system.

        Raises:
            ValueError: one that is no address.
        """
        self._seconds = seconds
        self._asked: dns.asyncresolver.Resolver | None = None
        if servers:
            self._asked = dns.asyncresolver.Resolver(configure=False)
            self._asked.nameservers = list(servers)
            self._asked.port = port

    @property
    def _resolver(self) -> dns.asyncresolver.Resolver:
        """What asks; the system's settings are read when they are first needed."""
        if self._asked is None:
            try:
                self._asked = dns.asyncresolver.Resolver()
            except dns.resolver.NoResolverConfiguration:
                raise errors.DnsError(
                    "this system names no name server - see /etc/resolv.conf"
                ) from None
        self._asked.lifetime = self._seconds
        return self._asked

    async def ask(self, name: str, kind: Kind) -> list[str]:
        """See `Resolver.ask`."""
        try:
            found = await self._resolver.resolve(_ascii(name), kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise errors.DnsError(f"no answer for {name} {kind}: {type(error).__name__}") from error
        if kind == "TXT":
            return [b"".join(one.strings).decode("utf-8", "replace") for one in found]
        return [one.to_text() for one in found]


def _ascii(name: str) -> str:
    """The name as DNS has it: A-labels, and an end that no search list is put behind."""
    try:
        written = name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise errors.DnsError(f'"{name}" is no name of DNS: {error}') from None
    return written.rstrip(".") + "."
