"""Two papers that turned out to be one: everything that refers to them is rewritten."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from notifier.storage import paper_changes
from notifier.storage import tables as t

_GAPS = (
    "version", "abstract", "source_abstract", "authors", "author_ids", "categories", "organization",
    "journal", "comment", "submitted_by", "published_at",
)  # fmt: skip


def merge(conn: Connection, other: int, *, into: int) -> None:
    """Make paper `other` part of paper `into`; what both have stays as `into` has it.

    The other's texts, lists and addresses fill its gaps, so nothing good is lost.
    """
    for table, same in (
        (t.sighting, ("source", "announce", "version")),
        (t.signal, ("source", "name", "read_at")),
        (t.digest_paper, ("subscriber_id",)),
        (t.vote, ("subscriber_id",)),
        (t.post_paper, ("channel_id",)),
        (t.event, ("kind", "value")),
    ):
        twin = table.alias()
        both = select(twin.c.paper_id).where(
            twin.c.paper_id == into, *(twin.c[name] == table.c[name] for name in same)
        )
        conn.execute(delete(table).where(table.c.paper_id == other, both.exists()))
        conn.execute(update(table).where(table.c.paper_id == other).values(paper_id=into))
    _merge_news(conn, other, into)
    conn.execute(update(t.alias).where(t.alias.c.paper_id == other).values(paper_id=into))
    conn.execute(delete(t.paper).where(t.paper.c.id == other))
    paper_changes.note_merge(conn, into)


def _merge_news(conn: Connection, other: int, into: int) -> None:
    """The later news of the two stays news, and the earlier sight stays the first."""
    rows = {
        row.id: row for row in conn.execute(select(t.paper).where(t.paper.c.id.in_((other, into))))
    }
    both = list(rows.values())
    later = max(both, key=lambda row: row.arrival or 0)
    gone, kept = rows[other]._mapping, rows[into]._mapping
    gaps = {name: gone[name] for name in _GAPS if gone[name] and not kept[name]}
    conn.execute(
        update(t.paper)
        .where(t.paper.c.id == into)
        .values(
            arrival=later.arrival,
            arrived_at=later.arrived_at,
            revision=max((row.revision for row in both if row.revision), default=None),
            first_seen_at=min(row.first_seen_at for row in both),
            withdrawn_at=min((r.withdrawn_at for r in both if r.withdrawn_at), default=None),
            urls={**gone["urls"], **kept["urls"]},
            **gaps,
        )
    )
