"""The commands that are no group: demo, init, run, tick, status, doctor, prune, ..."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from notifier import __version__, errors
from notifier.cli import (
    api_keys,
    archives,
    bounces,
    channels,
    config,
    database,
    digests,
    dkim,
    doctoring,
    explaining,
    following,
    inviting,
    links,
    mail,
    outbox,
    pruning,
    running,
    sources,
    trends,
)
from notifier.cli.output import Format, FormatOption, say, to_json
from notifier.cli.state import instance, parse_moment, settings, state

EXIT_CODES = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 finished but something "
    "needs care, 4 not found, 5 busy, 130 interrupted."
)

app = typer.Typer(
    name="notifier",
    help="Tells people which new scientific papers matter to them, by mail.",
    epilog=f"Example: notifier demo. {EXIT_CODES}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
app.add_typer(config.app, name="config")
app.add_typer(sources.app, name="source")
app.add_typer(trends.app, name="paper")
app.add_typer(inviting.app, name="subscriber")
app.add_typer(following.app, name="profile")
app.add_typer(digests.app, name="digest")
app.add_typer(outbox.app, name="outbox")
app.add_typer(bounces.app, name="bounce")
app.add_typer(channels.app, name="channel")
app.add_typer(database.app, name="db")
app.add_typer(archives.app, name="archive")
app.add_typer(dkim.app, name="dkim")
app.add_typer(links.app, name="link")
app.add_typer(mail.app, name="mail")
app.add_typer(api_keys.app, name="api-key")
app.command(
    epilog="Examples: notifier explain 2508.13426 --for ada@example.org · "
    "notifier explain https://arxiv.org/abs/2508.13426 --for ada@example.org --format json"
)(explaining.explain)
app.command(
    epilog="Examples: notifier doctor · notifier doctor --offline · "
    "notifier doctor --dns 192.0.2.53 --format json"
)(doctoring.doctor)
app.command(
    epilog="Examples: notifier prune --dry-run · notifier prune --vacuum · "
    "notifier prune --format json"
)(pruning.prune)

app.command(
    epilog="Examples: notifier run --config /etc/notifier/notifier.toml · "
    "notifier run --only worker · notifier run --only web,scheduler"
)(running.run)
app.command(epilog="Example, for cron or a systemd timer: notifier tick")(running.tick)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"notifier {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuration file (else: notifier.toml).")
    ] = None,
    now: Annotated[
        str, typer.Option("--now", help="Pretend it is this time, ISO 8601.", show_default=False)
    ] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say errors only.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version.")
    ] = False,
) -> None:
    state.config, state.verbose, state.quiet = config, verbose, quiet
    state.now = parse_moment(now) if now else None


@app.command(epilog="Example: notifier demo --once --no-browser --keep /tmp/mails")
def demo(
    once: Annotated[bool, typer.Option("--once", help="Make the mails and exit.")] = False,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the inbox in the browser.")
    ] = True,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Write .eml, .html and .txt into this folder.")
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free one.")] = 0,
) -> None:
    """Offline tour: sample papers, three subscribers, a local inbox."""
    from notifier.cli import logs
    from notifier.demo import tour

    logs.configure("console", "debug" if state.verbose else "warning")
    tour.run(once=once, browser=browser, keep=keep, port=port, say=say)


@app.command(epilog="Example: notifier init --dir /etc/notifier")
def init(
    folder: Annotated[Path, typer.Option("--dir", help="Where to write notifier.toml.")] = Path(),
) -> None:
    """Write a commented notifier.toml and make the database; what is there stays."""
    from notifier import config as configuration
    from notifier.app import opened
    from notifier.cli.config import example

    path = folder / configuration.FILE_NAME
    if path.exists():
        say(f"{path} is there already and stays as it is")
    else:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(example(), "utf-8")
        except OSError as error:
            raise errors.UsageError(f"{path} cannot be written: {error.strerror}") from error
        say(f"wrote {path}")
    state.config = path
    with opened(settings()) as made:
        say(f"database ready: {made.database.place}")
    say(
        f"Next: set [mail] from, [smtp] and [site] in {path}, then\n"
        f"  notifier --config {path} subscriber add you@example.org --confirmed\n"
        f"  notifier --config {path} profile add you@example.org topics 'LLM agents'\n"
        f"  notifier --config {path} run"
    )


@app.command(
    epilog="Examples: notifier ingest · notifier ingest arxiv · "
    "notifier ingest arxiv --since 2026-05-01 · "
    "notifier ingest --file saved.xml --kind arxiv --format json"
)
def ingest(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Sources; none: all enabled.")
    ] = None,
    since: Annotated[
        str,
        typer.Option(
            "--since",
            help="Back-fill from this date; what is older than a digest looks back (digest."
            "lookback_days) is kept and mailed to nobody, also from a file.",
            show_default=False,
        ),
    ] = "",
    file: Annotated[
        Path | None, typer.Option("--file", help="Read a saved feed or API answer instead.")
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="What the file is: arxiv, huggingface, biorxiv, medrxiv, pubmed, feed or "
            "listing (a saved page); none: found out.",
        ),
    ] = "",
    name: Annotated[
        str, typer.Option("--name", help="Source name to store it under (else: the kind).")
    ] = "",
    format_: FormatOption = Format.table,
) -> None:
    """Fetch new papers now, or read them from a saved answer."""
    from notifier.cli import ingesting

    moment = parse_moment(since) if since else None
    if file is not None and names:
        raise errors.UsageError(f'--file reads a file, not the source "{names[0]}" - use --name')
    if file is None and (kind or name):
        raise errors.UsageError("--kind and --name say what a file is - give it with --file")
    with instance() as opened:
        if file is not None:
            reports = [ingesting.read_file(opened, file, kind, name, history=bool(moment))]
        else:
            reports = ingesting.fetch(opened, tuple(names or ()), since=moment)
    if format_ is Format.table:
        ingesting.print_table(reports)
    else:
        for report in reports:
            typer.echo(to_json(report.as_json()))
    if any(report.failure for report in reports):
        raise typer.Exit(1)
    if any(report.problems or report.warning for report in reports):
        raise typer.Exit(3)


@app.command(
    epilog="Examples: notifier status · notifier status --format json · "
    "notifier status --watch --every 2"
)
def status(
    format_: FormatOption = Format.table,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again and again, until Ctrl-C.")
    ] = False,
    every: Annotated[
        float, typer.Option("--every", min=0.1, metavar="SECONDS", help="How often, with --watch.")
    ] = 5.0,
) -> None:
    """How sources, subscribers, digests and deliveries are doing, and how large all of it is."""
    from notifier.cli import status as shown

    if watch:
        shown.watch(every, format_)
        return
    with instance() as opened:
        found = shown.collect(opened)
    shown.show(found, format_)
    if found["needs_care"]:
        raise typer.Exit(3)
