"""notifier subscriber: add, change, list, show, confirm, pause, resume, remove."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier import errors
from notifier.cli.output import Format, FormatOption, print_record, print_rows, say
from notifier.cli.state import clock, instance, parse_moment
from notifier.papers.event import KINDS, Kind, read_kinds

if TYPE_CHECKING:
    from notifier.profiles.profile import Schedule, Subscriber

app = typer.Typer(
    no_args_is_help=True,
    help="Who gets digests.",
    epilog="Example: notifier subscriber add ada@example.org --zone Europe/Berlin --confirmed",
)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The mail address.")]
Zone = Annotated[
    str, typer.Option("--zone", help="IANA zone, like Europe/Berlin.", show_default=False)
]
Time = Annotated[str, typer.Option("--time", help="Local time, HH:MM.", show_default=False)]
Days = Annotated[
    str, typer.Option("--days", help="Like mon,wed,fri, weekdays or daily.", show_default=False)
]
Weekly = Annotated[
    bool | None,
    typer.Option(
        "--weekly/--daily", help="One digest a week, on the first of the days; or on each of them."
    ),
]
MaxPapers = Annotated[
    int | None, typer.Option("--max-papers", min=1, max=25, help="Most papers in a digest.")
]
Language = Annotated[
    str, typer.Option("--language", help="Of mails and pages: en, de.", show_default=False)
]
_NEWS = f"{','.join(KINDS)}, all or none"
Because = Annotated[str, typer.Option("--because", help="How consent was given; kept.")]


@app.command(
    epilog="Example: notifier subscriber add ada@example.org --zone Europe/Berlin --confirmed"
)
def add(
    address: Address,
    zone: Zone = "",
    time: Time = "",
    days: Days = "",
    weekly: Weekly = None,
    max_papers: MaxPapers = None,
    replacements: Annotated[
        bool, typer.Option("--replacements", help="Also papers of which a new version came.")
    ] = False,
    language: Language = "",
    tell_nothing: Annotated[
        bool, typer.Option("--tell-nothing", help="Also a mail when nothing matched.")
    ] = False,
    text_only: Annotated[bool, typer.Option("--text-only", help="Mails without HTML.")] = False,
    confirmed: Annotated[
        bool, typer.Option("--confirmed", help="They agreed already; start at once.")
    ] = False,
    because: Because = "the operator says so",
) -> None:
    """Add a subscriber. Without --confirmed nothing is mailed until they are confirmed."""
    with instance() as app:
        service, now = app.subscriptions, app.clock()
        schedule = over(service.default_schedule, zone, time, days, weekly)
        found = service.request(
            address, now=now, schedule=schedule, max_papers=max_papers, replacements=replacements,
            language=language, tell_nothing=tell_nothing, text_only=text_only,
        )  # fmt: skip
        if confirmed:
            found = service.confirm(address, now=now, because=because)
    known = "" if found.created_at == now else " (was there already; its schedule stays)"
    say(f"{found.address}: {found.state}, {found.schedule}{known}")
    if found.state == "pending":
        say(f"nothing is mailed before: notifier subscriber confirm {found.address}")
    if confirmed:
        say(f"next: notifier profile add {found.address} NAME 'LLM agents'")


def over(
    schedule: Schedule, zone: str, time: str, days: str, weekly: bool | None
) -> Schedule | None:
    """Return what was typed over a schedule; None when nothing was typed."""
    from dataclasses import replace

    if not (zone or time or days) and weekly is None:
        return None
    hour, minute = _time(time) if time else (schedule.hour, schedule.minute)
    return replace(
        schedule,
        zone=zone or schedule.zone,
        hour=hour,
        minute=minute,
        days=_days(days) if days else schedule.days,
        cadence=schedule.cadence if weekly is None else "weekly" if weekly else "daily",
    )


def _kinds(typed: str) -> tuple[Kind, ...] | None:
    """The kinds of news that were typed; None for none typed."""
    named = [part.strip() for part in typed.split(",") if part.strip()]
    if not named:
        return None
    if named in (["all"], ["none"]):
        return KINDS if named == ["all"] else ()
    if wrong := [one for one in named if one not in KINDS]:
        raise errors.UsageError(f'"{wrong[0]}" is no kind of news - {_NEWS}')
    return read_kinds(",".join(named))


def _time(typed: str) -> tuple[int, int]:
    hour, colon, minute = typed.partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal() and len(typed) <= 5):
        raise errors.UsageError(f'"{typed}" is no time - write HH:MM, like 07:30')
    return int(hour), int(minute)


def _days(typed: str) -> tuple[int, ...]:
    from notifier.profiles.profile import DAY_NAMES

    named = {"weekdays": (0, 1, 2, 3, 4), "daily": tuple(range(7)), "weekend": (5, 6)}
    if typed.lower() in named:
        return named[typed.lower()]
    words = [word.strip() for word in typed.split(",") if word.strip()]
    for word in words:
        if word.lower()[:3] not in DAY_NAMES:
            raise errors.UsageError(f'"{word}" is no day - write days like mon,wed,fri')
    return tuple(sorted({DAY_NAMES.index(word.lower()[:3]) for word in words}))


def as_record(subscriber: Subscriber) -> dict[str, Any]:
    """Return a subscriber as lists show it."""
    return {
        "address": subscriber.address,
        "state": subscriber.state,
        "schedule": str(subscriber.schedule),
        "max_papers": subscriber.max_papers,
        "replacements": subscriber.replacements,
        "learning": subscriber.learning,
        "language": subscriber.language,
        "tell_nothing": subscriber.tell_nothing,
        "text_only": subscriber.text_only,
        "summary": subscriber.summary,
        "news_of_sent": list(subscriber.news_of_sent),
        "news_of_saved": list(subscriber.news_of_saved),
        "next_due_at": subscriber.next_due_at,
        "paused_until": subscriber.paused_until,
        "confirmed_at": subscriber.confirmed_at,
        "consent": subscriber.consent,
        "created_at": subscriber.created_at,
    }


@app.command(
    epilog="Example: notifier subscriber change ada@example.org --time 18:30 --days mon,thu"
)
def change(
    address: Address,
    zone: Zone = "",
    time: Time = "",
    days: Days = "",
    weekly: Weekly = None,
    max_papers: MaxPapers = None,
    replacements: Annotated[
        bool | None,
        typer.Option(
            "--replacements/--no-replacements", help="Also papers of which a new version came."
        ),
    ] = None,
    learning: Annotated[
        bool | None,
        typer.Option("--learning/--no-learning", help="Whether votes move the order."),
    ] = None,
    language: Language = "",
    tell_nothing: Annotated[
        bool | None,
        typer.Option("--tell-nothing/--no-tell-nothing", help="A mail when nothing matched."),
    ] = None,
    text_only: Annotated[
        bool | None,
        typer.Option("--text-only/--with-html", help="Mails without HTML, or with both."),
    ] = None,
    summary: Annotated[
        bool | None,
        typer.Option("--summary/--no-summary", help="Also a summary of each week."),
    ] = None,
    news_sent: Annotated[
        str, typer.Option("--news-sent", help=f"News of papers sent: {_NEWS}.", show_default=False)
    ] = "",
    news_saved: Annotated[
        str,
        typer.Option("--news-saved", help=f"News of papers saved: {_NEWS}.", show_default=False),
    ] = "",
) -> None:
    """Change what a subscriber gets, and when; what is not named stays."""
    with instance() as app:
        service = app.subscriptions
        schedule = over(service.get(address).schedule, zone, time, days, weekly)
        found = service.change(
            address, now=app.clock(), schedule=schedule, max_papers=max_papers,
            replacements=replacements, learning=learning, language=language or None,
            tell_nothing=tell_nothing, text_only=text_only, summary=summary,
            news_of_sent=_kinds(news_sent), news_of_saved=_kinds(news_saved),
        )  # fmt: skip
    versions = "with new versions" if found.replacements else "without new versions"
    learns = "learning from votes" if found.learning else "not learning from votes"
    nothing = "told when nothing matched" if found.tell_nothing else "silent when nothing matched"
    format_ = "text only" if found.text_only else "HTML and text"
    say(
        f"{found.address}: {found.schedule}, at most {found.max_papers} papers, {versions}, "
        f"{learns}, in {found.language}, {nothing}, {format_}"
        f"{', with a summary of each week' if found.summary else ''}"
    )
    if schedule and found.next_due_at:
        say(f"the next digest is due at {found.next_due_at:%Y-%m-%d %H:%M}Z")


@app.command("list", epilog="Example: notifier subscriber list --format jsonl")
def list_(format_: FormatOption = Format.table) -> None:
    """Print all subscribers."""
    with instance() as app:
        rows = [as_record(subscriber) for subscriber in app.subscriptions.every()]
    columns = ("address", "state", "schedule", "next_due_at", "paused_until")
    print_rows(rows, columns, format_)


@app.command(epilog="Example: notifier subscriber show ada@example.org")
def show(address: Address, format_: FormatOption = Format.table) -> None:
    """Print one subscriber with profiles and the last digests."""
    from notifier.storage import store_digests

    with instance() as app:
        found = app.subscriptions.get(address)
        suppressed = app.subscriptions.suppressed(found, app.clock())
        names = [profile.name for profile in app.subscriptions.profiles(address)]
        with app.database.reading() as conn:
            last = store_digests.listed(conn, subscriber=found.row, limit=1)
    record = as_record(found) | {
        "profiles": names,
        "suppressed": f"{suppressed[0]}: {suppressed[1]}" if suppressed else None,
        "last_digest": f"{last[0].period} {last[0].state}" if last else None,
    }
    print_record(record, format_)


@app.command(
    epilog="Example: notifier subscriber confirm ada@example.org --because 'asked at lunch'"
)
def confirm(address: Address, because: Because = "the operator says so") -> None:
    """Make a subscriber active: they have agreed to be mailed."""
    with instance() as app:
        found = app.subscriptions.confirm(address, now=app.clock(), because=because)
    say(f"{found.address}: active, {found.schedule}")


@app.command(epilog="Example: notifier subscriber pause ada@example.org --weeks 2")
def pause(
    address: Address,
    weeks: Annotated[int, typer.Option("--weeks", min=1, max=52, help="So many weeks.")] = 1,
    until: Annotated[
        str, typer.Option("--until", help="Or until this date.", show_default=False)
    ] = "",
) -> None:
    """Send nothing for a while."""
    now = clock()()
    end = parse_moment(until) if until else now + timedelta(weeks=weeks)
    if end <= now:
        raise errors.UsageError(f"{until} lies in the past - name a later date")
    with instance() as app:
        found = app.subscriptions.pause(address, until=end)
    say(f"{found.address}: paused until {end:%Y-%m-%d %H:%M}Z")


@app.command(epilog="Example: notifier subscriber resume ada@example.org")
def resume(address: Address) -> None:
    """End a pause, and let a suppressed address be mailed again."""
    with instance() as app:
        found = app.subscriptions.resume(address, now=app.clock())
    say(f"{found.address}: {found.state}, next digest {found.next_due_at:%Y-%m-%d %H:%M}Z")


@app.command(epilog="Example: notifier subscriber remove ada@example.org --dry-run")
def remove(
    address: Address,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Delete a subscriber with profiles, digests and deliveries; there is no way back."""
    with instance() as app:
        found = app.subscriptions.get(address)
        count = len(app.subscriptions.profiles(address))
        if not dry_run:
            app.subscriptions.remove(address)
    say(f"{'would remove' if dry_run else 'removed'} {found.address} with {count} profiles")
