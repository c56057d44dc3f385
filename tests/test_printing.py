"""What is made once for many readers: every mail is as if it were the only one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import delivery_work
import pytest
import workload
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.digests import printing
from notifier.jobs import summaries
from notifier.jobs.edition import NOTHING_MISSING
from notifier.jobs.writing import Writer
from notifier.ranking.rising import Rise

READERS = 12


@cache
def readers() -> list[delivery_work.Reader]:
    """Readers of few papers, so that many get the same ones; some read German, some weekly."""
    made = delivery_work.readers(READERS, workload.papers(60, 1, None), 1)
    return [_varied(reader, number) for number, reader in enumerate(made)]


def _varied(reader: delivery_work.Reader, number: int) -> delivery_work.Reader:
    schedule = replace(reader.subscriber.schedule, cadence="weekly" if number % 4 == 3 else "daily")
    subscriber = replace(
        reader.subscriber, schedule=schedule, language="de" if number % 3 == 2 else "en"
    )
    picked = reader.picked
    if number % 5 == 4:  # one that rises, and one whose hits nobody kept
        first, second = [item.ranked.row for item in picked.choice.items][:2]
        rises = [Rise("upvotes", 38.0, delivery_work.NOW - delivery_work.NOW, 40.0)]
        lines = {place: hit for place, hit in picked.lines.items() if place[1] != second}
        picked = replace(picked, rising={first: rises}, lines=lines)
    return delivery_work.Reader(subscriber, picked)


def mail(writer: Writer, reader: delivery_work.Reader) -> bytes:
    digest = writer.digest(reader.subscriber, reader.picked, NOTHING_MISSING, now=delivery_work.NOW)
    return digest.content


@cache
def alone(number: int) -> bytes:
    return mail(Writer(delivery_work.settings()), readers()[number])


@given(st.lists(st.integers(0, READERS - 1), max_size=20))
@settings(max_examples=20)
def test_a_mail_is_the_same_whatever_was_written_before(order: Sequence[int]) -> None:
    writer = Writer(delivery_work.settings())
    assert all(mail(writer, readers()[number]) == alone(number) for number in order)


def test_a_mail_is_the_same_when_hardly_anything_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((printing, "KEPT_CARDS"), (printing, "KEPT_HITS"), (summaries, "KEPT")):
        monkeypatch.setattr(module, name, 2)
    writer = Writer(delivery_work.settings())
    assert all(mail(writer, readers()[n % READERS]) == alone(n % READERS) for n in range(30))


def test_no_mail_holds_an_address_or_a_link_of_another_reader() -> None:
    writer = Writer(delivery_work.settings())
    mails = [mail(writer, reader).decode().replace("=\r\n", "") for reader in readers()]
    for number, text in enumerate(mails):
        row = readers()[number].subscriber.row
        assert set(re.findall(r"reader\d+@", text)) == {f"reader{row}@"}
        signed = re.findall(r"/(?:v|u|m|pause)/(\d+)[-.]", text)
        assert len(signed) > delivery_work.PAPERS_EACH
        assert set(signed) == {str(row)}
