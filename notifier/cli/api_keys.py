"""notifier api-key: add, list, revoke."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.output import Format, FormatOption, print_record, print_rows, say
from notifier.cli.state import clock, instance, parse_moment

if TYPE_CHECKING:
    from notifier.storage.store_api_keys import ApiKey

app = typer.Typer(
    no_args_is_help=True,
    help="Who may use the JSON API and open /admin.",
    epilog="Example: notifier api-key add dashboard --scope papers --expires 90d",
)

_AFTER = re.compile(r"([0-9]{1,4})([dw])")
_UNITS = {"d": timedelta(days=1), "w": timedelta(weeks=1)}


@app.command(
    epilog="Examples: notifier api-key add dashboard --scope papers · "
    "notifier api-key add sign-up --scope read --scope write --expires 90d · "
    "notifier api-key add me --scope admin --expires 2027-06-30 --format json"
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who or what uses it.")],
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            help="papers: search papers, test rules, statistics, nothing about people. read: that, "
            "and subscribers, profiles, digests, deliveries. write: add, change and remove "
            "subscribers and profiles. admin: all that, mails, and /admin. May be given twice.",
        ),
    ],
    expires: Annotated[
        str,
        typer.Option(
            "--expires",
            help="When it ends: 90d, 12w or 2027-06-30; none: never.",
            show_default=False,
        ),
    ] = "",
    format_: FormatOption = Format.table,
) -> None:
    """Make a key and print it: this once, since only its hash is kept."""
    ends = _until(expires)
    with instance() as opened:
        made, text = opened.served.api_keys.add(name, scope, now=opened.clock(), expires_at=ends)
        record = _as_record(made, opened.clock()) | {"key": text}
    if format_ is Format.table:
        typer.echo(text)
    else:
        print_record(record, format_)
    end = f"until {ends:%Y-%m-%d %H:%M}Z" if ends else "until it is revoked"
    say(f'key {made.id} "{made.name}" is valid {end}, for {", ".join(made.scopes)}')
    say("it is not shown again - keep it like a password")


@app.command("list", epilog="Example: notifier api-key list --format jsonl")
def list_(format_: FormatOption = Format.table) -> None:
    """Print all keys, also those that are revoked or expired; never their secret parts."""
    with instance() as opened:
        rows = [_as_record(key, opened.clock()) for key in opened.served.api_keys.every()]
    columns = ("id", "name", "scopes", "state", "created_at", "expires_at", "last_used_at")
    print_rows(rows, columns, format_)


@app.command(
    epilog="Examples: notifier api-key revoke k3v9x2ma · notifier api-key revoke k3v9x2ma --dry-run"
)
def revoke(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as list shows it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
) -> None:
    """End a key at once; there is no way back, but a new key takes a moment."""
    with instance() as opened:
        now = opened.clock()
        before = opened.served.api_keys.get(id_)
        if before.revoked_at is None and not dry_run:
            opened.served.api_keys.revoke(before.id, now=now)
    used = f"last used {before.last_used_at:%Y-%m-%d}" if before.last_used_at else "never used"
    about = f'key {before.id} "{before.name}" ({", ".join(before.scopes)}; {used})'
    if before.revoked_at:
        say(f"{about} was revoked {before.revoked_at:%Y-%m-%d %H:%M}Z: nothing to do")
    else:
        say(f"{about} {'would be revoked' if dry_run else 'is revoked'}")


def _until(written: str) -> datetime | None:
    if not written:
        return None
    if after := _AFTER.fullmatch(written):
        return parse_moment((clock()() + int(after[1]) * _UNITS[after[2]]).isoformat())
    return parse_moment(written, like="90d, 12w or 2027-06-30")


def _as_record(key: ApiKey, now: datetime) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "state": key.state(now),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }
