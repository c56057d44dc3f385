"""docs/api.md says what is true: its examples run, its table holds every operation."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from shutil import which

from notifier.access.scopes import SCOPES
from notifier.web.api.application import routes

from .api import API, a_key, fail, in_a_thread
from .conftest import need
from .pages import Place

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "api.md").read_text()


def test_the_examples_run(tmp_path: Path) -> None:
    need(which("curl"), "curl")
    place = Place(tmp_path)
    place.app.subscriptions.remove("ada@example.org")
    place.reader("bo@example.org", "RAG")
    fail(place)
    key = a_key(place, "read", "write")
    (script,) = re.findall(r"```sh\n(# .+?)```", TEXT, re.S)
    with in_a_thread(place.app) as base:
        made = place.app.subscriptions.get("bo@example.org").row + 1
        commands = script.replace("subscribers/1", f"subscribers/{made}")
        lines = [line for line in commands.replace("\\\n", " ").splitlines() if line[:4] == "curl"]
        assert len(lines) == 6
        for line in lines:
            filled = line.replace("$api", base + API).replace("$key", key)
            words = [*shlex.split(filled), "-o", "/dev/null", "-w", "%{http_code}"]
            said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
            assert said in ("200", "201"), line
        ada = place.app.subscriptions.get("ada@example.org")
        assert (ada.state, str(ada.schedule)) == ("active", "Mon, Thu 07:30 Europe/Berlin")
        (profile,) = place.app.subscriptions.profiles("ada@example.org")
        assert profile.rules == "LLM agents\nRAG ^2\n-survey"
    place.app.close()


def test_the_tables_name_every_scope_and_every_group_of_operations() -> None:
    for scope in SCOPES:
        assert f"| `{scope}` |" in TEXT
    said = re.sub(r"[`…]", "", TEXT)
    for route in routes():
        last = route.path_format.replace("{subscriber}", "ID").replace("{key}", "KEY")
        last = last.replace("{name}", "NAME").rpartition("/")[2]
        assert re.search(rf"/{last}\b", said), route.path_format


def test_commands_do_not_wait_for_the_api_to_be_imported() -> None:
    code = "import sys, notifier.daemon; print('fastapi' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "False\n"
