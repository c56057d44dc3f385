"""notifier profile follow: an author, or an organisation."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from notifier import errors
from notifier.cli.asking import progress
from notifier.cli.output import say, say_each
from notifier.cli.profiles import Address
from notifier.cli.sharing import app as app  # the group of commands, as far as it goes
from notifier.cli.state import instance

if TYPE_CHECKING:
    from notifier.app import App
    from notifier.jobs.trial import Trial

_SPELLINGS_SHOWN = 5


@app.command(
    epilog="Examples: notifier profile follow ada@example.org --author 0000-0002-7970-7855 · "
    "notifier profile follow ada@example.org --org Qualcomm --profile work"
)
def follow(
    address: Address,
    author: Annotated[
        str,
        typer.Option(
            "--author", help="An ORCID iD, an arXiv author id, or a name.", show_default=False
        ),
    ] = "",
    org: Annotated[str, typer.Option("--org", help="An organisation.", show_default=False)] = "",
    profile: Annotated[
        str, typer.Option("--profile", help="The profile's name; made where there is none.")
    ] = "people",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it finds; change nothing.")
    ] = False,
) -> None:
    """Follow an author or an organisation: one rule more, and what it finds.

    By an id it is exactly this person's papers; by a name whoever is called so.
    """
    from notifier.jobs.suggesting import accepted
    from notifier.profiles.parser import parse
    from notifier.profiles.rules import format_rules

    if bool(author.strip()) == bool(org.strip()):
        raise errors.UsageError("--author or --org - give one")
    typed = f"author: {author}" if author else f"org: {org}"
    parsed = parse(typed)
    if parsed.problems or parsed.is_empty or len(parsed.lines) != 1:
        raise errors.UsageError(str(next(iter(parsed.problems), "this is no name")))
    rule = format_rules(parsed).strip()
    with instance() as opened:
        known = {one.name: one.rules for one in opened.subscriptions.profiles(address)}
        before = known.get(profile, "")
        after = accepted(before, [rule])
        tried = opened.library.try_rules(rule, since=None, limit=50, tell=progress)
        _tell(opened, tried, rule)
        if after == before.rstrip("\n"):
            say(f'profile "{profile}" has this rule already')
        elif dry_run:
            typer.echo(rule)
        else:
            opened.subscriptions.add_profile(
                address, profile, after, now=opened.clock(), replace=True
            )
            say(f'profile "{profile}": {rule}')


def _tell(opened: App, tried: Trial, rule: str) -> None:
    from notifier.papers.author_id import author_id

    say(f"{tried.tested.papers} stored papers, {tried.per_day:.1f} a day")
    say_each([str(one.message) for one in tried.warnings], most=3)
    if rule.startswith("org:"):
        written = Counter(
            one.paper.organization for one in tried.tested.best if one.paper.organization
        )
        say_each([f"{name} ({n})" for name, n in written.most_common()], most=_SPELLINGS_SHOWN)
    elif author_id(rule.partition(":")[2]) and not any(
        one.kind == "arxiv-authors" and one.enabled for one in opened.settings.source
    ):
        say('ids are read by a source of kind "arxiv-authors" - add one to notifier.toml')
