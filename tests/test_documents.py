"""What is promised in prose is kept by the code."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from notifier import __version__
from notifier.cli.root import app

ROOT = Path(__file__).resolve().parents[1]


def commands(group: Any = None, name: str = "notifier") -> Iterator[tuple[str, Any]]:
    """Every command with its full name."""
    group = group or typer.main.get_command(app)
    for part, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {part}")
        yield f"{name} {part}", command


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=[n for n, _ in commands()])
def test_every_command_has_help_with_an_example_of_itself(name: str, command: Any) -> None:
    assert command.help
    assert command.help.splitlines()[0].endswith((".", ";"))
    assert "Example" in (command.epilog or "")
    assert name in command.epilog
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.name != "help":
            assert getattr(parameter, "help", None), f"{name} --{parameter.name}"


def test_help_and_version_import_nothing_heavy() -> None:
    code = (
        "import sys\nfrom notifier.cli import main\n"
        "try: main(['--version'])\nexcept SystemExit: pass\n"
        "heavy = {'sqlmodel', 'sqlalchemy', 'pydantic', 'feedparser', 'jinja2', 'starlette'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines() == [f"notifier {__version__}", "[]"]


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_dependency_has_its_reason_beside_it() -> None:
    block = re.search(
        r"^dependencies = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.M | re.S
    )
    assert block
    for line in block.group(1).splitlines():
        assert "# " in line, line


def readme_commands() -> list[str]:
    """The lines of the README's shell blocks."""
    blocks = re.findall(r"```sh(?: run)?\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line]


def test_the_readme_names_only_commands_and_targets_that_exist() -> None:
    known = {name for name, _ in commands()}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert readme_commands()
    for line in readme_commands():
        words = [w for w in shlex.split(line) if w != "sudo"]
        if words[0] == "make":
            assert words[1] in targets, line
        elif words[0].endswith("notifier"):
            assert any(f"notifier {' '.join(words[1:n])}" in known for n in (2, 3)), line


REFERENCE = {
    "commands": ("-m", "typer", "notifier.cli.root", "utils", "docs", "--name", "notifier",
                 "--title", "Commands"),
    "settings": ("docs/reference.py", "settings"),
    "metrics": ("docs/reference.py", "metrics"),
}  # fmt: skip
DOCUMENTS = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", REFERENCE)
def test_a_reference_page_is_what_the_code_says(page: str) -> None:
    made = subprocess.run(
        [sys.executable, *REFERENCE[page]], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    kept = (ROOT / "docs" / f"{page}.md").read_text()
    assert kept == made, "stale - make reference"


def runnable(document: str) -> list[str]:
    """The shell blocks of a document that say that they can be run, in order."""
    return re.findall(r"(?ms)^```sh run\n(.*?)^```", (ROOT / document).read_text())


@pytest.mark.parametrize("document", [one for one in DOCUMENTS if runnable(one)])
def test_every_block_that_can_be_run_runs(document: str, tmp_path: Path) -> None:
    script = "\n".join(["set -euo pipefail", *runnable(document)])
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_some_documents_can_be_run() -> None:
    assert [one for one in DOCUMENTS if runnable(one)]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert ((ROOT / document).parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_nothing_is_left_to_be_filled_in(document: str) -> None:
    assert re.findall(r"(?m)^[A-Z_]{5,}$", (ROOT / document).read_text()) == []


def test_every_make_target_is_listed_with_its_purpose() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", text, re.M))
    assert targets == set(re.findall(r"^([a-z]+):.*## ", text, re.M))
