"""Google Scholar queries to rules: one query on a line.

Pure, never raises (see `translation`). As Scholar reads them: words all have to occur, anywhere
(ours would be a phrase); `OR` and `|` join neighbours and bind tighter than that; quotes take
words exactly; `-` excludes. A line that begins with `#` is a comment.
"""

from __future__ import annotations

import re

from notifier.profiles.parser import Where
from notifier.profiles.rules import Node
from notifier.profiles.translating.query_tokens import PARENTHESES, QUOTED, Token, Tokens
from notifier.profiles.translating.terms import leaf, near, none_of
from notifier.profiles.translating.translation import Draft, Part, Translation

_YEARS = "years are not looked for: a digest brings what is new"
_NOTHING = "it has nothing to join"
_ALONE = "nothing stands behind it"
_GOOGLE = "only Google knows that"
# Scholar's fields that have no counterpart, and why.
_NOT_HERE = {
    "source": "journals are not looked for (source: in a rule names a feed)",
    "site": "web sites are not looked for",
    "inurl": "web addresses are not looked for",
    "filetype": "kinds of files are not looked for",
    "ext": "kinds of files are not looked for",
    "related": _GOOGLE, "cites": _GOOGLE, "cite": _GOOGLE, "link": _GOOGLE, "cache": _GOOGLE,
    "before": _YEARS, "after": _YEARS, "daterange": _YEARS,
    "lang": "languages are not looked for",
}  # fmt: skip
_IN: dict[str, Where] = {
    "intitle": "title", "allintitle": "title", "intext": "text", "allintext": "text",
    "author": "author", "inauthor": "author",
}  # fmt: skip
_TOKEN = re.compile(
    rf"\s+|{QUOTED}|(?P<around>AROUND\s?\(\s*[0-9]{{1,9}}\s*\))|{PARENTHESES}|(?P<or>\|+)"
    r"|(?P<not>[-−–]+(?=[^\s|)]))"
    rf"|(?P<field>(?i:{'|'.join([*_NOT_HERE, *_IN])}):)"
    r'|(?P<word>[^\s"“”„()|]+)'
)
_YEAR_RANGE = re.compile(r"\d{4}(?:\.\.(?:\d{4})?|[-–](?:19|20)\d\d)|\.\.\d{4}")
_OPERATORS = {"OR": "or", "AND": "and", "NOT": "not"}


def translate(text: str) -> Translation:
    """Return the rules of Scholar queries, one on a line."""
    draft = Draft(text)
    for start, end in draft.lines():
        line = draft.text[start:end].strip()
        if not line or line.startswith("#"):
            draft.keep(start, line)
        else:
            draft.write_query(_Query(draft, start, end).read(), start, end)
    return draft.finish()


class _Query:
    """Recursive descent over one query's tokens."""

    def __init__(self, draft: Draft, start: int, end: int) -> None:
        self._draft = draft
        self._span = start, end
        self._tokens = Tokens(draft, _TOKEN, start, end)

    def read(self) -> Node | None:
        found = self._all("text")
        while self._tokens.now.kind != "end":
            self._tokens.take_stray("it closes nothing")
            found = self._both(found, self._all("text"))
        return found

    def _both(self, left: Node | None, right: Node | None) -> Node | None:
        start, end = self._span
        parts = [Part(node, start, end) for node in (left, right) if node]
        return self._draft.all_of(parts) if parts else None

    def _kind(self) -> str:
        token = self._tokens.now
        return _OPERATORS.get(token.text, token.kind)

    def _name(self) -> str:
        """The name of the field at hand, in small letters; "" where there is none."""
        token = self._tokens.now
        return token.text.rstrip(":").lower() if token.kind == "field" else ""

    def _all(self, where: Where) -> Node | None:
        parts = []
        while not self._tokens.at_end:
            if self._kind() == "and":
                sign = self._tokens.take()
                if self._tokens.at_end:
                    self._draft.lose(sign.start, sign.end, _NOTHING)
            elif self._kind() in ("or", "around"):
                self._tokens.take_stray(_NOTHING)
            elif self._name().startswith("allin"):
                where = _IN[self._name()]
                field = self._tokens.take()
                if self._tokens.at_end:
                    self._draft.lose(field.start, field.end, _ALONE)
            else:
                start = self._tokens.now.start
                if node := self._any(where):
                    parts.append(Part(node, start, self._tokens.read_to))
        return self._draft.all_of(parts) if parts else None

    def _any(self, where: Where) -> Node | None:
        parts = []
        while True:
            start = self._tokens.now.start
            if node := self._item(where):
                parts.append(Part(node, start, self._tokens.read_to))
            if self._kind() != "or":
                break
            sign = self._tokens.take()
            if self._tokens.at_end or self._kind() in ("or", "and"):
                self._draft.lose(sign.start, sign.end, _NOTHING)
        return self._draft.any_of(parts) if parts else None

    def _item(self, where: Where) -> Node | None:
        """One term, perhaps excluded, perhaps near to others."""
        first, excluded = self._tokens.now, False
        while self._kind() == "not":
            excluded = True
            sign = self._tokens.take()
            if self._tokens.at_end or self._kind() in ("or", "and", "around"):
                self._draft.lose(sign.start, sign.end, _NOTHING)
        found = last = self._part(where)
        while self._kind() == "around":
            sign = self._tokens.take()
            right = self._part(where)
            found, last = self._near(found, last, right, sign), right
        if found is None or not excluded:
            return found
        kept = found
        return self._draft.made(first.start, self._tokens.read_to, lambda: none_of(kept))

    def _near(
        self, found: Node | None, left: Node | None, right: Node | None, sign: Token
    ) -> Node | None:
        distance = int("".join(filter(str.isdigit, sign.text)))
        if left is None or right is None:
            self._draft.lose(sign.start, sign.end, _NOTHING)
            return found or right
        joined = self._draft.made(sign.start, sign.end, lambda: near(left, right, distance))
        if joined and found is left:
            return joined
        return self._both(found, joined or right)

    def _part(self, where: Where) -> Node | None:
        match self._kind():
            case "open":
                with self._tokens.group() as entered:
                    return self._all(where) if entered else None
            case "field":
                return self._fielded()
            case "quoted" | "word":
                return self._words(self._tokens.take(), where)
        return None

    def _words(self, token: Token, where: Where) -> Node | None:
        quoted = token.kind == "quoted"
        typed = token.inside if quoted else token.text.lstrip("+~")
        if not quoted and _YEAR_RANGE.fullmatch(typed):
            self._draft.lose(token.start, token.end, _YEARS)
            return None
        self._draft.note_small_operator(token.start, token.end)
        return self._draft.made(token.start, token.end, lambda: leaf(typed, where, exact=quoted))

    def _fielded(self) -> Node | None:
        name, field = self._name(), self._tokens.take()
        if self._kind() not in ("open", "quoted", "word"):
            self._draft.lose(field.start, field.end, _ALONE)
            return None
        if name in _NOT_HERE:
            self._tokens.skip_part()
            self._draft.lose(field.start, self._tokens.read_to, _NOT_HERE[name])
            return None
        if name.startswith("all"):
            self._draft.lose(field.start, field.end, f"read as {name[3:]}: behind OR or -")
        elif name == "intext":
            self._draft.note(field.start, field.end, "title and abstract are the text here")
        return self._part(_IN[name])
