"""notifier profile suggest: rules from papers that somebody keeps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier import errors
from notifier.cli.asking import progress
from notifier.cli.output import Format, FormatOption, print_rows, say, say_each
from notifier.cli.profile_feed import app as app  # the group of commands, as far as it goes
from notifier.cli.state import instance

if TYPE_CHECKING:
    from notifier.app import App
    from notifier.jobs.suggesting import Kept, Proposals
    from notifier.sources.bibliographies.work import Bibliography, Kind

_COLUMNS = ("n", "rule", "yours", "per_day", "there", "example")
_UNREAD_SHOWN = 10


@app.command(
    epilog="Examples: notifier profile suggest library.bib · "
    "notifier profile suggest library.bib --for ada@example.org --profile reading --accept 1-5,8 · "
    "notifier profile suggest --saved --for ada@example.org --accept all"
)
def suggest(
    file: Annotated[
        str,
        typer.Argument(
            metavar="[FILE]",
            show_default=False,
            help="BibTeX, RIS, CSL JSON, or a list of arXiv ids and DOIs; - for stdin.",
        ),
    ] = "",
    owner: Annotated[
        str, typer.Option("--for", help="Whose profile takes the rules.", show_default=False)
    ] = "",
    saved: Annotated[
        bool, typer.Option("--saved", help="From what they saved and liked instead of a file.")
    ] = False,
    profile: Annotated[
        str, typer.Option("--profile", help="The profile's name; made where there is none.")
    ] = "suggested",
    accept: Annotated[
        str, typer.Option("--accept", help="Take these: 1,3-5 or all.", show_default=False)
    ] = "",
    kind: Annotated[
        str, typer.Option("--as", help="bibtex, ris, csl or ids; none: seen from the file.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the profile as it would be; change nothing.")
    ] = False,
    format_: FormatOption = Format.table,
) -> None:
    """Propose rules that tell papers you keep from all others, and take them into a profile.

    Each comes with how many of yours it finds, how many papers it brings a day, and an example.
    """
    from notifier.jobs.suggesting import propose, there_already

    if bool(file) == saved:
        raise errors.UsageError("give a FILE, or --saved with --for ADDRESS")
    if (saved or accept) and not owner:
        raise errors.UsageError("whose? - say --for ADDRESS")
    with instance() as opened:
        kept = _kept(opened, file, kind, owner)
        found = propose(opened.library, kept, tell=progress)
        rules = _rules_of(opened, owner, profile)
        there = there_already(rules, [one.line for one in found.rules])
        chosen = numbers(accept, len(found.rules)) if accept else []
        lines = [found.rules[number - 1].line for number in chosen]
        if not accept:
            print_rows(_rows(found, there), _COLUMNS, format_)
            _summary(found)
        elif dry_run:
            typer.echo(_with(rules, lines))
        else:
            _take(opened, owner, profile, rules, lines)


def _kept(opened: App, file: str, kind: str, owner: str) -> Kept:
    from notifier.jobs.suggesting import of_file, of_votes

    if not file:
        return of_votes(opened.database, opened.subscriptions.get(owner).row)
    found = _read(file, kind)
    kept = of_file(opened.database, found)
    say_each([f"line {one.line}: {one.why}" for one in found.unread], most=_UNREAD_SHOWN)
    if kept.unknown:
        say(f"{kept.unknown:,} are known by their ids only and are not stored here: left out")
    return kept


def _read(file: str, kind: str) -> Bibliography:
    from notifier.sources.bibliographies.reading import read
    from notifier.sources.bibliographies.work import KINDS

    if kind and kind not in KINDS:
        raise errors.UsageError(f'"{kind}" is no form - one of {", ".join(KINDS)}')
    wanted: Kind | None = next((one for one in KINDS if one == kind), None)
    if file == "-":
        return read(sys.stdin.buffer.read(), wanted)
    try:
        return read(Path(file).read_bytes(), wanted)
    except OSError as error:
        raise errors.UsageError(f"{file} cannot be read: {error.strerror}") from error


def _rules_of(opened: App, owner: str, name: str) -> str:
    if not owner:
        return ""
    profiles = {one.name: one.rules for one in opened.subscriptions.profiles(owner)}
    return profiles.get(name, "")


def numbers(typed: str, most: int) -> list[int]:
    """Return the numbers that `1,3-5` or `all` names, in order, each once.

    Raises:
        UsageError: it is neither, or names one that there is not.
    """
    if typed.strip().lower() == "all":
        return list(range(1, most + 1))
    found = set[int]()
    for part in typed.split(","):
        first, _, last = part.strip().partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()):
            raise errors.UsageError(f'"{part.strip()}" is no number - write 1,3-5 or all')
        named = range(int(first), int(last or first) + 1)
        if not named or named[0] < 1 or named[-1] > most:
            raise errors.UsageError(f'there is no proposal "{part.strip()}": there are {most}')
        found.update(named)
    return sorted(found)


def _with(rules: str, lines: list[str]) -> str:
    from notifier.jobs.suggesting import accepted

    return accepted(rules, lines)


def _take(opened: App, owner: str, name: str, rules: str, lines: list[str]) -> None:
    wanted = _with(rules, lines)
    if wanted == rules.rstrip("\n"):
        say(f'profile "{name}": these rules are there already' if lines else "nothing to take")
        return
    opened.subscriptions.add_profile(owner, name, wanted, now=opened.clock(), replace=True)
    new = len(wanted.splitlines()) - len(rules.splitlines())
    say(f'profile "{name}": {new} rules taken; the next digest goes by them')


def _rows(found: Proposals, there: set[str]) -> list[dict[str, Any]]:
    return [
        {
            "n": number,
            "rule": one.line,
            "yours": one.kept,
            "stored": one.stored,
            "per_day": round(one.per_day, 1),
            "log_odds": round(one.suggestion.log_odds, 2),
            "score": round(one.suggestion.score, 2),
            "there": one.line in there,
            "example": one.example,
        }
        for number, one in enumerate(found.rules, 1)
    ]


def _summary(found: Proposals) -> None:
    kept = found.kept
    if not kept.documents:
        say("no paper has a title that is known here - nothing can be said of them")
    elif not found.rules:
        say("no phrase tells these papers from all others - give more of them")
    else:
        say(
            f"{len(found.rules)} rules from {len(kept.documents):,} papers of "
            f"{kept.works:,}, {kept.stored:,} of "
            f"them stored here, beside {found.papers:,} stored papers - take some: "
            "--for ADDRESS --accept 1-5"
        )
