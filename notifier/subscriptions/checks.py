"""What may be stored of a subscription: an address, a schedule, a language, a profile.

Pure but for the catalogues of languages. `wrong_in` names what a page shows beside its field; what
is called `check...` raises `UsageError` with the cure instead.
"""

from __future__ import annotations

from datetime import timedelta

from notifier import errors, languages
from notifier.digests import cadence
from notifier.profiles.parser import PROFILE_CHARACTERS, parse
from notifier.profiles.profile import Schedule
from notifier.profiles.rules import Rules

NAME_CHARACTERS = 60
MOST_PAPERS = 25
LONGEST_PAUSE = timedelta(weeks=52)


def normal_address(typed: str) -> str:
    """Return the address in normal form: lower case, an IDN domain as its A-label (RFC 5890).

    A local part may be in any script, in NFC; only servers that offer SMTPUTF8 take it (RFC 6531).

    RFC 5321 lets a server tell local parts apart by case; none that people use does.

    Raises:
        UsageError: it is no mail address, with the reason.
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(
            typed.strip(), check_deliverability=False, allow_smtputf8=True, test_environment=True
        )
    except EmailNotValidError as error:
        raise errors.UsageError(f'"{typed}" is no mail address: {error}') from None
    return f"{found.local_part}@{found.ascii_domain}".lower()


def wrong_in(schedule: Schedule) -> tuple[str, ...]:
    """Return what makes that a schedule cannot be kept: of `zone`, `days` and `time`."""
    is_clock = 0 <= schedule.hour <= 23 and 0 <= schedule.minute <= 59
    right = {
        "zone": cadence.is_zone(schedule.zone),
        "days": bool(schedule.days) and all(0 <= day <= 6 for day in schedule.days),
        "time": is_clock,
    }
    return tuple(name for name, is_right in right.items() if not is_right)


def checked_language(code: str) -> str:
    """Return the code of a language that mails are written in.

    Raises:
        UsageError: there is no catalogue of it.
    """
    if code not in languages.known():
        there = ", ".join(languages.known())
        raise errors.UsageError(f'"{code}" is no language of this instance - there are {there}')
    return code


def check_schedule(schedule: Schedule) -> None:
    """Refuse a schedule that cannot be kept.

    Raises:
        UsageError: an unknown zone, no day, or a time that is none.
    """
    cures = {
        "zone": f'"{schedule.zone}" is no IANA time zone - write one like Europe/Berlin or '
        "Asia/Tokyo",
        "days": "a schedule needs at least one day, mon to sun",
        "time": "a time is HH:MM, from 00:00 to 23:59",
    }
    for wrong in wrong_in(schedule):
        raise errors.UsageError(cures[wrong])


def checked_profile(name: str, rules: str) -> tuple[str, Rules]:
    """Return a profile's name with single spaces, and its rules.

    Raises:
        UsageError: no name, too long, or no rule at all that works.
    """
    name = _checked_name(name)
    if len(rules) > 2 * PROFILE_CHARACTERS:
        raise errors.UsageError(f"a profile holds at most {PROFILE_CHARACTERS:,} characters")
    parsed = parse(rules)
    if parsed.is_empty:
        raise errors.UsageError(
            "\n".join(str(problem) for problem in parsed.problems)
            or f'profile "{name}" asks for nothing - write at least one rule, like LLM agents'
        )
    return name, parsed


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > NAME_CHARACTERS or not name.isprintable():
        raise errors.UsageError(f"a profile's name has 1 to {NAME_CHARACTERS} printable characters")
    return name
