"""notifier profile: add, list, show, remove, test."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifier import errors
from notifier.cli.output import Format, FormatOption, print_rows, say, say_each
from notifier.cli.state import instance

if TYPE_CHECKING:
    from notifier.profiles.rules import RuleProblem

app = typer.Typer(
    no_args_is_help=True,
    help="What subscribers want.",
    epilog="Example: notifier profile add ada@example.org agents 'LLM agents'",
)

_PROBLEMS_TOLD = 20
# `-survey` is a rule, not an option.
NEVER_RULES = {"ignore_unknown_options": True}

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The subscriber.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The profile's name.")]


def read_rules(source: str) -> str:
    """Return rules from standard input (`-`), a file (`@FILE`), or as they stand."""
    try:
        if source == "-":
            return sys.stdin.buffer.read().decode("utf-8-sig")
        if source.startswith("@"):
            return Path(source[1:]).read_text("utf-8-sig")
    except OSError as error:
        raise errors.UsageError(f"{source[1:]}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        where = "stdin" if source == "-" else source[1:]
        raise errors.UsageError(
            f"{where}: the rules are no UTF-8 text: {error} - save it as UTF-8"
        ) from error
    return source


def tell(problems: tuple[RuleProblem, ...], of: str = "") -> bool:
    """Say what is wrong with the rules `of` a profile; return whether one of them is in error."""
    named = f"{of}, " if of else ""
    kinds = (("error" if problem.is_error else "warning", problem) for problem in problems)
    say_each([f"{kind}: {named}{problem}" for kind, problem in kinds], most=_PROBLEMS_TOLD)
    return any(problem.is_error for problem in problems)


@app.command(
    context_settings=NEVER_RULES,
    epilog="Examples: notifier profile add ada@example.org agents 'LLM agents' -survey · "
    "notifier profile add ada@example.org agents @rules.txt · … agents - < rules.txt",
)
def add(
    address: Address,
    name: Name,
    rules: Annotated[
        list[str], typer.Argument(metavar="RULES", help="Rules, or @FILE, or - for stdin.")
    ],
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite one of that name.")] = False,
) -> None:
    """Add a profile; each argument is one rule. Rules in error are kept and disabled."""
    text = "\n".join(read_rules(rule) for rule in rules)
    with instance() as app:
        problems = app.subscriptions.add_profile(
            address, name, text, now=app.clock(), replace=replace
        )
    needs_care = tell(problems)
    say(f'profile "{name}" {"replaced" if replace else "added"}')
    if needs_care:
        raise typer.Exit(3)


@app.command("list", epilog="Example: notifier profile list ada@example.org --format jsonl")
def list_(
    address: Annotated[str, typer.Argument(help="One subscriber; none: all.")] = "",
    format_: FormatOption = Format.table,
) -> None:
    """Print profiles with their number of rules and of rules in error."""
    from notifier.profiles.parser import parse

    with instance() as app:
        service = app.subscriptions
        addresses = [address] if address else [s.address for s in service.every()]
        found = [(a, profile) for a in addresses for profile in service.profiles(a)]
    rows = []
    for owner, profile in found:
        rules = parse(profile.rules)
        working = sum(line.node is not None for line in rules.lines)
        rows.append(
            {"address": owner, "name": profile.name, "enabled": profile.enabled,
             "rules": working, "errors": len(rules.problems)}
        )  # fmt: skip
    print_rows(rows, ("address", "name", "enabled", "rules", "errors"), format_)


@app.command(epilog="Example: notifier profile show ada@example.org agents")
def show(address: Address, name: Name) -> None:
    """Print a profile's rules as they were typed; problems go to stderr."""
    from notifier.profiles.parser import parse

    with instance() as app:
        typed = app.subscriptions.profile(address, name).rules
    typer.echo(typed)
    rules = parse(typed)
    tell(rules.problems + rules.warnings)


@app.command(epilog="Example: notifier profile remove ada@example.org agents")
def remove(address: Address, name: Name) -> None:
    """Delete a profile."""
    with instance() as app:
        app.subscriptions.remove_profile(address, name)
    say(f'profile "{name}" removed')
