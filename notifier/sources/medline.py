"""PubMed's own XML, as efetch gives it, to entries.

Pure. What the document declares is not trusted: one with entities of its own is refused, and
nothing outside of it is ever opened. Of a document that was cut off the whole articles are read.
Source: https://dtd.nlm.nih.gov/ncbi/pubmed/ (the elements and where they stand),
https://www.nlm.nih.gov/bsd/licensee/elements_descriptions.html.
"""

from __future__ import annotations

import html.entities
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from notifier import errors
from notifier.papers import identity
from notifier.papers.identity import Alias
from notifier.papers.paper import Batch, Entry
from notifier.papers.text import one_line
from notifier.sources import cleaning, feed
from notifier.sources.reading import Rejected, read_each

ROOT = re.compile(rb"<(?:PubmedArticleSet|PubmedBookArticleSet|eFetchResult)\b")
_ARTICLES = ("PubmedArticle", "PubmedBookArticle")
_IDS = (
    ("MedlineCitation/Article/ELocationID", "EIdType"),
    ("PubmedData/ArticleIdList/ArticleId", "IdType"),
    ("BookDocument/ArticleIdList/ArticleId", "IdType"),
    ("PubmedBookData/ArticleIdList/ArticleId", "IdType"),
)
_UNTITLED = ("", "[not available].", "[not available]", "untitled")
_UNLABELLED = ("", "UNLABELLED", "UNASSIGNED")
_SAYS_NOTHING = ("Journal Article",)  # of nearly every paper
_DATES = (
    "MedlineCitation/Article/ArticleDate",
    "MedlineCitation/Article/Journal/JournalIssue/PubDate",
    "BookDocument/ContributionDate",
    "BookDocument/Book/PubDate",
    "PubmedData/History/PubMedPubDate[@PubStatus='entrez']",
    "PubmedBookData/History/PubMedPubDate[@PubStatus='entrez']",
)
_DATE_PARTS = ("Year", "Month", "Season", "Day", "MedlineDate")
_MONTHS = {
    name: month
    for month, names in enumerate(
        ("jan win", "feb", "mar spr", "apr", "may", "jun sum", "jul", "aug", "sep fal aut", "oct",
         "nov", "dec"), 1,
    )
    for name in names.split()
}  # fmt: skip
_YEAR = re.compile(r"(?:18|19|20)[0-9]{2}")
_MONTH_AND_DAY = re.compile(rf"\b({'|'.join(_MONTHS)})[a-z]*(?:\s+([0-9]{{1,2}})\b)?", re.I)


def read(body: bytes, *, now: datetime) -> Batch:
    """Return the articles of an efetch answer.

    Raises:
        SourceError: an error message of NCBI, no such XML, entities declared, or no whole article.
    """
    collected = _Collected()
    defect = collected.parse(body)
    if collected.error:
        said = one_line(collected.error)[:200]
        raise errors.SourceError(f"PubMed answered: {said} - try again later, or check the query")
    if defect and not collected.articles:
        raise errors.SourceError(
            f"PubMed's answer is broken before its first article: {defect} - try again later"
        )
    return read_each(
        collected.articles,
        lambda article: _read(article, now),
        label=_number,
        date=lambda article: next(_dates(article), ""),
        defect=f"the document is broken: {defect}" if defect else None,
    )


class _Collected:
    """The articles of a document, each whole, and the error message in place of any."""

    def __init__(self) -> None:
        self.articles: list[Element] = []
        self.error = ""
        self._open: TreeBuilder | None = None
        self._in_error = False

    def parse(self, body: bytes) -> str | None:
        """Read the document as far as it goes; return what was wrong with it.

        Raises:
            SourceError: it declares entities.
        """
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = _no_declarations
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.SkippedEntityHandler = self._entity
        try:
            parser.Parse(body, True)
        except expat.ExpatError as error:
            said = expat.ErrorString(error.code) or "not well-formed"
            return f"line {error.lineno}, column {error.offset}: {said}"
        except (ValueError, LookupError) as error:  # an encoding that nobody can read
            return one_line(str(error))
        return None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._open is None and tag in _ARTICLES:
            self._open = TreeBuilder()
        if self._open is not None:
            self._open.start(tag, attributes)
        self._in_error = self._open is None and tag.lower() == "error"

    def _end(self, tag: str) -> None:
        self._in_error = False
        if self._open is None:
            return
        element = self._open.end(tag)
        if tag in _ARTICLES:
            self.articles.append(element)
            self._open = None

    def _data(self, text: str) -> None:
        if self._open is not None:
            self._open.data(text)
        elif self._in_error:
            self.error += text

    def _entity(self, name: str, is_parameter: bool) -> None:
        """An entity that only the document type, which nobody opens, could explain."""
        if not is_parameter:
            self._data(html.entities.html5.get(f"{name};", ""))


def _no_declarations(name: str, system: str | None, public: str | None, has_own: bool) -> None:
    if has_own:
        raise errors.SourceError(
            "the answer declares entities of its own, as PubMed never does - check the address"
        )


def _read(article: Element, now: datetime) -> Entry:
    citation = _citation(article)
    aliases = tuple(_aliases(article))
    if not aliases:
        raise Rejected("no PubMed number and no DOI")
    title, source_title = feed.required_title(_title(citation))
    abstract, source_abstract = cleaning.shown_and_source(_abstract(citation))
    kinds = _texts(citation, "PublicationTypeList/PublicationType", "PublicationType")
    return Entry(
        aliases=aliases,
        title=title,
        source_title=source_title,
        abstract=abstract,
        source_abstract=source_abstract,
        authors=tuple(dict.fromkeys(_authors(citation))),
        categories=_categories(article, kinds),
        journal=_first_text(citation, "Journal/ISOAbbreviation", "Journal/Title")
        or _book(citation),
        published_at=cleaning.believable(_date(article), now=now),
        urls={kind: url for alias in aliases for kind, url in identity.urls(alias).items()},
        withdrawn="Retracted Publication" in kinds,
    )


def _citation(article: Element) -> Element:
    """Return the element that holds title, abstract and authors."""
    for path in ("MedlineCitation/Article", "BookDocument"):
        if (found := article.find(path)) is not None:
            return found
    raise Rejected("no article in it")


def _number(article: Element) -> str:
    return _first_text(article, "MedlineCitation/PMID", "BookDocument/PMID") or ""


def _aliases(article: Element) -> list[Alias]:
    """The DOI first; numbers of the papers that this one cites stand elsewhere and are not read."""
    written = [f"pmid:{_number(article)}"]
    for path, attribute in _IDS:
        written += [
            one_line(_text(part))
            for part in article.iterfind(path)
            if part.get(attribute) in ("doi", "pmc") and part.get("ValidYN") != "N"
        ]
    parsed = dict.fromkeys(found[0] for text in written if (found := identity.parse(text)))
    return sorted(parsed, key=lambda alias: feed.BEST_FIRST.index(alias.scheme))


def _title(citation: Element) -> str:
    """Return the title, without the full stop that PubMed puts behind every one."""
    for path in ("ArticleTitle", "VernacularTitle", "Book/BookTitle"):
        title = one_line(_text(citation.find(path)))
        if title.lower() not in _UNTITLED:
            return title if title.endswith("..") else title.removesuffix(".")
    return ""


def _abstract(citation: Element) -> str:
    parts = []
    for part in citation.iterfind("Abstract/AbstractText"):
        label, text = part.get("Label", "").strip(), _text(part).strip()
        parts.append(text if label.upper() in _UNLABELLED else f"{label}: {text}")
    return " ".join(filter(None, parts))


def _authors(citation: Element) -> Iterator[str]:
    for author in citation.iterfind("AuthorList/Author"):
        if author.get("ValidYN") == "N":  # PubMed's mark for a misprint that was put right
            continue
        given = author.find("ForeName")
        parts = (given if given is not None else author.find("Initials"), author.find("LastName"),
                 author.find("Suffix"), author.find("CollectiveName"))  # fmt: skip
        name = " ".join(_text(part) for part in parts)
        if shown := cleaning.shown_and_source(name)[0]:
            yield shown


def _categories(article: Element, kinds: list[str]) -> tuple[str, ...]:
    """Return what `cat:` rules may ask for, the most telling first.

    The authors' keywords say what the paper is about on its first day; MeSH headings come weeks
    later; the kind of publication ("Review", "Randomized Controlled Trial") is always there.
    """
    words = _texts(
        article, "MedlineCitation/KeywordList/Keyword", "BookDocument/KeywordList/Keyword"
    )
    mesh = _texts(article, "MedlineCitation/MeshHeadingList/MeshHeading/DescriptorName")
    said = [*words, *mesh, *(kind for kind in kinds if kind not in _SAYS_NOTHING)]
    first = {text.casefold(): text for text in reversed(said)}  # the first way of writing it
    return tuple(dict.fromkeys(first[text.casefold()] for text in said))


def _book(citation: Element) -> str | None:
    """Return the book of a chapter; a whole book is its own title."""
    chapter = _first_text(citation, "ArticleTitle")
    return _first_text(citation, "Book/BookTitle") if chapter else None


def _dates(article: Element) -> Iterator[str]:
    """The dates as written, best first: electronic, printed, and when PubMed took it in."""
    for path in _DATES:
        for found in article.iterfind(path):
            yield " ".join(filter(None, (_text(found.find(name)) for name in _DATE_PARTS)))


def _date(article: Element) -> datetime | None:
    """Return the best date that names a month; one that names a year only, if there is no other."""
    years = []
    for written in _dates(article):
        year, month, day = _parts(written)
        if year and month:
            return _day(year, month, day) or _day(year, month, 1)
        if year:
            years.append(_day(year, 1, 1))
    return next(iter(years), None)


def _parts(written: str) -> tuple[int, int, int]:
    """Read `2026 06 12`, `2026 Jun`, `2026 Spring`, `2026 Nov-Dec`; 0 is what it does not say."""
    year = _YEAR.search(written)
    if year is None:
        return 0, 0, 0
    rest = written[year.end() :] if year.start() < 3 else written
    if named := _MONTH_AND_DAY.search(rest):
        return int(year[0]), _MONTHS[named[1].lower()], int(named[2] or 1)
    numbers = [int(number) for number in re.findall(r"\b[0-9]{1,2}\b", rest)] + [0, 0]
    return int(year[0]), numbers[0], numbers[1] or 1


def _day(year: int, month: int, day: int) -> datetime | None:
    try:
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None


def _text(element: Element | None) -> str:
    """Return the text of an element and all within it: `H<sub>2</sub>O` is `H2O`."""
    return "".join(element.itertext()) if element is not None else ""


def _texts(element: Element, *paths: str) -> list[str]:
    found = (cleaning.plain(_text(part)) for path in paths for part in element.iterfind(path))
    return [text for text in found if text]


def _first_text(element: Element, *paths: str) -> str | None:
    return next(iter(_texts(element, *paths)), None)
