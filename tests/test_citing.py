"""References: what is written reads back, whatever a source put into a title or a name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import bibtexparser
import pytest
import rispy
from bibtexparser.middlewares import NameParts, SeparateCoAuthors, SplitNameParts
from hypothesis import given
from hypothesis import strategies as st

from notifier.papers import bibliography, citing
from notifier.papers.bibliography import Form
from notifier.papers.byline import Author, author, authors
from notifier.papers.paper import Paper
from notifier.papers.text import one_line

from .builders import a_paper

DAY = datetime(2026, 11, 19, 8, tzinfo=UTC)
HOSTILE = (
    "{unbalanced", "un}balanced", "}}, author = {Eve}} @article{x, title = {", "back\\slash\\",
    "50% of $5 & #1 a_b ~ ^ | <i>", "line\r\nbreak\nTY  - BOOK\nER  - \n", "\u202eleft\u2066",
    "@article{ @ {", "@comment", "and", "A and B", "others", "Doe, Jane, and, more", ",", "\\",
    "\\input{/etc/passwd}", '"quoted" = {x}', "\x00\x1b[31m\ud800", "Grüße 中文 \u0301", "#",
    "'t Hooft, Gerard", "'", "agents @ GPT-4",
)  # fmt: skip
texts = st.sampled_from(HOSTILE) | st.text(max_size=60) | st.text('{}\\"@%&$#_~^<>|,=aZ \nand')
TEX = {
    r"{\textbackslash}": "\\", r"{\textbraceleft}": "\x01", r"{\textbraceright}": "\x02",
    r"{\textasciitilde}": "~", r"{\textasciicircum}": "^", r"{\textless}": "<",
    r"{\textgreater}": ">", r"{\textbar}": "|", r"\&": "&", r"\%": "%", r"\$": "$", r"\#": "#",
    r"\_": "_",
}  # fmt: skip
COMMAND = re.compile("|".join(map(re.escape, TEX)))


def read(entry: str) -> Any:
    """The one entry that a BibTeX reader finds, its authors taken apart."""
    library = bibtexparser.parse_string(
        entry, append_middleware=[SeparateCoAuthors(), SplitNameParts()]
    )
    assert library.failed_blocks == []
    assert library.comments == library.strings == library.preambles == []
    (found,) = library.entries
    return found


def untex(text: str) -> str:
    """What TeX prints of a field; fails on a command or a sign that it would act upon."""
    decoded = COMMAND.sub(lambda found: TEX[found[0]], text)
    rest = COMMAND.sub("", text)
    assert not re.search(r"[\\%$#_&~^]", rest), text
    return decoded.replace("{", "").replace("}", "").replace("\x01", "{").replace("\x02", "}")


def written(name: NameParts) -> str:
    """A name that was taken apart, as `Family, Given, Generation`."""
    family = " ".join((*name.von, *name.last))
    parts = (family, " ".join(name.first), " ".join(name.jr))
    return ", ".join(untex(part) for part in parts if part)


def is_clean(text: str) -> bool:
    """Whether no character is a control, a sign of direction or half a pair."""
    return not re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", text)


def an_article(**values: Any) -> Paper:
    fixed = {
        "aliases": ("arxiv:2611.00001", "doi:10.1000/a_b.1"), "authors": ("Ada Lovelace",),
        "categories": ("cs.CL", "cs.AI"), "published_at": DAY, "journal": "Journal of Agents",
        "urls": {"abs": "https://arxiv.org/abs/2611.00001v2",
                 "pdf": "https://arxiv.org/pdf/2611.00001v2"},
    }  # fmt: skip
    title = values.pop("title", "LLM agents: a survey & more")
    return a_paper(title, "First.\nSecond.", **(fixed | values))


# Names.


@pytest.mark.parametrize(
    ("name", "family", "given", "generation"),
    [
        ("Jane Doe", "Doe", "Jane", ""), ("Doe, Jane", "Doe", "Jane", ""),
        ("Doe JA", "Doe", "J. A.", ""), ("Doe J. A.", "Doe", "J. A.", ""),
        ("van der Berg J-P", "van der Berg", "J.-P.", ""), ("J. A. Doe", "Doe", "J. A.", ""),
        ("Ludwig van Beethoven", "van Beethoven", "Ludwig", ""),
        ("Guido Van Rossum", "Van Rossum", "Guido", ""), ("danah boyd", "boyd", "danah", ""),
        ("Jane Doe, Jr.", "Doe", "Jane", "Jr."), ("Doe, Jr., Jane", "Doe", "Jane", "Jr."),
        ("John Smith III", "Smith", "John", "III"), ("JOHN DOE", "DOE", "JOHN", ""),
        ("Jane Doe (MIT (CSAIL))", "Doe", "Jane", ""),
        ("李 明", "李", "明", ""), ("김 민준", "김", "민준", ""), ("山田 太郎", "山田", "太郎", ""),
        ("José Álvarez-Ruiz", "Álvarez-Ruiz", "José", ""),
        ("'t Hooft, Gerard", "'t Hooft", "Gerard", ""),
        ("Plato", "Plato", "", ""), ("王小明", "王小明", "", ""),
        ("The ATLAS Collaboration", "The ATLAS Collaboration", "", ""),
        ("DeepSeek-AI", "DeepSeek-AI", "", ""), ("The Anh Han", "Han", "The Anh", ""),
        ("the pandas development team", "the pandas development team", "", ""),
        ("Gemma Team", "Gemma Team", "", ""),
        ("Institute of Physics, Prague", "Institute of Physics, Prague", "", ""),
    ],
)  # fmt: skip
def test_a_name_is_taken_apart_as_it_is_written(
    name: str, family: str, given: str, generation: str
) -> None:
    assert author(name) == Author(family, given, generation)


def test_what_holds_no_letter_is_no_author() -> None:
    assert authors(("Ada Lovelace", " ", ",", "\u202e")) == (Author("Lovelace", "Ada"),)


# BibTeX.


def test_an_arxiv_paper_is_cited_as_arxiv_exports_it() -> None:
    paper = an_article(
        title="Attention Is All You Need", aliases=("arxiv:1706.03762",), id="arxiv:1706.03762",
        authors=("Ashish Vaswani", "Łukasz Kaiser"), published_at=datetime(2017, 6, 12, tzinfo=UTC),
        journal=None,
    )  # fmt: skip
    assert citing.bibtex(paper).splitlines() == [
        "@misc{vaswani2017attention,",
        "  title = {Attention Is All You Need},",
        "  author = {Vaswani, Ashish and Kaiser, Łukasz},",
        "  year = {2017},",
        "  eprint = {1706.03762},",
        "  archivePrefix = {arXiv},",
        "  primaryClass = {cs.CL},",
        "  url = {https://arxiv.org/abs/1706.03762},",
        "}",
    ]


def test_a_published_paper_is_an_article_with_both_its_names() -> None:
    entry = read(citing.bibtex(an_article(journal="Phys. Rev. D 76, 013009 (2027)")))
    assert entry.entry_type == "article"
    fields = {name: field.value for name, field in entry.fields_dict.items() if name != "author"}
    assert fields == {
        "title": r"{LLM} agents: a survey \& more", "journal": "Phys. Rev. D 76, 013009",
        "year": "2027", "eprint": "2611.00001", "archivePrefix": "arXiv", "primaryClass": "cs.CL",
        "doi": "10.1000/a_b.1", "url": "https://doi.org/10.1000/a_b.1",
    }  # fmt: skip


def test_a_paper_of_no_known_journal_is_no_article() -> None:
    entry = citing.bibtex(an_article(id="doi:10.1000/a_b.1", aliases=(), journal=None))
    assert entry.startswith("@misc{")
    assert "doi = {10.1000/a_b.1}" in entry
    assert "eprint" not in entry
    assert "primaryClass" not in entry


@pytest.mark.parametrize(
    ("journal", "doi"), [("Cell", "10.1016/j.cell.1"), (None, "10.1101/2026.05.19.726321")]
)
def test_an_article_has_the_doi_of_its_journal_and_a_preprint_its_own(
    journal: str | None, doi: str
) -> None:
    dois = ("doi:10.1016/j.cell.1", "doi:10.1101/2026.05.19.726321")
    for aliases in (dois, dois[::-1]):
        paper = an_article(id=aliases[0], aliases=aliases, journal=journal)
        assert read(citing.bibtex(paper)).fields_dict["doi"].value == doi


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("BERT: Bidirectional Transformers", "{BERT}: Bidirectional Transformers"),
        ("Retrieval-Augmented Generation for LLMs", "Retrieval-Augmented Generation for {LLMs}"),
        ("A GPT-4-based agent", "A {GPT}-4-based agent"),
        ("Learning about people of Berlin with iPhones",
         "Learning about people of {Berlin} with {iPhones}"),
        ("The Role of Vitamin D", "The Role of Vitamin {D}"),
        ("Learning A Language", "Learning A Language"),
        ("AT&T's network", r"{AT\&T's} network"),
    ],
)  # fmt: skip
def test_capitals_that_would_be_lost_stand_in_braces(title: str, expected: str) -> None:
    assert f"  title = {{{expected}}},\n" in citing.bibtex(a_paper(title))


def test_a_key_stays_when_a_journal_is_learnt_later() -> None:
    keys = {
        read(citing.bibtex(paper)).key
        for paper in (an_article(journal=None), an_article(journal="Cell (2027)"))
    }
    assert keys == {"lovelace2026llm"}


@pytest.mark.parametrize(
    ("title", "names", "key"),
    [
        ("On the Rôle of Größe", ("Jörg Øster-Straße",), "osterstrasse2026role"),
        ("An agent", ("The ATLAS Collaboration",), "atlas2026agent"),
        ("一个智能体", ("王小明",), "anonymous2026arxiv261100001"),
        ("Of the", (), "anonymous2026arxiv261100001"),
    ],
)
def test_a_key_is_readable_and_ascii(title: str, names: tuple[str, ...], key: str) -> None:
    assert read(citing.bibtex(a_paper(title, authors=names))).key == key


@pytest.mark.parametrize(
    ("name", "published", "year"),
    [
        ("arxiv:2601.00001", datetime(2025, 12, 31, tzinfo=UTC), "2025"),
        ("arxiv:1706.03762", datetime(2026, 11, 19, tzinfo=UTC), "2017"),
        ("arxiv:hep-th/9901001", None, "1999"),
        ("doi:10.1000/x", DAY, "2026"),
        ("doi:10.1000/x", None, ""),
    ],
)
def test_the_year_is_that_of_the_first_version(
    name: str, published: datetime | None, year: str
) -> None:
    found = re.search(r"year = \{(.*)\}", citing.bibtex(a_paper(id=name, published_at=published)))
    assert (found[1] if found else "") == year


@given(texts, st.lists(texts, max_size=4), texts, texts)
def test_bibtex_reads_back_what_any_source_wrote(
    title: str, names: list[str], journal: str, link: str
) -> None:
    paper = a_paper(
        title, title, authors=tuple(names), journal=journal, aliases=(f"doi:10.1000/{link}",),
        categories=(title, journal), urls={"page": f"https://example.org/{link}", "pdf": link},
        id="guid:feed|1",
    )  # fmt: skip
    made = citing.bibtex(paper)
    entry = read(made)
    fields = {name: field.value for name, field in entry.fields_dict.items()}
    assert re.fullmatch(r"[a-z0-9]+", entry.key)
    assert untex(fields.get("title", "")) == one_line(title)
    assert [written(name) for name in fields.get("author", [])] == [
        ", ".join(part for part in (a.family, a.given, a.generation) if part)
        for a in authors(names)
    ]
    assert len(made.splitlines()) == len(fields) + 2
    assert set(fields) <= {"title", "author", "journal", "year", "doi", "url"}
    assert is_clean(made.replace("\n", ""))


@given(texts)
def test_braces_are_balanced_as_bibtex_counts_them(text: str) -> None:
    made = citing.bibtex(an_article(title=text, authors=(text,), journal=text))
    depths = [
        made[: place + 1].count("{") - made[: place + 1].count("}") for place in range(len(made))
    ]
    assert min(depths) >= 0
    assert depths[-1] == 0
    assert depths.index(0, depths.index(1)) == made.rindex("}"), "the entry ends at its end only"


# RIS.


@pytest.mark.parametrize(
    ("values", "kind"),
    [({}, "JOUR"), ({"journal": None}, "UNPB"),
     ({"journal": None, "id": "doi:10.1101/2026.05.19.726321", "aliases": ()}, "UNPB"),
     ({"journal": None, "id": "doi:10.1000/x", "aliases": ()}, "GEN")],
)  # fmt: skip
def test_ris_tells_articles_from_preprints(values: dict[str, Any], kind: str) -> None:
    assert citing.ris(an_article(**values)).startswith(f"TY  - {kind}\r\n")


def test_a_ris_record_has_crlf_lines_and_one_value_on_each() -> None:
    assert citing.ris(an_article()) == (
        "TY  - JOUR\r\nAU  - Lovelace, Ada\r\nTI  - LLM agents: a survey & more\r\n"
        "JO  - Journal of Agents\r\nAB  - First. Second.\r\nPY  - 2026\r\nDA  - 2026/11/19/\r\n"
        "DO  - 10.1000/a_b.1\r\nUR  - https://doi.org/10.1000/a_b.1\r\n"
        "L1  - https://arxiv.org/pdf/2611.00001\r\nER  - \r\n"
    )


@given(texts, st.lists(texts, max_size=4), texts)
def test_ris_reads_back_what_any_source_wrote(title: str, names: list[str], text: str) -> None:
    paper = an_article(
        title=title, authors=tuple(names), journal=text, urls={"pdf": f"https://{text}"}
    )
    made = citing.ris(paper)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9]  - .*", line) for line in made.split("\r\n")[:-1])
    assert is_clean(made.replace("\r\n", ""))
    (record,) = rispy.loads(made)
    assert record.get("title", "") == one_line(title)
    assert record.get("authors", []) == list(map(str, authors(names)))
    assert record["abstract"] == "First. Second."
    assert record["doi"] == "10.1000/a_b.1"


# Meta tags.


def test_a_page_is_tagged_as_scholar_asks() -> None:
    assert citing.meta_tags(an_article(authors=("Ada Lovelace", "Charles Babbage"))) == (
        ("citation_title", "LLM agents: a survey & more"),
        ("citation_author", "Lovelace, Ada"),
        ("citation_author", "Babbage, Charles"),
        ("citation_publication_date", "2026/11/19"),
        ("citation_journal_title", "Journal of Agents"),
        ("citation_doi", "10.1000/a_b.1"),
        ("citation_arxiv_id", "2611.00001"),
        ("citation_pdf_url", "https://arxiv.org/pdf/2611.00001"),
    )


@given(texts, texts)
def test_a_tag_is_never_empty_and_always_one_line(text: str, link: str) -> None:
    paper = a_paper(text, authors=(text,), journal=text, urls={"pdf": link}, id="guid:feed|1")
    for name, content in citing.meta_tags(paper):
        assert content
        assert content == one_line(content)
        assert name != "citation_pdf_url" or content.startswith(("http://", "https://"))


# CSL JSON.

CSL_TEXTS = {"id", "citation-key", "type", "title", "container-title", "abstract", "DOI", "URL",
             "number", "archive", "archive_location", "publisher"}  # fmt: skip


def test_an_arxiv_paper_is_a_preprint_as_zotero_takes_it() -> None:
    paper = an_article(aliases=("arxiv:2611.00001",), journal=None, authors=("Jane Doe, Jr.",))
    assert citing.csl(paper) == {
        "id": "doe2026llm",
        "citation-key": "doe2026llm",
        "type": "article",
        "title": "LLM agents: a survey & more",
        "author": [{"family": "Doe", "given": "Jane", "suffix": "Jr."}],
        "issued": {"date-parts": [[2026, 11, 19]]},
        "abstract": "First. Second.",
        "URL": "https://arxiv.org/abs/2611.00001",
        "number": "arXiv:2611.00001",
        "archive": "arXiv",
        "archive_location": "2611.00001",
        "publisher": "arXiv",
    }


def test_a_published_paper_is_an_article_of_its_journal_in_csl_too() -> None:
    item = citing.csl(an_article(journal="Phys. Rev. D 76 (2027)", authors=("ATLAS Team",)), "k")
    assert (item["id"], item["type"]) == ("k", "article-journal")
    assert (item["container-title"], item["DOI"]) == ("Phys. Rev. D 76", "10.1000/a_b.1")
    assert item["issued"] == {"date-parts": [[2027]]}
    assert item["author"] == [{"literal": "ATLAS Team"}]
    assert "publisher" not in item
    unknown = citing.csl(a_paper("Something", id="url:https://example.org/x", published_at=None))
    assert (unknown["type"], "issued" in unknown) == ("document", False)


@given(title=texts, name=texts, journal=texts, abstract=texts)
def test_csl_holds_what_was_written_in_fields_that_there_are(
    title: str, name: str, journal: str, abstract: str
) -> None:
    paper = a_paper(title, abstract, authors=(name,), journal=journal, aliases=("doi:10.1/x",))
    text = "".join(bibliography.written(Form.csl, [paper]))
    (item,) = json.loads(text.encode())
    names, issued = item.pop("author", []), item.pop("issued", {"date-parts": [[2026]]})
    assert set(item) <= CSL_TEXTS
    assert all(isinstance(one, str) and is_clean(one) for one in item.values())
    assert {part for one in names for part in one} <= {"family", "given", "suffix", "literal"}
    assert all(isinstance(part, int) for part in issued["date-parts"][0])
    assert item.get("title", "") == one_line(title)


# Many in one file.


def several(*titles: str) -> list[Paper]:
    return [a_paper(title, row=n, authors=("Jane Doe",)) for n, title in enumerate(titles, 1)]


def test_no_two_papers_of_a_file_have_the_same_key_and_those_before_keep_theirs() -> None:
    papers = several(*["Deep nets"] * 30, "Deepb nets", "Deep nets")
    text = "".join(bibliography.written(Form.bibtex, papers))
    keys = [entry.key for entry in bibtexparser.parse_string(text).entries]
    assert len(set(keys)) == 32
    assert keys[:3] == ["doe2026deep", "doe2026deepb", "doe2026deepc"]
    assert keys[25:27] == ["doe2026deepz", "doe2026deepba"]
    assert keys[30:] == ["doe2026deepbe", "doe2026deepbf"]
    shorter = "".join(bibliography.written(Form.bibtex, papers[:5]))
    assert text.startswith(shorter)
    items = json.loads("".join(bibliography.written(Form.csl, papers)))
    assert [item["id"] for item in items] == keys


def test_a_file_is_written_as_its_papers_come() -> None:
    taken = []

    def coming() -> Iterator[Paper]:
        for paper in several("One", "Two", "Three"):
            taken.append(paper.title)
            yield paper

    for form in Form:
        taken.clear()
        text = bibliography.written(form, coming())
        first = next(text)
        first = next(text) if first == "[" else first
        assert taken == ["One"]
        assert "One" in first
    assert len(rispy.loads("".join(bibliography.written(Form.ris, several("One", "Two"))))) == 2


def test_a_file_of_no_papers_is_empty_or_an_empty_list() -> None:
    assert ["".join(bibliography.written(form, ())) for form in Form] == ["", "", "[]\n"]
