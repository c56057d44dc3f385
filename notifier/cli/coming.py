"""What `subscriber import` reads: a file or stdin, of whatever kind, with a bar over its bytes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING

from notifier import errors
from notifier.cli.copying import telling
from notifier.cli.output import say
from notifier.subscriptions.checks import check_schedule, checked_language, checked_profile
from notifier.subscriptions.moving import lines
from notifier.subscriptions.moving.lines import Kind
from notifier.subscriptions.moving.lists import ListWishes
from notifier.subscriptions.moving.told import Rejected, Told

if TYPE_CHECKING:
    from notifier.app import App
    from notifier.profiles.profile import Schedule

REMARKS = 200  # told one by one


class Source:
    """A file that is open, and what came of it."""

    def __init__(self, file: str, kind: str) -> None:
        """Name a file, "-" for stdin, and what it is; "": that is found out.

        Raises:
            UsageError: there is no such kind.
        """
        if kind and kind not in list(Kind):
            raise errors.UsageError(f'--as is {", ".join(Kind)}, not "{kind}"')
        self._file, self._said, self._remarks = file, kind, 0
        self._shown = "stdin" if file == "-" else file
        self.told = Told(self._remark)

    def __enter__(self) -> Source:
        """Open it, and find out what it is.

        Raises:
            NotFound: there is no such file.
            UsageError: it is empty, or it is not plain what it is.
        """
        with ExitStack() as opening:
            self._open(opening)
            self._opened = opening.pop_all()
        return self

    def _open(self, opening: ExitStack) -> None:
        self._raw: IO[bytes] = sys.stdin.buffer
        size = 0
        if self._file != "-":
            try:
                file = Path(self._file).open("rb")  # noqa: SIM115  # the stack closes it
                self._raw = opening.enter_context(file)
            except (FileNotFoundError, IsADirectoryError):
                raise errors.NotFound(f"there is no file {self._file}") from None
            size = Path(self._file).stat().st_size
        self._head = self._read_head()
        self.kind = Kind(self._said) if self._said else self._guess()
        say(f"{self._shown}: read as {self.kind}")
        self._tell = opening.enter_context(telling(size, "importing"))

    def __exit__(self, *error: object) -> None:
        """Close it, and say what remained to be said."""
        self._opened.close()
        if self._remarks > REMARKS:
            say(f"and {self._remarks - REMARKS:,} more")

    @property
    def is_ours(self) -> bool:
        """Whether it is an export of ours."""
        return self.kind is Kind.notifier

    def _read_head(self) -> list[bytes]:
        """The lines up to the first that says anything."""
        head = []
        for raw in self._raw:
            head.append(raw)
            if not lines.is_silent(raw):
                return head
        raise errors.UsageError(f"{self._shown} is empty")

    def _guess(self) -> Kind:
        try:
            if kind := lines.guess(lines.text_of(self._head[-1])):
                return kind
        except Rejected as error:
            raise errors.UsageError(f"{self._shown}: {error}") from None
        raise errors.UsageError(
            f"{self._shown}: it is not plain what this is - say --as {' or '.join(Kind)}"
        )

    def lines(self) -> Iterator[bytes]:
        """Yield all lines; the bar moves with them."""
        for raw in chain(self._head, self._raw):
            self._tell("subscribers", len(raw))
            yield raw

    def _remark(self, text: str) -> None:
        self._remarks += 1
        if self._remarks <= REMARKS:
            say(text)


def list_wishes(
    app: App,
    because: str,
    schedule: Schedule | None,
    language: str,
    profile: str,
    rules: str,
    *,
    keeps_unconfirmed: bool,
) -> ListWishes:
    """Return what those on a list get; `profile` is "" where they get none.

    Raises:
        UsageError: it cannot be kept.
    """
    from notifier.cli.profiles import read_rules

    service = app.subscriptions
    chosen = schedule or service.default_schedule
    check_schedule(chosen)
    own = None
    if profile:
        rules = read_rules(rules)
        own = checked_profile(profile, rules)[0], rules
    return ListWishes(
        because, chosen, service.default_max_papers,
        checked_language(language or service.default_language), keeps_unconfirmed, own,
    )  # fmt: skip
