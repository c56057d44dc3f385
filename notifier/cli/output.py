"""Data to stdout, as a table for people, or as JSON; talk to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer


class Format(StrEnum):
    """How a command prints its data."""

    table = "table"
    json = "json"
    jsonl = "jsonl"


FormatOption = Annotated[
    Format, typer.Option("--format", help="table for people, json or jsonl for programs.")
]


def say(text: str) -> None:
    """Say something to the person at the terminal."""
    from notifier.cli.state import state

    if not state.quiet:
        typer.echo(text, err=True)


def say_each(lines: Sequence[str], *, most: int) -> None:
    """Say the first lines, at most so many, and how many more there are."""
    for line in lines[:most]:
        say(line)
    if len(lines) > most:
        say(f"and {len(lines) - most} more")


def print_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], format_: Format) -> None:
    """Print rows; `columns` are the keys a table shows. No rows: `[]`, or a table's head alone."""
    if format_ is Format.jsonl:
        for row in rows:
            typer.echo(to_json(row))
    elif format_ is Format.json:
        typer.echo("[" + ",\n ".join(to_json(row) for row in rows) + "]")
    else:
        _print_table([[_cell(row.get(column)) for column in columns] for row in rows], columns)


def print_record(record: Mapping[str, Any], format_: Format) -> None:
    """Print one record, as `key value` lines or JSON."""
    if format_ is not Format.table:
        typer.echo(to_json(record))
        return
    width = max(map(len, record), default=0)
    for key, value in record.items():
        typer.echo(f"{key.ljust(width)}  {_cell(value)}")


def to_json(value: Any) -> str:
    """Return JSON on one line; times in ISO 8601 UTC."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple | set) else str(value)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}Z"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_cell(one)}" for key, one in value.items()) or "-"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_cell, value)) or "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _print_table(rows: list[list[str]], columns: Sequence[str]) -> None:
    """A rich table on a terminal; plain aligned columns when piped."""
    if sys.stdout and sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*columns, box=None, header_style="bold", pad_edge=False)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        Console().print(table)
        return
    widths = [max([len(c), *(len(row[i]) for row in rows)]) for i, c in enumerate(columns)]
    for row in [list(columns), *rows]:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo(line.rstrip())
