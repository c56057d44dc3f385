"""notifier subscriber invite."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifier import errors
from notifier.cli.output import say, say_each
from notifier.cli.readership import app as app  # the group of commands, as far as it goes
from notifier.cli.state import instance

if TYPE_CHECKING:
    from notifier.app import App
    from notifier.profiles.profile import Schedule
    from notifier.storage.store_signups import Wish

_NAMES = {
    **dict.fromkeys(("address", "email", "e-mail", "mail"), "address"),
    **dict.fromkeys(("language", "lang"), "language"),
    **dict.fromkeys(("zone", "timezone"), "zone"),
}
_SHOWN = 10
_SAID = {
    "invited": "invited",
    "known": "subscribed already",
    "before": "invited before",
    "left": "have left",
    "suppressed": "must not be mailed",
}


@app.command(
    epilog="Example: notifier subscriber invite lab.csv --profile https://…/shared/… "
    "--by 'Ada Lee' --dry-run"
)
def invite(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV with addresses; - for stdin.")],
    profile: Annotated[str, typer.Option("--profile", help="The link of a shared profile.")],
    by: Annotated[str, typer.Option("--by", help="Who invites, as the mail says it.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say who would be invited.")
    ] = False,
) -> None:
    """Invite a list of people to follow a shared profile; each confirms for themselves.

    One address a line, or columns named address, language, zone. Who has confirmed, has left,
    must not be mailed or was invited before is not mailed; nobody is reminded.
    """
    if not by.strip() or not by.isprintable() or len(by) > 60:
        raise errors.UsageError("--by is a name of at most 60 letters on one line")
    wrong, done = list[str](), Counter[str]()
    with instance() as opened:
        shared = opened.served.sharing.opened(profile)
        if shared.as_owner:
            raise errors.UsageError("this is a link for owners - give the one that readers get")
        secret = profile.strip().rstrip("/").rpartition("/")[2]
        seen = set[str]()
        for number, row in _rows(file):
            wish = _wish(opened, row, number, wrong, secret, shared.rules, by.strip())
            if wish is None:
                continue
            if wish.address in seen:
                done["twice in the list"] += 1
                continue
            seen.add(wish.address)
            done[_outcome(opened, wish, dry_run=dry_run)] += 1
    say_each(wrong, most=_SHOWN)
    told = ", ".join(f"{number:,} {what}" for what, number in done.items()) or "nobody"
    say(f"would be: {told}" if dry_run else told)
    if wrong:
        raise typer.Exit(3)


def _outcome(opened: App, wish: Wish, *, dry_run: bool) -> str:
    signups, now = opened.served.signups, opened.clock()
    return _SAID[signups.foreseen(wish) if dry_run else signups.invite(wish, now=now)]


def _rows(file: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Each line by the names of its columns, with its number."""
    text = _text(file)
    try:
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(text[:4096], delimiters=",;\t")
    except csv.Error:
        dialect = csv.excel
    names = ["address"]
    for number, line in enumerate(text.splitlines(), 1):
        cells = _cells(line, dialect)
        if not any(cells):
            continue
        lowered = [_NAMES.get(cell.lower(), "") for cell in cells]
        if "address" in lowered:
            names = lowered
        elif names == ["address"] and len(cells) > 1:
            at = next((place for place, cell in enumerate(cells) if "@" in cell), 0)
            yield number, {"address": cells[at]}
        else:
            yield number, dict(zip(names, cells, strict=False))


def _cells(line: str, dialect: type[csv.Dialect]) -> list[str]:
    """The cells of a line, each on its own: a quote that does not end is the fault of one."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], dialect, strict=True), [])]
    except csv.Error:
        return [line]


def _text(file: str) -> str:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise errors.UsageError(f"{file} cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _wish(
    opened: App,
    row: dict[str, str],
    number: int,
    wrong: list[str],
    secret: str,
    rules: str,
    by: str,
) -> Wish | None:
    """What a line asks for; None where it cannot be, and why among what is `wrong`."""
    from notifier.storage.store_signups import Wish
    from notifier.subscriptions.checks import checked_language, normal_address

    service = opened.subscriptions
    try:
        address = normal_address(row.get("address", ""))
        schedule = _schedule(service.default_schedule, row.get("zone", ""))
        language = checked_language(row.get("language") or opened.settings.digest.language)
    except errors.UsageError as error:
        wrong.append(f"line {number}: {error}")
        return None
    return Wish(address, rules, schedule, language, secret, by)


def _schedule(usual: Schedule, zone: str) -> Schedule:
    from notifier.subscriptions.checks import check_schedule

    wanted = replace(usual, zone=zone or usual.zone)
    check_schedule(wanted)
    return wanted
