"""notifier config: show, check, path."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer

from notifier.cli.output import Format, FormatOption, say, to_json
from notifier.cli.state import settings, state

app = typer.Typer(
    no_args_is_help=True, help="The configuration.", epilog="Example: notifier config check"
)


def example() -> str:
    """Return the commented configuration that comes with the program."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "notifier.toml"
    path = inside if inside.is_file() else package.parent / "config" / "notifier.toml"
    return path.read_text("utf-8")


@app.command(epilog="Example: notifier config check --config /etc/notifier/notifier.toml")
def check() -> None:
    """Read the configuration and say whether it can be used, with your templates and keys."""
    from notifier import signing
    from notifier.channelled import lacking
    from notifier.config import find_file
    from notifier.digests.render import Templates

    read = settings()
    broken = Templates(read.site.templates_dir).check()
    problems = [f"site.templates_dir: {one}; the built-in one is used" for one in broken]
    signing.keys(read, problems.append)
    problems += [lacks] if (lacks := lacking(read)) else []
    for problem in problems:
        say(problem)
    if problems:
        raise typer.Exit(3)
    found = find_file(state.config)
    say(f"{found}: ok" if found else "no notifier.toml found: the defaults are in use, and are ok")


@app.command(epilog="Example: notifier config show --format json")
def show(format_: FormatOption = Format.table) -> None:
    """Print the effective settings; secrets are hidden."""
    from notifier.sources.http import without_login

    found: dict[str, Any] = settings().model_dump(mode="json", by_alias=True)
    found["smtp"]["password"] = "********" if found["smtp"]["password"] else ""
    for source in found["source"]:
        source["urls"] = [without_login(url) for url in source["urls"]]
    found["database"]["url"] = _hidden(found["database"]["url"])
    if format_ is not Format.table:
        typer.echo(to_json(found))
        return
    for table, values in found.items():
        for number, one in enumerate(values if isinstance(values, list) else [values]):
            name = f"{table}[{number}]" if isinstance(values, list) else table
            for key, value in one.items():
                typer.echo(f"{name}.{key} = {to_json(value)}")


def _hidden(url: str) -> str:
    """A database URL without what could be a password."""
    return re.sub(r"(://)[^/@]*@", r"\1***@", re.sub(r"(password=)[^&]*", r"\1***", url))


@app.command(epilog="Example: notifier config path")
def path() -> None:
    """Print which file the configuration comes from."""
    from notifier import errors
    from notifier.config import find_file

    found = find_file(state.config)
    if found is None:
        raise errors.NotFound('no notifier.toml found - "notifier init" writes one')
    typer.echo(str(found))
