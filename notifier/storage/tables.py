"""The tables. Unique keys here are what keeps "once only" true, whoever runs twice.

All times are UTC. Enumerations are short strings with a check in the code that writes them.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    false,
    true,
)
from sqlmodel import Field

from notifier.papers.event import OF_SENT
from notifier.storage.access_rows import AnswerRow, ApiKeyRow
from notifier.storage.alert_rows import AlertRow
from notifier.storage.channel_rows import (
    ChannelProfileRow,
    ChannelRow,
    PostAttemptRow,
    PostPaperRow,
    PostRow,
)
from notifier.storage.columns import NUMBER, Row, numbered, refers, text, time
from notifier.storage.delivery_rows import (
    AttemptRow,
    BounceRow,
    DeliveryRow,
    MailboxRow,
    MessageRow,
    SuppressionRow,
)
from notifier.storage.departed_rows import DepartedRow
from notifier.storage.event_rows import EventRow, ToldRow
from notifier.storage.pace_rows import DestinationRow, RelayRow, TakenRow
from notifier.storage.planned_rows import PlannedRow
from notifier.storage.process_rows import LeaseRow, ProcessRow
from notifier.storage.saved_rows import SavedFeedRow
from notifier.storage.sharing_rows import InvitedRow, MemberRow, SharingRow
from notifier.storage.signup_rows import BucketRow, LetterRow, SignupRow
from notifier.storage.source_rows import (
    AuthorFeedRow,
    HttpCacheRow,
    SourcePartRow,
    SourceRow,
    TurnRow,
)

SAVED_KINDS = "version,withdrawn,published,code,attention"


class PaperRow(Row, table=True):
    """One paper. `arrival`: see `papers.paper.Paper`; `source_title` and `source_abstract`
    hold the texts as they came where TeX was read from them. `arrived_at` is when it became news.
    `revision` numbers new versions in the same row as `arrival` numbers news. `title_key`: see
    `papers.identity.title_key`. `change` is the number of the last commit that changed what rules
    ask for."""

    __tablename__ = "paper"
    __table_args__ = ({"sqlite_autoincrement": True},)  # a row's number is never used again
    id: int | None = numbered()
    key: str = Field(unique=True)
    version: int | None
    title: str = text()
    abstract: str = text()
    source_title: str | None = text(nullable=True)
    source_abstract: str | None = text(nullable=True)
    authors: list[str] = Field(sa_column=Column(JSON, nullable=False))
    categories: list[str] = Field(sa_column=Column(JSON, nullable=False))
    organization: str | None
    journal: str | None
    comment: str | None = text(nullable=True)
    submitted_by: str | None
    urls: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    announce: str
    published_at: datetime | None = time()
    first_seen_at: datetime = time(nullable=False, index=True)
    updated_at: datetime = time(nullable=False)
    arrival: int | None = Field(default=None, sa_column=Column(BigInteger, index=True))
    arrived_at: datetime | None = time(index=True)
    revision: int | None = Field(default=None, sa_column=Column(BigInteger, index=True))
    withdrawn_at: datetime | None = time()
    author_ids: list[str] | None = Field(sa_column=Column(JSON(none_as_null=True), nullable=True))
    title_key: str | None = Field(default=None, index=True)
    change: int = Field(
        sa_column=Column(BigInteger, nullable=False, server_default="0", index=True)
    )


class AliasRow(Row, table=True):
    """A paper is one paper, whatever it is called: scheme and value are unique."""

    __tablename__ = "alias"
    scheme: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    paper_id: int = refers("paper", index=True)


class ForgottenRow(Row, table=True):
    """A name of a paper that was deleted, and when that was first seen: it is no news again."""

    __tablename__ = "forgotten"
    scheme: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    first_seen_at: datetime = time(nullable=False)
    forgotten_at: datetime = time(nullable=False, index=True)


class SightingRow(Row, table=True):
    """A source showed a paper, at first then, as new, cross-listed or replaced."""

    __tablename__ = "sighting"
    __table_args__ = (UniqueConstraint("paper_id", "source", "announce", "version"),)
    id: int | None = numbered()
    paper_id: int = refers("paper")
    source: str
    announce: str
    version: int
    seen_at: datetime = time(nullable=False)


class SignalRow(Row, table=True):
    """A reading of a signal; kept when it differs from the one before."""

    __tablename__ = "signal"
    __table_args__ = (UniqueConstraint("paper_id", "source", "name", "read_at"),)
    id: int | None = numbered()
    paper_id: int = refers("paper")
    source: str
    name: str
    value: float
    read_at: datetime = time(nullable=False, index=True)


class WordRow(Row, table=True):
    """In how many papers first seen on a day (UTC date) a stem stands; stem "" counts papers."""

    __tablename__ = "word"
    stem: str = Field(primary_key=True)
    day: str = Field(primary_key=True)
    papers: int


class SubscriberRow(Row, table=True):
    """See `profiles.profile.Subscriber`; `address` is in its normal form.

    `forgiven_at`: bounces of what was mailed before count no more.
    """

    __tablename__ = "subscriber"
    __table_args__ = (
        Index("ix_subscriber_state_next_due_at", "state", "next_due_at"),
        {"sqlite_autoincrement": True},  # links carry the row: it must never be another's
    )
    id: int | None = numbered()
    address: str = Field(unique=True)
    state: str
    zone: str = Field(index=True)
    hour: int
    minute: int
    days: list[int] = Field(sa_column=Column(JSON, nullable=False))
    cadence: str
    max_papers: int
    seen: int = Field(sa_column=Column(BigInteger, nullable=False))
    consent: str = text()
    created_at: datetime = time(nullable=False)
    confirmed_at: datetime | None = time()
    paused_until: datetime | None = time()
    left_at: datetime | None = time()
    next_due_at: datetime | None = time()
    forgiven_at: datetime | None = time()
    replacements: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=false()))
    learning: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=true()))
    language: str = Field(sa_column=Column(String, nullable=False, server_default="en"))
    tell_nothing: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=false()))
    text_only: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=false()))
    summary: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=false()))
    news_of_sent: str = Field(
        sa_column=Column(String, nullable=False, server_default=",".join(OF_SENT))
    )
    news_of_saved: str = Field(sa_column=Column(String, nullable=False, server_default=SAVED_KINDS))


class ProfileRow(Row, table=True):
    """A named set of rules.

    `change` is the number of the last commit that changed it, or whether its subscriber is mailed.
    `matched`: its matches are those of these rules, else it is matched again as a whole; as it was
    left while its subscriber is not mailed.
    `previous`: the rules before the last change of them, None where there was none.
    """

    __tablename__ = "profile"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "name"),
        Index("ix_profile_matched_enabled", "matched", "enabled"),
    )
    id: int | None = numbered()
    subscriber_id: int = refers("subscriber")
    name: str
    rules: str = text()
    enabled: bool
    created_at: datetime = time(nullable=False)
    updated_at: datetime = time(nullable=False)
    change: int = Field(
        sa_column=Column(BigInteger, nullable=False, server_default="0", index=True)
    )
    matched: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=false()))
    previous: str | None = text(nullable=True)


class MatchRow(Row, table=True):
    """What a profile wants of the papers first seen on a day, by one run of the matching.

    `day`: see `match_rows`. `change`: the last change of papers that the run knew of. `packed`: see
    `packing`. The days come first, so that a run adds to the table in one place, and old days go
    as one; there is no key to the profile, whose index would be written all over by each run.
    """

    __tablename__ = "profile_match"
    __table_args__ = ({"sqlite_with_rowid": False},)
    day: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    profile_id: int = Field(sa_column=Column(NUMBER, primary_key=True, autoincrement=False))
    change: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    packed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class FeedRow(Row, table=True):
    """By what secret a profile's feed is read: one for each profile, and nobody else's."""

    __tablename__ = "feed"
    profile_id: int = refers("profile", primary_key=True)
    secret: str = Field(unique=True)


class VoteRow(Row, table=True):
    """What a subscriber last said of a paper: up, down or saved; (subscriber, paper) is unique."""

    __tablename__ = "vote"
    subscriber_id: int = refers("subscriber", primary_key=True)
    paper_id: int = refers("paper", primary_key=True, index=True)
    kind: str
    at: datetime = time(nullable=False)


class DigestRow(Row, table=True):
    """What one subscriber gets in one period, at most once: (subscriber, period) is unique.

    `seen_from` to `seen_to` is the span of arrival numbers that was considered. `sums_up`: the week
    (ISO 8601) that it is the summary of, without papers; None for a digest proper.
    """

    __tablename__ = "digest"
    __table_args__ = (UniqueConstraint("subscriber_id", "period"),)
    id: int | None = numbered()
    key: str = Field(unique=True)
    subscriber_id: int = refers("subscriber")
    period: str
    subject: str = text()
    papers: int
    more: int
    seen_from: int = Field(sa_column=Column(BigInteger, nullable=False))
    seen_to: int = Field(sa_column=Column(BigInteger, nullable=False))
    composed_at: datetime = time(nullable=False, index=True)
    sums_up: str | None


class DigestPaperRow(Row, table=True):
    """A paper reaches a subscriber once: (subscriber, paper) is unique.

    `rising`: what rose, of a paper that was marked so.
    """

    __tablename__ = "digest_paper"
    __table_args__ = ({"sqlite_with_rowid": False},)
    digest_id: int = refers("digest", index=True)
    subscriber_id: int = refers("subscriber", primary_key=True)
    paper_id: int = refers("paper", primary_key=True, index=True)
    profile: str
    place: int
    score: float
    rising: str | None = text(nullable=True)


class CandidateRow(Row, table=True):
    """Two papers that may be one: somebody must say so; `paper_id` is the older."""

    __tablename__ = "candidate"
    __table_args__ = (UniqueConstraint("paper_id", "other_id"),)
    id: int | None = numbered()
    paper_id: int = refers("paper")
    other_id: int = refers("paper", index=True)
    reason: str
    found_at: datetime = time(nullable=False)
    dismissed_at: datetime | None = time()


class CounterRow(Row, table=True):
    """Numbers that only grow, in the order of commits; days and times, under their names."""

    __tablename__ = "counter"
    name: str = Field(primary_key=True)
    value: int = Field(sa_column=Column(BigInteger, nullable=False))


class SecretRow(Row, table=True):
    """Keys made by this instance, by purpose."""

    __tablename__ = "secret"
    purpose: str = Field(primary_key=True)
    value: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


def _table(row: type[Row]) -> Table:
    return cast(Table, row.__table__)  # type: ignore[attr-defined]  # set by SQLModel for tables


paper = _table(PaperRow)
alias = _table(AliasRow)
forgotten = _table(ForgottenRow)
sighting = _table(SightingRow)
signal = _table(SignalRow)
word = _table(WordRow)
subscriber = _table(SubscriberRow)
departed = _table(DepartedRow)
profile = _table(ProfileRow)
match = _table(MatchRow)
sharing = _table(SharingRow)
member = _table(MemberRow)
invited = _table(InvitedRow)
feed = _table(FeedRow)
vote = _table(VoteRow)
event = _table(EventRow)
told = _table(ToldRow)
saved_feed = _table(SavedFeedRow)
planned = _table(PlannedRow)
digest = _table(DigestRow)
digest_paper = _table(DigestPaperRow)
delivery = _table(DeliveryRow)
attempt = _table(AttemptRow)
message = _table(MessageRow)
suppression = _table(SuppressionRow)
bounce = _table(BounceRow)
mailbox = _table(MailboxRow)
destination = _table(DestinationRow)
relay = _table(RelayRow)
taken = _table(TakenRow)
candidate = _table(CandidateRow)
source = _table(SourceRow)
source_part = _table(SourcePartRow)
turn = _table(TurnRow)
http_cache = _table(HttpCacheRow)
author_feed = _table(AuthorFeedRow)
counter = _table(CounterRow)
letter = _table(LetterRow)
signup = _table(SignupRow)
bucket = _table(BucketRow)
secret = _table(SecretRow)
channel = _table(ChannelRow)
channel_profile = _table(ChannelProfileRow)
post = _table(PostRow)
post_attempt = _table(PostAttemptRow)
post_paper = _table(PostPaperRow)
api_key = _table(ApiKeyRow)
answer = _table(AnswerRow)
alert = _table(AlertRow)
process = _table(ProcessRow)
lease = _table(LeaseRow)
