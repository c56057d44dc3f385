"""notifier bounce: read, list, show."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier import errors
from notifier.cli import polling
from notifier.cli.output import Format, FormatOption, print_record, print_rows, say
from notifier.cli.state import instance, state

if TYPE_CHECKING:
    from notifier.delivery.bounces import Report
    from notifier.jobs.bounce import Read

app = typer.Typer(
    no_args_is_help=True,
    help="What comes back: bounces, complaints, mails of people who leave.",
    epilog="Example: notifier bounce read /var/mail/bounces",
)

app.command(epilog=polling.EPILOG)(polling.poll)

TRY_LATER = 75  # EX_TEMPFAIL of sysexits.h: Postfix keeps the mail and tries again
MANY = 20
MOST_BYTES = 50_000_000
STDIN = "-"
Take = Callable[[bytes], "list[Read]"]


@app.command(
    epilog="Examples: notifier bounce read /var/mail/bounces · notifier bounce read ~/Maildir · "
    "notifier bounce read one.eml --dry-run --format jsonl · "
    "in Postfix's master.cf: argv=/usr/bin/notifier bounce read --to ${recipient} -. "
    "Exit codes of a pipe (-): 0 read, 75 try again later."
)
def read(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Mails, mboxes, Maildirs, folders; - is stdin."),
    ],
    to: Annotated[
        str, typer.Option("--to", help="Envelope recipient, where known.", show_default=False)
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what each mail is; nothing is changed.")
    ] = False,
    format_: FormatOption = Format.table,
) -> None:
    """Read what came back and act on it: stop mail to dead addresses, let people leave.

    Reading the same mail again changes nothing.
    """
    try:
        failed = _read(paths, to, dry_run, format_)
    except Exception as error:
        if [str(path) for path in paths] != [STDIN]:
            raise
        # A pipe: any other code would make the mail server throw the mail away, also at a bug.
        clear = isinstance(error, errors.NotifierError | OSError)
        say(f"error: {error if clear else type(error).__name__}")
        raise typer.Exit(TRY_LATER) from None
    if failed:
        raise typer.Exit(1)


def _read(paths: list[Path], to: str, dry_run: bool, format_: Format) -> int:
    """Print what each mail is; return how many files could not be read."""
    names = _names(paths)
    rows: list[dict[str, Any]] = []
    failed = 0
    with _taking(to, dry_run) as take, _telling(len(names)) as tell:
        for name in names:
            try:
                found = _mails(name)
            except OSError as error:
                if str(name) == STDIN:
                    raise
                failed += 1
                say(f"{name}: {error.strerror}")
                found = []
            rows += [_row(str(name), take(mail), dry_run) for mail in found]
            tell()
    columns = ("file", "kind", "recipient", "status", "reason")
    print_rows(rows, columns if dry_run else (*columns, "done"), format_)
    return failed


def _names(paths: list[Path]) -> list[Path]:
    from notifier.delivery import mailboxes

    for path in paths:
        if str(path) != STDIN and not path.exists():
            raise errors.NotFound(f"{path}: no such file or folder")
    return [
        name for path in paths for name in ([path] if str(path) == STDIN else mailboxes.files(path))
    ]


def _mails(name: Path) -> list[bytes]:
    from notifier.delivery import mailboxes

    if str(name) == STDIN:
        return mailboxes.mails(sys.stdin.buffer.read(MOST_BYTES))
    with name.open("rb") as file:
        return mailboxes.mails(file.read())


@contextmanager
def _taking(to: str, dry_run: bool) -> Iterator[Take]:
    """Yield what reads one mail; a dry run needs no configuration and no database."""
    from notifier.delivery import bounces
    from notifier.jobs.bounce import Read

    if dry_run:
        yield lambda raw: [Read(report) for report in bounces.read(raw, envelope=to)]
        return
    with instance() as opened:
        yield lambda raw: opened.take_mail(raw, envelope=to)


def _row(name: str, taken: list[Read], dry_run: bool) -> dict[str, Any]:
    first = taken[0]
    report: Report = first.report
    row: dict[str, Any] = {
        "file": name,
        "kind": report.kind,
        "recipient": report.recipient,
        "status": report.status,
        "reason": report.reason,
    }
    others = [one.report.recipient for one in taken[1:]]
    if others:
        row["others"] = others
    if not dry_run:
        row["done"] = "known" if first.known else first.done
    return row


@contextmanager
def _telling(total: int) -> Iterator[Callable[[], None]]:
    """Show a bar over many files, to a person at a terminal."""
    if total < MANY or state.quiet or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("reading mails", total=total)
        yield lambda: shown.advance(task)


@app.command("list", epilog="Example: notifier bounce list --kind policy --format jsonl")
def list_(
    kind: Annotated[
        str, typer.Option("--kind", help="Only of this kind, like hard.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 50,
    counts: Annotated[bool, typer.Option("--counts", help="Only how many of each kind.")] = False,
    format_: FormatOption = Format.table,
) -> None:
    """Print what came back, the newest first, and how many of each kind there are."""
    from notifier.delivery.verdict import KINDS
    from notifier.storage import store_bounces

    if kind and kind not in KINDS:
        raise errors.UsageError(f'"{kind}" is no kind - there are {", ".join(KINDS)}')
    with instance() as opened, opened.database.reading() as conn:
        found = store_bounces.newest(conn, kind=kind, limit=limit)
        totals = store_bounces.counts(conn)
    if counts:
        print_record(totals, format_)
        return
    columns = ("id", "received_at", "kind", "recipient", "status", "done", "reason")
    print_rows([asdict(one) for one in found], columns, format_)
    if totals:
        say(", ".join(f"{number} {name}" for name, number in totals.items()))


@app.command(epilog="Example: notifier bounce show 17 > unknown.eml")
def show(
    number: Annotated[int, typer.Argument(metavar="ID", help="As the list shows it.")],
) -> None:
    """Print a mail that was not understood, as it came."""
    from notifier.storage import store_bounces

    with instance() as opened, opened.database.reading() as conn:
        raw = store_bounces.raw(conn, number)
    if raw is None:
        raise errors.NotFound(f"no mail is kept of {number}: only those of kind unknown are")
    typer.echo(raw, nl=False)
