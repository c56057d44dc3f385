"""notifier source: list, test, pause, resume."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs, urlsplit

import typer

from notifier.cli.output import Format, FormatOption, print_record, print_rows, say
from notifier.cli.state import instance

if TYPE_CHECKING:
    from datetime import datetime

    from notifier.app import App
    from notifier.papers.paper import Entry
    from notifier.sources.source import Request, Source

app = typer.Typer(
    no_args_is_help=True, help="Where papers come from.", epilog="Example: notifier source list"
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A source of the configuration.")]
SHOWN = 3
_ARXIV_FEED = re.compile(r"//(?:rss|export)\.arxiv\.org/(?:rss|atom)/([\w.+%-]+)$")
ABSTRACT_SHOWN = 300


@app.command("list", epilog="Example: notifier source list --format json")
def list_(format_: FormatOption = Format.table) -> None:
    """Print the configured sources and how current each is."""
    from notifier.overview import source_rows

    with instance() as opened:
        rows = source_rows(opened, opened.clock())
    print_rows(rows, ("name", "kind", "state", "since", "next_due_at", "why"), format_)


@app.command(
    "test",
    epilog="Examples: notifier source test https://www.nature.com/nmeth.rss · "
    "notifier source test arxiv",
)
def try_out(
    target: Annotated[
        str, typer.Argument(metavar="URL", help="An address, or the name of a configured source.")
    ],
    format_: FormatOption = Format.table,
) -> None:
    """Fetch an address, say what reads it, show three papers and every problem; keep nothing."""
    with instance() as opened:
        report = _tested(opened, target)
    if format_ is Format.table:
        _print(report)
    else:
        print_record({name: value for name, value in report.items() if name != "new"}, format_)
    if report["problems"]:
        raise typer.Exit(3)


def _tested(opened: App, target: str) -> dict[str, Any]:
    from notifier.papers.text import one_line
    from notifier.sources.http import without_login
    from notifier.sources.sniff import kind_of
    from notifier.sources.source import NOTHING_ASKED

    now, target = opened.clock(), one_line(target)
    source, asked = _meant(opened, target, now)
    url = asked.url or target
    say(f"fetching {without_login(url)} ...")
    answer = asyncio.run(opened.intake.fetch(url))
    body = answer.body or b""
    if source is None:
        kind = kind_of(url, body)
        source = opened.intake.source_for_file(kind, kind)
    batch = source.read(body, now=now, asked=asked)
    if not batch.entries and batch.following:  # a search that leads to its papers
        more = asyncio.run(opened.intake.fetch(batch.following[0]))
        batch = source.read(more.body or b"", now=now, asked=asked)
    return {
        "new": asked is NOTHING_ASKED,
        "url": without_login(url),
        "kind": source.kind,
        "size_bytes": len(body),
        "papers": len(batch.entries),
        "in_all": batch.total,
        "continued": bool(batch.following or answer.next_url),
        "shown": [_shown(entry) for entry in batch.entries[:SHOWN]],
        "problems": [{"entry": p.entry, "reason": p.reason} for p in batch.problems],
    }


def _meant(opened: App, target: str, now: datetime) -> tuple[Source | None, Request]:
    """The configured source of that name and what it asks first; None for an address."""
    from notifier import errors
    from notifier.sources.source import NOTHING_ASKED

    names = [source.name for source in opened.settings.source]
    if target in names:
        (source,) = opened.intake.sources((target,))
        since = now - source.window if source.window is not None else None
        requests = source.requests(now=now, since=since)
        if requests:
            return source, requests[0]
    if target.lower().startswith(("http://", "https://")):
        return None, NOTHING_ASKED
    raise errors.UsageError(
        f'"{target}" is no address and no source that is fetched - write https://...; '
        f"sources: {', '.join(names) or 'none'}"
    )


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "id": str(entry.aliases[0]),
        "title": entry.title,
        "authors": list(entry.authors),
        "published_at": entry.published_at,
        "announce": entry.announce,
        "categories": list(entry.categories),
        "journal": entry.journal,
        "signals": dict(entry.signals),
        "abstract": entry.abstract[:ABSTRACT_SHOWN],
        "urls": dict(entry.urls),
    }


def _print(report: dict[str, Any]) -> None:
    heads = ("url", "kind", "size_bytes", "papers", "in_all", "continued")
    print_record({name: report[name] for name in heads}, Format.table)
    for paper in report["shown"]:
        typer.echo()
        print_record({k: v for k, v in paper.items() if v}, Format.table)
    for problem in report["problems"]:
        say(f"problem: {problem['entry']}: {problem['reason']}")
    if not report["papers"]:
        say("no papers at the moment")
    if report["new"] and report["kind"] != "listing":
        table = "\n".join(_table(report["kind"], report["url"]))
        say(f"\nTo follow it, add to notifier.toml:\n\n[[source]]\n{table}")


def _table(kind: str, url: str) -> list[str]:
    """The lines that follow what an address shows: by what the source asks itself, if it can."""
    lines = ['name = "..."', f'kind = "{kind}"']
    if found := _ARXIV_FEED.search(url):
        return [*lines, f"categories = {found[1].replace('%2B', '+').split('+')}"]
    if "esearch.fcgi" in url:
        return [*lines, f'query = "{parse_qs(urlsplit(url).query).get("term", ["..."])[0]}"']
    if kind == "huggingface" or "//api.biorxiv.org/" in url:
        return lines
    return [*lines, f'urls = ["{url}"]']


def _paused(name: str, *, pause: bool) -> None:
    with instance() as opened:
        changed = opened.intake.pause(name, at=opened.clock() if pause else None)
    state = "paused" if pause else "goes on"
    say(f"{name}: {state}" if changed else f"{name}: {state} already")


@app.command(epilog="Example: notifier source pause pubmed")
def pause(name: Name) -> None:
    """Ask a source no more, until it is resumed; what is stored stays."""
    _paused(name, pause=True)


@app.command(epilog="Example: notifier source resume pubmed")
def resume(name: Name) -> None:
    """Ask a paused source again; what it announced meanwhile is made up for where it can be."""
    _paused(name, pause=False)
