"""SPF: who may send mails with a domain in their return path (RFC 7208).

The record is read as a whole, with all that it includes, so that one that works today only because
an early part of it decides is seen to have too many lookups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from notifier.doctor.dns import Resolver
from notifier.doctor.setup import Address

MOST_LOOKUPS = 10  # RFC 7208, 4.6.4
_ASKING = ("include", "a", "mx", "ptr", "exists", "redirect")
_KNOWN = (*_ASKING, "all", "ip4", "ip6", "exp")
_RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_DEEPEST = 12


class SpfError(ValueError):
    """The record cannot be used; receivers then act as if it said nothing, or refuse."""


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a record: `-all`, `include:example.org`, `redirect=example.org`."""

    sign: str
    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.sign.strip('+')}{self.name}{':' if self.value else ''}{self.value}"


def records(texts: Sequence[str]) -> list[str]:
    """Return those of a domain's TXT records that are of SPF."""
    return [
        text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")
    ]


def parse(record: str) -> list[Term]:
    """Return the parts of a record that say who may send; `redirect` only where it counts, last.

    Raises:
        SpfError: a part that no receiver knows.
    """
    terms = [_term(word) for word in record.split()[1:]]
    is_whole = any(term.name == "all" for term in terms)
    unheeded = ("exp", "redirect") if is_whole else ("exp",)
    said = [term for term in terms if term.name not in unheeded]
    return sorted(said, key=lambda term: term.name == "redirect")


def _term(word: str) -> Term:
    sign = word[0] if word[0] in _RESULTS else "+"
    rest = word[1:] if word[0] in _RESULTS else word
    cut = min((place for mark in ":=/" if (place := rest.find(mark)) >= 0), default=len(rest))
    name, value = rest[:cut].lower(), rest[cut:].lstrip(":=")
    is_modifier = rest[cut : cut + 1] == "="
    if name not in _KNOWN and not is_modifier:
        raise SpfError(f'"{word}" is no part of SPF')
    if name in ("ip4", "ip6"):
        try:
            ip_network(value, strict=False)
        except ValueError:
            raise SpfError(f'"{word}" names no network') from None
    return Term(sign, name if name in _KNOWN else "exp", value)


@dataclass(slots=True)
class Reading:
    """A domain's policy, read with all that it includes.

    `result` is what it says of the address that was asked for; "unknown" where it cannot be told
    here, "none" without a record. `is_open`: it, or what it includes, lets anybody send.
    """

    record: str = ""
    terms: list[Term] = field(default_factory=list)
    lookups: int = 0
    result: str = "none"
    is_open: bool = False


async def read(domain: str, resolver: Resolver, address: Address | None) -> Reading:
    """Return what a domain's record says, of an address where one is given.

    Raises:
        SpfError: it cannot be used: more than one, a part that is none, a loop.
        DnsError: nobody answers.
    """
    found = records(await resolver.ask(domain, "TXT"))
    if not found:
        return Reading()
    walk = _Walk(resolver, address)
    result = await walk.result(domain, found, 0)
    return Reading(found[0], parse(found[0]), walk.lookups, result, walk.is_open)


class _Walk:
    def __init__(self, resolver: Resolver, address: Address | None) -> None:
        self._resolver, self._address = resolver, address
        self.lookups = 0
        self.is_open = False

    async def result(self, domain: str, found: Sequence[str], depth: int) -> str:
        """Judge the address by a record; all parts are read, the first that fits decides."""
        if len(found) > 1:
            raise SpfError(f"{domain} has {len(found)} SPF records, and one is allowed")
        if depth > _DEEPEST:
            raise SpfError(f"its parts include each other without end, as at {domain}")
        decided = ""
        for term in parse(found[0]):
            self.lookups += term.name in _ASKING
            said = await self._said(term, domain, depth)
            decided = decided or said
        return decided or "neutral"

    async def _said(self, term: Term, domain: str, depth: int) -> str:
        """What a part says of the address; "" when it does not fit."""
        if term.name in ("include", "redirect"):
            return await self._elsewhere(term, depth)
        if term.name == "all":
            self.is_open |= term.sign == "+"
            return _RESULTS[term.sign]
        if self._address is None:
            return ""
        if term.name in ("ptr", "exists") or "%{" in term.value:
            return "unknown"
        fits = await self._fits(term, domain, self._address)
        return _RESULTS[term.sign] if fits else ""

    async def _elsewhere(self, term: Term, depth: int) -> str:
        if "%{" in term.value:
            return "unknown"
        found = records(await self._resolver.ask(term.value, "TXT"))
        if not found:
            raise SpfError(f'"{term}" leads to a domain without a record')
        said = await self.result(term.value, found, depth + 1)
        if term.name == "redirect" or said == "unknown":
            return said
        return _RESULTS[term.sign] if said == "pass" else ""

    async def _fits(self, term: Term, domain: str, address: Address) -> bool:
        if term.name in ("ip4", "ip6"):
            return address in ip_network(term.value, strict=False)
        name, _, length = term.value.partition("/")
        hosts = [name or domain]
        if term.name == "mx":
            hosts = [one.split()[-1] for one in await self._resolver.ask(hosts[0], "MX")]
        is_six = address.version == 6
        bits = (length.partition("//")[2] or "128") if is_six else (length.split("/")[0] or "32")
        for host in hosts[:MOST_LOOKUPS]:
            for one in await self._resolver.ask(host, "AAAA" if is_six else "A"):
                if address in ip_network(f"{ip_address(one)}/{bits}", strict=False):
                    return True
        return False
