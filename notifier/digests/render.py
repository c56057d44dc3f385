"""A digest's HTML and text from its view, by the templates.

The same view gives the same text. Templates are searched in the package first, then beside it
in a source tree. Everything is autoescaped in HTML; the text part wraps at 76 columns and holds
no control characters.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import css_inline
import jinja2
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from notifier import errors
from notifier.digests.excerpt import plain
from notifier.digests.view import DigestView, long_date
from notifier.digests.wrapping import wrap

TEXT_COLUMNS = 76


def template_folder() -> Path:
    """Return where the templates are: inside an installed package, or beside it in the source."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


@cache
def environment(folder: Path) -> Environment:
    """Return the template environment of a folder: autoescaped `.html`, strict about names."""
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html", "html.j2")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["wrapped"] = _wrapped
    made.filters["long_date"] = long_date
    return made


def _wrapped(text: str, indent: int = 0, first: str = "") -> str:
    """Wrap to 76 columns, each line indented; the first begins with `first`."""
    lines = wrap(plain(text), TEXT_COLUMNS - indent)
    return "\n".join((" " * indent if n else first.ljust(indent)) + x for n, x in enumerate(lines))


def render_text(view: DigestView) -> str:
    """Return the text part."""
    return _render("mail/digest.txt.j2", view=view)


def render_html(view: DigestView) -> str:
    """Return the HTML part with its styles inlined; the media queries stay in its head."""
    inliner = css_inline.CSSInliner(
        keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False
    )
    return inliner.inline(_render("mail/digest.html.j2", view=view))


def render_page(name: str, **values: Any) -> str:
    """Return a web page.

    Raises:
        TemplateError: the template is missing or broken.
    """
    return _render(name, **values)


def _render(name: str, **values: Any) -> str:
    try:
        return environment(template_folder()).get_template(name).render(**values)
    except jinja2.TemplateNotFound as error:
        raise errors.TemplateError(f"template {error.name} is missing") from error
    except jinja2.TemplateError as error:
        place = getattr(error, "lineno", None)
        where = f"{name}, line {place}" if place else name
        raise errors.TemplateError(f"template {where}: {error.message}") from error
