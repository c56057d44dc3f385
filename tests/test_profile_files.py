"""notifier profile import, export and edit, as a user types them."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from .commands import DATABASE, Notifier, Result, notifier
from .databases import database_url

__all__ = ["notifier"]

ADA, BO = "ada@example.org", "bo@example.org"


@pytest.fixture
def ada(notifier: Notifier) -> Notifier:
    """The command line of an instance with Ada and Bo."""
    for address in (ADA, BO):
        notifier("subscriber", "add", address, "--confirmed")
    return notifier


@pytest.fixture(autouse=True)
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary files of an editor are in a folder of the test's own; no editor is set."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)


def written(ada: Notifier, name: str, text: str | bytes) -> Path:
    """Return a file with this text."""
    path = ada.folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def rules(ada: Notifier, name: str, address: str = ADA) -> str:
    """Return a profile's rules; "" when there is none."""
    result = ada("profile", "show", address, name)
    return result.out.removesuffix("\n") if result.code == 0 else ""


# Import


def test_a_list_of_words_becomes_a_profile_named_like_its_file(ada: Notifier) -> None:
    result = ada("profile", "import", ADA, written(ada, "agents.txt", "LLM agents, RAG\n"))
    assert (result.code, result.out) == (0, "")
    assert "agents.txt: read as a list of words (words)" in result.err
    assert 'profile "agents" added' in result.err
    assert rules(ada, "agents") == "LLM agents\nRAG\n"


def test_what_cannot_be_translated_is_named_and_the_rest_is_kept(ada: Notifier) -> None:
    query = b"cancer[tiab] AND review[pt]\n"
    result = ada("profile", "import", ADA, "-", "--name", "cancer", stdin=query)
    assert result.code == 3
    assert (
        'warning: stdin, line 1, column 18: "review[pt]": publication types are not looked for\n'
        in result.err
    )
    assert rules(ada, "cancer") == "cancer\n"


def test_a_note_alone_asks_for_no_care(ada: Notifier) -> None:
    result = ada("profile", "import", ADA, "-", "--name", "x", stdin=b'"hip pain"[tiab:~3]\n')
    assert result.code == 0
    assert "note: stdin, line 1, column 1: " in result.err


def test_nothing_left_to_import_is_wrong_usage_in_one_line(ada: Notifier) -> None:
    result = ada("profile", "import", ADA, "-", "--name", "x", stdin=b"2020:2024[dp]\n")
    assert result.code == 2
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert errors == ["error: stdin: nothing to look for is left of it, so no profile"]
    assert ada("profile", "list", ADA, "--format", "json").json == []


def test_a_dry_run_prints_the_rules_and_changes_nothing(ada: Notifier) -> None:
    result = ada(
        "profile", "import", ADA, "-", "--kind", "scholar", "--name", "x", "--dry-run",
        stdin=b"a OR b -c site:x.org\n",
    )  # fmt: skip
    assert (result.code, result.out) == (3, "(a | b) + -c\n")
    assert 'profile "x" would be added' in result.err
    assert ada("profile", "list", ADA, "--format", "json").json == []


def test_the_rules_of_a_dry_run_are_those_that_are_written(ada: Notifier) -> None:
    source = written(ada, "x.txt", "diffus*, C++, -y\n# why\n")
    printed = ada("profile", "import", ADA, source, "--kind", "words", "--dry-run").out
    ada("profile", "import", ADA, source, "--kind", "words")
    assert rules(ada, "x") == printed


def test_a_profile_of_the_same_name_is_replaced_only_on_request(ada: Notifier) -> None:
    first, other = written(ada, "x.txt", "LLM\n"), written(ada, "y.txt", "RAG\n")
    ada("profile", "import", ADA, first)
    refused = ada("profile", "import", ADA, other, "--name", "x")
    assert refused.code == 2
    assert "there is another of that name already - replace it with --replace" in refused.err
    assert rules(ada, "x") == "LLM\n"
    assert "unchanged" in ada("profile", "import", ADA, first).err
    replaced = ada("profile", "import", ADA, other, "--name", "x", "--replace")
    assert (replaced.code, rules(ada, "x")) == (0, "RAG\n")


def test_a_source_that_cannot_be_read_does_not_stop_the_others(ada: Notifier) -> None:
    good = written(ada, "good.txt", "LLM\n")
    result = ada("profile", "import", ADA, "missing.txt", good)
    assert result.code == 3
    assert "error: missing.txt: No such file or directory" in result.err
    assert rules(ada, "good") == "LLM\n"


@pytest.mark.parametrize(
    ("arguments", "text", "message"),
    [
        (("-", "--kind", "endnote"), b"LLM", '--kind is toml, words, scholar, pubmed, not "end'),
        (("-",), b"LLM", "what comes from stdin has no name - give it one with --name"),
        (("-", "--name", "x"), b"a OR b", "stdin: it is not plain what this is - say --kind"),
        (("-", "--name", "x"), b"\xff\xfe", "the rules are no UTF-8 text"),
        (("-", "--name", "x" * 61), b"LLM", "a profile's name has 1 to 60"),
        (("-", "-", "--name", "x"), b"LLM", "--name names one profile - give one source"),
        (("-", "--name", "x"), b"[[profile]]\nname='y'\nrules='z'", "--name is for other kinds"),
        (("-", "--kind", "toml"), b"LLM", "stdin: no TOML"),
        (("-", "--kind", "toml"), b"", "stdin: no profile in it"),
        (("-", "--name", "x"), b"word " * 40_001, "stdin holds more than 200,000 characters"),
        (("-", "--kind", "toml"), b"[[profile]]\nname='y'\nrules='-z'", 'profile "y" asks for'),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_import_that_cannot_be_is_told_in_one_line(
    ada: Notifier, arguments: tuple[str, ...], text: bytes, message: str
) -> None:
    result = ada("profile", "import", ADA, *arguments, stdin=text)
    assert result.code == 2
    (error,) = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert message in error
    assert ada("profile", "list", ADA, "--format", "json").json == []


def test_a_name_that_comes_twice_is_taken_once(ada: Notifier) -> None:
    twice = "".join(f"[[profile]]\nname = 'x'\nrules = '{words}'\n" for words in ("LLM", "RAG"))
    for _ in range(2):
        result = ada("profile", "import", ADA, "-", "--replace", stdin=twice.encode())
        assert result.code == 3
        assert 'error: profile "x": it comes twice; the first is taken' in result.err
        assert rules(ada, "x") == "LLM"


def test_importing_for_an_unknown_subscriber_is_not_found(ada: Notifier) -> None:
    assert ada("profile", "import", "cy@example.org", "-", "--name", "x", stdin=b"LLM").code == 4


# Export


def test_exporting_and_importing_again_changes_nothing(ada: Notifier) -> None:
    typed = '# mine\r\nLLM "agents" \\ """\ttitel: x\nRAG\n\n-survey'
    ada("profile", "add", ADA, "odd", typed)
    ada("profile", "add", ADA, "plain", "RAG")
    before = ada("profile", "list", ADA, "--format", "json").out
    exported = ada("profile", "export", ADA).out
    again = ada("profile", "import", ADA, "-", stdin=exported.encode())
    assert again.code == 0
    assert again.err.count("unchanged") == 2
    assert ada("profile", "list", ADA, "--format", "json").out == before
    assert ada("profile", "export", ADA).out == exported


def test_an_export_imported_for_another_is_the_same_to_the_character(ada: Notifier) -> None:
    ada("profile", "add", ADA, "odd", 'LLM "a b" # c\r\n\r\ntitel: x\n')
    exported = ada("profile", "export", ADA, "odd").out
    assert ADA not in exported
    result = ada("profile", "import", BO, "-", stdin=exported.encode())
    assert result.code == 3  # a rule in error, as typed
    assert 'error: odd, line 3, column 1: unknown field "titel:"' in result.err
    assert ada("profile", "export", BO).out == exported


def test_a_profile_that_is_switched_off_stays_so(ada: Notifier) -> None:
    off = b"[[profile]]\nname = 'x'\nenabled = false\nrules = 'LLM'\n"
    ada("profile", "import", ADA, "-", stdin=off)
    (profile,) = ada("profile", "list", ADA, "--format", "json").json
    assert profile["enabled"] is False
    assert "unchanged" in ada("profile", "import", ADA, "-", stdin=off).err
    unsaid = off.replace(b"enabled = false\n", b"").replace(b"LLM", b"RAG")
    ada("profile", "import", ADA, "-", "--replace", stdin=unsaid)
    (profile,) = ada("profile", "list", ADA, "--format", "json").json
    assert (profile["enabled"], rules(ada, "x")) == (False, "RAG")
    ada("profile", "import", ADA, "-", "--replace", stdin=off.replace(b"false", b"true"))
    (profile,) = ada("profile", "list", ADA, "--format", "json").json
    assert profile["enabled"] is True


def test_everyones_export_is_taken_by_each_for_themselves(ada: Notifier) -> None:
    ada("profile", "add", ADA, "agents", "LLM agents")
    ada("profile", "add", BO, "hips", "hip pain")
    everyone = ada("profile", "export").out.encode()
    ada("profile", "remove", BO, "hips")
    result = ada("profile", "import", BO, "-", stdin=everyone)
    assert result.code == 0
    assert "1 profiles of other subscribers are passed over" in result.err
    assert rules(ada, "hips", BO) == "hip pain"
    assert rules(ada, "agents", BO) == ""


def test_an_export_to_a_file_is_whole_or_not_at_all(ada: Notifier) -> None:
    ada("profile", "add", ADA, "agents", "LLM agents")
    path = ada.folder / "out.toml"
    result = ada("profile", "export", ADA, "--output", path)
    assert (result.code, result.out) == (0, "")
    assert path.read_text() == ada("profile", "export", ADA).out
    assert list(ada.folder.glob("*.part")) == []
    failed = ada("profile", "export", ADA, "--output", ada.folder / "no" / "out.toml")
    assert failed.code == 1
    assert "out.toml cannot be written: No such file or directory" in failed.err


def test_a_file_is_left_as_it_was_when_the_export_fails(
    ada: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada("profile", "add", ADA, "agents", "LLM agents")
    path = written(ada, "out.toml", "before")
    with monkeypatch.context() as patch:
        full = OSError(28, "No space left on device")

        def fail(self: Path, target: Path) -> None:
            raise full

        patch.setattr(Path, "replace", fail)
        assert ada("profile", "export", ADA, "--output", path).code == 1
    assert path.read_text() == "before"
    assert list(ada.folder.glob("*.part")) == []


def test_exporting_what_is_not_there_is_not_found(ada: Notifier) -> None:
    assert ada("profile", "export", ADA, "agents").code == 4
    assert ada("profile", "export", "cy@example.org").code == 4
    assert ada("profile", "export", ADA).out == ""


# Edit


def edit(ada: Notifier, monkeypatch: pytest.MonkeyPatch, script: str, *options: str) -> Result:
    """Edit the profile `agents` with a shell script as editor; `$1` is the file."""
    path = written(ada, "editor.sh", script)
    monkeypatch.setenv("EDITOR", f"sh '{path}'")
    return ada(*options, "profile", "edit", ADA, "agents")


def kept(ada: Notifier) -> list[Path]:
    """The files that an edit left behind."""
    return list(ada.folder.glob("notifier-*.rules"))


@pytest.fixture
def agents(ada: Notifier) -> Notifier:
    """Ada has a profile `agents`."""
    ada("profile", "add", ADA, "agents", "LLM agents", "-survey")
    return ada


def test_an_edited_profile_is_saved(agents: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    result = edit(agents, monkeypatch, 'echo RAG >> "$1"')
    assert (result.code, rules(agents, "agents")) == (0, "LLM agents\n-survey\nRAG\n")
    assert 'profile "agents" saved' in result.err
    assert kept(agents) == []


def test_visual_goes_before_editor(agents: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", f"sh '{written(agents, 'v.sh', 'echo visual > $1')}'")
    edit(agents, monkeypatch, 'echo editor > "$1"')
    assert rules(agents, "agents") == "visual\n"


@pytest.mark.parametrize("script", ["true", 'printf "LLM agents\\n-survey" > "$1"'])
def test_unchanged_text_changes_nothing(
    agents: Notifier, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    result = edit(agents, monkeypatch, script)
    assert (result.code, rules(agents, "agents")) == (0, "LLM agents\n-survey")
    assert 'profile "agents" unchanged' in result.err
    assert kept(agents) == []


def test_the_text_of_others_is_not_for_everyones_eyes(
    agents: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(agents, monkeypatch, f'stat -c %a "$1" > {agents.folder}/mode')
    assert (agents.folder / "mode").read_text() == "600\n"


def test_without_a_terminal_rules_in_error_are_saved_as_typed_and_told(
    agents: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = edit(agents, monkeypatch, 'echo "titel: x" >> "$1"')
    assert result.code == 3
    assert 'error: agents, line 3, column 1: unknown field "titel:"' in result.err
    assert rules(agents, "agents") == "LLM agents\n-survey\ntitel: x\n"


@pytest.mark.parametrize(
    ("script", "code", "message"),
    [
        ('echo "titel: x" > "$1"', 2, "unknown field"),
        (': > "$1"', 2, "asks for nothing"),
        ('printf "\\377" > "$1"', 2, "the text is no UTF-8"),
        ('echo RAG >> "$1"; exit 4', 1, 'the editor "sh" ended with code 4; nothing is changed'),
    ],
)
def test_what_cannot_be_saved_is_kept_in_a_file_that_is_named(
    agents: Notifier, monkeypatch: pytest.MonkeyPatch, script: str, code: int, message: str
) -> None:
    result = edit(agents, monkeypatch, script, "--quiet")
    assert result.code == code
    assert message in result.err
    (path,) = kept(agents)
    assert f"what was typed is kept in {path}\n" in result.err
    assert rules(agents, "agents") == "LLM agents\n-survey"


def test_a_profile_that_was_changed_meanwhile_is_not_overwritten(
    agents: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = (
        f"'{sys.executable}' -c 'import sys; from notifier.cli import main; main(sys.argv[1:])'"
    )
    other = f"--config '{agents.config}' profile add {ADA} agents 'other words' --replace"
    result = edit(agents, monkeypatch, f'{change} {other}\necho RAG > "$1"')
    assert result.code == 2
    assert 'profile "agents" was changed meanwhile, and stays so' in result.err
    assert rules(agents, "agents") == "other words"
    assert kept(agents)[0].read_text() == "RAG\n"


@pytest.mark.parametrize(
    ("editor", "message"),
    [
        ("", "no editor is set - say which, as in: EDITOR=nano notifier profile edit ADDRESS NAME"),
        ("no-such-editor", 'the editor "no-such-editor" cannot be started: No such file'),
        ("vi 'x", "$EDITOR is no command: a quote is not closed"),
    ],
)
def test_without_an_editor_that_starts_there_is_one_line_with_the_cure(
    agents: Notifier, monkeypatch: pytest.MonkeyPatch, editor: str, message: str
) -> None:
    monkeypatch.setenv("EDITOR", editor)
    result = agents("profile", "edit", ADA, "agents")
    assert result.code == 2
    assert result.err.startswith(f"error: {message}")
    assert len(result.err.splitlines()) == 1
    assert kept(agents) == []


def test_editing_what_is_not_there_is_not_found(
    ada: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert edit(ada, monkeypatch, "true").code == 4


def at_a_terminal(ada: Notifier, script: str, answers: str) -> tuple[int, str]:
    """Edit `agents` at a terminal where `answers` are typed; return exit code and talk."""
    path = written(ada, "editor.sh", script)
    ours, theirs = pty.openpty()
    command = "import sys; from notifier.cli import main; main(sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", command, "--config", ada.config, "profile", "edit", ADA, "agents"],
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "EDITOR": f"sh '{path}'", "TMPDIR": str(ada.folder),
             DATABASE: database_url(ada.folder, "notifier")},
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, answers.encode())
    said, _ = process.communicate(timeout=60)
    os.close(ours)
    return process.returncode, said.decode()


BAD = 'echo "titel: x" >> "$1"'
BAD_THEN_GOOD = 'if grep -q titel "$1"; then echo RAG > "$1"; else echo "titel: x" >> "$1"; fi'


@pytest.mark.parametrize(
    ("script", "answers", "code", "expected", "said"),
    [
        (BAD_THEN_GOOD, "e\n", 0, "RAG\n", "saved"),
        (BAD, "what\ns\n", 3, "LLM agents\n-survey\ntitel: x\n", "saved"),
        (BAD, "t\n", 0, "LLM agents\n-survey", "stays as it was"),
    ],
    ids=["edit again", "save", "throw away"],
)
def test_at_a_terminal_a_rule_in_error_is_shown_and_its_owner_decides(
    agents: Notifier, script: str, answers: str, code: int, expected: str, said: str
) -> None:
    found, talk = at_a_terminal(agents, script, answers)
    assert 'unknown field "titel:" - did you mean "title:"?' in talk
    assert (found, rules(agents, "agents")) == (code, expected)
    assert f'profile "agents" {said}' in talk
    assert kept(agents) == []


def test_at_a_terminal_giving_up_keeps_what_was_typed(agents: Notifier) -> None:
    code, talk = at_a_terminal(agents, BAD, "\x04")
    assert code == 1
    (path,) = kept(agents)
    assert f"what was typed is kept in {path}" in talk
    assert path.read_text().endswith("titel: x\n")
    assert rules(agents, "agents") == "LLM agents\n-survey"
