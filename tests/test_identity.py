"""Identifiers: every written form leads to one alias, and nothing else does."""

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.papers.identity import Alias, guid, link, named, parse, title_key, urls
from notifier.papers.text import one_line

WRITTEN = [
    # arXiv since April 2007
    ("2508.13426", "arxiv:2508.13426", None),
    ("2508.13426v2", "arxiv:2508.13426", 2),
    ("arXiv:2508.13426v1", "arxiv:2508.13426", 1),
    ("arxiv: 2508.13426", "arxiv:2508.13426", None),
    ("(arXiv:2508.13426v1 [cs.CL])", "arxiv:2508.13426", 1),
    ("oai:arXiv.org:2508.13426v1", "arxiv:2508.13426", 1),
    ("http://arxiv.org/abs/0804.0970v1", "arxiv:0804.0970", 1),
    ("https://arxiv.org/abs/2508.13426?context=cs", "arxiv:2508.13426", None),
    ("https://arxiv.org/pdf/2508.13426v12.pdf", "arxiv:2508.13426", 12),
    ("https://www.arxiv.org/pdf/2508.13426", "arxiv:2508.13426", None),
    ("https://arxiv.org/html/2508.13426v1#S2", "arxiv:2508.13426", 1),
    ("HTTPS://EXPORT.ARXIV.ORG/ABS/2508.13426V3", "arxiv:2508.13426", 3),
    ("https://ar5iv.labs.arxiv.org/html/2508.13426", "arxiv:2508.13426", None),
    ("https://www.alphaxiv.org/abs/2508.13426v1", "arxiv:2508.13426", 1),
    ("https://huggingface.co/papers/2508.13426", "arxiv:2508.13426", None),
    ("10.48550/arXiv.2508.13426", "arxiv:2508.13426", None),
    ("https://doi.org/10.48550/ARXIV.2508.13426v2", "arxiv:2508.13426", 2),
    ("doi:10.48550/arxiv.hep-th/9901001", "arxiv:hep-th/9901001", None),
    ("arXiv:2508.13426 [cs.CL]", "arxiv:2508.13426", None),
    ("arXiv:2508.13426v2  [cs.CL]  18 Aug 2025", "arxiv:2508.13426", 2),
    ("arXiv preprint arXiv:2508.13426", "arxiv:2508.13426", None),
    ("ARXIV:2106.15928", "arxiv:2106.15928", None),
    ("https://arxiv.org/abs/2508.13426v2#section", "arxiv:2508.13426", 2),
    ("https://arxiv.org/pdf/2508.13426v2.pdf#page=3", "arxiv:2508.13426", 2),
    ("arxiv.org/abs/2508.13426", "arxiv:2508.13426", None),
    ("https://www.alphaxiv.org/overview/2508.13426v1", "arxiv:2508.13426", 1),
    ("https://hf.co/papers/2508.13426#community", "arxiv:2508.13426", None),
    ("https://scirate.com/arxiv/2508.13426", "arxiv:2508.13426", None),
    ("https://papers.cool/arxiv/2508.13426", "arxiv:2508.13426", None),
    # arXiv before April 2007
    ("hep-th/9901001v1", "arxiv:hep-th/9901001", 1),
    ("math.CA/0611800v2", "arxiv:math/0611800", 2),
    ("arXiv:cond-mat.stat-mech/0703001", "arxiv:cond-mat/0703001", None),
    ("http://arxiv.org/abs/cmp-lg/9405001v1", "arxiv:cmp-lg/9405001", 1),
    ("oai:arXiv.org:hep-th/9901001", "arxiv:hep-th/9901001", None),
    ("https://arxiv.org/pdf/math.CA/0611800v2.pdf", "arxiv:math/0611800", 2),
    # DOI
    ("10.1038%2FS41586-023-05999-5", "doi:10.1038/s41586-023-05999-5", None),
    ("https://doi.org/10.1038%2Fs41586-023-05999-5?x=1", "doi:10.1038/s41586-023-05999-5", None),
    ("urn:doi:10.1000/x", "doi:10.1000/x", None),
    ("info:doi/10.1000/x", "doi:10.1000/x", None),
    ("DOI:10.18653/v1/N18-3011", "doi:10.18653/v1/n18-3011", None),
    ("https://link.springer.com/article/10.1007/s1-025-4", "doi:10.1007/s1-025-4", None),
    ("https://link.springer.com/content/pdf/10.1007/s1-025-4.pdf", "doi:10.1007/s1-025-4", None),
    ("https://www.frontiersin.org/articles/10.3389/f.2020.1/full", "doi:10.3389/f.2020.1", None),
    ("https://journals.aps.org/prl/abstract/10.1103/PRL.1.2", "doi:10.1103/prl.1.2", None),
    (
        "https://iopscience.iop.org/article/10.3847/1538-4357/ab/meta",
        "doi:10.3847/1538-4357/ab",
        None,
    ),
    ("https://j.example/doi/10.1000/x/full", "doi:10.1000/x", None),
    ("10.1038/S41586-023-05999-5", "doi:10.1038/s41586-023-05999-5", None),
    ("doi:10.1038/s41586-023-05999-5.", "doi:10.1038/s41586-023-05999-5", None),
    ("DOI: 10.1038/s41586-023-05999-5", "doi:10.1038/s41586-023-05999-5", None),
    ("<https://doi.org/10.1038/s41586-023-05999-5>", "doi:10.1038/s41586-023-05999-5", None),
    ("http://dx.doi.org/10.1038/s41586-023-05999-5;", "doi:10.1038/s41586-023-05999-5", None),
    ("(doi:10.1016/0370-2693(85)90001-2)", "doi:10.1016/0370-2693(85)90001-2", None),
    (
        "https://doi.org/10.1002/%28SICI%291097-0258%2819980430%2917",
        "doi:10.1002/(sici)1097-0258(19980430)17",
        None,
    ),
    ("https://doi.org/10.5281/zenodo.17665942?utm_source=x", "doi:10.5281/zenodo.17665942", None),
    ("https://www.tandfonline.com/doi/full/10.1080/1.2021.3?af=R", "doi:10.1080/1.2021.3", None),
    ("https://onlinelibrary.wiley.com/doi/10.1002/tax.12604", "doi:10.1002/tax.12604", None),
    ("10.1000/a%252Fb!?", "doi:10.1000/a/b", None),
    ("10.5281/zenodo.17665942v2", "doi:10.5281/zenodo.17665942v2", None),
    # bioRxiv and medRxiv
    (
        "https://www.biorxiv.org/content/10.64898/2026.05.19.726321v1?rss=1",
        "doi:10.64898/2026.05.19.726321",
        1,
    ),
    (
        "https://www.biorxiv.org/content/10.64898/2026.05.19.726321v2.full.pdf",
        "doi:10.64898/2026.05.19.726321",
        2,
    ),
    (
        "https://www.medrxiv.org/content/10.1101/2020.01.31.20019901v1.full-text",
        "doi:10.1101/2020.01.31.20019901",
        1,
    ),
    ("https://www.biorxiv.org/content/10.1101/045062.abstract", "doi:10.1101/045062", None),
    (
        "http://biorxiv.org/cgi/content/short/2023.12.16.571984v1?rss=1",
        "doi:10.1101/2023.12.16.571984",
        1,
    ),
    ("10.64898/2026.05.19.726321v3", "doi:10.64898/2026.05.19.726321", 3),
    ("doi:10.1101/2023.12.16.571984", "doi:10.1101/2023.12.16.571984", None),
    ("10.1101/gr.277001.122v2", "doi:10.1101/gr.277001.122v2", None),  # a journal, same prefix
    (
        "https://www.medrxiv.org/content/10.64898/2026.05.19.26321v1?rss=1",
        "doi:10.64898/2026.05.19.26321",
        1,
    ),
    ("10.64898/2026.05.19.726321v2.full.pdf", "doi:10.64898/2026.05.19.726321", 2),
    (
        "https://www.biorxiv.org/content/10.64898/2026.05.19.726321v2.full.pdf+html",
        "doi:10.64898/2026.05.19.726321",
        2,
    ),
    (
        "https://www.medrxiv.org/content/medrxiv/early/2020/01/31/2020.01.31.20019901.full.pdf",
        "doi:10.1101/2020.01.31.20019901",
        None,
    ),
    ("https://www.biorxiv.org/content/early/2018/01/01/240000", "doi:10.1101/240000", None),
    # PubMed
    ("PubMed: 34739692", "pmid:34739692", None),
    ("https://pubmed.gov/34739692", "pmid:34739692", None),
    ("https://europepmc.org/article/MED/123", "pmid:123", None),
    ("https://europepmc.org/abstract/med/34739692?x=1", "pmid:34739692", None),
    ("https://europepmc.org/article/PMC/PMC8566499", "pmcid:PMC8566499", None),
    ("https://europepmc.org/articles/PMC8566499", "pmcid:PMC8566499", None),
    ("PMC1234567.2", "pmcid:PMC1234567", 2),
    ("PMCID:2323736", "pmcid:PMC2323736", None),
    ("pmid:34739692", "pmid:34739692", None),
    ("PMID 34739692", "pmid:34739692", None),
    ("PMID: 0034739692.", "pmid:34739692", None),
    ("https://pubmed.ncbi.nlm.nih.gov/34739692/?utm_source=Rested", "pmid:34739692", None),
    ("https://www.ncbi.nlm.nih.gov/pubmed/34739692", "pmid:34739692", None),
    ("PMC8566499", "pmcid:PMC8566499", None),
    ("pmcid: pmc8566499", "pmcid:PMC8566499", None),
    ("https://pmc.ncbi.nlm.nih.gov/articles/PMC8566499/", "pmcid:PMC8566499", None),
    ("https://www.ncbi.nlm.nih.gov/pmc/PMC8566499/?v=2.15.0", "pmcid:PMC8566499", None),
    ("https://www.ncbi.nlm.nih.gov/pmc/articles/PMC8566499.2/pdf/main.pdf", "pmcid:PMC8566499", 2),
]

NOT_WRITTEN = [
    "", "v2", "12345", "PMC", "pmid:0", "2508.1342", "2508.134267", "1412.12345", "1501.1234",
    "2513.13426", "2500.13426", "0703.1234", "2508.13426v0", "2508.13426 2508.13427",
    "hep-th/9913001", "hep-th/0704001", "hep-zz/9901001", "stat/0701001", "10.1038", "10.1038/",
    "10.1038/a b", "doi:", "https://arxiv.org/list/cs.CL/new", "https://arxiv.org.evil.example/abs/2508.13426",
    "https://example.org/abs/2508.13426", "https://huggingface.co/2508.13426",
    "https://pubmed.ncbi.nlm.nih.gov/rss-feed/?feed_id=1", "see arXiv:2508.13426",
    "https://openreview.net/forum?id=abc", "https://europepmc.org/article/PPR/PPR123",
    "https://www.biorxiv.org/content/early/recent", "pmcid:", "CorpusId:215416146",
    "http://biorxiv.org/cgi/content/short/2026.12.16.571984v1?rss=1",  # which prefix?
]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "version"), WRITTEN)
def test_a_written_form_leads_to_its_alias(text: str, name: str, version: int | None) -> None:
    found = parse(text)
    assert found is not None
    assert (str(found[0]), found[1]) == (name, version)


@pytest.mark.parametrize("text", NOT_WRITTEN)
def test_what_is_no_identifier_is_not_guessed(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("name", sorted({name for _, name, _ in WRITTEN}))
def test_the_addresses_of_an_alias_lead_back_to_it(name: str) -> None:
    scheme, _, value = name.partition(":")
    for version, address in [
        (v, a) for v in (None, 2) for a in urls(Alias(scheme, value), v).values()
    ]:
        stated = version if scheme == "arxiv" else None
        assert parse(address) == (Alias(scheme, value), stated)


dois = st.builds("10.{}/{}".format, st.integers(1000, 99999), st.text(min_size=1, max_size=30))
months = st.builds("{:02}{:02}".format, st.integers(15, 89), st.integers(1, 12))
arxiv_ids = st.builds("{}.{:05}v{}".format, months, st.integers(1, 99999), st.integers(1, 99))
fragments = st.sampled_from(
    ["10.1101/", "10.64898/2026.05.19.", "articles/", ".full.pdf", "2508.13426", "v2", "1",
     "arXiv:", "doi:", "https://", "doi.org/", "arxiv.org/abs/",
     "doi/full/", "%2F", "%", "(", ")", ">", "?", "#", " ", "PMC1", "pmid:7", ".", "/",
     "hep-th/9901001"]
)  # fmt: skip
written = st.one_of(
    st.text(), dois, arxiv_ids, dois.map("https://doi.org/{}".format),
    st.lists(fragments, max_size=8).map("".join),
)  # fmt: skip


@given(written)
def test_an_alias_is_its_own_canonical_form(text: str) -> None:
    if found := parse(text):
        assert parse(str(found[0])) == (found[0], None)
        for address in urls(found[0]).values():
            again = parse(address)
            assert again is not None
            assert again[0] == found[0]


@given(arxiv_ids)
def test_every_arxiv_id_keeps_its_number_and_version(text: str) -> None:
    number, _, version = text.partition("v")
    assert parse(f"https://arxiv.org/abs/{text}") == (Alias("arxiv", number), int(version))


@pytest.mark.parametrize(
    "unit", ["a", "9", "10.1/", "(", ")", "%25", "arxiv:", "https://", "a.", "-", "v1", " ", "PMC"]
)
def test_long_hostile_text_is_no_identifier(unit: str) -> None:
    starts = ("10.1101/", "https://doi.org/10.1101/", "https://a.b/articles/10.1000/", "PMC1")
    for start in ("", "arXiv:2508.13426", *starts):
        assert parse(start + unit * (100_000 // len(unit))) is None


def test_the_longest_text_that_is_read_is_read_to_the_end() -> None:
    for unit in (")", "%25", "(>", ".)"):
        assert parse("10.1101/x" + unit * (1_900 // len(unit)) + "x") is not None


def test_a_guid_belongs_to_its_feed() -> None:
    assert str(guid("nature", " tag:1 ")) == "guid:nature|tag:1"
    assert guid("nature", "1") != guid("science", "1")
    assert urls(guid("nature", "1")) == {}


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("http://Example.ORG/Paper/", "https://example.org/Paper"),
        (
            "https://example.org:443/a?utm_source=x&id=7&rss=1&UTM_medium=rss#top",
            "https://example.org/a?id=7",
        ),
        ("https://example.org/a?rss", "https://example.org/a"),
        ("https://example.org/a?rsskey=1&x=", "https://example.org/a?rsskey=1&x="),
        ("http://example.org:8080", "https://example.org:8080"),
        ("https://ada:secret@example.org/", "https://example.org"),
        ("https://[2001:db8::1]/a", "https://[2001:db8::1]/a"),
    ],
)
def test_a_link_loses_what_differs_between_feeds(url: str, canonical: str) -> None:
    assert link(url) == Alias("url", canonical)
    assert urls(Alias("url", canonical)) == {"url": canonical}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/a",
        "example.org/a",
        "mailto:a@b.c",
        "https://",
        "http://[",
        "https://a b/",
        "https://a:b/",
    ],
)
def test_what_is_no_web_address_is_no_link(url: str) -> None:
    assert link(url) is None


@given(
    st.one_of(
        st.text(), st.text().map("https://example.org/{}".format), st.text().map("http://{}".format)
    )
)
def test_a_canonical_link_stays_as_it_is(url: str) -> None:
    if alias := link(url):
        assert link(alias.value) == alias


# What a person types


NAMED = [
    ("2508.13426v2", ["arxiv:2508.13426"]),
    (" \u200b arXiv:2508.13426 ", ["arxiv:2508.13426"]),
    ("arxiv:2508.13426", ["arxiv:2508.13426"]),
    ("guid:nature|tag:1", ["guid:nature|tag:1"]),
    ("guid:nature", []),
    ("url:https://openreview.net/forum?id=abc", ["url:https://openreview.net/forum?id=abc"]),
    ("URL:https://arxiv.org/abs/2106.15928v1", ["arxiv:2106.15928"]),
    ("https://openreview.net/forum?id=a&utm_source=x", ["url:https://openreview.net/forum?id=a"]),
    ("openreview.net/forum?id=abc", ["url:https://openreview.net/forum?id=abc"]),
    ("https://j.example/plosone/article?id=10.1371/journal.pone.1", ["doi:10.1371/journal.pone.1"]),
    ("https://j.example/x/10.1371/journal.pone.1/pdf", ["doi:10.1371/journal.pone.1"]),
    ("tag:blog.example,2026:1", []),
    ("", []),
]


@pytest.mark.parametrize(("text", "names"), NAMED)
def test_what_a_person_types_is_understood_as_an_alias(text: str, names: list[str]) -> None:
    assert [str(alias) for alias in named(text)][: max(1, len(names))] == names


@given(written)
def test_an_alias_as_lists_print_it_is_understood_among_others(text: str) -> None:
    for alias in [guid("feed", one_line(text)), *named(text)]:
        assert alias in named(str(alias))


# The key of a title


TITLE = "Attention Is All You Need, Again"
SAME_TITLE = [
    "ATTENTION IS ALL YOU NEED, AGAIN",
    "Attention is all-you-need: again!",
    "  Attention  is «all» you need — again.",
    "Áttention ïs all you neéd, agäin",
    "Atten\u00adtion is all you need, again",
    "Ａttention is all you need, again",
    "WITHDRAWN: Attention is all you need, again",
    "[Retracted] Attention is all you need, again",
    "RETRACTED ARTICLE: Attention is all you need, again",
    "(Withdrawn) Attention is all you need, again",
    "Preprint: Retracted: Attention is all you need, again",
    "Attention is all you need, again (Preprint)",
]


@pytest.mark.parametrize("title", SAME_TITLE)
def test_two_writings_of_a_title_have_one_key(title: str) -> None:
    assert title_key(title) == title_key(TITLE) == "attentionisallyouneedagain"


@pytest.mark.parametrize(
    "title",
    [
        "Attention is all you need, again 2",
        "Correction to: Attention is all you need, again",
        "Erratum: Attention is all you need, again",
        "Reply to: Attention is all you need, again",
        "Comment on “Attention is all you need, again”",
        "Retraction: Attention is all you need, again",
        "Again attention is all you need",
    ],
)
def test_another_paper_has_another_key(title: str) -> None:
    assert title_key(title) not in (title_key(TITLE), None)


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("Bounds of n²⁻ᵝ for Müller–Łukasz graphs", "boundsofn2βformullerlukaszgraphs"),
        ("x" * 400, "x" * 300),
        ("云南九种樟科植物种子的萌发", "云南九种樟科植物种子的萌发"),
        ("がん細胞の増殖と免疫応答の解析", "がん細胞の増殖と免疫応答の解析"),
    ],
)
def test_the_key_of_a_title_is_stored_and_must_not_change(title: str, key: str) -> None:
    assert title_key(title) == key


@pytest.mark.parametrize(
    "title",
    [
        "", "?", "Editorial", "Introduction", "Erratum", "WITHDRAWN:", "Reply", "Book Reviews",
        "Author Correction", "Editorial Board", "Issue Information", "In This Issue", "目次",
        "Introduction to the Special Issue", "Guest Editorial: Special Section",
        "Acknowledgement of Reviewers", "Thanks to our Peer Reviewers 2026", "Preface",
        "Letter from the Editor-in-Chief", "Instructions for Authors", "Conference abstracts 2026",
    ],
)  # fmt: skip
def test_a_title_that_many_papers_bear_has_no_key(title: str) -> None:
    assert title_key(title) is None


titles = st.text() | st.lists(st.sampled_from(["Graphs ", "über ", "n²", "-", "图", ":"])).map(
    "".join
)


@given(titles)
def test_a_key_is_letters_and_digits_and_its_own_key(title: str) -> None:
    key = title_key(title)
    if key is not None:
        assert not re.search(r"[\W_]", unicodedata.normalize("NFKC", key))
        assert 10 <= len(key) <= 300


@given(titles, st.sampled_from([" ", "-", ": ", " «", "\u2009", "!? "]))
def test_punctuation_and_case_do_not_change_a_key(title: str, sign: str) -> None:
    words = title.replace(":", "").split()
    assert title_key(sign.join(words)) == title_key(" ".join(words))


def test_the_keys_of_two_thousand_titles_take_milliseconds() -> None:
    many = [f"{number} notes on the scaling of naïve language models" for number in range(2_000)]
    begun = time.perf_counter()
    assert len({title_key(title) for title in many}) == 2_000
    assert time.perf_counter() - begun < 0.2


@pytest.mark.parametrize("unit", ["[", "(", " ", "withdrawn: ", "removed ", "the", "é", "thank"])
def test_a_hostile_title_has_its_key_in_time(unit: str) -> None:
    begun = time.perf_counter()
    title_key(unit * (1_000_000 // len(unit)))
    assert time.perf_counter() - begun < 1
