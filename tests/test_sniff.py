"""What an answer is: told by what it holds, and in one clear line where it is nothing for us."""

from __future__ import annotations

import contextlib
import gzip
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import SourceError
from notifier.sources.sniff import kind_of
from notifier.sources.source import KINDS, Kind
from tests.builders import atom, daily_papers
from tests.conftest import DATA, real_data

ANY = "https://a.example/x"
PREPRINTS = {"messages": [{"status": "ok", "total": 1}], "collection": [{"doi": "10.1101/1"}]}


def rss(head: str, items: str = "<item><title>On ferns</title></item>") -> bytes:
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{items}</channel></rss>'.encode()
    )


def rdf(about: str) -> bytes:
    return (
        '<rdf:RDF xmlns="http://purl.org/rss/1.0/" '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<channel rdf:about="{about}"><items/></channel><item rdf:about="{about}/1"/></rdf:RDF>'
    ).encode()


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


KNOWN: list[tuple[Kind, bytes]] = [
    ("arxiv", atom([{"id": "2611.00001", "title": "On ferns"}])),
    ("arxiv", atom([])),  # a week-end
    ("arxiv", rss("<link>http://rss.arxiv.org/rss/cs.LG</link>")),
    ("arxiv", rdf("http://arxiv.org/")),
    ("arxiv", b'<feed><id>https://arxiv.org/api/abc</id><title>arXiv Query: x</title></feed>'),
    ("arxiv", b"<OAI-PMH><request>https://oaipmh.arxiv.org/oai</request></OAI-PMH>"),
    ("arxiv", b"<record><identifier>oai:arXiv.org:0901.2443</identifier></record>"),
    ("huggingface", daily_papers([{"id": "2611.00001", "title": "On ferns"}])),
    ("huggingface", daily_papers([{"id": "2611.00001", "title": "On ferns"}])[:-1]),
    ("huggingface", as_json([None, 7, {"id": "2611.00001", "title": "A", "upvotes": 2}])),
    ("huggingface", as_json({"id": "2611.00001", "title": "A", "summary": "B"})),
    ("huggingface", b'{"paper": {"id": "2611.00001"}}\n{"paper": {"id": "2611.00002"}}\n'),
    ("biorxiv", as_json(PREPRINTS)),
    ("biorxiv", as_json(PREPRINTS)[:-9]),
    ("medrxiv", as_json(PREPRINTS | {"collection": [{"server": "medRxiv"}]})),
    ("biorxiv", rdf("https://connect.biorxiv.org")),
    ("medrxiv", rss("<link>http://connect.medrxiv.org/medrxiv_xml.php?subject=all</link>")),
    ("pubmed", b"<?xml version='1.0'?><!DOCTYPE PubmedArticleSet PUBLIC \"-//NLM\" \"https://a\">"
               b"\n<PubmedArticleSet></PubmedArticleSet>"),
    ("pubmed", b"<eSearchResult><Count>0</Count></eSearchResult>"),
    ("pubmed", as_json({"header": {"type": "esearch"}, "esearchresult": {"idlist": []}})),
    ("listing", as_json({"page": None, "papers": [{"title": "On ferns", "abstract": "They"}]})),
    ("listing", as_json([{"title": "A", "abstract": "B", "authors_count": 2, "date": "Jan 9"}])),
    ("listing", as_json([{"title": "A", "abstract": "B", "id": "2611.00001"}])),
    ("listing", "\ufeffOn ferns\r\nThey grow.\r\n• 7 authors\r\n· Jan 9\r\n".encode()),
    ("listing", "On ferns\nThey grow.\n• 7 authors\n".encode()),
    ("listing", "On ferns\nThey grow.\nqualcomm Qualcomm · Jan 9\n".encode()),
    ("listing", "On ferns\nThey grow.\n• qualcomm Qualcomm\n·\nJan 9\n".encode("utf-16")),
    ("feed", rss("<link>https://a.example</link>")),
    ("feed", rss("<description>all of https://arxiv.org/list/cs and biorxiv.org</description>")),
    ("feed", rss("", "<item><link>https://arxiv.org/abs/2611.00001</link></item>")),
    ("feed", b"Warning: a line of PHP\n" + rss("")),
    ("feed", b"<br />\n<b>Warning</b>: a line of PHP<br />\n" + rss("")),
    ("feed", rss("<description><![CDATA[<html><body>On ferns</body></html>]]></description>")),
    ("feed", b"\n<!-- made --> " + rss("").replace(b'<?xml version="1.0"?>', b"")),
    ("feed", rss("").decode().replace("1.0", "1.0", 1).encode("utf-16")),
    ("feed", b'<feed xmlns="http://www.w3.org/2005/Atom"></feed>'),
    ("feed", rdf("https://www.nature.com/nature")),
    ("feed", b'{"version": "https:\\/\\/jsonfeed.org\\/version\\/1", "items": []}'),
    ("feed", as_json({"items": [{"id": "2611.00001", "title": "A"}],
                      "version": "https://jsonfeed.org/version/1.1"})),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "body"), KNOWN)
def test_an_answer_is_known_by_what_it_holds(kind: Kind, body: bytes) -> None:
    assert kind_of(ANY, body) == kind
    assert kind_of("page.txt", body) == kind


def test_the_address_decides_where_the_answer_is_empty() -> None:
    assert (
        kind_of("https://huggingface.co/api/daily_papers?date=2026-11-21", b"[]") == "huggingface"
    )
    nothing = as_json({"messages": [{"status": "no posts found"}], "collection": []})
    assert kind_of("https://api.biorxiv.org/details/medrxiv/2026-11-21/0", nothing) == "medrxiv"
    assert kind_of("https://api.biorxiv.org/details/biorxiv/2026-11-21/0", nothing) == "biorxiv"


def test_what_it_holds_counts_more_than_the_address() -> None:
    assert kind_of("https://rss.arxiv.org/rss/cs.LG", rss("")) == "feed"
    assert kind_of("https://huggingface.co/api/daily_papers", as_json(PREPRINTS)) == "biorxiv"
    assert "JSON without papers" in refusal(b'[{"a": 1}]', "https://huggingface.co/api/models")


def refusal(body: bytes, url: str = ANY) -> str:
    with pytest.raises(SourceError) as caught:
        kind_of(url, body)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n\x00", "empty"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"\x89PNG\r\n\x1a\n", "an image"),
        (b"\xff\xd8\xff\xe0", "an image"),
        (gzip.compress(b"x", mtime=0), "gzip"),
        (b"Rate exceeded.", '"Rate exceeded."'),
        (b"404 not found", '"404 not found"'),
        (b"On ferns, 7 authors, Jan 9", "no kind"),
        (b"[]", "an empty JSON list"),
        (b"[1, 2]", "no kind"),
        (b'["a"]', "JSON without papers"),
        (b'{"error": "Invalid date"}', "the service answered: Invalid date"),
        (b'{"a": 1}', "no list of papers"),
        (b'{"a": ', "no JSON"),
        (b"<svg></svg>", "<svg>"),
        (b"<OAI-PMH><request>https://zenodo.org/oai2d</request></OAI-PMH>", "<OAI-PMH>"),
        (b"<!DOCTYPE html><p>Welcome", "a web page came"),
        (b"<?xml version='1.0'?>\n<!-- x --><html xmlns='...'>", "a web page came"),
        (b"<meta charset=utf-8><body><p>Hello", "a web page came"),
        (b"<html><form><input name=p type='password'></form>", "a login page came"),
        (as_json({"papers": [{"name": "2611.00001", "title": "A"}]}), "JSON without papers"),
    ],
)  # fmt: skip
def test_what_is_none_of_them_is_called_by_its_name(body: bytes, says: str) -> None:
    said = refusal(body)
    assert says in said
    assert " - " in said or "answered" in said


@pytest.mark.parametrize(
    ("tags", "feeds"),
    [
        ('<link rel="alternate" type="application/rss+xml" href="/rss">', ["https://a.example/rss"]),
        ("<LINK HREF=atom.xml TYPE='application/atom+xml' REL=Alternate />",
         ["https://a.example/news/atom.xml"]),
        ('<link\nhref="//b.example/f?a=1&amp;b=2"\nrel="alternate home" '
         'type="application/feed+json; charset=utf-8">', ["https://b.example/f?a=1&b=2"]),
        ('<link rel=alternate type=application/rss+xml href="/a">'
         '<link rel=alternate type=application/rss+xml href="/b">'
         '<link rel=alternate type=application/rss+xml href="/a">',
         ["https://a.example/a", "https://a.example/b"]),
    ],
)  # fmt: skip
def test_the_feeds_of_a_web_page_are_named(tags: str, feeds: list[str]) -> None:
    said = refusal(f"<html><head>{tags}</head>".encode(), "https://a.example/news/")
    assert said == f"this is a web page; its feeds: {', '.join(feeds)}"


@pytest.mark.parametrize(
    "tag",
    [
        '<link rel="stylesheet" type="application/rss+xml" href="/rss">',
        '<link rel="alternate" type="text/html" href="/de">',
        '<link rel="alternate" type="application/rss+xml">',
        '<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">',
        '<link rel="alternate" type="application/rss+xml" href="http://[broken">',
        '<linkage rel="alternate" type="application/rss+xml" href="/rss">',
    ],
)
def test_another_link_of_a_page_is_no_feed(tag: str) -> None:
    assert "names no feed" in refusal(f"<html>{tag}".encode())


def test_a_saved_page_has_no_address_to_complete_its_links_with() -> None:
    page = '<html><link rel="alternate" type="application/rss+xml" href="{}">'
    assert "names no feed" in refusal(page.format("/rss").encode(), "page.html")
    assert "https://a.example/rss" in refusal(
        page.format("https://a.example/rss").encode(), "page.html"
    )


pieces = st.sampled_from(
    ["<", ">", "<!--", "<?", "<!doctype ", "[", "{", '"', "<html>", "<link ", "rel=alternate ",
     "type=application/rss+xml ", "href=http://[", "<rss ", "<feed>", "• 7 authors", "\n", "\x00",
     '"collection": [', '{"version": ', "PK\x03\x04", "\ufeff", "arxiv.org"]
)  # fmt: skip


@given(st.binary(max_size=300) | st.lists(pieces, max_size=30).map(lambda p: "".join(p).encode()))
def test_any_bytes_are_of_a_kind_or_clearly_of_none(body: bytes) -> None:
    try:
        said: str = kind_of(ANY, body)
    except SourceError as error:
        said = str(error)
    else:
        assert said in KINDS
    assert "\n" not in said
    assert len(said) < 600


@pytest.mark.parametrize(
    "piece",
    ["<", "<!--", "<?", "<!doctype [", "<link ", "<link a=", "<input ", "[", "[[", '{"a":', "• ",
     "7 authors ", "· ", " ", "\n", "<a:", '"version" ', '"server":', "\x00", "\xff", "http://a"]
)  # fmt: skip
@pytest.mark.parametrize("start", ["", "<html>", "<rss>", '{"', "On ferns\n"])
def test_the_time_grows_with_the_size_only(start: str, piece: str) -> None:
    body = (start + piece * (1_000_000 // len(piece))).encode()
    begun = time.monotonic()
    with contextlib.suppress(SourceError):
        kind_of(ANY, body)
    assert time.monotonic() - begun < 5


# What services really sent

OTHERS: dict[str, Kind | None] = {
    "feeds/misc/feed-rs_biorxiv_bioengineering_2019.xml": "biorxiv",
    "feeds/netnewswire_real/bio.rdf": "biorxiv",
    "feeds/misc/pubmed_efetch_2026-06.xml": "pubmed",
    "feeds/biorss_examples/pubmed-article.xml": "pubmed",
    "hf/upvotes_early_late_2024.csv": None,
    "arxiv/announce/2026-04-18.json.gz": None,  # four week-end days without any paper
    "arxiv/announce/2026-04-19.json.gz": None,
    "arxiv/announce/2026-04-25.json.gz": None,
    "arxiv/announce/2026-04-26.json.gz": None,
}
FOLDERS: dict[str, Kind | None] = {
    "feeds": "feed",
    "arxiv/rss": "arxiv",
    "arxiv/api": "arxiv",
    "arxiv/oai": "arxiv",
    "arxiv/announce": "arxiv",
    "corpus/arxiv_daily": "arxiv",
    "arxiv/spec": None,
    "hf": "huggingface",
    "listing": "listing",
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_capture_is_of_the_kind_it_was_captured_as(folder: str) -> None:
    for path in sorted(real_data(folder).rglob("*")):
        if path.is_file():
            body = path.read_bytes()
            body = gzip.decompress(body) if path.suffix == ".gz" else body
            expected = OTHERS.get(str(path.relative_to(DATA)), FOLDERS[folder])
            try:
                found: Kind | None = kind_of(path.name, body)
            except SourceError:
                found = None
            assert found == expected, path
