"""A paper as reference managers and search engines read it: BibTeX, RIS, CSL JSON, meta tags.

Pure. Whatever a source wrote, each value stays inside its own field, on one line. Letters stand as
they are (UTF-8); only signs that TeX would take for commands are written as commands.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from notifier.papers import cited
from notifier.papers.byline import Author
from notifier.papers.paper import Paper
from notifier.papers.text import one_line

# Commands for braces, since BibTeX counts the one of `\{`, too.
_TEX = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_"},
        "\\": r"{\textbackslash}",
        "{": r"{\textbraceleft}",
        "}": r"{\textbraceright}",
        "~": r"{\textasciitilde}",
        "^": r"{\textasciicircum}",
        "<": r"{\textless}",
        ">": r"{\textgreater}",
        "|": r"{\textbar}",
    }
)
_VERBATIM = re.compile(r"[\\{}\s\"<>]")  # what may not stand in a field that is no TeX
_WORD = re.compile(r"[^\W_](?:[^\s:;,!?()\[\]\"“”‘’/–—-]*[^\W_])?")
_LONG_WORD = 4


def key(paper: Paper) -> str:
    """Return the key that a paper is cited by; two papers may have the same."""
    return cited.key(paper, cited.facts(paper))


def bibtex(paper: Paper, key: str = "") -> str:
    """Return one BibTeX entry, with a line feed at its end; `key`: "": its own.

    `@article` where the journal is known, else `@misc`; an arXiv paper has `eprint`,
    `archivePrefix` and `primaryClass` as in arXiv's own export. The key stays when a journal is
    learnt later.

    Source: info.arxiv.org/help/hypertex/bibstyles (fields); BibTeX's btxdoc 3.1 and 4 (types,
        names, braces); the biblatex manual, 2.2 (doi, eprint and url are read verbatim).
    """
    facts = cited.facts(paper)
    fields = {
        "title": _title(facts.title),
        "author": " and ".join(map(_name, facts.authors)),
        "journal": _tex(facts.journal),
        "year": str(facts.year or ""),
        "eprint": facts.arxiv,
        "archivePrefix": "arXiv" if facts.arxiv else "",
        "primaryClass": facts.category,
        "doi": _verbatim(facts.doi),
        "url": _verbatim(facts.page),
    }
    kind = "article" if facts.journal else "misc"
    lines = (f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@{kind}{{{key or cited.key(paper, facts)},\n{''.join(lines)}}}\n"


def ris(paper: Paper) -> str:
    """Return one RIS record: CRLF line ends, each value on one line.

    Source: RIS format specifications (Reference Manager, 2011): `JOUR` an article, `UNPB` an
        unpublished work, `GEN` anything else; `DA` is `YYYY/MM/DD/`.
    """
    facts = cited.facts(paper)
    unpublished = "UNPB" if facts.is_preprint else "GEN"
    lines = [
        ("TY", "JOUR" if facts.journal else unpublished),
        *(("AU", str(author)) for author in facts.authors),
        ("TI", facts.title),
        ("JO", facts.journal),
        ("AB", one_line(paper.abstract)),
        ("PY", str(facts.year or "")),
        ("DA", f"{facts.day:%Y/%m/%d}/" if facts.day else ""),
        ("DO", facts.doi),
        ("UR", facts.page),
        ("L1", facts.pdf),
    ]
    return "".join(f"{tag}  - {value}\r\n" for tag, value in lines if value) + "ER  - \r\n"


def csl(paper: Paper, key: str = "") -> dict[str, Any]:
    """Return one item of CSL JSON, ready for `json.dumps`; `key`: "": its own.

    `article-journal` where the journal is known, `article` for a preprint, else `document`. An
    arXiv paper has its id as `number`, as Zotero writes it, and as `archive_location`.

    Source: CSL 1.0.2, appendices III (types) and IV (variables), and its csl-data.json (dates,
        names).
    """
    facts = cited.facts(paper)
    unpublished = "article" if facts.is_preprint else "document"
    day = facts.day
    parts = [day.year, day.month, day.day] if day else [facts.year] if facts.year else []
    own = key or cited.key(paper, facts)
    item = {
        "id": own,
        "citation-key": own,
        "type": "article-journal" if facts.journal else unpublished,
        "title": facts.title,
        "author": [_csl_name(one) for one in facts.authors],
        "container-title": facts.journal,
        "issued": {"date-parts": [parts]} if parts else {},
        "abstract": one_line(paper.abstract),
        "DOI": facts.doi,
        "URL": facts.page,
        "number": f"arXiv:{facts.arxiv}" if facts.arxiv else "",
        "archive": "arXiv" if facts.arxiv else "",
        "archive_location": facts.arxiv,
        "publisher": "arXiv" if facts.arxiv and not facts.journal else "",
    }
    return {name: value for name, value in item.items() if value}


def _csl_name(author: Author) -> dict[str, str]:
    """A name in its parts; whole what is not to be taken apart, as a group's."""
    if not author.given:
        return {"literal": str(author)}
    parts = {"family": author.family, "given": author.given, "suffix": author.generation}
    return {name: part for name, part in parts.items() if part}


def meta_tags(paper: Paper) -> tuple[tuple[str, str], ...]:
    """Return (name, content) of the meta elements for a paper's page, not yet escaped.

    `citation_author` stands once for each author, in order.

    Source: scholar.google.com/intl/en/scholar/inclusion.html, "Indexing Guidelines" (Highwire
        Press tags; dates as `2010/5/12` or the year alone).
    """
    facts = cited.facts(paper)
    day = f"{facts.day:%Y/%m/%d}" if facts.day else str(facts.year or "")
    tags = [
        ("citation_title", facts.title),
        *(("citation_author", str(author)) for author in facts.authors),
        ("citation_publication_date", day),
        ("citation_journal_title", facts.journal),
        ("citation_doi", facts.doi),
        ("citation_arxiv_id", facts.arxiv),
        ("citation_pdf_url", facts.pdf),
    ]
    return tuple((name, content) for name, content in tags if content)


def _tex(line: str) -> str:
    return line.translate(_TEX)


def _verbatim(text: str) -> str:
    return _VERBATIM.sub(lambda found: quote(found[0]), text)


def _name(author: Author) -> str:
    """`Family, Given`; in braces what is not to be taken apart: groups, and what is no name."""
    parts = [part for part in (author.family, author.generation, author.given) if part]
    is_name = author.given and all(part[0].isalnum() or part[0] in "'’‘" for part in parts)
    is_name = is_name and all(_tex(part) == part for part in parts)
    return ", ".join(parts) if is_name else f"{{{_tex(str(author))}}}"


def _title(title: str) -> str:
    """The title with braces round words whose capitals a style in small letters would lose.

    These are words with a capital behind the first letter or alone; in a title written as a
    sentence also those that begin with one. BibTeX leaves the title's first letter itself.
    """
    long = [word for word in _WORD.findall(title)[1:] if len(word) >= _LONG_WORD]
    is_sentence = 2 * sum(word[0].islower() for word in long) > len(long)
    out, end = "", 0
    for found in _WORD.finditer(title):
        word = found[0]
        kept = any(map(str.isupper, word[1:])) or (
            end > 0 and word[0].isupper() and (is_sentence or (len(word) == 1 and word != "A"))
        )
        out += _tex(title[end : found.start()])
        out += f"{{{_tex(word)}}}" if kept else _tex(word)
        end = found.end()
    return out + _tex(title[end:])
