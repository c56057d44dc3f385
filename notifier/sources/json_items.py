"""The bytes of a JSON answer or file to its items, whatever they are wrapped in.

Pure. A list, an object that holds the list, one object, or JSON lines. What was cut off gives
the items that came whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from notifier import errors
from notifier.sources import cleaning

# Where services put the list: Hugging Face's pages, its data sets, its search; saved listings.
LISTS = ("papers", "results", "items", "data", "dailyPapers")
_START = re.compile(rf'\{{[^\[{{]{{0,1000}}?"(?:{"|".join(LISTS)})"\s*:\s*\[|\[')
_BEGINNING = re.compile(r'\{\s*(?:["}]|$)|\[\s*(?:[\[{"\]]|null\b|$)')
_BETWEEN = re.compile(r"[\s,\x1e]*")  # RFC 7464 begins each object with a record separator


def decoded(body: bytes) -> str:
    """Return the text of a JSON document, in whichever encoding of Unicode it is."""
    text = body.decode(json.detect_encoding(body), "replace")
    return text.lstrip("\ufeff \t\r\n\x00\x1e")


def is_json(text: str) -> bool:
    """Tell whether a text begins as JSON of objects does; `[2611.00001] On ferns` does not."""
    return _BEGINNING.match(text) is not None


def read(body: bytes) -> tuple[list[Any], str | None]:
    """Return the items, and what was wrong with the document.

    Raises:
        SourceError: empty, a web page, no JSON at all, a service's error message, or JSON that
            holds neither a list nor a paper.
    """
    text = decoded(body)
    if not text:
        raise errors.SourceError("the answer is empty - try again later")
    if text.startswith("<"):
        raise errors.SourceError(
            "an HTML page came instead of JSON - check the address (a login or error page?)"
        )
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _broken(text, error)
    return _listed(answer), None


def _listed(answer: Any) -> list[Any]:
    if isinstance(answer, dict):
        if isinstance(said := answer.get("error"), str):
            raise errors.SourceError(f"the service answered: {cleaning.plain(said)}")
        if is_paper(answer):
            return [answer]
        answer = next((answer[name] for name in LISTS if isinstance(answer.get(name), list)), None)
    if not isinstance(answer, list):
        raise errors.SourceError("the answer is no list of papers - check the address")
    return answer


def is_paper(value: Any) -> bool:
    """Return whether an object is one paper, and not a list's wrapping."""
    if not isinstance(value, dict):
        return False
    inside = value.get("paper")
    named = inside if isinstance(inside, dict) else value
    return "title" in named and not any(isinstance(value.get(name), list) for name in LISTS)


def _broken(text: str, error: Exception) -> tuple[list[Any], str | None]:
    """Return the whole items of JSON lines or of a list that was cut off."""
    if text.startswith("{") and len(items := list(_lines(text))) > 1:
        return items, None
    start = _START.match(text)
    whole = start or text.startswith("{")  # else "404 not found" would hold a whole number
    items = list(_whole(text, start.end() if start else 0)) if whole else []
    if not items:
        raise errors.SourceError(
            f"the answer is no JSON: {error} - try again later, or check the address"
        ) from error
    return items, f"the answer is cut off or broken after item {len(items)}: {error}"


def _lines(text: str) -> Iterator[Any]:
    """One item a line, a broken line as its text; nothing where the first is no whole object."""
    for place, line in enumerate(filter(None, map(str.strip, text.split("\n")))):
        try:
            yield json.loads(line.lstrip("\x1e"))
        except (ValueError, RecursionError):
            if place == 0:
                return
            yield line


def _whole(text: str, place: int) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    while place < len(text):
        between = _BETWEEN.match(text, place)
        try:
            item, place = decoder.raw_decode(text, between.end() if between else place)
        except (ValueError, RecursionError):
            return
        yield item
