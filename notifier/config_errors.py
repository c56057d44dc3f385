"""What is wrong with a configuration, one line for each mistake: file, line, key, cure."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

_TABLE = re.compile(r"^\s*\[\[?\s*([\w.-]+)\s*\]\]?")
_KEY = re.compile(r"^\s*([\w-]+)\s*=")


def explain(error: ValidationError, path: Path | None, model: type[BaseModel]) -> str:
    """Return the mistakes, each on a line of its own, in the order of the file."""
    text = path.read_text("utf-8") if path else ""
    lines = []
    for mistake in error.errors():
        place = [str(part) for part in mistake["loc"]]
        number = _line_of(text, place)
        where = f"{path} line {number}" if number else str(path or "environment")
        lines.append((number, f"{where}: {_message(place, dict(mistake), model)}"))
    return "\n".join(line for _, line in sorted(lines))


def _message(place: list[str], mistake: dict[str, Any], model: type[BaseModel]) -> str:
    key = ".".join(part for part in place if not part.isdigit())
    if mistake["type"] == "extra_forbidden":
        near = difflib.get_close_matches(place[-1], _known(model, place[:-1]), 1, 0.5)
        prefix = key[: -len(place[-1])]
        return f'unknown key "{key}"' + (f' - did you mean "{prefix}{near[0]}"?' if near else "")
    said = str(mistake["msg"]).removeprefix("Value error, ")
    return f"{key}: {said}" if key else said


def _known(model: Any, place: list[str]) -> list[str]:
    """The keys that `model` knows at `place`."""
    for part in place:
        if part.isdigit():
            continue
        annotation = model.model_fields[part].annotation if part in model.model_fields else model
        candidates = [annotation, *get_args(annotation)]
        model = next(
            (c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), model
        )
    return [field.alias or name for name, field in model.model_fields.items()]


def _line_of(text: str, place: list[str]) -> int:
    """The line where the key at `place` stands, counting from 1; 0 when it is not in the file."""
    wanted = place[0] if place else ""
    index = next((int(part) for part in place[1:2] if part.isdigit()), 0)
    rest = [part for part in place[1:] if not part.isdigit()]
    table, seen = "", -1
    for number, line in enumerate(text.splitlines(), 1):
        if found := _TABLE.match(line):
            table = found.group(1)
            seen += table == wanted
            if table == wanted and not rest and seen >= index:
                return number
        elif (found := _KEY.match(line)) and (
            (table == wanted and rest and found.group(1) == rest[0] and seen >= index)
            or (not table and len(place) == 1 and found.group(1) == wanted)
        ):
            return number
    return 0
