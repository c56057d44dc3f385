"""Print a page of reference: docs/settings.md, from the example that explains each setting, or
(named "metrics") docs/metrics.md, from the table of all metrics.

Beside it `typer` writes the page of all commands from their helps; see `make reference`.
"""

from __future__ import annotations

import re
import sys

from notifier.cli.config import example
from notifier.config import Settings
from notifier.metrics.described import reference

_KEY = re.compile(r"(?:# )?([a-z_0-9]+) = (.*)")
_OFTEN = re.compile(r"(?m)^(?=# (?:Sources|Mail providers): )")
_INTRODUCTION = """\
# Settings

The file is TOML. `notifier init` writes one with all of this in it, `notifier config check` reads
it and names each mistake by its line, `notifier config show` prints what is in force, without
secrets.

Each key can also come from the environment, which wins: `smtp.host` is `NOTIFIER_SMTP__HOST`. A key
that ends in `_file` names a file that holds the secret. Relative paths count from the file's
folder, but what systemd hands out (`LoadCredential=`) comes first. On SIGHUP the
daemon reads the file anew.
"""
_METRICS = """\
# Metrics

What `/metrics` tells Prometheus; [Being watched](health.md) says who may read it, how to scrape it,
and what to be woken by. The numbers of the database are the same whichever process is asked; those
of a process are of the one that answers. What is counted "since this process counts" begins at 0
with the first scrape after a start.
"""


def settings() -> str:
    """Return the page: what the example says of each setting, and its default."""
    _, *sections = re.split(r"(?m)^\[(?=[a-z]+\]$)", example())
    last, *tables = _OFTEN.split(sections.pop())
    parts = [_section(one) for one in (*sections, last)] + [_table(one) for one in tables]
    return "\n".join([_INTRODUCTION, *parts])


def _section(text: str) -> str:
    """Return the table of a section; keys with one comment above them share it."""
    name, _, body = text.partition("]\n")
    defaults = getattr(Settings(), name)
    rows, said, is_new = [f"## [{name}]\n", "| key | default | |", "|---|---|---|"], "", True
    for line in body.splitlines():
        if found := _KEY.fullmatch(line):
            unset = getattr(defaults, found[1], "") is None
            default = "" if unset else f"`{found[2]}`"
            rows.append(f"| `{found[1]}` | {_cell(default)} | {_text(said)} |")
            is_new = True
        elif line.startswith("# "):
            said, is_new = line[2:] if is_new else f"{said} {line[2:]}", False
    return "\n".join([*rows, ""])


def _table(text: str) -> str:
    """Return what the example says of a table that may come often."""
    comment = re.split(r"(?m)^(?:# )?\[\[", text)[0]
    name = "source" if comment.startswith("# Sources") else "provider"
    said: list[str] = []
    rows: list[str] = []
    for line in comment.splitlines():
        if found := re.fullmatch(r"#   ([a-z_]+) +(.*)", line):
            rows.append(f"| `{found[1]}` | {_text(found[2])}")
        elif line.startswith("#    "):
            rows[-1] += f" {_text(line[1:].strip())}"
        elif line.startswith("# ") and not rows:
            said.append(line[2:])
    table = ["| key | |", "|---|---|", *(f"{row} |" for row in rows)]
    return "\n".join([f"## [[{name}]]\n", *said, "", *table, ""])


def _text(said: str) -> str:
    return _cell(said).replace("<", "&lt;")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def metrics() -> str:
    """Return the page: what each metric says."""
    return f"{_METRICS}\n{reference()}"


if __name__ == "__main__":
    pages = {"settings": settings, "metrics": metrics}
    sys.stdout.write(pages[sys.argv[1] if len(sys.argv) > 1 else "settings"]())
