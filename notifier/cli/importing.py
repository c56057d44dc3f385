"""What `profile import` reads: each source, of whatever kind, as profiles to be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from notifier import errors
from notifier.cli.output import say, say_each
from notifier.cli.profiles import read_rules
from notifier.profiles.profile import Profile
from notifier.profiles.translating import foreign, portable
from notifier.profiles.translating.foreign import Kind
from notifier.profiles.translating.portable import PortableProfile
from notifier.profiles.translating.translation import Translation
from notifier.subscriptions.checks import checked_profile

QUERY_CHARACTERS = 200_000  # far more than a profile holds
_LOSSES_TOLD, _NOTES_TOLD = 200, 20


def check_kind(typed: str) -> Kind | None:
    """Return the kind as typed; None when none was.

    Raises:
        UsageError: there is no such kind.
    """
    if typed and typed not in list(Kind):
        raise errors.UsageError(f'--kind is {", ".join(Kind)}, not "{typed}"')
    return Kind(typed) if typed else None


@dataclass
class Reader:
    """Reads sources for the subscriber of `address`.

    `failures` are sources of which nothing could be taken; `needs_care`: of others, not all.
    """

    address: str
    kind: Kind | None = None
    name: str = ""
    needs_care: bool = False
    failures: list[str] = field(default_factory=list)

    def read_all(self, sources: Sequence[str]) -> list[PortableProfile]:
        """Return the profiles of all sources that can be read; the others are `failures`."""
        found: list[PortableProfile] = []
        for source in sources:
            try:
                text = read_rules(source if source == "-" else f"@{source}")
                found += self.read(source, text)
            except errors.UsageError as error:
                self.failures.append(str(error))
        return found

    def read(self, source: str, text: str) -> list[PortableProfile]:
        """Return the profiles in `text`, which `source` held, and say what is not in them.

        Raises:
            UsageError: there is none, or it is not plain of which kind the source is.
        """
        shown = "stdin" if source == "-" else source
        kind = self.kind or foreign.guess(source, text)
        if kind is None:
            raise errors.UsageError(
                f"{shown}: it is not plain what this is - say --kind words, scholar or pubmed "
                "(rules as they stand: notifier profile add ADDRESS NAME @FILE)"
            )
        say(f"{shown}: read as {foreign.SAID[kind]} ({kind})")
        if kind is Kind.toml:
            return self._portable(shown, text)
        if len(text) > QUERY_CHARACTERS:
            raise errors.UsageError(f"{shown} holds more than {QUERY_CHARACTERS:,} characters")
        name = self.name or ("" if source == "-" else Path(source).stem)
        if not name:
            raise errors.UsageError("what comes from stdin has no name - give it one with --name")
        return [PortableProfile(name, self._translated(shown, foreign.translate(kind, text)))]

    def _portable(self, shown: str, text: str) -> list[PortableProfile]:
        if self.name:
            raise errors.UsageError(f"--name is for other kinds: {shown} names its profiles itself")
        try:
            found, problems = portable.read(text)
        except portable.NotPortable as error:
            raise errors.UsageError(f"{shown}: {error}") from None
        self._tell(f"{shown}: ", problems, [])
        mine = [one for one in found if one.address.lower() in ("", self.address)]
        if len(mine) < len(found):
            say(f"{shown}: {len(found) - len(mine)} profiles of other subscribers are passed over")
        if not mine:
            raise errors.UsageError(f"{shown}: no profile for {self.address} in it")
        return mine

    def _translated(self, shown: str, translation: Translation) -> str:
        losses = [str(remark) for remark in translation.remarks if remark.is_error]
        notes = [str(remark) for remark in translation.remarks if not remark.is_error]
        self._tell(f"{shown}, ", losses, notes)
        if translation.is_empty:
            raise errors.UsageError(f"{shown}: nothing to look for is left of it, so no profile")
        return translation.rules

    def _tell(self, shown: str, losses: list[str], notes: list[str]) -> None:
        self.needs_care = self.needs_care or bool(losses)
        say_each([f"warning: {shown}{loss}" for loss in losses], most=_LOSSES_TOLD)
        say_each([f"note: {shown}{note}" for note in notes], most=_NOTES_TOLD)


@dataclass
class Plan:
    """What becomes of each profile, beside those that are `there`; no name is taken twice."""

    there: dict[str, Profile]
    replace: bool
    is_of_many: bool = False
    _taken: set[str] = field(default_factory=set)

    def outcome(self, wanted: PortableProfile) -> str:
        """Return `unchanged`, `added` or `replaced`.

        Raises:
            UsageError: it cannot be kept, and why.
        """
        name = " ".join(wanted.name.split())
        if name in self._taken:
            raise errors.UsageError("it comes twice; the first is taken")
        self._taken.add(name)
        there = self.there.get(name)
        if there and there.rules == wanted.rules and wanted.enabled in (None, there.enabled):
            return "unchanged"
        checked_profile(name, wanted.rules)
        if there is None:
            return "added"
        if not self.replace:
            raise errors.UsageError(
                "there is another of that name already - replace it with --replace"
            )
        return "replaced"
