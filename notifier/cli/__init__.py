"""The command line: data on stdout, talk and progress on stderr, exit codes as documented.

Commands import what they need when they run, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from notifier.errors import NotifierError, UsageError

# Options that may stand anywhere on the line; the number of values each takes.
_GLOBAL = {"--config": 1, "--now": 1, "-v": 0, "--verbose": 0, "-q": 0, "--quiet": 0}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code; a user's mistake is one line, never a traceback."""
    from notifier.cli.root import app

    arguments = _globals_first(sys.argv[1:] if arguments is None else list(arguments))
    try:
        _check_text(arguments)
        app(args=arguments, prog_name="notifier")
    except NotifierError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)  # noqa: T201
        if "-v" in arguments or "--verbose" in arguments:
            raise
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of our output has gone; nobody is left to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # a full disk, a folder without permission
        if "-v" in arguments or "--verbose" in arguments:
            raise
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _check_text(arguments: Sequence[str]) -> None:
    for word in arguments:
        if not word.isprintable() and any("\ud800" <= char <= "\udfff" for char in word):
            raise UsageError(f"{word!r} is no UTF-8 text")


def _globals_first(arguments: list[str]) -> list[str]:
    """Move global options to the front: `notifier tick --config X` works like its twin."""
    front: list[str] = []
    rest: list[str] = []
    place = 0
    while place < len(arguments):
        word = arguments[place]
        if word == "--":
            rest += arguments[place:]
            break
        name = word.split("=", 1)[0]
        values = _GLOBAL.get(name, -1) if "=" not in word else (0 if name in _GLOBAL else -1)
        target = rest if values < 0 else front
        target += arguments[place : place + 1 + max(values, 0)]
        place += 1 + max(values, 0)
    return front + rest
