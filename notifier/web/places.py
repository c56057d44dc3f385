"""Which time zone a reader may live in, as far as the languages they ask for tell.

A guess that stands in a field to be changed; no script and no look-up of their address.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from babel.core import get_global


def guessed_zone(header: str, *, now: datetime, default: str) -> str:
    """Return a time zone of the first country that is told, else `default`.

    Of a country with several the default where it is one of them, else that whose clock most of
    them share now. A language without a country stands for the one where most who speak it live
    (CLDR's likely subtags); English does not.

    Args:
        header: Accept-Language (RFC 9110, 12.5.4), "" if it was not sent.
        now: Aware UTC.
        default: An IANA name.
    """
    for part in header[:500].split(","):
        tag = part.partition(";")[0].strip()
        if zones := _zones().get(_country(tag)):
            return default if default in zones else _usual(zones, now)
    return default


def _usual(zones: Sequence[str], now: datetime) -> str:
    clocks = [now.astimezone(ZoneInfo(zone)).utcoffset() for zone in zones]
    ((most, _),) = Counter(clocks).most_common(1)
    return zones[clocks.index(most)]


def _country(tag: str) -> str:
    """The country of a language tag (RFC 5646): that which it names, or the likely one."""
    language, *more = tag.split("-")
    named = next((one.upper() for one in more if len(one) == 2 and one.isalpha()), "")
    if named or language.lower() == "en":
        return named
    likely: str = get_global("likely_subtags").get(language.lower(), "")
    return likely.rpartition("_")[2]


@cache
def _zones() -> dict[str, tuple[str, ...]]:
    """The zones of each country (ISO 3166), in the order of the IANA list."""
    found: dict[str, list[str]] = defaultdict(list)
    table = files("tzdata").joinpath("zoneinfo/zone.tab").read_text("utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            found[country].append(zone)
    return {country: tuple(zones) for country, zones in found.items()}
