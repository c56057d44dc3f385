"""What a form on a paper's feedback page asks to change in a reader's rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from notifier.papers.paper import Paper
from notifier.profiles.amending import blocked, is_term, only_in_title
from notifier.profiles.hits import answers
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.parser import parse
from notifier.web.answers import Form

BLOCK, TITLE = "block", "title"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change of the profile in row `profile`: a term kept out, or a line narrowed to titles.

    `mark` stands for the text that the page showed: a line's number means nothing in another.
    """

    do: str
    profile: int
    term: str
    line: int
    mark: int

    @classmethod
    def sent(cls, form: Form) -> Wanted:
        """Return what a form asks for, whatever was sent."""
        profile, line, mark = (form.number(name) for name in ("profile", "line", "mark"))
        return cls(form.one("do"), profile, form.one("term"), line, mark)

    @property
    def is_any(self) -> bool:
        """Whether a change is asked for at all."""
        return bool(self.do)

    def is_about(self, paper: Paper) -> bool:
        """Whether it is a change that a page about this paper can offer."""
        if self.do == BLOCK:
            found = answers(parse(self.term), IndexedPaper(paper))
            return is_term(self.term) and any(answer.hits for answer in found)
        return self.do == TITLE

    @property
    def amend(self) -> Callable[[str], str]:
        """The change of a text; raises `NotAmendable`."""
        if self.do == BLOCK:
            return lambda rules: blocked(rules, self.term)
        return lambda rules: only_in_title(rules, self.line)

    @property
    def known_mark(self) -> int | None:
        """The mark of the text that it goes for; None for any."""
        return self.mark if self.do == TITLE else None
