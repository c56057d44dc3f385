"""notifier dkim: new, check."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier import errors
from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.state import clock, settings, state

if TYPE_CHECKING:
    from datetime import datetime

    from notifier.delivery.dkim import Key

app = typer.Typer(
    no_args_is_help=True,
    help="Signatures by which mail servers know our mails.",
    epilog="Example: notifier dkim new",
)
_SELECTOR = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,53}[A-Za-z0-9])?")


@app.command(epilog="Examples: notifier dkim new · notifier dkim new --dir /etc/notifier "
             "--selector y2027")  # fmt: skip
def new(
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="Where to write the keys (else: beside notifier.toml)."),
    ] = None,
    selector: Annotated[
        str, typer.Option("--selector", help="Name in DNS; new keys need a new one.")
    ] = "notifier",
    bits: Annotated[
        int, typer.Option("--bits", min=2048, max=4096, help="Length of the RSA key.")
    ] = 2048,
) -> None:
    """Make an RSA and an Ed25519 key; print what belongs into DNS and into notifier.toml."""
    from notifier import config, signing
    from notifier.delivery import dkim_keys

    if not _SELECTOR.fullmatch(selector):
        raise errors.UsageError(
            f'--selector "{selector}" is no name for DNS - write up to 55 letters, digits, dashes'
        )
    found = settings()
    file = config.find_file(state.config)
    home = (file.parent if file else Path()).absolute()
    made = dkim_keys.make(home if folder is None else folder.absolute(), selector, bits=bits)
    for path, _ in made:
        say(f"wrote {path}")
    say("Put these records into DNS, then the lines below into notifier.toml:")
    _print_zone([key for _, key in made], signing.domain(found))
    typer.echo("\n" + _lines(made, home))


def _lines(made: Sequence[tuple[Path, Key]], home: Path) -> str:
    """What switches the keys on in notifier.toml; a path in its folder is told from there."""
    names = (("selector", "private_key_file"), ("selector_ed25519", "private_key_ed25519_file"))
    lines = ["[dkim]"]
    for (selector, file), (path, key) in zip(names, made, strict=True):
        told = path.relative_to(home) if path.is_relative_to(home) else path
        lines += [f'{selector} = "{key.selector}"', f"{file} = {json.dumps(str(told))}"]
    return "\n".join(lines)


@app.command(epilog="Example: notifier dkim check --format json")
def check(format_: FormatOption = Format.table) -> None:
    """Print the DNS records of the configured keys and verify a sample signature of each."""
    from notifier import signing
    from notifier.delivery import dkim

    found = settings()
    keys = signing.keys(found, say)
    if not keys:
        raise errors.NotFound('no [dkim] keys are configured - "notifier dkim new" makes them')
    domain = signing.domain(found)
    held = _sample(keys, domain, clock()())
    rows = [_row(key, domain, held[dkim.record_name(key.selector, domain)]) for key in keys]
    if format_ is Format.table:
        _print_zone(keys, domain)
    else:
        print_rows(rows, (), format_)
    for row in rows:
        say(f"{row['name']}: a sample signature {'holds' if row['holds'] else 'does not hold'}")
    if not all(row["holds"] for row in rows):
        raise typer.Exit(1)


def _sample(keys: Sequence[Key], domain: str, now: datetime) -> dict[str, bool]:
    """Whether signatures of a sample mail hold against the records as they are printed."""
    from notifier.delivery import dkim
    from notifier.delivery.dkim_check import verified

    records = {dkim.record_name(key.selector, domain): dkim.record(key.private) for key in keys}
    mail = f"From: notifier@{domain}\r\nSubject: A sample\r\n\r\nA sample.\r\n".encode("ascii")
    return verified(dkim.sign(mail, keys, domain=domain, at=now), records.get)


def _row(key: Key, domain: str, holds: bool) -> dict[str, Any]:
    from notifier.delivery import dkim

    text = dkim.record(key.private)
    name = dkim.record_name(key.selector, domain)
    return {"name": name, "type": "TXT", "value": text, "strings": dkim.strings(text),
            "algorithm": f"{key.kind}-sha256", "holds": holds}  # fmt: skip


def _print_zone(keys: Sequence[Key], domain: str) -> None:
    from notifier.delivery import dkim

    for key in keys:
        typer.echo(dkim.zone_line(key, domain))
