"""Run commands as a user does, without a new process for each."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from notifier.cli import main

from .databases import Current, database_url

DATABASE = "NOTIFIER_DATABASE__URL"


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON value."""
        return json.loads(self.out)

    @property
    def rows(self) -> list[Any]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


class Notifier:
    """The command line on a configuration of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch):
        self.folder = folder
        self.config = folder / "notifier.toml"
        self.config.write_text("[site]\npublic_url = 'https://papers.example.org'\n")
        self._capsys = capsys
        self._patch = patch

    def on(self, name: str) -> None:
        """Work on the database of this name from now on, as everything else in this test."""
        self._patch.setenv(DATABASE, database_url(self.folder, name))

    def __call__(self, *arguments: object, stdin: bytes = b"") -> Result:
        """Run `notifier --config … ARGUMENTS`."""
        self._capsys.readouterr()
        code = 0
        with self._patch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            if Current.kind == "postgres" and DATABASE not in os.environ:
                patch.setenv(DATABASE, database_url(self.folder, "notifier"))
            try:
                main(["--config", str(self.config), *map(str, arguments)])
            except SystemExit as stop:
                code = stop.code if isinstance(stop.code, int) else 0
        captured = self._capsys.readouterr()
        assert "Traceback" not in captured.err
        return Result(code, captured.out, captured.err)


@pytest.fixture
def notifier(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Notifier:
    """The command line, with an empty instance in a folder of its own."""
    return Notifier(tmp_path, capsys, monkeypatch)
