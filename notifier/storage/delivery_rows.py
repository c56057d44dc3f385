"""The tables of sending: what waits, what was tried, what came back, and who must not be mailed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlmodel import Field

from notifier.storage.columns import NUMBER, Row, numbered, refers, text, time


class DeliveryRow(Row, table=True):
    """The sending of one digest, and what became of it.

    States: pending (to be sent, again after `not_before`), claimed (until `lease_until`),
    sent, failed (refused for good), expired (too late to be useful), dropped (subscriber left),
    held (the server may have taken it: somebody must say whether it is sent again, or, with
    `delivery.in_doubt = "reconcile"`, Postfix is asked from `not_before` on).

    `destination`: see `delivery.destinations`. `queue` is that where it has a row of its own, else
    `COMMON`; both are `UNSORTED` until whoever sends has looked at the address.
    """

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_state_queue_not_before", "state", "queue", "not_before"),)
    id: int | None = numbered()
    digest_id: int = refers("digest", unique=True)
    subscriber_id: int = refers("subscriber", index=True)
    state: str
    attempts: int
    not_before: datetime = time(nullable=False)
    expires_at: datetime = time(nullable=False)
    lease_owner: str | None
    lease_until: datetime | None = time()
    stage: str | None
    code: int | None
    enhanced: str | None
    reply: str | None = text(nullable=True)
    finished_at: datetime | None = time()
    destination: str = Field(sa_column=Column(String, nullable=False, server_default=""))
    queue: str = Field(sa_column=Column(String, nullable=False, server_default=""))


class AttemptRow(Row, table=True):
    """What became of one attempt to send, in the server's words; rows are only added.

    `outcome` is the delivery's state after it, or "released" where the mail was not to blame.
    """

    __tablename__ = "attempt"
    id: int | None = numbered()
    delivery_id: int = refers("delivery", index=True)
    number: int
    at: datetime = time(nullable=False)
    outcome: str
    stage: str | None
    code: int | None
    enhanced: str | None
    reply: str | None = text(nullable=True)


class MessageRow(Row, table=True):
    """A digest's mail, frozen when it was composed: zlib-compressed bytes ready for the wire."""

    __tablename__ = "message"
    digest_id: int = refers("digest", primary_key=True)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SuppressionRow(Row, table=True):
    """An address that must not be mailed, and why; for good, or before `until`.

    `source`: smtp (the server's answer), bounce or complaint (a mail that came back).
    """

    __tablename__ = "suppression"
    address: str = Field(primary_key=True)
    reason: str
    evidence: str = text()
    since: datetime = time(nullable=False)
    source: str = Field(sa_column=Column(String, nullable=False, server_default="smtp"))
    until: datetime | None = time()


class BounceRow(Row, table=True):
    """What came to the bounce address, and what was done; rows are added and never changed.

    One for each mail (`key`: SHA-256 of it) and recipient it speaks of. `kind`: see
    `delivery.verdict`. `via` says by what its subscriber was found: token, message-id, address or
    nothing. `raw`: the mail, zlib-compressed, kept where nobody understood it.
    """

    __tablename__ = "bounce"
    __table_args__ = (
        UniqueConstraint("key", "recipient"),
        Index("ix_bounce_subscriber_id_received_at", "subscriber_id", "received_at"),
    )
    id: int | None = numbered()
    key: str
    recipient: str
    kind: str
    status: str
    reason: str = text()
    via: str
    done: str
    subscriber_id: int | None = Field(
        sa_column=Column(NUMBER, ForeignKey("subscriber.id", ondelete="CASCADE"))
    )
    delivery_id: int | None = Field(
        sa_column=Column(NUMBER, ForeignKey("delivery.id", ondelete="CASCADE"), index=True)
    )
    received_at: datetime = time(nullable=False, index=True)
    raw: bytes | None = Field(sa_column=Column(LargeBinary))


class MailboxRow(Row, table=True):
    """How the mailbox of bounces was read; `failures` counts those since the last success.

    `refused`: its server did not know the login. `taken`: mails of the last good round.
    """

    __tablename__ = "mailbox"
    name: str = Field(primary_key=True)
    last_attempt_at: datetime = time(nullable=False)
    last_success_at: datetime | None = time()
    failures: int
    refused: bool
    error: str | None = text(nullable=True)
    taken: int
