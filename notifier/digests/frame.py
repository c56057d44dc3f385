"""All of a digest but its papers, in sentences by name: the mail's head and foot.

Pure. `said` has a sentence for each name, and only what is there has a name; `Frame` is what a
template gets: the sentences themselves, or for the frame of all mails of the same shape, gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, fields

from notifier.digests.view import DigestView


@dataclass(frozen=True, slots=True)
class FrameSection:
    """The name over some cards, and the cards."""

    name: str
    cards: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FrameLine:
    """A paper's title, and the address of its page or ""."""

    title: str
    page: str


@dataclass(frozen=True, slots=True)
class FrameNews:
    """What happened to a paper, its title, the address of its page, and where to hear no more."""

    what: str
    title: str
    page: str
    less_url: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the papers; "" and () for what is not there.

    `week` is one line, `days` are the rows of its table (HTML only). Addresses end with `_url`.
    """

    subject: str
    preheader: str
    headline: str
    scanned: str
    intro: str
    problems: tuple[str, ...]
    sections: tuple[FrameSection, ...]
    lines: tuple[FrameLine, ...]
    news: tuple[FrameNews, ...]
    more: str
    week: str
    days: tuple[str, ...]
    missing: str
    footer: str
    service: str
    postal: str
    digest_url: str
    change_url: str
    pause_url: str
    unsubscribe_url: str
    all_url: str


def said(view: DigestView) -> dict[str, str]:
    """Return every sentence of a digest's frame by its name; lists count from 0."""
    found = {
        "subject": view.subject,
        "preheader": view.preheader,
        "headline": view.headline,
        "scanned": _scanned(view),
        "intro": _intro(view),
        "more": _more(view),
        "week": ", ".join(f"{bar.day} {bar.number}" for bar in view.week),
        "missing": _missing(view),
        "footer": _footer(view),
        "service": _service(view),
        "postal": view.service.postal_address,
        "digest_url": view.links.digest,
        "change_url": view.links.change,
        "pause_url": view.links.pause,
        "unsubscribe_url": view.links.unsubscribe,
        "all_url": view.links.all_of_it,
    }
    found |= {f"problem.{n}": problem for n, problem in enumerate(_problems(view))}
    found |= {f"section.{n}": section.name for n, section in enumerate(view.sections)}
    for n, line in enumerate(view.lines):
        found[f"line.{n}"], found[f"page.{n}"] = line.title, line.page
    for n, one in enumerate(view.news):
        told = {
            "what": one.what, "news": one.title, "newspage": one.page, "newsless": one.less_url,
        }  # fmt: skip
        found |= {f"{name}.{n}": words for name, words in told.items()}
    return {name: words for name, words in found.items() if words}


def frame(
    names: Collection[str], cards: Sequence[int], days: int, place: Callable[[str], str]
) -> Frame:
    """Return what a template gets.

    Args:
        names: Of all sentences that there are.
        cards: How many stand in each section; they are named `card.0` and so on.
        days: How many rows the week's table has, named `day.0` and so on.
        place: What stands for a name.
    """

    def one(name: str) -> str:
        return place(name) if name in names else ""

    def many(name: str) -> Iterator[str]:
        return (str(n) for n in range(len(names)) if f"{name}.{n}" in names)

    first = [sum(cards[:n]) for n in range(len(cards))]
    sections = (
        FrameSection(
            one(f"section.{n}"), tuple(place(f"card.{first[n] + k}") for k in range(count))
        )
        for n, count in enumerate(cards)
    )
    return Frame(
        **{name: one(name) for name in _SINGLE},
        problems=tuple(place(f"problem.{n}") for n in many("problem")),
        sections=tuple(sections),
        lines=tuple(FrameLine(place(f"line.{n}"), one(f"page.{n}")) for n in many("line")),
        news=tuple(
            FrameNews(
                place(f"what.{n}"), place(f"news.{n}"), one(f"newspage.{n}"), one(f"newsless.{n}")
            )
            for n in many("what")
        ),
        days=tuple(place(f"day.{n}") for n in range(days)),
    )


# The names of single sentences and addresses.
_SINGLE = tuple(field.name for field in fields(Frame) if field.type == "str")


def _scanned(view: DigestView) -> str:
    words = view.language
    papers = words.ngettext("%(n)s paper scanned", "%(n)s papers scanned", view.scanned)
    return f"{words.day(view.day)} · {papers}"


def _intro(view: DigestView) -> str:
    words = view.language
    if view.kind == "sample":
        return words.gettext(
            "This is what your rules found in the last days, so that you can see what they bring. "
            "From now on only new papers come; the next digest is due on %(day)s.",
            day=words.day(view.next_day),
        )
    if view.kind != "nothing":
        return ""
    none = words.ngettext(
        "None of %(n)s new paper fits your rules.", "None of %(n)s new papers fits your rules.",
        view.scanned,
    )  # fmt: skip
    if not view.sources:
        return none
    looked = words.gettext("Looked at: %(sources)s.", sources=words.listed(view.sources))
    return f"{none} {looked}"


def _problems(view: DigestView) -> Iterator[str]:
    words = view.language
    for notice in view.notices:
        broken = words.gettext("A rule in “%(profile)s” does not work.", profile=notice.profile)
        yield f"{broken} {notice.problem}"
    if view.more_notices:
        yield words.ngettext(
            "%(n)s more line does not work.", "%(n)s more lines do not work.", view.more_notices
        )


def _more(view: DigestView) -> str:
    if not view.more:
        return ""
    return view.language.ngettext("and %(n)s more", "and %(n)s more", view.more)


def _missing(view: DigestView) -> str:
    if not view.missing:
        return ""
    return view.language.gettext(
        "Not yet here: %(sources)s. What comes later is in your next digest.",
        sources="; ".join(view.missing),
    )


def _footer(view: DigestView) -> str:
    words = view.language
    because = (
        words.gettext(
            "You get this because %(address)s subscribed on %(day)s.",
            address=view.address, day=words.day(view.since),
        )
        if view.since
        else words.gettext("You get this because %(address)s subscribed.", address=view.address)
    )  # fmt: skip
    next_one = words.gettext("Next digest: %(day)s.", day=words.day(view.next_day))
    return f"{because} {view.when}. {next_one}"


def _service(view: DigestView) -> str:
    words, service = view.language, view.service
    if service.contact:
        return words.gettext(
            "%(service)s, run by %(contact)s. No tracking.",
            service=service.name, contact=service.contact,
        )  # fmt: skip
    return words.gettext("%(service)s. No tracking.", service=service.name)
