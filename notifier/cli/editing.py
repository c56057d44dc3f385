"""A text in the user's own editor; what was typed is not lost."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from notifier import errors


def editor() -> list[str]:
    """Return the command of $VISUAL or $EDITOR.

    Raises:
        UsageError: neither says one, with the cure.
    """
    for name in ("VISUAL", "EDITOR"):
        try:
            if command := shlex.split(os.environ.get(name, "")):
                return command
        except ValueError:
            raise errors.UsageError(f"${name} is no command: a quote is not closed") from None
    raise errors.UsageError(
        "no editor is set - say which, as in: EDITOR=nano notifier profile edit ADDRESS NAME"
    )


class Sheet:
    """A text in a file of its own, readable by its owner only."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._given = text if text.endswith("\n") or not text else f"{text}\n"
        path.write_bytes(self._given.encode())

    def edit(self, command: list[str]) -> str:
        """Return the text as it is when the editor has ended.

        Raises:
            UsageError: the editor cannot be started, or left no UTF-8 text.
            NotifierError: it says that it failed.
        """
        try:
            code = subprocess.run([*command, str(self.path)], check=False).returncode  # noqa: S603
        except OSError as error:
            raise errors.UsageError(
                f'the editor "{command[0]}" cannot be started: {error.strerror} - set EDITOR'
            ) from error
        if code:
            raise errors.NotifierError(
                f'the editor "{command[0]}" ended with code {code}; nothing is changed'
            )
        try:
            return self.path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise errors.UsageError(f"the text is no UTF-8: {error}") from None

    @property
    def is_changed(self) -> bool:
        """Whether the file holds something else than was given to the editor."""
        return self.path.exists() and self.path.read_bytes() != self._given.encode()


@contextmanager
def sheet(text: str) -> Iterator[Sheet]:
    """Yield a sheet with `text`; it goes at the end, but stays and is named after a failure."""
    handle, name = tempfile.mkstemp(prefix="notifier-", suffix=".rules")
    os.close(handle)
    made = Sheet(Path(name), text)
    try:
        yield made
    except BaseException:
        if made.is_changed:  # said even under --quiet
            typer.echo(f"what was typed is kept in {made.path}", err=True)
        else:
            made.path.unlink(missing_ok=True)
        raise
    made.path.unlink(missing_ok=True)
