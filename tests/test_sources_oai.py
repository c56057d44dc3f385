"""arXiv's OAI-PMH answers, and what is asked of it: what was missed is made up for."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import SourceError
from notifier.papers.identity import Alias
from notifier.papers.paper import Batch, Entry
from notifier.sources.arxiv import ArxivSource
from notifier.sources.arxiv_oai import set_of
from notifier.sources.arxiv_paper import dois, is_withdrawn, month
from notifier.sources.source import NOTHING_ASKED, Request
from tests.builders import NOON
from tests.test_sources_arxiv import api, api_entry

SOURCE = ArxivSource(
    "arxiv",
    ("cs.LG", "cs.CL", "hep-th"),
    feeds_url="http://127.0.0.1:1/atom/",
    oai_url="http://127.0.0.1:1/oai",
    api_url="http://127.0.0.1:1/api",
)
SINCE = datetime(2026, 11, 13, 12, tzinfo=UTC)
LIST = Request("http://127.0.0.1:1/oai?verb=ListRecords&set=cs:cs:LG", ("cs.LG",), since=SINCE)


def read(body: str | bytes, asked: Request = NOTHING_ASKED) -> Batch:
    return SOURCE.read(body if isinstance(body, bytes) else body.encode(), now=NOON, asked=asked)


def only(body: str | bytes, asked: Request = NOTHING_ASKED) -> Entry:
    batch = read(body, asked)
    assert not batch.problems
    assert len(batch.entries) == 1
    return batch.entries[0]


def refusal(body: str | bytes, asked: Request = NOTHING_ASKED) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(body, asked)
    assert "\n" not in str(caught.value)
    return caught.value


def oai(*parts: str, verb: str = "ListRecords") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
        f'<responseDate>2026-11-20T03:30:00Z</responseDate><request verb="{verb}">x</request>'
        f"<{verb}>{''.join(parts)}</{verb}></OAI-PMH>"
    )


def a_record(metadata: str, name: str = "2611.00001", status: str = "") -> str:
    body = f"<metadata>{metadata}</metadata>" if metadata else ""
    return (
        f"<record><header{status}><identifier>oai:arXiv.org:{name}</identifier>"
        "<datestamp>2026-11-19</datestamp><setSpec>cs:cs:LG</setSpec><setSpec>stat:stat:ML"
        f"</setSpec></header>{body}</record>"
    )


def a_raw(
    name: str = "2611.00001",
    dates: tuple[str, ...] = ("Mon, 16 Nov 2026 10:00:00 GMT",),
    title: str = "On ferns",
    abstract: str = "They grow.",
    authors: str = "Ada Lovelace",
    categories: str = "cs.LG stat.ML",
    more: str = "",
    source_type: str = "",
) -> str:
    versions = "".join(
        f'<version version="v{n}"><date>{date}</date><size>10kb</size>{source_type}</version>'
        for n, date in enumerate(dates, 1)
    )
    return a_record(
        f'<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>{name}</id>'
        f"<submitter>Bo Chen</submitter>{versions}<title>{escape(title)}</title>"
        f"<authors>{escape(authors)}</authors><categories>{categories}</categories>{more}"
        f"<abstract>  {escape(abstract)}\n</abstract></arXivRaw>",
        name,
    )


def token(text: str = "", more: str = "") -> str:
    return f"<resumptionToken {more}>{escape(text)}</resumptionToken>"


# What is asked for


@pytest.mark.parametrize(
    ("category", "name"),
    [
        ("cs.AI", "cs:cs:AI"),
        ("math.LO", "math:math:LO"),
        ("stat.ML", "stat:stat:ML"),
        ("q-bio.NC", "q-bio:q-bio:NC"),
        ("q-fin.ST", "q-fin:q-fin:ST"),
        ("eess.AS", "eess:eess:AS"),
        ("econ.EM", "econ:econ:EM"),
        ("hep-th", "physics:hep-th"),
        ("quant-ph", "physics:quant-ph"),
        ("astro-ph.GA", "physics:astro-ph:GA"),
        ("cond-mat.str-el", "physics:cond-mat:str-el"),
        ("physics.optics", "physics:physics:optics"),
        ("nlin.CD", "physics:nlin:CD"),
        ("math-ph", "physics:math-ph"),
        ("cs", "cs:cs"),
        ("astro-ph", "physics:astro-ph"),
        ("physics", "physics:physics"),
    ],
)
def test_every_category_has_its_set(category: str, name: str) -> None:
    assert set_of(category) == name


def test_the_changes_of_each_category_are_asked_from_the_day_in_utc() -> None:
    since = datetime.fromisoformat("2026-11-13T22:00:00-05:00")
    asked = SOURCE.requests(now=NOON, since=since)
    assert [request.url for request in asked] == [
        "http://127.0.0.1:1/oai?verb=ListRecords&metadataPrefix=arXivRaw"
        f"&set={name}&from=2026-11-14"
        for name in ("cs:cs:LG", "cs:cs:CL", "physics:hep-th")
    ]
    assert [request.parts for request in asked] == [("cs.LG",), ("cs.CL",), ("hep-th",)]
    assert all(request.since == since for request in asked)
    assert all(request.announces for request in asked)


def test_a_set_that_fails_is_replaced_by_its_archives_and_that_by_the_query_api() -> None:
    asked = SOURCE.requests(now=NOON, since=SINCE)[0]
    (archive,) = asked.instead
    assert (asked.when, archive.when) == ("failed", "failed")
    assert "set=cs:cs&" in archive.url
    # The job asks an address once: so it must be for all categories that may come to need it.
    assert archive.parts == ("cs.LG", "cs.CL")
    assert [query.parts for query in archive.instead] == [("cs.LG",), ("cs.CL",)]
    assert [query.since for query in archive.instead] == [SINCE, SINCE]
    assert [len(query.instead) for query in archive.instead] == [0, 0]


def test_the_set_of_a_whole_archive_is_replaced_by_the_query_api_at_once() -> None:
    asked = SOURCE.requests(now=NOON, since=SINCE)[2]
    assert [query.url.partition("?")[0] for query in asked.instead] == ["http://127.0.0.1:1/api"]


@pytest.mark.parametrize(
    ("category", "name"),
    [("cs.LG", "cs.LG"), ("cs", "cs.*"), ("hep-th", "hep-th"), ("astro-ph", "astro-ph.*")],
)
def test_the_query_begins_a_week_earlier_for_what_moderation_held(category: str, name: str) -> None:
    asked = ArxivSource("arxiv", (category,)).requests(now=NOON, since=SINCE)[0]
    while asked.instead:
        (asked,) = asked.instead
    assert re.fullmatch(r"[\w:/.?&=+%*-]+", asked.url)
    query = {key: value for key, (value,) in parse_qs(urlsplit(asked.url).query).items()}
    assert query == {
        "search_query": f"cat:{name} AND submittedDate:[202611061200 TO 202611202359]",
        "sortBy": "submittedDate",
        "sortOrder": "ascending",
        "start": "0",
        "max_results": "1000",
    }


# The three formats


def test_a_raw_record_is_read_whole() -> None:
    more = (
        "<comments>12 pages,\n  3 figures</comments><journal-ref>J. Ferns 12 (2026)</journal-ref>"
        "<doi>10.1000/F.1, 10.1000/F.2;10.1000/f.3</doi><license>http://x.example</license>"
    )
    dates = ("Mon, 2 Nov 2026 10:00:00 GMT", "Mon, 16 Nov 2026 10:00:00 GMT")
    authors = "Ada Lovelace, Bo Chen and Deepti (London, Physics)"
    entry = only(oai(a_raw(dates=dates, title="On ferns,\n  again", authors=authors, more=more)))
    assert [str(alias) for alias in entry.aliases] == [
        *("arxiv:2611.00001", "doi:10.1000/f.1", "doi:10.1000/f.2", "doi:10.1000/f.3"),
    ]
    assert (entry.title, entry.abstract) == ("On ferns, again", "They grow.")
    assert entry.authors == ("Ada Lovelace", "Bo Chen", "Deepti (London, Physics)")
    assert entry.categories == ("cs.LG", "stat.ML")
    assert entry.comment == "12 pages, 3 figures"
    assert entry.journal == "J. Ferns 12 (2026)"
    assert entry.version == 2
    assert entry.published_at == datetime(2026, 11, 2, 10, tzinfo=UTC)
    assert entry.urls["abs"] == "https://arxiv.org/abs/2611.00001v2"
    assert not entry.withdrawn


def test_an_arxiv_record_is_read_whole() -> None:
    entry = only(
        oai(
            a_record(
                '<arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>hep-th/9901001</id>'
                "<created>1999-01-04</created><updated>1999-02-01</updated><authors><author>"
                "<keyname>Lovelace</keyname><forenames>Ada</forenames><suffix>Jr.</suffix>"
                "<affiliation>London</affiliation></author><author><keyname>Ferns Collaboration"
                "</keyname></author></authors><title>On ferns</title><categories>hep-th math.MP"
                "</categories><abstract>They grow.</abstract></arXiv>",
                "hep-th/9901001",
            ),
            verb="GetRecord",
        )
    )
    assert entry.aliases == (Alias("arxiv", "hep-th/9901001"),)
    assert entry.authors == ("Ada Lovelace Jr.", "Ferns Collaboration")
    assert entry.categories == ("hep-th", "math.MP")
    assert (entry.version, entry.announce) == (None, "replace")
    assert entry.published_at == datetime(1999, 1, 4, tzinfo=UTC)


def test_a_dublin_core_record_is_read_whole() -> None:
    record = a_record(
        '<x:dc xmlns:x="http://www.openarchives.org/OAI/2.0/oai_dc/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>On ferns</dc:title>'
        "<dc:creator>Lovelace, Ada</dc:creator><dc:creator>Ferns Collaboration</dc:creator>"
        "<dc:subject>Computer Science - Machine Learning</dc:subject>"
        "<dc:description>  They grow.\n</dc:description>"
        "<dc:description>Comment: 7 pages</dc:description><dc:date>2026-11-02</dc:date>"
        "<dc:identifier>http://arxiv.org/abs/2611.00001</dc:identifier>"
        "<dc:identifier>J. Ferns, 34 (3)</dc:identifier>"
        "<dc:identifier>doi:10.1000/f.1</dc:identifier></x:dc>"
    )
    entry = only(oai(record))
    assert [str(alias) for alias in entry.aliases] == ["arxiv:2611.00001", "doi:10.1000/f.1"]
    assert entry.authors == ("Ada Lovelace", "Ferns Collaboration")
    assert (entry.abstract, entry.comment) == ("They grow.", "7 pages")
    assert entry.journal == "J. Ferns, 34 (3)"
    assert entry.categories == ("cs.LG", "stat.ML")
    assert entry.published_at == datetime(2026, 11, 2, tzinfo=UTC)
    assert entry == only(record)  # saved without the answer round it


def test_tex_is_shown_as_text_and_its_source_is_kept() -> None:
    entry = only(
        oai(a_raw(title=r"On $\alpha$ ferns", abstract=r"Where $x^2$.", authors=r"G\"odel"))
    )
    assert (entry.title, entry.source_title) == ("On α ferns", r"On $\alpha$ ferns")
    assert entry.source_abstract == "Where $x^2$."
    assert entry.authors == ("Gödel",)


@pytest.mark.parametrize(
    "abstract", ["Where p<0.05 and a < b and c > d.", "R&D, <think> and </s>.", "Grüße – 模型"]
)
def test_an_abstract_loses_nothing(abstract: str) -> None:
    assert only(oai(a_raw(abstract=abstract))).abstract == abstract


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("A. One (1), B. Two (1 and 2) ((1) Here, (2) There and back)", ("A. One", "B. Two")),
        ("A. One (Here, There), B. Two", ("A. One (Here, There)", "B. Two")),
        ("A. One, B. Two, and C. Three", ("A. One", "B. Two", "C. Three")),
        ("A. One, B. Two et al.", ("A. One", "B. Two et al.")),
    ],
)
def test_raw_authors_are_told_one_by_one_without_the_list_of_places(
    written: str, names: tuple[str, ...]
) -> None:
    assert only(oai(a_raw(authors=written))).authors == names


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("10.1000/f.1", ["10.1000/f.1"]),
        ("10.1000/f.1, 10.1000/f.2;10.1000/f.3 10.1000/f.4", [f"10.1000/f.{n}" for n in "1234"]),
        ("doi:10.1000/f.1; https://doi.org/10.1000/F.2", ["10.1000/f.1", "10.1000/f.2"]),
        (
            "10.1002/(SICI)1097(19980815/30)17:15/16<1661::AID-SIM968>3.0.CO;2-2",
            ["10.1002/(sici)1097(19980815/30)17:15/16<1661::aid-sim968>3.0.co;2-2"],
        ),
        ("10.1000/f.1 (erratum)", ["10.1000/f.1"]),
        ("to appear", []),
        ("", []),
    ],
)
def test_a_field_may_hold_several_dois(written: str, found: list[str]) -> None:
    assert [alias.value for alias in dois(written)] == found


# What an entry announces


V1 = ("Mon, 16 Nov 2026 10:00:00 GMT",)
OLD = "Mon, 4 Mar 2024 10:00:00 GMT"


@pytest.mark.parametrize(
    ("name", "dates", "announce"),
    [
        ("2611.00001", V1, "new"),
        ("2611.00001", (OLD,), "new"),  # held for long: the id tells when it was announced
        ("2612.00001", V1, "new"),
        ("2610.00001", V1, "update"),
        ("2610.00001", ("Fri, 30 Oct 2026 10:00:00 GMT",), "update"),
        ("hep-th/9901001", ("Mon, 4 Jan 1999 10:00:00 GMT",), "update"),
        ("2611.00001", (*V1, "Wed, 18 Nov 2026 10:00:00 GMT"), "new"),
        ("2611.00001", ("Fri, 6 Nov 2026 12:00:00 GMT", *V1), "new"),
        ("2611.00001", ("Fri, 6 Nov 2026 11:59:59 GMT", *V1), "replace"),
        ("2403.00001", (OLD, "Fri, 6 Nov 2026 12:00:00 GMT"), "replace"),
        ("2403.00001", (OLD, "Fri, 6 Nov 2026 11:59:59 GMT"), "update"),
        ("2403.00001", (OLD, OLD), "update"),
        ("2403.00001", (OLD,), "update"),
    ],
)
def test_a_change_announces_by_the_month_of_the_id_and_the_dates_of_its_versions(
    name: str, dates: tuple[str, ...], announce: str
) -> None:
    assert only(oai(a_raw(name, dates)), LIST).announce == announce


@pytest.mark.parametrize(
    ("since", "announce"),
    [("2026-12-01T04:59:59+00:00", "new"), ("2026-12-01T05:00:00+00:00", "update")],
)
def test_the_month_is_that_of_the_eastern_calendar(since: str, announce: str) -> None:
    asked = Request(LIST.url, LIST.parts, since=datetime.fromisoformat(since))
    assert only(oai(a_raw("2611.00001", V1)), asked).announce == announce


@pytest.mark.parametrize(("dates", "announce"), [(V1, "new"), ((OLD, *V1), "replace")])
def test_a_file_announces_by_its_version(dates: tuple[str, ...], announce: str) -> None:
    assert only(oai(a_raw(dates=dates))).announce == announce


def test_an_answer_that_only_describes_announces_nothing() -> None:
    asked = Request("http://127.0.0.1:1/oai", since=SINCE, announces=False)
    assert only(oai(a_raw()), asked).announce == "update"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2611.00001", (2026, 11)),
        ("0704.0001", (2007, 4)),
        ("9912.00001", (2099, 12)),
        ("hep-th/9901001", (1999, 1)),
        ("math/0703001", (2007, 3)),
        ("hep-th/9108001", (1991, 8)),
    ],
)
def test_every_id_tells_its_month(value: str, expected: tuple[int, int]) -> None:
    assert month(Alias("arxiv", value)) == expected


# Papers taken back


@pytest.mark.parametrize(
    "text",
    [
        "This paper has been withdrawn by the authors.",
        "This submission has been withdrawn by arXiv administrators due to ...",
        "This paper has been temporarily withdrawn",
        "This article is withdrawn.",
        "The paper has now been withdrawn; see v2",
        "Paper withdrawn",
        "Withdrawn by the author, error in Lemma 3",
        "Withdrawn.",
        "[withdrawn]",
        "We have withdrawn this paper",
        "The authors withdraw this manuscript because of an error",
        "arXiv admin note: This submission has been withdrawn",
        "THIS PAPER HAS BEEN WITHDRAWN",
    ],
)
def test_a_text_that_begins_with_it_takes_the_paper_back(text: str) -> None:
    assert is_withdrawn(None, text)
    comment = f"<comments>{text}</comments>"
    assert only(oai(a_raw(more=comment))).withdrawn
    assert only(oai(a_raw(abstract=text))).withdrawn
    assert only(api(api_entry(more=f"<arxiv:comment>{text}</arxiv:comment>"))).withdrawn


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12 pages; withdrawn from NeurIPS",
        "Withdrawn from NeurIPS, 12 pages",
        "Paper withdrawn from the ACL submission",
        "We study papers that have been withdrawn.",
        "The withdrawn papers of 2024 are counted.",
        "Withdrawn-state neurons are silent.",
        "Withdrawn people are studied.",
        "This paper studies withdrawal.",
        "This paper has been accepted. It is not withdrawn.",
    ],
)
def test_a_text_that_merely_speaks_of_it_does_not(text: str) -> None:
    assert not is_withdrawn(text, None)


@pytest.mark.parametrize(
    ("letters", "gone"), [("I", True), ("AI", True), ("D", False), ("", False)]
)
def test_a_newest_version_of_type_i_takes_the_paper_back(letters: str, gone: bool) -> None:
    versions = f"<source_type>{letters}</source_type>"
    assert only(oai(a_raw(source_type=versions))).withdrawn is gone


def test_a_version_taken_back_before_the_newest_one_does_not_count() -> None:
    body = oai(a_raw(dates=(OLD, *V1), source_type="<source_type>I</source_type>"))
    assert not only(body[::-1].replace(">I<"[::-1], ">D<"[::-1], 1)[::-1]).withdrawn


def test_a_deleted_record_is_a_problem_with_its_id() -> None:
    batch = read(oai(a_raw(), a_record("", "2403.00009", ' status="deleted"')))
    assert len(batch.entries) == 1
    (problem,) = batch.problems
    assert problem.entry == "oai:arXiv.org:2403.00009"
    assert "deleted" in problem.reason


# Whole lists


@pytest.mark.parametrize(
    ("categories", "kept"),
    [
        ("cs.LG", True),
        ("stat.ML cs.LG", True),
        ("hep-th", True),
        ("cs.CV", False),
        ("cs.LGX", False),
        ("astro-ph.GA", True),
        ("astro-phys", False),
    ],
)
def test_of_an_archives_set_only_what_was_asked_for_is_kept(categories: str, kept: bool) -> None:
    asked = Request(LIST.url, ("cs.LG", "hep-th", "astro-ph"), since=SINCE)
    assert len(read(oai(a_raw(categories=categories)), asked).entries) == kept


def test_a_list_goes_on_with_its_token_at_the_same_base() -> None:
    odd = "verb%3DListRecords%26skip%3D2000|& ü"
    batch = read(oai(a_raw(), token(odd, 'completeListSize="2001" cursor="0"')), LIST)
    (following,) = batch.following
    base, _, query = following.partition("?")
    assert base == "http://127.0.0.1:1/oai"
    assert parse_qs(query) == {"verb": ["ListRecords"], "resumptionToken": [odd]}
    assert batch.total == 2001


def test_a_page_whose_records_are_all_of_other_categories_goes_on() -> None:
    batch = read(oai(a_raw(categories="cs.CV"), token("next")), LIST)
    assert (batch.entries, len(batch.following)) == ((), 1)


@pytest.mark.parametrize("last", ["", token(), token(" \n"), "<resumptionToken/>"])
def test_a_list_without_a_token_is_at_its_end(last: str) -> None:
    assert read(oai(a_raw(), last), LIST).following == ()


def test_nothing_follows_a_file() -> None:
    assert read(oai(a_raw(), token("next"))).following == ()


def test_a_list_that_leads_to_itself_stops_with_a_problem() -> None:
    first = read(oai(a_raw(), token("same")), LIST)
    asked = Request(first.following[0], LIST.parts, since=SINCE)
    batch = read(oai(a_raw(), token("same")), asked)
    assert batch.following == ()
    assert [problem.entry for problem in batch.problems] == ["-"]


def test_an_empty_page_that_says_it_goes_on_stops_with_a_problem() -> None:
    batch = read(oai(token("next")), LIST)
    assert batch.following == ()
    assert [problem.entry for problem in batch.problems] == ["-"]


# Errors of the protocol


def an_error(code: str, said: str = "So it is.") -> str:
    return oai().replace("<ListRecords></ListRecords>", f'<error code="{code}">{said}</error>')


def test_a_day_without_changes_is_an_empty_batch() -> None:
    assert read(an_error("noRecordsMatch"), LIST) == Batch()
    assert read(oai(), LIST) == Batch()


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        ("badArgument", True),
        ("badVerb", True),
        ("cannotDisseminateFormat", True),
        ("idDoesNotExist", True),
        ("noSetHierarchy", True),
        ("badResumptionToken", False),
        ("somethingElse", False),
    ],
)
def test_an_error_is_told_in_arxivs_words_with_a_cure(code: str, refused: bool) -> None:
    error = refusal(an_error(code, "Set\n is unknown."), LIST)
    assert error.refused is refused
    assert f"Set is unknown. ({code}) - " in str(error)


def test_an_answer_to_another_question_is_refused() -> None:
    assert "ListRecords" in str(refusal(oai(verb="Identify")))


# Broken documents


def test_a_broken_record_costs_only_itself() -> None:
    nameless = a_raw().replace("2611.00001", "x")
    batch = read(oai(a_raw(title=" "), nameless, a_record("", "2611.00003"), a_raw("2611.00004")))
    assert [entry.aliases[0].value for entry in batch.entries] == ["2611.00004"]
    assert [(problem.entry, problem.reason) for problem in batch.problems] == [
        ("oai:arXiv.org:2611.00001", "no title"),
        ("oai:arXiv.org:x", "no arXiv id"),
        ("oai:arXiv.org:2611.00003", "no metadata in the record"),
    ]


def test_a_date_that_cannot_be_believed_costs_only_itself() -> None:
    batch = read(oai(a_raw(dates=("Mon, 99 Nov 2026 10:00:00 GMT",))))
    assert batch.entries[0].published_at is None
    assert "left out" in batch.problems[0].reason


@given(st.integers(0, 10_000))
def test_a_list_that_is_cut_off_gives_every_record_that_was_whole(cut: int) -> None:
    body = oai(*(a_raw(f"2611.0000{n}", title=f"Grüße {n}") for n in range(1, 8)), token("next"))
    sent = body.encode()
    part = sent[: len(sent) * cut // 10_000]
    whole = part.count(b"</record>")
    if not whole:
        with pytest.raises(SourceError):
            read(part, LIST)
        return
    batch = read(part, LIST)
    assert len(batch.entries) == whole
    assert len(batch.problems) == (len(part) < len(sent))
    assert all(problem.entry == "-" for problem in batch.problems)


@pytest.mark.parametrize("bad", [b"\x00", b"\x0b", b"\xff\xfe", b"\xc3", "\uffff".encode()])
def test_a_bad_byte_costs_no_record(bad: bytes) -> None:
    body = oai(a_raw(), a_raw("2611.00002")).encode().replace(b"They", b"Th" + bad + b"ey", 1)
    assert len(read(body).entries) == 2


@pytest.mark.parametrize(
    "kind",
    [
        '<!DOCTYPE OAI-PMH [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE OAI-PMH [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE OAI-PMH SYSTEM "http://127.0.0.1:1/x.dtd">',
        '<!-- c --> <!DOCTYPE record [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]>',
    ],
)
def test_a_document_that_declares_a_doctype_is_refused_before_any_entity_is_read(
    kind: str,
) -> None:
    body = oai(a_raw(title="On ENTITY ferns")).replace("ENTITY", "&a;").replace("&amp;", "&")
    assert "DOCTYPE" in str(refusal(body.replace("?>\n", f"?>\n{kind}", 1)))


def test_the_word_doctype_in_an_abstract_does_no_harm() -> None:
    abstract = "We parse <!DOCTYPE html> and <!ENTITY x>."
    assert only(oai(a_raw(abstract=abstract))).abstract == abstract


@pytest.mark.parametrize(
    "body",
    [
        "<record>" * 200_000,
        "<OAI-PMH>" + "<ListRecords><record>" * 50_000 + "</record></ListRecords>" * 50_000,
        oai(a_raw(authors="((" * 100_000)),
        oai(a_raw(authors="(1, " * 100_000)),
        oai(a_raw(abstract="this " * 50_000, more=f"<doi>{' ,;' * 50_000}</doi>")),
        oai(a_raw(abstract="." * 200_000 + "withdrawn")),
        "<!--" * 100_000,
        "<?" * 100_000,
    ],
    ids=range(8),
)
def test_a_hostile_document_is_done_with_in_time(body: str) -> None:
    begun = time.monotonic()
    said = outcome(body, LIST)
    assert time.monotonic() - begun < 5
    assert not isinstance(said, SourceError) or len(str(said)) < 300


def outcome(body: str | bytes, asked: Request) -> Batch | SourceError:
    try:
        return read(body, asked)
    except SourceError as error:
        return error


PIECES = st.sampled_from(
    [
        *("<OAI-PMH>", "</OAI-PMH>", "<ListRecords>", "<record>", "</record>", "<header>", "\x00"),
        *("</header>", "<metadata>", "<arXivRaw>", "<id>2611.00001</id>", "<title>x</title>", "<"),
        *("<error code='badArgument'/>", "<resumptionToken>t</resumptionToken>", "<feed>", "&a;"),
        *("<!DOCTYPE a>", "<?xml version='1.0' encoding='utf-7'?>", "<version version='v0'/>"),
    ]
)


@given(st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=20).map("".join)))
def test_whatever_comes_gives_a_batch_or_a_clear_error(body: bytes | str) -> None:
    sent = body if isinstance(body, bytes) else body.encode()
    for asked in (NOTHING_ASKED, LIST):
        result = outcome(sent, asked)
        if isinstance(result, SourceError):
            assert "\n" not in str(result)
        else:
            assert not [p for p in result.problems if "bug" in p.reason]


@given(st.lists(PIECES, max_size=20).map("".join))
def test_whatever_a_record_holds_costs_no_neighbour(inside: str) -> None:
    tags = [piece for piece in re.findall(r"<[\w]+>|[^<>]+", inside) if "&" not in piece]
    broken = "".join(f"{tag}</{tag[1:]}" if tag.startswith("<") else "x" for tag in tags)
    batch = read(oai(f"<record>{broken}</record>", a_raw("2611.00004")))
    assert "2611.00004" in [entry.aliases[0].value for entry in batch.entries]
