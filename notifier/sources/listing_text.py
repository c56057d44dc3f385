"""A Daily Papers page, copied as plain text, to its papers.

Pure. A paper is a title line, an abstract of any number of lines, and a foot: `• 7 authors` or an
organisation, `·`, a date, a comment count, on one line or on several. Blank lines mean nothing:
they come and go with the browser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from notifier.papers import identity
from notifier.papers.text import one_line
from notifier.sources.listing_date import COUNT, DATE

_LINE_END = re.compile(r"[\r\n\t\v\f\x1c-\x1e\x85\u2028\u2029]+")
_DOTS = "•·∙●⋅‧"
_DATE_FOOT = re.compile(
    rf"(?:^|(?P<dot> ?[{_DOTS}]) ?)(?:published )?(?:on )?(?P<date>{DATE})"
    rf"(?: ?[{_DOTS}]?)(?: ?(?P<comments>{COUNT})(?: comments?)?)?$",
    re.I,
)
_AUTHORS_FOOT = re.compile(rf"(?:^| ?[{_DOTS}] ?)\d{{1,5}} authors?(?: ?[{_DOTS}])?$", re.I)
_ORGANIZATION_FOOT = re.compile(rf" ?[{_DOTS}] ?(?P<name>[^{_DOTS}]{{1,100}})$")
_COUNT = re.compile(rf"({COUNT})(?: comments?)?", re.I)
_MARKDOWN = re.compile(r"\[(?P<title>.+)\]\((?P<name>[^\s()]+)\)")
_NUMBERED = re.compile(r"\[(?P<name>[^\]]+)\] (?P<title>.+)")
_FURNITURE = re.compile(  # what else stands on the page
    r"(?:daily|trending|hugging face|search) papers?|papers|by ak and the research community"
    r"|submit|subscribe|previous|next|load more|view all|log in|sign up|submitted by \S+"
    r"|upvotes?(?: \d+)?|\d+ upvotes?|github(?: [\d.,]+k?)?|(?:view )?(?:arxiv page|pdf)|[\d.,]+k?",
    re.I,
)
_SENTENCE_END = re.compile(r"[.!?…:;]['\"”’)\]]*$|https?://\S{1,200}$")
TITLE_LENGTH = 300  # characters; the longest of 14,318 arXiv titles has 247
_PARAGRAPH = 250  # a line from here on is no title; the shortest of 222 abstracts has 603
_HEADING = re.compile(  # inside an abstract
    r"(?:introduction|background|context|rationale|purpose|objectives?|aims?|motivation|approach"
    r"|(?:materials? and )?methods?|methodology|(?:main )?results?|findings|discussion"
    r"|conclusions?|significance|impact|limitations)(?: and \w+)?",
    re.I,
)
_ORGANIZATION_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Listed:
    """One paper as the page shows it.

    `organization` may begin with its handle. `date` stands as written. `names` are ids and
    addresses of the paper.
    """

    title: str
    abstract: str = ""
    organization: str = ""
    date: str = ""
    comments: int | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    """A line without its foot, and what the foot says; of a mere foot no `text` is left."""

    text: str
    bullet: bool = False  # it begins with a dot
    dotted: bool = False  # a dot stands before the date
    authors: bool = False
    organization: str = ""
    date: str = ""
    comments: str = ""

    @property
    def is_dot(self) -> bool:
        return self.bullet and not (self.text or self.authors or self.date)


def papers(text: str) -> tuple[list[Listed], str]:
    """Return the papers of a copied page, and the text after the last one that belongs to none."""
    groups, rest = _groups(list(_lines(text)))
    if any(len(line.text) >= _PARAGRAPH for line in rest):  # cut off, or without feet
        groups, rest = [*groups, rest], []
    left_over = _content(line.text for line in rest)
    return [paper for group in groups for paper in _papers_of(group)], " ".join(left_over)


def is_listing(text: str) -> bool:
    """Return whether the text has the foot of a paper: `• 7 authors`, or a dot before a date."""
    lines = list(_lines(text))
    dots = (line.is_dot and after.date for line, after in pairwise(lines))
    return any(line.authors or line.dotted for line in lines) or any(dots)


def _lines(text: str) -> Iterator[_Line]:
    return (_line(line) for written in _LINE_END.split(text) if (line := one_line(written)))


def _line(line: str) -> _Line:
    dated = _DATE_FOOT.search(line)
    found = _Line(line)
    if dated:
        found = _Line(
            line[: dated.start()],
            dotted=bool(dated["dot"]),
            date=dated["date"],
            comments=dated["comments"] or "",
        )
    if authors := _AUTHORS_FOOT.search(found.text):
        found = replace(found, text=found.text[: authors.start()], authors=True)
    elif found.dotted and (named := _ORGANIZATION_FOOT.search(found.text)):
        name = named["name"].strip()
        found = replace(found, text=found.text[: named.start()], organization=name)
    bare = found.text.strip().strip(_DOTS).strip()
    return replace(found, text=bare, bullet=line[0] in _DOTS)


def _groups(lines: list[_Line]) -> tuple[list[list[_Line]], list[_Line]]:
    """Cut after each foot: a date with its comments, or a number of authors where no date is.

    An id that stands between two papers belongs to the first, unless the page begins with one.
    """
    groups: list[list[_Line]] = []
    group: list[_Line] = []
    ids_lead = bool(lines and identity.parse(lines[0].text))
    for place, line in enumerate(lines):
        if groups and not group and (more := _more_of_foot(line, groups[-1][-1], ids_lead)):
            groups[-1].append(more)
            continue
        group.append(line)
        if line.date or (line.authors and not _dated(lines[place + 1 : place + 3])):
            groups.append(group)
            group = []
    return groups, group


def _more_of_foot(line: _Line, before: _Line, ids_lead: bool) -> _Line | None:
    """Return what a line right after a foot adds to it: a comment count, an id, a mere dot."""
    if line.is_dot or (not ids_lead and identity.parse(line.text)):
        return replace(line, date=before.date, comments=before.comments)
    found = _COUNT.fullmatch(line.text)
    if found and before.date:
        return _Line("", date=before.date, comments=found[1])
    return None


def _dated(following: list[_Line]) -> bool:
    """Whether a date comes next, with or without a dot on a line of its own."""
    following = following[1:] if following and following[0].is_dot else following
    return bool(following and following[0].date and not following[0].text)


def _papers_of(group: list[_Line]) -> list[Listed]:
    """Return the papers of the lines up to a foot: one, or more where feet are missing."""
    organization, texts = _organization(group)
    names = [text for text in texts if identity.parse(text)]
    content = _content(text for text in texts if text not in names)
    if not content:
        return []
    starts = [*_starts(content), len(content)]
    found = [_paper(content[start:end]) for start, end in pairwise(starts)]
    comments = next((line.comments for line in group if line.comments), "")
    found[-1] = replace(
        found[-1],
        organization=organization,
        date=next((line.date for line in group if line.date), ""),
        comments=int(comments) if comments else None,
        names=(*found[-1].names, *names),
    )
    return found


def _paper(lines: Sequence[str]) -> Listed:
    title, names = titled(lines[0])
    return Listed(title, " ".join(lines[1:]), names=names)


def titled(written: str) -> tuple[str, tuple[str, ...]]:
    """Return the title, and what names the paper in `[2611.00001] On ferns`, `[On ferns](URL)`."""
    for pattern in (_MARKDOWN, _NUMBERED):
        if (found := pattern.fullmatch(written)) and identity.parse(found["name"]):
            return found["title"], (found["name"],)
    return written, ()


def _content(texts: Iterator[str]) -> list[str]:
    """Return the lines without the page's furniture, which stands before a title."""
    lines = [text for text in texts if text]
    while lines and (_FURNITURE.fullmatch(lines[0]) or lines[0].lower() == "submitted by"):
        lines = lines[2:] if lines[0].lower() == "submitted by" else lines[1:]
    return lines


def _starts(lines: list[str]) -> list[int]:
    """Return where papers begin: a line like a title between two paragraphs is one."""
    between = (
        place
        for place in range(2, len(lines) - 1)
        if len(lines[place - 1]) >= _PARAGRAPH <= len(lines[place + 1]) and _is_title(lines[place])
    )
    return [0, *between]


def _is_title(line: str) -> bool:
    return (
        len(line) < _PARAGRAPH
        and not _HEADING.fullmatch(line)
        and not line.endswith((".", ":", ",", ";"))
    )


def _organization(group: list[_Line]) -> tuple[str, list[str]]:
    """Return the organisation of a group's foot, and the texts before it."""
    texts = [line.text for line in group]
    if found := next((line.organization for line in group if line.organization), ""):
        return found, texts
    if any(line.authors for line in group) or not any(line.date for line in group):
        return "", texts
    dated = next(n for n, line in enumerate(group) if line.date)
    bullets = [n for n, line in enumerate(group[:dated]) if line.bullet and any(texts[n:])]
    start = bullets[-1] if bullets else _unmarked_organization(texts[: dated + 1])
    name = " ".join(filter(None, texts[start : dated + 1]))
    kept = texts[:start] + texts[dated + 1 :]  # an id may stand after the date
    return (name, kept) if len(name) <= _ORGANIZATION_LENGTH else ("", texts)


def _unmarked_organization(texts: list[str]) -> int:
    """Return where an organisation without a dot before it begins: after the last sentence.

    A line that goes on with the abstract follows one that did not end with a sentence.
    """
    places = [place for place, text in enumerate(texts) if text]
    for length in (2, 1):  # the handle may have a line of its own
        if len(places) >= 2 + length and _SENTENCE_END.search(texts[places[-length - 1]]):
            tail = [texts[place] for place in places[-length:]]
            if not any(map(_SENTENCE_END.search, tail)) and (length == 1 or " " not in tail[0]):
                return places[-length]
    return len(texts)
