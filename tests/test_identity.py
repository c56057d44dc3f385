"""Identifiers: every written form leads to one alias, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.papers.identity import Alias, guid, link, parse, urls

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
    # arXiv before April 2007
    ("hep-th/9901001v1", "arxiv:hep-th/9901001", 1),
    ("math.CA/0611800v2", "arxiv:math/0611800", 2),
    ("arXiv:cond-mat.stat-mech/0703001", "arxiv:cond-mat/0703001", None),
    ("http://arxiv.org/abs/cmp-lg/9405001v1", "arxiv:cmp-lg/9405001", 1),
    # DOI
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
    # PubMed
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
    ["10.1101/", "2508.13426", "v2", "arXiv:", "doi:", "https://", "doi.org/", "arxiv.org/abs/",
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
    for start in ("", "10.1101/", "https://doi.org/10.1101/", "arXiv:2508.13426", "PMC1"):
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
