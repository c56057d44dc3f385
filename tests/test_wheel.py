"""An installed package works without the source tree beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .conftest import need

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).parent / "uv"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content in a folder of its own."""
    need(UV.exists(), "uv, which builds the wheel (make dev installs it)")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--wheel", "--quiet", "--out-dir", folder, ROOT], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(folder / "site")
    return folder / "site"


def notifier(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from notifier.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(installed)}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip


def test_the_demo_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    done = notifier(installed, tmp_path, "demo", "--once", "--no-browser", "--keep", "mails")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "mails").glob("*.eml"))) == 4


def test_the_wheel_writes_its_own_example_configuration(installed: Path, tmp_path: Path) -> None:
    done = notifier(installed, tmp_path, "init")
    assert done.returncode == 0, done.stderr
    example = (ROOT / "config" / "notifier.toml").read_text()
    assert (tmp_path / "notifier.toml").read_text() == example
