"""Read the items of one answer one by one: a broken one costs itself, never its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from notifier.papers.paper import Batch, Entry, Problem
from notifier.papers.text import one_line

Item = TypeVar("Item")
_LABEL_LENGTH = 120
_DATE_LENGTH = 40


class Rejected(ValueError):
    """One item cannot be used; the text says why."""


def read_each(
    items: Iterable[Item],
    read: Callable[[Item], Entry],
    *,
    label: Callable[[Item], str],
    date: Callable[[Item], str],
    defect: str | None = None,
) -> Batch:
    """Return the entries that `read` makes, and a problem for each item that it cannot read.

    Args:
        label: What the item calls itself, or "": then its place names it (`#7`).
        date: The date as written, or "". One that gave no `published_at` is a problem, too.
        defect: What was wrong with the document itself.
    """
    entries: list[Entry] = []
    problems = [Problem("-", defect)] if defect else []
    for place, item in enumerate(items, 1):
        name = one_line(label(item))[:_LABEL_LENGTH] or f"#{place}"
        try:
            entry = read(item)
        except Rejected as error:
            problems.append(Problem(name, str(error)))
            continue
        except Exception as error:  # a bug of ours must not cost the other papers of the day
            problems.append(Problem(name, f"cannot be read: {type(error).__name__} (a bug)"))
            continue
        entries.append(entry)
        if entry.published_at is None and (written := one_line(date(item))[:_DATE_LENGTH]):
            problems.append(Problem(name, f'date "{written}" left out: not believable'))
    return Batch(tuple(entries), tuple(problems))
