"""What `notifier doctor` does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from notifier import errors
from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.state import clock, settings, state

if TYPE_CHECKING:
    from notifier.doctor.dns import DnsResolver
    from notifier.doctor.finding import Finding


def doctor(
    offline: Annotated[
        bool, typer.Option("--offline", help="Leave out all that leaves this machine.")
    ] = False,
    dns: Annotated[
        str,
        typer.Option(
            "--dns",
            metavar="ADDRESS[:PORT]",
            help="Ask this name server, say your domain's own, instead of the system's.",
            show_default=False,
        ),
    ] = "",
    format_: FormatOption = Format.table,
) -> None:
    """Look at everything that an installation stands on, and say what to do about what is wrong."""
    from notifier.doctor.finding import exit_code

    found = _examined(offline, dns)
    if format_ is Format.table:
        _print(found)
    else:
        print_rows([asdict(one) for one in found], (), format_)
    counts = {name: sum(one.state == name for one in found) for name in ("failed", "warning")}
    say(", ".join(f"{n} {name}" for name, n in counts.items() if n) or "all is well")
    if code := exit_code(found):
        raise typer.Exit(code)


def _print(found: Sequence[Finding]) -> None:
    """Print each finding on a line, and what to do about it below."""
    wide = max((len(one.check) for one in found), default=0)
    for one in found:
        typer.echo(f"{one.state.ljust(7)}  {one.check.ljust(wide)}  {one.found}")
        if one.remedy:
            typer.echo(f"{' ' * (11 + wide)}{one.remedy}")


def _examined(offline: bool, dns: str) -> list[Finding]:
    from notifier import config
    from notifier.doctor import checks, examining, installation
    from notifier.doctor.finding import failed, skipped
    from notifier.doctor.setup import Setup, outgoing_addresses

    try:
        found = settings()
    except errors.ConfigError as error:
        remedy = 'Correct it; "notifier config check" tells the same.'
        wrong = [failed("configuration", line, remedy) for line in str(error).splitlines()]
        others = [name for name in checks.NAMES if name != "configuration"]
        return [*wrong, *[skipped(name, "the configuration cannot be read") for name in others]]
    resolver = _resolver(dns)
    database, opened = installation.open_database(found.database.url)
    setup = Setup(
        settings=found,
        file=config.find_file(state.config),
        database=database,
        resolver=resolver,
        clock=clock(),
        outgoing=() if offline else outgoing_addresses(),
    )
    try:
        looking = examining.examine(
            checks.all_checks(opened, offline=offline), setup, offline=offline, tell=_tell
        )
        return asyncio.run(looking)
    finally:
        if database:
            database.close()


def _resolver(dns: str) -> DnsResolver:
    from notifier.doctor.dns import DnsResolver

    if not dns:
        return DnsResolver()
    host, _, port = dns.rpartition(":") if dns.count(":") == 1 or "]:" in dns else (dns, "", "53")
    try:
        return DnsResolver([host.strip("[]")], port=int(port))
    except ValueError:
        raise errors.UsageError(f'--dns "{dns}" - write an address like 192.0.2.53') from None


def _tell(waiting: Sequence[str]) -> None:
    say(f"still asking: {', '.join(waiting)}")
