"""What all tables have in common: names of keys and indexes, times in UTC, kinds of columns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Integer, MetaData, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# What rows are numbered by. A million readers fill 32 bits within a year. SQLite's INTEGER has 64,
# and only that numbers itself there.
NUMBER = BigInteger().with_variant(Integer(), "sqlite")


class Utc(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out, on both databases; a naive time is a mistake of ours."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone reached the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Row(SQLModel, defer_build=True):  # nothing is ever checked by one
    """Base of all tables; its metadata is what the migrations must build."""

    metadata = MetaData(naming_convention=NAMES)


def numbered() -> Any:
    """The column of a row's own number."""
    return Field(default=None, sa_column=Column(NUMBER, primary_key=True))


def refers(target: str, **options: Any) -> Any:
    """A column that refers to a row of another table, and goes with it."""
    key = ForeignKey(f"{target}.id", ondelete="CASCADE")
    return Field(sa_column=Column(NUMBER, key, nullable=False, **options))


def time(nullable: bool = True, **options: Any) -> Any:
    """A column of times (UTC)."""
    return Field(default=None, sa_column=Column(Utc, nullable=nullable, **options))


def text(nullable: bool = False) -> Any:
    """A column of texts of any length."""
    return Field(sa_column=Column(Text, nullable=nullable))
