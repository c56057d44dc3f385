"""Styles written onto the elements of a mail when its template is read, not for each mail.

Many mail programs know no others. `mail/styles.css` holds a rule for each class, nothing else; what
asks for the width of a screen or for the dark stays in the page's head.
"""

from __future__ import annotations

import re

from jinja2 import Environment, TemplateNotFound
from jinja2.ext import Extension

FILE = "mail/styles.css"
_RULE = re.compile(r"\.([\w-]+)\s*\{\s*([^{}]*?);?\s*\}")
_SPACE = re.compile(r"\s*([:;,])\s*")
_CLASS = re.compile(r'class="([^"{}]*)"')


class Styles(Extension):
    """Adds a `style` to each `class` of a mail's template."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Return a template's source with the styles of its classes, in the order of the rules."""
        if not name or not name.startswith("mail/") or not name.endswith(".html.j2"):
            return source
        rules = _rules(self.environment)

        def styled(found: re.Match[str]) -> str:
            own = found[1].split()
            style = ";".join(said for one, said in rules.items() if one in own)
            return f'{found[0]} style="{style}"' if style else found[0]

        return _CLASS.sub(styled, source)


def _rules(environment: Environment) -> dict[str, str]:
    try:
        source = environment.loader and environment.loader.get_source(environment, FILE)[0]
    except TemplateNotFound:
        source = ""
    return {name: _SPACE.sub(r"\1", said) for name, said in _RULE.findall(source or "")}
