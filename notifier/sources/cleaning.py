"""Texts, names, dates and links as sources write them, made plain.

Pure. HTML is taken out, TeX is read, everything stands on one line of Unicode.
"""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

import nh3

from notifier.papers.latex import to_unicode
from notifier.papers.text import one_line

# Tags that publishers put into titles and abstracts. Any other "<" is a sign, not markup: papers
# write <think>, <s> and <answer>, and "x<y and z>w".
_MATHML = (
    "math|semantics|annotation|merror|mfenced|mfrac|mi|mmultiscripts|mn|mo|mover|mpadded|mphantom|"
    "mprescripts|mroot|mrow|mspace|msqrt|mstyle|msub|msubsup|msup|mtable|mtd|mtext|mtr|munder|"
    "munderover"
)
_JATS = "(?:jats|mml):[a-z-]+|inline-formula|tex-math|italic|bold|abstract|sec"
_TAGS = (
    "a|abbr|acronym|address|article|aside|audio|b|big|blockquote|body|br|button|caption|center|"
    "cite|code|col|colgroup|dd|del|details|dfn|div|dl|dt|em|embed|figcaption|figure|font|footer|"
    "form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|kbd|label|li|meta|nav|nobr|noscript|"
    "ol|p|picture|pre|samp|script|section|small|span|strike|strong|style|sub|sup|svg|table|tbody|"
    f"td|textarea|tfoot|th|thead|title|tr|tt|u|ul|video|wbr|{_MATHML}|{_JATS}"
)
_VALUE = r"""\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>]+)"""
_SPACE = r"""(?:\s+|(?<=["']))"""  # <a href="x"title="y"> is common enough
_ATTRIBUTES = rf"{_SPACE}[\w:.@-]+(?:{_VALUE})?"
# "if a<b then x>c" is no <b>: what follows a tag's name is an attribute with a value. The tags
# that are written with a bare word (<script async>) are no signs of mathematics.
_TAG = (
    rf"!--(?:(?!<!--).)*?-->|/?(?:{_TAGS})(?:{_SPACE}[\w:.@-]+{_VALUE}(?:{_ATTRIBUTES})*)?\s*/?>"
    rf"|(?:audio|hr|iframe|input|ol|script|style|table|td|th|ul|video)(?:{_ATTRIBUTES})*\s*/?>"
)
_SIGN = re.compile(rf"<(?!{_TAG})", re.I | re.S)
_END_TAG = re.compile(rf"</(?:{_TAGS})\s*>", re.I)
_BLOCK = re.compile(
    r"</?(?:p|br|div|li|t[dhr]|h[1-6]|[uod]l|d[dt]|jats:p|jats:title)\b[^<>]*>", re.I
)
# nh3 drops MathML with its content, so its tags go before; an annotation repeats the formula.
_FORMULA = re.compile(rf"<annotation\b[^<>]*>[^<>]*</annotation>|</?(?:{_MATHML})\b[^<>]*>", re.I)
_HALVES = re.compile("[\ud800-\udfff]")
_WITH_CONTENT = {"script", "style", "svg"}
_BRACKET_OR_COMMA = re.compile(r"[(\[{]|[)\]}]|,")
_BRACKET_OR_JOINER = re.compile(r"[(\[{]|[)\]}]|\s*;\s*|\s+and\s+|\s+&\s+")
_INITIALS = re.compile(r"(?:[A-ZÀ-ÖØ-Þ]\.?[ -]?){1,4}")  # as bioRxiv writes: "Doe, J.-M., Roe, R."
_WHOLE_NAME = re.compile(r" |^[\u2e80-\u9fff\uac00-\ud7af]+$")  # or Chinese, Japanese, Korean
_AND_OTHERS = re.compile(r"et al\.?", re.I)
_LINK = re.compile(  # no space, quote, control, direction mark or half of a character
    r"https?://[^\s\x00-\x1f\x7f-\x9f<>\"\u200b-\u200f\u202a-\u202e\u2060-\u2069\ud800-\udfff]{1,2000}",
    re.I,
)
FIRST_YEAR = 1900
FUTURE = timedelta(days=400)  # journals print cover dates months ahead


def plain(markup: str) -> str:
    """Return the text of `markup` on one line; `p<0.05` and `a < b` keep their signs."""
    text = _text(markup)
    if _END_TAG.search(text):  # some feeds escape their markup twice
        text = _text(text)
    return one_line(text)


def _text(markup: str) -> str:
    if "<" in markup:
        markup = _HALVES.sub("", markup)  # of characters, which JSON can hold and HTML cannot
        markup = _FORMULA.sub("", _BLOCK.sub(" ", _SIGN.sub("&lt;", markup)))
        markup = nh3.clean(markup, tags=set(), clean_content_tags=_WITH_CONTENT)
    return html.unescape(markup) if "&" in markup else markup


def shown_and_source(markup: str) -> tuple[str, str | None]:
    """Return (text as shown, text as it came where TeX was read, else None)."""
    source = plain(markup)
    shown = one_line(to_unicode(source))
    return shown, source if shown != source else None


def link(written: object) -> str | None:
    """Return a web address that may stand in an email, or None."""
    address = written.strip() if isinstance(written, str) else ""
    return address if _LINK.fullmatch(address) else None


def split_outside_brackets(text: str, separator: re.Pattern[str] = _BRACKET_OR_COMMA) -> list[str]:
    """Split at separators that stand in no brackets: `A (X, Y), B` is two names."""
    parts, depth, start = [], 0, 0
    for found in separator.finditer(text):
        if found.group() in "([{":
            depth += 1
        elif found.group() in ")]}":
            depth = max(depth - 1, 0)
        elif not depth:
            parts.append(text[start : found.start()])
            start = found.end()
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def people(names: list[str], *, always_split: bool = False) -> tuple[str, ...]:
    """Return author names one by one, however many a feed puts into one string.

    `Doe, Jane` stays one name, `Doe, J., Roe, R.` are two; a comma separates only where every
    part is a whole name, or where the source always joins with commas (`always_split`, as arXiv
    does).
    """
    parts = (
        part
        for written in names
        for part in split_outside_brackets(shown_and_source(written)[0], _BRACKET_OR_JOINER)
    )
    found = (one_line(name) for part in parts for name in _names(part, always_split))
    others = (name for name in found if not _AND_OTHERS.fullmatch(name))
    return tuple(dict.fromkeys(name for name in others if any(c.isalnum() for c in name)))


def _names(joined: str, always_split: bool) -> list[str]:
    pieces = split_outside_brackets(joined)
    if always_split:
        return pieces
    families, initials = pieces[::2], pieces[1::2]
    if len(families) == len(initials) and all(map(_INITIALS.fullmatch, initials)):
        return [", ".join(name) for name in zip(families, initials, strict=True)]
    return pieces if all(map(_WHOLE_NAME.search, pieces)) else [joined.strip(" ,")]


def believable(when: datetime | None, *, now: datetime) -> datetime | None:
    """Return the date in UTC, or None for one that no paper can have."""
    # Years first: a zone cannot be applied at the ends of the calendar.
    if when is None or not FIRST_YEAR <= when.year <= now.year + FUTURE.days // 365 + 1:
        return None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return when if when <= now + FUTURE else None
