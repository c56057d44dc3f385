"""Make a mail small enough to be shown whole.

Pure. Mail programs hide the end of a long mail, and with it the way to unsubscribe (Gmail after
about 102 KB). The mail is built and measured: abstracts are shortened first, the longest most, then
papers are shown by their titles only, the last first. The footer always stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from notifier.digests import budget
from notifier.digests.cards import Card, CardSection
from notifier.digests.view import DigestView

MAIL_BYTES = 95_000
# So many bytes less at each step, at least.
_STEP = 500


def fit(view: DigestView, build: Callable[[DigestView], bytes]) -> bytes:
    """Return a mail of at most `MAIL_BYTES`; a frame without papers that is larger stays so."""
    mail = build(view)
    while len(mail) > MAIL_BYTES:
        smaller = _with_shorter_abstracts(view, len(mail) - MAIL_BYTES)
        smaller = smaller or _with_a_card_less(view) or _with_a_line_less(view)
        if smaller is None:
            return mail
        view, mail = smaller, build(smaller)
    return mail


def _with_shorter_abstracts(view: DigestView, over: int) -> DigestView | None:
    """The same without so many bytes of abstracts; None where there are none left."""
    weights = [budget.weight(card.summary.abstract) for card in view.cards]
    if not any(weights):
        return None
    most = budget.level(weights, sum(weights) - max(over, _STEP))
    sections = tuple(
        replace(
            section,
            cards=tuple(_shortened(card, most) for card in section.cards),
        )
        for section in view.sections
    )
    return replace(view, sections=sections)


def _shortened(card: Card, most: float) -> Card:
    abstract = budget.shortened(card.summary.abstract, most)
    words = "".join(segment.text for segment in abstract)
    return replace(card, summary=replace(card.summary, abstract=abstract, plain_abstract=words))


def _with_a_card_less(view: DigestView) -> DigestView | None:
    """The same with the last paper but one as a title only; None where only one is left."""
    cards = view.cards
    if len(cards) < 2:
        return None
    last = max(cards, key=lambda card: card.number)
    kept = (
        CardSection(one.name, tuple(c for c in one.cards if c is not last)) for one in view.sections
    )
    sections = tuple(section for section in kept if section.cards)
    return replace(view, sections=sections, lines=(last.line, *view.lines))


def _with_a_line_less(view: DigestView) -> DigestView | None:
    if not view.lines:
        return None
    return replace(view, lines=view.lines[:-1], more=view.more + 1)
