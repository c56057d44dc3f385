"""What a mail's HTML and CSS is made of, and which mail programs do not know it.

Pure. `uses` lists every element, attribute, kind of link, property, function, unit, selector and
at-rule of an HTML text; `slug` maps each to its page of caniemail.com; `lacking` asks that page's
results. What is on no list is unknown, so a word that is new to the checker is told, not passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import tinycss2
from tinycss2.ast import Node

Feature = Mapping[str, Any]

CLIENTS = {  # caniemail's families, with the platforms that are asked
    "gmail": ("desktop-webmail", "ios", "android"),
    "outlook": ("windows", "outlook-com"),
    "apple-mail": ("macos", "ios"),
    "yahoo": ("desktop-webmail", "ios", "android"),
    "protonmail": ("desktop-webmail", "ios", "android"),
    "thunderbird": ("macos", "windows"),
}
OLDEST_WINDOWS_OUTLOOK = (2013,)  # each of its versions is asked, of all other programs the newest
_CELLS = ("td", "th")
_BASIC = "-"  # on no page: part of HTML 2 or CSS 1, or read by no mail program

_ELEMENTS = {
    **dict.fromkeys(("html", "head", "title", "meta", "a", "br"), _BASIC),
    **dict.fromkeys(("table", "tbody", "tr", "td", "th"), "html-table"),
    **{f"h{level}": "html-h1-h6" for level in range(1, 7)},
    **dict.fromkeys(("b", "strong"), "html-strong"),
    **dict.fromkeys(("ul", "ol", "li"), "html-lists"),
    **dict.fromkeys(("main", "article", "section", "header", "footer", "nav"), "html-semantics"),
    **{name: f"html-{name}" for name in (
        "body", "style", "div", "p", "span", "img", "hr", "pre", "code", "small", "blockquote",
        "abbr", "bdi", "wbr", "del", "form", "picture", "video", "audio", "svg", "select", "meter",
        "progress", "link", "base", "object", "marquee", "dialog",
    )},
}  # fmt: skip
_ATTRIBUTES = {
    # `class` is what media queries find an element by; `border` is of HTML 3.2.
    **dict.fromkeys(("style", "class", "href", "charset", "name", "content", "border"), _BASIC),
    **{name: f"html-{name}" for name in (
        "align", "background", "cellpadding", "cellspacing", "dir", "height", "hidden", "lang",
        "role", "srcset", "target", "valign", "width", "aria-hidden", "aria-label",
    )},
}  # fmt: skip
_META_NAMES = {
    "viewport": _BASIC,
    "color-scheme": "html-meta-color-scheme",
    "supported-color-schemes": "html-meta-color-scheme",  # its older name, in Apple Mail
}
_LINKS = {"http": _BASIC, "https": _BASIC, "mailto": "html-mailto-links", "": "html-anchor-links"}
_SIDES = r"(?:-(?:top|right|bottom|left))?"
_PROPERTIES = [  # the first pattern that fits; else the property has a page of its own name
    (re.compile("color"), _BASIC),
    (re.compile(f"(margin|padding){_SIDES}"), r"css-\1"),
    (re.compile(f"border{_SIDES}(?:-(?:color|style|width))?"), "css-border"),
    (re.compile("font-(?:family|style)"), "css-font"),
]
_FUNCTIONS = {"rgb": "css-rgb", "rgba": "css-rgba", "var": "css-variables", "calc": "css-unit-calc"}
_AT_RULES = ("media", "font-face", "import", "keyframes", "supports")
_WIDTHS = ("min-width", "max-width")  # part of `@media` itself
_COMBINATORS = {
    ">": "css-selector-child", "+": "css-selector-adjacent-sibling",
    "~": "css-selector-general-sibling", "*": "css-selector-universal",
    ",": "css-selector-grouping",
}  # fmt: skip


_CONDITIONAL = re.compile(r"\[if mso\]>(.*)<!\[endif\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Use:
    """One thing used: its name as people write it, where, with what value.

    `slug` is its page of caniemail, `-` where every program knows it. `aside`: in a media query or
    in a comment for Outlook, so that a program which does not know it does not see it either.
    """

    name: str
    slug: str
    element: str = ""
    value: str = ""
    aside: bool = False


def uses(html: str) -> set[Use]:
    """Return what a mail is made of; a slug of "" marks what is not known to the checker."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[Use] = set()
        self._in_style = False

    def handle_decl(self, decl: str) -> None:
        self.found.add(Use("doctype", "html-doctype", value=decl))

    def handle_comment(self, data: str) -> None:
        self.found.add(Use("comment", "html-comments", value=data))
        if conditional := _CONDITIONAL.fullmatch(data):
            self.found.update(replace(use, aside=True) for use in uses(conditional[1]))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        self.found.add(Use(f"<{tag}>", _ELEMENTS.get(tag, ""), tag))
        for name, value in attrs:
            self.found.add(Use(name, _ATTRIBUTES.get(name, ""), tag, value or ""))
            if name == "style":
                self.found.update(_declarations(value or "", tag))
            elif name == "href":
                scheme = urlsplit(value or "").scheme
                self.found.add(Use(f"{scheme}: link", _LINKS.get(scheme, ""), tag))
            elif tag == "meta" and name == "name":
                self.found.add(Use(f"meta {value}", _META_NAMES.get(value or "", ""), tag))

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.found.update(_rules(tinycss2.parse_stylesheet(data, skip_whitespace=True)))


def _rules(rules: Iterable[Node], *, aside: bool = False) -> Iterator[Use]:
    for rule in rules:
        if rule.type == "comment":
            yield Use("CSS comment", "css-comments", aside=aside)
        elif rule.type == "at-rule":
            known = rule.lower_at_keyword in _AT_RULES
            slug = f"css-at-{rule.lower_at_keyword}" if known else ""
            yield Use(f"@{rule.at_keyword}", slug, aside=aside)
            yield from _media_features(rule.prelude)
            inside = tinycss2.parse_rule_list(rule.content or (), skip_whitespace=True)
            yield from _rules(inside, aside=True)
        elif rule.type == "qualified-rule":
            yield from _selectors(rule.prelude, aside)
            yield from _declarations(rule.content, "style", aside=aside)
        else:
            yield Use(f"CSS {rule.type}", "", value=str(rule.message))


def _media_features(prelude: Iterable[Node]) -> Iterator[Use]:
    for block in prelude:
        if block.type == "() block":
            name = next(token.lower_value for token in block.content if token.type == "ident")
            if name not in _WIDTHS:
                yield Use(f"@media {name}", f"css-at-media-{name}")


def _selectors(prelude: list[Node], aside: bool) -> Iterator[Use]:
    text = tinycss2.serialize(prelude).strip()
    for mark, slug in _COMBINATORS.items():
        if mark in text:
            yield Use(f"selector {mark}", slug, aside=aside)
    for name, pattern, slug in (
        ("class", r"\.[\w-]+", "css-selector-class"),
        ("id", r"#[\w-]+", "css-selector-id"),
        ("type", r"(?<![\w.#:-])[a-z][\w-]*", "css-selector-type"),
        ("attribute", r"\[", "css-selector-attribute"),
        ("descendant", r"[\w\])]\s+[\w.#\[:]", "css-selector-descendant"),
        ("chaining", r"[\w-][.#][\w-]", "css-selector-chaining"),
    ):
        if re.search(pattern, text):
            yield Use(f"selector {name}", slug, aside=aside)
    for colons, name in re.findall(r"(::?)([\w-]+)", text):
        kind = "element" if len(colons) == 2 else "class"
        yield Use(f"{colons}{name}", f"css-pseudo-{kind}-{name}", aside=aside)


def _declarations(source: str | list[Node], element: str, *, aside: bool = False) -> Iterator[Use]:
    for one in tinycss2.parse_blocks_contents(source, skip_whitespace=True):
        if one.type == "comment":
            yield Use("CSS comment", "css-comments", element, aside=aside)
        elif one.type != "declaration":
            yield Use(f"CSS {one.type}", "", element, aside=aside)
        else:
            value = tinycss2.serialize(one.value).strip()
            slug = _property_slug(one.lower_name, value)
            yield Use(one.lower_name, slug, element, value, aside)
            if one.important:
                yield Use("!important", "css-important", element, aside=aside)
            yield from _values(one.value, element, aside)


def _property_slug(name: str, value: str) -> str:
    if name == "display" and value in ("none", "flex", "grid"):
        return f"css-display-{value}"
    for pattern, slug in _PROPERTIES:
        if found := pattern.fullmatch(name):
            return found.expand(slug)
    return f"css-{name}"


def _values(tokens: Iterable[Node], element: str, aside: bool) -> Iterator[Use]:
    for token in tokens:
        if token.type == "function":
            name = token.lower_name
            slug = _FUNCTIONS.get(name, f"css-function-{name}")
            yield Use(f"{name}()", slug, element, aside=aside)
            yield from _values(token.arguments, element, aside)
        elif token.type == "dimension":
            unit = token.lower_unit
            yield Use(f"unit {unit}", f"css-unit-{unit}", element, aside=aside)
        elif token.type == "percentage":
            yield Use("unit %", "css-unit-percent", element, aside=aside)
        elif token.type == "hash" and len(token.value) not in (3, 6):
            yield Use("#rrggbbaa", "css-modern-color", element, aside=aside)
        elif token.type in ("url", "error"):
            yield Use(f"CSS {token.type}", "", element, aside=aside)


# Notes of pages that say "partial", and when they concern a use; a note on no list always does.
_NOTES: dict[str, dict[str, Callable[[Use], bool]]] = {
    "html-align": {"`<img>` elements": lambda use: use.element == "img"},
    "html-dir": {"on anchor `<a>`": lambda use: use.element == "a"},
    "html-lang": {"on `<td>`": lambda use: use.element == "td"},
    "html-role": {"Only works on the `<table>`": lambda use: use.element != "table"},
    "html-width": {
        "on `<img>`": lambda use: use.element == "img",
        "120 dpi mode": lambda use: False,  # as sizes in attributes do everywhere else
    },
    "html-style": {
        "inside the `<body>`": lambda use: False,  # ours is in the head, which comes first,
        "declared before": lambda use: False,
        "16 KB": lambda use: False,  # and holds media queries only
    },
    "css-border": {
        "bigger than 8px": lambda use: any(int(n) > 8 for n in re.findall(r"(\d+)px", use.value)),
        "on a `<p>` or a `<div>`": lambda use: use.element in ("p", "div"),
    },
    "css-display-none": {
        "nested `<table>`": lambda use: use.element not in ("div", "p", "span"),
        "to an `<img>`": lambda use: use.element == "img",
    },
    "css-font-size": {"`rem` values": lambda use: "rem" in use.value},
    "css-line-height": {"`em` and `px`": lambda use: "px" in use.value or "em" in use.value},
    "css-margin": {
        "Negative values": lambda use: "-" in use.value,
        "on `<span>` and `<body>`": lambda use: use.element == "span",
        "inside the `margin`": lambda use: use.element == "p" and not is_zero(use.value),
        "`auto` value": lambda use: "auto" in use.value,
    },
    "css-max-width": {"on `<table>` elements": lambda use: use.element != "table"},
    "css-overflow": {
        "`overflow-block`": lambda use: use.name != "overflow",
        "scroll": lambda use: use.value != "hidden",
    },
    "css-padding": {
        "on table cells": lambda use: use.element not in _CELLS and not is_zero(use.value),
        "Vertical padding": lambda use: False,  # no row has two cells of padding
    },
    "css-text-decoration": {
        "multiple values": lambda use: " " in use.value,
        "`overline`": lambda use: "overline" in use.value,
    },
    "css-width": {"on `<body>`": lambda use: use.element not in ("table", *_CELLS)},
}


def is_zero(value: str) -> bool:
    """Whether a length is nothing at all."""
    return not re.search(r"[1-9]", value)


def unknown(found: Iterable[Use], pages: Mapping[str, Feature]) -> set[str]:
    """Return the names of what the checker knows nothing about."""
    return {use.name for use in found if use.slug != _BASIC and use.slug not in pages}


def lacking(found: Iterable[Use], pages: Mapping[str, Feature]) -> dict[str, set[str]]:
    """Return the programs that do not know what is used, by its name.

    Args:
        pages: caniemail's features by slug. `n` is no support; `a` is partial, and counts where a
            note concerns the use; `u` (not tested) does not count.
    """
    out: dict[str, set[str]] = {}
    for use in found:
        if use.slug in pages and not use.aside:
            page = pages[use.slug]
            for family, platforms in CLIENTS.items():
                results = _results(page["stats"].get(family, {}), family, platforms)
                if any(_fails(use, result, page.get("notes_by_num") or {}) for result in results):
                    out.setdefault(use.name, set()).add(family)
    return out


def _results(
    stats: Mapping[str, Mapping[str, str]], family: str, platforms: Iterable[str]
) -> Iterator[str]:
    """What the versions that count were found to do, as `y`, `n`, `u` or `a #1 #2`."""
    for platform in platforms:
        versions = {_number(version): result for version, result in stats.get(platform, {}).items()}
        if (family, platform) == ("outlook", "windows"):
            yield from (versions[n] for n in versions if n >= OLDEST_WINDOWS_OUTLOOK)
        elif versions:
            yield versions[max(versions)]


def _number(version: str) -> tuple[int, ...]:
    """`16.80`, `2024-10` or `2019` in order."""
    return tuple(int(digits) for digits in re.findall("[0-9]+", version))


def _fails(use: Use, result: str, notes: Mapping[str, str]) -> bool:
    support, *numbers = result.split()
    if support != "a":
        return support == "n"
    known = _NOTES.get(use.slug, {})
    texts = [notes.get(number.lstrip("#"), "") for number in numbers]
    return not texts or any(
        all(concerns(use) for part, concerns in known.items() if part in text) for text in texts
    )
