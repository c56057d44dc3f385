"""PubMed: a search leads to all its papers, and an article is read with its names and its fate."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import SourceError
from notifier.papers.paper import Batch, Entry
from notifier.sources import pubmed
from notifier.sources.pubmed import PubmedSource
from notifier.sources.rhythm import Silence
from notifier.sources.source import Request, Source
from tests.builders import NOON

KEY = "0123456789abcdef0123456789abcdef0123"
PUBMED = PubmedSource("pubmed", "ferns AND review[pt]", api_key=KEY, contact="ada@notifier.example")
DOCTYPE = (
    '<?xml version="1.0" ?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n'
)
A_DATE = "<ArticleDate><Year>2026</Year><Month>11</Month><Day>9</Day></ArticleDate>"


def article(
    number: int = 1, inside: str = "", beside: str = "", data: str = "", **values: str
) -> str:
    """An article; `inside` Article, `beside` it in the citation, `data` of PubMed."""
    title = values.get("title", f"Title {number}.")
    names = f"<PMID Version='1'>{number}</PMID>" if number else ""
    return (
        f"<PubmedArticle><MedlineCitation>{names}"
        f"<Article><ArticleTitle>{title}</ArticleTitle>{inside}</Article>{beside}</MedlineCitation>"
        f"<PubmedData>{data}</PubmedData></PubmedArticle>"
    )


def articles(*found: str, head: str = DOCTYPE) -> bytes:
    return f"{head}<PubmedArticleSet>{''.join(found)}</PubmedArticleSet>".encode()


def search(*ids: int, count: object = None, **values: Any) -> bytes:
    result = {"count": str(len(ids) if count is None else count), "idlist": [str(i) for i in ids]}
    return json.dumps({"header": {"type": "esearch"}, "esearchresult": result | values}).encode()


def asked(source: PubmedSource = PUBMED) -> Request:
    return source.requests(now=NOON)[0]


def read(body: bytes, request: Request | None = None, source: Source = PUBMED) -> Batch:
    return source.read(body, now=NOON, asked=request or asked())


def outcome(body: bytes) -> Batch | SourceError:
    try:
        return read(body)
    except SourceError as error:
        return error


def only(*found: str) -> Entry:
    batch = read(articles(*found))
    assert not batch.problems
    assert len(batch.entries) == 1
    return batch.entries[0]


def parameters(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


# What is asked


def test_the_search_says_what_since_when_and_who_asks() -> None:
    request = asked()
    assert request.url.startswith("https://eutils.ncbi.nlm.nih.gov/entrez/eutils/esearch.fcgi?")
    assert parameters(request.url) == {
        "db": "pubmed",
        "term": "ferns AND review[pt]",
        "datetype": "edat",
        "mindate": "2026/11/13",
        "maxdate": "2026/11/20",
        "retmode": "json",
        "retmax": "9999",
        "tool": "paper-notifier",
        "email": "ada@notifier.example",
        "api_key": KEY,
    }
    assert request.since == NOON - timedelta(days=7)


def test_without_contact_and_key_nothing_is_said_of_them() -> None:
    source = PubmedSource("p", "ferns", base_url="http://127.0.0.1:1/eutils/", days=2)
    since = datetime(2026, 9, 3, 23, tzinfo=UTC)
    (request,) = source.requests(now=NOON, since=since)
    assert request.url.startswith("http://127.0.0.1:1/eutils/esearch.fcgi?")
    assert not {"email", "api_key"} & set(parameters(request.url))
    assert parameters(request.url)["mindate"] == "2026/09/03"
    assert source.window == timedelta(days=2)


def test_a_feed_is_asked_for_as_it_stands_and_has_no_window() -> None:
    source = PubmedSource("p", urls=("https://pubmed.example/rss/1",))
    assert source.requests(now=NOON, since=NOON) == [Request("https://pubmed.example/rss/1")]
    assert source.window is None


def test_only_a_month_of_silence_is_out_of_the_ordinary() -> None:
    assert PUBMED.kind == "pubmed"
    assert PUBMED.rhythm == Silence(timedelta(days=30))


# What a search leads to


def test_a_search_leads_to_its_papers_by_the_hundred() -> None:
    batch = read(search(*range(1, 251)))
    named = [parameters(url)["id"].split(",") for url in batch.following]
    assert [len(ids) for ids in named] == [100, 100, 50]
    assert [int(one) for ids in named for one in ids] == list(range(1, 251))
    assert batch.total == 250
    for url in batch.following:
        assert "/efetch.fcgi?" in url
        assert len(url) < 2_000
        assert parameters(url)["retmode"] == "xml"
        assert parameters(url)["api_key"] == KEY


def test_a_search_without_papers_is_no_problem() -> None:
    assert read(search()) == Batch(total=0)


def test_ids_that_are_no_numbers_are_not_asked_for() -> None:
    batch = read(search(count=1, idlist=["1&x=y", "7", 7, None, "", "1" * 10]))
    assert [parameters(url)["id"] for url in batch.following] == ["7"]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"errorlist": {"phrasesnotfound": ["fernz"], "fieldsnotfound": []}}, '"fernz"'),
        ({"errorlist": {"phrasesnotfound": [], "fieldsnotfound": ["pz"]}}, '"pz"'),
    ],
)
def test_words_that_pubmed_does_not_know_are_a_problem(values: dict[str, Any], says: str) -> None:
    batch = read(search(1, **values))
    assert len(batch.following) == 1
    (problem,) = batch.problems
    assert problem.entry == "-"
    assert says in problem.reason


def test_more_papers_than_a_search_shows_are_searched_for_by_days() -> None:
    batch = read(search(*range(1, 101), count=25_000))
    spans = [(parameters(url)["mindate"], parameters(url)["maxdate"]) for url in batch.following]
    assert spans == [("2026/11/13", "2026/11/16"), ("2026/11/17", "2026/11/20")]
    assert batch.total == 25_000


def test_a_day_with_more_papers_than_a_search_shows_is_said_to_be_too_much() -> None:
    (request,) = PUBMED.requests(now=NOON, since=NOON)
    batch = read(search(*range(1, 10_000), count=12_000), request)
    assert len(batch.following) == 100
    assert "of 12,000 papers only 9,999 can be had" in batch.problems[0].reason


def test_a_file_of_a_search_leads_to_the_papers_that_it_names() -> None:
    batch = PUBMED.read(search(1, 2, count=3), now=NOON)
    assert len(batch.following) == 1
    assert "of 3 papers only 2 can be had" in batch.problems[0].reason


@given(
    papers=st.integers(0, 60),
    cap=st.integers(1, 20),
    limit=st.integers(1, 40),
    days=st.integers(0, 20),
)
def test_slices_of_any_size_lead_to_every_paper_once(
    papers: int, cap: int, limit: int, days: int
) -> None:
    """A service that gives fewer ids than asked for, of papers spread over the days."""
    first = NOON.date() - timedelta(days=days)
    came = {number: first + timedelta(days=number % (days + 1)) for number in range(1, papers + 1)}

    def served(url: str) -> bytes:
        said = parameters(url)
        found = [
            n for n, day in came.items() if said["mindate"] <= f"{day:%Y/%m/%d}" <= said["maxdate"]
        ]
        start = int(said.get("retstart", 0))
        return search(*found[start : start + cap], count=len(found))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pubmed, "MOST_FOUND", limit)
        (request,) = PUBMED.requests(now=NOON, since=NOON - timedelta(days=days))
        waiting, seen, named = [request.url], set[str](), list[int]()
        problems = 0
        while waiting:
            url = waiting.pop()
            assert url not in seen
            seen.add(url)
            if "/efetch.fcgi" in url:
                named += map(int, parameters(url)["id"].split(","))
                continue
            batch = read(served(url), Request(url))
            waiting += batch.following
            problems += len(batch.problems)
    assert len(named) == len(set(named))
    assert set(named) == set(came) or problems


# Errors in the form of answers


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (json.dumps({"esearchresult": {"ERROR": "Empty term and query_key"}}), "Empty term"),
        (json.dumps({"error": "API rate limit exceeded", "count": "11"}), "rate limit"),
        (json.dumps({"error": f"API key invalid: {KEY}", "api-key": KEY}), "API key invalid"),
        (json.dumps({"error": "see ?api_key=another-one"}), "see"),
        (
            "<eFetchResult><ERROR>ID list is empty!\nReally.</ERROR></eFetchResult>",
            "ID list is empty",
        ),
        (f"<eFetchResult><ERROR>bad {KEY}</ERROR></eFetchResult>", "PubMed answered: bad"),
    ],
)
def test_an_error_of_ncbi_is_told_in_its_words_and_without_the_key(body: str, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(body.encode())
    assert says in str(caught.value)
    assert KEY not in str(caught.value)
    assert "another-one" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "\n" not in str(caught.value)


def test_the_key_stands_in_no_problem_and_in_no_picture_of_the_source() -> None:
    batch = read(search(1, errorlist={"phrasesnotfound": [KEY], "fieldsnotfound": []}))
    assert KEY not in str(batch.problems)
    assert KEY not in repr(PUBMED)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"<!doctype html><html>Down</html>", "HTML page"),
        (b"Service unavailable", "no feed"),
        (b"{}", "no search of PubMed"),
        (b'{"esearchresult": {"count": "3"}}', "no search of PubMed"),
        (b'{"esearchresult": [', "no JSON"),
        (articles(article())[:300], "broken before its first article"),
        (b"<PubmedArticleSet><a></b></PubmedArticleSet>", "broken before its first article"),
        (articles(head='<?xml version="1.0" encoding="shift_jis"?>'), "broken before"),
        (articles(head='<?xml version="1.0" encoding="nonsense"?>'), "broken before"),
    ],
)
def test_what_is_no_answer_is_refused_in_one_clear_line(body: bytes, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(body)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert 20 < len(str(caught.value)) < 300


# What an article holds


def test_an_article_is_read_whole() -> None:
    entry = only(
        article(
            42,
            title="Ferns take up <sup>14</sup>CO<sub>2</sub> where <i>p</i>&lt;0.05.",
            inside=A_DATE
            + "<Journal><Title>Journal of ferns</Title><ISOAbbreviation>J Ferns</ISOAbbreviation>"
            "</Journal><ELocationID EIdType='doi' ValidYN='Y'>10.1000/ABC</ELocationID>"
            "<Abstract><AbstractText Label='BACKGROUND'>They <b>grow</b>.</AbstractText>"
            "<AbstractText Label='UNLABELLED'>A lot.</AbstractText>"
            "<CopyrightInformation>(c) Us</CopyrightInformation></Abstract>"
            "<AuthorList><Author><LastName>Lovelace</LastName><ForeName>Ada M</ForeName>"
            "<Initials>AM</Initials><AffiliationInfo><Affiliation>U</Affiliation></AffiliationInfo>"
            "</Author><Author><LastName>Chen</LastName><Initials>B</Initials><Suffix>Jr</Suffix>"
            "</Author><Author ValidYN='N'><LastName>Chem</LastName></Author>"
            "<Author><CollectiveName>Group for Ferns and Mosses</CollectiveName></Author>"
            "</AuthorList><PublicationTypeList><PublicationType>Journal Article</PublicationType>"
            "<PublicationType>Review</PublicationType></PublicationTypeList>",
            beside="<MeshHeadingList><MeshHeading><DescriptorName>Ferns</DescriptorName>"
            "<QualifierName>growth</QualifierName></MeshHeading></MeshHeadingList>"
            "<KeywordList><Keyword>Azolla</Keyword><Keyword>ferns</Keyword></KeywordList>",
            data="<ArticleIdList><ArticleId IdType='pubmed'>42</ArticleId>"
            "<ArticleId IdType='pmc'>PMC7</ArticleId>"
            "<ArticleId IdType='doi'>10.1000/abc</ArticleId>"
            "</ArticleIdList><ReferenceList><Reference><ArticleIdList>"
            "<ArticleId IdType='doi'>10.1000/cited</ArticleId></ArticleIdList></Reference>"
            "</ReferenceList>",
        )
    )
    assert entry.title == "Ferns take up 14CO2 where p<0.05"
    assert entry.abstract == "BACKGROUND: They grow. A lot."
    assert entry.authors == ("Ada M Lovelace", "B Chen Jr", "Group for Ferns and Mosses")
    assert entry.journal == "J Ferns"
    assert entry.categories == ("Azolla", "ferns", "Review")
    assert [str(alias) for alias in entry.aliases] == ["doi:10.1000/abc", "pmid:42", "pmcid:PMC7"]
    assert entry.published_at == datetime(2026, 11, 9, tzinfo=UTC)
    assert (entry.version, entry.announce, entry.withdrawn) == (None, "new", False)
    assert entry.urls == {
        "doi": "https://doi.org/10.1000/abc",
        "pubmed": "https://pubmed.ncbi.nlm.nih.gov/42/",
        "pmc": "https://pmc.ncbi.nlm.nih.gov/articles/PMC7/",
    }


def pub_date(inside: str) -> str:
    return f"<Journal><JournalIssue><PubDate>{inside}</PubDate></JournalIssue></Journal>"


ENTREZ = (
    "<History><PubMedPubDate PubStatus='received'><Year>2020</Year><Month>1</Month><Day>1</Day>"
    "</PubMedPubDate><PubMedPubDate PubStatus='entrez'><Year>2026</Year><Month>11</Month>"
    "<Day>8</Day></PubMedPubDate></History>"
)


@pytest.mark.parametrize(
    ("inside", "data", "day"),
    [
        (pub_date("<Year>2026</Year><Month>06</Month>") + A_DATE, ENTREZ, (2026, 11, 9)),
        (pub_date("<Year>2026</Year><Month>Jun</Month><Day>12</Day>"), ENTREZ, (2026, 6, 12)),
        (pub_date("<Year>2026</Year><Month>06</Month><Day>12</Day>"), "", (2026, 6, 12)),
        (pub_date("<Year>2026</Year><Month>September</Month>"), "", (2026, 9, 1)),
        (pub_date("<Year>2026</Year><Season>Spring</Season>"), "", (2026, 3, 1)),
        (pub_date("<MedlineDate>2026 Nov-Dec</MedlineDate>"), "", (2026, 11, 1)),
        (pub_date("<MedlineDate>2026 Jan 15-Feb 2</MedlineDate>"), "", (2026, 1, 15)),
        (pub_date("<MedlineDate>2025 Dec-2026 Jan</MedlineDate>"), "", (2025, 12, 1)),
        (pub_date("<MedlineDate>Fall 2025</MedlineDate>"), "", (2025, 9, 1)),
        (pub_date("<MedlineDate>2025-2026</MedlineDate>"), ENTREZ, (2026, 11, 8)),
        (pub_date("<Year>2026</Year>"), ENTREZ, (2026, 11, 8)),
        (pub_date("<Year>2026</Year>"), "", (2026, 1, 1)),
        (pub_date("<Year>2026</Year><Month>Feb</Month><Day>30</Day>"), "", (2026, 2, 1)),
        ("", ENTREZ, (2026, 11, 8)),
        ("", "", None),
    ],
)
def test_the_best_date_is_taken(inside: str, data: str, day: tuple[int, int, int] | None) -> None:
    entry = only(article(inside=inside, data=data))
    assert entry.published_at == (datetime(*day, tzinfo=UTC) if day else None)


@pytest.mark.parametrize(
    "written", ["<Year>2099</Year><Month>1</Month>", "<MedlineDate>soon</MedlineDate>"]
)
def test_an_absurd_date_leaves_the_article_and_names_the_problem(written: str) -> None:
    batch = read(articles(article(inside=pub_date(written))))
    assert batch.entries[0].published_at is None
    assert "not believable" in batch.problems[0].reason


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Ferns.", "Ferns"),
        ("Ferns...", "Ferns..."),
        ("Do ferns grow?", "Do ferns grow?"),
        ("<b>[Ferns].</b>", "[Ferns]"),
        ("Ferns and <i>mosses <b>of</b> <sub>the</sub></i> wood.", "Ferns and mosses of the wood"),
        (
            "On <mml:math><mml:mi>x</mml:mi><mml:mo>&lt;</mml:mo><mml:mn>2</mml:mn></mml:math>.",
            "On x<2",
        ),
        ("&#x394; &amp; &eacute;t&eacute;", "Δ & été"),
    ],
)
def test_a_title_is_plain_text_without_its_full_stop(title: str, shown: str) -> None:
    assert only(article(title=title)).title == shown


def test_a_title_in_its_own_language_serves_where_there_is_no_other() -> None:
    own = "<VernacularTitle>Farne.</VernacularTitle>"
    assert only(article(title="[Not Available].", inside=own)).title == "Farne"


def test_a_retracted_paper_is_withdrawn() -> None:
    kind = "<PublicationTypeList><PublicationType>{}</PublicationType></PublicationTypeList>"
    assert only(article(inside=kind.format("Retracted Publication"))).withdrawn
    assert not only(article(inside=kind.format("Retraction of Publication"))).withdrawn


def test_an_id_that_pubmed_calls_wrong_is_no_name() -> None:
    wrong = "<ELocationID EIdType='doi' ValidYN='N'>10.1000/wrong</ELocationID>"
    assert [str(alias) for alias in only(article(7, inside=wrong)).aliases] == ["pmid:7"]


def test_a_chapter_of_a_book_is_read() -> None:
    body = (
        "<PubmedBookArticle><BookDocument><PMID>9</PMID><ArticleIdList>"
        "<ArticleId IdType='bookaccession'>NBK1</ArticleId></ArticleIdList>"
        "<Book><BookTitle>Ferns of the World</BookTitle></Book><ArticleTitle>Azolla</ArticleTitle>"
        "<AuthorList Type='authors'><Author><LastName>Chen</LastName><ForeName>Bo</ForeName>"
        "</Author></AuthorList><Abstract><AbstractText>They grow.</AbstractText></Abstract>"
        "<ContributionDate><Year>2026</Year><Month>10</Month></ContributionDate>"
        "</BookDocument></PubmedBookArticle>"
    )
    entry = only(body)
    assert (entry.title, entry.journal, entry.abstract) == (
        "Azolla",
        "Ferns of the World",
        "They grow.",
    )
    assert [str(alias) for alias in entry.aliases] == ["pmid:9"]
    assert entry.published_at == datetime(2026, 10, 1, tzinfo=UTC)
    assert entry.authors == ("Bo Chen",)


# Documents that are broken


def test_a_broken_article_costs_itself_only() -> None:
    batch = read(
        articles(
            article(1),
            article(2, title=""),
            article(0),
            "<PubmedArticle><MedlineCitation><PMID>4</PMID></MedlineCitation></PubmedArticle>",
            "<PubmedArticle/>",
            article(6),
        )
    )
    assert [entry.title for entry in batch.entries] == ["Title 1", "Title 6"]
    assert [(problem.entry, problem.reason) for problem in batch.problems] == [
        ("2", "no title"),
        ("#3", "no PubMed number and no DOI"),
        ("4", "no article in it"),
        ("#5", "no article in it"),
    ]


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9, 0.99])
def test_a_document_that_is_cut_off_keeps_its_whole_articles_and_says_so(share: float) -> None:
    body = articles(*(article(n) for n in range(1, 31)))
    cut = body[: int(len(body) * share)]
    batch = read(cut)
    assert len(batch.entries) == cut.count(b"</PubmedArticle>") > 0
    assert [problem.entry for problem in batch.problems] == ["-"]
    assert "broken" in batch.problems[0].reason


def test_a_set_without_articles_is_no_problem() -> None:
    assert read(articles()) == Batch()


@given(st.binary(max_size=200))
def test_any_bytes_give_a_batch_or_a_clear_error(body: bytes) -> None:
    for start in (b"", b"<PubmedArticleSet>", b'{"esearchresult":'):
        result = outcome(start + body)
        assert isinstance(result, Batch) or "\n" not in str(result)


@given(st.integers(0, 700), st.binary(min_size=1, max_size=8))
def test_a_damaged_document_gives_whole_articles_or_a_clear_error(
    place: int, damage: bytes
) -> None:
    body = articles(article(1, inside=A_DATE), article(2))
    result = outcome(body[:place] + damage + body[place + len(damage) :])
    if isinstance(result, Batch):
        assert all(entry.title and entry.aliases for entry in result.entries)
        assert not [problem for problem in result.problems if "bug" in problem.reason]
    else:
        assert "\n" not in str(result)


# Harm


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_of_its_own_are_refused_in_every_encoding(encoding: str) -> None:
    head = '<!DOCTYPE PubmedArticleSet [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    body = articles(article(title="&b;"), head=head).decode().encode(encoding)
    with pytest.raises(SourceError, match=r"entities of its own|no feed"):
        read(body)


def test_an_external_entity_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.dtd"
    secret.write_text('<!ENTITY x "the secret">')
    head = f'<!DOCTYPE PubmedArticleSet SYSTEM "{secret.as_uri()}">'
    assert only(article(title="T &x;")).title == "T"
    batch = read(articles(article(title="T &x;"), head=head))
    assert [entry.title for entry in batch.entries] == ["T"]


@pytest.mark.parametrize("part", ["<i>", "<PubmedArticle>", "&lt;i ", "&amp;"])
def test_hostile_documents_are_read_in_time(part: str) -> None:
    begun = time.monotonic()
    outcome(articles(article(1, title=part * 50_000)))
    outcome(articles(article(1), part * 50_000))
    assert time.monotonic() - begun < 10


# Feeds


def test_a_feed_of_a_search_is_read() -> None:
    body = (
        b'<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>s</title>'
        b"<item><title>Ferns</title><link>https://pubmed.ncbi.nlm.nih.gov/42/?utm_source=x</link>"
        b"<guid isPermaLink='false'>pubmed:42</guid><dc:identifier>doi:10.1000/abc</dc:identifier>"
        b"<dc:source>Journal of ferns</dc:source></item></channel></rss>"
    )
    entry = read(body).entries[0]
    assert [str(alias) for alias in entry.aliases] == ["doi:10.1000/abc", "pmid:42"]
    assert entry.journal == "Journal of ferns"
