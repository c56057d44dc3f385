"""Any RSS, Atom or RDF feed: what it holds is read, and what is broken costs itself only."""

from __future__ import annotations

import codecs
import re
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifier.errors import SourceError
from notifier.papers.paper import Batch, Entry
from notifier.sources.feed import FeedSource
from tests.builders import NOON

JOURNAL = FeedSource("journal", ("https://journal.example/feed",))


def read(body: bytes) -> Batch:
    return JOURNAL.read(body, now=NOON)


def outcome(body: bytes) -> Batch | SourceError:
    try:
        return read(body)
    except SourceError as error:
        return error


def only(body: bytes) -> Entry:
    batch = read(body)
    assert len(batch.entries) == 1
    return batch.entries[0]


def rss(*items: str, head: str = '<?xml version="1.0" encoding="utf-8"?>') -> str:
    channel = f"<channel><title>J</title>{''.join(items)}</channel>"
    return f'{head}<rss version="2.0" {SPACES}>{channel}</rss>'


def item(number: int = 1, title: str = "A title", description: str = "", more: str = "") -> str:
    return (
        f"<item><title>{title}</title><link>https://journal.example/{number}</link>"
        f"<description>{description}</description>{more}</item>"
    )


def atom(*entries: str) -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>J</title>{"".join(entries)}</feed>'


SPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
)


def titles(batch: Batch) -> list[str]:
    return [entry.title for entry in batch.entries]


# What an entry holds


def test_an_item_of_a_journal_is_read_whole() -> None:
    more = (
        "<dc:creator>Ada Lovelace</dc:creator><dc:creator>Bo Chen</dc:creator>"
        "<category>Genetics</category><category>Genetics</category><category>Botany</category>"
        "<prism:doi>10.1000/ABC.1</prism:doi><prism:publicationName>J. Bot.</prism:publicationName>"
        "<pubDate>Fri, 20 Nov 2026 08:00:00 +0100</pubDate>"
    )
    entry = only(rss(item(1, "Ferns", "&lt;p&gt;Ferns grow.&lt;/p&gt;", more)).encode())
    assert entry.title == "Ferns"
    assert entry.abstract == "Ferns grow."
    assert entry.authors == ("Ada Lovelace", "Bo Chen")
    assert entry.categories == ("Genetics", "Botany")
    assert entry.journal == "J. Bot."
    assert [str(alias) for alias in entry.aliases] == ["doi:10.1000/abc.1"]
    assert entry.published_at == datetime(2026, 11, 20, 7, tzinfo=UTC)
    assert entry.urls["page"] == "https://journal.example/1"
    assert entry.urls["doi"] == "https://doi.org/10.1000/abc.1"


def test_an_atom_entry_is_read() -> None:
    body = atom(
        "<entry><id>tag:j,1</id><title>Ferns</title><summary>They grow.</summary>"
        '<link href="https://journal.example/1"/><author><name>Ada Lovelace</name></author>'
        "<updated>2026-11-20T08:00:00Z</updated></entry>"
    )
    entry = only(body.encode())
    assert (entry.title, entry.abstract, entry.authors) == (
        "Ferns",
        "They grow.",
        ("Ada Lovelace",),
    )
    assert [alias.scheme for alias in entry.aliases] == ["guid", "url"]
    assert entry.published_at == datetime(2026, 11, 20, 8, tzinfo=UTC)


def test_an_rdf_item_of_a_preprint_server_is_known_by_its_doi_and_version() -> None:
    address = "https://www.biorxiv.org/content/10.64898/2026.05.19.726321v2?rss=1"
    body = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        f'xmlns="http://purl.org/rss/1.0/" {SPACES}>'
        '<channel rdf:about="x"><title>b</title></channel>'
        f'<item rdf:about="{address}"><title>Ferns</title><link>{address}</link>'
        "<description>They grow.</description><dc:date>2026-11-19</dc:date>"
        "<dc:creator>Lovelace, A., Chen, B.</dc:creator>"
        "<dc:identifier>doi:10.64898/2026.05.19.726321</dc:identifier></item></rdf:RDF>"
    )
    entry = only(body.encode())
    assert [str(alias) for alias in entry.aliases] == ["doi:10.64898/2026.05.19.726321"]
    assert entry.version == 2
    assert entry.published_at == datetime(2026, 11, 19, tzinfo=UTC)


def test_the_full_text_serves_where_there_is_no_summary() -> None:
    more = "<content:encoded><![CDATA[<p>They grow.</p>]]></content:encoded>"
    body = rss(item(more=more)).replace("<description></description>", "")
    assert only(body.encode()).abstract == "They grow."


def test_the_best_known_name_comes_first() -> None:
    more = "<dc:identifier>doi:10.1000/x</dc:identifier><guid>https://arxiv.org/abs/2611.00001v3</guid>"
    entry = only(rss(item(more=more)).encode())
    assert [str(alias) for alias in entry.aliases] == ["arxiv:2611.00001", "doi:10.1000/x"]


@pytest.mark.parametrize(
    "address",
    [
        "https://journals.plos.org/plosone/article?id=10.1000/pone.1&amp;rev=2",
        "https://j.example/doi/full/10.1000/pone.1?af=R",
        "https://j.example/doi/10.1000/pone.1/full",
        "https://j.example/content/10.1000/pone.1#top",
        "https://j.example/articles/10.1000/pone.1/abstract",
        "https://j.example/doi/pdf/10.1000/pone.1/",
        "https://j.example/article?doi=10.1000%2FPONE.1",
    ],
)
def test_a_doi_in_the_link_names_the_paper(address: str) -> None:
    entry = only(rss(f"<item><title>T</title><link>{address}</link></item>").encode())
    assert [str(alias) for alias in entry.aliases] == ["doi:10.1000/pone.1"]


def test_a_title_in_the_place_of_the_journal_is_no_journal() -> None:
    body = rss(item(title="Ferns", more="<dc:source>Ferns</dc:source>"))
    assert only(body.encode()).journal is None
    assert only(body.replace("source>Ferns", "source>J. Bot.").encode()).journal == "J. Bot."


def test_an_address_of_mail_or_script_is_no_link() -> None:
    body = rss("<item><title>T</title><link>javascript:alert(1)</link></item>")
    entry = only(body.encode())
    assert not entry.urls
    assert entry.aliases[0].scheme == "guid"


@pytest.mark.parametrize(
    "name",
    ["<link>https://j.example/1</link>", '<guid isPermaLink="false">one</guid>', "<link>/1</link>"],
)
def test_a_title_and_any_id_or_link_are_enough(name: str) -> None:
    entry = only(rss(f"<item><title>Ferns</title>{name}</item>").encode())
    assert entry.title == "Ferns"
    assert len(entry.aliases) == 1


def test_the_same_own_id_in_two_feeds_is_not_one_paper() -> None:
    body = rss('<item><title>Ferns</title><guid isPermaLink="false">1</guid></item>').encode()
    other = FeedSource("another").read(body, now=NOON).entries[0]
    assert only(body).aliases != other.aliases


# Signs and markup

SIGNS = ["p<0.05", "a < b and c > d", "if a<b then c>d", "1<i and j>2", "the <think> token"]


def once(text: str) -> str:
    return escape(text)


def twice(text: str) -> str:
    return escape(escape(text))


def in_cdata(text: str) -> str:
    return f"<![CDATA[{text}]]>"


def escaped_in_cdata(text: str) -> str:
    return f"<![CDATA[{escape(text)}]]>"


ways = pytest.mark.parametrize("written", [once, twice, in_cdata, escaped_in_cdata])


@ways
@pytest.mark.parametrize("text", SIGNS)
def test_a_sign_in_a_description_loses_nothing(text: str, written) -> None:  # type: ignore[no-untyped-def]
    text = f"We find {text} in all groups."
    assert only(rss(item(description=written(text))).encode()).abstract == text


@ways
@pytest.mark.parametrize("text", SIGNS)
def test_a_sign_in_a_title_loses_nothing(text: str, written) -> None:  # type: ignore[no-untyped-def]
    assert only(rss(item(title=written(f"On {text} again"))).encode()).title == f"On {text} again"


@ways
def test_markup_and_signs_are_told_apart(written) -> None:  # type: ignore[no-untyped-def]
    text = '<p>In <i>E. coli</i>, p<0.05.</p><script>alert("x<y")</script><p>Next</p>'
    entry = only(rss(item(description=written(text))).encode())
    assert entry.abstract == "In E. coli, p<0.05. Next"


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("text", "p&lt;0.05 and a &lt; b"),
        ("html", "<![CDATA[<p>p&lt;0.05 and a < b</p>]]>"),
        ("html", "&lt;p&gt;p&lt;0.05 and a &amp;lt; b&lt;/p&gt;"),
        (
            "xhtml",
            '<div xmlns="http://www.w3.org/1999/xhtml"><p>p&lt;0.05 and <b>a</b> &lt; b</p></div>',
        ),
    ],
)
def test_a_sign_in_atom_loses_nothing(kind: str, written: str) -> None:
    body = atom(
        f'<entry><id>1</id><title>T</title><summary type="{kind}">{written}</summary></entry>'
    )
    assert only(body.encode()).abstract == "p<0.05 and a < b"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1252"])
def test_a_sign_survives_in_every_encoding(encoding: str) -> None:
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    body = rss(item(description="Where p&lt;0.05, café."), head=head).encode(encoding)
    assert only(body).abstract == "Where p<0.05, café."


def test_a_sign_that_nobody_escaped_costs_nothing() -> None:
    batch = read(rss(item(1, "A < B", "where p<0.05 holds"), item(2, "Next")).encode())
    assert titles(batch) == ["A < B", "Next"]
    assert batch.entries[0].abstract == "where p<0.05 holds"
    assert [problem.entry for problem in batch.problems] == ["-"]


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=80))
@example("]]>")
def test_whatever_a_title_says_the_next_entry_is_read(title: str) -> None:
    batch = read(rss(item(1, escape(title)), item(2, "Next")).encode())
    assert titles(batch)[-1] == "Next"
    assert len(batch.entries) + len(batch.problems) == 2


# What publishers write round an abstract


def described(description: str, more: str = "") -> Entry:
    return only(rss(item(description=in_cdata(description), more=more)).encode())


def test_elsevier_names_journal_and_authors_in_the_description() -> None:
    entry = described(
        "<p>Publication date: January 2027</p><p><b>Source:</b> Ferns and Mosses, Volume 166</p>"
        "<p>Author(s): Ada M. Lovelace, Bo Chen, Madonna</p>"
    )
    assert entry.authors == ("Ada M. Lovelace", "Bo Chen", "Madonna")
    assert entry.journal == "Ferns and Mosses"
    assert entry.abstract == ""
    assert entry.published_at is None  # a cover's month is no date


@pytest.mark.parametrize(
    "said", ["Publication date: 15 November 2026", "Available online 15 November 2026"]
)
def test_an_exact_day_in_the_description_dates_the_entry(said: str) -> None:
    entry = described(f"<p>{said}</p><p>Author(s): Ada Lovelace</p><p>They grow.</p>")
    assert entry.published_at == datetime(2026, 11, 15, tzinfo=UTC)
    assert entry.abstract == "They grow."


def test_pensoft_names_everything_in_the_description() -> None:
    entry = described(
        "<p>FernKeys 184: 67-82</p><p>DOI: 10.1000/ferns.184.1</p>"
        "<p>Authors: Ada Lovelace, Bo Chen</p><p>Abstract: They grow.</p>"
        '<p><a href="/1">HTML</a></p><p><a href="/2">XML</a></p><p><a href="/3">PDF</a></p>'
    )
    assert (entry.journal, entry.authors) == ("FernKeys", ("Ada Lovelace", "Bo Chen"))
    assert [str(alias) for alias in entry.aliases] == ["doi:10.1000/ferns.184.1"]
    assert entry.abstract == "They grow."


@pytest.mark.parametrize(
    "line",
    [
        "J. Bot., EarlyView.",
        "Journal of Botany, Ahead of Print.",
        "Volume 70, Issue 1, July 2026, Page 1-31<br/>.",
        "Proceedings of Ferns, Volume 118, Issue 12, March 2026.",
        "Botany, Published online: 05 November 2026; doi:10.1000/s1",
        "J Bot. 2026 Nov 5. doi: 10.1000/s1. Online ahead of print.",
        "J Bot. 2026 Nov 4;16(11):e0258454. doi: 10.1000/s1. eCollection 2026.",
        "J Bot. 2026 Nov 3;5061(2):201-248.",
        "<b>ABSTRACT</b>",
        "Abstract",
        "Summary",
        "by Ada Lovelace, Bo van der Berg",
        "\u6731\u5f18;\u5e93\u4f1f\u9e4f;",
    ],
)
def test_a_citation_or_heading_before_the_abstract_is_taken_off(line: str) -> None:
    assert described(f"<p>{line}</p><p>They <i>grow</i>.</p><p>A lot.</p>").abstract == (
        "They grow. A lot."
    )
    assert described(f"{line}<br/>They grow.").abstract == "They grow."


@pytest.mark.parametrize(
    "line",
    [
        "HTML",
        "j.example.org",
        "Continue reading on the blog",
        "The post Ferns appeared first on Plants.",
        "PMID:<a href='/1'>34739692</a> | DOI:<a href=/2>10.1000/x</a>",
    ],
)
def test_links_behind_the_abstract_are_taken_off(line: str) -> None:
    assert described(f"<div><p>They grow.</p><p>{line}</p></div>").abstract == "They grow."


@pytest.mark.parametrize(
    "text",
    [
        "Abstract algebra is about ferns.",
        "Abstract State Machines grow.",
        "Summary of a year: they grow.",
        "Source: our own garden.",
        "Available online tools are compared.",
        "Volume 3 of the flora appeared.",
        "by 2050, they will grow.",
        "PDF files are read; XML, too.",
        "Authors write ferns; ferns write back; nobody reads.",
        "In Nature, Published online: a story.",
        "The ratio was 3: 4 in all groups.",
    ],
)
def test_a_sentence_that_looks_like_one_stays(text: str) -> None:
    assert described(f"<p>{text}</p><p>They grow.</p>").abstract == f"{text} They grow."
    assert described(text).abstract == text


@pytest.mark.parametrize("text", ["N/A", "No abstract available.", ".", "&nbsp;", "A title"])
def test_what_says_nothing_is_no_abstract(text: str) -> None:
    assert described(f"<p>{text}</p>").abstract == ""


@pytest.mark.parametrize("heading", ["Abstract We", "ABSTRACT We", "Abstract: We"])
def test_a_heading_within_the_first_paragraph_is_taken_off(heading: str) -> None:
    assert described(f"{heading} grow ferns.").abstract == "We grow ferns."


@pytest.mark.parametrize(
    "content",
    [
        "<h2>Abstract</h2>\n<p>They grow.</p>",
        "<div><p>J Bot. 2026 Nov 5. doi: 10.1000/x.</p><p><b>ABSTRACT</b></p>They grow.</div>",
        "Abstract\nThey grow.",
        "<p><b>Abstract:</b> They grow.</p>",
        '<span><div class="box">Abstract</div>They grow.</span>',
    ],
)
@pytest.mark.parametrize("summary", ["J. Bot., EarlyView.", "They", ""])
def test_a_content_that_calls_itself_the_abstract_is_the_abstract(
    content: str, summary: str
) -> None:
    more = f"<content:encoded>{in_cdata(content)}</content:encoded>"
    assert described(summary, more).abstract == "They grow."


def test_a_blog_is_shown_by_its_summary_and_not_by_its_whole_text() -> None:
    more = "<content:encoded><![CDATA[<p>They grow. And so on.</p>]]></content:encoded>"
    assert described("They grow.", more).abstract == "They grow."


def test_authors_of_the_feed_are_not_replaced_by_those_of_the_description() -> None:
    entry = described("<p>by Ada L., Bo C.</p><p>They grow.</p>", "<dc:creator>Ada</dc:creator>")
    assert entry.authors == ("Ada",)
    assert entry.abstract == "They grow."


FURNITURE = [
    "<p>", "</p>", "<br/>", "DOI: 10.1/x", "by A", "Abstract", ":", "PDF", "They grow", "<b>",
    "\n", ";", " ",
]  # fmt: skip


@given(st.lists(st.sampled_from(FURNITURE), max_size=12))
def test_no_sentence_is_lost_whatever_stands_round_it(parts: list[str]) -> None:
    sentence = "We measured 17 ferns and found them green."
    entry = described("".join(parts) + f"<p>{sentence}</p>" + "".join(parts))
    assert sentence in entry.abstract


# Journal, date, withdrawal


def test_the_journal_that_the_feed_names_is_every_items_journal() -> None:
    name = "<prism:publicationName>Journal of Ferns</prism:publicationName>"
    body = rss(name, item(title="Ferns"))
    assert only(body.encode()).journal == "Journal of Ferns"
    assert only(body.replace("Journal of Ferns", "bioRxiv").encode()).journal is None


def test_the_journal_is_found_behind_a_title_in_its_place() -> None:
    more = (
        "<prism:publicationName>Ferns</prism:publicationName>"
        "<dc:source>Botany, Published online: 2026-11-05; | doi:10.1000/1</dc:source>"
    )
    assert only(rss(item(title="Ferns", more=more)).encode()).journal == "Botany"


def test_a_day_of_the_week_in_another_language_spoils_no_date() -> None:
    more = "<pubDate>Mi, 18 Nov 2026 00:00:00 +0100</pubDate>"
    entry = only(rss(item(more=more)).encode())
    assert entry.published_at == datetime(2026, 11, 17, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("title", "withdrawn"),
    [
        ("WITHDRAWN: Ferns", True),
        ("RETRACTED ARTICLE: Ferns", True),
        ("Retracted: Ferns", True),
        ("Retracted papers in botany", False),
    ],
)
def test_a_title_says_that_a_paper_was_taken_back(title: str, withdrawn: bool) -> None:
    assert only(rss(item(title=title)).encode()).withdrawn is withdrawn


def test_a_media_description_serves_where_there_is_no_other() -> None:
    space = 'xmlns:media="http://search.yahoo.com/mrss/"'
    told = f"<media:description {space}>They grow.</media:description>"
    body = rss(item(more=told)).replace("<description></description>", "")
    assert only(body.encode()).abstract == "They grow."


def test_a_plos_entry_is_read_whole() -> None:
    body = atom(
        "<entry><title>Ferns</title><author><name>Ada Lovelace</name></author>"
        "<author><name>Bo Chen</name></author><id>10.1371/journal.pone.1</id>"
        '<link href="https://journals.plos.org/plosone/article?id=10.1371/journal.pone.1"/>'
        '<content type="html">&lt;p&gt;by Ada Lovelace, Bo Chen&lt;/p&gt;\nThey grow.</content>'
        "<published>2026-11-20T08:00:00Z</published></entry>"
    )
    entry = only(body.encode())
    assert [str(alias) for alias in entry.aliases] == ["doi:10.1371/journal.pone.1"]
    assert (entry.authors, entry.abstract) == (("Ada Lovelace", "Bo Chen"), "They grow.")


def test_an_openreview_address_names_its_paper() -> None:
    link = "https://openreview.net/forum?id=aBcDeF"
    entry = only(rss(f"<item><title>T</title><link>{link}</link></item>").encode())
    assert [str(alias) for alias in entry.aliases] == [f"url:{link}"]


# Entries that are broken


def test_a_broken_entry_loses_no_sibling() -> None:
    batch = read(
        rss(
            item(1, "One"),
            "<item><link>https://journal.example/2</link></item>",
            "<item><title>Three</title></item>",
            "<item></item>",
            "<item><title><![CDATA[<img src='x'/>]]></title><link>https://j.example/5</link></item>",
            item(6, "Six"),
        ).encode()
    )
    assert titles(batch) == ["One", "Six"]
    assert [(problem.entry, problem.reason) for problem in batch.problems] == [
        ("https://journal.example/2", "no title"),
        ("Three", "no id and no link"),
        ("#4", "no title"),
        ("https://j.example/5", "no title"),
    ]


def test_a_bug_of_ours_costs_one_entry_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(raw: object) -> list[str]:
        if "Two" in str(raw):
            raise KeyError("boom")
        return []

    monkeypatch.setattr("notifier.sources.feed.author_names", broken)
    batch = read(rss(item(1, "One"), item(2, "Two"), item(3, "Three")).encode())
    assert titles(batch) == ["One", "Three"]
    assert batch.problems[0].entry == "https://journal.example/2"
    assert "KeyError" in batch.problems[0].reason


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "Fri, 01 Jan 2099 00:00:00 GMT",
        "soon",
        "99999999999999999999",
        "-1",
    ],
)
def test_an_absurd_date_leaves_the_entry_and_names_the_problem(date: str) -> None:
    batch = read(rss(item(more=f"<pubDate>{date}</pubDate>")).encode())
    assert [entry.published_at for entry in batch.entries] == [None]
    assert [problem.reason for problem in batch.problems] == [
        f'date "{date}" left out: not believable'
    ]


def test_no_date_is_no_problem() -> None:
    batch = read(rss(item()).encode())
    assert batch.entries[0].published_at is None
    assert not batch.problems


def test_a_title_in_two_lines_becomes_one_line() -> None:
    assert only(rss(item(title="Ferns\n and &#10; mosses\u2028today")).encode()).title == (
        "Ferns and mosses today"
    )


@pytest.mark.parametrize("control", ["\x00", "\x08", "\x1b", "\x7f", "&#8;", "&#0;", "&#xFFFF;"])
def test_a_control_character_costs_nothing_but_itself(control: str) -> None:
    batch = read(rss(item(1, f"Fe{control}rns", f"They {control}grow."), item(2, "Next")).encode())
    assert [re.sub("&#.*;", "", title) for title in titles(batch)] == ["Ferns", "Next"]
    assert not re.search(r"[\x00-\x1f\x7f]", batch.entries[0].title + batch.entries[0].abstract)


# Encodings


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("utf-8", "utf-8"),
        ("utf-8", "latin-1"),
        ("utf-8", "windows-1252"),
        ("windows-1252", "windows-1252"),
        ("iso-8859-1", "iso-8859-1"),
        ("iso-8859-1", "utf-8"),
        ("us-ascii", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16", "utf-16-le"),
        ("utf-16", "utf-16-be"),
        ("utf-8", "utf-8-sig"),
        ("no-such-charset", "utf-8"),
        ("utf-8", "utf-16"),
        ("utf-8", "utf-16-le"),
        ("koi8-r", "utf-16"),
        ("windows-1252", "utf-16-be"),
        ("utf-8", "utf-32"),
    ],
)
def test_a_name_survives_whatever_the_document_says_of_its_encoding(
    declared: str, written: str
) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>'
    body = rss(item(title="Müller et al."), head=head).encode(written)
    assert only(body).title == "Müller et al."


def test_a_document_that_declares_nothing_is_read() -> None:
    assert only(rss(item(title="Müller – Łukasz"), head="").encode()).title == "Müller – Łukasz"


def test_one_broken_byte_spoils_no_other_name() -> None:
    body = rss(item(1, "Müller and Łukasz"), item(2, "Bro@ken")).encode().replace(b"@", b"\xff")
    assert titles(read(body)) == ["Müller and Łukasz", "Bro\ufffdken"]


def test_a_document_cut_off_inside_a_character_keeps_its_names() -> None:
    body = rss(item(1, "Müller"), item(2, "Łukasz", "They grow and grow in Łódź")).encode()
    cut = body[: body.index("ódź".encode()) + 1]
    batch = read(cut)
    assert titles(batch) == ["Müller", "Łukasz"]
    assert batch.problems[0].entry == "-"


# Documents that are broken


@pytest.mark.parametrize("size", range(200, 420, 20))
def test_a_feed_that_is_cut_off_keeps_its_whole_entries_and_says_so(size: int) -> None:
    body = rss(item(1, "One", "First."), item(2, "Two", "Second.")).encode()
    whole = body.index(b"</item>") + len("</item>")
    result = outcome(body[:size])
    if size >= whole:
        assert isinstance(result, Batch)
        assert titles(result)[0] == "One"
    if isinstance(result, Batch):
        assert result.problems[0].entry == "-"
        assert "broken" in result.problems[0].reason
    else:
        assert one_clear_line(result)


def one_clear_line(error: SourceError) -> bool:
    return "\n" not in str(error) and 20 < len(str(error)) < 300 and " - " in str(error)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b" \r\n\t ", "empty"),
        (b"\xef\xbb\xbf\n", "empty"),
        (codecs.BOM_UTF16_LE, "empty"),
        (b"\x00" * 100, "empty"),
        (b"<!DOCTYPE html><html><title>Sign in</title><p>rss</p></html>", "HTML page"),
        (b"<html><head><link rel='alternate' type='application/rss+xml'></head>", "HTML page"),
        (b'<?xml version="1.0"?>\n<!-- x --><!doctype html PUBLIC "x">\n<html>', "HTML page"),
        (b"Service unavailable", "no feed"),
        (b'{"items": []}', "no feed"),
        (b"<PubmedArticleSet><PubmedArticle/></PubmedArticleSet>", "no feed"),
        (b"<opml version='1.0'><body/></opml>", "no feed"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "no feed"),
        (b"<rss><channel><title>Cut", "broken before its first entry"),
        (b"<a>" * 1000, "no feed"),
    ],
)
def test_what_is_no_feed_is_refused_in_one_clear_line(body: bytes, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(body)
    assert says in str(caught.value)
    assert one_clear_line(caught.value)


def test_a_feed_without_entries_is_no_problem() -> None:
    assert read(rss().encode()) == Batch()
    assert read(atom().encode()) == Batch()


def test_an_undeclared_namespace_or_entity_costs_nothing() -> None:
    batch = read(rss(item(1, "A&nbsp;title", more="<x:y>z</x:y>"), item(2)).encode())
    assert titles(batch) == ["A title", "A title"]


@given(st.binary(max_size=300))
def test_any_bytes_give_a_batch_or_a_clear_error(body: bytes) -> None:
    result = outcome(body)
    assert isinstance(result, Batch) or "\n" not in str(result)


@given(st.integers(0, 600), st.binary(min_size=1, max_size=8))
def test_a_damaged_feed_gives_whole_entries_or_a_clear_error(place: int, damage: bytes) -> None:
    body = rss(item(1, "Müller", "They grow."), item(2, "Two", more="<guid>x</guid>")).encode()
    result = outcome(body[:place] + damage + body[place + len(damage) :])
    if isinstance(result, Batch):
        assert all(entry.title and entry.aliases for entry in result.entries)
    else:
        assert "\n" not in str(result)


# Harm


def bomb() -> str:
    entities = "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise("abcdefghi")
    )
    return f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha">{entities}]>'


def test_a_billion_laughs_are_over_soon() -> None:
    begun = time.monotonic()
    batch = read(rss(item(1, "T &i;", "&i;"), item(2, "Next"), head=bomb()).encode())
    assert time.monotonic() - begun < 5
    assert all(len(entry.title + entry.abstract) < 1000 for entry in batch.entries)
    assert titles(batch)[-1] == "Next"


def test_one_great_entity_used_often_does_not_fill_the_memory() -> None:
    head = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "{"h" * 100_000}">]>'
    batch = read(rss(item(description="&a;" * 20_000), head=head).encode())
    assert sum(len(entry.abstract) for entry in batch.entries) < 1_000_000


def test_an_external_entity_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    head = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    batch = read(rss(item(1, "T &x;", "&x;"), head=head).encode())
    assert "the secret" not in str(batch)


def test_an_answer_that_is_a_path_opens_no_file(tmp_path: Path) -> None:
    feed = tmp_path / "feed.xml"
    feed.write_text(rss(item(title="the secret")))
    with pytest.raises(SourceError, match="no feed"):
        read(str(feed).encode())


def test_an_answer_that_is_an_address_fetches_nothing() -> None:
    with pytest.raises(SourceError, match="no feed"):
        read(b"https://journal.example/feed")


@pytest.mark.parametrize("part", ["<a>", "<item>", "<!--", "<![CDATA[", "&lt;p ", "&amp;"])
def test_hostile_documents_are_read_in_time(part: str) -> None:
    begun = time.monotonic()
    read(rss(item(1, "One"), item(2, "Two", part * (100_000 // len(part)))).encode())
    assert time.monotonic() - begun < 10


def test_a_hostile_id_is_read_in_time() -> None:
    begun = time.monotonic()
    more = f"<guid>{'/10.1000/a' * 20_000} x</guid>"
    assert titles(read(rss(item(1, "One", more=more), item(2, "Two")).encode())) == ["One", "Two"]
    assert time.monotonic() - begun < 3
