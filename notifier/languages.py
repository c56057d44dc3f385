"""Sentences, dates and numbers in people's languages.

Catalogues are gettext's (`locale/*.po`), read as they are: nothing has to be compiled. English is
in the code; what a catalogue lacks is said in English.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Final

from babel import Locale, dates, lists, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent / "locale"
ENGLISH: Final = "en"
# Dates and numbers that are written again and again.
_KEPT = 4096
# Days before months, as in most of the world.
_LOCALES = {"en": "en_GB"}


class Said(str):
    """An English sentence that can be said in other languages: it knows what it was made of.

    `template` holds a `%(name)s` for each of `values`.
    """

    template: str
    values: dict[str, object]

    def __new__(cls, template: str, **values: object) -> Said:
        made = super().__new__(cls, template % values if values else template)
        made.template, made.values = template, values
        return made


@dataclass(frozen=True, slots=True)
class Language:
    """How a language says things; `code` is that of its catalogue (ISO 639-1)."""

    code: str
    translations: NullTranslations
    locale: Locale

    def gettext(self, template: str, **values: object) -> str:
        """Return a sentence, with `values` in place of each `%(name)s`."""
        found = self.translations.gettext(template)
        return found % values if values else found

    def ngettext(self, one: str, many: str, number: float, **values: object) -> str:
        """Return a sentence in the form that a number asks for; `%(n)s` stands for the number."""
        whole = int(number) if number == int(number) else 2  # parts of one thing are many
        found = self.translations.ngettext(one, many, whole)
        return found % ({"n": self.number(number)} | values)

    def said(self, sentence: str) -> str:
        """Return a sentence in this language if it knows what it was made of, else as it is."""
        if isinstance(sentence, Said):
            values = {name: self._value(value) for name, value in sentence.values.items()}
            return self.gettext(sentence.template, **values)
        return sentence

    def _value(self, value: object) -> object:
        match value:
            case date():
                return self.day(value)
            case str():
                return self.said(value)
            case _:
                return value

    def day(self, day: date) -> str:
        """Return a date with its day of the week: `Fri, 20 Nov 2026`."""
        return _written(self.code, "yMMMEd", day.toordinal())

    def weekday(self, day: date) -> str:
        """Return a date's day of the week, in short: `Fri`."""
        return _written(self.code, "E", day.toordinal())

    def weekday_named(self, number: int) -> str:
        """Return the name of a day of the week, Monday 0: `Friday`."""
        return str(self.locale.days["stand-alone"]["wide"][number])

    def moment(self, local: datetime) -> str:
        """Return a local time with its date: `Fri, 20 Nov 2026, 07:00`."""
        return f"{self.day(local)}, {local:%H:%M}"

    def ago(self, passed: timedelta) -> str:
        """Return how long ago something was, roughly: `12 minutes ago`."""
        return dates.format_timedelta(
            -max(passed, timedelta(seconds=1)),
            granularity="minute",
            add_direction=True,
            locale=self.locale,
        )

    def number(self, number: float) -> str:
        """Return a number, in groups of three digits."""
        return _numbered(self.code, number)

    def listed(self, words: Iterable[str]) -> str:
        """Return words as a list: `a, b and c`."""
        return lists.format_list(list(words), locale=self.locale)


@cache
def language(code: str) -> Language:
    """Return a language; one without a catalogue is English."""
    path = FOLDER / f"{code}.po"
    if code == ENGLISH or code not in known():
        return Language(ENGLISH, NullTranslations(), Locale.parse(_LOCALES[ENGLISH]))
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return Language(code, GNUTranslations(compiled), Locale.parse(_LOCALES.get(code, code)))


@lru_cache(_KEPT)
def _written(code: str, skeleton: str, day: int) -> str:
    written = date.fromordinal(day)
    return dates.format_skeleton(skeleton, written, locale=language(code).locale)


@lru_cache(_KEPT)
def _numbered(code: str, number: float) -> str:
    return numbers.format_decimal(number, format="#,##0.##", locale=language(code).locale)


@cache
def known() -> tuple[str, ...]:
    """Return the codes of all languages there are, English first."""
    return (ENGLISH, *sorted(path.stem for path in FOLDER.glob("*.po")))


def own_name(code: str) -> str:
    """Return what a language calls itself: `Deutsch`."""
    locale = Locale.parse(code)
    return locale.get_display_name(locale) or code
