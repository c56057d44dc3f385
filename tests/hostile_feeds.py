"""Hostile texts as sources send them: every text in every field, in the format of each reader."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from notifier.papers.paper import Entry
from notifier.sources.arxiv import ArxivSource
from notifier.sources.feed import FeedSource
from notifier.sources.pubmed import PubmedSource
from notifier.sources.source import Request, Source

from .builders import an_entry
from .builders import atom as arxiv_atom
from .hostile import TEXTS, URLS
from .pages import MORNING
from .test_sources_feed import SPACES

XML_NO = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def turned(texts: Sequence[str], number: int) -> Iterator[str]:
    """All texts, over and over, from one of them on."""
    while True:
        yield texts[number % len(texts)]
        number += 1


def xml(text: str) -> str:
    return escape(XML_NO.sub("", text))


def rss(number: int, link: str) -> str:
    """An item whose every field is hostile: once as text, once as HTML that says it is text."""
    fields = turned(TEXTS, number)
    title, abstract, author, category, journal = (xml(next(fields)) for _ in range(5))
    return (
        f"<item><title>{escape(title)}</title><guid>https://a.example/rss{number}</guid>"
        f"<link>{xml(link)}</link><description>RAG {escape(abstract)}</description>"
        f"<dc:creator>{author}</dc:creator><category>{category}</category>"
        f"<prism:publicationName>{journal}</prism:publicationName></item>"
    )


def atom(number: int, link: str) -> str:
    fields = turned(TEXTS, number)
    title, abstract, author = (xml(next(fields)) for _ in range(3))
    return (
        f"<entry><id>https://a.example/atom{number}</id><title>{title}</title>"
        f"<updated>2026-11-20T05:00:00Z</updated>"
        f"<summary>RAG {abstract}</summary><link href={quoteattr(XML_NO.sub('', link))}/>"
        f"<author><name>{author}</name></author><category term={quoteattr(next(fields)[:7])}/>"
        "</entry>"
    )


def json_item(number: int, link: str) -> dict[str, Any]:
    fields = turned(TEXTS, number)
    return {
        "id": f"json{number}", "url": link, "title": next(fields), "external_url": link,
        "content_text": f"RAG {next(fields)}", "authors": [{"name": next(fields), "url": link}],
        "tags": [next(fields)], "image": link, "attachments": [{"url": link, "mime_type": "x/y"}],
    }  # fmt: skip


def article(number: int) -> str:
    fields = turned(TEXTS, number)
    title, abstract, author, journal, word = (xml(next(fields)) for _ in range(5))
    return (
        f"<PubmedArticle><MedlineCitation><PMID>{number + 1000}</PMID><Article>"
        f"<Journal><Title>{journal}</Title></Journal><ArticleTitle>{title}</ArticleTitle>"
        f"<Abstract><AbstractText>RAG {abstract}</AbstractText></Abstract><AuthorList><Author>"
        f"<LastName>{author}</LastName></Author></AuthorList></Article><KeywordList><Keyword>{word}"
        "</Keyword></KeywordList></MedlineCitation><PubmedData></PubmedData></PubmedArticle>"
    )


def feed_bodies() -> Iterator[tuple[Source, bytes]]:
    """Every text in every field, as each kind of source would send it."""
    links = [next(turned(URLS, number)) for number in range(len(TEXTS))]
    numbered = list(enumerate(links))
    feeds = [FeedSource(name, (f"https://{name}.example/",)) for name in ("rss", "atom", "json")]
    channel = "".join(rss(*one) for one in numbered)
    yield feeds[0], f'<rss version="2.0" {SPACES}><channel>{channel}</channel></rss>'.encode()
    entries = "".join(atom(*one) for one in numbered)
    yield feeds[1], f'<feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'.encode()
    items = [json_item(*one) for one in numbered]
    about = {"version": "https://jsonfeed.org/version/1.1", "title": TEXTS[0]}
    yield feeds[2], json.dumps(about | {"items": items}).encode()
    yield ArxivSource("arxiv", ("cs.LG",)), arxiv_atom(
        {"id": f"2611.{number + 500:05d}", "title": xml_free(next(fields)),
         "abstract": f"RAG {xml_free(next(fields))}", "authors": (xml_free(next(fields)),)}
        for number in range(len(TEXTS)) if (fields := turned(TEXTS, number))
    )  # fmt: skip


def xml_free(text: str) -> str:
    return XML_NO.sub("", text)


def read_all() -> Iterator[tuple[str, Sequence[Entry]]]:
    """What our readers make of it, by source."""
    for source, sent in feed_bodies():
        yield source.name, source.read(sent, now=MORNING, asked=Request("")).entries
    pubmed = PubmedSource("pubmed", "ferns", api_key="", contact="ada@example.org")
    sent = f"<PubmedArticleSet>{''.join(map(article, range(len(TEXTS))))}</PubmedArticleSet>"
    fetch = Request("https://eutils.ncbi.nlm.nih.gov/entrez/eutils/efetch.fcgi?db=pubmed&id=1")
    yield "pubmed", pubmed.read(sent.encode(), now=MORNING, asked=fetch).entries
    # What these services send in fields that the formats above do not have.
    yield "huggingface", [
        an_entry(
            number + 1, next(fields), abstract=f"RAG {next(fields)}", authors=(next(fields),),
            categories=(next(fields),), organization=next(fields), journal=next(fields),
            comment=next(fields), submitted_by=next(fields), signals={"upvotes": 7.0},
            urls={"page": next(turned(URLS, number)), "code": next(turned(URLS, number + 5)),
                  "pdf": next(turned(URLS, number + 9))},
        )
        for number in range(len(TEXTS)) if (fields := turned(TEXTS, number))
    ]  # fmt: skip
