"""BibTeX, as people and programs write it: an entry that is broken costs itself alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from bibtexparser.entrypoint import parse_string
from bibtexparser.model import Block, DuplicateBlockKeyBlock, Entry, ParsingFailedBlock

from notifier.papers.text import one_line
from notifier.sources.bibliographies.work import Bibliography, Unread, Work, work

_NAMES = ("doi", "eprint", "url", "howpublished", "arxiv", "arxivid", "pmid", "pmcid", "note")


def read(text: str) -> Bibliography:
    """Return the works of a BibTeX file; of two entries with one key both count.

    Source: https://bibtexparser.readthedocs.io (the blocks that failed, with their lines).
    """
    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # what failed is told by us
    works, unread = list[Work](), list[Unread]()
    for block in parse_string(text).blocks:
        line = (block.start_line or 0) + 1
        found: Block | None = block
        if isinstance(block, DuplicateBlockKeyBlock):
            found = block.ignore_error_block  # what it would have been
        if isinstance(found, Entry):
            if made := _work(found, line):
                works.append(made)
            else:
                unread.append(Unread(line, f"{found.key or 'an entry'}: no title and no id"))
        elif isinstance(found, ParsingFailedBlock):
            unread.append(Unread(line, _why(found.error)))
    return Bibliography("bibtex", tuple(works), tuple(unread))


def _why(error: Exception) -> str:
    """Why a block failed, in a line."""
    said = getattr(error, "abort_reason", "") or str(error)
    return one_line(said) or "an entry that does not end"


def _work(entry: Entry, line: int) -> Work | None:
    fields = {name.lower(): str(field.value) for name, field in entry.fields_dict.items()}
    return work(
        line,
        title=fields.get("title", ""),
        abstract=fields.get("abstract", ""),
        authors=_people(fields.get("author", "")),
        keywords=_listed(fields.get("keywords", "")),
        names=_named(fields),
    )


def _named(fields: dict[str, str]) -> Iterator[str]:
    for name in _NAMES:
        if value := fields.get(name, "").strip("{} "):
            yield f"PMID: {value}" if name == "pmid" else value


def _people(written: str) -> list[str]:
    names = " ".join(written.split()).split(" and ")
    return [name for name in names if name.strip("{} ").lower() != "others"]


def _listed(written: str) -> list[str]:
    return [word for part in written.split(";") for word in part.split(",")]
