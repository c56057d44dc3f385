"""Propose rules for papers that somebody keeps, by what the stored papers say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from notifier.jobs.backtest import BackTest
from notifier.jobs.library import Library
from notifier.profiles.parser import parse
from notifier.profiles.rules import Weighted, format_node
from notifier.profiles.suggesting import Document, Suggestion, candidates, suggest
from notifier.sources.bibliographies.work import Bibliography, Work
from notifier.storage import store_papers, store_votes
from notifier.storage.database import Database

# So many of the works of a file are looked at, evenly over it: more say nothing new, and each takes
# some milliseconds.
MOST_WORKS = 1_000
MOST_VOTES = 1_000
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """Papers that somebody keeps: `works` in all, `stored` of those looked at, and their texts.

    `unknown`: only their ids are known, and they are not stored here.
    """

    works: int
    stored: int
    unknown: int
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Proposed:
    """A rule with its weight, and what it finds: of the kept papers, of the stored ones a day.

    `example`: the title of the newest stored paper that it finds, "" where there is none.
    """

    suggestion: Suggestion
    kept: int
    stored: int
    per_day: float
    example: str

    @property
    def line(self) -> str:
        return self.suggestion.line


@dataclass(frozen=True, slots=True)
class Proposals:
    """Rules for kept papers, the most telling first; `papers` stored ones were asked."""

    kept: Kept
    papers: int
    rules: tuple[Proposed, ...]


def of_file(database: Database, found: Bibliography) -> Kept:
    """Return what is known of the works of a file: of stored ones what is stored."""
    works = found.works[:: -(-len(found.works) // MOST_WORKS) or 1]
    with database.reading() as conn:
        rows = [_stored(conn, one) for one in works]
        known = _documents(conn, filter(None, rows))
    documents = [
        known[row] if row in known else Document(one.title, one.abstract, one.authors, one.keywords)
        for row, one in zip(rows, works, strict=True)
    ]
    told = tuple(one for one in documents if one.title)
    return Kept(len(found.works), len(known), len(documents) - len(told), told)


def of_votes(database: Database, subscriber: int) -> Kept:
    """Return the papers that a subscriber saved or wants more like."""
    with database.reading() as conn:
        votes = store_votes.of(conn, subscriber, limit=MOST_VOTES)
        known = _documents(conn, [vote.paper for vote in votes if vote.is_up])
    return Kept(len(known), len(known), 0, tuple(known.values()))


def _stored(conn: Connection, work: Work) -> int | None:
    return next((row for one in work.aliases if (row := store_papers.find(conn, one))), None)


def _documents(conn: Connection, rows: Iterable[int | None]) -> dict[int, Document]:
    wanted = sorted({row for row in rows if row is not None})
    return {
        paper.row: Document(paper.title, paper.abstract, paper.authors)
        for paper in store_papers.load(conn, wanted)
    }


def propose(
    library: Library, kept: Kept, *, tell: Callable[[int], None] = lambda papers: None
) -> Proposals:
    """Return rules that find papers like those that are kept.

    Args:
        tell: Called with the number of stored papers read in so far, where any had to be.
    """
    asked = candidates(kept.documents)
    if not asked:
        return Proposals(kept, 0, ())
    rules = [one.rule for one in asked]
    tested = library.tested("\n".join(rules), tell=tell)
    by_rule = {rules[hits.line - 1]: hits for hits in tested.rules}
    found = {rule: hits.papers for rule, hits in by_rule.items()}
    chosen = suggest(len(kept.documents), found, asked, tested.scanned)
    days = max(_days(tested, library), 1.0)
    return Proposals(
        kept,
        tested.scanned,
        tuple(
            Proposed(
                one,
                len(one.papers),
                by_rule[one.rule].papers,
                by_rule[one.rule].papers / days,
                by_rule[one.rule].example,
            )
            for one in chosen
        ),
    )


def _days(tested: BackTest, library: Library) -> float:
    return (library.now - tested.oldest) / _DAY if tested.oldest else 0.0


def there_already(rules: str, proposed: Sequence[str]) -> set[str]:
    """Return those of some lines that a profile has, whatever their weights and comments."""
    own = {_bare(line) for line in rules.splitlines()}
    return {line for line in proposed if _bare(line) in own}


def _bare(line: str) -> str:
    """A line without its weight, in canonical form."""
    node = next((one.node for one in parse(line).lines if one.node), None)
    part = node.part if isinstance(node, Weighted) else node
    return line.strip() if part is None else format_node(part)


def accepted(rules: str, lines: Sequence[str]) -> str:
    """Return rules with lines added at the end, those that are not there already."""
    there = there_already(rules, lines)
    new = [line for line in lines if line not in there]
    return "\n".join(filter(None, (rules.rstrip("\n"), *new)))
