"""The index of all profiles: read many at once, kept in a file, always what the profiles are."""

from __future__ import annotations

import os
import random
import stat
import time
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import workload
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from notifier.jobs import index as indexing
from notifier.jobs.index import Index, Kept
from notifier.jobs.left_out import LeftOut
from notifier.profiles.matching.clauses import Clauses
from notifier.profiles.matching.compiled import Compiled
from notifier.profiles.matching.plain import UNREAD, PlainLines
from notifier.profiles.parser import parse
from notifier.storage import array_files, index_files, shelf_files, store_profiles
from notifier.storage.database import Database
from notifier.storage.index_files import Note, NoUse
from notifier.storage.store_profiles import Marks

from . import grammar
from .described import described
from .test_compiled import PROFILES, compiled
from .test_jobs import Instance

# Near what is read the fast way, and just beside it.
_PLAIN = st.sampled_from([
    "LLM", "LLMs", "agents", "fine-tuning", "graph", "3", "covid", "19", "lens", "analyses", "AND",
    "trending", "Trending", "diffus*", "ab*", "LLMs*", "fine-tun*", "naïve", "colour", "C++", "a",
    "0000-0002-1825-0097", "0000-0002-1825-0098", "arxiv.org/a/warner_s_1",
])  # fmt: skip
_SIGNS = st.sampled_from([
    "+", "|", "-", "(", ")", '"', "~5", "~05", "~51", "^2", "^1", "^0.5", "^2.50", "^11", "title:",
    "abstract:", "Title:", "author:", "#", "\x01", "\0", " ", "",
])  # fmt: skip
_JOINTS = st.sampled_from([" ", " ", " ", "", "  "])
_PIECES = st.lists(st.tuples(st.one_of(_PLAIN, _PLAIN, _SIGNS), _JOINTS), min_size=1, max_size=9)
LINES = st.one_of(
    _PIECES.map(lambda pieces: "".join(part for piece in pieces for part in piece)),
    st.builds(
        str.format,
        st.sampled_from([
            "{0} {1}", "-{0} {1}", '"{0} {1}"', "title: {0}", "{0} + {1}", "{0} + -{1} {2}",
            "{0} + ({1} | {2} {3})", "{0} ~4 {1}", "{0} | {1}", "{0} -{1}", "{0} + ( {1} | {2})",
            "{0} {1} {2} {3} {0} {1}", '"{0}" {1}', "abstract: {0} + {1}", "-{0} + {1}",
        ]),
        _PLAIN, _PLAIN, _PLAIN, _PLAIN,
    ),
)  # fmt: skip
TEXTS = st.lists(
    st.builds("{}{}".format, LINES, st.sampled_from(["", "", " ^2", " ^1", " ^0.1", " "])),
    max_size=8,
).map("\n".join)  # fmt: skip


def at_once(texts: Sequence[str]) -> Compiled:
    profiles = Compiled()
    assert profiles.put_all(enumerate(texts)) == {}
    return profiles


# Many at once.


@settings(deadline=None, max_examples=150)
@given(st.lists(st.one_of(TEXTS, TEXTS, PROFILES, grammar.profiles()), max_size=6))
def test_profiles_taken_in_at_once_are_as_if_taken_in_one_by_one(texts: list[str]) -> None:
    assert described(at_once(texts)) == described(compiled(texts))


@pytest.mark.parametrize("line", ["{0}", "LLM + {0}", "{0} LLM", "-{0}", "LLM | {0}", '"{0}"'])
@pytest.mark.parametrize("author", ["0000-0002-1825-0097", "0000-0002-1825-0098"])
def test_an_author_s_number_is_no_word_both_ways(line: str, author: str) -> None:
    text = line.format(author)
    assert described(at_once([text])) == described(compiled([text]))


def test_profiles_of_the_benchmark_are_the_same_both_ways() -> None:
    papers = workload.papers(60, 1, None)
    texts = list(workload.profiles(400, papers, 1))
    many, each = Compiled(), compiled(texts)
    for start in range(0, 400, 150):  # what earlier blocks know is used by later ones
        part = list(enumerate(texts))[start : start + 150]
        assert many.put_all(part) == {}
    assert described(many) == described(each)
    assert len(many.clauses) == len(each.clauses)
    assert len(many.clauses.phrases) == len(each.clauses.phrases)


@pytest.mark.parametrize("line", [
    "LLM", "LLM agents ^2", "fine-tuning", "Llama 3", "diffus*", "-survey of surveys", "a ~5 b ^2",
    "abstract: graph ^0.5", '"exact words" ^3', "a + b c", "a + -b c", "a + (b | c d)",
    "title: graph",
])  # fmt: skip
def test_plain_lines_need_no_parser(line: str) -> None:
    clauses, _ = PlainLines(Clauses()).read([line])
    assert clauses.tolist() != [UNREAD]


def test_a_phrase_that_can_be_read_in_too_many_ways_is_looked_for_as_typed() -> None:
    text = " ".join(["deep", "graph", "neural", "model", "graph", "learning", "theory"] * 2)
    assert described(at_once([text])) == described(compiled([text]))


def test_one_profile_that_cannot_be_read_stops_no_other() -> None:
    profiles = Compiled()
    broken = profiles.put_all([(1, "LLM"), (2, "a + half \ud800"), (3, "graph")])
    assert [(row, type(error)) for row, error in broken.items()] == [(2, UnicodeEncodeError)]
    assert described(profiles) == {
        row: entries for row, entries in described(compiled(["", "LLM", "", "graph"])).items()
        if row in (1, 3)
    }  # fmt: skip


@pytest.mark.parametrize("line", [
    f"LLM{' ' * 1_000}", f"{' ' * 1_000}LLM", f"LLM{' ' * 997}", f"-LLM{' ' * 1_000}", " " * 1_001,
    f"#{' ' * 1_000}",
])  # fmt: skip
def test_a_line_is_too_long_however_it_is_read(line: str) -> None:
    text = f"graph\n{line}"
    (*_, read) = parse(text).lines
    once, many = described(compiled([text])), described(at_once([text]))
    assert once == many
    assert len(once[0]) == 1 + (read.node is not None)


# The file.


def _note(*, owner: str = "me") -> Note:
    return Note(owner, Marks(7, 2), 9, (4,), ())


@settings(deadline=None, max_examples=20)
@given(st.lists(PROFILES, min_size=1, max_size=5), st.lists(PROFILES, max_size=5))
def test_an_index_from_a_file_is_what_was_written_and_can_be_changed(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], after: list[str]
) -> None:
    path = tmp_path_factory.mktemp("kept") / "one.index"
    index_files.write(path, compiled(before), _note())
    whole = path.read_bytes()
    found = index_files.read(path, "me")
    assert found
    profiles, note = found
    assert note == _note()
    assert described(profiles) == described(compiled(before))
    for row, text in enumerate(after, 1):
        profiles.put(row, text)
    profiles.remove(0)
    expected = compiled([*before[:1], *after, *before[len(after) + 1 :]])
    expected.remove(0)
    assert described(profiles) == described(expected)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("seed", range(3))
def test_a_file_that_is_damaged_anywhere_is_never_taken(tmp_path: Path, seed: int) -> None:
    path, chance = tmp_path / "one.index", random.Random(seed)
    profiles = compiled(["LLM agents\ncat: cs.CL\na + (b | c)", "author: Ada Byron\n-survey\nx*"])
    index_files.write(path, profiles, _note())
    whole, same = path.read_bytes(), described(profiles)
    for _ in range(100):
        spoilt = bytearray(whole)
        place = chance.randrange(len(whole))
        spoilt[place] ^= 1 << chance.randrange(8)
        path.write_bytes(spoilt[: chance.choice([len(whole), len(whole), place])])
        try:
            found = index_files.read(path, "me")
        except NoUse:
            continue
        assert found, "room that is not in use"
        assert described(found[0]) == same


def test_a_file_of_another_database_or_version_is_no_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.index"
    assert index_files.read(path, "me") is None
    index_files.write(path, compiled(["LLM"]), _note(owner="another"))
    with pytest.raises(NoUse, match="another database"):
        index_files.read(path, "me")
    monkeypatch.setattr(index_files, "fingerprint", lambda: "other")
    with pytest.raises(NoUse, match="another version"):
        index_files.read(path, "another")


@pytest.mark.parametrize("files", [index_files, shelf_files])
def test_an_upgrade_under_a_running_process_does_not_change_whose_its_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: ModuleType
) -> None:
    files.fingerprint.cache_clear()
    made = Instance(tmp_path)
    _ = made.app.matchers
    with monkeypatch.context() as upgraded:
        upgraded.setattr(Path, "read_bytes", lambda _: b"another version")
        running = files.fingerprint()
    files.fingerprint.cache_clear()
    assert files.fingerprint() == running
    made.app.close()


def test_a_file_is_of_one_version_of_the_code_of_unicode_and_of_the_stemmer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "code.py"
    code.write_text("a")
    found = [array_files.fingerprint([code])]
    code.write_text("b")
    found.append(array_files.fingerprint([code]))
    monkeypatch.setattr(unicodedata, "unidata_version", "99.0")
    found.append(array_files.fingerprint([code]))
    monkeypatch.setattr(array_files, "version", {"PyStemmer": "99"}.__getitem__)
    found.append(array_files.fingerprint([code]))
    monkeypatch.setattr(array_files, "__file__", str(code))
    found.append(array_files.fingerprint([code]))
    assert len(set(found)) == 5


def test_a_file_that_cannot_be_written_whole_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_files, "_base", lambda head: -1)
    with pytest.raises(OSError, match="Invalid argument"):
        array_files.write(tmp_path / "one.index", {"a": np.arange(9)}, None)
    assert list(tmp_path.iterdir()) == []


def test_only_its_owner_can_read_what_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "one.index"
    array_files.write(path, {"a": np.arange(9)}, None)
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path.parent, path)] == [0o700, 0o600]


def test_two_machines_that_write_one_file_write_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)  # as of each that is the first in its container
    base, path = array_files._base, tmp_path / "one.index"

    def another_writes(head: int) -> int:
        monkeypatch.setattr(array_files, "_base", base)
        array_files.write(path, {"a": np.arange(5)}, None)
        return base(head)

    monkeypatch.setattr(array_files, "_base", another_writes)
    array_files.write(path, {"a": np.arange(90)}, None)
    assert list(tmp_path.iterdir()) == [path]
    assert array_files.read(path, checked=True)[0]["a"][1] == 90


@pytest.mark.parametrize("name", ["one.1.new", "one.k3j_x9.new"])
def test_what_a_killed_process_left_behind_is_cleared_away(tmp_path: Path, name: str) -> None:
    for left in (tmp_path / name, tmp_path / "another.1.new"):
        left.touch()
        os.utime(left, (1, 1))
    array_files.write(tmp_path / "one.index", {"a": np.arange(9)}, None)
    assert {path.name for path in tmp_path.iterdir()} == {"one.index", "another.1.new"}


# Following the database.


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instance]:
    monkeypatch.setattr(indexing, "WORTH_A_FILE", 2)
    made = Instance(tmp_path)
    for name, rules in (("ada", "RAG\n-survey"), ("bo", "graph + cat: cs.LG"), ("cy", "LLM*")):
        made.reader(name, rules)
    yield made
    made.app.close()


class Process:
    """A process that holds the index, and keeps it in a file."""

    def __init__(self, lab: Instance, tmp_path: Path) -> None:
        self.database: Database = lab.app.database
        self.left_out = LeftOut()
        self.index = Index(self.left_out, Kept(tmp_path / "kept", "me"))
        self.said: list[str] = []
        self.read = 0

    def follow(self) -> Process:
        with capture_logs() as logs, self.database.reading() as conn:
            before = self.index._taken_in
            self.index.follow(conn)
        self.read = self.index._taken_in - before
        self.said = [f"{one['event']}: {one['because']}" for one in logs if "because" in one]
        self.index.keep(self.database)
        return self

    def truth(self) -> dict[int, object]:
        with self.database.reading() as conn:
            rules = {one.row: one.rules for one in store_profiles.changed(conn, -1)}
        expected = Compiled()
        for row, text in rules.items():
            if text is not None:
                expected.put(row, text)
        return dict(described(expected))

    def is_true(self) -> bool:
        return described(self.index.compiled) == self.truth()


def _file(tmp_path: Path) -> Path:
    (path,) = (tmp_path / "kept").iterdir()
    return path


@pytest.mark.both
def test_a_second_process_reads_the_file_and_only_what_changed_since(
    lab: Instance, tmp_path: Path
) -> None:
    assert Process(lab, tmp_path).follow().is_true()
    lab.app.subscriptions.add_profile("ada@example.org", "q", "diffusion", now=lab.now)
    with lab.app.database.writing() as conn:
        store_profiles.set_rules(conn, 2, "p", "graphs only", now=lab.now)
        store_profiles.remove(conn, 3, "p")
    second = Process(lab, tmp_path)
    second.follow()
    assert second.is_true()
    assert second.said == []
    assert second.index._taken_in == 3 + 2


def test_a_profile_is_followed_while_the_file_is_in_use(lab: Instance, tmp_path: Path) -> None:
    Process(lab, tmp_path).follow()
    second = Process(lab, tmp_path).follow()
    for number in range(30):
        with lab.app.database.writing() as conn:
            store_profiles.set_rules(conn, 1, "p", f"RAG\nword{number}", now=lab.now)
        second.follow()
        assert second.is_true()
        assert second.read == 1
    assert Process(lab, tmp_path).follow().is_true()


def test_the_file_of_a_database_that_was_put_back_is_thrown_away(
    lab: Instance, tmp_path: Path
) -> None:
    Process(lab, tmp_path).follow()
    kept = _file(tmp_path).read_bytes()
    with lab.app.database.writing() as conn:
        store_profiles.set_rules(conn, 1, "p", "what was lost", now=lab.now)
    first = Process(lab, tmp_path)
    first.follow()
    assert first.is_true()
    ahead = _file(tmp_path).read_bytes()
    with lab.app.database.writing() as conn:  # as a backup would be put back
        store_profiles.set_rules(conn, 1, "p", "RAG\n-survey", now=lab.now)
        conn.exec_driver_sql("UPDATE profile SET change = change - 2 WHERE id = 1")
        conn.exec_driver_sql(
            "UPDATE counter SET value = (SELECT max(change) FROM profile) "
            "WHERE name = 'profile change'"
        )
    assert kept != ahead
    again = Process(lab, tmp_path).follow()
    assert again.said == ["index of profiles made anew: its file is ahead of the database"]
    assert again.is_true()


@pytest.mark.parametrize("changes", [1, 2, 5])
def test_a_file_of_another_past_is_thrown_away(lab: Instance, tmp_path: Path, changes: int) -> None:
    with lab.app.database.reading() as conn:
        before = store_profiles.marks(conn).change
    with lab.app.database.writing() as conn:
        store_profiles.set_rules(conn, 1, "p", "what was lost", now=lab.now)
    Process(lab, tmp_path).follow()
    with lab.app.database.writing() as conn:
        conn.exec_driver_sql(f"UPDATE profile SET change = {before}, rules = 'RAG' WHERE id = 1")
        conn.exec_driver_sql(f"UPDATE counter SET value = {before} WHERE name = 'profile change'")
        for number in range(changes):
            store_profiles.set_rules(conn, 2, "p", f"another {number}", now=lab.now)
    again = Process(lab, tmp_path).follow()
    assert again.said == [
        "index of profiles made anew: its file is of another past of the database"
    ]
    assert again.is_true()


@pytest.mark.parametrize("remembered", [2, 300])
def test_a_profile_that_changed_only_in_another_past_is_noticed(
    lab: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    monkeypatch.setattr(indexing, "_LATEST", remembered)

    def edit(row: int, times: int) -> None:
        for number in range(times):
            store_profiles.set_rules(conn, row, "p", f"word{number}", now=lab.now)

    with lab.app.database.writing() as conn:
        edit(3, 1)
        before = store_profiles.marks(conn).change
        edit(2, 5)
    Process(lab, tmp_path).follow()
    with lab.app.database.writing() as conn:
        conn.exec_driver_sql(f"UPDATE profile SET change = {before - 1} WHERE id = 2")
        conn.exec_driver_sql(f"UPDATE counter SET value = {before} WHERE name = 'profile change'")
        edit(1, 1)
        edit(2, 6)
    again = Process(lab, tmp_path).follow()
    assert again.said == [
        "index of profiles made anew: its file is of another past of the database"
    ]
    assert again.is_true()


def test_a_file_that_remembers_some_of_those_that_changed_together_is_taken(
    lab: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_LATEST", 2)
    with lab.app.database.writing() as conn:
        conn.exec_driver_sql("UPDATE profile SET change = 3")
    first = Process(lab, tmp_path)
    first.follow()
    with first.database.writing() as conn:
        (known, _) = store_profiles.latest(conn, 3, limit=2)
        store_profiles.set_rules(conn, known.row, "p", "another", now=lab.now)
    again = Process(lab, tmp_path).follow()
    assert (again.said, again.read, again.is_true()) == ([], 4, True)


def test_a_file_that_could_not_be_compared_is_compared_the_next_time(
    lab: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lab.app.database.writing() as conn:
        conn.exec_driver_sql("UPDATE profile SET enabled = false WHERE id = 2")
    Process(lab, tmp_path).follow()
    with lab.app.database.writing() as conn:  # without a number for it
        conn.exec_driver_sql("UPDATE profile SET enabled = true WHERE id = 2")
    process = Process(lab, tmp_path)

    def connection_lost(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as lost:
        lost.setattr(store_profiles, "wanted", connection_lost)
        with pytest.raises(ConnectionError):
            process.follow()
    assert len(process.index.compiled) == 0
    said = process.follow().said
    assert said == ["index of profiles made anew: its file is not of the profiles there are"]
    assert process.is_true()


@pytest.mark.both
def test_of_some_profiles_those_that_changed_or_went_are_told(
    lab: Instance, tmp_path: Path
) -> None:
    process = Process(lab, tmp_path).follow()
    with lab.app.database.writing() as conn:
        assert process.index.changed(conn, [1, 2, 3]) == set()
        store_profiles.set_rules(conn, 2, "p", "graphs only", now=lab.now)
        store_profiles.remove(conn, 3, "p")
        assert process.index.changed(conn, [1, 2, 3]) == {2, 3}


def test_after_a_removal_only_the_profiles_in_question_are_looked_for(
    lab: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, read = Process(lab, tmp_path).follow(), list[int]()
    existing = store_profiles.existing
    monkeypatch.delattr(store_profiles, "rows")
    monkeypatch.setattr(
        store_profiles, "existing", lambda conn, rows: read.extend(rows) or existing(conn, rows)
    )
    with lab.app.database.writing() as conn:
        store_profiles.remove(conn, 3, "p")
        assert process.index.changed(conn, [1, 3]) == {3}
    assert read == [1, 3]


def test_a_file_that_lacks_a_profile_is_thrown_away(lab: Instance, tmp_path: Path) -> None:
    with lab.app.database.writing() as conn:
        conn.exec_driver_sql("UPDATE profile SET enabled = false WHERE id = 2")
    Process(lab, tmp_path).follow()
    with lab.app.database.writing() as conn:  # without a number for it
        conn.exec_driver_sql("UPDATE profile SET enabled = true WHERE id = 2")
    again = Process(lab, tmp_path).follow()
    assert again.said == ["index of profiles made anew: its file is not of the profiles there are"]
    assert again.is_true()


@pytest.mark.parametrize("spoil", [
    lambda path: path.write_bytes(path.read_bytes()[:300]),
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes()[::-1]),
])  # fmt: skip
def test_a_damaged_file_is_said_once_and_made_anew(lab: Instance, tmp_path: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    Process(lab, tmp_path).follow()
    spoil(_file(tmp_path))
    second = Process(lab, tmp_path).follow()
    assert second.is_true()
    assert len(second.said) == 1
    assert second.follow().said == []
    third = Process(lab, tmp_path).follow()
    assert (third.said, third.is_true()) == ([], True)


def test_a_folder_that_cannot_be_written_makes_it_slower_and_not_wrong(
    lab: Instance, tmp_path: Path
) -> None:
    (tmp_path / "kept").write_text("a file where the folder would be")
    with capture_logs() as logs:
        assert Process(lab, tmp_path).follow().is_true()
    assert [one["event"] for one in logs] == ["index of profiles not kept"]


def test_few_profiles_are_kept_in_no_file(
    lab: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "WORTH_A_FILE", 4)
    assert Process(lab, tmp_path).follow().is_true()
    assert not (tmp_path / "kept").exists()


def test_files_of_another_division_go_a_day_after_they_were_written(
    lab: Instance, tmp_path: Path
) -> None:
    (tmp_path / "kept").mkdir()
    old, new, own = (
        tmp_path / "kept" / f"profiles-{name}.index" for name in ("1-of-4", "2-of-4", "1-of-1")
    )
    for path, age in ((old, 90_000), (new, 3_600), (own, 90_000)):
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    Process(lab, tmp_path).follow()
    assert {path.stem for path in (tmp_path / "kept").iterdir()} == {
        "profiles-0-of-1", "profiles-1-of-1", "profiles-2-of-4",
    }  # fmt: skip


@pytest.mark.parametrize(("worth", "is_there"), [(6, True), (8, False)])
def test_a_file_goes_when_there_are_by_far_too_few_profiles_for_it(
    lab: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worth: int, is_there: bool
) -> None:
    Process(lab, tmp_path).follow()
    monkeypatch.setattr(indexing, "WORTH_A_FILE", worth)
    assert Process(lab, tmp_path).follow().is_true()
    assert any((tmp_path / "kept").iterdir()) is is_there


def test_a_profile_that_cannot_be_read_is_left_out_by_every_process_until_it_is_mended(
    lab: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        put = Compiled.put
        broken.setattr(
            Compiled, "put", lambda self, row, text: 1 / 0 if row == 2 else put(self, row, text)
        )
        Process(lab, tmp_path).follow()
    second = Process(lab, tmp_path).follow()
    assert second.said == []
    assert second.index.compiled.rows() == {1, 3}
    with lab.app.database.writing() as conn:
        store_profiles.set_rules(conn, 2, "p", "mended", now=lab.now)
    assert second.follow().is_true()


def test_an_index_of_which_half_is_of_no_use_is_made_anew(
    lab: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_LITTLE", 4)
    process = Process(lab, tmp_path).follow()
    for number in range(8):
        with lab.app.database.writing() as conn:
            store_profiles.set_rules(conn, 1, "p", f"word{number}", now=lab.now)
        process.follow()
    assert process.is_true()
    assert len(process.index.compiled.clauses) < 9
