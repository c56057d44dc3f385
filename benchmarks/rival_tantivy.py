"""tantivy (Rust) from PyPI: one search for each profile."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, TypeAlias

from rival import Measured, timed
from streams import COLUMNS, AllOf, Category, OneOf, Pair, Question, Run, Streams, question

from notifier.papers.paper import Paper
from notifier.profiles.rules import Rules

Query: TypeAlias = Any  # tantivy is there only where somebody installed it
HEAP_BYTES = 200_000_000


class Tantivy:
    """An index in memory, of one segment, so that documents keep the papers' places.

    Args:
        counts_building: The time to make query objects of a question counts, too.
    Raises:
        ImportError: From `prepare`, where tantivy is not installed.
    """

    def __init__(self, *, counts_building: bool) -> None:
        self._counts_building = counts_building
        self.name = "tantivy, with building" if counts_building else "tantivy, search alone"

    def prepare(self, papers: Sequence[Paper]) -> None:
        """Index the papers, one thread, one segment."""
        tantivy = importlib.import_module("tantivy")
        self._streams = Streams(papers)
        builder = tantivy.SchemaBuilder()
        for column in COLUMNS:
            builder.add_text_field(column, tokenizer_name="whitespace")
        schema = builder.build()
        index = tantivy.Index(schema)
        writer = index.writer(heap_size=HEAP_BYTES, num_threads=1)
        for texts in self._streams.papers:
            document = tantivy.Document()
            for column, words in zip(COLUMNS, texts, strict=True):
                document.add_text(column, " ".join(words))
            writer.add_document(document)
        writer.commit()
        index.reload()
        self._searcher = index.searcher()
        if self._searcher.num_segments != 1:
            raise RuntimeError("tantivy made several segments: places would be lost")
        self._builder = _Builder(tantivy, schema)
        self._papers = len(papers)

    def match(
        self, profiles: Iterable[Rules], keep: int | None = 15, seconds: float = 60
    ) -> Measured:
        """Search for the best, or count."""
        ask: Callable[[Query], int] = self._count if keep is None else partial(self._best, keep)
        questions: Iterator[Any] = (question(p, self._streams) for p in profiles)

        def build_and_ask(asked: Question) -> int:
            return ask(self._builder.query(asked))

        if self._counts_building:
            return timed(build_and_ask, questions, seconds)
        built = (self._builder.query(asked) if asked else None for asked in questions)
        return timed(ask, built, seconds)

    def _best(self, keep: int, query: Query) -> int:
        return len(self._searcher.search(query, keep, count=False).hits)

    def _count(self, query: Query) -> int:
        return int(self._searcher.search(query, 1, count=True).count)

    def found(self, profile: Rules) -> frozenset[int]:
        """Return the places of all papers that match."""
        if (asked := question(profile, self._streams)) is None:
            return frozenset()
        hits = self._searcher.search(self._builder.query(asked), self._papers, count=False).hits
        return frozenset(address.doc for _, address in hits)

    def close(self) -> None:
        """Drop the index."""
        del self._searcher


class _Builder:
    """Questions to query objects."""

    def __init__(self, tantivy: Any, schema: Any) -> None:
        self._queries = tantivy.Query
        self._should, self._must = tantivy.Occur.Should, tantivy.Occur.Must
        self._must_not = tantivy.Occur.MustNot
        self._schema = schema

    def query(self, asked: Question) -> Query:
        match asked:
            case Run(columns=columns):
                return self._any(self._run(column, asked) for column in columns)
            case Pair(left=left, right=right, distance=distance):
                orders = ((left, right), (right, left))
                return self._any(
                    self._near(column, one, two, distance)
                    for column in left.columns
                    for one, two in orders
                )
            case Category(token=token):
                return self._queries.term_query(self._schema, "categories", token)
            case OneOf(parts=parts):
                return self._any(map(self.query, parts))
            case AllOf(parts=parts, without=without):
                wanted = ((self._must, self.query(part)) for part in parts)
                excluded = ((self._must_not, self.query(part)) for part in without)
                return self._queries.boolean_query(list(chain(wanted, excluded)))

    def _any(self, queries: Iterable[Query]) -> Query:
        found = list(queries)
        if len(found) == 1:
            return found[0]
        return self._queries.boolean_query([(self._should, query) for query in found])

    def _run(self, column: str, run: Run) -> Query:
        words = _words(run)
        if len(words) > 1:
            return self._phrase(column, words, is_regex=run.is_prefix)
        term = self._queries.regex_query if run.is_prefix else self._queries.term_query
        return term(self._schema, column, words[0])

    def _near(self, column: str, one: Run, two: Run, distance: int) -> Query:
        """Gaps between any of the words, not only between the phrases: nearly what was asked."""
        words, is_regex = _words(one) + _words(two), one.is_prefix or two.is_prefix
        return self._phrase(column, words, distance - 1, is_regex=is_regex)

    def _phrase(self, column: str, words: list[str], slop: int = 0, *, is_regex: bool) -> Query:
        phrase = self._queries.regex_phrase_query if is_regex else self._queries.phrase_query
        return phrase(self._schema, column, words, slop)


def _words(run: Run) -> list[str]:
    """Return the words of a phrase, as regular expressions where the last is a prefix."""
    return [*run.tokens[:-1], run.tokens[-1] + (".*" if run.is_prefix else "")]
