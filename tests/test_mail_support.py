"""Mail programs: a digest uses nothing that they do not know, but for what can be missing."""

from __future__ import annotations

import gzip
import json
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from .builders import a_paper
from .commands import Notifier, notifier
from .conftest import real_data
from .mail_support import Feature, lacking, unknown, uses
from .mails import a_digest, as_html
from .test_message import GOLDEN

__all__ = ["notifier"]

# What some programs do not know: which, and why a digest may use it all the same.
PROGRESSIVE: dict[str, tuple[str, str]] = {
    "doctype": ("outlook protonmail thunderbird yahoo", "tells browsers, no style depends on it"),
    "<body>": ("gmail outlook protonmail yahoo", "its colours stand on the outer table, too"),
    "<style>": ("gmail", "holds media queries only; gone with accounts of other services"),
    "@media": ("gmail outlook protonmail thunderbird yahoo", "less padding on a phone"),
    "@media prefers-color-scheme": (
        "gmail outlook protonmail thunderbird yahoo", "dark mode; others keep the light colours",
    ),
    "meta color-scheme": ("apple-mail gmail outlook protonmail yahoo", "says there is a dark mode"),
    "meta supported-color-schemes": (
        "apple-mail gmail outlook protonmail yahoo", "the same, as older programs call it",
    ),
    "role": ("yahoo", "for screen readers; `main` is kept on tables only"),
    "max-width": ("outlook", "Outlook has a table of 640 pixels round the page"),
    "max-height": ("outlook", "`display: none` hides the preheader; for Gmail's mobile web page"),
    "overflow": ("outlook", "the same"),
    "padding": ("outlook", "air inside what is no table cell; the air between has margins"),
    "margin": ("outlook", "the colour of a notice fills it"),
    "border-bottom": ("outlook", "the line under a card or a profile; margins part them as well"),
    "line-height": ("outlook", "the bar may be higher than 6 pixels"),
    "text-decoration": ("gmail protonmail", "titles are underlined"),
    "word-break": (
        "apple-mail gmail outlook protonmail yahoo", "very long words are broken elsewhere, or not",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def pages() -> dict[str, Feature]:
    """caniemail's pages by slug (github.com/hteumeuleu/caniemail)."""
    with gzip.open(real_data("email/caniemail_features.json.gz"), "rt", encoding="utf-8") as file:
        return {page["slug"]: page for page in json.load(file)}


def html_of(path: Path) -> str:
    part = message_from_bytes(path.read_bytes(), policy=policy.default).get_body(("html",))
    assert part is not None
    return str(part.get_content())


@pytest.fixture
def digests(notifier: Notifier) -> dict[str, str]:
    """The HTML of golden files, of the demo's mails, and of a digest that says all there is."""
    folder = notifier.folder / "mails"
    assert notifier("demo", "--once", "--no-browser", "--keep", folder).code == 0
    files = [*GOLDEN.glob("*.eml"), *folder.glob("*.eml")]
    files = [path for path in files if b"text/html" in path.read_bytes()]  # some are text alone
    assert len(files) >= 8
    paper = a_paper("LLM", "LLM.", organization="Q", signals={"upvotes": 2.0}, announce="cross")
    full = a_digest([paper], {"p": "LLM\n(open", "q": "LLM"}, more=2, missing=("arXiv",))
    return {path.name: html_of(path) for path in files} | {"full": as_html(full)}


def test_digests_use_what_mail_programs_know_and_the_rest_may_be_missing(
    digests: dict[str, str], pages: dict[str, Feature]
) -> None:
    found = {use for html in digests.values() for use in uses(html)}
    assert unknown(found, pages) == set(), "not known to the checker"
    missing = {name: " ".join(sorted(families)) for name, families in lacking(found, pages).items()}
    assert missing == {name: families for name, (families, _) in PROGRESSIVE.items()}


# The checker.


@pytest.mark.parametrize(
    ("html", "name", "families"),
    [
        ('<div style="display: flex">', "display", "gmail outlook"),
        ('<div style="padding: 1px">', "padding", "outlook"),
        ('<p style="width: 9px">', "width", "outlook"),
        ('<td style="font-size: 1rem">', "font-size", "outlook yahoo"),
        ('<p style="margin: 0 auto">', "margin", "outlook"),
        ('<p style="color: var(--x)">', "var()", "gmail outlook yahoo"),
        ('<style>a:hover > b { color: red }</style>', ":hover", "gmail outlook"),
        ("<p hidden>", "hidden", "gmail outlook yahoo"),
        ("<form>", "<form>", "gmail outlook protonmail yahoo"),
        ("<svg>", "<svg>", "apple-mail gmail outlook yahoo"),
        ('<a href="#top">', ": link", "gmail protonmail yahoo"),
    ],
)  # fmt: skip
def test_what_a_program_lacks_is_found(
    html: str, name: str, families: str, pages: dict[str, Feature]
) -> None:
    found = uses(html)
    assert unknown(found, pages) == set()
    assert " ".join(sorted(lacking(found, pages)[name])) == families


@pytest.mark.parametrize(
    "html",
    ['<td style="padding: 1px 2px">', '<p style="padding: 0">', '<td style="font-size: 12px">',
     '<table style="width: 100%">', '<p style="margin: 0">', '<table role="presentation">',
     '<p style="display: none">', '<p style="line-height: 1.5; background-color: #fff">',
     '<a href="https://example.org/#top">',
     '<!--[if mso]><table width="640"><tr><td><![endif]-->'],
)  # fmt: skip
def test_what_every_program_knows_is_no_lack(html: str, pages: dict[str, Feature]) -> None:
    found = uses(html)
    assert unknown(found, pages) == set()
    assert lacking(found, pages) == {}


@pytest.mark.parametrize(
    ("html", "name"),
    [
        ("<blink>", "<blink>"), ("<p onclick=x>", "onclick"), ("<img src=x>", "src"),
        ('<p style="zoom: 2">', "zoom"), ('<p style="width: 1foo">', "unit foo"),
        ('<p style="color: oklch(1 2 3)">', "oklch()"), ('<p style="width">', "CSS error"),
        ("<style>@layer x { p { color: red } }</style>", "@layer"),
        ("<style>@media (update: fast) { p { color: red } }</style>", "@media update"),
        ("<style>@media (min-width: 1px) { p { zoom: 2 } }</style>", "zoom"),
        ("<style>p:is(b) { color: red }</style>", ":is"), ('<a href="ftp://x">', "ftp: link"),
        ('<p style="background-image: url(x.png)">', "CSS url"), ('<meta name="x">', "meta x"),
        ("<!--[if mso]><blink><![endif]-->", "<blink>"),
    ],
)  # fmt: skip
def test_what_the_checker_does_not_know_is_told(
    html: str, name: str, pages: dict[str, Feature]
) -> None:
    assert name in unknown(uses(html), pages)


def test_a_media_query_is_asked_of_programs_but_not_what_stands_in_it(
    pages: dict[str, Feature],
) -> None:
    html = "<style>@media (max-width: 1px) { p { display: flex !important } }</style>"
    assert set(lacking(uses(html), pages)) == {"<style>", "@media"}
