"""arXiv's feeds of announcements, new and old, and the answers of its query API."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import SourceError
from notifier.papers.paper import Batch, Entry
from notifier.sources import arxiv_paper
from notifier.sources.arxiv import ANNOUNCEMENTS, ArxivSource, announcements
from notifier.sources.arxiv_paper import EASTERN
from notifier.sources.source import Request
from tests.builders import NOON, atom

ARXIV = ArxivSource("arxiv", ("cs.LG",))


def read(body: str | bytes) -> Batch:
    return ARXIV.read(body if isinstance(body, bytes) else body.encode(), now=NOON)


def only(body: str | bytes) -> Entry:
    batch = read(body)
    assert not batch.problems
    assert len(batch.entries) == 1
    return batch.entries[0]


def an_atom_paper(**values: object) -> bytes:
    return atom([{"id": "2611.00001", "title": "On ferns"} | values])


def rss2(*items: str) -> str:
    return (
        '<rss xmlns:arxiv="http://arxiv.org/schemas/atom" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0"><channel>'
        "<title>cs.LG updates on arXiv.org</title><link>http://rss.arxiv.org/rss/cs.LG</link>"
        "<skipDays><day>Saturday</day><day>Sunday</day></skipDays>"
        f"{''.join(items)}</channel></rss>"
    )


def rss2_item(
    name: str = "2611.00001v2", kind: str = "replace-cross", abstract: str = "They grow."
) -> str:
    return (
        f"<item><title>On ferns</title><link>https://arxiv.org/abs/{name.split('v')[0]}</link>"
        f"<description>arXiv:{name} Announce Type: {kind} \nAbstract: {escape(abstract)}"
        f'</description><guid isPermaLink="false">oai:arXiv.org:{name}</guid>'
        "<category>cs.LG</category><category>stat.ML</category>"
        "<pubDate>Fri, 20 Nov 2026 00:00:00 -0500</pubDate>"
        f"<arxiv:announce_type>{kind}</arxiv:announce_type>"
        "<arxiv:DOI>10.1000/Ferns.1</arxiv:DOI>"
        "<arxiv:journal_reference>J. Ferns 12 (2026)</arxiv:journal_reference>"
        "<dc:creator>Ada Lovelace, Bo Chen (MIT, Cambridge),  Deepti</dc:creator></item>"
    )


def rss1(title: str, name: str = "1805.08875") -> str:
    return (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        '<channel rdf:about="http://arxiv.org/"><title>hep-ex updates on arXiv.org</title>'
        "</channel>"
        f'<item rdf:about="http://arxiv.org/abs/{name}"><title>{title}</title>'
        f"<link>http://arxiv.org/abs/{name}</link>"
        '<description rdf:parseType="Literal">&lt;p&gt;Where 2.6&amp;lt;x&amp;lt;4,\n'
        "ferns grow.&lt;/p&gt;</description>"
        '<dc:creator> &lt;a href="http://arxiv.org/a/1"&gt;Ada Lovelace&lt;/a&gt;, '
        '&lt;a href="http://arxiv.org/a/2"&gt;Bo Chen&lt;/a&gt;</dc:creator></item></rdf:RDF>'
    )


def api(*entries: str) -> str:
    return (
        '<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
        'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">'
        "<id>https://arxiv.org/api/x</id><title>arXiv Query: search_query=all:ferns</title>"
        f"<opensearch:totalResults>{len(entries)}</opensearch:totalResults>"
        f"{''.join(entries)}</feed>"
    )


def api_entry(name: str = "http://arxiv.org/abs/2611.00001v3", more: str = "") -> str:
    return (
        f"<entry><id>{name}</id><title>On ferns,\n  a survey</title>"
        "<updated>2026-11-19T10:00:00Z</updated><published>2026-11-01T10:00:00Z</published>"
        '<category term="stat.ML"/><category term="cs.LG"/><arxiv:primary_category term="cs.LG"/>'
        "<summary>  They grow\nwhere x &lt; 3.\n</summary>"
        "<author><name>Ada Lovelace</name><arxiv:affiliation>London</arxiv:affiliation></author>"
        f"<author><name>Bo Chen</name></author>{more}</entry>"
    )


def api_error(said: str = "incorrect id format for 1234.12345") -> str:
    return (
        "<entry><id>http://arxiv.org/api/errors#incorrect_id_format</id><title>Error</title>"
        f"<summary>{said}</summary><author><name>arXiv api core</name></author></entry>"
    )


# What is asked for


def test_few_categories_go_into_one_request() -> None:
    source = ArxivSource("arxiv", ("cs.LG", "cs.CL", "cs.CV", "cs.AI", "stat.ML"))
    assert [r.url for r in source.requests(now=NOON)] == [
        "https://rss.arxiv.org/atom/cs.LG+cs.CL+cs.CV+cs.AI",
        "https://rss.arxiv.org/atom/stat.ML",
    ]


def test_given_addresses_are_asked_as_they_stand() -> None:
    source = ArxivSource("arxiv", ("cs.LG",), ("https://a.example/1", "https://a.example/2"))
    assert [r.url for r in source.requests(now=NOON)] == [
        "https://a.example/1",
        "https://a.example/2",
    ]


def leaves(request: Request) -> list[Request]:
    return [leaf for half in request.instead for leaf in leaves(half)] or [request]


@given(st.lists(st.sampled_from("abcdefghijk"), unique=True, min_size=1))
def test_a_refused_feed_is_asked_in_halves_down_to_single_categories(names: list[str]) -> None:
    source = ArxivSource("arxiv", tuple(names), feeds_url="http://127.0.0.1:1/")
    asked = source.requests(now=NOON)
    assert [part for request in asked for part in request.parts] == names
    waiting = list(asked)
    for request in waiting:
        assert request.url == "http://127.0.0.1:1/" + "+".join(request.parts)
        assert (request.when, request.since, len(request.instead) in (0, 2)) == (
            *("refused", None, True),
        )
        halves = [part for half in request.instead for part in half.parts]
        assert halves in ([], list(request.parts))
        waiting += request.instead
    assert [leaf.parts for request in asked for leaf in leaves(request)] == [(n,) for n in names]


def test_a_category_that_is_configured_twice_is_asked_once() -> None:
    source = ArxivSource("arxiv", ("cs.LG", "cs.LG"))
    assert [request.parts for request in source.requests(now=NOON)] == [("cs.LG",)]


# When papers are expected


@pytest.mark.parametrize(
    ("day", "opens"),
    [
        (date(2026, 11, 25), True),
        (date(2026, 11, 26), False),  # Thanksgiving
        (date(2026, 11, 29), True),
        (date(2026, 12, 24), True),  # Thursday
        (date(2026, 12, 25), False),
        (date(2026, 12, 27), False),  # the Sunday after a holiday on a Friday
        (date(2026, 12, 28), True),
        (date(2026, 12, 29), False),
        (date(2026, 6, 21), False),
        (date(2026, 7, 5), False),
        (date(2026, 1, 18), True),  # before a holiday on a Monday
        (date(2027, 1, 3), False),  # after New Year's Day, a Friday: of the usual holidays
        (date(2027, 1, 4), True),
    ],
)
def test_the_calendar_knows_the_holidays_of_2026(day: date, opens: bool) -> None:
    late = datetime(day.year, day.month, day.day, 23, 59, tzinfo=EASTERN) + timedelta(hours=5)
    batch = ANNOUNCEMENTS.last(late)
    assert batch
    assert (batch.opens.astimezone(EASTERN).date() == day) is opens


def test_another_list_of_holidays_takes_the_place_of_ours() -> None:
    calendar = announcements([date(2027, 1, 1)])
    assert calendar.holidays == {date(2027, 1, 1), date(2027, 1, 3)}
    assert ArxivSource("arxiv", rhythm=calendar).rhythm == calendar


# The three kinds of feed


def test_an_atom_entry_is_read_whole() -> None:
    entry = only(
        an_atom_paper(
            version=2,
            type="cross",
            abstract="They grow.",
            authors=("Ada Lovelace", "Bo Chen"),
            categories=("cs.CL", "cs.LG"),
        )
    )
    assert [str(alias) for alias in entry.aliases] == ["arxiv:2611.00001"]
    assert entry.version == 2
    assert (entry.title, entry.abstract) == ("On ferns", "They grow.")
    assert entry.authors == ("Ada Lovelace", "Bo Chen")
    assert entry.categories == ("cs.CL", "cs.LG")
    assert entry.announce == "cross"
    assert entry.published_at == datetime(2026, 11, 20, 5, tzinfo=UTC)
    assert entry.urls["abs"] == "https://arxiv.org/abs/2611.00001v2"


def test_an_rss_2_item_is_read_whole() -> None:
    entry = only(rss2(rss2_item()))
    assert [str(alias) for alias in entry.aliases] == ["arxiv:2611.00001", "doi:10.1000/ferns.1"]
    assert entry.version == 2
    assert (entry.title, entry.abstract) == ("On ferns", "They grow.")
    assert entry.authors == ("Ada Lovelace", "Bo Chen (MIT, Cambridge)", "Deepti")
    assert entry.categories == ("cs.LG", "stat.ML")
    assert entry.journal == "J. Ferns 12 (2026)"
    assert entry.announce == "replace-cross"
    assert entry.published_at == datetime(2026, 11, 20, 5, tzinfo=UTC)


def test_an_rss_1_item_is_read_whole() -> None:
    entry = only(rss1("On ferns. (arXiv:1805.08875v1 [hep-ex])"))
    assert [str(alias) for alias in entry.aliases] == ["arxiv:1805.08875"]
    assert entry.version == 1
    assert entry.title == "On ferns"
    assert entry.abstract == "Where 2.6<x<4, ferns grow."
    assert entry.authors == ("Ada Lovelace", "Bo Chen")
    assert entry.categories == ("hep-ex",)


@pytest.mark.parametrize("kind", ["new", "cross", "replace", "replace-cross"])
def test_the_announce_type_is_kept_in_both_feeds(kind: str) -> None:
    assert only(an_atom_paper(type=kind)).announce == kind
    assert only(rss2(rss2_item(kind=kind))).announce == kind


@pytest.mark.parametrize(
    ("mark", "kind"), [("", "new"), (" UPDATED", "replace"), (" CROSS LISTED", "cross")]
)
def test_the_old_feeds_announce_in_the_title(mark: str, kind: str) -> None:
    entry = only(rss1(f"On ferns. (arXiv:1805.08875v4 [hep-ex]{mark})"))
    assert (entry.title, entry.announce, entry.version) == ("On ferns", kind, 4)


def test_the_announce_type_in_the_text_serves_where_the_element_is_missing() -> None:
    body = rss2(rss2_item(kind="cross")).replace("arxiv:announce_type>", "arxiv:other>")
    assert only(body).announce == "cross"


def test_an_unknown_announce_type_is_new() -> None:
    assert only(an_atom_paper(type="absonly")).announce == "new"


def test_a_title_that_names_another_paper_stays_whole() -> None:
    entry = only(an_atom_paper(title="Comment on ferns (arXiv:2311.12345)", version=1))
    assert entry.title == "Comment on ferns (arXiv:2311.12345)"
    assert entry.version == 1


@pytest.mark.parametrize(
    "head",
    [
        "arXiv:2611.00001v1 Announce Type: new \nAbstract: ",
        "arXiv:2611.00001v1 Announce Type: replace-cross\nAbstract: ",
        "arXiv:2611.00001v1 Announce Type: new Abstract: ",
        "<p>arXiv:hep-th/9901001v1 Announce Type: new\n\nAbstract: ",
        "",
    ],
)
def test_the_head_of_the_summary_is_no_part_of_the_abstract(head: str) -> None:
    body = rss2(rss2_item(abstract="@")).replace("@", "They grow. Abstract: not here.")
    start, end = body.index("<description>") + len("<description>"), body.index("They grow")
    body = body[:start] + escape(head) + body[end:]
    assert only(body).abstract == "They grow. Abstract: not here."


@pytest.mark.parametrize(
    "abstract",
    [
        "Where p<0.05 and a < b and c > d.",
        "If a<b then c>d; 1<i and j>2.",
        "The <think> token, <s> and </s>.",
        "R&D at 5% of the cost; 50\\% of it.",
        "Grüße aus Łódź – 模型",
    ],
)
def test_an_abstract_loses_nothing_in_either_feed(abstract: str) -> None:
    shown = abstract.replace("\\%", "%")
    assert only(an_atom_paper(abstract=abstract)).abstract == shown
    assert only(rss2(rss2_item(abstract=abstract))).abstract == shown


def test_tex_is_shown_as_text_and_its_source_is_kept() -> None:
    entry = only(an_atom_paper(title=r"On $\alpha$ ferns", abstract=r"Where $x^2$."))
    assert entry.title == "On α ferns"
    assert entry.source_title == r"On $\alpha$ ferns"
    assert entry.source_abstract == "Where $x^2$."


def test_one_string_of_authors_is_split_outside_parentheses() -> None:
    names = ("Ada Lovelace (London, Physics and Maths)", "Bo Chen", "LIGO Collaboration")
    assert only(an_atom_paper(authors=names)).authors == names


@pytest.mark.parametrize(
    ("written", "alias", "version"),
    [
        ("oai:arXiv.org:2611.00001v1", "arxiv:2611.00001", 1),
        ("oai:arXiv.org:2611.00001", "arxiv:2611.00001", None),
        ("oai:arXiv.org:hep-th/9901001v12", "arxiv:hep-th/9901001", 12),
        ("http://arxiv.org/abs/math.CA/0611800v2", "arxiv:math/0611800", 2),
        ("http://arxiv.org/abs/0704.0001", "arxiv:0704.0001", None),
    ],
)
def test_the_version_is_kept_apart_from_the_id(
    written: str, alias: str, version: int | None
) -> None:
    entry = only(api(api_entry(written)))
    assert str(entry.aliases[0]) == alias
    assert entry.version == version


def test_the_link_serves_where_the_id_is_no_arxiv_id() -> None:
    body = rss2(rss2_item()).replace("oai:arXiv.org:2611.00001v2", "tag:x")
    assert str(only(body).aliases[0]) == "arxiv:2611.00001"


@pytest.mark.parametrize("text", ["This paper has been withdrawn by the author.", "Withdrawn."])
def test_a_feed_tells_that_a_paper_was_taken_back(text: str) -> None:
    assert only(an_atom_paper(abstract=text)).withdrawn
    assert only(rss2(rss2_item(abstract=text))).withdrawn
    assert not only(an_atom_paper(abstract=f"Ferns. {text}")).withdrawn


@pytest.mark.parametrize("kind", ["new", "cross", "replace", "replace-cross"])
def test_a_feed_announces_what_it_says_whatever_was_asked(kind: str) -> None:
    asked = Request("x", since=NOON)
    (entry,) = ARXIV.read(an_atom_paper(type=kind), now=NOON, asked=asked).entries
    assert entry.announce == kind


# Days without papers, and errors in the form of a feed


def test_a_week_end_without_entries_is_no_problem() -> None:
    assert read(atom([])) == Batch()
    assert read(rss2()) == Batch()
    assert read(api()) == Batch()


def test_a_feed_error_is_told_in_arxivs_words() -> None:
    title = "Feed error for query: cs.XX"
    body = atom([]).replace(b"cs updates on arXiv.org", title.encode())
    with pytest.raises(SourceError, match=title):
        read(body)


def test_a_feed_error_is_a_refusal() -> None:
    body = atom([]).replace(b"cs updates on arXiv.org", b"Feed error for query: cs.XX")
    with pytest.raises(SourceError) as caught:
        read(body)
    assert caught.value.refused


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ('{"entries": []}', "no list of papers"),
        ("<!DOCTYPE html><html><title>Login</title></html>", "HTML"),
        ("<html><body>Rate exceeded.</body></html>", "HTML"),
        ("Rate exceeded.", "no feed"),
    ],
)
def test_what_is_no_answer_of_arxiv_is_named(body: str, said: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(body)
    assert said in str(caught.value)
    assert " - " in str(caught.value)
    assert not caught.value.refused


def test_an_error_of_the_api_is_told_in_arxivs_words() -> None:
    with pytest.raises(SourceError) as caught:
        read(api(api_error()))
    assert "incorrect id format for 1234.12345" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_error_among_papers_costs_no_paper() -> None:
    batch = read(api(api_entry(), api_error()))
    assert len(batch.entries) == 1
    assert "incorrect id format" in batch.problems[0].reason


def test_an_entry_of_elsewhere_is_rejected_alone() -> None:
    stray = "<entry><id>http://j.example/1</id><title>Stray</title></entry>"
    batch = read(api(stray, api_entry()))
    assert len(batch.entries) == 1
    assert [(p.entry, p.reason) for p in batch.problems] == [("http://j.example/1", "no arXiv id")]


def test_a_paper_without_title_costs_no_sibling() -> None:
    body = atom([{"id": "2611.00001", "title": " "}, {"id": "2611.00002", "title": "On ferns"}])
    batch = read(body)
    assert [str(entry.aliases[0]) for entry in batch.entries] == ["arxiv:2611.00002"]
    assert [problem.reason for problem in batch.problems] == ["no title"]


# The query API


def test_an_answer_of_the_api_is_read_whole() -> None:
    more = (
        "<arxiv:comment>12 pages,\n3 figures</arxiv:comment>"
        "<arxiv:journal_ref>J. Ferns 12</arxiv:journal_ref><arxiv:doi>10.1000/f.1</arxiv:doi>"
        '<link href="http://dx.doi.org/10.1000/f.1" rel="related" title="doi"/>'
    )
    entry = only(api(api_entry(more=more)))
    assert [str(alias) for alias in entry.aliases] == ["arxiv:2611.00001", "doi:10.1000/f.1"]
    assert entry.version == 3
    assert entry.title == "On ferns, a survey"
    assert entry.abstract == "They grow where x < 3."
    assert entry.authors == ("Ada Lovelace", "Bo Chen")
    assert entry.categories == ("cs.LG", "stat.ML")
    assert entry.comment == "12 pages, 3 figures"
    assert entry.journal == "J. Ferns 12"
    assert entry.published_at == datetime(2026, 11, 1, 10, tzinfo=UTC)


def test_two_dois_of_one_paper_are_both_kept() -> None:
    entry = only(api(api_entry(more="<arxiv:doi>10.1000/f.1 10.1000/f.2</arxiv:doi>")))
    assert [str(alias) for alias in entry.aliases][1:] == ["doi:10.1000/f.1", "doi:10.1000/f.2"]


def test_an_old_title_with_a_long_run_of_spaces_is_read_in_time() -> None:
    assert only(an_atom_paper(title="On" + " " * 100_000 + "ferns")).title == "On ferns"


@pytest.mark.parametrize(
    ("typed", "category"),
    [("cs.lg", "cs.LG"), ("CS.AI", "cs.AI"), ("cond-mat.STR-EL", "cond-mat.str-el"),
     ("Physics.Optics", "physics.optics"), ("hep-th", "hep-th"), ("astro-ph.ga", "astro-ph.GA")],
)  # fmt: skip
def test_a_category_is_asked_for_as_arxiv_writes_it(typed: str, category: str) -> None:
    (request,) = ArxivSource("arxiv", (typed,)).requests(now=NOON)
    assert request.parts == (category,)


@pytest.mark.parametrize(
    ("version", "age_days", "announce"),
    [(1, 0, "new"), (1, 8, "new"), (2, 3, "new"), (2, 8, "replace"), (1, 40, "update"),
     (4, 900, "replace"), (None, 0, "new")],
)  # fmt: skip
def test_what_a_configured_query_finds_is_announced_by_its_age(
    version: int | None, age_days: int, announce: str
) -> None:
    first = NOON - timedelta(days=age_days)
    assert arxiv_paper.found(version, first=first, now=NOON) == announce
    assert arxiv_paper.found(version, first=None, now=NOON) == "new"
