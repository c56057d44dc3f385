"""News about papers that people know: told once, to whom they were sent or who saved them."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.cli.subscribers import _NEWS
from notifier.digests.reading import body
from notifier.papers.event import KINDS, OF_SENT, Event, events, is_publication, read_kinds
from notifier.papers.identity import Alias
from notifier.papers.paper import Entry
from notifier.papers.update import Kept
from notifier.storage import (
    schema,
    store_digests,
    store_events,
    store_subscribers,
    store_votes,
)
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.merging import merge
from notifier.storage.store_deliveries import Outcome, claim, finish
from notifier.storage.store_votes import StoredVote

from .api import a_key, bearer
from .builders import an_entry
from .commands import Notifier, notifier
from .databases import database_url
from .pages import ADA, MORNING, Place, path, place
from .test_schema import ADA as A_SUBSCRIBER
from .test_votes import ada

__all__ = ["ada", "notifier", "place"]

DAY = timedelta(days=1)
HEAD = "== News about papers you know =="


def one(number: int, **values: Any) -> Entry:
    """A paper that Ada's rules bring, as it is told later."""
    given: dict[str, Any] = {"categories": ("cs.LG",), "published_at": MORNING}
    return an_entry(number, f"RAG {number}", **(given | values))


def begun(place: Place, papers: int = 3) -> None:
    """Ada was sent papers on Friday."""
    place.now = MORNING
    place.take(*(one(n, version=1) for n in range(1, papers + 1)))
    digest(place)


def digest(place: Place) -> str:
    """Make Ada's digest of now, as sent; return its text, "" where there is no mail."""
    place.app.compose()
    with place.app.database.writing() as conn:
        for claimed in claim(conn, owner="t", now=place.now, lease_until=place.now, limit=9):
            finish(conn, claimed.row, Outcome("sent"), owner="t", now=place.now)
    with place.app.database.reading() as conn:
        last = store_digests.listed(conn, subscriber=1)[0]
        content = store_digests.content(conn, last.key)
    return body(content, "plain").decode().replace("\r", "") if content else ""


def later(place: Place, *entries: Entry, source: str = "arxiv", days: int = 3) -> None:
    """Some is told of papers, an hour before Ada's next digest."""
    place.now += timedelta(days=days, hours=-1)
    place.take(*entries, source=source)
    place.now += timedelta(hours=1)


def save(place: Place, paper: int) -> None:
    with place.app.database.writing() as conn:
        store_votes.put(conn, StoredVote(1, paper, "saved", place.now))


@pytest.mark.both
def test_of_papers_sent_a_withdrawal_and_a_publication_are_told_once(place: Place) -> None:
    begun(place)
    later(
        place,
        one(1, version=2, announce="replace"),
        one(2, version=2, announce="replace", withdrawn=True),
        one(3, version=1, journal="Nature 1 (2026)"),
        one(9),
    )
    text = digest(place)
    news = text[text.index(HEAD) :]
    assert "- RAG 2\n  withdrawn\n" in news
    assert "- RAG 3\n  published: Nature 1 (2026)\n" in news
    assert "RAG 1" not in news
    assert news.index("withdrawn") < news.index("published")
    later(place, one(10), one(2, version=2, announce="replace", withdrawn=True), days=1)
    assert HEAD not in digest(place)


@pytest.mark.both
def test_of_papers_saved_all_kinds_are_told(place: Place) -> None:
    begun(place)
    for paper in (1, 2):
        save(place, paper)
    doi = Alias("doi", "10.1038/x1")
    later(place, one(1, version=2, announce="replace", urls={"code": "https://github.com/x/y"}),
          replace(one(2, version=1), aliases=(*one(2).aliases, doi)))  # fmt: skip
    text = digest(place)
    assert "- RAG 1\n  new version: v2\n" in text
    assert "  code: https://github.com/x/y\n" in text
    assert "- RAG 2\n  published: doi:10.1038/x1\n" in text
    assert text.splitlines()[0] == "News about 2 papers"  # nothing else was new
    later(place, one(1, version=3, announce="replace"), days=1)
    assert "new version: v3" in digest(place)


@pytest.mark.both
@pytest.mark.anyio
async def test_of_a_paper_that_is_not_for_its_reader_no_more_is_told(place: Place) -> None:
    begun(place)
    for paper in (1, 2):
        save(place, paper)
    later(place, one(1, version=2), one(2, version=2))
    where = path(re.findall(r"No more of this paper:\s+(\S+)", digest(place))[0])
    async with place.client() as http:
        page = (await http.get(where)).text
        assert "RAG 1" in page
        assert re.search(r'value="down" checked', page)
        later(place, one(1, version=3), one(2, version=3), days=1)
        await http.post(where.partition("?")[0], data={"said": "down"})
    news = digest(place)
    assert "RAG 1" not in news
    assert "- RAG 2\n  new version: v3\n" in news


@pytest.mark.both
def test_what_happened_before_it_was_sent_is_no_news(place: Place) -> None:
    place.now = MORNING - timedelta(hours=5)
    place.take(one(1, version=1))
    place.now += timedelta(hours=1)
    place.take(one(1, version=2, announce="replace", withdrawn=True))
    place.now = MORNING
    place.take(one(2))
    digest(place)
    later(place, one(3))
    assert HEAD not in digest(place)


@pytest.mark.both
def test_a_jump_in_attention_is_told_once(place: Place) -> None:
    begun(place)
    save(place, 1)
    others = [one(n, signals={"upvotes": 1.0}) for n in range(100, 130)]
    place.take(*others, one(1, version=1, signals={"upvotes": 2.0}), source="huggingface")
    for days, votes in ((3, 80), (1, 400)):
        later(place, one(1, version=1, signals={"upvotes": float(votes)}),
              source="huggingface", days=days)  # fmt: skip
        text = digest(place)
        assert (f"talked about: {votes} upvotes" in text) == (days == 3)


@pytest.mark.both
def test_a_digest_that_was_never_sent_told_nobody(place: Place) -> None:
    begun(place)
    later(place, one(2, version=2, announce="replace", withdrawn=True))
    place.app.compose()
    place.now += 4 * DAY
    assert "- RAG 2\n  withdrawn\n" in digest(place)


@pytest.mark.both
def test_two_who_compose_at_once_tell_it_once(place: Place) -> None:
    begun(place)
    later(place, one(2, version=2, announce="replace", withdrawn=True))
    threads = [threading.Thread(target=place.app.compose) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with place.app.database.reading() as conn:
        assert len(conn.execute(t.told.select()).all()) == 1


@pytest.mark.both
def test_more_than_fits_comes_with_the_next_digest(place: Place) -> None:
    with place.app.database.writing() as conn:
        store_subscribers.change(conn, 1, max_papers=12)
    begun(place, papers=12)
    later(place, *(one(n, version=2, announce="replace", withdrawn=True) for n in range(1, 13)))
    assert digest(place).count("  withdrawn\n") == 10
    place.now += DAY
    assert digest(place).count("  withdrawn\n") == 2


@pytest.mark.both
def test_of_two_papers_that_are_one_an_event_stays_one(place: Place) -> None:
    begun(place, papers=2)
    with place.app.database.writing() as conn:
        for paper in (1, 2):
            store_events.note(conn, paper, [Event("withdrawn")], now=place.now)
        store_events.note(conn, 2, [Event("code", detail="https://x.org")], now=place.now)
        merge(conn, 2, into=1)
        assert [one.kind for one in store_events.of(conn, 1)] == ["withdrawn", "code"]


KEPT = Kept(1, "T", "A", None, None, [], [], None, None, None, None, {}, None, None, None)


def told_by(kept: Kept = KEPT, **changed: Any) -> list[tuple[str, str]]:
    return [(one.kind, one.value or one.detail) for one in events(kept, changed)]


def test_what_a_reading_tells() -> None:
    assert told_by(announce="replace", version=3, journal="J", withdrawn_at=MORNING) == [
        ("version", "3"), ("withdrawn", ""), ("published", "J"),
    ]  # fmt: skip
    assert told_by(replace(KEPT, version=None), version=1) == []  # of a source that had told none
    assert told_by(replace(KEPT, journal="J"), journal="J 2") == []
    code = "https://github.com/x/y"
    assert told_by(comment=f"Code: {code}.git") == [("code", code)]
    assert told_by(urls={"code": code}) == [("code", code)]
    assert told_by(replace(KEPT, abstract=f"See {code}."), urls={"code": code}) == []
    assert [is_publication(one) for one in ("10.1038/x", "10.1101/2026.01.02.123456")] == [
        True, False,
    ]  # fmt: skip
    assert read_kinds("code, withdrawn,nonsense") == ("withdrawn", "code")


@pytest.mark.both
def test_what_sources_add_in_the_first_days_is_no_publication(place: Place) -> None:
    begun(place)
    later(place, one(3, version=1, journal="Nature 1 (2026)"), source="pubmed", days=1)
    with place.app.database.reading() as conn:
        assert store_events.of(conn, 3) == []


@pytest.mark.anyio
async def test_kinds_are_chosen_on_the_page_and_the_paper_s_page_tells_all(place: Place) -> None:
    begun(place)
    change = path(place.app.links.change(1, place.now))
    form = {"days": "mon", "time": "07:00", "zone": "Europe/Berlin", "cadence": "daily",
            "max_papers": "3", "news_of_sent": ["version", "nonsense"]}  # fmt: skip
    async with place.client() as http:
        page = (await http.get(change)).text
        assert page.count('name="news_of_saved"') == len(KINDS)
        assert page.count('name="news_of_sent"') == len(KINDS)
        assert (await http.post(change, data=form)).status_code == 200
        reader = place.app.subscriptions.get(ADA)
        assert (reader.news_of_sent, reader.news_of_saved) == (("version",), ())
        later(place, one(1, version=2, announce="replace"), one(2, version=1, journal="J"))
        text = digest(place)
        assert "new version: v2" in text
        assert "published" not in text
        page = (await http.get(path(place.app.links.paper("arxiv:2611.00002")))).text
        assert "published: J" in page
        told = (await http.get(f"{change}/data.json")).json()["news_told"]
        key = bearer(a_key(place, "write"))
        wanted = {"news_of_saved": ["code", "withdrawn"]}
        answer = await http.patch("/api/v1/subscribers/1", headers=key, json=wanted)
        assert answer.json()["news_of_saved"] == ["withdrawn", "code"]
        assert answer.json()["news_of_sent"] == ["version"]
    assert [one["what"] for one in told] == ["version"]


def test_kinds_are_chosen_by_command(ada: Notifier) -> None:
    words = ("subscriber", "change", "ada@example.org")
    assert ada(*words, "--news-sent", "none", "--news-saved", "code,version").code == 0
    show = ada("subscriber", "show", "ada@example.org", "--format", "json").json
    assert (show["news_of_sent"], show["news_of_saved"]) == ([], ["version", "code"])
    assert ada(*words, "--news-sent", "all").code == 0
    wrong = ada(*words, "--news-sent", "gossip")
    assert (wrong.code, _NEWS in wrong.err) == (2, True)


@pytest.mark.both
def test_the_step_of_the_schema_wants_for_all_what_new_ones_want(tmp_path: Path) -> None:
    made = Database(database_url(tmp_path, "old", is_empty=True))
    schema.upgrade(made, "0027")
    with made.writing() as conn:
        conn.exec_driver_sql(A_SUBSCRIBER)
    assert "0028" in schema.upgrade(made)
    with made.reading() as conn:
        found = store_subscribers.get(conn, 1)
        assert found is not None
        assert (found.news_of_sent, found.news_of_saved) == (OF_SENT, KINDS)
    made.close()
