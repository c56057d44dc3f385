"""The tables of the processes that run on a database, and of what only one of them may do."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column
from sqlmodel import Field

from notifier.storage.columns import Row, time


class ProcessRow(Row, table=True):
    """A process that runs, or ended without a word. `machine`: processes of the same one see each
    other's numbers. `beat_at` is when it last said that it lives, by its own clock."""

    __tablename__ = "process"
    token: str = Field(primary_key=True)
    host: str
    machine: str
    pid: int
    roles: str
    started_at: datetime = time(nullable=False)
    beat_at: datetime = time(nullable=False)


class LeaseRow(Row, table=True):
    """Who may do what only one may: `holder` is a process's token, "" nobody. `beat` grows with
    each renewal: whoever sees it stand still knows that the holder is gone, by whatever clock."""

    __tablename__ = "lease"
    name: str = Field(primary_key=True)
    holder: str
    beat: int = Field(sa_column=Column(BigInteger, nullable=False))
    taken_at: datetime = time(nullable=False)
