"""A digest's two parts, encoded for the wire, from its view by the templates.

A paper's card is rendered and encoded once for everybody; what one reader alone sees of it, the
words that hit, how well it fits, the signed addresses, is filled in. The same view gives the same
bytes, whatever was printed before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal, TypeAlias

import css_inline
from markupsafe import Markup, escape

from notifier.digests.cards import Card, Link, Summary
from notifier.digests.excerpt import Segment
from notifier.digests.frame import frame, said
from notifier.digests.gaps import Gapped, gap, quoted, quoted_again, tidy, unquoted
from notifier.digests.render import Templates, wrapped
from notifier.digests.view import Bar, DigestView
from notifier.languages import Language
from notifier.latest import Latest

Part: TypeAlias = Literal["html", "txt"]
# So many cards, and so many ways in which words hit, are kept: some 8 kB each.
KEPT_CARDS: Final = 8192
KEPT_HITS: Final = 16384
KEPT_FRAMES: Final = 512
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Shown:
    """A card as its template gets it: what differs from reader to reader is a gap, or "".

    `fit` is what `fit.html.j2` or `fit.txt.j2` says, `number` is four columns wide.
    """

    number: str
    title: str
    plain_title: str
    page: str
    rising: str
    authors: str
    facts: tuple[str, ...]
    abstract: str
    fit: str
    why: str
    wanted: str
    links: tuple[Link, ...]
    actions: tuple[Link, ...]
    say_url: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What was printed of a summary: what fills gaps for all its readers, and their cards."""

    summary: Summary
    hits: Mapping[str, bytes]
    blanks: dict[tuple[object, ...], Gapped] = field(default_factory=dict)


class Printer:
    """Prints digests, and keeps the cards that it made: for one run."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._blanks = Latest[tuple[object, ...], tuple[Summary, Gapped]](KEPT_CARDS)
        self._kept = Latest[tuple[int, Part], Kept](KEPT_HITS)
        self._fits: dict[tuple[Part, str, int], bytes] = {}
        self._marks: dict[str, Gapped] = {}
        self._frames = Latest[tuple[object, ...], Gapped](KEPT_FRAMES)
        self._days: dict[tuple[str, Bar], bytes] = {}

    def parts(self, view: DigestView) -> tuple[bytes, bytes]:
        """Return the text and the HTML part, quoted-printable."""
        words = said(view)
        return tidy(self._printed("txt", view, words)), tidy(self._printed("html", view, words))

    def _printed(self, part: Part, view: DigestView, words: Mapping[str, str]) -> bytes:
        cards = tuple(len(section.cards) for section in view.sections)
        code, days, names = view.language.code, len(view.week), tuple(words)
        if not self._templates.has_own(name := f"mail/digest.{part}.j2"):
            blank = self._frame(part, code, names, cards, days)
            return blank.filled(self._said(part, view) | _sentences(part, words))

        def place(name: str) -> str:  # nothing of a frame of one's own is kept for another mail
            if name.startswith(("card.", "day.")):
                return _gap(part, name)
            return words[name] if part == "html" else _laid_out(name, words[name])

        shown = frame(names, cards, days, place)
        rendered = self._templates.render(name, code, frame=shown, view=view)
        return self._inlined(part, Gapped.of(rendered).filled(self._said(part, view)))

    def _inlined(self, part: Part, body: bytes) -> bytes:
        """Return a body with the styles in its head moved to their elements."""
        if part == "txt":
            return body
        inliner = css_inline.CSSInliner(
            keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False
        )
        return quoted(inliner.inline(unquoted(body)))

    def _said(self, part: Part, view: DigestView) -> dict[str, bytes]:
        """Return the cards and the rows of the week by the names of their places."""
        words = view.language
        cards = {f"card.{n}": self._card(part, words, card) for n, card in enumerate(view.cards)}
        days = {f"day.{n}": self._day(words.code, bar) for n, bar in enumerate(view.week)}
        return cards | days

    def _frame(
        self, part: Part, code: str, names: tuple[str, ...], cards: tuple[int, ...], days: int
    ) -> Gapped:
        """Return the frame of all mails that have as much of everything, with gaps."""
        key = (part, code, names, cards, days)
        if known := self._frames.get(key):
            return known
        blank = frame(names, cards, days, partial(_gap, part))
        rendered = self._templates.render(f"mail/digest.{part}.j2", code, frame=blank)
        return self._frames.put(key, Gapped.of(rendered))

    def _day(self, code: str, bar: Bar) -> bytes:
        key = (code, bar)
        if key not in self._days:
            rendered = self._templates.render("mail/day.html.j2", code, bar=bar)
            self._days[key] = quoted(rendered.removesuffix("\n"))
        return self._days[key]

    def _card(self, part: Part, words: Language, card: Card) -> bytes:
        kept = self._kept_of(part, words, card.summary)
        shape = (bool(card.wanted), bool(card.say_url), card.actions)
        if not (blank := kept.blanks.get(shape)):
            blank = self._blank(part, words.code, card, shape).partly(kept.hits)
            kept.blanks[shape] = blank
        own = _own_html(card) if part == "html" else _own_text(card)
        own["fit"] = self._fit(part, words.code, card.percent)
        return blank.filled(own)

    def _kept_of(self, part: Part, words: Language, summary: Summary) -> Kept:
        key = (id(summary), part)
        if known := self._kept.get(key):
            return known
        if part == "html":
            mark = self._mark(words.code)
            hits = {
                "title": _marked(summary.title, mark), "abstract": _marked(summary.abstract, mark),
                "authors": quoted(escape(summary.authors)), "why": quoted(escape(summary.why)),
            }  # fmt: skip
        else:
            why = words.gettext("Why: %(why)s", why=summary.why)
            hits = {"authors": _indented(summary.authors), "why": _indented(why)}
        return self._kept.put(key, Kept(summary, hits))  # with it, so that its id stays its own

    def _blank(self, part: Part, code: str, card: Card, shape: tuple[object, ...]) -> Gapped:
        """Return a paper's card with gaps, the same for all who see as much of it."""
        summary = card.summary
        abstract = summary.plain_abstract
        said = bool(abstract) if part == "html" else abstract
        key = (part, code, summary.paper.row, summary.rising, bool(summary.authors), said, shape)
        known = self._blanks.get(key)
        if known and known[0].paper == summary.paper:
            return known[1]
        rendered = self._templates.render(f"mail/card.{part}.j2", code, card=_shown(part, card))
        return self._blanks.put(key, (summary, Gapped.of(rendered.removesuffix("\n"))))[1]

    def _mark(self, code: str) -> Gapped:
        if code not in self._marks:
            rendered = self._templates.render("mail/hit.html.j2", code, words=_gap("html", "words"))
            self._marks[code] = Gapped.of(rendered.removesuffix("\n"))
        return self._marks[code]

    def _fit(self, part: Part, code: str, percent: int) -> bytes:
        key = (part, code, percent)
        if key not in self._fits:
            rendered = self._templates.render(f"mail/fit.{part}.j2", code, percent=percent)
            self._fits[key] = quoted(rendered.removesuffix("\n"))
        return self._fits[key]


def _gap(part: Part, name: str) -> str:
    return Markup(gap(name)) if part == "html" else gap(name)  # noqa: S704  a name of ours


def _sentences(part: Part, words: Mapping[str, str]) -> dict[str, bytes]:
    if part == "html":
        return {name: quoted_again(escape(said)) for name, said in words.items()}
    return {name: quoted_again(_laid_out(name, said)) for name, said in words.items()}


def _laid_out(name: str, words: str) -> str:
    """Return a sentence of the text part in lines; addresses stay whole."""
    match name.partition(".")[0]:
        case "problem":
            return wrapped(words, 2, "! ")
        case "section":
            return wrapped(f"== {words} ==")
        case "line" | "news":
            return wrapped(words, 2, "- ")
        case "what":
            return wrapped(words, 2, "  ")
        case "page" | "newspage" | "newsless" | "more" | "week":
            return words
        case _:
            return words if name.endswith("_url") else wrapped(words)


def _shown(part: Part, card: Card) -> Shown:
    summary = card.summary
    abstract = summary.plain_abstract
    return Shown(
        number=_gap(part, "number"),
        title=_gap(part, "title"),
        plain_title=summary.plain_title,
        page=summary.page,
        rising=summary.rising,
        authors=summary.authors and _gap(part, "authors"),
        facts=summary.facts,
        abstract=(abstract and _gap(part, "abstract")) if part == "html" else abstract,
        fit=_gap(part, "fit"),
        why=_gap(part, "why"),
        wanted=card.wanted and _gap(part, "wanted"),
        links=summary.links,
        actions=tuple((label, _gap(part, "say") + said) for label, said in card.actions),
        say_url=card.say_url and _gap(part, "say"),
    )


def _marked(segments: Sequence[Segment], mark: Gapped) -> bytes:
    out = b""
    for segment in segments:
        words = quoted(escape(segment.text))
        out += mark.filled({"words": words}) if segment.hit else words
    return out


def _indented(text: str) -> bytes:
    return quoted(wrapped(text, len(_INDENT), _INDENT))


def _own_html(card: Card) -> dict[str, bytes]:
    return {
        "say": quoted_again(escape(card.say_url)),
        "wanted": quoted_again(escape(card.wanted)) if card.wanted else b"",
    }


def _own_text(card: Card) -> dict[str, bytes]:
    wanted = wrapped(card.wanted, len(_INDENT), _INDENT) if card.wanted else ""
    return {
        "say": quoted_again(card.say_url),
        "wanted": quoted_again(wanted),
        "number": quoted_again(f"{card.number}. ".ljust(len(_INDENT))),
    }
