"""Whole rounds against a local server that plays what real services do on bad days."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest
import stamina

from notifier.app import App
from notifier.config import Settings
from notifier.jobs.freshness import freshness
from notifier.jobs.ingest import LOOKED_UP_FOR, ingest
from notifier.jobs.take import Ingested
from notifier.papers.paper import Paper
from notifier.sources import http
from notifier.sources.arxiv import ArxivSource
from notifier.sources.feed import FeedSource
from notifier.sources.freshness import MEANING, REPLAY_AGAIN, Freshness
from notifier.sources.http import HttpSettings, open_client
from notifier.sources.huggingface import HuggingFaceSource
from notifier.sources.source import Request, Source
from notifier.storage import store_papers, store_sources
from notifier.storage.database import Database

from .builders import atom, daily_papers
from .databases import database_url
from .identities import an_identity
from .test_promises import dump

pytestmark = pytest.mark.anyio
SETTINGS = HttpSettings(timeout_seconds=5, max_bytes=200_000, pause_seconds=0)
EVERY = timedelta(hours=1)
DAY = timedelta(days=1)
# arXiv announces at 20:00 in New York; its feeds are due at 05:30 UTC of the day after.
TUESDAY = datetime(2026, 11, 17, 5, 45, tzinfo=UTC)
WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY, NEXT_TUESDAY = (
    TUESDAY + n * DAY for n in range(1, 8)
)


@pytest.fixture(autouse=True)
def no_waiting_between_retries() -> Iterator[None]:
    stamina.instrumentation.set_on_retry_hooks([])
    with stamina.set_testing(True, attempts=http.ATTEMPTS):
        yield
    stamina.instrumentation.set_on_retry_hooks(None)


# The other side: one server, and what it plays where.

Answer = bytes | Callable[[asyncio.StreamWriter], Any]


@dataclass
class Service:
    """A local server. At each path it plays its answers in turn, the last one for the rest."""

    base: str = ""
    asked: list[str] = field(default_factory=list)
    plays: dict[str, list[Answer]] = field(default_factory=dict)
    is_new: bool = True  # whether the last request came without validators

    def play(self, path: str, *answers: Answer) -> None:
        """Answer what begins with `path` so; the longest beginning that fits counts."""
        self.plays[path] = list(answers)

    def asked_for(self, path: str) -> list[str]:
        """What was asked there, decoded, the oldest first."""
        return [unquote(one) for one in self.asked if one.startswith(path)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and hang up."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.split()[1].decode())
            self.is_new = b"if-none-match" not in head.lower()
            answer = self._next(self.asked[-1])
            played = writer.write(answer) if isinstance(answer, bytes) else answer(writer)
            if asyncio.iscoroutine(played):
                await played
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left
        finally:
            writer.close()

    def _next(self, path: str) -> Answer:
        known = [one for one in self.plays if path.startswith(one)]
        if not known:
            return said(404)
        answers = self.plays[max(known, key=len)]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def said(status: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def ok(body: bytes, *headers: str) -> bytes:
    return said(200, *headers, body=body)


def raw(text: bytes) -> bytes:
    """An answer whose own headers say how long it is, rightly or not."""
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + text


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Service]:
    service = Service()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0, **options)
    scheme = "https" if options else "http"
    service.base = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield service


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with serving() as made:
        yield made


# Our side: one source on one database.


@dataclass
class Lab:
    """A source, asked when the test says so."""

    database: Database
    source: Source
    settings: HttpSettings = SETTINGS

    async def round(self, now: datetime, **options: Any) -> Ingested:
        async with open_client(self.settings) as client:
            return await ingest(self.database, self.source, client, now=now, **options)

    def state(self, now: datetime) -> Freshness:
        """What the source is an hour after each batch is due, and at any other time."""
        with self.database.reading() as conn:
            return freshness(conn, [(self.source, EVERY)], now=now)[self.source.name]

    def papers(self) -> dict[str, Paper]:
        with self.database.reading() as conn:
            rows = store_papers.rows_since(conn)
            return {paper.id: paper for paper in store_papers.load(conn, rows)}

    def news(self) -> list[str]:
        """The ids of all papers that ever were news, in the order in which they became it."""
        told = [paper for paper in self.papers().values() if paper.arrival]
        return [paper.id for paper in sorted(told, key=lambda paper: paper.arrival or 0)]

    def health(self) -> store_sources.Health:
        with self.database.reading() as conn:
            (found,) = store_sources.health(conn)
            return found


def healthy(lab: Lab, now: datetime) -> bool:
    """Whether the newest batch is here and nothing at all is wrong."""
    state, health = lab.state(now), lab.health()
    assert (state.state, state.why, state.missing) == ("fresh", MEANING["fresh"], False)
    assert (health.failures, health.error, health.last_success_at) == (0, None, now)
    return True


FOUR = ("cs.AI", "cs.CL", "cs.CV", "cs.LG")


def batch(day: int, *categories: str, each: int = 2) -> list[dict[str, Any]]:
    """The papers announced on a day of November, so many in each category."""
    return [
        {"id": f"2611.{day:02}{FOUR.index(category):02}{n}", "title": f"{category} {day}/{n}",
         "categories": (category,)}
        for category in categories or ("cs.LG",)
        for n in range(each)
    ]  # fmt: skip


def ids(*papers: Mapping[str, Any]) -> list[str]:
    return [f"arxiv:{paper['id']}" for paper in papers]


def feed(papers: Iterable[Mapping[str, Any]], now: datetime) -> bytes:
    """The answer with these papers, dated as the feed of that day is."""
    return ok(atom(papers, day=f"{now:%Y-%m-%d}"))


OLD, NEW = batch(16), batch(17)


@pytest.fixture
def lab(database: Database, service: Service) -> Lab:
    return Lab(database, ArxivSource("arxiv", urls=(f"{service.base}/feed",)))


# Faults that make a source fail.


async def drip(writer: asyncio.StreamWriter) -> None:
    """Each byte comes in time, the whole never."""
    writer.write(raw(b"\r\n"))
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(raw(b"\r\n"))
    while not writer.is_closing():
        writer.write(b"x" * 10_000)
        await writer.drain()


_WHOLE = atom(NEW)
_BOMB = gzip.compress(bytes(5_000_000))
FAULTS: dict[str, tuple[Answer, str]] = {
    "too many requests": (said(429, "Retry-After: 3600"), "HTTP 429"),
    "unavailable": (said(503), "HTTP 503"),
    "gone": (said(410), "HTTP 410"),
    "slow drip": (drip, "no whole answer within 0.3 s"),
    "endless body": (endless, "larger than 0.2 MB"),
    "more promised than sent": (
        raw(b"Content-Length: 99999\r\n\r\n" + _WHOLE),
        "complete message body",
    ),
    "gzip bomb": (ok(_BOMB, "Content-Encoding: gzip"), "larger than 0.2 MB"),
    "redirect loop": (said(302, "Location: /feed"), "redirects"),
    "hangs up": (b"", "disconnected"),
    "login page": (ok(b"<!DOCTYPE html><html><title>Login</title></html>"), "HTML page"),
    "empty body": (ok(b""), "empty"),
    "cut off at once": (ok(_WHOLE[:150]), "no feed"),
    "cut off before the first entry": (ok(_WHOLE[: _WHOLE.index(b"<entry>")]), "broken"),
    "JSON": (ok(b'{"error": "no"}'), "the service answered: no"),
}


async def fails_and_heals(lab: Lab, service: Service, fault: Answer, words: str) -> None:
    """Play a good day, three rounds of a fault, and a good answer again."""
    service.play("/feed", feed(OLD, TUESDAY))
    await lab.round(TUESDAY)
    assert healthy(lab, TUESDAY)
    kept = lab.papers()
    service.play("/feed", fault)
    for failures in (1, 2, 3):
        now = WEDNESDAY + failures * timedelta(minutes=10)
        assert words in str((await lab.round(now)).failure)
        state = lab.state(now)
        assert state.state == ("failing" if failures == 3 else "quiet")
        assert words in state.why
        assert state.missing
    assert state.since == TUESDAY
    assert state.why.startswith("failed 3 times: http")
    assert lab.papers() == kept
    service.play("/feed", feed(OLD + NEW, WEDNESDAY))
    report = await lab.round(WEDNESDAY + EVERY)
    assert (report.failure, report.new) == (None, 2)
    assert healthy(lab, WEDNESDAY + EVERY)
    assert lab.news() == ids(*OLD, *NEW)


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_shown_loses_nothing_and_is_healed_by_the_next_good_answer(
    lab: Lab, service: Service, name: str
) -> None:
    if name == "slow drip":
        lab.settings = HttpSettings(timeout_seconds=0.3, pause_seconds=0)
    await fails_and_heals(lab, service, *FAULTS[name])


async def test_a_certificate_that_nobody_vouches_for_is_shown_and_healed_when_it_is_gone(
    lab: Lab, service: Service, tmp_path: Path
) -> None:
    async with serving(ssl=an_identity(tmp_path).server) as doubtful:
        doubtful.play("/feed", feed(NEW, WEDNESDAY))
        moved = said(301, f"Location: {doubtful.base}/feed")
        await fails_and_heals(lab, service, moved, "certificate")
    assert doubtful.asked == []


async def test_one_who_fails_twice_is_late_an_hour_after_the_new_batch_was_due(
    lab: Lab, service: Service
) -> None:
    service.play("/feed", feed(OLD, TUESDAY), said(503))
    await lab.round(TUESDAY)
    for now in (WEDNESDAY, WEDNESDAY + EVERY):
        await lab.round(now)
    state = lab.state(WEDNESDAY + EVERY)
    assert (state.state, state.since, state.missing) == ("late", TUESDAY, True)


async def test_one_that_never_answered_is_failing_from_the_first_time(
    lab: Lab, service: Service
) -> None:
    service.play("/feed", said(503))
    await lab.round(TUESDAY)
    state = lab.state(TUESDAY)
    assert (state.state, state.since) == ("failing", None)
    assert state.why.startswith("failed once: ")


async def test_a_source_of_two_feeds_keeps_what_the_good_one_gives_and_is_failing(
    database: Database, service: Service
) -> None:
    lab = Lab(database, FeedSource("journals", (f"{service.base}/bad", f"{service.base}/good")))
    service.play("/bad", said(500))
    service.play("/good", feed(NEW, TUESDAY))
    for n in (0, 1, 2):
        report = await lab.round(TUESDAY + n * EVERY)
    assert "HTTP 500" in str(report.failure)
    assert sorted(lab.papers()) == ids(*NEW)
    assert lab.state(TUESDAY + 3 * EVERY).state == "failing"
    service.play("/bad", feed(OLD, TUESDAY))
    await lab.round(TUESDAY + 4 * EVERY)
    assert healthy(lab, TUESDAY + 4 * EVERY)


# Faults that do no harm.


async def test_one_that_is_busy_for_a_moment_is_asked_again_in_the_same_round(
    lab: Lab, service: Service
) -> None:
    service.play("/feed", said(503), said(429, "Retry-After: 0"), feed(NEW, TUESDAY))
    assert (await lab.round(TUESDAY)).failure is None
    assert healthy(lab, TUESDAY)
    assert lab.news() == ids(*NEW)


async def test_an_unchanged_feed_is_fresh_until_a_new_batch_is_due_and_stale_after_it(
    lab: Lab, service: Service
) -> None:
    same = ok(atom(OLD), 'ETag: "1"')
    service.play("/feed", same, said(304))
    await lab.round(TUESDAY)
    assert (await lab.round(TUESDAY + EVERY)).failure is None
    assert lab.state(TUESDAY + EVERY).state == "fresh"
    await lab.round(WEDNESDAY)
    assert lab.state(WEDNESDAY).missing, "from the moment at which it is due"
    assert lab.state(WEDNESDAY).state != "stale", "but it has an hour"
    await lab.round(WEDNESDAY + EVERY)
    state = lab.state(WEDNESDAY + EVERY)
    assert (state.state, state.since, state.missing) == ("stale", TUESDAY, True)
    assert (lab.health().failures, sorted(lab.papers())) == (0, ids(*OLD))
    service.play("/feed", feed(NEW, WEDNESDAY))
    await lab.round(WEDNESDAY + 2 * EVERY)
    assert healthy(lab, WEDNESDAY + 2 * EVERY)


@pytest.mark.parametrize("cut", ["the document", "by a length that is too short"])
async def test_the_papers_before_a_cut_are_kept_and_the_rest_comes_with_the_next_answer(
    lab: Lab, service: Service, cut: str
) -> None:
    papers = batch(16, each=6)
    whole = atom(papers)
    short = whole[: len(whole) * 2 // 3]
    headers = f'ETag: "1"\r\nContent-Length: {len(short)}\r\n\r\n'.encode()
    service.play("/feed", raw(headers + (short if cut == "the document" else whole)))
    report = await lab.round(TUESDAY)
    assert report.failure is None
    assert "broken" in report.problems[0].reason
    assert 0 < len(lab.papers()) < 6
    service.play("/feed", ok(whole, 'ETag: "1"'))
    await lab.round(TUESDAY + EVERY)
    assert sorted(lab.papers()) == ids(*papers)
    assert lab.news() == list(dict.fromkeys(lab.news()))
    assert healthy(lab, TUESDAY + EVERY)


async def test_a_week_end_with_empty_feeds_is_quiet_and_not_late(
    lab: Lab, service: Service
) -> None:
    service.play("/feed", feed(NEW, FRIDAY))
    await lab.round(FRIDAY)
    service.play("/feed", feed([], SATURDAY))
    for now in (SATURDAY, SUNDAY, SUNDAY + 23 * EVERY):
        assert (await lab.round(now)).failure is None
        state = lab.state(now + EVERY / 2)
        assert (state.state, state.since, state.missing) == ("quiet", FRIDAY, False)
    assert state.next_due == MONDAY - timedelta(minutes=15)
    await lab.round(MONDAY + EVERY)
    assert lab.state(MONDAY + EVERY).state == "late", "Sunday evening's batch is not there"


async def test_yesterdays_papers_under_todays_date_are_stale(lab: Lab, service: Service) -> None:
    service.play("/feed", feed(OLD, TUESDAY))
    await lab.round(TUESDAY)
    service.play("/feed", feed(OLD, WEDNESDAY))
    for now in (WEDNESDAY, WEDNESDAY + EVERY):
        await lab.round(now)
    state = lab.state(WEDNESDAY + EVERY)
    assert (state.state, state.since, state.missing) == ("stale", TUESDAY, True)
    assert state.why == MEANING["stale"]
    assert lab.news() == ids(*OLD)


async def test_a_single_new_paper_among_yesterdays_is_not_the_new_batch(
    lab: Lab, service: Service
) -> None:
    yesterday = batch(16, each=6)
    service.play("/feed", feed(yesterday, TUESDAY))
    await lab.round(TUESDAY)
    service.play("/feed", feed([*yesterday, NEW[0]], WEDNESDAY))
    for now in (WEDNESDAY, WEDNESDAY + EVERY):
        await lab.round(now)
    assert lab.state(WEDNESDAY + EVERY).state == "stale"
    assert lab.news() == ids(*yesterday, NEW[0]), "it is kept all the same"


async def test_a_source_that_was_told_to_rest_is_not_asked_by_the_next_one_on_its_host(
    tmp_path: Path, service: Service
) -> None:
    service.play("/", said(503, "Retry-After: 3600"))
    sources = [
        {"name": name, "kind": "feed", "urls": [f"{service.base}/{name}"]} for name in ("a", "b")
    ]
    settings = Settings(
        database={"url": database_url(tmp_path, "app")}, source=sources, http={"pause_seconds": 0}
    )
    app = App(settings, clock=lambda: TUESDAY)
    first, second = await app.intake.ingest(app.intake.sources())
    states = app.intake.freshness(TUESDAY)
    app.close()
    assert "HTTP 503" in str(first.failure)
    assert "left alone for 60 more minutes" in str(second.failure)
    assert service.asked == ["/a"]
    assert [states[name].state for name in ("a", "b")] == ["failing", "failing"]


# Pages.


def page(papers: Sequence[Mapping[str, Any]], follow: str, *headers: str) -> bytes:
    return ok(atom(papers), f'Link: <{follow}>; rel="next"', *headers)


@dataclass(frozen=True)
class Paged(FeedSource):
    """A feed whose further pages are asked for."""

    def requests(self, *, now: datetime, since: datetime | None = None) -> list[Request]:
        return [Request(url, pages=True) for url in self.urls]


async def test_pages_are_followed_once_each_and_a_loop_of_them_ends(
    database: Database, service: Service
) -> None:
    lab = Lab(database, Paged("journal", (f"{service.base}/p1",)))
    papers = batch(16, each=3)
    service.play("/p1", page(papers[:1], "/p2"))
    service.play("/p2", page(papers[1:2], f"{service.base}/p3?a=1&b=2"))
    service.play("/p3", page(papers[2:], "/p1"))
    async with asyncio.timeout(20):
        assert (await lab.round(TUESDAY)).failure is None
    assert service.asked == ["/p1", "/p2", "/p3?a=1&b=2"]
    assert sorted(lab.papers()) == ids(*papers)
    await lab.round(TUESDAY)
    before = dump(database)
    await lab.round(TUESDAY)
    assert dump(database) == before


async def test_a_page_that_is_not_the_sources_to_follow_is_not_asked_for(
    lab: Lab, service: Service
) -> None:
    service.play("/feed", page(NEW, "/p2"))
    await lab.round(TUESDAY)
    assert service.asked == ["/feed"]


async def test_a_page_that_fails_loses_only_itself(database: Database, service: Service) -> None:
    lab = Lab(database, Paged("journal", (f"{service.base}/p1",)))
    service.play("/p1", page(OLD, "/p2"))
    service.play("/p2", said(500))
    assert "/p2: HTTP 500" in str((await lab.round(TUESDAY)).failure)
    assert sorted(lab.papers()) == ids(*OLD)
    service.play("/p2", feed(NEW, TUESDAY))
    await lab.round(TUESDAY + EVERY)
    assert sorted(lab.papers()) == ids(*OLD, *NEW)
    assert healthy(lab, TUESDAY + EVERY)


async def test_a_page_that_failed_is_asked_for_again_although_the_first_is_unchanged(
    database: Database, service: Service
) -> None:
    lab = Lab(database, Paged("journal", (f"{service.base}/p1",)))
    first = page(OLD, "/p2", 'ETag: "1"')
    service.play("/p1", lambda writer: writer.write(first if service.is_new else said(304)))
    service.play("/p2", said(500))
    await lab.round(TUESDAY)
    service.play("/p2", feed(NEW, TUESDAY))
    await lab.round(TUESDAY + EVERY)
    assert sorted(lab.papers()) == ids(*OLD, *NEW)


# arXiv's three routes.


@dataclass
class Arxiv:
    """What arXiv's services show: feeds by category, and the history of every paper."""

    service: Service
    feeds: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    announced: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    page_size: int = 100
    wrong: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.service.play("/feeds/", self.feed)
        self.up()

    def source(self, *categories: str) -> ArxivSource:
        base = self.service.base
        return ArxivSource(
            "arxiv", categories or FOUR,
            feeds_url=f"{base}/feeds/", oai_url=f"{base}/oai", api_url=f"{base}/api",
        )  # fmt: skip

    def announce(self, now: datetime, papers: Sequence[dict[str, Any]], *stale: str) -> None:
        """Announce papers; the feeds of `stale` categories go on with what they have."""
        self.announced += [(now, paper) for paper in papers]
        for category in FOUR:
            if category not in stale:
                self.feeds[category] = [p for p in papers if category in p["categories"]]

    def up(self) -> None:
        """Let OAI-PMH and the query API answer."""
        self.service.play("/oai", self.oai)
        self.service.play("/api", self.api)

    def feed(self, writer: asyncio.StreamWriter) -> None:
        categories = self.service.asked[-1].removeprefix("/feeds/").split("+")
        if set(categories) & set(self.wrong):
            writer.write(said(400))
            return
        papers = {p["id"]: p for c in categories for p in self.feeds.get(c, [])}
        writer.write(ok(atom(papers.values())))

    def _since(self, category: str, since: str) -> list[tuple[datetime, dict[str, Any]]]:
        return [
            (at, paper) for at, paper in self.announced
            if category in paper["categories"] and f"{at:%Y-%m-%d}" >= since
        ]  # fmt: skip

    def oai(self, writer: asyncio.StreamWriter) -> None:
        """ListRecords in arXivRaw, page by page: the token says what was asked and from where."""
        asked = {k: v[0] for k, v in parse_qs(urlsplit(self.service.asked[-1]).query).items()}
        token = asked.get("resumptionToken") or f"{asked['set']}|{asked['from']}|0"
        spec, since, start = token.split("|")
        found = self._since(".".join(spec.split(":")[1:]), since)
        end = int(start) + self.page_size
        records = "".join(raw_record(at, paper) for at, paper in found[int(start) : end])
        follow = f"{spec}|{since}|{end}" if end < len(found) else ""
        writer.write(ok(oai(records, follow, len(found))))

    def api(self, writer: asyncio.StreamWriter) -> None:
        """The query API: by ids, or what was submitted to a category."""
        asked = {k: v[0] for k, v in parse_qs(urlsplit(self.service.asked[-1]).query).items()}
        if wanted := asked.get("id_list"):
            known = wanted.split(",")
            found = [(at, paper) for at, paper in self.announced if paper["id"] in known]
        else:
            category = asked["search_query"].split()[0].removeprefix("cat:")
            found = self._since(category, "")
        writer.write(ok(query_answer(found)))


def raw_record(at: datetime, paper: Mapping[str, Any]) -> str:
    submitted = format_datetime(paper.get("submitted", at - timedelta(hours=36)), usegmt=True)
    return (
        f"<record><header><identifier>oai:arXiv.org:{paper['id']}</identifier>"
        f"<datestamp>{at:%Y-%m-%d}</datestamp></header><metadata>"
        '<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/">'
        f'<id>{paper["id"]}</id><version version="v1"><date>{submitted}</date></version>'
        f"<title>{escape(paper['title'])}</title><authors>Ada Lovelace</authors>"
        f"<categories>{' '.join(paper['categories'])}</categories>"
        f"<abstract>On it.</abstract></arXivRaw></metadata></record>"
    )


def oai(records: str, follow: str = "", total: int = 0) -> bytes:
    token = f'<resumptionToken completeListSize="{total}">{follow}</resumptionToken>'
    nothing = '<error code="noRecordsMatch">nothing</error>'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
        "<responseDate>2026-11-18T06:00:00Z</responseDate><request>http://x</request>"
        + (f"<ListRecords>{records}{token}</ListRecords>" if records else nothing)
        + "</OAI-PMH>"
    ).encode()


def query_answer(found: Sequence[tuple[datetime, Mapping[str, Any]]]) -> bytes:
    entries = ""
    for at, paper in found:
        written = f"{paper.get('submitted', at - timedelta(hours=36)):%Y-%m-%dT%H:%M:%SZ}"
        terms = "".join(f'<category term="{c}"/>' for c in paper["categories"])
        entries += (
            f"<entry><id>http://arxiv.org/abs/{paper['id']}v1</id><updated>{written}</updated>"
            f"<published>{written}</published><title>{escape(paper['title'])}</title>"
            f"<summary>On it.</summary><author><name>Ada Lovelace</name></author>{terms}</entry>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        '<title>ArXiv Query</title><id>http://arxiv.org/api/x</id>'
        '<opensearch:totalResults xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">'
        f"{len(found)}</opensearch:totalResults>{entries}</feed>"
    ).encode()  # fmt: skip


@pytest.fixture
def arxiv(service: Service) -> Arxiv:
    return Arxiv(service)


def reading_arxiv(database: Database, arxiv: Arxiv, *categories: str) -> Lab:
    return Lab(database, arxiv.source(*categories))


async def test_one_bad_category_among_four_costs_only_itself(
    database: Database, arxiv: Arxiv
) -> None:
    arxiv.wrong = ("cs.XX",)
    arxiv.announce(TUESDAY, batch(16, "cs.AI", "cs.CL", "cs.CV"))
    lab = reading_arxiv(database, arxiv, "cs.AI", "cs.CL", "cs.XX", "cs.CV")
    report = await lab.round(TUESDAY)
    assert report.failure is None
    assert sorted(lab.news()) == ids(*batch(16, "cs.AI", "cs.CL", "cs.CV"))
    assert report.problems[0].entry == "cs.XX"
    assert "HTTP 400" in report.problems[0].reason
    state = lab.state(TUESDAY)
    assert (state.state, state.missing) == ("fresh", False)
    assert "cs.XX" in state.why
    assert lab.health().failures == 0
    arxiv.wrong = ()
    await lab.round(TUESDAY + EVERY)
    assert lab.state(TUESDAY + EVERY).why == MEANING["fresh"]


async def test_a_source_of_nothing_but_bad_categories_is_failing(
    database: Database, arxiv: Arxiv
) -> None:
    arxiv.wrong = FOUR
    arxiv.service.play("/oai", oai_error("badArgument"))
    arxiv.service.play("/api", said(400))
    lab = reading_arxiv(database, arxiv)
    for n in (0, 1, 2):
        assert "HTTP 400" in str((await lab.round(TUESDAY + n * EVERY)).failure)
    state = lab.state(TUESDAY + 3 * EVERY)
    assert (state.state, state.since) == ("failing", None)
    assert "failed 3 times: " in state.why
    arxiv.wrong = ()
    arxiv.up()
    arxiv.announce(WEDNESDAY, batch(17, *FOUR))
    await lab.round(WEDNESDAY)
    assert healthy(lab, WEDNESDAY)


def oai_error(code: str) -> bytes:
    return ok(
        b'<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
        + f'<error code="{code}">it said so</error></OAI-PMH>'.encode()
    )


async def two_days(lab: Lab, arxiv: Arxiv, *stale: str) -> None:
    """A good Tuesday, and a Wednesday on which some feeds show Tuesday's papers again."""
    arxiv.announce(TUESDAY, batch(16, *FOUR))
    await lab.round(TUESDAY)
    assert healthy(lab, TUESDAY)
    arxiv.announce(WEDNESDAY - EVERY * 4, batch(17, *FOUR), *stale)


async def test_a_stale_category_is_made_up_for_by_oai_and_nothing_is_doubled_afterwards(
    database: Database, arxiv: Arxiv
) -> None:
    arxiv.page_size = 1
    lab = reading_arxiv(database, arxiv)
    await two_days(lab, arxiv, "cs.CL")
    report = await lab.round(WEDNESDAY)
    assert (report.failure, report.warning) == (None, None)
    assert sorted(lab.news()) == ids(*batch(16, *FOUR), *batch(17, *FOUR))
    assert any("resumptionToken" in one for one in arxiv.service.asked_for("/oai"))
    for now in (WEDNESDAY, WEDNESDAY + EVERY):
        assert lab.state(now).state == "fresh", "although the feed is stale"
        assert not lab.state(now).missing
    told = lab.news()
    arxiv.feeds["cs.CL"] = batch(17, "cs.CL")
    report = await lab.round(WEDNESDAY + 2 * EVERY)
    assert report.new == 0
    assert lab.news() == told
    assert lab.state(WEDNESDAY + 2 * EVERY).state == "fresh"


async def test_when_all_feeds_are_stale_oai_brings_the_batch(
    database: Database, arxiv: Arxiv
) -> None:
    lab = reading_arxiv(database, arxiv)
    await two_days(lab, arxiv, *FOUR)
    await lab.round(WEDNESDAY)
    assert sorted(lab.news()) == ids(*batch(16, *FOUR), *batch(17, *FOUR))
    assert healthy(lab, WEDNESDAY)


async def test_a_stale_category_that_oai_does_not_have_either_is_shown_by_name(
    database: Database, arxiv: Arxiv
) -> None:
    lab = reading_arxiv(database, arxiv)
    await two_days(lab, arxiv, "cs.CL")
    arxiv.announced = [(at, p) for at, p in arxiv.announced if p not in batch(17, "cs.CL")]
    for now in (WEDNESDAY, WEDNESDAY + EVERY):
        await lab.round(now)
    state = lab.state(WEDNESDAY + EVERY)
    assert (state.state, state.since, state.missing) == ("stale", TUESDAY, True)
    assert state.why == f"{MEANING['stale']}: cs.CL"


async def test_while_oai_is_down_the_query_api_is_asked(database: Database, arxiv: Arxiv) -> None:
    lab = reading_arxiv(database, arxiv)
    await two_days(lab, arxiv, *FOUR)
    arxiv.service.play("/oai", said(503))
    report = await lab.round(WEDNESDAY)
    assert (report.failure, report.warning) == (None, None)
    assert sorted(lab.news()) == ids(*batch(16, *FOUR), *batch(17, *FOUR))
    assert healthy(lab, WEDNESDAY)


async def test_with_both_down_there_is_a_warning_and_they_are_asked_again_later(
    database: Database, arxiv: Arxiv
) -> None:
    lab = reading_arxiv(database, arxiv)
    await two_days(lab, arxiv, "cs.CL")
    arxiv.service.play("/oai", said(503))
    arxiv.service.play("/api", said(503))
    for now in (WEDNESDAY, WEDNESDAY + EVERY):
        report = await lab.round(now)
        assert report.failure is None
        assert "HTTP 503" in str(report.warning)
    state = lab.state(WEDNESDAY + EVERY)
    assert (state.state, state.missing) == ("stale", True)
    assert lab.health().failures == 0
    arxiv.up()
    await lab.round(WEDNESDAY + 2 * EVERY)
    assert healthy(lab, WEDNESDAY + 2 * EVERY)
    assert sorted(lab.news()) == ids(*batch(16, *FOUR), *batch(17, *FOUR))


async def test_a_category_that_the_other_routes_refuse_is_asked_for_again_the_next_round(
    database: Database, arxiv: Arxiv
) -> None:
    lab = reading_arxiv(database, arxiv)
    await two_days(lab, arxiv, "cs.CL")
    arxiv.service.play("/oai", said(503))
    arxiv.service.play("/api", said(400))
    report = await lab.round(WEDNESDAY)
    assert report.failure is None
    assert report.warning
    arxiv.up()
    await lab.round(WEDNESDAY + EVERY)
    assert sorted(lab.news()) == ids(*batch(16, *FOUR), *batch(17, *FOUR))
    assert healthy(lab, WEDNESDAY + EVERY)


async def test_the_other_route_is_read_once_a_batch_and_a_stale_part_again_after_a_while(
    database: Database, arxiv: Arxiv
) -> None:
    lab = reading_arxiv(database, arxiv)
    await two_days(lab, arxiv, "cs.CL")
    arxiv.announced = [(at, p) for at, p in arxiv.announced if p not in batch(17, "cs.CL")]
    asked = []
    for now in (WEDNESDAY, WEDNESDAY + EVERY, WEDNESDAY + REPLAY_AGAIN):
        arxiv.service.asked.clear()
        await lab.round(now)
        asked.append([one.partition("set=")[2][:8] for one in arxiv.service.asked_for("/oai")])
    assert asked == [["cs:cs:AI", "cs:cs:CL", "cs:cs:CV", "cs:cs:LG"], [], ["cs:cs:CL"]]


async def test_after_three_days_of_downtime_everything_of_those_days_arrives(
    database: Database, arxiv: Arxiv
) -> None:
    lab = reading_arxiv(database, arxiv)
    arxiv.announce(TUESDAY, batch(16, *FOUR))
    await lab.round(TUESDAY)
    for n, now in enumerate((WEDNESDAY, THURSDAY, FRIDAY), 17):
        arxiv.announce(now - 4 * EVERY, batch(n, *FOUR))
    await lab.round(FRIDAY + EVERY)
    assert sorted(lab.news()) == ids(*(p for day in range(16, 20) for p in batch(day, *FOUR)))
    assert healthy(lab, FRIDAY + EVERY)


async def test_a_downtime_longer_than_the_usual_replay_is_made_up_for(
    database: Database, arxiv: Arxiv
) -> None:
    lab = reading_arxiv(database, arxiv, "cs.CL")
    await lab.round(TUESDAY - 20 * DAY)
    arxiv.announce(TUESDAY - 15 * DAY, batch(2, "cs.CL"))
    arxiv.announce(TUESDAY, batch(16, "cs.CL"))
    await lab.round(TUESDAY)
    assert sorted(lab.news()) == ids(*batch(2, "cs.CL"), *batch(16, "cs.CL"))


async def test_seven_days_replayed_twice_change_nothing(database: Database, arxiv: Arxiv) -> None:
    lab = reading_arxiv(database, arxiv)
    for n in range(7):
        arxiv.announce(TUESDAY + n * DAY, batch(10 + n, *FOUR))
    end = TUESDAY + 7 * DAY
    await lab.round(end, since=TUESDAY - DAY)
    assert len(lab.news()) == 7 * 8
    before = dump(database)
    for _ in range(2):
        report = await lab.round(end + EVERY, since=TUESDAY - DAY)
        assert (report.new, report.updated, report.merged) == (0, 0, 0)
        assert report.seen == 7 * 8
    assert dump(database) == before


async def test_a_back_fill_keeps_old_papers_on_their_day_tells_nobody_and_leaves_health_alone(
    database: Database, arxiv: Arxiv
) -> None:
    lab = reading_arxiv(database, arxiv)
    arxiv.announce(TUESDAY, batch(16, *FOUR))
    await lab.round(TUESDAY)
    told, health, state = lab.news(), lab.health(), lab.state(TUESDAY + EVERY)
    september = TUESDAY - 60 * DAY
    old = {"id": "2609.00001", "title": "Of old", "categories": ("cs.CL",), "submitted": september}
    arxiv.announced.append((september, old))
    now = TUESDAY + EVERY
    report = await lab.round(now, since=now - 90 * DAY, news_since=now - 7 * DAY)
    assert (report.failure, report.new) == (None, 1)
    assert lab.papers()["arxiv:2609.00001"].first_seen_at == september
    assert lab.news() == told
    assert (lab.health(), lab.state(now)) == (health, state)


async def test_a_back_fill_of_a_feed_that_has_not_changed_says_nothing_of_its_health(
    lab: Lab, service: Service
) -> None:
    service.play("/feed", ok(atom(OLD), 'ETag: "1"'), said(304))
    await lab.round(TUESDAY)
    before, now = dump(lab.database), WEDNESDAY + EVERY
    await lab.round(now, since=now - 30 * DAY, news_since=now - 7 * DAY)
    assert dump(lab.database) == before
    assert lab.state(now).state == "late", "nobody has asked for today's papers yet"


async def test_a_back_fill_that_fails_says_so_and_leaves_health_alone(
    database: Database, arxiv: Arxiv
) -> None:
    lab = reading_arxiv(database, arxiv)
    arxiv.announce(TUESDAY, batch(16, *FOUR))
    await lab.round(TUESDAY)
    health, state = lab.health(), lab.state(TUESDAY + EVERY)
    arxiv.service.play("/", said(503))
    for path in ("/oai", "/api"):
        arxiv.service.play(path, said(503))
    report = await lab.round(TUESDAY + EVERY, since=TUESDAY - 90 * DAY)
    assert "HTTP 503" in str(report.failure)
    assert (lab.health(), lab.state(TUESDAY + EVERY)) == (health, state)


# Hugging Face.


async def test_a_paper_that_hugging_face_showed_first_gets_its_categories_and_is_no_news_again(
    database: Database, arxiv: Arxiv
) -> None:
    (paper,) = batch(16, "cs.CL", each=1)
    arxiv.service.play("/daily", ok(daily_papers([{"id": paper["id"], "title": "cs.CL 16/0"}])))
    trending = Lab(database, HuggingFaceSource("daily", (f"{arxiv.service.base}/daily",)))
    await trending.round(TUESDAY)
    first = trending.papers()[f"arxiv:{paper['id']}"]
    assert first.categories == ()
    arxiv.announced.append((TUESDAY - 10 * DAY, paper | {"submitted": TUESDAY - 10 * DAY}))
    lab = reading_arxiv(database, arxiv, "cs.AI")  # no feed of ours shows it
    await lab.round(TUESDAY + EVERY)
    second = lab.papers()[f"arxiv:{paper['id']}"]
    assert second.categories == ("cs.CL",)
    assert (second.arrival, second.first_seen_at) == (first.arrival, first.first_seen_at)
    looked_up = [one for one in arxiv.service.asked_for("/api") if "id_list" in one]
    assert len(looked_up) == 1
    assert paper["id"] in looked_up[0]
    await lab.round(TUESDAY + 2 * EVERY)
    assert [one for one in arxiv.service.asked_for("/api") if "id_list" in one] == looked_up


async def test_a_lookup_that_fails_is_a_warning_and_is_not_tried_for_ever(
    database: Database, arxiv: Arxiv
) -> None:
    arxiv.service.play("/daily", ok(daily_papers([{"id": "2611.00001", "title": "x"}])))
    arxiv.service.play("/api", said(503))
    await Lab(database, HuggingFaceSource("daily", (f"{arxiv.service.base}/daily",))).round(TUESDAY)
    lab = reading_arxiv(database, arxiv, "cs.AI")
    report = await lab.round(TUESDAY + EVERY)
    assert report.failure is None
    assert "HTTP 503" in str(report.warning)
    arxiv.service.asked.clear()
    await lab.round(TUESDAY + LOOKED_UP_FOR + EVERY)
    assert arxiv.service.asked_for("/api") == []


async def test_a_daily_list_that_grows_is_read_whole_and_a_broken_day_costs_itself(
    database: Database, service: Service
) -> None:
    lab = Lab(database, HuggingFaceSource("daily", (f"{service.base}/daily",)))
    noon = TUESDAY + 9 * EVERY
    service.play("/daily", ok(b"[]"))
    today, yesterday = (f"/daily?date={day:%Y-%m-%d}" for day in (noon, noon - DAY))
    grown = [{"id": f"2611.0000{n}", "title": "x"} for n in (1, 2)]
    service.play(today, ok(daily_papers(grown[:1])))
    service.play(yesterday, said(500))
    assert "HTTP 500" in str((await lab.round(noon)).failure)
    assert sorted(lab.papers()) == ["arxiv:2611.00001"]
    service.play(yesterday, ok(b"[]"))
    service.play(today, ok(daily_papers(grown)))
    await lab.round(noon + EVERY)
    assert sorted(lab.papers()) == ["arxiv:2611.00001", "arxiv:2611.00002"]
    assert healthy(lab, noon + EVERY)


async def test_a_host_that_cannot_be_reached_holds_a_round_up_once(
    database: Database, service: Service
) -> None:
    service.play("/daily", lambda writer: None)  # hangs up without a word
    lab = Lab(database, HuggingFaceSource("daily", (f"{service.base}/daily",)))
    report = await lab.round(TUESDAY)
    assert "Server disconnected" in (report.failure or ""), "the first failure says why"
    assert len(service.asked) == http.ATTEMPTS
    service.play("/daily", ok(daily_papers([])))
    assert (await lab.round(TUESDAY + EVERY)).failure is None


async def test_a_history_that_is_cut_off_is_read_again_the_next_round(
    database: Database, arxiv: Arxiv
) -> None:
    lab = reading_arxiv(database, arxiv, "cs.CL")
    await two_days(lab, arxiv, "cs.CL")

    def cut_off(writer: asyncio.StreamWriter) -> None:
        records = "".join(raw_record(WEDNESDAY, paper) for paper in batch(17, "cs.CL"))
        writer.write(ok(oai(records, "", 2)[:-200]))

    arxiv.service.play("/oai", cut_off)
    report = await lab.round(WEDNESDAY)
    assert any(problem.entry == "-" for problem in report.problems)
    assert len(lab.news()) < 4
    arxiv.up()
    await lab.round(WEDNESDAY + EVERY)
    assert sorted(lab.news()) == ids(*batch(16, "cs.CL"), *batch(17, "cs.CL"))


# One of several processes asks.


@pytest.mark.parametrize("allowed", range(5))
async def test_one_that_may_no_longer_ask_asks_and_keeps_nothing_more(
    lab: Lab, service: Service, allowed: int
) -> None:
    lab.source = ArxivSource("arxiv", urls=(f"{service.base}/feed/1", f"{service.base}/feed/2"))
    service.play("/feed/1", feed(OLD, TUESDAY))
    service.play("/feed/2", feed(NEW, TUESDAY))
    left, over = [allowed], asyncio.Event()

    async def ready() -> None:
        left[0] -= 1
        if left[0] < 0:
            over.set()
            await asyncio.Event().wait()

    asking = asyncio.ensure_future(lab.round(TUESDAY, ready=ready))
    await asyncio.wait_for(over.wait(), 10)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    # Before each question, and before what was answered is kept; at last before how it went is.
    assert len(service.asked) == (allowed + 1) // 2
    assert len(lab.papers()) == allowed // 2 * 2
    with lab.database.reading() as conn:
        assert [one.last_success_at for one in store_sources.health(conn)] in ([], [None])
