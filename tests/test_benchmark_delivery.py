"""The benchmark of digests on their way: what it holds beside ours is honest, and all parts run."""

from __future__ import annotations

import asyncio
import gc
import json
import smtplib
import socket
from dataclasses import replace
from pathlib import Path

import delivery
import delivery_compose
import delivery_memory
import delivery_postfix
import delivery_sink
import delivery_store
import delivery_wire
import private_postfix
import pytest
from delivery_compose import NAIVE, OURS, Block
from delivery_naive import Naive, differences
from delivery_sink import Sink, Taken
from delivery_store import Spent
from delivery_work import NOW, PAPERS_EACH, Asked, Reader, papers, readers, settings
from figures import table
from measuring import Stopwatch, set_aside

from notifier.jobs.edition import NOTHING_MISSING
from notifier.jobs.writing import Writer
from notifier.profiles.hits import hits_of
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.parser import parse
from notifier.storage.database import Database

from .conftest import need
from .test_benchmarks import run

FEW = Asked(readers=12, papers=60, seed=1, connections=2, sample=4, mails=10, made=20,
            corpus=Path("/nowhere"))  # fmt: skip


@pytest.fixture(scope="module")
def some() -> list[Reader]:
    return list(readers(6, FEW.day(), 1))


def ours(some: list[Reader]) -> list[bytes]:
    writer = Writer(settings())
    return [
        writer.digest(one.subscriber, one.picked, NOTHING_MISSING, now=NOW).content for one in some
    ]


# The work.


def test_every_reader_gets_twelve_papers_which_the_lines_named_do_find(some: list[Reader]) -> None:
    for reader in some:
        (profile,) = reader.picked.profiles
        rules = parse(profile.rules)
        assert len(reader.picked.lines) == len(reader.picked.papers) == PAPERS_EACH
        for (name, row), lines in reader.picked.lines.items():
            assert name == profile.name
            hits = hits_of(rules, lines, IndexedPaper(reader.picked.papers[row]))
            assert {hit.rule for hit in hits} == set(lines)


def test_the_first_readers_are_the_same_for_a_seed_whatever_their_count(some: list[Reader]) -> None:
    assert list(readers(3, FEW.day(), 1)) == some[:3]
    assert list(readers(3, FEW.day(), 2)) != some[:3]


# The plain way.


def test_the_plain_way_says_what_our_mails_say(some: list[Reader]) -> None:
    naive = Naive(settings(), NOW)
    for reader, mail in zip(some, ours(some), strict=True):
        assert differences(mail, naive.digest(reader)) == []


@pytest.mark.parametrize(
    ("part", "instead", "found"),
    [
        (b"Fit 1", b"Fit 9", ["text", "page"]),
        (b"/u/", b"/x/", ["text", "links"]),
        (b"Subject: ", b"Subject: New: ", ["subject"]),
        (b"Precedence: bulk", b"Priority: bulk", ["headers"]),
    ],
)
def test_a_mail_that_says_something_else_is_noticed(
    some: list[Reader], part: bytes, instead: bytes, found: list[str]
) -> None:
    (mail,) = ours(some[:1])
    assert part in mail
    assert differences(mail, mail.replace(part, instead)) == found


def test_styles_stand_on_the_elements_of_the_plain_way_too(some: list[Reader]) -> None:
    naive = Naive(settings(), NOW)
    html, _ = naive.rendered(naive.view(some[0]))
    assert 'style="' not in html
    assert naive.inlined(html).count('style="') > 10 * PAPERS_EACH


def test_what_is_made_once_counts_for_all_mails_of_a_run() -> None:
    cold, warm = Block(0.02, mails=1, sample=1), Block(0.02, mails=9, sample=1)
    for block, seconds in ((cold, 0.010), (warm, 0.009)):
        for step in (*OURS, *NAIVE):
            block.watches[step] = Stopwatch(wall=seconds, cpu=seconds)
    found = delivery_compose.told([cold, warm])
    assert found["cpu_ms"]["made"] == pytest.approx(1.9)
    assert delivery_compose.naive(found["cpu_ms"]) == pytest.approx(4 * 9.5)
    assert delivery_compose.naive(found["cpu_ms"], view=False) == pytest.approx(3 * 9.5)


def test_the_plain_way_does_not_pay_for_what_ours_holds() -> None:
    before = gc.get_freeze_count()
    with set_aside():
        assert gc.get_freeze_count() > before + 1000
    assert gc.get_freeze_count() == 0


# The server that keeps nothing.

MAIL = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
TEXTS = (b"Subject: x\r\n\r\n..a\r\n.\r\n", b".\r\n", b"\r\n.b\r\n..\r\n\r\n.\r\n")
SAID = b"EHLO me\r\n" + b"".join(MAIL + text for text in TEXTS) + b"QUIT\r\n"


class Wire(asyncio.Transport):
    """What a server says."""

    def __init__(self) -> None:
        super().__init__()
        self.said, self.closed = b"", False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.said += data

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_the_server_counts_mails_in_whatever_pieces_they_come(size: int) -> None:
    found, wire = Taken(), Wire()
    server = Sink(found)
    server.connection_made(wire)
    for start in range(0, len(SAID), size):
        server.data_received(SAID[start : start + size])
    assert (found.connections, found.mails, found.size) == (1, 3, sum(map(len, TEXTS)))
    assert wire.said.count(b"354") == wire.said.count(b"taken") == 3
    assert b"250-PIPELINING\r\n" in wire.said
    assert b"500" not in wire.said
    assert wire.closed


def test_a_server_of_its_own_process_tells_what_it_took_since_it_was_last_asked() -> None:
    with (
        delivery_sink.listening() as (port, pipe),
        socket.create_connection(("127.0.0.1", port), timeout=10) as client,
    ):
        client.sendall(SAID.removesuffix(b"QUIT\r\n") + MAIL + b"Subject: x\r\n\r\n.\r")
        answers = b""
        while answers.count(b"354") < 4:
            answers += client.recv(9999) or pytest.fail(f"closed after {answers!r}")
        assert delivery_sink.taken(pipe).mails == 3  # what has not ended is no mail
        client.sendall(b"\n")
        assert client.recv(9999) == b"250 2.0.0 taken\r\n"
        assert delivery_sink.taken(pipe).mails == 1


# The parts.


def test_all_mails_are_made_and_a_sample_also_the_plain_way() -> None:
    found = delivery_compose.measure(FEW, Path())
    assert (found["mails"], found["sample"]) == (12, 6)  # of each block at least one
    assert min(found["cpu_ratios"]) > 0
    lines = list(delivery_compose.figures(found))
    assert [one.target for one in lines if one.is_met is not None] == [
        "at least 1,500", "at least 20", "at least 500",
    ]  # fmt: skip
    assert all(one.ours > 0 for one in lines)


def test_every_mail_comes_through_the_database_to_the_server(tmp_path: Path) -> None:
    found = delivery_wire.measure(FEW, tmp_path)
    assert (found["mails"], found["sample"], found["connections"]) == (12, 4, 2)
    assert set(found["wall_ms"]) == {"making", "fixing", "sending"}
    assert min(*found["wall_ms"].values(), found["naive_ms"], found["sink_cpu_ms"]) > 0
    assert found["bytes"] > 10_000
    assert sum(one.is_met is not None for one in delivery_wire.figures(found)) == 1


async def pretend(database: Database, port: int, connections: int, spent: Spent) -> int:
    spent.sending.wall += 1
    return FEW.readers


def test_mails_that_never_came_to_the_server_are_no_figure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(delivery_store, "send", pretend)
    with pytest.raises(ValueError, match=r"the server took \[2, 0, 2\]"):
        delivery_wire.measure(FEW, tmp_path)


def test_a_mail_that_postfix_did_not_hand_on_is_waited_for_and_then_told() -> None:
    need(not private_postfix.missing(), private_postfix.missing())
    nowhere = f"relayhost = [127.0.0.1]:{private_postfix.free_port()}\n"
    with private_postfix.running(nowhere) as postfix:
        with smtplib.SMTP("127.0.0.1", postfix.port) as client:
            client.sendmail("a@example.org", ["b@example.org"], "Subject: x\r\n\r\n")
        with pytest.raises(TimeoutError, match="1 mails wait in Postfix"):
            postfix.drain(0)


def test_postfix_takes_as_many_mails_of_ours_as_of_its_own_generator(tmp_path: Path) -> None:
    need(not private_postfix.missing(), private_postfix.missing())
    need(delivery_postfix.GENERATOR.exists(), f"{delivery_postfix.GENERATOR} (package postfix)")
    found = delivery_postfix.measure(FEW, tmp_path)
    for sender in ("ours", "smtp-source"):
        assert len(found[sender]["a_second"]) == delivery_postfix.TURNS
        assert min(found[sender]["a_second"]) > 0
        assert found[sender]["postfix_cpu_ms"] >= 0  # counted in hundredths of a second
    _, share = delivery_postfix.figures(found)
    assert share.target == "at least 0.8"


def test_memory_is_told_as_it_grows_and_its_growth_is_judged(tmp_path: Path) -> None:
    made, sent = delivery_memory.making(FEW, tmp_path), delivery_memory.sending(FEW, tmp_path)
    assert len(made["held"]) == 1 + delivery_memory.PARTS
    assert (made["mails"], sent["mails"]) == (20, 10)
    grown = made | {"held": [100.0, 100.0, 106.0], "peak": 301.0}
    peak, growth = delivery_memory.figures(grown)
    assert (peak.is_met, growth.is_met) == (False, False)
    peak, growth = delivery_memory.figures(grown | {"held": [100.0, 100.0, 104.0], "peak": 299.0})
    assert (peak.is_met, growth.is_met) == (True, True)


def test_papers_that_are_one_paper_are_refused(tmp_path: Path) -> None:
    first, *_ = papers(1, 1, None)
    with (
        pytest.raises(ValueError, match="do not stand in their rows"),
        delivery_store.filled(tmp_path, [first, replace(first, row=2)]),
    ):
        pass


# The table.


def no_postfix(asked: Asked, folder: Path) -> delivery.Found:
    raise FileNotFoundError(2, "No such part", "Postfix")


def test_a_part_that_cannot_be_measured_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "PARTS", {"postfix": [("postfix", no_postfix, iter)]})
    found, figures, missing = delivery.measure(FEW, ["postfix"])
    assert (found, figures) == ({}, [])
    assert table(figures, missing).splitlines()[1] == "postfix: skipped, no Postfix"


def test_a_part_that_is_none_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        delivery.asked_for(["--parts", "compose,wires"])
    assert "unknown part wires" in capsys.readouterr().err


def test_the_delivery_benchmark_prints_a_table_and_writes_its_figures(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    said = run(
        "delivery", "--readers", "10", "--papers", "60", "--sample", "2", "--parts", "compose",
        "--corpus", str(tmp_path / "none"), "--json", str(file),
    )  # fmt: skip
    assert said.startswith("12 of 60 generated papers for each of 10 readers; ")
    assert said.splitlines()[-1].startswith("calibration 0.")
    written = json.loads(file.read_text())
    assert written["asked"]["readers"] == written["found"]["compose"]["mails"] == 10
    assert all(one["what"] in said for one in written["figures"])
    assert {"processor", "python", "sqlite", "css-inline"} <= set(written["machine"])
