"""Subscribers and what was picked for each: the work that a morning's mails are made of.

Deterministic: the same for the same seed, but for the keys of signatures. Every subscriber follows
topics out of the papers' own words, in rules of their own, and gets papers that these rules find.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import workload
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from notifier.delivery.dkim import Key
from notifier.digests.choose import choose
from notifier.digests.render import Templates
from notifier.digests.view import Service
from notifier.jobs.edition import ComposeSettings
from notifier.jobs.picking import Picked
from notifier.papers.paper import Paper
from notifier.profiles.profile import Profile, Schedule, Subscriber
from notifier.ranking.order import Fit, OrderSettings, Ranked
from notifier.subscriptions.links import Links
from notifier.subscriptions.tokens import Tokens

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
SITE = "https://papers.example.org"
# A topic is a pair of neighbouring words that so many of the papers have.
_LEAST_PAPERS = 4
_TOPICS = 800
PAPERS_EACH = 12


def papers(count: int, seed: int, corpus: Path | None) -> list[Paper]:
    """Return a day's papers (`workload.papers`) with the addresses that arXiv's have."""
    found = workload.papers(count, seed, corpus)
    names = [paper.id.partition(":")[2] for paper in found]
    return [
        replace(paper, urls={kind: f"https://arxiv.org/{kind}/{name}" for kind in ("abs", "pdf")})
        for paper, name in zip(found, names, strict=True)
    ]


def keys() -> tuple[Key, Key]:
    """Return new keys for both signatures, RSA-2048 first."""
    rsa, ed25519 = generate_private_key(65537, 2048), Ed25519PrivateKey.generate()
    return Key("rsa", rsa), Key("ed25519", ed25519)


@dataclass(frozen=True, slots=True)
class Asked:
    """How much is measured.

    `readers` get a mail each, of so many `papers`; a `sample` of them also the plain way. `mails`
    are for Postfix, `made` for the memory. `corpus`: the real papers, if there are any.
    """

    readers: int
    papers: int
    seed: int
    connections: int
    sample: int
    mails: int
    made: int
    corpus: Path

    def day(self) -> list[Paper]:
        """Return the papers."""
        return papers(self.papers, self.seed, self.corpus)


@dataclass(frozen=True, slots=True)
class Reader:
    """A subscriber and what was picked for them."""

    subscriber: Subscriber
    picked: Picked


def settings(**values: Any) -> ComposeSettings:
    """Return how the mails are made; every kind of link is in them."""
    links = Links(SITE, Tokens(b"k" * 32))
    service = Service("Paper notifier", SITE, "the lab", "1 Long Street, Town")
    return ComposeSettings(
        service=service, sender="Paper notifier <papers@papers.example.org>", reply_to="",
        list_id="digest.papers.example.org", abstract_characters=700, lookback=timedelta(14),
        order=OrderSettings(), daily_life=timedelta(hours=20), weekly_life=timedelta(days=4),
        secret=b"s" * 32, links=links, templates=Templates(), sample=False,
        bounce_address="back@bounces.papers.example.org", **values,
    )  # fmt: skip


def readers(count: int, papers: Sequence[Paper], seed: int) -> Iterator[Reader]:
    """Yield so many subscribers, each with 12 papers that the rules of their one profile find."""
    chance = random.Random(seed)  # noqa: S311  no secret is made of it
    by_topic, by_row = _topics(papers), {paper.row: paper for paper in papers}
    topics = chance.sample(sorted(by_topic), min(_TOPICS, len(by_topic)))
    for row in range(1, count + 1):
        rules, wanted = list[str](), dict[int, list[int]]()
        while len(wanted) < PAPERS_EACH:
            rules.append(chance.choice(topics))
            for paper in by_topic[rules[-1]]:
                wanted.setdefault(paper.row, []).append(len(rules))
        shown = chance.sample(list(wanted), PAPERS_EACH)
        yield _reader(row, rules, [(by_row[r], tuple(wanted[r])) for r in shown], chance)


def _topics(papers: Sequence[Paper]) -> dict[str, list[Paper]]:
    """Return pairs of neighbouring words, each with the papers whose abstracts hold it."""
    found: dict[str, list[Paper]] = {}
    for paper in papers:
        words = [word.strip(".,;:()") for word in paper.abstract.lower().split()]
        pairs = {f"{a} {b}" for a, b in pairwise(words)
                 if a.isalpha() and b.isalpha() and min(len(a), len(b)) > 3}  # fmt: skip
        for pair in pairs:
            found.setdefault(pair, []).append(paper)
    return {pair: some for pair, some in found.items() if len(some) >= _LEAST_PAPERS}


def _reader(
    row: int, rules: list[str], found: list[tuple[Paper, tuple[int, ...]]], chance: random.Random
) -> Reader:
    subscriber = Subscriber(
        row, f"reader{row}@lab{row % 997}.example.org", "active", Schedule("Europe/Berlin"),
        max_papers=PAPERS_EACH, seen=0, created_at=NOW, confirmed_at=NOW, next_due_at=NOW,
    )  # fmt: skip
    name = f"Topics of {row}"
    profile = Profile(row, row, name, "\n".join(rules), True, True, NOW)
    ranked = [Ranked(Fit.of(p, chance.random()), 1.0, chance.random()) for p, _ in found]
    ranked.sort(key=lambda one: -one.score)
    by_profile = [(name, ranked)]
    lines = {(name, paper.row): hit for paper, hit in found}
    days = {(NOW - timedelta(days=back)).date(): chance.randint(0, 20) for back in range(7)}
    picked = Picked(
        choose(by_profile, max_papers=PAPERS_EACH), [profile], by_profile,
        {paper.row for paper, _ in found}, {}, (), {paper.row: paper for paper, _ in found}, days,
        seen_to=1, is_first=False, lines=lines,
    )  # fmt: skip
    return Reader(subscriber, picked)
