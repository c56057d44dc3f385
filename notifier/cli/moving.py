"""notifier subscriber export, import: people with what they have, as JSON, or from other lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from notifier import errors
from notifier.cli.copying import telling
from notifier.cli.output import Format, FormatOption, print_record, say, to_json
from notifier.cli.saved import app as app  # the group of commands, as far as it goes
from notifier.cli.state import instance
from notifier.cli.subscribers import Days, Language, Time, Weekly, Zone, over

if TYPE_CHECKING:
    from notifier.subscriptions.moving.told import Told

# In the order in which they are told.
COUNTS = (
    "added", "completed", "unchanged", "confirmed", "not confirmed", "blocked", "skipped",
    "unconfirmed", "duplicates", "refused", "profiles", "votes", "votes on papers unknown here",
    "channels", "shared profiles", "other rows",
)  # fmt: skip


@app.command(
    epilog="Examples: notifier subscriber export ada@example.org > ada.json · "
    "notifier subscriber export --all > everybody.jsonl"
)
def export(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The mail address.")] = "",
    everybody: Annotated[
        bool, typer.Option("--all", help="All subscribers, one on a line (JSON Lines).")
    ] = False,
) -> None:
    """Print all that is kept about a subscriber, as JSON; subscriber import takes it in."""
    if bool(address) == everybody:
        raise errors.UsageError("name one ADDRESS, or --all")
    with instance() as app:
        records, now = app.served.records, app.clock()
        if not everybody:
            told = records.everything(app.subscriptions.get(address), now=now)
            typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
            return
        with telling(records.count(), "exporting") as tell:
            count = 0
            for told in records.every(now=now):
                typer.echo(to_json(told))
                tell("subscribers", 1)
                count += 1
    say(f"{count:,} subscribers")


@app.command(
    "import",
    epilog="Examples: notifier subscriber import everybody.jsonl --because 'moved with the lab' "
    "--dry-run · notifier subscriber import subscribers.csv --because 'opted in on our list' "
    "--rules 'LLM agents' · notifier subscriber import members.txt --as mailman --because '...'",
)
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file, or - for stdin.")],
    as_: Annotated[
        str, typer.Option("--as", help="notifier, listmonk or mailman; none: found out.")
    ] = "",
    because: Annotated[
        str, typer.Option("--because", help="How they agreed to be mailed; kept.")
    ] = "",
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Of an export: overwrite settings and profiles here."),
    ] = False,
    unconfirmed: Annotated[
        Literal["skip", "keep"],
        typer.Option("--unconfirmed", help="Of a list: who has not confirmed; keep: as pending."),
    ] = "skip",
    rules: Annotated[
        str, typer.Option("--rules", help="Of a list: rules of a profile for each, or @FILE.")
    ] = "",
    profile: Annotated[
        str, typer.Option("--profile", help="What that profile is called.")
    ] = "papers",
    zone: Zone = "",
    time: Time = "",
    days: Days = "",
    weekly: Weekly = None,
    language: Language = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
    format_: FormatOption = Format.table,
) -> None:
    """Take people in: what export wrote, or a list of listmonk or Mailman.

    Nobody becomes mailed without --because. Who left here, or must not be mailed, stays so. A
    second time changes nothing.
    """
    from notifier.cli.coming import Source, list_wishes
    from notifier.subscriptions.moving.people import Wishes

    because = because.strip()
    with instance() as app, Source(file, as_) as source:
        importing, now = app.served.importing, app.clock()
        if source.is_ours:
            if not (dry_run or importing.has_papers()):
                raise errors.UsageError(
                    "no papers are here yet - read the sources first (notifier ingest), so that "
                    "votes find their papers, and nothing is mailed that people had before"
                )
            importing.exports(
                source.lines(), Wishes(because, replace), source.told, now=now, dry_run=dry_run
            )
        else:
            if not (because or dry_run):
                raise errors.UsageError(
                    "who is on a list has not confirmed here - say how they agreed to be mailed "
                    "with --because '...', or have each confirm: notifier subscriber invite"
                )
            schedule = over(app.subscriptions.default_schedule, zone, time, days, weekly)
            wishes = list_wishes(
                app, because, schedule, language, profile if rules else "", rules,
                keeps_unconfirmed=unconfirmed == "keep",
            )  # fmt: skip
            importing.lists(source.lines(), wishes, source.told, now=now, dry_run=dry_run)
    _report(source.told, file, format_, dry_run=dry_run)


def _report(told: Told, file: str, format_: Format, *, dry_run: bool) -> None:
    """Print what came of a file, and what is to be done about the rest.

    Raises:
        UsageError: nobody is in it.
    """
    counts = told.counts
    if not any(counts.values()):
        raise errors.UsageError(f"{file}: nobody is in it")
    print_record({name: counts[name] for name in COUNTS if counts[name]}, format_)
    if waiting := counts["not confirmed"]:
        say(f"{waiting:,} are not mailed before somebody confirms them: again with --because")
    if counts["unconfirmed"]:
        say(f"{counts['unconfirmed']:,} have not confirmed there: notifier subscriber invite")
    if counts["votes on papers unknown here"]:
        say("votes on papers that are not here are left out: import again once they are")
    if counts["channels"]:
        say("addresses of channels are secrets, and not in an export: add them again")
    if counts["shared profiles"]:
        say("profiles that were shared there are each one's own here: share them by a new link")
    if dry_run:
        say("nothing was changed")
    if told.needs_care:
        raise typer.Exit(1 if counts["refused"] == sum(counts.values()) else 3)
