"""notifier profile: import, export, edit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifier import errors
from notifier.cli.output import say
from notifier.cli.profiles import Address, Name, tell
from notifier.cli.profiles import app as app  # the group of commands that these belong to
from notifier.cli.state import instance

if TYPE_CHECKING:
    from notifier.app import App
    from notifier.cli.editing import Sheet
    from notifier.cli.importing import Plan, Reader
    from notifier.profiles.translating.portable import PortableProfile


@app.command(
    "import",
    epilog="Examples: notifier profile import ada@example.org profiles.toml · "
    "notifier profile import ada@example.org words.txt --name agents · "
    "… import ada@example.org - --kind pubmed --name diabetes < query.txt",
)
def import_(
    address: Address,
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Files, or - for stdin.")
    ],
    kind: Annotated[
        str, typer.Option("--kind", help="toml, words, scholar or pubmed; none: found out.")
    ] = "",
    name: Annotated[
        str, typer.Option("--name", help="The profile's name (else: the file's).")
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite profiles of the same name.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the rules instead; change nothing.")
    ] = False,
) -> None:
    """Take in profiles: exported ones, lists of words, Google Scholar or PubMed queries."""
    from notifier.cli.importing import Plan, Reader, check_kind

    if name and len(sources) > 1:
        raise errors.UsageError("--name names one profile - give one source with it")
    with instance() as opened:
        service = opened.subscriptions
        reader = Reader(service.get(address).address, check_kind(kind), name)
        found = reader.read_all(sources)
        plan = Plan(
            {profile.name: profile for profile in service.profiles(address)},
            replace,
            len(found) > 1,
        )
        done = [_take(opened, wanted, reader, plan, dry_run=dry_run) for wanted in found]
    if not any(done):
        raise errors.UsageError("\n".join(reader.failures))
    for failure in reader.failures:
        typer.echo(f"error: {failure}", err=True)
    if reader.failures or reader.needs_care:
        raise typer.Exit(3)


def _take(
    opened: App, wanted: PortableProfile, reader: Reader, plan: Plan, *, dry_run: bool
) -> bool:
    """Keep a profile, or with `dry_run` print its rules; return False when it cannot be kept."""
    try:
        outcome = plan.outcome(wanted)
        if dry_run:
            if plan.is_of_many:
                typer.echo(f"# {wanted.name}")
            typer.echo(wanted.rules, nl=not wanted.rules.endswith("\n"))
        elif outcome != "unchanged":
            problems = opened.subscriptions.add_profile(
                reader.address, wanted.name, wanted.rules, now=opened.clock(),
                replace=plan.replace, enabled=wanted.enabled,
            )  # fmt: skip
            reader.needs_care |= tell(problems, wanted.name)
    except errors.UsageError as error:
        reader.failures.append(f'profile "{wanted.name}": {error}'.replace("\n", "; "))
        return False
    say(f'profile "{wanted.name}" {"would be " if dry_run else ""}{outcome}')
    return True


@app.command(
    epilog="Examples: notifier profile export ada@example.org > profiles.toml · "
    "notifier profile export ada@example.org agents --output agents.toml · "
    "notifier profile export > everyone.toml"
)
def export(
    address: Annotated[str, typer.Argument(help="One subscriber; none: all.")] = "",
    name: Annotated[str, typer.Argument(help="One profile; none: all.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", help="Write this file, whole or not at all.")
    ] = None,
) -> None:
    """Print profiles as TOML, for profile import, for a colleague, or for version control."""
    from notifier.profiles.translating import portable

    with instance() as opened:
        service = opened.subscriptions
        if address and name:
            owned = [("", service.profile(address, name))]
        elif address:
            owned = [("", profile) for profile in service.profiles(address)]
        else:
            everyone = [subscriber.address for subscriber in service.every()]
            owned = [(owner, profile) for owner in everyone for profile in service.profiles(owner)]
    text = portable.write(
        portable.PortableProfile(profile.name, profile.rules, profile.enabled, owner)
        for owner, profile in owned
    )
    if output is None:
        typer.echo(text, nl=False)
    else:
        _write_whole(output, text)
    say(f"{len(owned)} profiles{f' written to {output}' if output else ''}")


def _write_whole(path: Path, text: str) -> None:
    from notifier.storage.whole_files import appearing

    try:
        with appearing(path, replace=True) as made:
            made.write_bytes(text.encode())
    except OSError as error:
        raise errors.NotifierError(f"{path} cannot be written: {error.strerror}") from error


@app.command(epilog="Example: EDITOR=nano notifier profile edit ada@example.org agents")
def edit(address: Address, name: Name) -> None:
    """Change a profile's rules in your editor ($VISUAL or $EDITOR)."""
    from notifier.cli.editing import editor, sheet

    command = editor()
    with instance() as opened:
        before = opened.subscriptions.profile(address, name)
    with sheet(before.rules) as page:
        typed = _edited(page, command, name)
        if typed is None or typed.removesuffix("\n") == before.rules.removesuffix("\n"):
            say(f'profile "{name}" {"stays as it was" if typed is None else "unchanged"}')
            return
        with instance() as opened:
            service = opened.subscriptions
            if service.profile(address, name) != before:
                raise errors.UsageError(f'profile "{name}" was changed meanwhile, and stays so')
            problems = service.add_profile(address, name, typed, now=opened.clock(), replace=True)
    needs_care = tell(problems, name)
    say(f'profile "{name}" saved')
    if needs_care:
        raise typer.Exit(3)


def _edited(page: Sheet, command: list[str], name: str) -> str | None:
    """Return the text that is to be saved; None when it is to be thrown away.

    Where rules are in error, the person at the terminal decides; where there is none, it is saved
    as typed.
    """
    from notifier.profiles.parser import parse

    while True:
        typed = page.edit(command)
        if not page.is_changed or not sys.stdin.isatty():
            return typed
        if not tell(parse(typed).problems, name):
            return typed
        answer = ""
        while answer not in ("e", "s", "t"):
            asked = "edit again (e), save it as it is (s), or throw it away (t)?"
            answer = typer.prompt(asked, default="e", err=True).strip().lower()[:1]
        if answer != "e":
            return typed if answer == "s" else None
