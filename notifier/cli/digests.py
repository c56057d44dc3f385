"""notifier digest: list, show, preview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from notifier import errors
from notifier.cli import silence
from notifier.cli.output import Format, FormatOption, print_rows, say
from notifier.cli.state import instance

if TYPE_CHECKING:
    from notifier.app import App
    from notifier.profiles.profile import Subscriber
    from notifier.storage.store_digests import NewDigest

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True, help="What was sent.", epilog="Example: notifier digest list"
)


app.command(epilog="Example: notifier digest why ada@example.org")(silence.why)


@app.command("list", epilog="Example: notifier digest list --for ada@example.org --format jsonl")
def list_(
    owner: Annotated[
        str, typer.Option("--for", help="Of one subscriber.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 50,
    format_: FormatOption = Format.table,
) -> None:
    """Print digests and what became of them, the newest first."""
    from notifier.storage import store_digests

    with instance() as app:
        row = app.subscriptions.get(owner).row if owner else None
        with app.database.reading() as conn:
            found = store_digests.listed(conn, subscriber=row, limit=limit)
    columns = ("key", "address", "period", "papers", "more", "state", "attempts", "reply")
    print_rows([asdict(one) | {"key": one.key[:8]} for one in found], columns, format_)


@app.command(
    epilog="Examples: notifier digest show 3f9a21bc --eml > digest.eml · "
    "notifier digest show 3f9a21bc --text"
)
def show(
    key: Annotated[str, typer.Argument(metavar="ID", help="The id, or its first letters.")],
    eml: Annotated[bool, typer.Option("--eml", help="Print the mail as it was sent.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Print its HTML.")] = False,
    text: Annotated[bool, typer.Option("--text", help="Print its text.")] = False,
    format_: FormatOption = Format.table,
) -> None:
    """Print a digest's papers, or the mail exactly as it was sent."""
    from notifier.storage import store_digests

    if eml + html + text > 1:
        raise errors.UsageError("--eml, --html and --text exclude each other - give one")
    with instance() as app, app.database.reading() as conn:
        listed = store_digests.listed(conn, key=key, limit=2) if key else []
        found = the_one(listed, key, f'no digest "{key}" - notifier digest list shows them')
        content = store_digests.content(conn, found.key)
        papers = store_digests.papers_of(conn, found.key)
    if eml or html or text:
        if not content:
            raise errors.NotFound("no mail is kept of this digest: nothing matched, or it is old")
        typer.echo(content if eml else part(content, "html" if html else "plain"), nl=False)
        return
    say(f"{found.subject or 'nothing matched'} ({found.state})")
    names = ("profile", "place", "paper", "title")
    print_rows([dict(zip(names, row, strict=True)) for row in papers], names, format_)


def the_one(found: Sequence[T], key: str, missing: str) -> T:
    """Return the only one of those whose ids begin with `key`.

    Raises:
        NotFound: there is none; `missing` says so.
        UsageError: there are several.
    """
    if not found:
        raise errors.NotFound(missing)
    if len(found) > 1:
        raise errors.UsageError(f'"{key}" begins several ids - give more of it')
    return found[0]


def part(content: bytes, subtype: str) -> str:
    """Return the HTML or the plain text of a mail.

    Raises:
        NotFound: it has no HTML, since its subscriber wants none.
    """
    from notifier.digests.reading import body

    found = body(content, subtype).decode("utf-8", "replace")
    if not found:
        raise errors.NotFound("this mail has no HTML, only text - see it with --text")
    return found


@app.command(
    epilog="Examples: notifier digest preview ada@example.org · "
    "notifier --now 2026-11-20T07:00+01:00 digest preview ada@example.org --text · "
    "notifier digest preview ada@example.org --eml preview.eml · "
    "notifier digest preview ada@example.org --week --text"
)
def preview(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Whose digest.")],
    html: Annotated[
        Path | None, typer.Option("--html", help="Write its HTML to this file; - prints it.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Print its text.")] = False,
    eml: Annotated[
        Path | None, typer.Option("--eml", help="Write the mail to this file; - prints it.")
    ] = None,
    week: Annotated[
        bool, typer.Option("--week", help="The summary of their last week instead.")
    ] = False,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")
    ] = True,
) -> None:
    """Show the digest that a subscriber would get now, or with --now on any day.

    Nothing is sent and nothing is kept.
    """
    if sum((html is not None, text, eml is not None)) > 1:
        raise errors.UsageError("--html, --text and --eml exclude each other - give one")
    with instance() as app:
        found = app.subscriptions.get(address)
        made = _week(app, found) if week else app.preview(found)
    if not (week or made.papers):
        say("nothing matched: a mail is sent only to those who asked for it (--tell-nothing)")
    if text:
        typer.echo(part(made.content, "plain"), nl=False)
    elif eml is not None:
        _write(eml, made.content)
    elif html is not None:
        _write(html, part(made.content, "html").encode())
    else:
        _open(made.content, browser=browser)
    say(made.subject)


def _week(app: App, subscriber: Subscriber) -> NewDigest:
    from notifier.jobs.summing import Summing

    with app.database.reading() as conn:
        return Summing(app.compose_settings).write(conn, subscriber, now=app.clock())


def _write(path: Path, content: bytes) -> None:
    if str(path) == "-":
        typer.echo(content, nl=False)
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        raise errors.UsageError(f"{path} cannot be written: {error.strerror}") from error
    say(f"wrote {path}")


def _open(content: bytes, *, browser: bool) -> None:
    """Show a mail's HTML, or its text where it has no other, in the browser; or say its file."""
    import tempfile
    import webbrowser

    from notifier.digests.reading import body

    html = body(content, "html")
    with tempfile.NamedTemporaryFile(
        prefix="notifier-preview-", suffix=".html" if html else ".txt", delete=False
    ) as file:
        file.write(html or body(content, "plain"))
    if not (browser and webbrowser.open(f"file://{file.name}")):
        typer.echo(file.name)
