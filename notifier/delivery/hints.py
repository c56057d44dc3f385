"""How long a server's words ask us to wait: "try again in 300 seconds".

Pure. A number counts only behind a word that speaks of trying again, with a unit of time after it,
so that "100 messages in 60 minutes" or a ticket's number is no hint.
Source: replies of Postgrey, milter-greylist, policyd, Exim and KumoMTA; mailcow's issue 4443, where
only a sane interval is believed.
"""

from __future__ import annotations

import re
from datetime import timedelta

LONGEST = timedelta(hours=4)

_AGAIN = (
    r"(?:\b(?:try|retry|retrying|again|re-?send|come|back|wait|de(?:fer|lay)(?:red|ed)?|later)\b"
    r"|\bgr[ae]y-?list\w*)"
)
_NUMBER = r"(?<![\d.:])(?P<number>\d{1,7}|an?|one)\s*"
_UNIT = r"(?P<unit>s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)\b"
_CLOCK = r"(?<![\d.:])(?P<hours>\d{1,2}):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d)(?![\d:])"
# Between the two stand a few plain words, of the same sentence and without another number.
_HINT = re.compile(rf"{_AGAIN}[^.;!\d]{{0,40}}?(?:{_NUMBER}{_UNIT}|{_CLOCK})", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def hint(words: str) -> timedelta | None:
    """Return the pause that a reply asks for, at most `LONGEST`; None where it names none."""
    found = _HINT.search(words)
    if found is None:
        return None
    if found["unit"]:
        number = found["number"]
        seconds = (int(number) if number.isdigit() else 1) * _SECONDS[found["unit"][0].lower()]
    else:
        seconds = sum(
            int(found[name]) * _SECONDS[name[0]] for name in ("hours", "minutes", "seconds")
        )
    # Bounded before it is a duration: seven digits of hours are more than one can hold.
    return timedelta(seconds=min(seconds, LONGEST.total_seconds())) or None
