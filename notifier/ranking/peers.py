"""Where a paper stands among its peers: those of the same field, as if all were of one age.

Pure. Values are first set against what is usual at their age. A large field is then its own
measure. A small one borrows the others' values, moved to its own level and spread, so that it is
neither judged by two papers nor drowned by what is usual elsewhere. There is no number of peers at
which one gives way to the other, and no age at which a paper's peers change all at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from notifier.profiles.matching.postings import Floats, Numbers

# Marks of age at 0, 1, 3, 7, and 15 days and more: log2(1 + days).
_MARKS = np.arange(5.0)
_DIGITS = 9  # values that differ by less are equal
_SMALLEST = 1e-9


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """How much a field is held to be like all others.

    `borrowed`: so many peers of all fields are added to a paper's own. `alike`: so many papers of
    usual level and spread are added to those that tell a field's; above 0. `smooth`: what is usual
    changes evenly between two marks of age; else a paper is of the older one.
    Source: docs/ranking.md, section 2.
    """

    borrowed: float = 3.0
    alike: float = 0.3
    smooth: bool = True


@dataclass(frozen=True, slots=True)
class Standings:
    """Each paper's percentile among its peers, in [0, 1], and what it is made of.

    `percentiles` = own x `in_field` + (1 - own) x `everywhere`, with own = n / (n + borrowed) and n
    the number of `papers` in its field.
    """

    papers: Numbers
    own: Floats
    in_field: Floats
    everywhere: Floats

    @property
    def percentiles(self) -> Floats:
        return np.clip(self.own * self.in_field + (1.0 - self.own) * self.everywhere, 0.0, 1.0)


def standings(
    values: Floats, fields: Numbers, days: Numbers, settings: PeerSettings = PeerSettings()
) -> Standings:
    """Return where each paper stands among its peers.

    Args:
        values: How much each is talked about, at least 0.
        fields: A number for each field, from 0.
        days: Ages, at least 0.
        settings: See there.
    """
    if not len(values):
        return Standings(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0))
    order = np.lexsort((days, values, fields))  # so sums do not depend on the order of papers
    fields = fields[order]
    above = _for_their_age(np.log1p(values[order]), days[order], settings)
    usual = _for_their_field(above, fields, settings.alike)
    everywhere = _percentiles(usual, np.zeros_like(fields), imagined=1.0)
    papers = np.bincount(fields)[fields]
    own = papers / (papers + settings.borrowed)
    back = np.argsort(order)
    in_field = _percentiles(above, fields)
    return Standings(papers[back], own[back], in_field[back], everywhere[back])


def _for_their_age(values: Floats, days: Numbers, settings: PeerSettings) -> Floats:
    """The values less the mean of their age, in units of its spread."""
    ages = np.minimum(np.log2(1.0 + days), _MARKS[-1])
    if not settings.smooth:
        ages = np.ceil(ages)
    shares = np.maximum(1.0 - np.abs(ages - _MARKS[:, None]), 0.0)
    papers = shares.sum(axis=1)
    means = np.divide(shares @ values, papers, out=np.zeros(len(_MARKS)), where=papers > 0)
    above = values - means @ shares
    squares = shares @ above**2 + settings.alike * np.mean(above**2)
    spreads = np.sqrt(squares / (papers + settings.alike)) @ shares
    return _in_units(above, spreads)


def _for_their_field(values: Floats, fields: Numbers, alike: float) -> Floats:
    """The values less the level of their field, in units of its spread."""
    papers = np.bincount(fields) + alike
    above: Floats = values - (np.bincount(fields, values) / papers)[fields]
    squares = np.bincount(fields, above**2) + alike * np.mean(above**2)
    return _in_units(above, np.sqrt(squares / papers)[fields])


def _in_units(values: Floats, units: Floats) -> Floats:
    divided: Floats = np.where(units > _SMALLEST, values / np.maximum(units, _SMALLEST), 0.0)
    return np.round(divided, _DIGITS)


def _percentiles(values: Floats, groups: Numbers, imagined: float = 0.0) -> Floats:
    """The share of each one's group that is below, ties by half.

    `imagined`: so many peers are added in the middle.
    """
    order = np.lexsort((values, groups))
    new_group = np.append(True, np.diff(groups[order]) != 0)
    new_run = new_group | np.append(True, np.diff(values[order]) != 0)
    places = np.arange(len(values))
    ends = np.append(np.flatnonzero(new_run)[1:], len(values))
    run, group = np.cumsum(new_run) - 1, np.cumsum(new_group) - 1
    middle: Floats = (places[new_run] + ends)[run] / 2.0 - places[new_group][group]
    sizes = np.bincount(group)[group]
    found = np.empty(len(values), np.float64)
    found[order] = (middle + imagined / 2.0) / (sizes + imagined)
    return found
