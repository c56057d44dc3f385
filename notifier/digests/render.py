"""The templates, of mails and of pages, in every language.

They are searched in the operator's folder, if there is one, then in the package, then beside it in
a source tree. Everything is autoescaped in HTML; text wraps at 76 columns and holds no control
characters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from notifier import errors
from notifier.digests.excerpt import plain
from notifier.digests.styles import Styles
from notifier.digests.wrapping import wrap
from notifier.languages import ENGLISH, language

TEXT_COLUMNS = 76


def template_folder() -> Path:
    """Return where the templates are: inside an installed package, or beside it in the source."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


@cache
def _environment(folders: tuple[Path, ...], code: str) -> Environment:
    """The template environment of some folders in a language: autoescaped, strict about names."""
    made = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        autoescape=jinja2.select_autoescape(disabled_extensions=("txt", "txt.j2"), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n", Styles],
    )
    words = language(code)
    # Newstyle: values are escaped, a sentence's own characters are not.
    made.install_gettext_translations(words.translations, newstyle=True)  # type: ignore[attr-defined]
    made.filters["wrapped"] = wrapped
    made.filters["day"] = words.day
    made.filters["number"] = words.number
    made.filters["ago"] = words.ago
    made.filters["listed"] = words.listed
    made.globals["language"] = words.code
    return made


def wrapped(text: str, indent: int = 0, first: str = "") -> str:
    """Return text in lines of 76 columns, each indented; the first begins with `first`."""
    lines = wrap(plain(text), TEXT_COLUMNS - indent)
    return "\n".join((" " * indent if n else first.ljust(indent)) + x for n, x in enumerate(lines))


class Templates:
    """The templates of an instance: an operator's own first, each falling back to the built-in."""

    def __init__(
        self, folder: Path | None = None, *, tell: Callable[[str], None] = lambda problem: None
    ) -> None:
        """Use the templates in `folder` where there are any; a broken one is told, once."""
        self._own, self._built_in = folder, template_folder()
        self._tell = tell
        self._broken: dict[str, str] = {}

    @property
    def problems(self) -> list[str]:
        """What is wrong with the operator's own templates now, as far as they were used."""
        return sorted(self._broken.values())

    @property
    def broken(self) -> list[str]:
        """Which of the operator's own templates these are."""
        return sorted(self._broken)

    def page(self, name: str, code: str = ENGLISH, **values: Any) -> str:
        """Return a web page in a language.

        Raises:
            TemplateError: the template is missing, or the built-in one is broken.
        """
        return self.render(name, code, **values)

    def check(self) -> list[str]:
        """Return what is wrong with the operator's own templates, as far as reading them tells."""
        if self._own is None:
            return []
        if not self._own.is_dir():
            return [f"{self._own} is no folder"]
        made, problems = _environment((self._own, self._built_in), ENGLISH), []
        for path in sorted(self._own.rglob("*.j2")):
            name = path.relative_to(self._own).as_posix()
            try:
                made.get_template(name)
            except (jinja2.TemplateError, UnicodeDecodeError, OSError) as error:
                problems.append(_problem(name, error))
        return problems

    def has_own(self, name: str) -> bool:
        """Return whether the operator has a template of this name."""
        return self._own is not None and (self._own / name).is_file()

    def render(self, name: str, code: str, **values: Any) -> str:
        """Return what a template says in a language.

        Raises:
            TemplateError: the template is missing, or the built-in one is broken.
        """
        if self._own is not None:
            try:
                template = _environment((self._own, self._built_in), code).get_template(name)
                rendered = template.render(**values)
                self._broken.pop(name, None)
                return rendered
            except Exception as error:  # whatever an operator's template does stops no mail
                problem = _problem(name, error)
                if self._broken.get(name) != problem:
                    self._broken[name] = problem
                    self._tell(problem)
        try:
            template = _environment((self._built_in,), code).get_template(name)
            return template.render(**values)
        except jinja2.TemplateNotFound as error:
            raise errors.TemplateError(f"template {error.name} is missing") from error
        except jinja2.TemplateError as error:
            raise errors.TemplateError(_problem(name, error)) from error


def _problem(name: str, error: Exception) -> str:
    place = getattr(error, "lineno", None)
    where = f"{name}, line {place}" if place else name
    return f"template {where}: {getattr(error, 'message', None) or error}"
