"""Dates as listing pages write them: `Oct 31, 2023`, `Jan 9`, perhaps with the comment count after.

Pure. A day has no hour on the page: it is midnight UTC, as in Hugging Face's own answers.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_YEAR = r"(?:19|20)\d\d"
DATE = (
    rf"(?:{_MONTH} \d{{1,2}}(?!\d)(?:st|nd|rd|th)?(?:,? ?{_YEAR})?"
    rf"|\d{{1,2}} {_MONTH},? {_YEAR}|{_YEAR}-\d\d-\d\d)"
)
COUNT = r"\d{1,6}"
_WHOLE = re.compile(rf"(?P<date>{DATE})(?: ?(?P<count>{COUNT}))?", re.I)
_PARTS = re.compile(rf"(?P<month>{_MONTH})|(?P<year>{_YEAR})|(?P<day>\d{{1,2}})", re.I)
_YEARS_BACK = 9  # 29 February was missing for eight years round 1900


def read(written: str, *, now: datetime) -> tuple[datetime | None, int | None]:
    """Return the day, and the comment count glued to it.

    Args:
        written: On one line. Without a year it is the newest such day that is not after `now`.
    """
    found = _WHOLE.fullmatch(written)
    if not found:
        return _iso(written), None
    count = int(found["count"]) if found["count"] else None
    if found["date"][:4].isdigit():
        return _iso(found["date"]), count
    parts = {match.lastgroup: match.group() for match in _PARTS.finditer(found["date"])}
    month, day = _MONTHS.index(parts["month"][:3].lower()) + 1, int(parts["day"])
    years = [int(parts["year"])] if "year" in parts else range(now.year, now.year - _YEARS_BACK, -1)
    days = (_day(year, month, day) for year in years)
    known = "year" in parts
    return next((when for when in days if when and (known or when <= now)), None), count


def _day(year: int, month: int, day: int) -> datetime | None:
    try:
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None


def _iso(written: str) -> datetime | None:
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        return None
