"""To whom a mail goes, as servers see it: the provider of the recipient's domain.

Pure. In relay mode we never see the server behind an address, but a provider's answers are of a
piece: what Gmail says of one mail holds for its other domains. A domain that is in no table is a
destination of its own.
Source: the providers' own lists of domains; delivery.md, 4.4 (a domain table in relay mode).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

# "hotmail.*" is any ending of a country or of the old generic ones: hotmail.de, hotmail.co.uk.
_ENDING = r"(?:[a-z]{2,3}\.)?[a-z]{2,4}"
PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "google": ("gmail.com", "googlemail.com"),
    "microsoft": ("outlook.*", "hotmail.*", "live.*", "msn.com", "passport.com", "windowslive.com"),
    "yahoo": (
        "yahoo.*", "ymail.com", "rocketmail.com", "myyahoo.com", "aol.*", "aim.com", "verizon.net",
        "att.net", "sbcglobal.net", "bellsouth.net",
    ),
    "yahoo-japan": ("yahoo.co.jp", "ybb.ne.jp"),  # another company, with servers of its own
    "apple": ("icloud.com", "me.com", "mac.com"),
    "gmx": ("gmx.*", "web.de", "mail.com"),
    "telekom": ("t-online.de", "magenta.de"),
    "orange": ("orange.fr", "wanadoo.fr"),
    "proton": ("proton.me", "protonmail.com", "protonmail.ch", "pm.me"),
    "mailru": ("mail.ru", "inbox.ru", "list.ru", "bk.ru"),
    "yandex": ("yandex.*", "ya.ru"),
    "tencent": ("qq.com", "vip.qq.com", "foxmail.com"),
    "netease": ("163.com", "126.com", "yeah.net"),
}  # fmt: skip


def domain_of(address: str) -> str:
    """Return an address's domain, in lower case and without a final dot."""
    return address.rpartition("@")[2].strip().rstrip(".").lower()


class Destinations:
    """Which destination a domain belongs to: the operator's table, then ours.

    Whole domains go before patterns ("hotmail.*", "*.example.org"), the operator's before ours.
    """

    def __init__(self, own: Mapping[str, Iterable[str]] | None = None) -> None:
        """
        Args:
            own: The operator's: domains and patterns by destination. One with a name of ours adds
                to it; what it names elsewhere is taken from there.
        """
        tables = [{name: tuple(domains) for name, domains in (own or {}).items()}, PROVIDERS]
        self.names = frozenset(name for table in tables for name in table)
        self._whole: dict[str, str] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        for table in tables:
            for name, domains in table.items():
                for domain in map(str.lower, domains):
                    if "*" in domain:
                        self._patterns.append((_pattern(domain), name))
                    else:
                        self._whole.setdefault(domain, name)
        said = repr((sorted(self._whole.items()), [(p.pattern, n) for p, n in self._patterns]))
        self.fingerprint = hashlib.sha256(said.encode()).hexdigest()[:16]
        self._known: dict[str, str] = {}

    def of(self, address: str) -> str:
        """Return the destination of an address (or domain): a name of the table, or the domain."""
        domain = domain_of(address)
        known = self._known.get(domain)
        if known is None:
            if len(self._known) > 100_000:
                self._known.clear()
            known = self._known[domain] = self._find(domain)
        return known

    def _find(self, domain: str) -> str:
        if domain in self._whole:
            return self._whole[domain]
        return next((name for p, name in self._patterns if p.fullmatch(domain)), domain)


def _pattern(domain: str) -> re.Pattern[str]:
    """`name.*`: any ending; `*.name`: any domain below, not the domain itself."""
    if domain.startswith("*."):
        return re.compile(rf"[a-z0-9_.-]+\.{re.escape(domain[2:])}")
    return re.compile(re.escape(domain.removesuffix("*")) + _ENDING)
