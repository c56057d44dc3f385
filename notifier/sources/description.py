"""What publishers write round an abstract: taken off, and read where it says something.

Pure. Only whole paragraphs at the beginning and at the end are looked at, and only those of a form
that no abstract has (a citation, `Author(s): ...`, links to the PDF); what lies between them stays
as it came, markup included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from notifier.sources import cleaning

_BREAK = re.compile(
    r"</?(?:p|div|br|h[1-6]|[uo]l|li|section|article|jats:(?:p|sec|title))\b[^<>]*>", re.I
)
_NAME = r"[^\W\d_a-z][^\s,]*(?: [^\s,]+){0,5}"
_LABELS = (
    ("date", re.compile(r"(?:Publication date:|Available online) (.*\d.*)")),
    ("journal", re.compile(r"Source: (.+?)(?:, (?:Volume|Issue)\b.*)?")),
    ("authors", re.compile(r"Author(?:\(s\)|s)?:(.*)")),
    # CNKI: "Yinpeng ZHANG;Xiaolong LIU;"
    ("authors", re.compile(r"((?:[A-Z\u4e00-\u9fff][^;]{1,39};){1,99})")),
    # PLOS: "by Ada Lovelace, Bo Chen"
    ("authors", re.compile(rf"by ({_NAME}(?:, {_NAME})*)")),
    ("doi", re.compile(r"DOI: ?(10\.\S+)", re.I)),
)
_CITATIONS = [
    re.compile(form)
    for form in (
        # Wiley, Taylor & Francis, SAGE, ACS: "J. Bot., Volume 7, Issue 1, Page 1-31, May 2026."
        r"(?:(?P<journal>[^;]{1,150}?), )?(?:Volume \S+, (?:Issue|Number|Page|Article)\b.{0,150}"
        r"|Early ?View|Accepted Article|Ahead of Print|Online First|Just Accepted)[ .]*",
        # Nature: "Nature, Published online: 05 April 2026; doi:10.1038/x"
        r"(?P<journal>.{1,150}?), Published online: [^;]{1,40}; ?doi:\S+",
        # PubMed: "J Bot. 2026 Nov 5;12(3):4-9. doi: 10.1000/x. Online ahead of print."
        r"[^.]{1,150}\. (?:19|20)\d\d\b(?:.{0,60}\bdoi: 10\.\S+|[^.]{0,30};\S+\.).{0,120}",
        # Pensoft: "ZooKeys 1068: 189-201"
        r"(?P<journal>[^\W\d_][^.;:]{1,100}) \d{1,5}(?:\(\d+\))?: ?e?\d+(?:[-–]\d+)?",
    )
]
_LAST = re.compile(
    r"PMID: ?\d+\b.{0,150}|HTML|XML|PDF|N/?A|No abstract(?: is)?(?: available)?\.?"
    r"|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,6}"  # Google Scholar ends with the publisher's host
    r"|(?:Read more|Continue reading)\b.{0,150}|The post .{1,300} appeared first on .{1,150}",
    re.I,
)
_HEADING = re.compile(
    r"(?:\s|<[^<>]*>)*+abstract\s*(?::|</[^<>]*>|\n|(?<=\s)(?=(?-i:The|This|We|In|Here)\b))[:\s]*",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Description:
    """A description taken apart: `abstract` is markup as it came, the others are plain text or "".

    `headed`: it says itself that this is the abstract.
    """

    abstract: str = ""
    authors: str = ""
    journal: str = ""
    doi: str = ""
    date: str = ""
    headed: bool = False


def best(markups: Iterable[str]) -> Description:
    """Return the one that calls itself the abstract, else the first that holds any text.

    What the others say beside their text (authors, journal, DOI, date) is kept, too.
    """
    found = [take_apart(markup) for markup in markups if markup]
    chosen = next((one for one in found if one.headed and one.abstract), None)
    chosen = chosen or next((one for one in found if one.abstract), Description())
    said = {
        name: next((text for one in (chosen, *found) if (text := getattr(one, name))), "")
        for name, _ in _LABELS
    }
    return Description(chosen.abstract, headed=chosen.headed, **said)


def take_apart(markup: str) -> Description:
    """Return a description without what the publisher put before and after the abstract."""
    breaks = list(_BREAK.finditer(markup))
    starts = [0, *(found.end() for found in breaks)]
    stops = [*(found.start() for found in breaks), len(markup)]
    said: dict[str, str] = {}
    first, last, headed = 0, len(starts), False
    while first < last:
        paragraph = markup[starts[first] : stops[first]]
        if heading := _HEADING.match(paragraph):
            headed = True
            starts[first] += heading.end()
            break
        line = cleaning.plain(paragraph)
        headed = headed or line.lower() == "abstract"
        if line.lower() not in ("abstract", "summary") and not _is_first(line, said):
            break
        first += 1
    while first < last and _is_last(cleaning.plain(markup[starts[last - 1] : stops[last - 1]])):
        last -= 1
    abstract = markup[starts[first] : stops[last - 1]] if first < last else ""
    return Description(abstract, headed=headed, **said)


def _is_first(line: str, said: dict[str, str]) -> bool:
    """Tell whether a paragraph stands before the abstract; what it says goes into `said`."""
    for name, form in _LABELS:
        found = form.fullmatch(line)
        if found and (name != "journal" or said):  # a blog's "Source: ..." is none of ours
            said.setdefault(name, found[1].strip())
            return True
    for form in _CITATIONS:
        if found := form.fullmatch(line):
            if journal := found.groupdict().get("journal"):
                said.setdefault("journal", journal.strip())
            return True
    return not any(map(str.isalnum, line))


def _is_last(line: str) -> bool:
    return bool(_LAST.fullmatch(line)) or not any(map(str.isalnum, line))
