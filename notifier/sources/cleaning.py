"""Texts, names and dates as sources write them, made plain.

Pure. HTML is taken out, TeX is read, everything stands on one line of Unicode.
"""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

import nh3

from notifier.papers.latex import to_unicode
from notifier.papers.text import one_line

# Tags that publishers put into titles and abstracts. Any other "<" is a sign, not markup.
KNOWN_TAGS = (
    "p|br|b|i|u|em|strong|sub|sup|a|ul|ol|li|div|span|h[1-6]|img|table|tbody|thead|tr|td|th|"
    "small|tt|code|pre|font|blockquote|hr|section|article|figure|figcaption|label|dl|dt|dd|"
    "jats:[a-z-]+|mml:[a-z-]+|math|mrow|mi|mo|mn|msub|msup|msubsup|mfrac|semantics|annotation|"
    "inline-formula|tex-math|italic|bold|title|abstract|sec|iframe|script|style|input|form"
)
_TAG = re.compile(rf"</?(?:{KNOWN_TAGS})(?:\s[^<>]{{0,500}}=[^<>]{{0,2000}})?\s*/?>", re.I)
_BARE = re.compile(r"<")
_BLOCK = re.compile(r"</?(?:p|br|div|li|tr|h[1-6]|ul|ol|jats:p|jats:title)\b[^<>]*>", re.I)
_SPLIT = re.compile(r"\s*(?:;|\s+and\s+|\s+&\s+)\s*")
FIRST_YEAR = 1900
FUTURE = timedelta(days=400)  # journals print cover dates months ahead


def plain(markup: str) -> str:
    """Return the text of `markup` on one line; `p<0.05` and `a < b` keep their signs."""
    if "<" in markup:
        markup = _escape_signs(markup)
        markup = nh3.clean(
            _BLOCK.sub(" ", markup), tags=set(), clean_content_tags={"script", "style"}
        )
    if "&" in markup:
        markup = html.unescape(markup)
    return one_line(markup)


def _escape_signs(markup: str) -> str:
    """Escape each `<` that begins no known tag."""
    out, place = [], 0
    for tag in _TAG.finditer(markup):
        out += [_BARE.sub("&lt;", markup[place : tag.start()]), tag.group()]
        place = tag.end()
    out.append(_BARE.sub("&lt;", markup[place:]))
    return "".join(out)


def shown_and_source(markup: str) -> tuple[str, str | None]:
    """Return (text as shown, text as it came where TeX was read, else None)."""
    source = plain(markup)
    shown = one_line(to_unicode(source))
    return shown, source if shown != source else None


def split_outside_parentheses(text: str) -> list[str]:
    """Split at commas that stand in no parentheses: `A (X, Y), B` is two names."""
    parts, depth, start = [], 0, 0
    for place, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth = max(depth - 1, 0)
        elif char == "," and not depth:
            parts.append(text[start:place])
            start = place + 1
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def people(names: list[str], *, always_split: bool = False) -> tuple[str, ...]:
    """Return author names one by one, however many a feed puts into one string.

    `Doe, Jane` stays one name; a comma separates only where every part is a whole name, or
    where the source always joins with commas (`always_split`, as arXiv does).
    """
    out: list[str] = []
    for written in names:
        for part in _SPLIT.split(plain(written)):
            pieces = split_outside_parentheses(part)
            whole = all(" " in piece for piece in pieces)
            out += pieces if always_split or whole else [part.strip(" ,")]
    cleaned = (one_line(to_unicode(name)) for name in out)
    return tuple(dict.fromkeys(name for name in cleaned if any(c.isalnum() for c in name)))


def believable(when: datetime | None, *, now: datetime) -> datetime | None:
    """Return the date in UTC, or None for one that no paper can have."""
    if when is None:
        return None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return when if when.year >= FIRST_YEAR and when <= now + FUTURE else None
