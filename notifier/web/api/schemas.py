"""What fields hold: texts, times and numbers as they come in; and what all lists have in common."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from notifier.profiles.rules import RuleProblem

# RFC 3339, 5.6.
_WRITTEN = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_YEARS = (1970, 2200)
_LARGEST = 2**53 - 1  # more is no integer to many programs


def _text(value: str) -> str:
    """Refuse what no database takes."""
    if "\0" in value or (not value.isprintable() and any("\ud800" <= c <= "\udfff" for c in value)):
        raise ValueError("no text: it holds a NUL or half a character")
    return value


def _line(value: str) -> str:
    if not _text(value).isprintable():
        raise ValueError("a line without tabs, line breaks and other control characters")
    return value


def _written(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _WRITTEN.fullmatch(value):
        raise ValueError("no time: write it like 2026-11-20T06:00:00Z, with its zone (RFC 3339)")
    return value


def _written_day(value: object) -> object:
    if isinstance(value, str) and _DAY.fullmatch(value):
        return value
    raise ValueError("no day: write it like 2026-11-20")


def _utc(value: datetime) -> datetime:
    if not _YEARS[0] < value.year < _YEARS[1]:
        raise ValueError(f"a year between {_YEARS[0]} and {_YEARS[1]}")
    return value.astimezone(UTC)


# Behind the limits of a field, so that those speak of characters.
TEXT, LINE = AfterValidator(_text), AfterValidator(_line)
Moment = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_utc)]
Day = Annotated[date, BeforeValidator(_written_day)]
Number = Annotated[int, Path(ge=1, le=_LARGEST)]


class Sent(BaseModel):
    """What comes in: a field that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """What goes out, made of values of the program."""

    model_config = ConfigDict(from_attributes=True)


def like(example: dict[str, Any]) -> ConfigDict:
    """Return what lets the description of something shown give an example of it."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class Notice(Shown):
    """What is wrong with a line of rules, or could be better; counted from 1."""

    line: int = Field(examples=[3])
    column: int = Field(examples=[1])
    message: str = Field(examples=['unknown field "titel:" - did you mean "title:"?'])

    @classmethod
    def each(cls, problems: tuple[RuleProblem, ...]) -> list[Notice]:
        """Return what is said of each."""
        return [cls.model_validate(problem) for problem in problems]
