"""PubMed: a search by E-utilities (esearch, then efetch), or the RSS feed of a search.

Source: https://www.ncbi.nlm.nih.gov/books/NBK25499/ (E-utilities in depth) and NBK25497 (who asks
must say so: `tool` and `email`). A key allows more requests a second; it stands in addresses, where
NCBI wants it, and in no text of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from notifier import errors
from notifier.papers.paper import Batch, Problem
from notifier.sources import cleaning, document, feed, medline
from notifier.sources.rhythm import Rhythm
from notifier.sources.source import NOTHING_ASKED, Kind, Request

EUTILS = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
TOOL = "paper-notifier"
DAYS_READ_AGAIN = 7
MOST_FOUND = 9_999  # a search of PubMed shows no more, in however many slices
IDS_PER_REQUEST = 100  # so that the address stays short
_DAY = timedelta(days=1)
_KEY = re.compile(r"(api[_-]?key\W{1,4})[\w-]+", re.I)


@dataclass(frozen=True, slots=True)
class PubmedSource:
    """What a search finds among the papers that came into PubMed in the last `days`.

    Attributes:
        query: As on PubMed's own page (`asthma AND review[pt]`).
        urls: RSS feeds of searches, read instead.
        contact: The operator's address; NCBI writes there before it shuts anybody out.
    """

    name: str
    query: str = ""
    urls: tuple[str, ...] = ()
    api_key: str = field(default="", repr=False)
    contact: str = ""
    base_url: str = EUTILS
    days: int = DAYS_READ_AGAIN
    rhythm: Rhythm = feed.SELDOM
    kind: Kind = "pubmed"
    replay: timedelta | None = None

    @property
    def window(self) -> timedelta | None:
        """The last `days`; a feed holds what it holds."""
        return None if self.urls else timedelta(days=self.days)

    def requests(self, *, now: datetime, since: datetime | None = None) -> list[Request]:
        """Return the search from the day of `since` on, or the addresses of the feeds."""
        if self.urls:
            return [Request(url) for url in self.urls]
        since = since or now - timedelta(days=self.days)
        days = since.astimezone(UTC).date(), now.astimezone(UTC).date()
        return [Request(self._search(days), since=since)]

    def read(self, body: bytes, *, now: datetime, asked: Request = NOTHING_ASKED) -> Batch:
        """Return the addresses that a search leads to, or the papers of efetch or of a feed."""
        if document.is_json(body):
            return self._found(document.json_object(body), asked.url)
        if medline.ROOT.search(body[:2_000]):
            try:
                return medline.read(body, now=now)
            except errors.SourceError as error:
                raise errors.SourceError(self._without_key(str(error))) from None
        parsed = document.parse(body)
        return feed.read_entries(parsed, lambda raw: feed.read_entry(raw, feed=self.name, now=now))

    def _search(self, days: tuple[date, date], start: int = 0) -> str:
        return self._url(
            "esearch",
            term=self.query,
            datetype="edat",
            mindate=f"{days[0]:%Y/%m/%d}",
            maxdate=f"{days[1]:%Y/%m/%d}",
            retmode="json",
            retmax=str(MOST_FOUND),
            **({"retstart": str(start)} if start else {}),
        )

    def _url(self, service: str, **values: str) -> str:
        who = {"tool": TOOL, "email": self.contact, "api_key": self.api_key}
        values |= {name: value for name, value in who.items() if value}
        query = urlencode({"db": "pubmed", **values}, safe=",/")
        return f"{self.base_url.rstrip('/')}/{service}.fcgi?{query}"

    def _found(self, answer: Mapping[str, Any], url: str) -> Batch:
        """Return what a search leads to: efetch for the papers it names, and the rest of it."""
        result = answer.get("esearchresult")
        result = result if isinstance(result, dict) else {}
        self._refuse_error(answer, result)
        ids, count = _ids(result), _number(result.get("count"))
        asked = dict(parse_qsl(urlsplit(url).query))
        days, reached = _days(asked), _number(asked.get("retstart")) + len(ids)
        said = _unknown_words(result)
        if count > MOST_FOUND and days and days[0] < days[1]:
            following = [self._search(part) for part in _halves(days)]
        elif days and ids and reached < min(count, MOST_FOUND):
            following = [*self._fetch(ids), self._search(days, reached)]
        else:
            following = self._fetch(ids)
            if reached < count and not (days and reached < MOST_FOUND):
                said.append(f"of {count:,} papers only {reached:,} can be had - narrow the query")
        problems = (Problem("-", self._without_key(text)) for text in said)
        return Batch((), tuple(problems), tuple(following), count)

    def _fetch(self, ids: list[str]) -> list[str]:
        size = IDS_PER_REQUEST
        groups = [ids[i : i + size] for i in range(0, len(ids), size)]
        return [self._url("efetch", retmode="xml", id=",".join(group)) for group in groups]

    def _refuse_error(self, answer: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Refuse what is an error in the form of an answer.

        Raises:
            SourceError: with NCBI's words; without the key, should they repeat it.
        """
        said = next((text for text in (result.get("ERROR"), answer.get("error")) if text), None)
        if said:
            words = self._without_key(cleaning.plain(str(said)))[:200]
            raise errors.SourceError(f"PubMed answered: {words} - check the query and the key")
        if not isinstance(result.get("idlist"), list):
            raise errors.SourceError("the answer is no search of PubMed - check the address")

    def _without_key(self, text: str) -> str:
        if self.api_key:
            text = text.replace(self.api_key, "***")
        return _KEY.sub(r"\1***", text)


def _ids(result: Mapping[str, Any]) -> list[str]:
    written = (str(one).strip() for one in result["idlist"])
    return list(dict.fromkeys(one for one in written if re.fullmatch(r"[0-9]{1,9}", one)))


def _unknown_words(result: Mapping[str, Any]) -> list[str]:
    """Say which words of the query PubMed does not know: it leaves them out and says no more."""
    errors_found = result.get("errorlist")
    said = []
    for name, what in (("phrasesnotfound", "phrase"), ("fieldsnotfound", "field")):
        words = errors_found.get(name) if isinstance(errors_found, dict) else None
        for word in words if isinstance(words, list) else ():
            text = cleaning.plain(str(word))[:100]
            said.append(f'PubMed does not know the {what} "{text}" - check the query')
    return said


def _number(written: object) -> int:
    text = str(written).strip()
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def _days(parameters: Mapping[str, str]) -> tuple[date, date] | None:
    """Return the first and the last day of a search, from its address."""
    try:
        first, last = (
            date.fromisoformat(parameters[name].replace("/", "-"))
            for name in ("mindate", "maxdate")
        )
    except (KeyError, ValueError):
        return None
    return first, last


def _halves(days: tuple[date, date]) -> Iterator[tuple[date, date]]:
    """Yield the first and the second half of some days; both are shorter than the whole."""
    middle = days[0] + (days[1] - days[0]) // 2
    yield days[0], middle
    yield middle + _DAY, days[1]
